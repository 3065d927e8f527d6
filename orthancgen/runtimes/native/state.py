"""The state folder of an environment: configuration in use, secrets, data, logs. It lies outside any repository."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orthancgen.errors import DeployError, LockedError

VARIABLE = "ORTHANCGEN_STATE"
# sun_path of unix(7) has 108 bytes with the closing zero; supervisor binds a temporary name 11 bytes longer.
LONGEST_SOCKET_PATH = 96


@dataclass(frozen=True, slots=True)
class State:
    """The folders of one environment on this machine."""

    root: Path

    @property
    def config(self) -> Path:
        """The bundle in use, and the secret file beside it."""
        return self.root / "config"

    @property
    def secrets(self) -> Path:
        """One file a secret."""
        return self.root / "secrets"

    @property
    def data(self) -> Path:
        """What the services keep."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """One log a service."""
        return self.root / "log"

    @property
    def run(self) -> Path:
        """Process ids, socket, fingerprints."""
        return self.root / "run"

    @property
    def apps(self) -> Path:
        """Built applications, shared by the environments of this machine."""
        return self.root.parent / "apps"

    @property
    def socket(self) -> Path:
        """The supervisor's socket."""
        return self.run / "supervisor.sock"


def state_of(environment: str, root: Path | None = None) -> State:
    """The state folder of an environment.

    Args:
        environment: its name.
        root: folder of all states; without it ``$ORTHANCGEN_STATE``, else ``/var/lib/orthancgen`` for root and
            ``$XDG_STATE_HOME/orthancgen`` for others.
    """
    if root is None and os.environ.get(VARIABLE):
        root = Path(os.environ[VARIABLE])
    if root is None and os.geteuid() == 0:
        root = Path("/var/lib/orthancgen")
    if root is None:
        root = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "orthancgen"
    return State(root.absolute() / environment)


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
        for folder in (state.root, state.config, state.secrets, state.data, state.logs, state.run):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (owner := state.root.stat().st_uid) != os.geteuid():
            raise DeployError(
                f"the state folder {state.root} belongs to another user (uid {owner})",
                hint="run as that user, or name another folder with --state",
            )
        state.apps.mkdir(exist_ok=True)
        for folder in (state.logs, state.run):
            folder.chmod(0o700)
        (state.data / "database").mkdir(exist_ok=True, mode=0o700)
        probe = state.run / ".writable"
        try:
            probe.write_bytes(b"x" * 4096)
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise cannot_use(state, error) from None


def cannot_use(state: State, error: OSError) -> DeployError:
    """The error for a state folder that the file system refuses: which file, why, and the remedy."""
    # copytree's own error is a list of (source, target, reason).
    reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror or type(error).__name__
    place = f" ({error.filename})" if error.filename and str(error.filename) != str(state.root) else ""
    return DeployError(
        f"cannot use the state folder {state.root}: {reason}{place}",
        hint="make room, or name a folder that you may write, with --state",
    )


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
