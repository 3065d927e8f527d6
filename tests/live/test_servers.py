"""The servers that the live tests stand on do start, answer, keep their data over a restart, and stop."""

from __future__ import annotations

from typing import Any

import httpx
import pymongo
import pymongo.errors
import pytest

from tests.conftest import StartOrthanc
from tests.support.servers import OrthancServer, SecantusServer, StartupError, port_answers

pytestmark = pytest.mark.live


def test_orthanc_answers_and_ends_with_its_block(orthanc: OrthancServer) -> None:
    assert orthanc.get("/system")["DicomAet"] == "ORTHANC"
    assert orthanc.running
    orthanc.stop()
    assert not orthanc.running
    assert not port_answers("127.0.0.1", orthanc.dicom_port)
    assert "Orthanc has stopped" in orthanc.log()


def test_orthanc_with_users_lets_in_only_them(start_orthanc: StartOrthanc) -> None:
    server = start_orthanc({"AuthenticationEnabled": True, "RegisteredUsers": {"alice": "not-a-real-secret"}})
    assert server.get("/system")["Version"]
    assert httpx.get(f"{server.url}/system").status_code == 401


def test_a_configuration_that_orthanc_refuses_shows_its_log(start_orthanc: StartOrthanc) -> None:
    with pytest.raises(StartupError, match="must be a"):
        start_orthanc({"DicomAlwaysAllowEcho": "yes"})


def test_secantus_keeps_its_data_over_a_restart(secantus: SecantusServer) -> None:
    with pymongo.MongoClient[dict[str, Any]](secantus.uri) as client:
        client[secantus.database]["seen"].insert_one({"_id": 1})
    secantus.stop()
    secantus.start()
    with pymongo.MongoClient[dict[str, Any]](secantus.uri) as client:
        assert client[secantus.database]["seen"].count_documents({}) == 1


def test_secantus_with_a_login_refuses_strangers(secantus_with_login: SecantusServer) -> None:
    server = secantus_with_login
    with pymongo.MongoClient[dict[str, Any]](server.uri) as client:
        client[server.database]["seen"].insert_one({"_id": 1})
    stranger = f"mongodb://127.0.0.1:{server.port}/?directConnection=true"
    with pymongo.MongoClient[dict[str, Any]](stranger) as client, pytest.raises(pymongo.errors.OperationFailure):
        client[server.database]["seen"].insert_one({"_id": 2})
