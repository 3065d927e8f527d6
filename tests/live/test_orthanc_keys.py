"""The table of keys against the Orthanc that is installed: what it prints, what it refuses, what it lets pass."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from orthancgen.orthanc.detect import installed_version
from orthancgen.orthanc.keys import Version, check_settings, keys_for
from scripts.orthanc_keys import JSON_TYPES, Printed, read_print
from tests.conftest import StartOrthanc
from tests.support.servers import OrthancServer, StartupError, require_program, wait_until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def version() -> Version:
    return installed_version(require_program("Orthanc"))


@pytest.fixture(scope="module")
def printed() -> dict[str, Printed]:
    command = [require_program("Orthanc"), "--config=-"]
    return read_print(subprocess.run(command, check=True, capture_output=True, text=True, timeout=240).stdout)


def test_each_printed_key_is_known_with_its_type_and_default(printed: dict[str, Printed], version: Version) -> None:
    known = keys_for(version)
    assert len(printed) > 100, "the print was not read"
    assert sorted(printed.keys() - known.keys()) == []
    for name, item in printed.items():
        assert item.value is None or JSON_TYPES[type(item.value)] in known[name].type, name
        if not item.commented and not known[name].members:
            assert known[name].default == item.value, name


def test_the_printed_configuration_has_no_problem(printed: dict[str, Printed], version: Version) -> None:
    settings = {name: item.value for name, item in printed.items() if not item.commented}
    assert check_settings(settings, version) == ()


def test_the_keys_that_stand_in_comments_are_found(printed: dict[str, Printed]) -> None:
    for name in ("DicomTlsCertificate", "DicomTlsPrivateKey", "AuthenticationEnabled", "SslCiphersAccepted"):
        assert printed[name].commented, name


@pytest.mark.parametrize(
    ("settings", "log"),
    [
        ({"DicomCheckCalledAet": "true"}, 'option "DicomCheckCalledAet" must be a Boolean'),
        ({"StableAge": "60"}, 'option "StableAge" must be an integer'),
        ({"HttpTimeout": 1.5}, 'option "HttpTimeout" must be an integer'),
        ({"HttpTimeout": -1}, 'option "HttpTimeout" must be a positive integer'),
        ({"Locale": 5}, 'option "Locale" must be a string'),
        ({"MaximumPduLength": 4095}, "must be greater than 4096"),
        ({"StorageAccessOnFind": "never"}, 'should be "Always", "Never" or "Answers"'),
        ({"UserMetadata": {"Ours": 1000}}, "must have index between 1024 and 65535"),
        ({"DicomModalities": {"ct 1": ["CT1", "127.0.0.1", 104]}}, "Only alphanumeric"),
        ({"DicomModalities": {"ct1": ["CT1", "127.0.0.1", 65535]}}, "must be in range [1..65534]"),
        ({"DicomModalities": {"ct1": ["CT1", "127.0.0.1", 104, "ge"]}}, "Unknown modality manufacturer"),
    ],
)
def test_what_orthanc_refuses_is_found_before(
    start_orthanc: StartOrthanc, version: Version, settings: dict[str, Any], log: str
) -> None:
    assert len(check_settings(settings, version)) == 1
    with pytest.raises(StartupError) as caught:
        start_orthanc(settings)
    assert log in str(caught.value)


def test_what_orthanc_lets_pass_without_a_word_is_found_too(start_orthanc: StartOrthanc, version: Version) -> None:
    settings = {"DicomCheckCallingAet": True, "WebdavEnabled": False, "NotAKey": 1}
    assert [problem.path for problem in check_settings(settings, version)] == [(name,) for name in settings]
    server = start_orthanc(settings)
    assert server.get("/system")["DicomAet"] == "ORTHANC"
    assert not any(name in server.log() for name in settings)
    assert webdav_status(server) == 207, "the misspelt key did nothing"
    assert webdav_status(start_orthanc({"WebDavEnabled": False})) in (404, 405), "the right key does"


def test_the_key_that_guides_recommend_lets_anyone_in(start_orthanc: StartOrthanc) -> None:
    server = start_orthanc({"DicomCheckCallingAet": True})
    entity = AE(ae_title="NOBODYKNOWS")
    entity.add_requested_context(Verification)
    association = entity.associate("127.0.0.1", server.dicom_port, ae_title=server.aet)
    try:
        assert association.is_established
        assert association.send_c_echo().Status == 0x0000
    finally:
        association.release()


def test_a_host_check_of_the_wrong_type_lets_orthanc_start_and_ends_it_with_the_first_caller(
    start_orthanc: StartOrthanc, version: Version
) -> None:
    settings = {
        "DicomCheckModalityHost": "true",
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomModalities": {"known": ["KNOWN", "127.0.0.1", 104]},
    }
    assert [problem.path for problem in check_settings(settings, version)] == [("DicomCheckModalityHost",)]
    server = start_orthanc(settings)
    entity = AE(ae_title="KNOWN")
    entity.add_requested_context(Verification)
    assert not entity.associate("127.0.0.1", server.dicom_port, ae_title=server.aet).is_established
    wait_until(lambda: not server.running, what="Orthanc to end")
    assert 'option "DicomCheckModalityHost" must be a Boolean' in server.log()


def webdav_status(server: OrthancServer) -> int:
    with server.client() as client:
        return client.request("PROPFIND", "/webdav/", headers={"Depth": "1"}).status_code
