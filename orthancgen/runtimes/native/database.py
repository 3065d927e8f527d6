"""The database's one account: made, or given its new password.

SecantusDB checks passwords only when it is started with ``--auth``, and then nobody may create the first user. So it is
started once without, on a port of the loopback that nobody has, for the second that this takes: at the first
start, when there are no records yet, and when its password is rotated.
"""

from __future__ import annotations

import secrets
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, BinaryIO, Final

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from orthancgen.errors import StartError
from orthancgen.plan.addresses import LOOPBACK
from orthancgen.render.backend_json import DATABASE_USER
from orthancgen.runtimes.interrupts import held
from orthancgen.runtimes.native import orphans
from orthancgen.runtimes.native.environ import inherited
from orthancgen.runtimes.native.logs import tail
from orthancgen.runtimes.state import State
from orthancgen.secrets.value import SecretValue

_START_SECONDS: Final = 30
_STOP_SECONDS: Final = 30
_PORTS: Final = range(27_000, 32_768)


def ensure_account(program: Path, state: State, database: str, password: SecretValue) -> None:
    """Create the backend's account, or set its password; the database must not run.

    Raises:
        StartError: the database does not start on its storage; with the last lines of its log.
        OSError: as the file system says.
    """
    port = _free_port()
    log = state.logs / "database.log"
    storage = state.data / "database"
    command = [
        str(program),
        "--host",
        LOOPBACK,
        "--port",
        str(port),
        "--storage-path",
        str(storage),
        "--log-level",
        "WARNING",
    ]
    with log.open("ab") as output, held():
        process = _start(command, output, state)
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(
            LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=1000, connectTimeoutMS=1000
        )
        with client:
            _wait(client, process)
            roles = [{"role": "readWrite", "db": database}]
            try:
                client[database].command("createUser", DATABASE_USER, pwd=password.reveal(), roles=roles)
            except OperationFailure:  # it exists
                client[database].command("updateUser", DATABASE_USER, pwd=password.reveal(), roles=roles)
    except PyMongoError as error:
        raise StartError(
            f"the database did not take its account: {type(error).__name__}\n{tail(log, 12, {'password': password})}",
            hint=f"the whole log: {log}",
        ) from None
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(command: list[str], output: BinaryIO, state: State) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=inherited() | {orphans.MARK: str(state.socket)},
            umask=0o077,
            start_new_session=True,
        )
    except OSError as error:
        raise StartError(
            f"cannot start {command[0]}: {error.strerror}",
            hint="may this user run it, and the Python on its first line?",
        ) from None


def _wait(client: MongoClient[dict[str, Any]], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            client.admin.command("ping")
        except PyMongoError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _free_port() -> int:
    """None of those that the kernel gives to callers (ip_local_port_range): one could have it a moment later."""
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        return port
