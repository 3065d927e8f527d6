"""Keys that Orthanc does not read, told apart; and values that it reads otherwise than they are written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orthancgen.foreign.configuration import read_part
from orthancgen.importing.notes import Note, Outcome
from orthancgen.importing.part import Imported, import_part
from orthancgen.orthanc.keys import Version

OLD, NEW = Version(1, 10, 1), Version(1, 13, 0)


def imported(folder: Path, text: str, version: Version = NEW, name: str = "x") -> Imported:
    file = folder / "orthanc.json"
    file.write_text(text)
    return import_part(read_part([file], version=version, publisher=None, name="x"), name=name, folder=str(folder))


def note(made: Imported, *path: str | int) -> Note:
    (found,) = [one for one in made.notes if one.path == path]
    return found


@pytest.mark.parametrize(
    ("key", "version", "outcome", "hint"),
    [
        ('"StableAges": 1', NEW, Outcome.MISSPELT, "did you mean StableAge?"),
        ('"stableage": 1', NEW, Outcome.MISSPELT, "did you mean StableAge? Orthanc tells upper from lower case"),
        ('"AllowEcho": true', NEW, Outcome.MISSPELT, "belongs into an entry of DicomModalities"),
        ('"Whatever": 1', NEW, Outcome.UNKNOWN, "ignores an unknown key"),
        ('"Whatever": {"a": 1}', NEW, Outcome.THIRD_PARTY, "orthancgen cannot give it"),
        ('"LimitJobs": 5', OLD, Outcome.RETIRED, "had had no effect"),
        ('"ReadOnly": true', OLD, Outcome.TOO_NEW, "use Orthanc 1.12.5"),
        ('"Housekeeper": {"Enable": true}', OLD, Outcome.TOO_NEW, None),
        ('"HttpBindAddresses": ["127.0.0.1"]', OLD, Outcome.TOO_NEW, "RemoteAccessAllowed"),
        ('"DicomCheckCallingAet": true', NEW, Outcome.NEVER_EXISTED, "calling_aet: registered"),
        ('"RemoteAccessEnabled": true', NEW, Outcome.NEVER_EXISTED, "RemoteAccessAllowed"),
        ('"_comment": "x"', NEW, Outcome.REMARK, "YAML comments"),
        ('"//": "x"', NEW, Outcome.REMARK, "YAML comments"),
        ('"#": 5', NEW, Outcome.REMARK, "YAML comments"),
    ],
)
def test_a_key_at_the_top(key: str, version: Version, outcome: Outcome, hint: str | None, tmp_path: Path) -> None:
    made = imported(tmp_path, f"{{{key}}}", version)
    found = note(made, key.split('"')[1])
    assert found.outcome is outcome
    assert found.counts is (outcome is not Outcome.REMARK)
    assert found.hint is None if hint is None else hint in (found.hint or "")
    assert found.mark is not None
    assert found.mark.line == 1
    assert "settings" not in made.environment["orthanc"]


@pytest.mark.parametrize(
    ("key", "outcome"), [("AllowCStore", Outcome.MISSPELT), ("_note", Outcome.REMARK), ("Zzz", Outcome.UNKNOWN)]
)
def test_a_key_of_a_modality(key: str, outcome: Outcome, tmp_path: Path) -> None:
    text = f'{{"DicomModalities": {{"a": {{"AET": "A", "Host": "h", "Port": 104, "{key}": "x"}}}}}}'
    assert note(imported(tmp_path, text), "DicomModalities", "a", key).outcome is outcome


@pytest.mark.parametrize(
    ("written", "section", "value", "outcome"),
    [
        ('"DicomPort": "11112"', ("dicom", "port"), 11112, Outcome.CHANGED),
        ('"DicomPort": 11112.0', ("dicom", "port"), 11112, Outcome.CHANGED),
        ('"DicomPort": 70000', ("dicom", "port"), 4242, Outcome.LOST),
        ('"DicomCheckCalledAet": "TRUE"', ("dicom", "ae_checks", "called_aet"), True, Outcome.CHANGED),
        ('"DicomCheckCalledAet": 1', ("dicom", "ae_checks", "called_aet"), False, Outcome.LOST),
        ('"OverwriteInstances": "always"', ("orthanc", "storage", "same_instance_again"), "replace", Outcome.CHANGED),
        ('"MaximumStorageMode": "reject"', ("orthanc", "storage", "when_full"), "reject", Outcome.CHANGED),
        ('"DicomAet": null', ("orthanc", "aet"), "ORTHANC", Outcome.LOST),
    ],
)  # fmt: skip
def test_a_value_that_orthanc_cannot_read(
    written: str, section: tuple[str, ...], value: object, outcome: Outcome, tmp_path: Path
) -> None:
    made = imported(tmp_path, f"{{{written}}}")
    found: Any = made.environment
    for part in section:
        found = found.get(part, {} if part != section[-1] else None)
    expected = {"reject": None}.get(str(value), value)  # the model's own default is not written
    assert found == expected
    key = written.split('"')[1]
    assert outcome in {one.outcome for one in made.notes if one.path == (key,)}


def test_versions_of_overwriting(tmp_path: Path) -> None:
    def again(text: str, version: Version) -> Mapping[str, Any]:
        made = imported(tmp_path, f'{{"OverwriteInstances": {text}}}', version)
        storage: Mapping[str, Any] = made.environment["orthanc"].get("storage", {})
        return storage

    assert again("true", OLD)["same_instance_again"] == "replace"
    assert again('"Always"', NEW)["same_instance_again"] == "replace"
    assert again('"IfChanged"', NEW)["same_instance_again"] == "replace"
    assert "same_instance_again" not in again('"Never"', NEW)
    assert "same_instance_again" not in again("false", NEW)


def test_an_orthanc_older_than_all_that_are_known(tmp_path: Path) -> None:
    made = imported(tmp_path, '{"Name": "old", "DicomAlwaysAllowFindWorklist": true}', Version(1, 9, 7))
    assert made.environment["orthanc"]["version"] == "1.10.1"
    assert [one.outcome for one in made.notes if one.counts] == [Outcome.TOO_NEW, Outcome.LOST]
