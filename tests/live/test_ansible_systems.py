"""The roll-out by Ansible to Debian 12, which has an older Orthanc, systemd and Python, beside Debian 13."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import yaml

from tests.support.ansible_fleet import HEALTHY, PASSWORD, Fleet, running_fleet
from tests.support.engine import TestEngine
from tests.support.proof import ProofFigures

OLD, NEW = "site-old", "site-new"


@pytest.fixture(scope="module")
def fleet(engine: TestEngine) -> Iterator[Fleet]:
    with running_fleet(engine, {OLD: "bookworm", NEW: "trixie"}) as fleet:
        yield fleet


def test_two_systems_beside_each_other(fleet: Fleet, proof_figures: ProofFigures) -> None:
    # As on a system that has no package of Orthanc.
    fleet.hosts[OLD].run("ln", "-s", "/usr/sbin/Orthanc", "/opt/orthanc")
    own = {"orthancgen_environ": {"ORTHANCGEN_ORTHANC": "/opt/orthanc"}}
    (fleet.ansible.folder / "host_vars").mkdir()
    (fleet.ansible.folder / "host_vars" / f"{OLD}.yaml").write_text(yaml.safe_dump(own))
    checked = fleet.ansible.playbook("deploy", "--check", "--diff", "-e", "orthancgen_serial=2")
    assert {host for _, host in checked.changed()} == {OLD, NEW}
    done = fleet.ansible.playbook("deploy", "-e", "orthancgen_serial=2")
    assert PASSWORD not in done.text
    said = {name: fleet.hosts[name].run("cat", f"/var/lib/orthancgen/{name}/run/supervisor.env") for name in (OLD, NEW)}
    assert 'ORTHANCGEN_ORTHANC="/opt/orthanc"' in said[OLD]
    assert 'ORTHANCGEN_ORTHANC="/usr/sbin/Orthanc"' in said[NEW]
    for name in (OLD, NEW):
        assert fleet.services(name) == HEALTHY
        rendered = fleet.ansible.folder / "build" / name / "MANIFEST.json"
        assert fleet.hosts[name].run("cat", f"/var/lib/orthancgen/{name}/config/MANIFEST.json") == rendered.read_text()
    assert fleet.ansible.playbook("deploy", "-e", "orthancgen_serial=2").changed() == set()
    assert fleet.ansible.playbook("verify").changed() == set()
    for name in (OLD, NEW):
        fleet.write(name, orthanc={"aet": "OTHER"})
    fleet.ansible.playbook("deploy", "-e", "orthancgen_serial=2")
    assert [fleet.aet(name) for name in (OLD, NEW)] == ["OTHER", "OTHER"]
    fleet.ansible.playbook("rollback")
    assert [fleet.aet(name) for name in (OLD, NEW)] == ["ORTHANC_DEV_AE", "ORTHANC_DEV_AE"]
    systemd = {name: fleet.hosts[name].run("systemctl", "--version").split()[1] for name in (OLD, NEW)}
    exposures = {name: fleet.exposure(name) for name in (OLD, NEW)}
    fleet.ansible.playbook("uninstall", "-e", "orthancgen_purge=true")
    for name in (OLD, NEW):
        assert name not in fleet.left(name)
        assert "supervisord" not in fleet.left(name)
        told = f"Orthanc {fleet.versions[name]}, systemd {systemd[name]}, exposure {exposures[name]}"
        proof_figures(f"roll-out by Ansible to {fleet.system(name)}", 6, f"as asked for: {told}")
