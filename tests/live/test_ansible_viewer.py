"""A whole site by Ansible under systemd: viewer, analysis, DICOM TLS; a secret rotated; its proofs by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, Final

import pytest
import yaml

from tests.support.ansible_fleet import HEALTHY, PASSWORD, Fleet, running_fleet
from tests.support.engine import TestEngine
from tests.support.proof import ProofFigures
from tests.support.servers import wait_until

pytestmark = pytest.mark.timeout(900)

SITE: Final = "site-v"
DEPLOY: Final = ("Deploy what changed", SITE)
UNIT: Final = f"orthancgen-{SITE}.service"
STATE: Final = f"/var/lib/orthancgen/{SITE}"
PROOFS: Final = f"orthancgen-verify-{SITE}"
TEXTFILES: Final = "/var/lib/prometheus/node-exporter"
WHOLE: Final[dict[str, Any]] = {
    "viewer": {"enabled": True},
    "analysis": {"enabled": True, "on_arrival": ["image_quality"], "quiet_seconds": 1},
    "dicom": {"tls": {"enabled": True, "client_certificates": "required"}},
}
HANDED: Final = {
    *("backend_orthanc_password", "database_password", "operator_token", "webhook_token", "viewer_orthanc_password"),
    *("analysis_orthanc_password", "analysis_token"),
}
OF_ORTHANC: Final = {"dicom_tls_certificate", "dicom_tls_key", "dicom_tls_trusted"}
ASK: Final = """
import sys, httpx
print(httpx.get(sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"}).status_code)
"""
TITLES: Final = {
    "C-ECHO answers with success": 2,
    "A DICOM caller with a certificate of another authority is refused": 2,
    "The viewer shows the test study and its image after a login": 1,
    "The test study is analysed, by each provider that reads it": 1,
}
"""Title of a proof -> from how many places it is asked."""
OFTEN: Final = "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/5\nRandomizedDelaySec=0\nAccuracySec=100ms\n"


FILES: Final = {"ca": "ca.pem", "cert": "controller.crt.pem", "key": "controller.key.pem"}


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def fleet(engine: TestEngine, request: pytest.FixtureRequest) -> Iterator[Fleet]:
    with running_fleet(engine, {SITE: request.param}, whole=True) as fleet:
        fleet.write(SITE, **WHOLE)
        pems = {key: str(fleet.ansible.folder / name) for key, name in FILES.items()}
        own = {
            "orthancgen_verify_timer": True,
            "orthancgen_verify_from": [{"host": "localhost", "modality": "controller", **pems}],
        }
        (fleet.ansible.folder / "host_vars").mkdir()
        (fleet.ansible.folder / "host_vars" / f"{SITE}.yaml").write_text(yaml.safe_dump(own))
        yield fleet


def secret(fleet: Fleet, name: str) -> str:
    return fleet.hosts[SITE].run("cat", f"{STATE}/secrets/{name}")


def status(fleet: Fleet, token: str) -> int:
    """What the backend answers to a token, asked on its host."""
    python = f"/etc/orthancgen/{SITE}/current/tool/bin/python"
    return int(fleet.hosts[SITE].run(python, "-c", ASK, "http://127.0.0.1:8001/api/studies", token))


def metrics(fleet: Fleet) -> dict[str, float]:
    """The last run of the proofs, as the node exporter would tell it; empty before the first."""
    text = fleet.hosts[SITE].run("cat", f"{TEXTFILES}/orthancgen-{SITE}.prom", check=False)
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name.removesuffix(f'{{environment="{SITE}"}}'): float(value) for name, value in lines}


@contextmanager
def closed_port(fleet: Fleet) -> Iterator[None]:
    """Whoever calls Orthanc's DICOM port is refused by the host's firewall."""
    rule = "tcp dport 4242 reject with tcp reset"
    fleet.hosts[SITE].run(
        "nft", f"table inet broken {{ chain input {{ type filter hook input priority 0; {rule}; }}; }}"
    )
    try:
        yield
    finally:
        fleet.hosts[SITE].run("nft", "delete", "table", "inet", "broken")


def test_a_whole_site_is_deployed_and_each_service_sees_what_it_must_alone(fleet: Fleet) -> None:
    checked = fleet.ansible.playbook("deploy", "--check", "--diff")
    done = fleet.ansible.playbook("deploy", "--diff")
    assert {DEPLOY, ("Prove the environment by the clock", SITE)} <= checked.changed() <= done.changed()
    assert PASSWORD not in done.text
    assert fleet.services(SITE) == {**HEALTHY, "viewer": True, "analysis": True}
    assert fleet.inside(SITE, f"ls /run/credentials/{UNIT}") == HANDED
    assert fleet.inside(SITE, f"ls {STATE}/secrets") == OF_ORTHANC
    # The key of an authority is on the host, and nowhere that a service sees.
    assert fleet.hosts[SITE].run("find", f"{STATE}/ca", "-name", "*.pem").split()
    assert fleet.inside(SITE, f"ls {STATE}/ca {STATE}/withheld") == {f"{STATE}/ca:", f"{STATE}/withheld:"}
    assert fleet.exposure(SITE) < 3
    assert fleet.ansible.playbook("deploy").changed() == set()


def test_the_proofs_hold_on_the_host_and_over_tls_from_the_controller(fleet: Fleet) -> None:
    fleet.told(SITE, "certs", "bundle", "ENV", "controller", "-o", "/root/controller")
    for name in FILES.values():
        (fleet.ansible.folder / name).write_text(fleet.hosts[SITE].run("cat", f"/root/controller/{name}"))
    ran = fleet.ansible.playbook("verify", "-v")
    assert ran.changed() == set()
    # Ansible shows what a command printed twice: as a text, and as lines.
    shown = {title: ran.text.count(f"passed  {title}") // 2 for title in TITLES}
    assert shown == TITLES


def test_nothing_of_what_a_deploy_goes_back_to_is_seen_while_it_runs(fleet: Fleet, proof_figures: ProofFigures) -> None:
    pid = fleet.hosts[SITE].run("systemctl", "show", "--property", "MainPID", UNIT)
    fleet.write(SITE, **WHOLE, orthanc={"aet": "NEVER"})
    seen: list[set[str]] = []

    def keeps() -> bool:
        return "last-good" in fleet.hosts[SITE].run("ls", f"{STATE}/withheld")

    options = ("deploy", "-e", "orthancgen_health_seconds=6")
    deploy = Thread(target=fleet.ansible.playbook, args=options, kwargs={"code": 2})
    with closed_port(fleet):
        deploy.start()
        wait_until(keeps, seconds=180, what="the deploy keeps what it goes back to")
        while keeps():
            seen.append(fleet.inside(SITE, f"ls {STATE}/withheld"))
    deploy.join()
    fleet.write(SITE, **WHOLE)
    # It is the unit that was started when there was nothing to be seen yet.
    assert fleet.hosts[SITE].run("systemctl", "show", "--property", "MainPID", UNIT) == pid
    assert seen
    assert set().union(*seen) == set()
    assert fleet.hosts[SITE].run("ls", f"{STATE}/withheld") == ""
    assert fleet.aet(SITE) == "ORTHANC_DEV_AE"
    proof_figures(
        "looks from inside a unit of systemd while a deploy keeps what it goes back to", len(seen), "nothing seen"
    )


def test_a_secret_is_rotated_and_taken_back_where_that_fails(fleet: Fleet) -> None:
    old = secret(fleet, "operator_token")
    fleet.told(SITE, "secrets", "rotate", "ENV", "operator_token")
    assert fleet.hosts[SITE].run("ls", f"{STATE}/withheld/secrets.next").split() == ["operator_token"]
    assert fleet.inside(SITE, f"ls {STATE}/withheld") == set()
    checked = fleet.ansible.playbook("deploy", "--check", "--diff")
    assert checked.changed() == {DEPLOY}
    assert "operator_token: changed" in checked.text
    assert "viewer: restart: its supervisor is started anew" in checked.text
    with closed_port(fleet):
        failed = fleet.ansible.playbook("deploy", "-e", "orthancgen_health_seconds=6", code=2)
    assert old not in failed.text
    wait_until(lambda: all(fleet.services(SITE).values()), seconds=180, what="the site is as it was")
    assert secret(fleet, "operator_token") == old
    assert fleet.inside(SITE, f"cat /run/credentials/{UNIT}/operator_token") == {old}
    assert status(fleet, old) == 200
    assert fleet.ansible.playbook("deploy").changed() == {DEPLOY}
    new = secret(fleet, "operator_token")
    assert new != old
    assert fleet.inside(SITE, f"cat /run/credentials/{UNIT}/operator_token") == {new}
    assert (status(fleet, new), status(fleet, old)) == (200, 401)
    assert fleet.ansible.playbook("deploy").changed() == set()


def test_the_proofs_run_by_the_clock(fleet: Fleet, proof_figures: ProofFigures) -> None:
    host = fleet.hosts[SITE]
    # By hand on the host, the same units come of it.
    units = host.run("sh", "-c", f"cat /etc/systemd/system/{PROOFS}.*")
    assert "written to /etc/systemd/system" in fleet.told(SITE, "verify", "ENV", "--install-timer")
    assert host.run("sh", "-c", f"cat /etc/systemd/system/{PROOFS}.*") == units
    host.run("systemctl", "start", f"{PROOFS}.service")
    by_hand = metrics(fleet)
    assert by_hand["orthancgen_verify_success"] == 1
    assert host.run("systemctl", "is-enabled", f"{PROOFS}.timer").strip() == "enabled"
    assert host.run("systemctl", "show", "--property", "NextElapseUSecRealtime", "--value", f"{PROOFS}.timer").strip()
    folder = f"/etc/systemd/system/{PROOFS}.timer.d"
    host.run("sh", "-c", f"mkdir {folder} && printf '{OFTEN}' > {folder}/often.conf && systemctl daemon-reload")
    host.run("systemctl", "restart", f"{PROOFS}.timer")

    def newer(success: int) -> bool:
        found, when = metrics(fleet), "orthancgen_verify_run_timestamp_seconds"
        return found[when] > by_hand[when] and found["orthancgen_verify_success"] == success

    wait_until(lambda: newer(1), seconds=180, what="the timer has the proofs run")
    with closed_port(fleet):
        wait_until(lambda: newer(0), seconds=180, what="a run of the timer says that a proof failed")
        host.run("systemctl", "stop", f"{PROOFS}.timer")
        wait_until(
            lambda: host.run("systemctl", "is-failed", f"{PROOFS}.service", check=False).strip() == "failed",
            seconds=180, what="systemd says that the proofs failed",
        )  # fmt: skip
    host.run("systemctl", "start", f"{PROOFS}.service")
    assert metrics(fleet)["orthancgen_verify_success"] == 1
    # A run of the playbook starts the timer again.
    assert fleet.ansible.playbook("deploy").changed() == {("Prove the environment by the clock", SITE)}
    assert host.run("systemctl", "is-active", f"{PROOFS}.timer").strip() == "active"
    proof_figures(
        "proofs of a whole site under systemd, by hand and by the clock", 4, "3 good, 1 that found a closed port"
    )


def test_nothing_is_left_of_it(fleet: Fleet) -> None:
    fleet.hosts[SITE].run("rm", "-r", f"/etc/systemd/system/{PROOFS}.timer.d")
    fleet.ansible.playbook("uninstall", "-e", "orthancgen_purge=true")
    assert SITE not in fleet.left(SITE)
    assert fleet.ansible.playbook("uninstall").changed() == set()
