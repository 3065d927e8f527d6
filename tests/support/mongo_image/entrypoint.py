#!/usr/bin/python3
"""What the entrypoint of the image ``mongo`` does, for SecantusDB.

The root user is made only where /data/db is empty, from MONGO_INITDB_ROOT_USERNAME and MONGO_INITDB_ROOT_PASSWORD or
their ``_FILE`` forms, and from then on every client must log in. https://hub.docker.com/_/mongo
"""

# ruff: noqa: T201

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DATA = Path("/data/db")
CREATED = DATA / "WiredTiger"
FLAGS_WITHOUT_EFFECT = ("--bind_ip_all", "--quiet")


def fail(message: str) -> int:
    """Say why, and fail."""
    print(f"error: {message}", file=sys.stderr)
    return 1


def setting(name: str) -> str:
    """An environment variable, or the content of the file that ``NAME_FILE`` names; both is an error."""
    path = os.environ.get(f"{name}_FILE", "")
    if path and os.environ.get(name):
        raise SystemExit(fail(f"{name} and {name}_FILE are set (but are exclusive)"))
    if path:
        return Path(path).read_text(encoding="utf-8").rstrip("\n")  # as bash's "$(< FILE)"
    return os.environ.get(name, "")


def server(port: int, host: str, *more: str) -> list[str]:
    """The command line of the database."""
    cache = os.environ.get("SECANTUS_CACHE_SIZE", "64M")
    return [
        sys.executable, "-m", "secantus", "--standalone", "--host", host, "--port", str(port),
        "--storage-path", str(DATA), "--sync-on-commit", "--cache-size", cache, *more,
    ]  # fmt: skip


def create_root(user: str, password: str) -> None:
    """Start the database without logins on a port of the loopback, make the root user, end it."""
    import pymongo
    from pymongo.errors import PyMongoError

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(server(port, "127.0.0.1", "--log-level", "WARNING"))
    try:
        client: Any = pymongo.MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500)
        with client:
            deadline = time.monotonic() + 60
            while True:
                try:
                    client.admin.command("ping")
                    break
                except PyMongoError:
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise
            client.admin.command("createUser", user, pwd=password, roles=[{"role": "root", "db": "admin"}])
    finally:
        process.terminate()
        process.wait()


def options(arguments: list[str]) -> tuple[int, bool]:
    """The port and whether logins are asked for, from options of mongod; those without an effect here are accepted."""
    port, auth = 27017, False
    rest = iter(arguments)
    for argument in rest:
        name, _, value = argument.partition("=")
        if name == "--port":
            port = int(value or next(rest, ""))
        elif name == "--auth":
            auth = True
        elif name not in FLAGS_WITHOUT_EFFECT:
            raise SystemExit(fail(f"unrecognised option '{name}'"))
    return port, auth


def main(arguments: list[str]) -> int:
    """Become the user of the database, make its root user where there is no data yet, then become the database."""
    if not arguments or arguments[0].startswith("-"):
        arguments = ["mongod", *arguments]
    if arguments[0] != "mongod":
        os.execvp(arguments[0], arguments)
    port, auth = options(arguments[1:])
    if os.getuid() == 0:
        os.chown(DATA, 999, 999)
        os.setgroups([])
        os.setgid(999)
        os.setuid(999)
        os.environ["HOME"] = str(DATA)
    user, password = setting("MONGO_INITDB_ROOT_USERNAME"), setting("MONGO_INITDB_ROOT_PASSWORD")
    if bool(user) != bool(password):
        return fail("missing 'MONGO_INITDB_ROOT_USERNAME' or 'MONGO_INITDB_ROOT_PASSWORD'; both must be specified")
    if user and not CREATED.exists():
        create_root(user, password)
    command = server(port, "0.0.0.0", *(["--auth"] if user or auth else []))
    environment = {key: text for key, text in os.environ.items() if not key.startswith("MONGO_INITDB_")}
    sys.stdout.flush()
    os.execve(command[0], command, environment)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
