"""The rendered haproxy.cfg in a real haproxy, before a real Orthanc with the rendered list of modalities.

Addresses of the containers become addresses of the loopback; nothing else of the files is changed.
"""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from orthancgen.dicom.outcome import Outcome
from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.dicom.scu import echo
from orthancgen.orthanc.detect import installed_version
from orthancgen.plan.build import plan
from orthancgen.plan.gateway import call_ports, health_port
from orthancgen.plan.model import Plan
from orthancgen.render.catalogue import render
from tests.support.certificates import Authority, KeyPair
from tests.support.environments import MINIMAL, site_of
from tests.support.servers import OrthancServer, Server, free_port, port_answers, require_program, wait_until

pytestmark = pytest.mark.live

OUTSIDE = "127.0.0.80"
"""Stands for the address on which the gateway is published."""
TITLES = (
    "US 1",
    "it's",
    'A"B',
    "$HOME",
    "-i",
    "--",
    "# x",
    "%PATH%",
    "a,b)",
    "'",
    "us_upper",
    "16_CHARACTERS_AE",
)


class Gateway(Server):
    """A real haproxy with a configuration of ours."""

    def __init__(self, folder: Path, configuration: str, ready: tuple[int, ...]) -> None:
        super().__init__("gateway", folder)
        self._program = require_program("haproxy", "apt-get install haproxy")
        self._configuration, self._ready = configuration, ready

    def command(self) -> list[str]:
        path = self.folder / "haproxy.cfg"
        path.write_text(self._configuration)
        return [self._program, "-W", "-db", "-f", str(path)]

    def healthy(self) -> bool:
        return all(port_answers(OUTSIDE, port) for port in self._ready)


@dataclass(frozen=True)
class Peers:
    """What a test talks to."""

    plan: Plan
    gateway: Gateway
    orthanc: OrthancServer
    authority: Authority
    inner: Mapping[int, int]
    """The gateway's unpublished ports -> those that this machine has free."""

    def echo(self, title: str, address: str, called: str = "ORTHANC") -> Outcome:
        """C-ECHO without TLS, by way of the gateway."""
        port = self.plan.site.dicom.plain.port
        return echo(Peer(OUTSIDE, port, called, title, source_address=address, timeouts=Timeouts(30, 60, 60))).outcome

    def verdicts(self, address: str, count: int) -> list[str]:
        """What the gateway logged about callers without TLS from an address, once there are as many."""
        deadline = time.monotonic() + 60
        while True:
            lines = [line for line in self.gateway.log().splitlines(keepends=True) if line.startswith(f"{address}:")]
            found = [line.partition(" dicom_plain ")[2] for line in lines if line.endswith("\n")]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, self.gateway.log()
            time.sleep(0.02)


def ended(connection: socket.socket) -> bool:
    """Whether the other side ends the connection without a word."""
    try:
        return connection.recv(10) == b""
    except ConnectionResetError:
        return True


def address_of(title: str) -> str:
    return f"127.0.1.{TITLES.index(title) + 1}"


def environment(**changes: Any) -> dict[str, Any]:
    modalities = {
        f"m{n}": {"aet": title, "address": address_of(title), "port": 11112, "may": ["echo"]}
        for n, title in enumerate(TITLES)
    }
    modalities["secure"] = {"aet": "SECURE", "address": "127.0.2.1", "tls": True, "may": ["echo"]}
    return {
        "runtime": "compose",
        "backend/enabled": False,
        "webhook/enabled": False,
        "images": {"orthanc": "orthancteam/orthanc:26.8.1"},
        "dicom": {
            "port": free_port(),
            "tls": {"enabled": True},
            "plain": {"enabled": True, "port": free_port(OUTSIDE)},
            "ae_checks": {"calling_aet": "registered_from_own_address"},
        },
        "http": {"port": free_port(OUTSIDE), "tls": {"enabled": True}},
        "modalities": modalities,
        **changes,
    }


Start = Callable[..., Peers]


