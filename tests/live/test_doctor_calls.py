"""Faults of calls to and from Orthanc, injected for real: the doctor names the cause that was injected."""

from __future__ import annotations

import contextlib
import datetime
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from pynetdicom import AE
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]

from orthancgen.certs.clients import issue_client
from orthancgen.certs.issue import certificate_pem, key_pem, new_authority, new_key
from orthancgen.certs.store import AuthorityStore
from orthancgen.certs.wanted import site_leaf
from orthancgen.runtimes.access import stored_access
from orthancgen.runtimes.native.account import SECRET_FILE
from orthancgen.runtimes.report import Silent
from orthancgen.runtimes.runtime import runtime_of
from orthancgen.runtimes.state import State
from orthancgen.secrets.orthanc_file import orthanc_secret_document
from orthancgen.secrets.store import SecretStore
from tests.support.doctor import ask, assert_healthy, assert_named, named
from tests.support.native import Native
from tests.support.servers import free_port, require_dcmtk

pytestmark = pytest.mark.live

LEAN: Final = {
    "backend.enabled": False,
    "webhook.enabled": False,
    "orthanc.aet": "ORTHANC",
    "dicom.ae_checks": {"calling_aet": "registered_from_own_address", "anyone_may": []},
}
NOWHERE: Final = 9  # a port of loopback at which nothing listens
SETTLED: Final = 0.4
"""Seconds after which a call is not taken for one of the doctor's before it."""
DEVICE: Final = free_port()
"""The port of the ultrasound, at which a test may listen."""


def modality(aet: str, address: str, port: int = NOWHERE, **more: object) -> dict[str, object]:
    return {"aet": aet, "address": address, "port": port, "may": ["echo", "store"], **more}


PLAIN: Final = {
    **LEAN,
    "orthanc.settings": {"UnknownSopClassAccepted": True},
    "modalities": {
        "ct1": modality("CT1", "127.0.0.9"),
        "mr1": modality("MR1", "127.0.0.21"),
        "us1": modality("US1", "127.0.0.1", DEVICE),
    },
}


class Site:
    """A deployed environment, and calls of modalities to it."""

    def __init__(self, native: Native) -> None:
        self.native = native
        self.port = native.ports["dicom"]
        self.clean = True

    def restart(self) -> None:
        """Have Orthanc start anew where something was done to it: earlier events do not count any more."""
        if self.clean:
            return
        self.clean = True
        state = State(self.native.state)
        runtime_of(self.native.plan(), state, self.native.file).restart("orthanc", Silent(), 30)

    def call(self, *options: str, program: str = "echoscu", aec: str = "ORTHANC", aet: str = "US1") -> int:
        """Call Orthanc by a tool of DCMTK; its exit code."""
        command = [require_dcmtk(program), *options, "-aet", aet, "-aec", aec, "127.0.0.1", str(self.port)]
        self.clean = False
        time.sleep(SETTLED)
        return subprocess.run(command, capture_output=True, timeout=120, check=False).returncode

    def find(self, aet: str = "US1") -> None:
        """Ask for studies, which no modality may; findscu ends with 0 all the same."""
        self.call("-S", "-k", "QueryRetrieveLevel=STUDY", "-k", "PatientID=X", program="findscu", aet=aet)

    def put(self, path: str, content: str | dict[str, object]) -> None:
        """Change the running Orthanc by REST."""
        self.clean = False
        text = content if isinstance(content, str) else json.dumps(content)
        with self.native.orthanc() as client:
            client.put(path, content=text).raise_for_status()

    def assert_named(self, what: str, *expected: str, about: str | None = None, says: str = "") -> None:
        """Exactly these causes are named; `says` stands in what is told of them."""
        found = assert_named(f"{what}, native", self.native.file, self.native.state, expected, modality=about)
        assert says in str(found), found

    def assert_healthy(self) -> None:
        assert_healthy(self.native.file, self.native.state)


def deployed(native_apps: Path, name: str, changes: dict[str, object]) -> Iterator[Site]:
    native = Native(native_apps.parent / name, apps=native_apps)
    native.write(changes)
    try:
        native.started()
        yield Site(native)
    finally:
        native.end()


@pytest.fixture(scope="module")
def plain_site(native_apps: Path) -> Iterator[Site]:
    yield from deployed(native_apps, "calls", PLAIN)


@pytest.fixture
def plain(plain_site: Site) -> Iterator[Site]:
    """The site without TLS, without a fault; Orthanc starts anew after each."""
    yield plain_site
    plain_site.restart()


