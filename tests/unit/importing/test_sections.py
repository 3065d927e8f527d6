"""Single settings and the sections of the environment that say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orthancgen.foreign.configuration import read_part
from orthancgen.importing.notes import Outcome
from orthancgen.importing.part import Imported, import_part
from orthancgen.orthanc.keys import Version

OLD, NEW = Version(1, 10, 1), Version(1, 13, 0)
CLOSED = {"DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False}


def imported(folder: Path, values: dict[str, Any], version: Version = NEW) -> Imported:
    (folder / "orthanc.json").write_text(json.dumps(values))
    part = read_part([folder / "orthanc.json"], version=version, publisher=None, name="x")
    return import_part(part, name="x", folder="/etc/orthanc")


def lost(made: Imported) -> list[str]:
    return [".".join(map(str, note.path)) for note in made.notes if note.counts]


@pytest.mark.parametrize(
    ("values", "listen_on", "gone"),
    [
        ({}, "127.0.0.1", []),
        ({"RemoteAccessAllowed": True}, "0.0.0.0", []),
        ({"RemoteAccessAllowed": True, "HttpBindAddresses": ["192.168.1.5"]}, "192.168.1.5", []),
        ({"RemoteAccessAllowed": True, "HttpBindAddresses": ["127.0.0.1"]}, "127.0.0.1", []),
        ({"RemoteAccessAllowed": False, "HttpBindAddresses": ["127.0.0.1"]}, "127.0.0.1", []),
        ({"RemoteAccessAllowed": False, "HttpBindAddresses": ["0.0.0.0"]}, "127.0.0.1", []),
        ({"RemoteAccessAllowed": False, "HttpBindAddresses": ["192.168.1.5"]}, "127.0.0.1", ["HttpBindAddresses"]),
        (
            {"RemoteAccessAllowed": True, "HttpBindAddresses": ["127.0.0.1", "192.168.1.5"]},
            "192.168.1.5", ["HttpBindAddresses"],
        ),
        ({"RemoteAccessAllowed": True, "HttpBindAddresses": ["localhost"]}, "127.0.0.1", ["HttpBindAddresses"]),
    ],
)  # fmt: skip
def test_who_reaches_the_rest_api(values: dict[str, Any], listen_on: str, gone: list[str], tmp_path: Path) -> None:
    made = imported(tmp_path, {"AuthenticationEnabled": True, **values})
    assert made.environment["http"]["listen_on"] == listen_on
    assert lost(made) == gone


def test_each_user_becomes_an_administrator_as_orthanc_has_it(tmp_path: Path) -> None:
    made = imported(tmp_path, {"RegisteredUsers": {"anna": "rose", "database": "tulip"}})
    assert made.environment["users"] == {
        "anna": {"role": "administrator", "password": {"secret": "anna_password"}},
        "database": {"role": "administrator", "password": {"secret": "user_database_password"}},
    }
    assert {name: value.reveal() for name, value in made.secrets.items()} == {
        "anna_password": "rose", "user_database_password": "tulip",
    }  # fmt: skip


def test_roles_of_a_bundle_stay(tmp_path: Path) -> None:
    section = {
        "Users": {"anna": "radiologist", "orthancgen-backend": "service", "root": "administrator", "x y": "viewer"}
    }
    users = {"anna": "rose", "orthancgen-backend": "iris", "root": "lily"}
    made = imported(tmp_path, {"OrthancGen": section, "RegisteredUsers": users})
    assert {name: user["role"] for name, user in made.environment["users"].items()} == {
        "anna": "radiologist", "root": "administrator",
    }  # fmt: skip
    assert "orthancgen-backend" not in str(made.environment)


@pytest.mark.parametrize(
    ("values", "version", "outcome"),
    [
        ({}, NEW, Outcome.SPELLED_OUT),
        ({"AuthenticationEnabled": True}, NEW, Outcome.AS_DEFAULT),
        ({"RemoteAccessAllowed": True}, NEW, None),
        ({"AuthenticationEnabled": False}, NEW, Outcome.CHANGED),
        ({"AuthenticationEnabled": False, "RemoteAccessAllowed": True}, NEW, Outcome.LOST),
        ({"RemoteAccessAllowed": True}, Version(1, 5, 7), Outcome.LOST),
    ],
)
def test_logins_are_always_asked_for(
    values: dict[str, Any], version: Version, outcome: Outcome | None, tmp_path: Path
) -> None:
    made = imported(tmp_path, {"RegisteredUsers": {"anna": "x"}, **values} if values else {}, version)
    found = [note.outcome for note in made.notes if note.path == ("AuthenticationEnabled",)]
    assert found == ([] if outcome is None else [outcome])


@pytest.mark.parametrize(
    ("values", "calling_aet", "anyone_may"),
    [
        ({}, "anyone", ["echo", "store"]),
        ({"DicomAlwaysAllowStore": False}, "anyone", ["echo"]),
        ({**CLOSED, "DicomAlwaysAllowMove": True}, "anyone", ["move"]),
        (CLOSED, "registered", None),
        ({**CLOSED, "DicomCheckModalityHost": True}, "registered_from_own_address", None),
        ({"DicomCheckModalityHost": True}, "registered_from_own_address", None),
        ({"DicomServerEnabled": False}, "registered", None),
    ],
)
def test_whom_orthanc_lets_in(
    values: dict[str, Any], calling_aet: str, anyone_may: list[str] | None, tmp_path: Path
) -> None:
    checks = imported(tmp_path, values).environment["dicom"]["ae_checks"]
    assert checks["calling_aet"] == calling_aet
    assert checks.get("anyone_may") == anyone_may


@pytest.mark.parametrize(
    ("version", "required", "client_certificates", "secrets", "gone"),
    [
        (NEW, None, None, ["dicom_tls_certificate", "dicom_tls_key", "dicom_tls_trusted"], []),
        (NEW, False, "not_asked", ["dicom_tls_certificate", "dicom_tls_key"], []),
        (
            OLD, False, None, ["dicom_tls_certificate", "dicom_tls_key", "dicom_tls_trusted"],
            ["DicomTlsRemoteCertificateRequired"],
        ),
    ],
)  # fmt: skip
def test_dicom_tls(
    version: Version, required: bool | None, client_certificates: str | None, secrets: list[str], gone: list[str],
    tmp_path: Path,
) -> None:  # fmt: skip
    values: dict[str, Any] = {
        "DicomTlsEnabled": True, "DicomTlsCertificate": "/tls/a.crt", "DicomTlsPrivateKey": "/tls/a.key",
        "DicomTlsTrustedCertificates": "/tls/ca.crt",
    }  # fmt: skip
    if required is not None:
        values["DicomTlsRemoteCertificateRequired"] = required
    made = imported(tmp_path, values, version)
    assert made.environment["dicom"]["tls"].get("client_certificates") == client_certificates
    assert list(made.environment["secrets"]) == secrets
    assert lost(made) == gone


def test_who_is_called_by_tls_without_the_certificate_for_it(tmp_path: Path) -> None:
    entry = {"AET": "A", "Host": "10.0.0.1", "Port": 2762, "UseDicomTls": True}
    made = imported(tmp_path, {"DicomModalities": {"a": entry}})
    assert "tls" not in made.environment["modalities"]["a"]
    assert lost(made) == ["DicomModalities.a.UseDicomTls"]


@pytest.mark.parametrize(
    ("values", "plugins", "gone"),
    [
        ({"Plugins": ["/usr/lib/libOrthancDicomWeb.so"]}, ["dicomweb"], []),
        ({"Plugins": ["./libOrthancDicomWeb.so.1.17"]}, ["dicomweb"], []),
        ({"Plugins": ["C:\\Orthanc\\OrthancDicomWeb.dll"]}, ["dicomweb"], []),
        ({"Plugins": ["/usr/lib/libOrthancDicomWeb.so", "/x/libOther.so"]}, ["dicomweb"], ["Plugins"]),
        ({"Plugins": ["/usr/share/orthanc/plugins"], "DicomWeb": {}}, ["dicomweb"], ["Plugins"]),
        ({"Plugins": ["/usr/share/orthanc/plugins"], "DicomWeb": {"Enable": False}}, None, ["Plugins"]),
        ({"Plugins": ["/usr/share/orthanc/plugins"]}, None, ["Plugins"]),
        ({"DicomWeb": {"Enable": True}}, None, []),
        ({"Plugins": []}, None, []),
    ],
)
def test_plugins(values: dict[str, Any], plugins: list[str] | None, gone: list[str], tmp_path: Path) -> None:
    made = imported(tmp_path, values)
    assert made.environment["orthanc"].get("plugins") == plugins
    assert lost(made) == gone


@pytest.mark.parametrize(
    ("folder", "path", "gone"),
    [
        ("OrthancStorage", None, []),
        ("/srv/orthanc", "/srv/orthanc", []),
        ("/srv//orthanc/../x/", "/srv/x", []),
        ("images", "/etc/orthanc/images", []),
        ("C:\\Orthanc", None, ["StorageDirectory"]),
        ("D:/Orthanc", None, ["StorageDirectory"]),
    ],
)
def test_storage_folders(folder: str, path: str | None, gone: list[str], tmp_path: Path) -> None:
    made = imported(tmp_path, {"StorageDirectory": folder})
    assert made.environment["orthanc"].get("storage", {}).get("path") == path
    assert lost(made) == gone


def test_a_limit_always_recycles_before_there_was_a_choice(tmp_path: Path) -> None:
    assert imported(tmp_path, {"MaximumStorageSize": 5}, OLD).environment["orthanc"]["storage"] == {
        "limit_megabytes": 5, "when_full": "recycle",
    }  # fmt: skip
    assert "storage" not in imported(tmp_path, {}, OLD).environment["orthanc"]
    assert imported(tmp_path, {}, NEW).environment["orthanc"]["storage"] == {"when_full": "recycle"}


@pytest.mark.parametrize(
    ("entry", "values"),
    [
        (["CT1", "10.0.0.1", 104], {"aet": "CT1", "address": "10.0.0.1", "port": 104}),
        (["CT1", "10.0.0.1", "104", "GE"], {"port": 104, "manufacturer": "GE", "vendor": "ge"}),
        (["CT1", "10.0.0.1", 104, "SiemensSyngoCT"], {"manufacturer": "SiemensSyngoCT", "vendor": "siemens"}),
        (["CT1", "10.0.0.1", 104, "generic"], {"aet": "CT1"}),
        ([" CT1 ", " 10.0.0.1", 104], {"aet": "CT1", "address": "10.0.0.1"}),
        ({"AET": "CT1", "Host": "10.0.0.1", "Port": 104, "Timeout": 9}, {"timeout_seconds": 9}),
        ({"AET": "CT1", "Host": "10.0.0.1", "Port": 104, "Timeout": 99999}, {"timeout_seconds": 3600}),
        ({"AET": "CT1", "Host": "10.0.0.1", "Port": 104, "AllowEcho": False, "AllowGet": False},
         {"may": ["store", "find", "find_worklist", "move", "storage_commitment"]}),
        ({"AET": "CT1", "Host": "::0001", "Port": 104}, {"address": "::1"}),
    ],
)  # fmt: skip
def test_modalities(entry: Any, values: dict[str, Any], tmp_path: Path) -> None:
    made = imported(tmp_path, {"DicomModalities": {"a": entry}}).environment["modalities"]["a"]
    assert {key: made[key] for key in values} == values


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (["A" * 17, "10.0.0.1", 104], "at most 16 characters"),
        (["A", "a_b", 104], "labels of 1 to 63"),
        (["A", "10.0.0.1", 65535], "no number from 1 to 65534"),
        (["A", "10.0.0.1", True], "no number from 1 to 65534"),
        (["A", "", 104], "its address cannot be one"),
        (["A", 5, 104], "no address that is a text"),
        (["A", "10.0.0.1"], "neither an object nor a list"),
        ("A", "neither an object nor a list"),
        (["A", "host.example", 104], "is a name, and Orthanc compares"),
    ],
)
def test_modalities_that_are_left_out(entry: Any, words: str, tmp_path: Path) -> None:
    made = imported(tmp_path, {**CLOSED, "DicomCheckModalityHost": True, "DicomModalities": {"a": entry}})
    assert "modalities" not in made.environment
    assert list(made.left_out) == [("modalities", "a")]
    (note,) = [note for note in made.notes if note.path == ("DicomModalities", "a") and note.counts]
    assert words in note.message


def test_services_are_off_but_for_a_bundle(tmp_path: Path) -> None:
    made = imported(tmp_path, {}).environment
    assert (made["webhook"], made["backend"]) == ({"enabled": False}, {"enabled": False})
    webhook = {"Url": "https://x.example/hook", "TimeoutSeconds": 3, "AtMostEverySeconds": 1}
    made = imported(tmp_path, {"OrthancGen": {"Users": {}, "Webhook": webhook}}).environment
    assert (made["webhook"], made["backend"]) == (
        {"url": "https://x.example/hook", "timeout_seconds": 3}, {"enabled": False},
    )  # fmt: skip


@pytest.mark.parametrize("web", [True, False])
def test_the_accounts_of_services_are_no_people(web: bool, tmp_path: Path) -> None:
    users = {
        "root": "administrator",
        "orthancgen-backend": "service",
        "orthancgen-analysis": "service_that_reads_images",
        "orthancgen-viewer": "viewer",
    }
    plugins = {"Plugins": ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"]} if web else {}
    environment = imported(tmp_path, {"OrthancGen": {"Users": users}, **plugins}).environment
    assert list(environment["users"]) == ["root"]
    assert environment.get("analysis", {}) == ({"enabled": True} if web else {})
