from __future__ import annotations

from typing import Any

import pytest

from tests.unit.audit.set_ups import found, severities, subject

CT1 = {"AET": "CT1", "Host": "192.168.10.21", "Port": 104}
CLOSED = {"DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False}
REGISTERED = {**CLOSED, "DicomModalities": {"ct1": CT1}}
TLS = {"DicomTlsEnabled": True}
LOCAL = 'services: {orthanc: {image: orthanc, ports: ["127.0.0.1:4242:4242"]}}'
OFF = {"DicomServerEnabled": False}


@pytest.mark.parametrize(
    ("name", "settings", "wanted"),
    [
        ("echo-open-to-anyone", {}, "medium"),
        ("store-open-to-anyone", {}, "high"),
        ("query-open-to-anyone", {"DicomAlwaysAllowGet": True}, "critical"),
        ("modality-address-not-checked", REGISTERED, "high"),
        ("called-aet-not-checked", {}, "medium"),
        ("modality-may-everything", REGISTERED, "medium"),
        ("dicom-client-certificate-optional", {**TLS, "DicomTlsRemoteCertificateRequired": False}, "high"),
        ("old-dicom-tls-version", TLS, "medium"),
    ],
)
def test_what_only_this_host_reaches_is_little(name: str, settings: dict[str, Any], wanted: str) -> None:
    assert severities(name, subject(orthanc=settings)) == [wanted]
    assert severities(name, subject(LOCAL, orthanc=settings)) == ["low"]
    assert severities(name, subject(orthanc={**settings, **OFF})) == []


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.13.0", {"DicomAlwaysAllowFind": True}, 1),
        ("1.8.2", {"DicomAlwaysAllowFind": True}, 0),
        ("1.9.6", {"DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True}, 1),
        ("1.9.7", {"DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True}, 2),
        ("1.9.7", {"DicomAlwaysAllowFindWorklist": True}, 0),
        ("1.10.0", {"DicomAlwaysAllowFindWorklist": True}, 1),
    ],
)
def test_query_open_to_anyone(version: str, settings: dict[str, Any], wanted: int) -> None:
    assert len(found("query-open-to-anyone", subject(orthanc=settings, version=version))) == wanted


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (REGISTERED, ["high"]),
        ({**REGISTERED, "DicomCheckModalityHost": True}, []),
        ({**REGISTERED, **TLS}, ["medium"]),
        ({**REGISTERED, **TLS, "DicomTlsRemoteCertificateRequired": False}, ["high"]),
        (CLOSED, []),
        ({**CLOSED, "DicomModalitiesInDatabase": True}, ["high"]),
    ],
)
def test_modality_address_not_checked(settings: dict[str, Any], wanted: list[str]) -> None:
    assert severities("modality-address-not-checked", subject(orthanc=settings)) == wanted


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("192.168.10.21", 0), ("ct1", 1), ("192.168.010.021", 1), ("192.168.10.0/24", 1), ("fe80::1", 1), ("", 1),
    ],
)  # fmt: skip
def test_modality_host_not_an_address(host: str, wanted: int) -> None:
    for entry in ({**CT1, "Host": host}, ["CT1", host, 104]):
        settings = {**CLOSED, "DicomCheckModalityHost": True, "DicomModalities": {"ct1": entry}}
        assert len(found("modality-host-not-an-address", subject(orthanc=settings))) == wanted
        assert (
            found("modality-host-not-an-address", subject(orthanc={**settings, "DicomCheckModalityHost": False})) == []
        )


@pytest.mark.parametrize(
    ("settings", "entry", "wanted"),
    [
        (CLOSED, CT1, 1),
        (CLOSED, ["CT1", "192.168.10.21", 104], 1),
        (CLOSED, {**CT1, "AllowStore": True, "AllowFind": True, "AllowGet": True, "AllowMove": True}, 0),
        (CLOSED, {**CT1, "AllowStore": True, "AllowFind": True, "AllowGet": True}, 1),
        (CLOSED, {**CT1, "AllowGet": False}, 0),
        ({"DicomAlwaysAllowEcho": False}, {**CT1, "AllowStore": False}, 1),
        ({**CLOSED, "DicomModalitiesInDatabase": True}, CT1, 0),
    ],
)
def test_modality_may_everything(settings: dict[str, Any], entry: Any, wanted: int) -> None:
    where = subject(orthanc={**settings, "DicomModalities": {"ct1": entry}})
    assert len(found("modality-may-everything", where)) == wanted


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.13.0", {}, ["low"]),
        ("1.13.0", TLS, []),
        ("1.8.2", TLS, ["low"]),
        ("1.13.0", {"DicomModalities": {"ct1": {**CT1, "Host": "8.8.4.4"}}}, ["high"]),
        ("1.13.0", OFF, []),
    ],
)
def test_dicom_without_tls(version: str, settings: dict[str, Any], wanted: list[str]) -> None:
    assert severities("dicom-without-tls", subject(orthanc=settings, version=version)) == wanted


