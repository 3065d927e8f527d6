"""What is generated says what it must, and holds before other programs' judgement; what fits stays."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from orthancgen.certs.clients import current, issue_client
from orthancgen.certs.generate import authorities, renewed
from orthancgen.certs.issue import hosts_of, load_certificates, load_key, same_key, usages_of
from orthancgen.certs.wanted import wanted
from orthancgen.errors import InputError
from orthancgen.secrets.store import SecretStore, gather
from orthancgen.secrets.value import SecretValue
from tests.support.issued import CLIENT, NOW, SERVER, TLS, certificate, openssl, placed, plan_of


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
