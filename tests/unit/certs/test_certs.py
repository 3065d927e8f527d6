"""What is generated says what it must, holds before other programs' judgement, and gives nobody more than is his."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from orthancgen.certs.bundle import bundle
from orthancgen.certs.clients import current, issue_client, leaf_of, renew_client
from orthancgen.certs.generate import authorities, renewed
from orthancgen.certs.inspect import Shown, examine
from orthancgen.certs.issue import hosts_of, load_certificates, load_key, same_key, usages_of
from orthancgen.certs.revocation import revocation_list
from orthancgen.certs.store import AuthorityStore
from orthancgen.certs.wanted import wanted
from orthancgen.errors import DeployError, InputError
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.secrets.store import SecretStore, gather
from orthancgen.secrets.value import SecretValue
from tests.support.environments import MINIMAL, NEWEST, site_of

NOW = datetime.datetime.now(datetime.UTC)
TLS: dict[str, Any] = {
    "dicom/tls": {"enabled": True},
    "http/tls": {"enabled": True},
    "certificates": {"names": ["pacs.example", "192.0.2.9"], "key": "ecdsa_p256"},
    "modalities": {
        "ct1": {"aet": "CT1", "address": "192.0.2.10"},
        "pacs2": {"aet": "PACS2", "address": "192.0.2.11", "tls": True},
    },
}
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def plan_of(changes: dict[str, Any] | None = None) -> Plan:
    return plan(site_of(MINIMAL, {**TLS, **(changes or {})}), NEWEST)


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "state/secrets")


def placed(wanted_plan: Plan, store: SecretStore) -> dict[str, SecretValue]:
    values = gather(wanted_plan, store, {})
    store.place(values)
    store.settle()
    return values


def certificate(values: dict[str, SecretValue], name: str) -> x509.Certificate:
    return load_certificates(values[name].reveal())[0]


def problems(wanted_plan: Plan, values: dict[str, SecretValue], store: SecretStore, **more: Any) -> dict[str, str]:
    rows = examine(wanted_plan, values, authorities(wanted_plan, store), **more)
    return {row.name: "; ".join(row.problems) for row in rows if row.problems}


def openssl(folder: Path, authority: str, leaf: str, purpose: str, *options: str) -> bool:
    for name, text in (("ca", authority), ("leaf", leaf)):
        (folder / f"{name}.pem").write_text(text)
    command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, *options, "-CAfile", "ca.pem", "leaf.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0


def test_generated_values_come_in_pairs_and_stay(store: SecretStore) -> None:
    first = placed(plan_of(), store)
    pem = {secret.name for secret in plan_of().secrets if secret.purpose == "pem"}
    assert pem == {
        "dicom_tls_certificate", "dicom_tls_key", "dicom_tls_trusted", "http_tls_certificate", "http_tls_authority",
        "verify_dicom_client",
    }  # fmt: skip
    assert gather(plan_of(), store, {}) == first
    assert same_key(certificate(first, "dicom_tls_certificate"), load_key(first["dicom_tls_key"].reveal()))
    for name in ("http_tls_certificate", "verify_dicom_client"):
        assert same_key(certificate(first, name), load_key(first[name].reveal()))
    for name in ("dicom_tls_certificate", "dicom_tls_trusted", "http_tls_authority"):
        assert "PRIVATE KEY" not in first[name].reveal()


def test_files_are_private(store: SecretStore) -> None:
    placed(plan_of(), store)
    issue_client(plan_of(), authorities(plan_of(), store), "ct1")
    folder = store.authorities
    assert {path.stat().st_mode & 0o777 for path in (folder, folder / "clients")} == {0o700}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    assert {path.name for path in files} == {"dicom.pem", "https.pem", "index.json", "ct1.pem"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_who_only_looks_sees_what_a_deploy_would_use_and_writes_nothing(store: SecretStore) -> None:
    supposed = gather(plan_of(), store, {}, looking=True)
    assert same_key(certificate(supposed, "dicom_tls_certificate"), load_key(supposed["dicom_tls_key"].reveal()))
    root = store.folder.parent
    assert not root.exists()
    first = placed(plan_of(), store)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    assert gather(plan_of(), store, {}, looking=True) == first
    # One that does not fit any more would be issued by the authority that is there.
    other = plan_of({"certificates": {**TLS["certificates"], "names": ["other.example"]}})
    changed = gather(other, store, {}, looking=True)
    assert hosts_of(certificate(changed, "http_tls_certificate")) != hosts_of(
        certificate(first, "http_tls_certificate")
    )
    assert {name for name in changed if changed[name] != first[name]} == {
        "dicom_tls_certificate", "dicom_tls_key", "http_tls_certificate",
    }  # fmt: skip
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.parametrize("key", ["rsa_3072", "ecdsa_p256"])
def test_what_the_certificates_say(store: SecretStore, key: str, tmp_path: Path) -> None:
    values = gather(plan_of({"certificates": {**TLS["certificates"], "key": key}}), store, {})
    authority = certificate(values, "dicom_tls_trusted")
    basic = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert authority.extensions.get_extension_for_class(x509.KeyUsage).critical
    expected = {
        "dicom_tls_certificate": {SERVER, CLIENT},
        "http_tls_certificate": {SERVER},
        "verify_dicom_client": {CLIENT},
    }
    serials = set()
    for name, usages in expected.items():
        one = certificate(values, name)
        assert usages_of(one) == usages
        basic = one.extensions.get_extension_for_class(x509.BasicConstraints)
        assert (basic.critical, basic.value.ca) == (True, False)
        assert one.extensions.get_extension_for_class(x509.KeyUsage).critical
        assert isinstance(one.signature_hash_algorithm, hashes.SHA256)
        assert (one.not_valid_after_utc - one.not_valid_before_utc).days == 397
        assert one.not_valid_before_utc < datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=4)
        public = one.public_key()
        if key == "rsa_3072":
            assert isinstance(public, rsa.RSAPublicKey)
            assert public.key_size == 3072
        else:
            assert isinstance(public, ec.EllipticCurvePublicKey)
        serials.add(one.serial_number)
    assert len(serials) == 3
    assert min(serials).bit_length() > 64
    hosts = {"localhost", "127.0.0.1", "::1", "orthanc", "gateway", "pacs.example", "192.0.2.9"}
    assert set(hosts_of(certificate(values, "http_tls_certificate"))) == hosts
    trusted = values["dicom_tls_trusted"].reveal()
    assert openssl(tmp_path, trusted, values["dicom_tls_certificate"].reveal(), "sslserver")
    assert openssl(tmp_path, trusted, values["dicom_tls_certificate"].reveal(), "sslclient")
    assert openssl(tmp_path, trusted, values["verify_dicom_client"].reveal(), "sslclient")
    assert not openssl(tmp_path, trusted, values["verify_dicom_client"].reveal(), "sslserver")
    https = values["http_tls_authority"].reveal()
    web = values["http_tls_certificate"].reveal()
    assert openssl(tmp_path, https, web, "sslserver", "-verify_hostname", "pacs.example")
    assert openssl(tmp_path, https, web, "sslserver", "-verify_ip", "192.0.2.9")
    assert not openssl(tmp_path, https, web, "sslserver", "-verify_hostname", "other.example")
    assert not openssl(tmp_path, https, web, "sslclient")
    assert not openssl(tmp_path, trusted, web, "sslserver")


def test_cryptographys_verifier_agrees(store: SecretStore) -> None:
    values = gather(plan_of(), store, {})
    web = PolicyBuilder().store(Store([certificate(values, "http_tls_authority")])).max_chain_depth(1)
    web.build_server_verifier(x509.DNSName("pacs.example")).verify(certificate(values, "http_tls_certificate"), [])
    with pytest.raises(VerificationError):
        web.build_client_verifier().verify(certificate(values, "http_tls_certificate"), [])
    dicom = PolicyBuilder().store(Store([certificate(values, "dicom_tls_trusted")]))
    dicom.build_client_verifier().verify(certificate(values, "verify_dicom_client"), [])
    with pytest.raises(VerificationError):
        dicom.build_server_verifier(x509.DNSName("site-verify")).verify(certificate(values, "verify_dicom_client"), [])


def test_a_stolen_certificate_of_a_modality_is_no_web_server(store: SecretStore, tmp_path: Path) -> None:
    values = placed(plan_of(), store)
    own = authorities(plan_of(), store)
    for name, purposes in (("ct1", {CLIENT}), ("pacs2", {CLIENT, SERVER})):
        one = issue_client(plan_of(), own, name)
        assert usages_of(one) == purposes
        pem = own.client(name) or ""
        assert openssl(tmp_path, values["dicom_tls_trusted"].reveal(), pem, "sslclient")
        assert not openssl(tmp_path, values["http_tls_authority"].reveal(), pem, "sslserver")
    assert hosts_of(load_certificates(own.client("pacs2") or "")[0]) == ("192.0.2.11",)


@pytest.mark.parametrize(
    "change",
    [
        {"certificates": {"names": ["new.example"], "key": "ecdsa_p256"}},
        {"http/listen_on": "192.0.2.77"},
    ],
)
def test_new_names_bring_new_certificates_of_servers_alone(store: SecretStore, change: dict[str, Any]) -> None:
    first = placed(plan_of(), store)
    second = gather(plan_of(change), store, {})
    assert {name for name in first if first[name] != second[name]} == {
        "dicom_tls_certificate", "dicom_tls_key", "http_tls_certificate",
    }  # fmt: skip


def test_what_does_not_fit_is_issued_anew(store: SecretStore) -> None:
    first = placed(plan_of(), store)
    store.write("dicom_tls_key", SecretValue(first["verify_dicom_client"].reveal()))
    store.write("http_tls_certificate", SecretValue("-----BEGIN nonsense"))
    second = gather(plan_of(), store, {})
    assert same_key(certificate(second, "dicom_tls_certificate"), load_key(second["dicom_tls_key"].reveal()))
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"dicom_tls_certificate", "dicom_tls_key", "http_tls_certificate"}


def test_renewal_changes_the_key_and_keeps_the_authority(store: SecretStore) -> None:
    first = placed(plan_of(), store)
    own = authorities(plan_of(), store)
    one = next(each for each in wanted(plan_of()) if each.leaf.name == "site.dicom")
    with own.locked():
        values = renewed(one, plan_of(), own)
    for name, value in values.items():
        store.offer(name, value)
    assert store.read("dicom_tls_key") == first["dicom_tls_key"]
    second = gather(plan_of(), store, {})
    old, new = certificate(first, "dicom_tls_certificate"), certificate(second, "dicom_tls_certificate")
    assert second["dicom_tls_trusted"] == first["dicom_tls_trusted"]
    ski, aki = x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier
    assert new.extensions.get_extension_for_class(ski) != old.extensions.get_extension_for_class(ski)
    assert new.extensions.get_extension_for_class(aki) == old.extensions.get_extension_for_class(aki)
    authority = certificate(second, "dicom_tls_trusted").extensions.get_extension_for_class(ski).value.digest
    assert new.extensions.get_extension_for_class(aki).value.key_identifier == authority
    assert new.extensions.get_extension_for_class(ski).value == ski.from_public_key(new.public_key())
    # Of two files that wait one was lost: the pair that is in use stays.
    (store.next_folder / "dicom_tls_key").unlink()
    assert gather(plan_of(), store, {}) == first


def request(key: Any, *, hostile: bool = False) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pacs.example")])
    )
    if hostile:
        builder = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("pacs.example")]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([SERVER, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), critical=True)
        )
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, algorithm).public_bytes(serialization.Encoding.PEM)


def test_a_request_gains_nothing_but_its_key(store: SecretStore) -> None:
    placed(plan_of(), store)
    own = authorities(plan_of(), store)
    key = ec.generate_private_key(ec.SECP256R1())
    one = issue_client(plan_of(), own, "ct1", request(key, hostile=True))
    assert one.public_key() == key.public_key()
    assert one.subject.rfc4514_string() == "CN=ct1 CT1"
    assert hosts_of(one) == ("192.0.2.10",)
    assert usages_of(one) == {CLIENT}
    assert not one.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    kept = own.client("ct1") or ""
    assert "PRIVATE KEY" not in kept
    again = renew_client(plan_of(), own, "ct1")
    assert again.public_key() == key.public_key()
    assert again.serial_number != one.serial_number
    made = bundle(plan_of(), own, "ct1", own.client("ct1") or "", with_pkcs12=False)
    assert set(made.files) == {"ca.pem", "ca.der", "ct1.crt.pem", "README.txt"}
    with pytest.raises(InputError, match="the key of ct1 is with the vendor"):
        bundle(plan_of(), own, "ct1", kept, with_pkcs12=True)


def test_requests_that_are_refused(store: SecretStore) -> None:
    placed(plan_of(), store)
    own = authorities(plan_of(), store)
    before = own.index()
    authority = own.read("dicom")
    assert authority is not None
    good = request(ec.generate_private_key(ec.SECP256R1()))
    der = bytearray(x509.load_pem_x509_csr(good).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    cases = {
        "no certificate request": b"hello",
        "signature": bytes(der),
        "RSA of 1024 bits": request(rsa.generate_private_key(65537, 1024)),
        "the curve secp192r1|curve": request(ec.generate_private_key(ec.SECP256K1())),
        "neither RSA": request(ed25519.Ed25519PrivateKey.generate()),
        "key of the authority": request(authority.key),
    }
    for said, content in cases.items():
        with pytest.raises(InputError, match=said):
            issue_client(plan_of(), own, "ct1", content)
    assert own.index() == before
    assert own.client("ct1") is None


def test_a_modality_without_tls_has_no_certificate(store: SecretStore) -> None:
    with pytest.raises(InputError, match="no modality nobody"):
        leaf_of(plan_of(), "nobody")
    with pytest.raises(InputError, match="no DICOM TLS"):
        leaf_of(plan_of({"dicom/tls": {"enabled": False}}), "ct1")
    own = {"secrets": {"dicom_tls_trusted": {"file": "/etc/ssl/ca.pem"}}}
    with pytest.raises(InputError, match="is your own"):
        leaf_of(plan_of(own), "ct1")
    del store


def test_pkcs12(store: SecretStore) -> None:
    from cryptography.hazmat.primitives.serialization import pkcs12

    placed(plan_of(), store)
    own = authorities(plan_of(), store)
    issue_client(plan_of(), own, "ct1")
    made = bundle(plan_of(), own, "ct1", own.client("ct1") or "", with_pkcs12=True)
    assert made.password is not None
    password = made.password.reveal()
    key, leaf, more = pkcs12.load_key_and_certificates(made.files["ct1.p12"][0], password.encode())
    assert key is not None
    assert leaf is not None
    assert [one.subject for one in more] == [certificate(gather(plan_of(), store, {}), "dicom_tls_trusted").subject]
    assert all(password.encode() not in content for content, _ in made.files.values())
    assert password not in repr(made)


def test_revocation(store: SecretStore, tmp_path: Path) -> None:
    values = placed(plan_of(), store)
    own = authorities(plan_of(), store)
    issue_client(plan_of(), own, "ct1")
    pem = own.client("ct1") or ""
    with own.locked():
        assert [row.name for row in own.revoke("ct1", "stolen", NOW)] == ["ct1"]
        assert own.revoke("ct1", "stolen", NOW) == ()
    made = revocation_list(own, "dicom", 30)
    assert [row.serial_number for row in made] == [load_certificates(pem)[0].serial_number]
    (tmp_path / "crl.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    trusted = values["dicom_tls_trusted"].reveal()
    assert openssl(tmp_path, trusted, pem, "sslclient")
    assert not openssl(tmp_path, trusted, pem, "sslclient", "-crl_check", "-CRLfile", "crl.pem")
    other = values["verify_dicom_client"].reveal()
    assert openssl(tmp_path, trusted, other, "sslclient", "-crl_check", "-CRLfile", "crl.pem")
    assert len(revocation_list(own, "https", 30)) == 0
    assert "revoked" in problems(plan_of(), values, store)["ct1"]
    assert current(plan_of(), own, "ct1") is None
    # One of the site that is revoked is issued anew by the next deploy.
    with own.locked():
        own.revoke("site.verify", "stolen", NOW)
    assert gather(plan_of(), store, {})["verify_dicom_client"] != values["verify_dicom_client"]


def test_an_authority_is_replaced(store: SecretStore) -> None:
    first = placed(plan_of(), store)
    own = authorities(plan_of(), store)
    with own.locked():
        own.begin_rotation("dicom", NOW)
    second = placed(plan_of(), store)
    assert len(load_certificates(second["dicom_tls_trusted"].reveal())) == 2
    assert {name for name in first if first[name] != second[name]} == {"dicom_tls_trusted"}
    client = issue_client(plan_of(), own, "ct1")
    old, new = load_certificates(second["dicom_tls_trusted"].reveal())
    assert client.issuer == new.subject != old.subject
    with own.locked():
        own.finish_rotation("dicom")
    third = gather(plan_of(), store, {})
    assert load_certificates(third["dicom_tls_trusted"].reveal()) == [new]
    assert certificate(third, "dicom_tls_certificate").issuer == new.subject
    assert certificate(third, "verify_dicom_client").issuer == new.subject
    assert third["http_tls_certificate"] == first["http_tls_certificate"]
    assert current(plan_of(), own, "ct1") is not None


def damage(folder: Path, kind: str) -> None:
    path = folder / ("index.json" if kind == "index" else "dicom.pem")
    if kind == "gone":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "half":
        path.write_bytes(path.read_bytes()[:-200])
    elif kind == "binary":
        path.write_bytes(b"\xff\x00" * 400)
    elif kind == "others key":
        text = path.read_text()
        other = (folder / "https.pem").read_text()
        path.write_text(text[: text.index("-----BEGIN PRIVATE")] + other[other.index("-----BEGIN PRIVATE") :])
    else:
        path.write_text('{"issued": [{"serial": 1}]}')


def use(store: SecretStore) -> None:
    gather(plan_of(), store, {})
    issue_client(plan_of(), authorities(plan_of(), store), "ct1")


@pytest.mark.parametrize("kind", ["gone", "empty", "half", "binary", "others key", "index"])
def test_a_damaged_folder_is_told_with_the_remedy(store: SecretStore, kind: str) -> None:
    placed(plan_of(), store)
    damage(store.authorities, kind)
    before = {path: path.read_bytes() for path in store.authorities.rglob("*") if path.is_file()}
    with pytest.raises(DeployError) as caught:
        use(store)
    assert caught.value.hint
    assert "restore" in caught.value.hint
    assert str(store.authorities) in caught.value.message
    assert {path: path.read_bytes() for path in store.authorities.rglob("*") if path.is_file()} == before


def test_two_processes_make_one_authority(tmp_path: Path) -> None:
    code = (
        "import sys, datetime\nfrom pathlib import Path\nfrom orthancgen.certs.store import AuthorityStore\n"
        "own = AuthorityStore(Path(sys.argv[1]), 'x', None, 'rsa_3072')\n"
        "with own.locked():\n    print(own.ensure('dicom', datetime.datetime.now(datetime.UTC)).pem)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "ca")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert said[0] == said[1]
    assert sorted(path.name for path in (tmp_path / "ca").iterdir()) == [".lock", "dicom.pem"]


OWN = {"file": "/nowhere/own.pem"}


@pytest.mark.parametrize(
    ("own", "complained"),
    [
        ({"dicom_tls_certificate"}, {"dicom_tls_key"}),
        ({"dicom_tls_key"}, {"dicom_tls_certificate"}),
        ({"http_tls_certificate"}, {"http_tls_authority"}),
        ({"http_tls_authority"}, {"http_tls_certificate"}),
        ({"dicom_tls_certificate", "dicom_tls_key"}, set()),
        ({"http_tls_certificate", "http_tls_authority"}, set()),
        ({"dicom_tls_trusted"}, set()),
    ],
)
def test_own_certificates_beside_generated_ones(
    store: SecretStore, tmp_path: Path, own: set[str], complained: set[str]
) -> None:
    given = gather(plan_of(), SecretStore(tmp_path / "given/secrets"), {})
    sources = {}
    for name in own:
        (tmp_path / name).write_text(given[name].reveal())
        sources[name] = {"file": str(tmp_path / name)}
    wanted_plan = plan_of({"secrets": sources})
    if not complained:
        values = gather(wanted_plan, store, {})
        assert all(values[name] == given[name] for name in own)
        assert ("verify_dicom_client" in values) == ("dicom_tls_trusted" not in own)
        return
    with pytest.raises(InputError) as caught:
        gather(wanted_plan, store, {})
    for name in complained:
        assert f"{name} (" in caught.value.message
        assert f"secrets: {{{name}: {{file: /...}}}}" in caught.value.message
    assert "PRIVATE" not in caught.value.message


def test_check_finds_nothing_in_what_is_new(store: SecretStore) -> None:
    values = placed(plan_of(), store)
    issue_client(plan_of(), authorities(plan_of(), store), "ct1")
    assert problems(plan_of(), values, store) == {}
    rows = examine(plan_of(), values, authorities(plan_of(), store))
    assert {row.name for row in rows} == {"ca.dicom", "ca.https", "site.dicom", "site.https", "site.verify", "ct1"}
    assert all(isinstance(row, Shown) and "PRIVATE" not in repr(row) for row in rows)


@pytest.mark.parametrize(
    ("days", "said"), [(-1, "not valid before"), (370, "expires in 26 days"), (400, "it expired on")]
)
def test_check_looks_at_the_time(store: SecretStore, days: int, said: str) -> None:
    values = placed(plan_of(), store)
    found = problems(plan_of(), values, store, now=datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days))
    for name in ("site.dicom", "site.https", "site.verify"):
        assert said in found[name]


def test_check_of_own_certificates(store: SecretStore, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()

    def run(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=own",
        "-days", "400")  # fmt: skip
    run("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "w.key", "-out", "w.pem", "-subj", "/CN=w",
        "-sha1", "-days", "5", "-addext", "extendedKeyUsage=clientAuth")  # fmt: skip
    joined = (folder / "w.pem").read_text() + (folder / "ca.key").read_text()
    (folder / "web.pem").write_text(joined)
    sources = {
        "http_tls_certificate": {"file": str(folder / "web.pem")},
        "http_tls_authority": {"file": str(folder / "ca.pem")},
    }
    wanted_plan = plan_of({"secrets": sources})
    found = problems(wanted_plan, gather(wanted_plan, store, {}), store)
    assert set(found) == {"site.https"}
    for said in (
        "RSA of 1024 bits", "sha1", "expires in 4 days", "private key is not that of", "no authority that is trusted",
        "lacks serverAuth", "no subject alternative name",
    ):  # fmt: skip
        assert said in found["site.https"], said
    assert "PRIVATE" not in found["site.https"]


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "ca").write_text("a file")
    own = AuthorityStore(tmp_path / "ca", "x", None, "ecdsa_p256")
    with pytest.raises(DeployError, match="cannot use the folder of the authorities"), own.locked():
        pass


def test_the_gateway_has_a_certificate_of_a_caller(store: SecretStore, tmp_path: Path) -> None:
    changes = {"runtime": "compose", "dicom/plain": {"enabled": True}}
    values = gather(plan_of(changes), store, {})
    pem = values["gateway_dicom_client"].reveal()
    assert same_key(load_certificates(pem)[0], load_key(pem))
    assert usages_of(load_certificates(pem)[0]) == {CLIENT}
    assert openssl(tmp_path, values["dicom_tls_trusted"].reveal(), pem, "sslclient")
    own = {**changes, "secrets": {"dicom_tls_trusted": {"file": str(tmp_path / "ca.pem")}}}
    with pytest.raises(InputError, match=r"gateway_dicom_client \("):
        gather(plan_of(own), store, {})
