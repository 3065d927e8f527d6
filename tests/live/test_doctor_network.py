"""The way to a native site, made impassable for real: the doctor names what stands in the way."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orthancgen.runtimes.native.running import look
from orthancgen.runtimes.state import State
from tests.support.doctor import INJECTED, ask, assert_healthy, assert_named
from tests.support.namespaces import Hosts, network
from tests.support.native import Native
from tests.support.servers import require_dcmtk, require_program

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

HOST, CT = "10.93.7.1", "10.93.7.21"
NOBODY = "203.0.113.77"
"""An address for documentation: RFC 5737."""


@pytest.fixture(scope="module")
def hosts() -> Iterator[Hosts]:
    require_program("nft", "apt-get install nftables")
    require_program("iptables", "apt-get install iptables")
    with network(HOST, [CT]) as found:
        yield found


@pytest.fixture(scope="module")
def deployed(state_root: Path, native_apps: Path, hosts: Hosts) -> Iterator[Native]:
    site = Native(state_root, "dnet", apps=native_apps)
    site.write(BASE)
    try:
        site.deploy()
        yield site
    finally:
        site.end()


BASE: dict[str, Any] = {
    "modalities.ct1": {"aet": "CT1", "address": CT, "may": ["echo", "store"]},
    "dicom.ae_checks": {"called_aet": True, "calling_aet": "registered_from_own_address", "anyone_may": []},
}


@pytest.fixture
def site(deployed: Native) -> Iterator[Native]:
    yield deployed
    deployed.write(BASE)
    deployed.deploy()
    assert_healthy(deployed.file, deployed.state)


def echoes(site: Native, hosts: Hosts) -> bool:
    """Whether the modality's own C-ECHO gets through."""
    echoscu = require_dcmtk("echoscu")
    command = [echoscu, "-to", "2", "-aet", "CT1", "-aec", "ORTHANC_DEV_AE", HOST, str(site.ports["dicom"])]
    return hosts.run(CT, *command).returncode == 0


def run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def nft(rules: str) -> Iterator[None]:
    """A table of the test's own, about nothing but its own bridge."""
    script = f"table inet ogdoctor {{\n{rules}\n}}\n".replace("; }", ";\n}\n")
    subprocess.run(["nft", "-f", "-"], input=script, check=True, text=True)
    try:
        yield
    finally:
        run("nft", "delete", "table", "inet", "ogdoctor")


def test_nothing_is_wrong(site: Native, hosts: Hosts) -> None:
    assert echoes(site, hosts)
    assert_healthy(site.file, site.state)


def test_nft_drops_the_modality(site: Native, hosts: Hosts) -> None:
    port = site.ports["dicom"]
    rule = f"ip saddr {CT} tcp dport {port} drop"
    with nft(f"chain guard {{ type filter hook input priority 10; policy accept; {rule}; }}"):
        assert not echoes(site, hosts)
        found = assert_named("nft drops a modality, native", site.file, site.state, "host-firewall-drops")
        one = found["host-firewall-drops"]
        assert one.evidence[0].text == rule
        assert one.evidence[0].where == "nft, table inet ogdoctor, chain guard"
        assert CT in one.title
        assert one.remedies[0].command == "nft -a list chain inet ogdoctor guard"
    assert echoes(site, hosts)


def test_nft_drops_by_interface_in_a_chain_of_its_own(site: Native, hosts: Hosts) -> None:
    bridge = next(iter(hosts.names.values())).removesuffix("n0") + "b"
    rules = (
        f"set dicom {{ type inet_service; elements = {{ {site.ports['dicom']} }}; }} "
        f"chain wire {{ tcp dport @dicom jump last; }} chain last {{ reject with tcp reset; }} "
        f'chain guard {{ type filter hook input priority 10; policy accept; iifname "nowhere" drop; '
        f'iifname "{bridge}" goto wire; }}'
    )
    with nft(rules):
        assert not echoes(site, hosts)
        found = assert_named(
            "nft rejects on an interface, native", site.file, site.state, "host-firewall-drops"
        )  # fmt: skip
        assert found["host-firewall-drops"].evidence[0].where == "nft, table inet ogdoctor, chain last"


def test_nft_that_is_about_others_is_not_blamed(site: Native, hosts: Hosts) -> None:
    rules = (
        "chain guard { type filter hook input priority 10; policy accept; "
        f'iifname "nowhere" drop; ip saddr {NOBODY} drop; tcp dport 1 drop; ct state invalid drop; '
        f"ip daddr {NOBODY} drop; tcp dport {site.ports['dicom']} limit rate over 1000/second drop; }}"
    )
    with nft(rules):
        assert echoes(site, hosts)
        assert_healthy(site.file, site.state)


@pytest.mark.parametrize("verdict", ["REJECT", "DROP"])
def test_iptables_keeps_the_modality_out(site: Native, hosts: Hosts, verdict: str) -> None:
    rule = ["-s", f"{CT}/32", "-p", "tcp", "-m", "tcp", "--dport", str(site.ports["dicom"]), "-j", verdict]
    run("iptables", "-w", "-I", "INPUT", *rule)
    try:
        assert not echoes(site, hosts)
        found = assert_named(
            f"iptables {verdict} of a modality, native", site.file, site.state, "host-firewall-drops"
        )["host-firewall-drops"]  # fmt: skip
        assert found.evidence[0].where == "iptables, table filter, chain INPUT"
        command = found.remedies[0].command
        assert command is not None
        assert command.startswith(f"iptables -t filter -D INPUT -s {CT}/32")
    except BaseException:
        run("iptables", "-w", "-D", "INPUT", *rule)
        raise
    # The command that is given takes the rule away.
    run("sh", "-c", command)
    assert echoes(site, hosts)