@pytest.mark.parametrize(
    ("version", "wanted", "words"),
    [
        ("1.13.0", 1, "not even looked at"),
        ("1.12.4", 1, "not even looked at"),
        ("1.12.3", 1, "shows no certificate"),
        ("1.9.3", 1, "shows no certificate"),
        ("1.9.2", 0, ""),
    ],
)
def test_dicom_client_certificate_optional(version: str, wanted: int, words: str) -> None:
    settings = {**TLS, "DicomTlsRemoteCertificateRequired": False}
    hits = found("dicom-client-certificate-optional", subject(orthanc=settings, version=version))
    assert len(hits) == wanted
    assert all(words in message for _, message in hits)
    assert found("dicom-client-certificate-optional", subject(orthanc=TLS, version=version)) == []


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.13.0", {}, ["medium"]),
        ("1.13.0", {"DicomTlsMinimumProtocolVersion": 0}, ["medium"]),
        ("1.13.0", {"DicomTlsMinimumProtocolVersion": 2, "DicomTlsCiphersAccepted": ["a"]}, ["high"]),
        ("1.13.0", {"DicomTlsMinimumProtocolVersion": 4}, ["high"]),
        ("1.13.0", {"DicomTlsMinimumProtocolVersion": 4, "DicomTlsCiphersAccepted": ["a"]}, []),
        ("1.12.3", {"DicomTlsMinimumProtocolVersion": 4, "DicomTlsCiphersAccepted": ["a"]}, ["medium"]),
        ("1.10.1", {}, ["medium"]),
    ],
)
def test_old_dicom_tls_version(version: str, settings: dict[str, Any], wanted: list[str]) -> None:
    assert severities("old-dicom-tls-version", subject(orthanc={**TLS, **settings}, version=version)) == wanted
    assert severities("old-dicom-tls-version", subject(orthanc=settings, version=version)) == []


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        (CT1, ["medium"]),
        ({**CT1, "AllowMove": False}, ["low"]),
        ({**CT1, "UseDicomTls": True}, []),
        ({**CT1, "Host": "127.0.0.1"}, []),
    ],
)
def test_modality_called_without_tls(entry: dict[str, Any], wanted: list[str]) -> None:
    settings = {**TLS, "DicomModalities": {"ct1": entry}}
    assert severities("modality-called-without-tls", subject(orthanc=settings)) == wanted
    assert severities("modality-called-without-tls", subject(orthanc={**settings, "DicomTlsEnabled": False})) == []


@pytest.mark.parametrize(
    ("version", "value", "wanted"),
    [
        ("1.13.0", "Always", ["high"]),
        ("1.13.0", True, ["high"]),
        ("1.13.0", "IfChanged", []),
        ("1.13.0", "Never", []),
        ("1.12.7", True, ["high"]),
        ("1.12.7", False, []),
        ("1.4.1", True, []),
    ],
)
def test_instances_overwritten(version: str, value: Any, wanted: list[str]) -> None:
    assert (
        severities("instances-overwritten", subject(orthanc={"OverwriteInstances": value}, version=version)) == wanted
    )
    less = subject(orthanc={"OverwriteInstances": value, **CLOSED}, version=version)
    assert severities("instances-overwritten", less) == ["medium" for _ in wanted]


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.13.0", {}, 0),
        ("1.13.0", {"MaximumStorageSize": 100}, 1),
        ("1.13.0", {"MaximumStorageSize": 100, "MaximumStorageMode": "Reject"}, 0),
        ("1.11.1", {"MaximumStorageSize": 100, "MaximumStorageMode": "Reject"}, 1),
        ("1.11.2", {"MaximumPatientCount": 100, "MaximumStorageMode": "Reject"}, 0),
        ("1.13.0", {"MaximumPatientCount": 100}, 1),
    ],
)
def test_oldest_patients_deleted(version: str, settings: dict[str, Any], wanted: int) -> None:
    assert len(found("oldest-patients-deleted", subject(orthanc=settings, version=version))) == wanted


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.13.0", {"DicomCheckCallingAet": True}, ["high"]),
        ("1.13.0", {"RemoteAccessEnabled": True}, ["medium"]),
        ("1.13.0", {"WebDavEnable": False}, ["medium"]),
        ("1.13.0", {"Naame": "x"}, ["low"]),
        ("1.13.0", {"_comment": "x", "// a": "b", "#": 1}, []),
        ("1.13.0", {"MaximumRequestBodySizeMB": 100}, []),
        ("1.12.10", {"MaximumRequestBodySizeMB": 100}, ["medium"]),
        ("1.13.0", {"DicomModalities": {"a": {**CT1, "AllowEko": True}}}, ["medium"]),
        ("1.13.0", {"DicomModalities": {"a": {**CT1, "Colour": "red"}}}, ["low"]),
        ("1.13.0", {"OrthancPeers": {"a": {"Url": "http://a/", "Anything": "b"}}}, []),
        ("1.13.0", {"DicomWeb": {"Enabel": True}}, ["low"]),
        ("1.13.0", {"StoneWebViewer": {"Anything": True}}, []),
        ("1.13.0", {"Name": 3}, []),
    ],
)
def test_unknown_setting(version: str, settings: dict[str, Any], wanted: list[str]) -> None:
    assert severities("unknown-setting", subject(orthanc=settings, version=version)) == wanted


def test_a_section_that_a_script_reads_is_no_fault() -> None:
    settings = {"LuaScripts": ["site.lua"], "Nam": {"Url": "x"}}
    read = "local a = GetOrthancConfiguration()['Nam']"
    assert severities("unknown-setting", subject(orthanc=settings, lua=read)) == []
    assert severities("unknown-setting", subject(orthanc=settings, lua="print('Nam')")) == ["low"]
    absent = {**settings, "LuaScripts": ["site.lua", "absent.lua"]}
    assert severities("unknown-setting", subject(orthanc=absent, lua="print('Nam')")) == []
