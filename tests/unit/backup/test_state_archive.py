"""The state folder in a backup: what goes in comes back, and nothing else gets out of it."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest

from orthancgen.backup.state_archive import is_empty, pack, unpack
from orthancgen.errors import BackupError
from orthancgen.runtimes.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    """One environment that was deployed."""
    root = tmp_path / "one"
    for name in ("secrets/orthanc_password", "certs/ca.key", "releases/0001/bundle/a", "audit.jsonl", "current.json"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(name)
        path.chmod(0o600)
    for name in ("lock.json", "journal.json", "run/orthanc/x/y", "backup/opened_with"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("of a moment")
    (root / "link").symlink_to("/etc/passwd")
    return State(root)


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_what_is_kept_comes_back_with_its_modes(state: State, tmp_path: Path) -> None:
    other = State(tmp_path / "two" / "one")
    assert is_empty(other, [])
    assert unpack(pack(state), other) == 5
    moment = {"lock.json", "journal.json", "run/orthanc/x/y", "backup/opened_with", "link"}
    assert files(other.root) == {name: text for name, text in files(state.root).items() if name not in moment}
    assert {stat.S_IMODE(path.stat().st_mode) for path in other.root.rglob("*") if path.is_file()} == {0o600}
    assert not is_empty(other, [])
    assert pack(other) == pack(state)


def test_what_is_there_stays(state: State, tmp_path: Path) -> None:
    other = State(tmp_path / "two")
    other.secrets.mkdir(parents=True)
    (other.secrets / "backup_password").write_text("given")
    assert is_empty(other, ["backup_password"])
    assert not is_empty(other, [])
    (other.secrets / "orthanc_password").write_text("newer")
    assert unpack(pack(state), other) == 4
    assert (other.secrets / "orthanc_password").read_text() == "newer"


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "a/../../outside"])
def test_nothing_is_written_outside(name: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="odd"):
        unpack(archive(name), State(tmp_path / "in" / "side"))
    assert not list(tmp_path.rglob("outside"))


def test_no_link_is_made(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="odd"):
        unpack(archive("link", tarfile.SYMTYPE), State(tmp_path / "side"))


def test_a_damaged_archive_is_said(state: State, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="damaged"):
        unpack(b"not a tar at all" * 100, State(tmp_path / "side"))
    with pytest.raises(BackupError, match="damaged"):
        unpack(pack(state)[:700], State(tmp_path / "other"))


def archive(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as made:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc/passwd"
        made.addfile(entry, io.BytesIO(b""))
    return target.getvalue()
