"""A whole site by Ansible under systemd: viewer, analysis and DICOM TLS, its secrets rotated, its proofs by the clock."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, Final

import pytest
import yaml

from tests.support.ansible_fleet import HEALTHY, Fleet, running_fleet
from tests.support.engine import TestEngine
from tests.support.proof import ProofFigures, tell_count
from tests.support.servers import wait_until

pytestmark = [pytest.mark.proof, pytest.mark.timeout(900)]

SITE: Final = "site-v"
UNIT: Final = f"orthancgen-{SITE}.service"
ROOT: Final = f"/var/lib/orthancgen/{SITE}"
PROOFS: Final = f"orthancgen-verify-{SITE}"
METRICS: Final = f"/var/lib/prometheus/node-exporter/orthancgen-{SITE}.prom"
WHOLE: Final[dict[str, Any]] = {
    "viewer": {"enabled": True},
    "analysis": {"enabled": True, "on_arrival": ["image_quality"], "quiet_seconds": 1},
    "dicom": {"tls": {"enabled": True, "client_certificates": "required"}},
}
HANDED: Final = {
    *("backend_orthanc_password", "database_password", "operator_token", "webhook_token"),
    *("analysis_orthanc_password", "analysis_token", "viewer_orthanc_password", "viewer_token"),
}
OF_ORTHANC: Final = {"dicom_tls_certificate", "dicom_tls_key", "dicom_tls_trusted"}


@pytest.fixture(scope="module")
def fleet(engine: TestEngine) -> Iterator[Fleet]:
    with running_fleet(engine, {SITE: "trixie"}, whole=True) as fleet:
        fleet.write(SITE, **WHOLE)
        own = {"orthancgen_verify_from": [], "orthancgen_verify_timer": True}
        (fleet.ansible.folder / "host_vars").mkdir()
        (fleet.ansible.folder / "host_vars" / f"{SITE}.yaml").write_text(yaml.safe_dump(own))
        yield fleet


def answer(fleet: Fleet, path: str, token: str) -> int:
    """The status that the backend answers with, asked on its host with a token."""
    script = (
        "import sys, httpx; print(httpx.get('http://127.0.0.1:8001' + sys.argv[1], "
        "headers={'Authorization': 'Bearer ' + sys.argv[2]}).status_code)"
    )
    python = f"/etc/orthancgen/{SITE}/current/tool/bin/python"
    return int(fleet.hosts[SITE].run(python, "-c", script, path, token))


def secret(fleet: Fleet, name: str) -> str:
    return fleet.hosts[SITE].run("cat", f"{ROOT}/secrets/{name}")


def test_a_whole_site_is_deployed(fleet: Fleet) -> None:
    print(fleet.ansible.playbook("deploy", "--check", "--diff").text[-1500:])
    done = fleet.ansible.playbook("deploy", "--diff")
    print(done.text[-3000:])
    print(fleet.services(SITE))
    for what in (f"ls -la /run/credentials/{UNIT}", f"ls -la {ROOT}/secrets {ROOT}/ca {ROOT}/withheld {ROOT}"):
        print(what, fleet.hosts[SITE].run("sh", "-c", f"nsenter --mount --target $(systemctl show --property MainPID --value {UNIT}) {what}", check=False))
    print(fleet.hosts[SITE].run("ls", "-la", ROOT))
    print(fleet.told(SITE, "verify", "ENV", check=False))
    again = fleet.ansible.playbook("deploy", "--diff")
    print(again.changed(), again.text[-2500:])
    print(fleet.hosts[SITE].run("mkdir", "-p", "/var/lib/prometheus/node-exporter"))
    print(fleet.hosts[SITE].run("systemctl", "start", f"{PROOFS}.service", check=False))
    print(fleet.hosts[SITE].run("journalctl", "-u", f"{PROOFS}.service", "--no-pager", check=False)[-3000:])
    print(fleet.hosts[SITE].run("cat", METRICS, check=False)[:2500])
    print(fleet.hosts[SITE].run("cat", f"/etc/systemd/system/{PROOFS}.service", check=False))
    assert False
