from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import KeyPath
from orthancgen.upgrade.condition import facts_of, holds
from orthancgen.upgrade.subject import of_settings

MODALITIES = {"DicomModalities": {"ct": ["CT1", "10.0.0.1", 104], "mr": {"AET": " MR1", "AllowFind": False}}}
LIMIT = {"above": ["LimitFindResults", 0]}


def found(condition: dict[str, Any], settings: dict[str, Any], **changed: Any) -> tuple[KeyPath, ...] | None:
    subject = replace(of_settings("x", settings), **changed)
    return holds(condition, facts_of(subject, Version.parse("1.13.0")))


@pytest.mark.parametrize(
    ("condition", "settings", "paths"),
    [
        ({"set": "Name"}, {"Name": "x"}, (("Name",),)),
        ({"set": "Name"}, {}, None),
        ({"unset": "Name"}, {}, ()),
        ({"unset": "Name"}, {"Name": ""}, None),
        ({"set": "DicomWeb.Servers"}, {"DicomWeb": {"Servers": {}}}, (("DicomWeb", "Servers"),)),
        ({"set": "DicomWeb.Servers"}, {"DicomWeb": "nonsense"}, None),
        ({"is": ["RemoteAccessAllowed", False]}, {}, (("RemoteAccessAllowed",),)),
        ({"is": ["RemoteAccessAllowed", True]}, {"RemoteAccessAllowed": 1}, None),
        ({"is": ["HttpsCACertificates", ""]}, {}, (("HttpsCACertificates",),)),
        ({"is": ["DicomModalities.*.AllowFind", True]}, MODALITIES, (("DicomModalities", "ct", "AllowFind"),)),
        ({"is": ["DicomModalities.*.AllowFind", True]}, {"DicomModalities": {}}, None),
        ({"is": ["DicomModalities.*.AllowFind", True]}, {"DicomModalities": {"a": 5}}, None),
        ({"matches": ["DicomModalities.*.AET", "^ "]}, MODALITIES, (("DicomModalities", "mr", "AET"),)),
        ({"name_matches": ["RegisteredUsers", ":"]}, {"RegisteredUsers": {"a:b": "x"}}, (("RegisteredUsers", "a:b"),)),
        ({"name_matches": ["RegisteredUsers", ":"]}, {"RegisteredUsers": ["a:b"]}, None),
        ({"type_not": ["RegisteredUsers.*", "string"]}, {"RegisteredUsers": {"a": 5}}, (("RegisteredUsers", "a"),)),
        ({"type_not": ["MaximumStorageSize", "integer"]}, {"MaximumStorageSize": 5}, None),
        ({"type_not": ["MaximumStorageSize", "integer"]}, {"MaximumStorageSize": True}, (("MaximumStorageSize",),)),
        ({"empty": "RegisteredUsers"}, {"RegisteredUsers": {}}, (("RegisteredUsers",),)),
        ({"empty": "RegisteredUsers"}, {}, None),
        (LIMIT, {"LimitFindResults": 100}, (("LimitFindResults",),)),
        (LIMIT, {}, None),
        (LIMIT, {"LimitFindResults": "100"}, None),
        (LIMIT, {"LimitFindResults": True}, None),
        ({"plugin": "dicomweb"}, {"Plugins": ["/x/libOrthancDicomWeb.so"]}, ()),
        ({"plugin": "dicomweb"}, {"DicomWeb": {}}, ()),
        ({"plugin": "dicomweb"}, {"Plugins": "/x/libOrthancDicomWeb.so"}, None),
        ({"outside": "REST API"}, {}, None),
        ({"not": {"set": "Name"}}, {}, ()),
        ({"all": [{"set": "Name"}, LIMIT]}, {"Name": "x"}, None),
        ({"all": [{"set": "Name"}, LIMIT]}, {"Name": "x", "LimitFindResults": 1}, (("Name",), ("LimitFindResults",))),
        ({"any": [{"set": "Name"}, LIMIT]}, {"LimitFindResults": 1}, (("LimitFindResults",),)),
        ({"any": [{"set": "Name"}, LIMIT]}, {}, None),
    ],
)
def test_settings(condition: dict[str, Any], settings: dict[str, Any], paths: tuple[KeyPath, ...] | None) -> None:
    assert found(condition, settings) == paths


@pytest.mark.parametrize(
    ("condition", "changed", "yes"),
    [
        ({"lua": ["OnHeartBeat", "x"]}, {"lua": frozenset({"OnHeartBeat"})}, True),
        ({"lua": ["OnHeartBeat"]}, {}, False),
        ({"variable": "ORTHANC_PASSWORD"}, {"variables": frozenset({"ORTHANC_PASSWORD"})}, True),
        ({"variables": "deprecated"}, {"variables": frozenset({"DICOM_AET"})}, True),
        ({"variables": "deprecated"}, {"variables": frozenset({"WL_ENABLED"})}, True),
        ({"variables": "deprecated"}, {"variables": frozenset({"ORTHANC__DICOM_AET"})}, False),
        ({"image": "osimis/orthanc"}, {"image": "docker.io/osimis/orthanc:23.1.0"}, True),
        ({"image": "osimis/orthanc"}, {"image": "orthancteam/orthanc:24.2.0"}, False),
        ({"managed": True}, {"managed": True}, True),
        ({"managed": True}, {}, False),
        ({"target_below": "1.13.1"}, {}, True),
        ({"target_below": "1.13.0"}, {}, False),
    ],
)
def test_what_runs_them(condition: dict[str, Any], changed: dict[str, Any], yes: bool) -> None:
    assert found(condition, {}, **changed) == (() if yes else None)
