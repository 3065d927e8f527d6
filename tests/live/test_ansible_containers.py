"""Production in containers on hosts that have no engine and no way out, by Ansible: from nothing, and to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from orthancgen.plan.images import own_image
from orthancgen.runtimes.compose.sources import build
from tests.support.ansible_containers import HEALTHY, PASSWORD, SERVICES, ContainerFleet, running_container_fleet
from tests.support.engine import TestEngine
from tests.support.images import TestImages, build_viewer, tag
from tests.support.proof import ProofFigures
from tests.support.servers import wait_until

pytestmark = [pytest.mark.live, pytest.mark.timeout(1200)]

SITES: Final = ("site-a", "site-b")
DEPLOY: Final = "Deploy what changed"
LOAD: Final = "Load the archive"
ENGINE: Final = ("-e", "orthancgen_engine=true")
DICOM: Final = 2762
EMPTY: Final = {"orthancgen/lock", "orthancgen/helper"}
"""Images with nothing in them, which orthancgen makes for itself."""
NEW_GATEWAY: Final = tag("gateway:2")


@pytest.fixture(scope="module")
def fleet(engine: TestEngine, images: TestImages) -> Iterator[ContainerFleet]:
    client = engine.connect().client
    client.api.timeout = 600
    with running_container_fleet(engine, SITES, images, build_viewer(client)) as fleet:
        yield fleet


def test_a_host_without_an_engine_is_told_what_it_lacks(fleet: ContainerFleet) -> None:
    before = fleet.hosts["site-a"].files()
    ran = fleet.ansible.playbook("deploy", "--limit", "site-a", code=2)
    assert "the host lacks Docker Engine 20.10 and Docker Compose 2.20, or newer" in ran.text
    assert "orthancgen_engine: true installs docker.io, docker-cli, docker-compose" in ran.text
    assert ran.changed() == set()
    touched = sorted(fleet.hosts["site-a"].files() ^ before)
    assert touched == [], touched


def test_all_that_it_needs_is_in_one_file(fleet: ContainerFleet, engine: TestEngine) -> None:
    there = {line.split()[0]: line.split()[1] for line in fleet.listed(engine)}
    saved = {row["image"]: row["ids"] for row in fleet.save("site-a", engine)}
    assert sorted(saved) == fleet.names
    assert all(there[name] in ids for name, ids in saved.items())


def test_a_first_check_tells_what_would_be_done_and_does_nothing(fleet: ContainerFleet) -> None:
    before = fleet.hosts["site-a"].files()
    ran = fleet.ansible.playbook("deploy", "--check", "--diff", "--limit", "site-a", *ENGINE)
    assert (DEPLOY, "site-a") in ran.changed()
    assert "first: packages: docker-cli, docker-compose, docker.io, python3-venv" in ran.text
    assert f"first: images are loaded: {', '.join(fleet.names)}" in ran.text
    assert "then all of it is deployed" in ran.text
    assert PASSWORD not in ran.text
    touched = sorted(fleet.hosts["site-a"].files() ^ before)
    assert touched == [], touched


def test_the_first_run_brings_the_engine_the_images_and_the_site(fleet: ContainerFleet, engine: TestEngine) -> None:
    ran = fleet.ansible.playbook("deploy", *ENGINE)
    assert {(DEPLOY, name) for name in SITES} <= ran.changed()
    assert PASSWORD not in ran.text
    listed = fleet.listed(engine)
    for name in SITES:
        assert fleet.services(name) == HEALTHY
        things = fleet.things(name)
        assert len(things["containers"]) == len(SERVICES)
        # The same images by their content, and none that was pulled or built there.
        brought = [line for line in things["images"] if line.split(":")[0] not in EMPTY]
        assert brought == [line for line in listed if line.split()[0] in fleet.names]
        rendered = fleet.ansible.folder / "build" / name / "MANIFEST.json"
        assert rendered.read_text() in fleet.bundles(name)
        assert fleet.hosts[name].run("ls", "/opt/orthancgen").split() == ["tools", "wheels"]


def test_a_second_run_changes_nothing(fleet: ContainerFleet) -> None:
    before = {name: fleet.things(name) for name in SITES}
    ran = fleet.ansible.playbook("deploy", *ENGINE)
    assert ran.changed() == set()
    assert {name: row["changed"] for name, row in ran.recap().items() if name in SITES} == dict.fromkeys(SITES, 0)
    assert {name: fleet.things(name) for name in SITES} == before


def test_the_proofs_hold_and_the_firewall_guards_the_ports_that_containers_publish(fleet: ContainerFleet) -> None:
    ran = fleet.ansible.playbook("verify", "--limit", "site-a")
    assert ran.recap()["site-a"]["failed"] == 0
    assert ran.changed() == set()
    assert fleet.reaches("site-b", "site-a", DICOM)
    guarded = ("--limit", "site-a", "-e", "orthancgen_firewall=true")
    assert ("Confirm them", "site-a") in fleet.ansible.playbook("deploy", *guarded).changed()
    assert not fleet.reaches("site-b", "site-a", DICOM)
    assert fleet.controller_reaches("site-a", DICOM)
    assert fleet.ansible.playbook("deploy", *guarded).changed() == set()
    assert fleet.services("site-a") == HEALTHY


def test_check_mode_tells_exactly_what_the_run_then_does(fleet: ContainerFleet) -> None:
    fleet.write("site-a", orthanc={"aet": "OTHER"})
    before, things = fleet.hosts["site-a"].files(), fleet.things("site-a")
    checked = fleet.ansible.playbook("deploy", "--check", "--diff")
    touched = sorted(fleet.hosts["site-a"].files() ^ before)
    assert touched == [], touched
    assert fleet.things("site-a") == things
    assert checked.changed() == {(DEPLOY, "site-a")}
    assert 'orthanc/orthanc.json: DicomAet: "ORTHANC_PROD_AE" -> "OTHER"' in checked.text
    done = fleet.ansible.playbook("deploy", "--diff")
    assert done.changed() == checked.changed()
    assert fleet.aet("site-a") == "OTHER"
    after = fleet.things("site-a")
    assert (after["volumes"], after["images"]) == (things["volumes"], things["images"])


def test_an_image_that_is_new_is_brought_and_the_others_are_known(fleet: ContainerFleet, engine: TestEngine) -> None:
    text = f"FROM {own_image('gateway')}\nLABEL changed=yes\n"
    build(engine.connect().client.api, {"Dockerfile": text.encode()}, tag=NEW_GATEWAY)
    fleet.write("site-a", orthanc={"aet": "OTHER"}, images={"gateway": NEW_GATEWAY})
    fleet.save("site-a", engine)
    things = fleet.things("site-a")
    checked = fleet.ansible.playbook("deploy", "--check", "--diff", "--limit", "site-a")
    assert f"first: images are loaded: {NEW_GATEWAY}\n" in checked.text
    assert fleet.things("site-a") == things
    done = fleet.ansible.playbook("deploy", "--limit", "site-a")
    assert {(LOAD, "site-a"), (DEPLOY, "site-a")} <= done.changed()
    kept = {line.split()[0] for line in things["containers"]} & {
        line.split()[0] for line in fleet.things("site-a")["containers"]
    }
    assert len(kept) == len(SERVICES) - 1
    assert fleet.ansible.playbook("deploy", "--limit", "site-a").changed() == set()


def test_a_host_that_fails_is_taken_back_and_does_not_stop_the_others(fleet: ContainerFleet) -> None:
    before = fleet.things("site-a")
    for name in SITES:
        fleet.write(name, dicom={"port": 4300}, orthanc={"aet": "NEXT"})
    # Everything starts, and the proofs call a port that nobody reaches.
    rules = "table inet broken { chain input { type filter hook input priority 0; tcp dport 4300 reject; }; }"
    fleet.hosts["site-a"].run("nft", rules)
    ran = fleet.ansible.playbook("deploy", code=2)
    fleet.hosts["site-a"].run("nft", "delete", "table", "inet", "broken")
    recap = ran.recap()
    assert {name: recap[name]["failed"] for name in SITES} == {"site-a": 1, "site-b": 0}
    assert "is in use again" in ran.text
    assert [fleet.aet(name) for name in SITES] == ["OTHER", "NEXT"]
    assert fleet.services("site-a") == HEALTHY
    after = fleet.things("site-a")
    assert (after["volumes"], after["images"]) == (before["volumes"], before["images"])


def test_a_release_is_rolled_back(fleet: ContainerFleet) -> None:
    ran = fleet.ansible.playbook("rollback", "--limit", "site-b")
    assert ran.recap()["site-b"]["changed"] == 1
    assert fleet.aet("site-b") == "ORTHANC_PROD_AE"
    assert fleet.services("site-b") == HEALTHY


def test_a_site_comes_back_with_its_host(fleet: ContainerFleet) -> None:
    fleet.hosts["site-a"].restart()
    wait_until(lambda: fleet.services("site-a") == HEALTHY, seconds=120, what="the site is back")
    assert fleet.ansible.playbook("verify", "--limit", "site-a").recap()["site-a"]["failed"] == 0


def test_nothing_is_left_of_a_site_that_is_taken_away(fleet: ContainerFleet, proof_figures: ProofFigures) -> None:
    purge = ("--limit", "site-b", "-e", "orthancgen_purge=true")
    checked = fleet.ansible.playbook("uninstall", "--check", "--diff", *purge)
    assert "removed: images, records and secrets in /var/lib/orthancgen/site-b" in checked.text
    assert fleet.services("site-b") == HEALTHY
    engine = fleet.hosts["site-b"].run("docker", "version", "--format", "{{.Server.Version}}").strip()
    fleet.ansible.playbook("uninstall", *purge)
    things = fleet.things("site-b")
    assert (things["containers"], things["volumes"]) == ([], [])
    assert {line.split()[1] for line in things["networks"]} == {"bridge", "host", "none"}
    folders = "/etc/orthancgen /var/lib/orthancgen /opt/orthancgen/tools"
    assert "site-b" not in fleet.hosts["site-b"].run("sh", "-c", f"find {folders}")
    assert fleet.ansible.playbook("uninstall", *purge).changed() == set()
    told = f"as asked for: Docker {engine} of the distribution, images from a file"
    proof_figures("roll-outs of containers by Ansible to Debian GNU/Linux 13 (trixie)", 8, told)
