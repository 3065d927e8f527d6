"""The state folder as the native runtime uses it: its folders are made, and held by one run at a time."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from orthancgen.errors import DeployError, LockedError
from orthancgen.runtimes.state import State, cannot_use

# sun_path of unix(7) has 108 bytes with the closing zero; supervisor binds a temporary name 11 bytes longer.
LONGEST_SOCKET_PATH = 96


def prepare(state: State) -> None:
    """Create the folders, readable by their owner alone.

    Raises:
        DeployError: they cannot be created, or their path cannot be used.
    """
    if len(os.fsencode(state.socket)) > LONGEST_SOCKET_PATH:
        raise DeployError(
            f"the path of the state folder is too long: {state.root}", hint="name a shorter one with --state"
        )
    if any(character in str(state.root) for character in "\"'\\%;\n") or not str(state.root).isprintable():
        raise DeployError(
            f"the path of the state folder has quotes, %, ; or a backslash in it: {str(state.root)!r}",
            hint="name another one with --state",
        )
    try:
        # A unit of systemd hides what is there when it starts: so are folders that only a later run puts something in.
        hidden = (state.withheld, state.authorities)
        for folder in (state.root, state.config, state.secrets, *hidden, state.data, state.logs, state.run):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (owner := state.root.stat().st_uid) != os.geteuid():
            raise DeployError(
                f"the state folder {state.root} belongs to another user (uid {owner})",
                hint="run as that user, or name another folder with --state",
            )
        state.apps.mkdir(exist_ok=True)
        for folder in (state.logs, state.run, state.withheld):
            folder.chmod(0o700)
        (state.data / "database").mkdir(exist_ok=True, mode=0o700)
        probe = state.run / ".writable"
        try:
            probe.write_bytes(b"x" * 4096)
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_use(state, error) from None


@contextmanager
def locked(state: State) -> Iterator[None]:
    """Hold the environment: one deploy at a time. The lock ends with the process, however that ends.

    Raises:
        LockedError: another process holds it.
        OSError: as the file system says.
    """
    with (state.root / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise LockedError(
                f"another run holds this environment: {_owner(file.read())}", hint="wait for it to end, or end it"
            ) from None
        file.truncate(0)
        json.dump({"pid": os.getpid(), "host": socket.gethostname()}, file)
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _owner(text: str) -> str:
    try:
        owner = json.loads(text)
        return f"process {owner['pid']} on {owner['host']}"
    except (ValueError, KeyError, TypeError):
        return "its owner is not known"