def test_a_name_that_nobody_knows(site: Native) -> None:
    site.write(BASE | {"certificates.names": ["pacs.invalid"]})
    site.deploy()
    found = assert_named("name of the site unknown, native", site.file, site.state, "name-unknown")
    assert "pacs.invalid" in found["name-unknown"].title


def test_a_modality_whose_name_nobody_knows(site: Native) -> None:
    checks = {"called_aet": True, "calling_aet": "registered", "anyone_may": []}
    mr1 = {"aet": "MR1", "address": "mr1.invalid", "may": ["echo"]}
    site.write(BASE | {"modalities.mr1": mr1, "dicom.ae_checks": checks})
    site.deploy()
    found = assert_named("name of a modality unknown, native", site.file, site.state, "name-unknown")
    assert found["name-unknown"].subject == "modality mr1"


def test_a_name_that_leads_to_another_host(site: Native, tmp_path: Path) -> None:
    site.write(BASE | {"certificates.names": ["pacs.test"]})
    site.deploy()
    (tmp_path / "hosts").write_text(f"127.0.0.1 localhost\n{NOBODY} pacs.test\n")
    assert in_own_mounts(tmp_path, site) == {"name-leads-elsewhere"}
    INJECTED["name leads elsewhere, native"] = True
    (tmp_path / "hosts").write_text(f"127.0.0.1 localhost\n{HOST} pacs.test\n")
    assert in_own_mounts(tmp_path, site) == set()


def in_own_mounts(folder: Path, site: Native) -> set[str]:
    """The causes that the command names where /etc/hosts is another file, which nobody else sees."""
    command = [sys.executable, "-m", "tests.support.command", "doctor", str(site.file), "--state", str(site.root)]
    script = 'mount --bind "$1" /etc/hosts; shift; exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", str(folder / "hosts"), *command, "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    return {one["cause"] for one in json.loads(done.stdout)["diagnoses"]}


def test_an_address_that_this_host_has_not(site: Native) -> None:
    site.write(BASE | {"certificates.names": [NOBODY]})
    site.deploy()
    found = assert_named("address of another host, native", site.file, site.state, "address-not-here")
    assert HOST in found["address-not-here"].evidence[0].text


def test_the_address_of_the_site_is_lost(site: Native, hosts: Hosts) -> None:
    """As when a host is given another address by the network."""
    bridge = next(iter(hosts.names.values())).removesuffix("n0") + "b"
    lost = "10.93.7.2"
    run("ip", "address", "add", f"{lost}/32", "dev", bridge)
    try:
        site.write(BASE | {"backend.listen_on": lost, "webhook.enabled": False})
        site.deploy()
        assert_healthy(site.file, site.state)
    finally:
        run("ip", "address", "delete", f"{lost}/32", "dev", bridge)
    found = assert_named("address of the site lost, native", site.file, site.state, "address-not-here")
    assert lost in found["address-not-here"].title


def test_no_way_to_a_modality(site: Native) -> None:
    site.write(BASE | {"modalities.mr1": {"aet": "MR1", "address": NOBODY}})
    site.deploy()
    run("ip", "route", "add", "unreachable", f"{NOBODY}/32")
    try:
        found = assert_named("no route to a modality, native", site.file, site.state, "no-route")
        assert found["no-route"].subject == "modality mr1"
    finally:
        run("ip", "route", "delete", "unreachable", f"{NOBODY}/32")
    assert_healthy(site.file, site.state)


@contextmanager
def web_server(port: int) -> Iterator[None]:
    server = http.server.ThreadingHTTPServer(("0.0.0.0", port), http.server.SimpleHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_web_server_has_the_dicom_port(site: Native) -> None:
    look(State(site.state)).supervisor.stop_services(["orthanc"])
    with web_server(site.ports["dicom"]):
        found = assert_named(
            "web server on the DICOM port, native", site.file, site.state, "port-of-another-service"
        )  # fmt: skip
        one = found["port-of-another-service"]
        assert "a web server (`SimpleHTTP" in one.title
        assert any("process" in evidence.text for evidence in one.evidence)


def test_rules_that_were_never_loaded(site: Native) -> None:
    changes = {"network.firewall": ["nftables"], "network.managed_from": ["10.93.7.0/24"]}
    site.write(BASE | changes)
    site.deploy()
    assert_named("firewall not loaded, native", site.file, site.state, "firewall-not-loaded")


def test_two_at_once(site: Native, hosts: Hosts) -> None:
    site.write(BASE | {"certificates.names": ["pacs.invalid"]})
    site.deploy()
    with nft(f"chain guard {{ type filter hook input priority 10; policy accept; ip saddr {CT} drop; }}"):
        expected = {"name-unknown", "host-firewall-drops"}
        assert_named("nft drops a modality and name unknown, native", site.file, site.state, expected)


def test_nothing_is_asked_twice_of_a_site_of_this_host(site: Native) -> None:
    ids = [one.question.id for one in ask(site.file, site.state)]
    assert len(ids) == len(set(ids))