@pytest.fixture
def start(tmp_path: Path, start_orthanc: Callable[..., OrthancServer]) -> Iterator[Start]:
    """Starts Orthanc and the gateway before it, as an environment's bundle wants them."""
    running: list[Gateway] = []

    def begin(upstream: int | None = None, foreign: bool = False, **changes: Any) -> Peers:
        built = plan(site_of(MINIMAL, environment(**changes)), installed_version())
        bundle = render(built)
        authority = Authority(tmp_path / "authority")
        pairs = {name: authority.issue(name) for name in ("orthanc", "gateway")}
        if foreign:
            pairs["orthanc"] = Authority(tmp_path / "foreign").issue("orthanc")
        secrets = _secret_files(tmp_path, authority, pairs)
        inner = {port: free_port() for port in (health_port(built.site), *call_ports(built.site).values())}

        def here(path: str) -> str:
            text = bundle.file(path).content.decode().replace("172.30.242.", "127.0.0.")
            for port, free in inner.items():
                text = re.sub(rf"\b{port}\b", str(free), text)
            return text

        (tmp_path / "health.sh").write_text(here("gateway/health.sh"))
        document = json.loads(here("orthanc/orthanc.json"))
        wanted = {
            key: value for key, value in document.items() if key.startswith("Dicom") or key == "StrictAetComparison"
        }
        wanted |= {
            key: str(secrets / Path(value).name)
            for key, value in wanted.items()
            if isinstance(value, str) and value.startswith("/run/secrets/")
        }
        orthanc = start_orthanc({**wanted, "DicomAet": "ORTHANC"})
        text = here("gateway/haproxy.cfg").replace("/run/secrets/", f"{secrets}/")
        site = built.site
        text = re.sub(r"^  bind :", f"  bind {OUTSIDE}:", text, flags=re.MULTILINE)
        text = text.replace(f"127.0.0.75:{site.http.port}", f"127.0.0.1:{upstream or orthanc.http_port}")
        text = re.sub(
            r"^  server orthanc 127\.0\.0\.75:\d+ ssl .*", r"\g<0> source 127.0.0.74", text, flags=re.MULTILINE
        )
        text = text.replace("127.0.0.75", "127.0.0.1")
        gateway = Gateway(tmp_path / "gateway", text, (site.http.port, site.dicom.plain.port))
        running.append(gateway)
        gateway.start()
        return Peers(built, gateway, orthanc, authority, inner)

    yield begin
    for gateway in running:
        gateway.stop()


def _secret_files(folder: Path, authority: Authority, pairs: dict[str, KeyPair]) -> Path:
    secrets = folder / "secrets"
    secrets.mkdir()
    joined = pairs["gateway"].certificate.read_bytes() + pairs["gateway"].key.read_bytes()
    for name, content in {
        "dicom_tls_certificate": pairs["orthanc"].certificate.read_bytes(),
        "dicom_tls_key": pairs["orthanc"].key.read_bytes(),
        "dicom_tls_trusted": authority.certificate.read_bytes(),
        "gateway_dicom_client": joined,
        "http_tls_certificate": joined,
    }.items():
        path = secrets / name
        path.touch(mode=0o600)
        path.write_bytes(content)
    return secrets


def test_each_comes_in_with_its_own_title_from_its_own_address(start: Start) -> None:
    peers = start()
    for title in TITLES:
        assert peers.echo(title, address_of(title)) is Outcome.SUCCESS, title
    assert peers.echo("us 1", address_of("US 1")) is Outcome.SUCCESS
    assert peers.echo("US 1", address_of("US 1"), called="OTHER") is Outcome.ASSOCIATION_REJECTED
    for title, address, verdict in (
        ("US 1", "127.0.4.1", "unknown_address"),
        ("SECURE", "127.0.2.1", "unknown_address"),
        ("US 1", address_of("it's"), "title_not_of_this_address"),
        ("US 11", address_of("$HOME"), "title_not_of_this_address"),
        ("$HOM", address_of("$HOME"), "title_not_of_this_address"),
        ("SECURE", address_of("$HOME"), "title_not_of_this_address"),
    ):
        before = len(peers.verdicts(address, 0))
        assert peers.echo(title, address) not in {Outcome.SUCCESS, Outcome.ASSOCIATION_REJECTED}, (title, address)
        assert peers.verdicts(address, before + 1)[-1].startswith(f"{verdict} PR "), (title, address)
    assert peers.verdicts(address_of("US 1"), 1)[0].endswith("calling AE title US 1\n")


def test_nothing_goes_on_to_a_server_with_a_foreign_certificate(start: Start) -> None:
    peers = start(foreign=True)
    assert peers.echo("US 1", address_of("US 1")) is not Outcome.SUCCESS
    assert peers.verdicts(address_of("US 1"), 1)[0].startswith(
        "accepted SC "
    )  # it was let in; the way on could not be opened


def test_upper_and_lower_case_where_they_differ(start: Start) -> None:
    checks = {"calling_aet": "registered_from_own_address", "exact_case": True}
    changes = environment()
    peers = start(dicom={**changes["dicom"], "ae_checks": checks})
    assert peers.echo("US 1", address_of("US 1")) is Outcome.SUCCESS
    assert peers.echo("us 1", address_of("US 1")) is not Outcome.SUCCESS
    assert peers.verdicts(address_of("US 1"), 2)[1].startswith("title_not_of_this_address ")


