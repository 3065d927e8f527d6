"""Three sites on three hosts by Ansible: deployed, looked at, changed, taken back, rolled back, taken away."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.support.ansible_fleet import HEALTHY, PASSWORD, SITES, Fleet, running_fleet
from tests.support.engine import TestEngine
from tests.support.servers import wait_until

DEPLOY: Final = "Deploy what changed"
BACK: Final = "Bring the release before the current one back"
RENEW: Final = "Prove it by the clock as that release wants it"
TIMER: Final = "orthancgen-verify-site-a.timer"


@pytest.fixture(scope="module")
def fleet(engine: TestEngine) -> Iterator[Fleet]:
    with running_fleet(engine, dict.fromkeys(SITES, "trixie")) as fleet:
        yield fleet


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
    assert fleet.exposure("site-a") < 3
    handed = {"backend_orthanc_password", "database_password", "operator_token", "webhook_token"}
    assert fleet.inside("site-a", f"ls /run/credentials/{unit}") == handed
    assert fleet.inside("site-a", "ls /var/lib/orthancgen/site-a/secrets") == set()
    # Authorities, and what a deploy keeps to go back to: there, and for nobody.
    hidden = "/var/lib/orthancgen/site-a/ca /var/lib/orthancgen/site-a/withheld"
    assert fleet.inside("site-a", f"stat --format %a {hidden}") == {"0"}
    assert handed < set(fleet.hosts["site-a"].run("ls", "/var/lib/orthancgen/site-a/secrets").split())
    assert fleet.hosts["site-a"].run("systemctl", "is-enabled", unit).strip() == "enabled"


def test_a_second_run_changes_nothing(fleet: Fleet) -> None:
    ran = fleet.ansible.playbook("deploy", "-e", "orthancgen_serial=3")
    assert ran.changed() == set()
    assert {name: row["changed"] for name, row in ran.recap().items() if name in SITES} == dict.fromkeys(SITES, 0)


def test_the_proofs_hold_on_the_host_and_from_the_controller_and_another_host(fleet: Fleet) -> None:
    ran = fleet.ansible.playbook("verify", "-v", "--limit", "site-a")
    assert ran.recap()["site-a"]["failed"] == 0
    assert ran.changed() == set()
    # The controller may only echo, the other host may store too; neither may pretend to be the other.
    assert re.search(r"C-STORE is refused to those who may not +refused to CONTROLLER: association aborted", ran.text)
    assert re.search(r"C-STORE stores the image of a test patient +so for NEIGHBOUR from", ran.text)
    assert len(re.findall(r"passed +The AE title of another modality is refused from here", ran.text)) >= 2
    assert ran.text.count("10 of 10 passed") >= 2


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
        fleet.write(
            name, dicom={"port": 4300}, orthanc={"aet": "NEXT"}, observability={"verify_schedule": "daily 02:30"}
        )
    rules = "table inet broken { chain input { type filter hook input priority 0; tcp dport 4300 drop; }; }"
    fleet.hosts["site-b"].run("nft", rules)
    # Two at a time: what fails in the first batch stops neither its neighbour nor the next batch.
    with fleet.impatient("site-b"), fleet.ansible.host_variables("site-a", orthancgen_verify_timer=True):
        ran = fleet.ansible.playbook("deploy", "-e", "orthancgen_serial=2", code=2)
    recap = ran.recap()
    assert {name: recap[name]["failed"] for name in SITES} == {"site-a": 0, "site-b": 1, "site-c": 0}
    assert "is in use again" in ran.text
    wait_until(lambda: fleet.services("site-b") == HEALTHY, what="the site is as it was")
    assert [fleet.aet(name) for name in SITES] == ["NEXT", "ORTHANC_DEV_AE", "NEXT"]
    fleet.hosts["site-b"].run("nft", "delete", "table", "inet", "broken")


def test_a_roll_out_ends_when_too_many_failed(fleet: Fleet) -> None:
    rules = "table inet broken { chain input { type filter hook input priority 0; tcp dport 4301 drop; }; }"
    for name in SITES:
        fleet.write(name, dicom={"port": 4301})
    fleet.hosts["site-a"].run("nft", rules)
    with fleet.impatient("site-a"):
        ran = fleet.ansible.playbook("deploy", "-e", "orthancgen_max_failed=0", code=2)
    fleet.hosts["site-a"].run("nft", "delete", "table", "inet", "broken")
    wait_until(lambda: fleet.services("site-a") == HEALTHY, what="the site is as it was")
    assert re.findall(r"fatal: \[(\S+)\].*too many hosts failed before it", ran.text) == ["site-b", "site-c"]
    assert [fleet.aet(name) for name in SITES] == ["NEXT", "ORTHANC_DEV_AE", "NEXT"]


def test_a_release_is_rolled_back_with_the_timer_of_its_proofs(fleet: Fleet) -> None:
    host = fleet.hosts["site-a"]
    assert "OnCalendar=*-*-* 02:30:00" in host.run("cat", f"/etc/systemd/system/{TIMER}")
    before = host.files()
    checked = fleet.ansible.playbook("rollback", "--check", "--diff", "--limit", "site-a")
    assert re.search(r"^-OnCalendar=\*-\*-\* 02:30:00$\s*^\+OnCalendar=hourly$", checked.text, re.MULTILINE)
    assert sorted(host.files() ^ before) == []
    ran = fleet.ansible.playbook("rollback", "--limit", "site-a")
    assert ran.changed() == checked.changed() == {(BACK, "site-a"), (RENEW, "site-a")}
    assert fleet.aet("site-a") == "OTHER"
    # Not only in the file: systemd goes by it.
    assert "OnCalendar=*-*-* *:00:00" in host.run("systemctl", "show", "--property", "TimersCalendar", TIMER)
    assert host.run("systemctl", "is-active", TIMER).strip() == "active"


def test_a_site_comes_back_with_its_host(fleet: Fleet) -> None:
    fleet.hosts["site-a"].restart()
    wait_until(lambda: fleet.services("site-a") == HEALTHY, what="the site is back")


def test_nothing_is_left_of_a_site_that_is_taken_away(fleet: Fleet) -> None:
    checked = fleet.ansible.playbook(
        "uninstall", "--check", "--diff", "--limit", "site-a", "-e", "orthancgen_purge=true"
    )
    assert "removed: images, records and secrets in /var/lib/orthancgen/site-a" in checked.text
    assert fleet.services("site-a") == HEALTHY
    fleet.ansible.playbook("uninstall", "--limit", "site-a", "-e", "orthancgen_purge=true")
    said = fleet.left("site-a")
    assert "site-a" not in said
    assert "supervisord" not in said
    assert fleet.ansible.playbook("uninstall", "--limit", "site-a").changed() == set()
