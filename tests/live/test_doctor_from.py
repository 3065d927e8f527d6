"""The doctor's script, run on a modality's host that has only what it has: each fault is named as what it is.

The server is a real Orthanc; the modality is a network namespace with an address of its own.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from orthancgen.doctor.remote import script
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.site.load import load
from tests.support.doctor import INJECTED
from tests.support.namespaces import Hosts, network
from tests.support.servers import OrthancServer, require_program

pytestmark = pytest.mark.live

HOST: Final = "10.93.6.1"
"""Not of RFC 5737: tests that run at the same time take those for addresses that this machine has not."""
CT: Final = "10.93.6.21"
OTHER: Final = "10.93.6.77"
BASICS: Final = ("sleep", "date", "od", "cat", "tr")
DCMTK: Final = "echoscu=/usr/bin/echoscu"
PYNETDICOM: Final = f"echoscu={Path(sys.executable).with_name('echoscu')}"
"""Another program of the same name, with other options and words."""
VERSION: Final = Version.parse("1.10.1")


class Date(BaseHTTPRequestHandler):
    """A web server of the site that tells the time, as the backend does; Orthanc itself does not."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        pass


@dataclass
class Bench:
    """A site, and a modality beside it."""

    hosts: Hosts
    folder: Path
    server: OrthancServer
    tls: OrthancServer
    backend_port: int

    def plan(self, port: int | None = None, **changes: Any) -> Plan:
        """The plan of the site: `changes` are of the sections `orthanc`, `dicom` and `ct1`."""
        tls = changes.get("tls", False)
        web = {self.server.http_port, self.backend_port} - {port}
        http, backend = (*web, 9)[:2]
        text = f"""
environment: here
kind: development
orthanc: {{aet: {changes.get("called", "ORTHANC")}, version: 1.10.1}}
dicom:
  port: {port or self.server.dicom_port}
  tls: {{enabled: {str(tls).lower()}}}
modalities:
  ct1: {{aet: {changes.get("calling", "CT1")}, address: {CT}, tls: {str(tls).lower()}}}
http: {{port: {http}, listen_on: 0.0.0.0}}
users: {{orthanc: {{role: administrator, password: {{secret: orthanc_password}}}}}}
backend: {{port: {backend}, listen_on: 0.0.0.0}}
viewer: {{enabled: false}}
"""
        file = self.folder / "here.yaml"
        file.write_text(text)
        return build_plan(load(file).require(), VERSION)

    def run(
        self,
        plan: Plan,
        *,
        shell: Sequence[str] = ("/usr/bin/dash",),
        tools: Sequence[str] | None = None,
        host: str = HOST,
        address: str = CT,
        before: Sequence[str] = (),
        arguments: Sequence[str] = (),
    ) -> tuple[int, str]:
        """Exit code and output of the script on the machine of an address, which has only these tools where named."""
        file = self.folder / "from.sh"
        file.write_text(script(plan, "ct1", "sh", (host,)))
        path = os.environ["PATH"] if tools is None else str(self.few(tools))
        name = self.hosts.names[address]
        command = ["ip", "netns", "exec", name, "env", f"PATH={path}", *before, *shell, str(file), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.stderr == "", done.stderr
        return done.returncode, done.stdout

    def few(self, tools: Sequence[str]) -> Path:
        """A folder with these programs alone; `nc=PROGRAM` names another one `nc`."""
        folder = self.folder / ("few-" + "-".join(re.sub(r"[=/.]+", "-", one) for one in tools))
        if not folder.exists():
            folder.mkdir()
            for one in (*BASICS, *tools):
                name, _, program = one.partition("=")
                found = shutil.which(program or name)
                assert found, one
                (folder / name).symlink_to(found)
        return folder


def pair(folder: Path, name: str, *before: str) -> tuple[Path, Path]:
    """A certificate that signed itself, for 30 days, and its key."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    command = [
        *before, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-days", "30",
        "-keyout", str(key), "-out", str(certificate),
    ]  # fmt: skip
    subprocess.run(command, capture_output=True, check=True)
    return certificate, key


def configuration(**changes: Any) -> dict[str, Any]:
    return {
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        "DicomModalities": {"ct1": ["CT1", CT, 104]},
        "RemoteAccessAllowed": True,
        **changes,
    }


def tls_configuration(server: tuple[Path, Path], client: tuple[Path, Path]) -> dict[str, Any]:
    return configuration(
        DicomTlsEnabled=True,
        DicomTlsCertificate=str(server[0]),
        DicomTlsPrivateKey=str(server[1]),
        DicomTlsTrustedCertificates=str(client[0]),
    )


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    for program in ("busybox", "openssl", "curl", "faketime"):
        require_program(program, f"apt-get install {program}")
    folder = tmp_path_factory.mktemp("from")
    server_pair, client_pair = pair(folder, "server"), pair(folder, "ct1")
    web = ThreadingHTTPServer((HOST_ANY, 0), Date)
    Thread(target=web.serve_forever, daemon=True).start()
    try:
        with (
            network(HOST, (CT, OTHER)) as hosts,
            OrthancServer(folder / "plain", configuration()) as server,
            OrthancServer(folder / "tls", tls_configuration(server_pair, client_pair)) as tls,
        ):
            yield Bench(hosts, folder, server, tls, web.server_port)
    finally:
        web.shutdown()
        web.server_close()


HOST_ANY: Final = "0.0.0.0"


def assert_cause(what: str, said: tuple[int, str], expected: str) -> None:
    """Exactly this cause is named, and what to do about it."""
    name = f"{what}, from the modality"
    INJECTED[name] = False
    code, text = said
    assert f"orthancgen doctor here --from ct1: {expected}\n" in text, text
    assert code == 1
    assert text.count("\nCause: ") == 1
    assert "\nWhat to do: 1. " in text
    INJECTED[name] = True


def assert_well(said: tuple[int, str]) -> None:
    code, text = said
    assert "[ok]    C-ECHO" in text, text
    assert "[WRONG]" not in text
    assert code == 0


@pytest.mark.parametrize(
    ("shell", "tools"),
    [
        (("/usr/bin/dash",), None),
        (("/usr/bin/bash",), None),
        (("/usr/bin/busybox", "sh"), ("nc=busybox", "ip")),
        (("/usr/bin/dash",), ("nc=busybox", "ifconfig")),
        (("/usr/bin/dash",), ("bash", "ip")),
        (("/usr/bin/dash",), ("curl", "ip")),
        (("/usr/bin/dash",), (DCMTK, "ip")),
        (("/usr/bin/dash",), (PYNETDICOM, "ip")),
    ],
)
def test_a_healthy_way_gives_no_cause(shell: tuple[str, ...], tools: tuple[str, ...] | None, bench: Bench) -> None:
    assert_well(bench.run(bench.plan(), shell=shell, tools=tools))


@pytest.mark.parametrize("tools", [("ip",), ("openssl", "ip")])
def test_without_a_program_for_it_the_script_says_so(tools: tuple[str, ...], bench: Bench) -> None:
    code, text = bench.run(bench.plan(), tools=tools)
    assert code == 2
    assert "no program here can say a C-ECHO" in text
    assert "\nCause: " not in text


def test_address_not_registered(bench: Bench) -> None:
    said = bench.run(bench.plan(), address=OTHER)
    assert_cause("address not registered", said, "address-not-registered")
    assert f"from {OTHER} instead of {CT}" in said[1]


@pytest.mark.parametrize("tools", [None, ("bash", "ip", "getent"), ("nc=busybox", "ip", "ping=busybox")])
def test_name_unknown(tools: tuple[str, ...] | None, bench: Bench) -> None:
    assert_cause("host name unknown", bench.run(bench.plan(), host="nowhere.invalid", tools=tools), "name-unknown")


def test_no_route(bench: Bench) -> None:
    elsewhere = "203.0.113.9"
    done = bench.hosts.run(CT, "ip", "route", "add", "unreachable", elsewhere)
    assert done.returncode == 0, done.stderr
    assert_cause("no route", bench.run(bench.plan(), host=elsewhere), "host-unreachable")


@pytest.mark.parametrize("tools", [None, ("nc=busybox", "ip", "ping=busybox"), ("bash", "ip"), ("curl", "ip")])
def test_port_filtered(tools: tuple[str, ...] | None, bench: Bench) -> None:
    rules = (
        "table inet away { chain in { type filter hook input priority 0; "
        f"ip saddr {HOST} tcp sport {bench.server.dicom_port} drop; }}; }}"
    )
    done = bench.hosts.run(CT, "nft", rules)
    assert done.returncode == 0, done.stderr
    try:
        assert_cause("port filtered", bench.run(bench.plan(), tools=tools), "port-filtered")
    finally:
        bench.hosts.run(CT, "nft", "delete table inet away")


def test_host_down(bench: Bench) -> None:
    rules = f"table inet away {{ chain in {{ type filter hook input priority 0; ip saddr {HOST} drop; }}; }}"
    done = bench.hosts.run(CT, "nft", rules)
    assert done.returncode == 0, done.stderr
    try:
        assert_cause("host down", bench.run(bench.plan()), "host-down")
    finally:
        bench.hosts.run(CT, "nft", "delete table inet away")


@pytest.mark.parametrize("tools", [None, ("nc=busybox", "ip"), ("bash", "ip"), ("curl", "ip"), ("openssl", "ip")])
def test_port_closed(tools: tuple[str, ...] | None, bench: Bench) -> None:
    assert_cause("port closed", bench.run(bench.plan(port=9), tools=tools), "port-closed")


@pytest.mark.parametrize("tools", [None, ("nc=busybox", "ip")])
@pytest.mark.parametrize("own", [True, False])
def test_a_web_server_on_the_port(own: bool, tools: tuple[str, ...] | None, bench: Bench) -> None:
    plan = bench.plan(port=bench.server.http_port if own else bench.backend_port)
    assert_cause("HTTP on the DICOM port", bench.run(plan, tools=tools), "wrong-service")


@pytest.mark.parametrize(
    "tools", [None, ("nc=busybox", "ip"), ("bash", "ip"), ("curl", "ip"), (DCMTK, "ip"), (PYNETDICOM, "ip")]
)
def test_called_aet_wrong(tools: tuple[str, ...] | None, bench: Bench) -> None:
    said = bench.run(bench.plan(called="OTHER"), tools=tools)
    assert_cause("called AE title wrong", said, "called-aet-wrong")


@pytest.mark.parametrize("tools", [None, ("curl", "ip")])
def test_calling_aet_unknown(tools: tuple[str, ...] | None, bench: Bench) -> None:
    said = bench.run(bench.plan(calling="CT9"), tools=tools)
    assert_cause("calling AE title unknown", said, "calling-aet-unknown")


def test_clock_skew(bench: Bench) -> None:
    said = bench.run(bench.plan(), before=("faketime", "-f", "+2h"))
    assert_cause("clock skew", said, "clock-skew")


@pytest.mark.parametrize("tools", [None, ("nc=busybox", "ip", "openssl"), ("bash", "ip", "curl")])
def test_plain_call_to_a_tls_port(tools: tuple[str, ...] | None, bench: Bench) -> None:
    said = bench.run(bench.plan(port=bench.tls.dicom_port), tools=tools)
    assert_cause("plain call to a TLS port", said, "plain-call-to-tls-port")


def test_tls_call_to_a_plain_port(bench: Bench) -> None:
    assert_cause("TLS call to a plain port", bench.run(bench.plan(tls=True)), "tls-call-to-plain-port")


@pytest.mark.parametrize("tools", [None, ("openssl", "ip")])
def test_tls_with_a_certificate_is_well(tools: tuple[str, ...] | None, bench: Bench) -> None:
    at = bench.folder
    arguments = ("--ca", f"{at}/server.crt", "--cert", f"{at}/ct1.crt", "--key", f"{at}/ct1.key")
    said = bench.run(bench.plan(tls=True, port=bench.tls.dicom_port), tools=tools, arguments=arguments)
    assert_well(said)
    assert "[ok]    the certificate of the site is of the authority that was given" in said[1]


def test_tls_without_a_certificate(bench: Bench) -> None:
    said = bench.run(bench.plan(tls=True, port=bench.tls.dicom_port))
    assert_cause("client certificate missing", said, "client-certificate-missing")


def test_tls_with_a_certificate_of_another_authority(bench: Bench) -> None:
    certificate, key = pair(bench.folder, "stranger")
    arguments = ("--cert", str(certificate), "--key", str(key))
    said = bench.run(bench.plan(tls=True, port=bench.tls.dicom_port), arguments=arguments)
    assert_cause("client certificate of another authority", said, "client-certificate-refused")


def test_a_site_with_a_certificate_of_another_authority(bench: Bench) -> None:
    at = bench.folder
    arguments = ("--ca", f"{at}/ct1.crt", "--cert", f"{at}/ct1.crt", "--key", f"{at}/ct1.key")
    said = bench.run(bench.plan(tls=True, port=bench.tls.dicom_port), arguments=arguments)
    assert_cause("site's certificate of another authority", said, "server-certificate-of-unknown-authority")


def test_tls_certificate_expired(bench: Bench, tmp_path: Path) -> None:
    old = pair(tmp_path, "old", "faketime", "-f", "-400d")
    client = (bench.folder / "ct1.crt", bench.folder / "ct1.key")
    arguments = ("--cert", str(client[0]), "--key", str(client[1]))
    with OrthancServer(tmp_path / "expired", tls_configuration(old, client)) as server:
        here = replace(bench, tls=server)
        said = here.run(here.plan(tls=True, port=server.dicom_port), arguments=arguments)
    assert_cause("site's certificate expired", said, "server-certificate-expired")


def test_a_certificate_that_seems_wrong_because_of_the_clock(bench: Bench) -> None:
    said = bench.run(bench.plan(tls=True, port=bench.tls.dicom_port), before=("faketime", "-f", "+90d"))
    assert_cause("clock skew with TLS", said, "clock-skew")
