"""Whom Orthanc runs as.

Started by root, it runs as the user of Debian's package, as Orthanc's book wants it
(https://orthanc.uclouvain.be/book/faq/security.html); started by anybody else, as that user.

util-linux's ``setpriv`` changes the user in place, so that the process id is Orthanc's own. It keeps one capability:
hospitals use DICOM's well-known port 104, which lies below 1024.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.state import State

USER: Final = "orthanc"
SECRET_FILE: Final = "orthanc/orthanc.secret.json"  # noqa: S105
"""The second file of Orthanc's configuration, in the folder of the configuration."""
_CAPABILITY: Final = "net_bind_service"
_CAPABILITY_BIT: Final = 10  # capabilities(7)


@dataclass(frozen=True, slots=True)
class Account:
    """An account of this machine, and the command that turns into it."""

    name: str
    uid: int
    gid: int
    setpriv: str

    @property
    def command(self) -> tuple[str, ...]:
        """What stands before a command, so that it runs as this account."""
        kept = (
            f"--bounding-set=-all,+{_CAPABILITY}",
            f"--inh-caps=-all,+{_CAPABILITY}",
            f"--ambient-caps=-all,+{_CAPABILITY}",
        )
        return (
            self.setpriv, f"--reuid={self.uid}", f"--regid={self.gid}", "--init-groups", "--no-new-privs",
            *(kept if _can_bind_low_ports() else ()), "--",
        )  # fmt: skip

    def may(self, test: str, path: Path) -> bool:
        """Whether the account passes ``test -r``, ``-w`` or ``-x``: the system knows ACLs and mounts."""
        command = [*self.command, "test", f"-{test}", str(path)]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0


def _can_bind_low_ports() -> bool:
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    bounding = next((line.split()[1] for line in status.splitlines() if line.startswith("CapBnd:")), "0")
    return bool(int(bounding, 16) >> _CAPABILITY_BIT & 1)


def find_account(state: State) -> tuple[Account | None, str | None]:
    """The account that Orthanc runs as, or None for the caller's own; and, where root's it is, why."""
    if os.geteuid() != 0:
        return None, None
    setpriv = shutil.which("setpriv", path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/bin", "/bin")))
    if setpriv is None:
        return None, "there is no setpriv (apt-get install util-linux)"
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        return None, f"there is no user {USER} (apt-get install orthanc)"
    account = Account(entry.pw_name, entry.pw_uid, entry.pw_gid, setpriv)
    above = state.root.parent
    if not account.may("x", above):
        return None, f"the user {USER} cannot enter {_first_closed(account, above)}"
    return account, None


def _first_closed(account: Account, folder: Path) -> Path:
    return next((one for one in (*reversed(folder.parents), folder) if not account.may("x", one)), folder)


def check_storage(plan: Plan, account: Account | None) -> None:
    """Make sure that the account may write the storage folders that the environment names; a missing one is made.

    Raises:
        DeployError: one of them is another's.
    """
    if account is None:
        return
    storage = plan.site.orthanc.storage
    for key, path in (("path", storage.path), ("index_path", storage.index_path)):
        if path is None:
            continue
        folder = Path(path)
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700)
            os.chown(folder, account.uid, account.gid)
        if not (account.may("w", folder) and account.may("x", folder)):
            raise DeployError(
                f"orthanc.storage.{key}: the user {account.name}, as whom Orthanc runs, may not write {folder}",
                hint=f"chown -R {account.name}: {folder}, and let it enter the folders above",
            )


def protect(state: State, account: Account | None, secrets_of_orthanc: Iterable[str]) -> None:
    """Set owner and mode of everything that holds a secret or an image: the owner alone, and Orthanc what it reads.

    Raises:
        OSError: as the file system says.
    """
    for folder in (state.root, state.config, state.secrets, state.data):
        _own(folder, 0o710 if account else 0o700, gid=account.gid if account else None)
    _own(state.config / "orthanc", 0o750 if account else 0o700, gid=account.gid if account else None)
    for file in (state.config / SECRET_FILE, *(state.secrets / name for name in secrets_of_orthanc)):
        _own(file, 0o600, uid=account.uid if account else None, gid=account.gid if account else None)
    images = state.data / "orthanc"
    images.mkdir(mode=0o700, exist_ok=True)
    if account and images.stat().st_uid != account.uid:
        for path in _everything_below(images):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
        os.chown(images, account.uid, account.gid)  # the last one: a run that ends in between begins anew


def _own(path: Path, mode: int, *, uid: int | None = None, gid: int | None = None) -> None:
    if not path.exists():
        return
    if os.geteuid() == 0:
        os.chown(path, 0 if uid is None else uid, 0 if gid is None else gid)
    path.chmod(mode)


def _everything_below(folder: Path) -> Iterator[str]:
    for place, folders, files in os.walk(folder):
        yield from (os.path.join(place, name) for name in (*folders, *files))  # noqa: PTH118
