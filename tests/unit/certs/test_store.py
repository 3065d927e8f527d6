"""The folder of the authorities is private, made once, and told with a remedy where it is damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orthancgen.certs.clients import issue_client
from orthancgen.certs.generate import authorities
from orthancgen.certs.store import AuthorityStore
from orthancgen.errors import DeployError
from orthancgen.secrets.store import SecretStore, gather
from tests.support.issued import placed, plan_of


def test_files_are_private(store: SecretStore) -> None:
    placed(plan_of(), store)
    issue_client(plan_of(), authorities(plan_of(), store), "ct1")
    folder = store.authorities
    assert {path.stat().st_mode & 0o777 for path in (folder, folder / "clients")} == {0o700}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    assert {path.name for path in files} == {"dicom.pem", "https.pem", "index.json", "ct1.pem"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def damage(folder: Path, kind: str) -> None:
    path = folder / ("index.json" if kind == "index" else "dicom.pem")
    if kind == "gone":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "half":
        path.write_bytes(path.read_bytes()[:-200])
    elif kind == "binary":
        path.write_bytes(b"\xff\x00" * 400)
    elif kind == "others key":
        text = path.read_text()
        other = (folder / "https.pem").read_text()
        path.write_text(text[: text.index("-----BEGIN PRIVATE")] + other[other.index("-----BEGIN PRIVATE") :])
    else:
        path.write_text('{"issued": [{"serial": 1}]}')


def use(store: SecretStore) -> None:
    gather(plan_of(), store, {})
    issue_client(plan_of(), authorities(plan_of(), store), "ct1")


@pytest.mark.parametrize("kind", ["gone", "empty", "half", "binary", "others key", "index"])
def test_a_damaged_folder_is_told_with_the_remedy(store: SecretStore, kind: str) -> None:
    placed(plan_of(), store)
    damage(store.authorities, kind)
    before = {path: path.read_bytes() for path in store.authorities.rglob("*") if path.is_file()}
    with pytest.raises(DeployError) as caught:
        use(store)
    assert caught.value.hint
    assert "restore" in caught.value.hint
    assert str(store.authorities) in caught.value.message
    assert {path: path.read_bytes() for path in store.authorities.rglob("*") if path.is_file()} == before


def test_two_processes_make_one_authority(tmp_path: Path) -> None:
    code = (
        "import sys, datetime\nfrom pathlib import Path\nfrom orthancgen.certs.store import AuthorityStore\n"
        "own = AuthorityStore(Path(sys.argv[1]), 'x', None, 'rsa_3072')\n"
        "with own.locked():\n    print(own.ensure('dicom', datetime.datetime.now(datetime.UTC)).pem)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "ca")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=240)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    assert sorted(path.name for path in (tmp_path / "ca").iterdir()) == [".lock", "dicom.pem"]


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("a file")
    own = AuthorityStore(tmp_path / "ca", "x", None, "ecdsa_p256")
    with pytest.raises(DeployError, match="cannot use the folder of the authorities"), own.locked():
        pass
