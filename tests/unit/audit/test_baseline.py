"""The baseline accepts what it lists, tells what is gone, and refuses a file that is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orthancgen.audit.baseline import accept, gone, read, text_of, write
from orthancgen.audit.rule import Suppression
from orthancgen.errors import InputError
from tests.unit.audit.reports import DAV, OPEN, TOUR, WAIVED, finding, hostile, many

ALL = ["door-open", "web-dav-enabled", "old-version", "nothing-wrong"]


def test_the_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "baseline.json"
    write(file, TOUR.findings)
    first, second = TOUR.findings[0].fingerprint, TOUR.findings[1].fingerprint
    assert (
        file.read_text()
        == f"""\
{{"version": 1, "findings": [
{{"fingerprint": "{first}", "rule": "door-open", "file": "orthanc.json", "path": "RemoteAccessAllowed"}},
{{"fingerprint": "{second}", "rule": "web-dav-enabled", "file": "orthanc.json", "path": "WebDavEnabled"}}
]}}
"""
    )
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_it_is_sorted_and_complete(tmp_path: Path) -> None:
    one = many(60)
    write(tmp_path / "b", one.findings)
    rows = json.loads((tmp_path / "b").read_text())["findings"]
    keys = [(row["rule"], row["file"], row["path"], row["fingerprint"]) for row in rows]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    waived = [found for found in one.findings if found.suppression and found.suppression.kind == "waiver"]
    assert {row["fingerprint"] for row in rows} == {found.fingerprint for found in one.findings if found not in waived}
    assert text_of(reversed(one.findings)) == text_of(one.findings)


def test_what_is_listed_is_accepted_and_what_is_new_is_not(tmp_path: Path) -> None:
    write(tmp_path / "b", [finding(OPEN)])
    known = read(tmp_path / "b")
    moved = finding(OPEN, line=99)
    new = finding(OPEN, path=("Other",))
    accepted = accept([moved, new], known)
    assert [one.counts for one in accepted] == [False, True]
    assert accepted[0].suppression == Suppression("baseline", "in the baseline")
    assert accept([finding(OPEN, suppression=WAIVED)], known)[0].suppression == WAIVED


def test_what_is_gone_is_told_of_rules_that_ran(tmp_path: Path) -> None:
    write(tmp_path / "b", [finding(OPEN), finding(OPEN, path=("x",)), finding(DAV)])
    known = read(tmp_path / "b")
    assert gone([finding(OPEN), finding(OPEN, path=("x",)), finding(DAV)], known, ALL) == ()
    (one,) = gone([finding(DAV)], known, ALL)
    assert (one.severity, one.message) == ("warning", "2 findings of the baseline are gone")
    assert one.hint == "write it anew with --write-baseline"
    assert gone([finding(OPEN)], known, ["door-open"])[0].message == "1 finding of the baseline is gone"
    assert gone([], known, ["old-version"]) == ()


def test_an_empty_one(tmp_path: Path) -> None:
    write(tmp_path / "b", [])
    assert read(tmp_path / "b") == {}


def test_writing_again_keeps_what_the_baseline_accepted(tmp_path: Path) -> None:
    write(tmp_path / "b", TOUR.findings)
    before = (tmp_path / "b").read_bytes()
    (tmp_path / "b").chmod(0o600)
    write(tmp_path / "b", accept(TOUR.findings, read(tmp_path / "b")))
    assert (tmp_path / "b").read_bytes() == before
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[" * 200_000, "is no JSON"),
        ("\ufeff{}", "is no baseline of version 1"),
        ("[]", "is no baseline of version 1"),
        ('{"version": 2, "findings": []}', "is no baseline of version 1"),
        ('{"version": 1}', "has no fingerprint"),
        ('{"version": 1, "findings": {}}', "has no fingerprint"),
        ('{"version": 1, "findings": [1]}', "has no fingerprint"),
        ('{"version": 1, "findings": [{"fingerprint": 1, "rule": "x"}]}', "has no fingerprint"),
        ('{"version": 1, "findings": [{"fingerprint": "a"}]}', "has no fingerprint"),
    ],
)
def test_a_file_that_is_none(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "b\n").write_text(content, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read(tmp_path / "b\n")
    assert said in error.value.message
    assert error.value.message.isprintable()
    assert error.value.hint == "write it anew with --write-baseline"


def test_a_file_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b'"\xff"')
    with pytest.raises(InputError, match="no UTF-8"):
        read(tmp_path / "b")
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "gone")
    with pytest.raises(InputError, match="Is a directory"):
        read(tmp_path)
    with pytest.raises(InputError, match="cannot write the baseline"):
        write(tmp_path, [])
    with pytest.raises(InputError, match="cannot write the baseline"):
        write(tmp_path / "gone" / "b", [])
    assert [one.name for one in tmp_path.iterdir()] == ["b"]


def test_hostile_names(tmp_path: Path) -> None:
    for _, one in hostile():
        write(tmp_path / "b", one.findings)
        assert len((tmp_path / "b").read_text("ascii").splitlines()) == 3
        assert len(read(tmp_path / "b")) == 1