def test_a_healthy_site_that_was_just_verified_has_no_cause(plain: Site) -> None:
    assert plain.native.run("verify").code == 0
    assert "Rejected association" in (plain.native.state / "log/orthanc.log").read_text()
    plain.assert_healthy()
    plain.assert_healthy()  # the doctor's own calls are no fault either


def test_the_called_aet_is_wrong(plain: Site) -> None:
    assert plain.call(aec="PACS") != 0
    plain.assert_named("called AE title wrong", "called-aet-wrong", says="PACS")
    plain.restart()
    plain.assert_healthy()


def test_a_caller_is_unknown_and_like_one_that_is_known(plain: Site) -> None:
    assert plain.call(aet="CTI") != 0
    plain.assert_named("calling AE title unknown", "calling-aet-unknown", says="CT1 of ct1 is like it")


def test_a_caller_has_a_space_too_many(plain: Site) -> None:
    assert plain.call(aet=" US1") != 0
    plain.assert_named("calling AE title with a space", "calling-aet-unknown", says="spaces alone")


def test_a_modality_calls_from_another_address(plain: Site) -> None:
    assert plain.call(aet="MR1") != 0
    plain.assert_named("address not the registered one", "address-not-registered", says="127.0.0.21 was expected")


def test_a_modality_that_moved_is_told_and_its_remedy_mends_it(plain: Site) -> None:
    plain.native.write(PLAIN | {"modalities": {"ct1": modality("CT1", "127.0.0.9")}})
    plain.native.started()
    assert plain.call(aet="CT1") != 0
    found = named(plain.native.file, plain.native.state)["address-not-registered"]
    commands = [one.command for one in found.remedies if one.command]
    assert "orthancgen verify t" in commands  # it is this host that called
    plain.native.write(PLAIN | {"modalities": {"ct1": modality("CT1", "127.0.0.1")}})
    plain.native.started()
    assert plain.call(aet="CT1") == 0
    plain.assert_healthy()
    plain.native.write(PLAIN)
    plain.native.started()


def test_a_command_is_not_allowed(plain: Site) -> None:
    plain.find()
    plain.assert_named("command not allowed", "command-not-allowed", says="modalities change")


def test_tls_is_spoken_to_the_plain_port(plain: Site) -> None:
    assert plain.call("--anonymous-tls", "-ic") != 0
    plain.assert_named("TLS to the plain port", "tls-call-to-plain-port")


def test_a_browser_at_the_dicom_port_is_a_note(plain: Site) -> None:
    plain.clean = False
    with socket.create_connection(("127.0.0.1", plain.port)) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            sock.recv(100)
    assert "is no DICOM calls" in str(ask(plain.native.file, plain.native.state))
    plain.assert_healthy()


def test_an_aet_is_registered_twice(plain: Site) -> None:
    plain.put("/modalities/double", {"AET": "ct1", "Host": "127.0.0.77", "Port": 104})
    plain.assert_named("AE title registered twice", "aet-registered-twice", says="double at 127.0.0.77")


def test_modalities_were_changed_by_rest(plain: Site) -> None:
    plain.put("/modalities/ct1", {"AET": "CT1", "Host": "127.0.0.99", "Port": NOWHERE})
    plain.put("/modalities/stranger", {"AET": "STRANGER", "Host": "127.0.0.98", "Port": 104})
    plain.assert_named("modalities changed by REST", "modalities-differ", says="Host is 127.0.0.99, not 127.0.0.9")


def test_a_transfer_syntax_is_refused(plain: Site) -> None:
    plain.put("/tools/accepted-transfer-syntaxes", '["1.2.840.10008.1.2"]')
    plain.assert_named("transfer syntax refused", "transfer-syntax-refused", says="JPEG")
    plain.restart()
    plain.assert_healthy()


def test_a_sop_class_is_refused(plain: Site) -> None:
    plain.put("/tools/unknown-sop-class-accepted", "0")
    plain.assert_named("SOP class refused", "sop-class-refused")


def test_the_password_on_file_is_not_that_of_orthanc(plain_site: Site) -> None:
    """As after a state folder was brought back from a backup, while Orthanc went on."""
    plan, state = plain_site.native.plan(), State(plain_site.native.state)
    secret, configured = state.secrets / "orthanc_password", state.config / SECRET_FILE
    before = secret.read_text(), configured.read_bytes()
    secret.write_text("another-password-1")
    configured.write_bytes(orthanc_secret_document(plan, stored_access(plan, state).secrets))
    try:
        plain_site.assert_named("wrong password", "wrong-password")
    finally:
        secret.write_text(before[0])
        configured.write_bytes(before[1])
    plain_site.assert_healthy()


