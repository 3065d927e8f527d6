"""Which backup is meant, and what is read from a manifest."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orthancgen.backup.repository import Snapshot
from orthancgen.backup.sets import FORMAT, BackupSet, Manifest, choose, tags
from orthancgen.errors import BackupError, InputError

MANIFEST = Manifest(FORMAT, "prod", "run", "2026-01-01T00:00:00Z", "0", "1.13.0", {}, {}, {"instances": 7}, "digest")


def backup(number: int, *, complete: bool = True) -> BackupSet:
    kinds = ["orthanc", "state", *(["manifest"] if complete else [])]
    time = f"2026-01-0{number}T00:00:00Z"
    snapshots = {
        kind: Snapshot(f"{number}{kind}".ljust(64, "0"), time, tuple(tags("prod", f"run{number}", kind, instances=7)))
        for kind in kinds
    }
    return BackupSet(f"run{number}", time, snapshots)


SETS = [backup(1), backup(2), backup(3, complete=False)]


def test_the_newest_complete_one() -> None:
    assert choose(SETS, None) == SETS[1]
    assert SETS[1].instances == 7
    assert SETS[2].instances is None


@pytest.mark.parametrize("name", ["run1", "1orthanc0", "1manifest00"])
def test_one_that_is_named(name: str) -> None:
    assert choose(SETS, name) == SETS[0]


@pytest.mark.parametrize("name", ["run9", "1", "", "run"])
def test_one_that_is_not_there(name: str) -> None:
    with pytest.raises(InputError, match="there is no backup"):
        choose(SETS, name)


def test_one_that_was_cut_off() -> None:
    with pytest.raises(InputError, match="cut off"):
        choose(SETS, "run3")
    with pytest.raises(BackupError, match="no complete backup"):
        choose(SETS[2:], None)


def test_the_manifest_comes_back_as_it_was() -> None:
    assert Manifest.from_json(MANIFEST.to_json()) == MANIFEST
    assert MANIFEST.instances == 7


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"format": 1}', b'{"format": 1, "other": 2}', b"\xff"])
def test_something_else_is_no_manifest(content: bytes) -> None:
    with pytest.raises(BackupError, match="cannot be read"):
        Manifest.from_json(content)


def test_a_newer_format_is_said() -> None:
    newer = json.dumps({**json.loads(replace(MANIFEST).to_json()), "format": FORMAT + 1}).encode()
    with pytest.raises(BackupError, match="knows nothing"):
        Manifest.from_json(newer)
