"""The roll-out by Ansible to other systems: Debian 12, and one that has rpm and dnf, beside Debian 13."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest
import yaml

from tests.support.ansible_fleet import HEALTHY, PASSWORD, Fleet, running_fleet
from tests.support.engine import TestEngine
from tests.support.proof import ProofFigures

SYSTEMS: Final = {"site-old": "bookworm", "site-new": "trixie", "site-rpm": "bookworm-rpm"}
AT_ONCE: Final = ("-e", "orthancgen_serial=3")


@pytest.fixture(scope="module")
def fleet(engine: TestEngine) -> Iterator[Fleet]:
    with running_fleet(engine, SYSTEMS) as fleet:
        yield fleet


@pytest.mark.timeout(1800)
def test_systems_beside_each_other(fleet: Fleet, proof_figures: ProofFigures) -> None:
    # As on the family of RHEL, which has no package of Orthanc.
    fleet.hosts["site-rpm"].run("ln", "-s", "/usr/sbin/Orthanc", "/opt/orthanc")
    own = {"orthancgen_environ": {"ORTHANCGEN_ORTHANC": "/opt/orthanc"}}
    (fleet.ansible.folder / "host_vars").mkdir()
    (fleet.ansible.folder / "host_vars" / "site-rpm.yaml").write_text(yaml.safe_dump(own))
    checked = fleet.ansible.playbook("deploy", "--check", "--diff", *AT_ONCE)
    assert {host for _, host in checked.changed()} == set(SYSTEMS)
    assert "first: packages: python3.12" in checked.text
    done = fleet.ansible.playbook("deploy", *AT_ONCE)
    assert PASSWORD not in done.text
    assert ("Install those that are missing, on the family of RHEL", "site-rpm") in done.changed()
    for name in SYSTEMS:
        assert fleet.services(name) == HEALTHY
        rendered = fleet.ansible.folder / "build" / name / "MANIFEST.json"
        assert fleet.hosts[name].run("cat", f"/var/lib/orthancgen/{name}/config/MANIFEST.json") == rendered.read_text()
        program = "/opt/orthanc" if name == "site-rpm" else "/usr/sbin/Orthanc"
        variables = fleet.hosts[name].run("cat", f"/var/lib/orthancgen/{name}/run/supervisor.env")
        assert f'ORTHANCGEN_ORTHANC="{program}"' in variables
    assert fleet.ansible.playbook("deploy", *AT_ONCE).changed() == set()
    assert fleet.ansible.playbook("verify").changed() == set()
    for name in SYSTEMS:
        fleet.write(name, orthanc={"aet": "OTHER"})
    fleet.ansible.playbook("deploy", *AT_ONCE)
    assert [fleet.aet(name) for name in SYSTEMS] == ["OTHER"] * 3
    fleet.ansible.playbook("rollback", *AT_ONCE)
    assert [fleet.aet(name) for name in SYSTEMS] == ["ORTHANC_DEV_AE"] * 3
    seen = {name: (fleet.systemd(name), fleet.exposure(name)) for name in SYSTEMS}
    fleet.ansible.playbook("uninstall", "-e", "orthancgen_purge=true", *AT_ONCE)
    for name, (systemd, exposure) in seen.items():
        assert name not in fleet.left(name)
        assert "supervisord" not in fleet.left(name)
        beside = " with rpm and dnf" if name == "site-rpm" else ""
        told = f"Orthanc {fleet.versions[name]}, systemd {systemd}, exposure {exposure}"
        proof_figures(f"roll-outs by Ansible to {fleet.system(name)}{beside}", 5, f"as asked for: {told}")