def test_two_faults_of_callers_are_both_named(plain: Site) -> None:
    assert plain.call(aec="PACS") != 0
    plain.find()
    plain.assert_named("called AE title wrong, and command not allowed", "called-aet-wrong", "command-not-allowed")


def test_a_stranger_and_a_changed_modality_are_both_named(plain: Site) -> None:
    assert plain.call(aet="CT99") != 0
    plain.put("/modalities/ct1", {"AET": "CT1", "Host": "127.0.0.9", "Port": 105})
    plain.assert_named("stranger, and modality changed by REST", "calling-aet-unknown", "modalities-differ")


@contextlib.contextmanager
def listening(answer: bytes | None) -> Iterator[None]:
    """A program at the ultrasound's port that is no DICOM: it answers so, or not at all."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", DEVICE)) as server:
        server.settimeout(0.1)

        def serve() -> None:
            held = []
            while not ended.is_set():
                try:
                    sock, _ = server.accept()
                except TimeoutError:
                    continue
                held.append(sock)
                if answer is not None:
                    sock.recv(4096)
                    sock.sendall(answer)
            for sock in held:
                sock.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextlib.contextmanager
def scp(aet: str) -> Iterator[None]:
    """A real AE at the ultrasound's port, which demands to be called by its own title."""
    ae = AE(ae_title=aet)
    ae.add_supported_context(Verification)
    ae.require_called_aet = True
    server = ae.start_server(("127.0.0.1", DEVICE), block=False)
    assert server is not None
    try:
        yield
    finally:
        server.shutdown()


def test_a_modality_answers(plain_site: Site) -> None:
    with scp("US1"):
        assert named(plain_site.native.file, plain_site.native.state, modality="us1") == {}


def test_a_modality_that_is_off_is_a_note_until_it_is_asked_about(plain_site: Site) -> None:
    assert "do not answer Orthanc's C-ECHO" in str(ask(plain_site.native.file, plain_site.native.state))
    plain_site.assert_named("modality switched off", "modality-refuses-connection", about="us1")


def test_a_modality_has_another_aet(plain_site: Site) -> None:
    with scp("ULTRA"):
        plain_site.assert_named("modality has another AE title", "modality-rejects-orthanc", about="us1")


def test_something_else_answers_at_a_modality_s_port(plain_site: Site) -> None:
    with listening(b"HTTP/1.0 400 Bad Request\r\n\r\n"):
        plain_site.assert_named("modality is no DICOM", "modality-not-dicom", about="us1")


def test_a_modality_is_silent(plain_site: Site) -> None:
    with listening(None):
        plain_site.assert_named("modality is silent", "modality-not-reached", about="us1")


def test_a_modality_s_name_is_unknown(plain: Site) -> None:
    with plain.native.orthanc() as client:
        row = client.get("/modalities/us1/configuration").json()
    plain.put("/modalities/us1", row | {"Host": "us1.invalid"})
    expected = "modality-name-unknown", "modalities-differ"
    plain.assert_named("name of a modality unknown", *expected, about="us1", says="not known by name")


TLS: Final = {
    **LEAN,
    "dicom.tls": {"enabled": True},
    "certificates": {"names": ["localhost"]},
    "modalities": {"ct1": modality("CT1", "127.0.0.1", tls=True)},
}
NOW: Final = datetime.datetime.now(datetime.UTC)
LONG_AGO: Final = datetime.datetime(2019, 1, 1, tzinfo=datetime.UTC)
IN_TIME: Final = NOW + datetime.timedelta(days=30)


@pytest.fixture(scope="module")
def tls_site(native_apps: Path) -> Iterator[Site]:
    yield from deployed(native_apps, "callstls", TLS)


@pytest.fixture
def tls(tls_site: Site) -> Iterator[Site]:
    """The site with TLS, without a fault."""
    folder = tls_site.native.state / "secrets"
    before = {name: (folder / name).read_bytes() for name in ("dicom_tls_certificate", "dicom_tls_key")}
    yield tls_site
    for path in own(tls_site).folder.glob("clients/*.pem"):
        path.unlink()
    if before != {name: (folder / name).read_bytes() for name in before}:
        for name, content in before.items():
            (folder / name).write_bytes(content)
        tls_site.clean = False
    tls_site.restart()


def own(site: Site) -> AuthorityStore:
    authorities = SecretStore(site.native.state / "secrets").authorities
    assert authorities is not None
    return AuthorityStore(authorities)


