"""A certificate of a modality gives nobody more than is his, and is revoked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from orthancgen.certs.bundle import bundle
from orthancgen.certs.clients import current, issue_client, leaf_of, renew_client
from orthancgen.certs.generate import authorities
from orthancgen.certs.issue import hosts_of, load_certificates, usages_of
from orthancgen.certs.revocation import revocation_list
from orthancgen.errors import InputError
from orthancgen.secrets.store import SecretStore, gather
from tests.support.issued import CLIENT, NOW, SERVER, certificate, openssl, placed, plan_of, problems


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
