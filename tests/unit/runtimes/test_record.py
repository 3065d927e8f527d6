"""Fingerprints tell which services a change touches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orthancgen.plan.build import plan
from orthancgen.plan.model import ServiceName
from orthancgen.render.catalogue import render
from orthancgen.runtimes.native.record import Record, fingerprint_services, load_record, store_record
from orthancgen.secrets.value import SecretValue
from tests.support.environments import MINIMAL, NEWEST, site_of

PROGRAM = Path(__file__)


def fingerprints(changes: dict[str, Any] | None = None, rotated: str = "") -> dict[ServiceName, str]:
    wanted = plan(site_of(MINIMAL, changes), NEWEST)
    secrets = {one.name: SecretValue("new" if one.name == rotated else "old") for one in wanted.secrets}
    programs: dict[ServiceName, Path] = {"orthanc": PROGRAM, "database": PROGRAM, "backend": PROGRAM}
    return fingerprint_services(wanted, render(wanted), secrets, programs)


@pytest.mark.parametrize(
    ("changes", "rotated", "touched"),
    [
        ({}, "", set()),
        ({"contact": {"name": "Somebody"}}, "", set()),
        ({"orthanc/name": "Another"}, "", {"orthanc"}),
        ({"modalities": {"ct1": {"aet": "CT1", "address": "192.0.2.10"}}}, "", {"orthanc"}),
        ({"backend": {"delivery": {"poll_seconds": 9}}}, "", {"backend"}),
        ({"backend": {"database": {"port": 27999}}}, "", {"database", "backend"}),
        ({"http": {"port": 8999}}, "", {"orthanc", "backend"}),
        ({}, "admin_password", {"orthanc"}),
        ({}, "webhook_token", {"orthanc", "backend"}),
        ({}, "database_password", {"database", "backend"}),
        ({}, "backend_orthanc_password", {"orthanc", "backend"}),
        ({}, "operator_token", {"backend"}),
    ],
)
def test_a_change_touches_those_that_read_it(changes: dict[str, Any], rotated: str, touched: set[str]) -> None:
    before, after = fingerprints(), fingerprints(changes, rotated)
    assert {name for name in before if before[name] != after[name]} == touched


def test_a_record_is_read_as_it_was_stored(tmp_path: Path) -> None:
    record = Record({"orthanc": "1"}, {"ORTHANCGEN_NODE": "/usr/bin/node"}, "2")
    store_record(tmp_path / "deployed.json", record)
    assert load_record(tmp_path / "deployed.json") == record
    assert (tmp_path / "deployed.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "nonsense", '{"fingerprints": 1, "variables": {}, "database_password": ""}']
)
def test_a_damaged_record_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "deployed.json").write_text(text)
    assert load_record(tmp_path / "deployed.json") == Record()