def by_tls(site: Site, folder: Path, pem: str, trusted: Path | None = None) -> int:
    """Call with a certificate and key, as a modality does."""
    certificate, _, key = pem.partition("-----BEGIN PRIVATE KEY")
    (folder / "c.pem").write_text(certificate)
    (folder / "k.pem").write_text(f"-----BEGIN PRIVATE KEY{key}")
    authority = trusted or site.native.state / "secrets/dicom_tls_trusted"
    return site.call("+tls", str(folder / "k.pem"), str(folder / "c.pem"), "+cf", str(authority), aet="CT1")


def issued(site: Site, moment: datetime.datetime) -> str:
    """A certificate of ct1, issued at another time by the site's own authority."""
    store = own(site)
    issue_client(site.native.plan(), store, "ct1", now=moment)
    text = store.client("ct1")
    assert text is not None
    return text


def foreign() -> tuple[str, str]:
    """A certificate with its key, and the authority, of another site."""
    authority = new_authority("dicom", "Elsewhere", None, "rsa_3072", NOW)
    return authority.whole_pem, certificate_pem(authority.certificate)


def test_a_caller_with_a_good_certificate_is_well(tls: Site, tmp_path: Path) -> None:
    assert by_tls(tls, tmp_path, issued(tls, NOW)) == 0
    assert tls.native.run("verify").code == 0
    tls.assert_healthy()


def test_a_caller_speaks_without_tls(tls: Site) -> None:
    assert tls.call(aet="CT1") != 0
    tls.assert_named("plain call to the TLS port", "plain-call-to-tls-port")


def test_a_caller_shows_no_certificate(tls: Site) -> None:
    assert tls.call("--anonymous-tls", "+cf", str(tls.native.state / "secrets/dicom_tls_trusted"), aet="CT1") != 0
    tls.assert_named("client certificate missing", "client-certificate-missing", says="certs bundle")


def test_a_caller_s_certificate_is_of_another_authority(tls: Site, tmp_path: Path) -> None:
    pem, _ = foreign()
    assert by_tls(tls, tmp_path, pem) != 0
    tls.assert_named("client certificate of another authority", "client-certificate-unknown-authority")


def test_a_caller_s_certificate_has_expired(tls: Site, tmp_path: Path) -> None:
    assert by_tls(tls, tmp_path, issued(tls, LONG_AGO)) != 0
    tls.assert_named("client certificate expired", "client-certificate-expired", says="ct1: 2018-12-31")


def test_a_caller_s_certificate_is_not_valid_yet(tls: Site, tmp_path: Path) -> None:
    assert by_tls(tls, tmp_path, issued(tls, IN_TIME)) != 0
    tls.assert_named("client certificate not yet valid", "client-certificate-not-yet-valid", says="timedatectl")


def test_a_caller_does_not_know_our_authority(tls: Site, tmp_path: Path) -> None:
    _, authority = foreign()
    (tmp_path / "a.pem").write_text(authority)
    assert by_tls(tls, tmp_path, issued(tls, NOW), tmp_path / "a.pem") != 0
    tls.assert_named("server certificate refused by the caller", "server-certificate-refused-by-caller")


def serve(site: Site, *, moment: datetime.datetime = NOW, hosts: tuple[str, ...] = (), strange: bool = False) -> None:
    """Have Orthanc show another certificate."""
    store = own(site)
    leaf = site_leaf(site.native.plan().site, "site.dicom")
    leaf = replace(leaf, hosts=hosts or leaf.hosts)
    key = new_key("rsa_3072")
    with store.locked():
        authority = store.read("dicom")
        assert authority is not None
        signer = new_authority("dicom", "Elsewhere", None, "rsa_3072", NOW) if strange else authority
        certificate = store.sign(signer, key.public_key(), leaf, 100, moment)
    folder = site.native.state / "secrets"
    (folder / "dicom_tls_certificate").write_text(certificate_pem(certificate))
    (folder / "dicom_tls_key").write_text(key_pem(key))
    site.clean = False
    site.restart()


def test_our_certificate_has_expired(tls: Site) -> None:
    serve(tls, moment=LONG_AGO)
    tls.assert_named("server certificate expired", "server-certificate-expired", says="renew")


def test_our_certificate_is_not_valid_yet(tls: Site) -> None:
    serve(tls, moment=IN_TIME)
    tls.assert_named("server certificate not yet valid", "server-certificate-not-yet-valid")


def test_our_certificate_is_of_another_authority(tls: Site) -> None:
    serve(tls, strange=True)
    tls.assert_named("server certificate of another authority", "server-certificate-of-unknown-authority")


def test_our_certificate_is_for_another_host(tls: Site) -> None:
    serve(tls, hosts=("elsewhere.example",))
    tls.assert_named(
        "server certificate of another host", "server-certificate-of-another-host", says="not for localhost"
    )
