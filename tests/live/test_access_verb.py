"""What `access` says of an environment is what a real Orthanc does that runs on the configuration rendered from it."""

from __future__ import annotations

import socket
from pathlib import Path
from random import Random
from typing import Any

import pytest
import yaml

from orthancgen.access.model import Row
from orthancgen.access.report import report
from orthancgen.orthanc.access import Call
from orthancgen.plan.build import plan
from orthancgen.render.orthanc_json import configuration
from tests.support.admission import RELEASES, ReleasedOrthanc, attempt, make_credentials, release, sample
from tests.support.environments import load_text
from tests.support.servers import free_port
from tests.unit.access.sites import Cell, Oracle, cells_of

pytestmark = pytest.mark.live

NOT_NAMED = "127.0.0.9"
"""Plays every other address: those of the report are of no host."""
NOT_DECIDING = ("Plugins", "LuaScripts", "StorageDirectory", "IndexDirectory", "HttpBindAddresses", "OrthancGen")
OF_A_ROW = 4
"""Calls that are played of each row."""

OWN_ADDRESS: dict[str, Any] = {"ae_checks": {"calling_aet": "registered_from_own_address"}}
ANYONE: dict[str, Any] = {
    "ae_checks": {"calling_aet": "anyone", "anyone_may": ["echo", "find_worklist"], "called_aet": False}
}
REGISTERED: dict[str, Any] = {"ae_checks": {"calling_aet": "registered", "exact_case": True}}
WITH_TLS: dict[str, Any] = {**OWN_ADDRESS, "tls": {"enabled": True}}


@pytest.mark.parametrize("dicom", [OWN_ADDRESS, ANYONE, REGISTERED, WITH_TLS], ids=["own", "anyone", "title", "tls"])
def test_what_is_said_is_what_happens(dicom: dict[str, Any], tmp_path: Path) -> None:
    installed = release("installed")
    tls = "tls" in dicom
    document = {
        "environment": "dev",
        "kind": "development",
        "orthanc": {"aet": "ORTHANC", "version": str(installed.version)},
        "dicom": {"port": free_port(), **dicom},
        "http": {"port": free_port()},
        "modalities": {
            "ct1": {"aet": "CT1", "address": "127.0.0.2", "tls": tls, "may": ["echo", "store"]},
            "ws1": {"aet": "WS 1", "address": "127.0.0.3", "tls": tls, "may": ["find", "get", "move"]},
            "pacs": {"aet": "PACS", "address": "127.0.0.4", "tls": tls, "may": ["storage_commitment", "find_worklist"]},
        },
        "verification": {"enabled": True},
        "users": {"admin": {"role": "administrator", "password": {"secret": "admin_password"}}},
    }
    loaded = load_text(yaml.safe_dump(document), tmp_path)
    built = plan(loaded.require(), loaded.version)
    credentials, instance = make_credentials(tmp_path / "certificates"), sample()
    rendered = {key: value for key, value in configuration(built).items() if key not in NOT_DECIDING}
    files = credentials.settings() if tls else {}
    settings = {**rendered, **files, "AuthenticationEnabled": False, "RegisteredUsers": {}}
    rows, oracle, chance = report(loaded, built).rows, Oracle(built), Random(20261124)
    assert {row.allowed for row in rows} == {True, False}
    with ReleasedOrthanc(installed, tmp_path / "orthanc", settings) as server:
        with server.client() as client:
            client.post("/instances", content=instance.data).raise_for_status()
        for row in rows:
            cells = list(cells_of(row, oracle))
            for cell in chance.sample(cells, min(OF_A_ROW, len(cells))):
                seen = attempt(server, _call(oracle, row, cell), credentials, instance)
                assert (seen.allowed, seen.step) == (row.allowed, row.step), f"{cell}: {seen}; said: {row}"


def _call(oracle: Oracle, row: Row, cell: Cell) -> Call:
    name, place, called, _, tls, command = cell
    aet = next(caller.aet for caller, one in oracle.cells() if one[0] == name)
    address = NOT_NAMED if place.kind == "elsewhere" else place.address
    assert row.entry.port == oracle.site.dicom.port
    return Call(aet, "ORTHANC" if called == "own" else "ANOTHER", address, command, tls)


@pytest.mark.parametrize("name", RELEASES)
def test_a_native_orthanc_is_not_reached_by_ipv6(name: str, tmp_path: Path) -> None:
    with ReleasedOrthanc(release(name), tmp_path / "orthanc", {}) as server:
        socket.create_connection(("127.0.0.1", server.dicom_port), timeout=5).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("::1", server.dicom_port), timeout=5)