def test_what_is_no_association_request_goes_no_further(start: Start) -> None:
    peers = start()
    address, port = address_of("US 1"), peers.plan.site.dicom.plain.port
    hello, release, http = b"\x16\x03\x01", b"\x05", b"GET / HTTP/1.1\r\nHost: "
    for count, begin in enumerate((hello, release, http), 1):
        with socket.create_connection((OUTSIDE, port), 60, source_address=(address, 0)) as connection:
            connection.sendall(begin + bytes(60))
            assert ended(connection)
        assert peers.verdicts(address, count)[-1].startswith("no_association_request PR ")
    # A title of control characters adds no line to the log.
    with socket.create_connection((OUTSIDE, port), 60, source_address=(address, 0)) as connection:
        connection.sendall(b"\x01" + bytes(25) + b"\r\nevil\x1b[31m     " + bytes(60))
        assert ended(connection)
    assert peers.verdicts(address, 4)[-1].endswith("calling AE title ??evil?[31m\n")


def test_orthanc_calls_those_without_tls_by_way_of_the_gateway(start: Start) -> None:
    title, heard = "US 1", []
    changes = environment()
    port = free_port(address_of(title))
    modalities = {**changes["modalities"], "m0": {**changes["modalities"]["m0"], "port": port}}
    peers = start(modalities=modalities)
    entity = AE(ae_title=title)
    entity.add_supported_context(Verification)

    def hear(event: evt.Event) -> int:
        heard.append(event.assoc.requestor.ae_title)
        return 0x0000

    server = entity.start_server((address_of(title), port), block=False, evt_handlers=[(evt.EVT_C_ECHO, hear)])
    assert server is not None
    try:
        with peers.orthanc.client() as client:
            assert client.post("/modalities/m0/echo", json={}).status_code == 200
        assert heard == ["ORTHANC"]
        # Nobody but Orthanc may use that way.
        inner = peers.inner[call_ports(peers.plan.site)["m0"]]
        result = echo(
            Peer("127.0.0.74", inner, title, "ORTHANC", source_address="127.0.0.9", timeouts=Timeouts(5, 5, 5))
        )
        assert not result.ok
        assert heard == ["ORTHANC"]
    finally:
        server.shutdown()


def test_https_ends_at_the_gateway(start: Start) -> None:
    peers = start()
    base = f"https://{OUTSIDE}:{peers.plan.site.http.port}"
    context = peers.authority.client_context()
    context.check_hostname = False  # the test's certificate is for localhost
    with httpx.Client(verify=context, trust_env=False) as client:
        answer = client.get(f"{base}/system?PatientName=SECRET")
        assert answer.status_code == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        assert "Server" not in answer.headers
    wait_until(lambda: "GET /system\n" in peers.gateway.log(), what="a line for the request")
    assert "SECRET" not in peers.gateway.log()
    with httpx.Client(trust_env=False) as client, pytest.raises(httpx.HTTPError):
        client.get(base.replace("https", "http"))
    for weak in ("TLSv1_1", "ciphers"):
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
        if weak == "ciphers":
            old.maximum_version = ssl.TLSVersion.TLSv1_2
            old.set_ciphers("ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:AES256-SHA:@SECLEVEL=0")
        else:
            old.set_ciphers("ALL:@SECLEVEL=0")
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with (
            socket.create_connection((OUTSIDE, peers.plan.site.http.port), 60) as connection,
            pytest.raises(ssl.SSLError),
        ):
            old.wrap_socket(connection)


def test_health_of_the_gateway(start: Start, tmp_path: Path) -> None:
    peers = start()
    ask = ["bash", str(tmp_path / "health.sh")]
    assert subprocess.run(ask, timeout=120).returncode == 0
    peers.gateway.stop()
    assert subprocess.run(ask, timeout=120, capture_output=True).returncode == 1


class _Mirror(BaseHTTPRequestHandler):
    """Answers with the headers that it got."""

    def do_GET(self) -> None:
        body = json.dumps(dict(self.headers.items())).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        del format, arguments


def test_what_a_client_says_about_itself_is_replaced(start: Start) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Mirror)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        peers = start(upstream=server.server_port)
        context = peers.authority.client_context()
        context.check_hostname = False
        forged = {"X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1", "X-Forwarded-Proto": "http"}
        with httpx.Client(verify=context, trust_env=False) as client:
            seen = client.get(f"https://{OUTSIDE}:{peers.plan.site.http.port}/", headers=forged).json()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    headers = {name.lower(): value for name, value in seen.items()}
    assert headers["x-forwarded-for"].startswith("127.0.0.")
    assert headers["x-forwarded-proto"] == "https"
    assert headers["x-forwarded-port"] == str(peers.plan.site.http.port)
    assert headers["x-forwarded-host"].startswith(OUTSIDE)
    assert "forwarded" not in headers
    assert "10.0.0.1" not in json.dumps(headers)
