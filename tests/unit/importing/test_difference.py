from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orthancgen.foreign.configuration import read_part
from orthancgen.foreign.model import OrthancPart
from orthancgen.importing.difference import Difference, differences
from orthancgen.importing.result import import_as
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.site.model import Site
from orthancgen.site.problems import HIDDEN

VERSION = Version(1, 13, 0)
CLOSED = {"DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False}
WHOLE: dict[str, Any] = {
    **CLOSED,
    "StorageDirectory": "/srv/x",
    "RegisteredUsers": {"anna": "x"},
    "AuthenticationEnabled": True,
    "DicomModalities": {"ct1": {"AET": "CT1", "Host": "10.0.0.1", "Port": 104, "AllowFind": False}},
    "OrthancPeers": {"a": {"Url": "http://a.example/"}},
    "StableAge": 90,
}


def part_of(folder: Path, values: dict[str, Any]) -> OrthancPart:
    (folder / "orthanc.json").write_text(json.dumps(values))
    return read_part([folder / "orthanc.json"], version=VERSION, publisher=None, name="orthanc.json")


def planned(part: OrthancPart) -> Plan:
    built = import_as(part, name="x").plan
    assert built is not None
    return built


def changed(built: Plan, *path: str, value: Any) -> Plan:
    document = built.site.model_dump(mode="json")
    section = document
    for key in path[:-1]:
        section = section[key]
    section[path[-1]] = value
    return plan(Site.model_validate_json(json.dumps(document)), VERSION)


def test_what_differs_and_why(tmp_path: Path) -> None:
    part = part_of(tmp_path, WHOLE)
    assert [(one.path, one.original, one.ours) for one in differences(part, planned(part))] == [
        (("HttpBindAddresses",), [], ["127.0.0.1"]),
        (("LuaScripts",), [], ["orthancgen.lua"]),
    ]
    assert all(one.why for one in differences(part, planned(part)))


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        (("orthanc", "limits", "find_results"), 7, ("LimitFindResults",)),
        (("orthanc", "limits", "jobs"), 7, ("ConcurrentJobs",)),
        (("orthanc", "web_dav"), False, ("WebDavEnabled",)),
        (("orthanc", "aet"), "OTHER", ("DicomAet",)),
        (("orthanc", "storage", "path"), "/srv/y", ("StorageDirectory",)),
        (("orthanc", "settings", "StableAge"), 91, ("StableAge",)),
        (("orthanc", "settings", "OrthancPeers"), {}, ("OrthancPeers", "a")),
        (("dicom", "port"), 4243, ("DicomPort",)),
        (("dicom", "ae_checks", "called_aet"), True, ("DicomCheckCalledAet",)),
        (("dicom", "ae_checks", "calling_aet"), "registered_from_own_address", ("DicomCheckModalityHost",)),
        (("modalities", "ct1", "address"), "10.0.0.2", ("DicomModalities", "ct1", "Host")),
        (("modalities", "ct1", "may"), ["echo", "find"], ("DicomModalities", "ct1", "AllowFind")),
        (("modalities",), {}, ("DicomModalities", "ct1")),
        (("http", "port"), 8043, ("HttpPort",)),
        (("http", "listen_on"), "0.0.0.0", ("RemoteAccessAllowed",)),
    ],
)  # fmt: skip
def test_a_difference_that_nobody_wanted_has_no_reason(
    path: tuple[str, ...], value: Any, key: tuple[str, ...], tmp_path: Path
) -> None:
    part = part_of(tmp_path, WHOLE)
    found = differences(part, changed(planned(part), *path, value=value))
    assert [one.path for one in found if not one.why].count(key) == 1


def test_defaults_of_the_version_are_compared(tmp_path: Path) -> None:
    part = part_of(tmp_path, {})
    built = changed(planned(part), "orthanc", "settings", value={"HttpCompressionEnabled": True})
    assert Difference(("HttpCompressionEnabled",), False, True, "") in differences(part, built)


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    peers = {"a b": ["http://u:tulip@x.example/", "u", "rose"], "c": {"Url": "http://x.example/", "Password": "iris"}}
    part = part_of(
        tmp_path, {"OrthancPeers": peers, "RegisteredUsers": {"a:b": "lily"}, "HttpProxy": "u:aster@p.example"}
    )
    found = differences(part, planned(part))
    assert not any(flower in repr(found) for flower in ("tulip", "rose", "iris", "lily", "aster"))
    shown = {one.path: (one.original, one.ours) for one in found}
    assert shown["OrthancPeers", "c", "Password"] == (HIDDEN, None)
    assert shown["RegisteredUsers", "a:b"] == (HIDDEN, None)
    assert shown["OrthancPeers", "a b"] == (
        {"Url": "http://[hidden]@x.example/", "Username": "u", "Password": "[hidden]"}, None,
    )  # fmt: skip


def test_one_form_for_what_orthanc_takes_for_the_same(tmp_path: Path) -> None:
    same = {
        **WHOLE,
        "OverwriteInstances": False,
        "DicomModalities": {
            "ct1": ["CT1", "10.0.0.1", "104"],
            "mr1": {"AET": "MR1", "Host": "10.0.0.2", "Port": 104, "AllowStorageCommitment": False, "LocalAet": ""},
            "us1": {"AET": "US1", "Host": "10.0.0.3", "Port": 104, "AllowNAction": False, "AllowEventReport": False},
        },
        "OrthancPeers": {"a": ["http://a.example/"]},
    }
    part = part_of(tmp_path, same)
    assert {one.path[0] for one in differences(part, planned(part))} == {"HttpBindAddresses", "LuaScripts"}
