"""Three sites on three hosts by Ansible: deployed, looked at, changed, taken back, rolled back, taken away."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import yaml

from orthancgen.resources import locate
from tests.support.ansible_hosts import LOGIN, WHEELHOUSE, Ansible, Host, controller, running_hosts
from tests.support.engine import TestEngine
from tests.support.servers import wait_until

SITES: Final = ("site-a", "site-b", "site-c")
DEPLOY: Final = "Deploy what changed"
PASSWORD: Final = "of the vault: 1234567890"


class Fleet:
    """Three hosts, each with an environment of its name, and the controller that brings it there."""

    def __init__(self, ansible: Ansible, hosts: Mapping[str, Host]) -> None:
        self.ansible, self.hosts = ansible, hosts
        self.version = hosts["site-a"].run("Orthanc", "--version").split("Orthanc ")[1].split()[0]
        gateway = hosts["site-a"].run("ip", "-json", "route", "show", "default")
        self.controller = json.loads(gateway)[0]["gateway"]
        for name in SITES:
            self.write(name)
        self.command("inventory", *(f"{name}.yaml" for name in SITES), "-o", "hosts.yaml")
        (ansible.folder / "vault-password").write_text("of the tests\n")
        (ansible.folder / "group_vars").mkdir()
        variables = {
            "orthancgen_wheel": str(ansible.wheel),
            "orthancgen_apps": str(ansible.apps),
            "orthancgen_wheelhouse": WHEELHOUSE,
            "orthancgen_health_seconds": 15,
            "orthancgen_secrets": {"orthanc_password": PASSWORD},
            "orthancgen_verify_from": [{"host": "localhost", "modality": "controller"}],
        }
        written = ansible.folder / "group_vars" / "orthancgen.yaml"
        written.write_text(yaml.safe_dump(variables))
        subprocess.run(
            ["ansible-vault", "encrypt", str(written)], env=ansible.environ(), check=True, capture_output=True
        )

    def write(self, name: str, **changes: Any) -> None:
        """Write the environment of a host; `dicom` and `orthanc` are completed by what is given."""
        document = {
            "extends": str(locate("environments") / "dev.yaml"),
            "environment": name,
            "orthanc": {"version": self.version, **changes.get("orthanc", {})},
            "dicom": changes.get("dicom", {}),
            "viewer": {"enabled": False},  # only the backend is built on the controller
            "modalities": {"controller": {"aet": "CONTROLLER", "address": self.controller, "may": ["echo", "store"]}},
            "secrets": {"orthanc_password": {"file": "/etc/orthancgen-secrets/orthanc_password"}},
            "deployment": {"host": self.hosts[name].address, "user": LOGIN, "supervisor_under": "systemd"},
        }
        (self.ansible.folder / f"{name}.yaml").write_text(yaml.safe_dump(document))

    def command(self, *arguments: str) -> None:
        """Run orthancgen on the controller."""
        command = [sys.executable, "-m", "orthancgen", *arguments]
        subprocess.run(command, cwd=self.ansible.folder, env=self.ansible.environ(), check=True)

    def services(self, name: str) -> dict[str, bool]:
        """Which services of a host are healthy, by its own orthancgen."""
        release = f"/etc/orthancgen/{name}/current"
        said = self.hosts[name].run(
            f"{release}/tool/bin/orthancgen", "status", f"{release}/{name}.yaml", "--json", check=False
        )
        return {row["service"]: row["healthy"] for row in json.loads(said)["services"]}

    def aet(self, name: str) -> str:
        """The AE title that the Orthanc of a host says it has."""
        path = f"/var/lib/orthancgen/{name}"
        said = self.hosts[name].run("/etc/orthancgen/" + name + "/current/tool/bin/python", "-c", _ASK, path)
        return str(json.loads(said)["DicomAet"])


_ASK: Final = """
import pathlib, sys, httpx
password = pathlib.Path(sys.argv[1], "secrets", "orthanc_password").read_text()
print(httpx.get("http://127.0.0.1:8042/system", auth=("orthanc", password)).raise_for_status().text)
"""


@pytest.fixture(scope="module")
def fleet(engine: TestEngine) -> Iterator[Fleet]:
    with controller() as ansible:
        key = (ansible.folder / "key.pub").read_text().strip()
        with running_hosts(engine, SITES, key) as hosts:
            yield Fleet(ansible, hosts)


HEALTHY: Final = {"database": True, "orthanc": True, "backend": True}


def test_a_first_check_tells_what_would_be_done_and_does_nothing(fleet: Fleet) -> None:
    before = fleet.hosts["site-a"].files()
    ran = fleet.ansible.playbook("deploy", "--check", "--diff", "--limit", "site-a")
    assert (DEPLOY, "site-a") in ran.changed()
    assert "then all of it is deployed" in ran.text
    assert PASSWORD not in ran.text
    touched = sorted(fleet.hosts["site-a"].files() ^ before)
    assert touched == [], touched


def test_the_first_run_deploys_every_site(fleet: Fleet) -> None:
    ran = fleet.ansible.playbook("deploy", "-e", "orthancgen_serial=3")
    assert {(DEPLOY, name) for name in SITES} <= ran.changed()
    assert PASSWORD not in ran.text
    for name in SITES:
        assert fleet.services(name) == HEALTHY
        # What was reviewed on the controller is what lies on the host.
        rendered = fleet.ansible.folder / "build" / name / "MANIFEST.json"
        assert fleet.hosts[name].run("cat", f"/var/lib/orthancgen/{name}/config/MANIFEST.json") == rendered.read_text()
    unit = "orthancgen-site-a.service"
    said = fleet.hosts["site-a"].run("systemd-analyze", "security", "--no-pager", unit)
    exposure = float(said.rsplit("level for", 1)[1].split(": ")[1].split()[0])
    assert exposure < 3
    assert fleet.hosts["site-a"].run("systemctl", "is-enabled", unit).strip() == "enabled"


def test_a_second_run_changes_nothing(fleet: Fleet) -> None:
    ran = fleet.ansible.playbook("deploy", "-e", "orthancgen_serial=3")
    assert ran.changed() == set()
    assert {name: row["changed"] for name, row in ran.recap().items() if name in SITES} == dict.fromkeys(SITES, 0)


def test_the_proofs_hold_on_the_host_and_from_the_controller(fleet: Fleet) -> None:
    ran = fleet.ansible.playbook("verify", "--limit", "site-a")
    assert ran.recap()["site-a"]["failed"] == 0
    assert ran.changed() == set()


def test_check_mode_tells_exactly_what_the_run_then_does(fleet: Fleet) -> None:
    fleet.write("site-a", orthanc={"aet": "OTHER"})
    before = fleet.hosts["site-a"].files()
    checked = fleet.ansible.playbook("deploy", "--check", "--diff", "-e", "orthancgen_serial=3")
    touched = sorted(fleet.hosts["site-a"].files() ^ before)
    assert touched == [], touched
    assert checked.changed() == {(DEPLOY, "site-a")}
    assert 'orthanc/orthanc.json: DicomAet: "ORTHANC_DEV_AE" -> "OTHER"' in checked.text
    assert "orthanc: restart: orthanc/orthanc.json" in checked.text
    assert "database: restart" not in checked.text
    done = fleet.ansible.playbook("deploy", "--diff", "-e", "orthancgen_serial=3")
    assert done.changed() == checked.changed()
    assert fleet.aet("site-a") == "OTHER"


def test_a_host_that_fails_is_taken_back_and_does_not_stop_the_others(fleet: Fleet) -> None:
    for name in SITES:
        fleet.write(name, dicom={"port": 4300}, orthanc={"aet": "NEXT"})
    rules = "table inet broken { chain input { type filter hook input priority 0; tcp dport 4300 drop; }; }"
    fleet.hosts["site-b"].run("nft", rules)
    ran = fleet.ansible.playbook("deploy", code=2)
    recap = ran.recap()
    assert {name: recap[name]["failed"] for name in SITES} == {"site-a": 0, "site-b": 1, "site-c": 0}
    assert "is in use again" in ran.text
    assert [fleet.aet(name) for name in SITES] == ["NEXT", "ORTHANC_DEV_AE", "NEXT"]
    assert fleet.services("site-b") == HEALTHY
    fleet.hosts["site-b"].run("nft", "delete", "table", "inet", "broken")


def test_a_roll_out_ends_when_too_many_failed(fleet: Fleet) -> None:
    rules = "table inet broken { chain input { type filter hook input priority 0; tcp dport 4301 drop; }; }"
    for name in SITES:
        fleet.write(name, dicom={"port": 4301})
    fleet.hosts["site-a"].run("nft", rules)
    ran = fleet.ansible.playbook("deploy", "-e", "orthancgen_max_failed=0", code=2)
    fleet.hosts["site-a"].run("nft", "delete", "table", "inet", "broken")
    assert re.findall(r"fatal: \[(\S+)\].*too many hosts failed before it", ran.text) == ["site-b", "site-c"]
    assert [fleet.aet(name) for name in SITES] == ["NEXT", "ORTHANC_DEV_AE", "NEXT"]


def test_a_release_is_rolled_back(fleet: Fleet) -> None:
    ran = fleet.ansible.playbook("rollback", "--limit", "site-a")
    assert ran.recap()["site-a"]["changed"] == 1
    assert fleet.aet("site-a") == "OTHER"


def test_a_site_comes_back_with_its_host(fleet: Fleet) -> None:
    fleet.hosts["site-a"].restart()
    wait_until(lambda: fleet.services("site-a") == HEALTHY, seconds=60, what="the site is back")


def test_nothing_is_left_of_a_site_that_is_taken_away(fleet: Fleet) -> None:
    host = fleet.hosts["site-a"]
    checked = fleet.ansible.playbook(
        "uninstall", "--check", "--diff", "--limit", "site-a", "-e", "orthancgen_purge=true"
    )
    assert "removed: images, records and secrets in /var/lib/orthancgen/site-a" in checked.text
    assert fleet.services("site-a") == HEALTHY
    fleet.ansible.playbook("uninstall", "--limit", "site-a", "-e", "orthancgen_purge=true")
    folders = "/etc/systemd /etc/orthancgen /var/lib/orthancgen /opt/orthancgen/tools"
    left = f"find {folders}; cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'"
    said = host.run("sh", "-c", left)
    assert "site-a" not in said
    assert "supervisord" not in said
    assert fleet.ansible.playbook("uninstall", "--limit", "site-a").changed() == set()
