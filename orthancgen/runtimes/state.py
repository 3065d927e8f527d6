"""The state folder of an environment: configuration in use, secrets, data, logs. It lies outside any repository."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from orthancgen.errors import DeployError

VARIABLE = "ORTHANCGEN_STATE"


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
        """Process ids, socket, fingerprints; with containers, what each service reads."""
        return self.root / "run"

    @property
    def authorities(self) -> Path:
        """The site's own certificate authorities."""
        return self.root / "ca"

    @property
    def withheld(self) -> Path:
        """What no service may see: the last good state while a deploy runs, secrets that wait for the next one."""
        return self.root / "withheld"

    @property
    def key(self) -> Path:
        """The key by which contents and secrets are told apart without being told."""
        return self.root / "key"

    @property
    def lock(self) -> Path:
        """Who changes something now."""
        return self.root / "lock.json"

    @property
    def journal(self) -> Path:
        """There while something is being changed."""
        return self.root / "journal.json"

    @property
    def audit_log(self) -> Path:
        """What was done, by whom."""
        return self.root / "audit.jsonl"

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


def cannot_use(state: State, error: OSError) -> DeployError:
    """The error for a state folder that the file system refuses: which file, why, and the remedy."""
    # copytree's own error is a list of (source, target, reason).
    reason = error.args[0][0][2] if isinstance(error, shutil.Error) else error.strerror or type(error).__name__
    place = f" ({error.filename})" if error.filename and str(error.filename) != str(state.root) else ""
    return DeployError(
        f"cannot use the state folder {state.root}: {reason}{place}",
        hint="make room, or name a folder that you may write, with --state",
    )


def remove_folder(state: State) -> list[str]:
    """Remove a state folder with everything in it; its path, or nothing where there was none.

    Raises:
        DeployError: the file system refuses.
    """
    if not state.root.exists():
        return []
    try:
        shutil.rmtree(state.root)
    except OSError as error:
        raise cannot_use(state, error) from None
    return [str(state.root)]
