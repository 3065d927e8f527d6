from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign import pems
from orthancgen.foreign.model import PemFile
from tests.support.certificates import Authority, KeyPair


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return Authority(tmp_path_factory.mktemp("ca")).issue("orthanc")


def read(path: Path) -> PemFile:
    pem = pems.read_pem(path, "a.pem")
    assert pem is not None
    return pem


def said(pem: PemFile) -> list[str]:
    return [f"{one.place} {one.message}" for one in pems.problems(pem)]


def test_certificate_and_key(pair: KeyPair, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(b"a remark\r\n" + pair.certificate.read_bytes() + pair.key.read_bytes())
    both.chmod(0o640)
    pem = read(both)
    (certificate,), (key,) = pems.certificates(pem), pems.private_keys(pem)
    assert certificate == x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    assert key.public_key() == certificate.public_key()
    assert (pem.mode, pem.file) == (0o640, "a.pem")
    assert pems.has_private_key(pem)
    assert not pems.has_encrypted_key(pem)
    assert said(pem) == []
    assert "PRIVATE" not in repr(pem)


def test_a_chain_in_its_order(pair: KeyPair, tmp_path: Path) -> None:
    chain = tmp_path / "chain.pem"
    authority = pair.certificate.parent / "authority.crt"
    chain.write_bytes(pair.certificate.read_bytes() + authority.read_bytes())
    names = [one.subject.rfc4514_string() for one in pems.certificates(read(chain))]
    assert names == ["CN=orthanc", "CN=orthancgen test authority"]
    assert not pems.has_private_key(read(chain))


@pytest.mark.parametrize(
    ("key", "form"),
    [
        (rsa.generate_private_key(65537, 2048), serialization.PrivateFormat.PKCS8),
        (rsa.generate_private_key(65537, 2048), serialization.PrivateFormat.TraditionalOpenSSL),
        (ec.generate_private_key(ec.SECP256R1()), serialization.PrivateFormat.TraditionalOpenSSL),
    ],
)
def test_keys_with_and_without_a_password(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, form: serialization.PrivateFormat, tmp_path: Path
) -> None:
    path = tmp_path / "a.key"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    assert [one.public_key() for one in pems.private_keys(read(path))] == [key.public_key()]
    locked = serialization.BestAvailableEncryption(b"hunter2")
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, locked))
    assert pems.private_keys(read(path)) == ()
    assert pems.has_private_key(read(path))
    assert pems.has_encrypted_key(read(path))
    assert said(read(path)) == []


def test_damaged_blocks_are_told_and_left_out(pair: KeyPair) -> None:
    good, key = pair.certificate.read_bytes(), pair.key.read_bytes()
    damaged = good.replace(b"M", b"N", 1)
    broken_key = key[:60] + key[70:]
    unended = good.replace(b"-----END CERTIFICATE-----", b"")
    pem = PemFile("a.pem", good + damaged + broken_key + unended)
    assert len(pems.certificates(pem)) == 1
    assert pems.private_keys(pem) == ()
    lines = [good.count(b"\n"), damaged.count(b"\n"), broken_key.count(b"\n")]
    assert said(pem) == [
        f"a.pem:{1 + lines[0]}:1 a certificate that cannot be read",
        f"a.pem:{1 + sum(lines[:2])}:1 a private key that cannot be read",
        f"a.pem:{1 + sum(lines)}:1 a CERTIFICATE does not end",
    ]


def test_a_block_ends_with_its_own_name(pair: KeyPair) -> None:
    pem = PemFile("a.pem", pair.certificate.read_bytes().replace(b"END CERTIFICATE", b"END X509 CRL"))
    assert said(pem) == ["a.pem:1:1 a CERTIFICATE does not end"]


def test_what_is_no_pem(tmp_path: Path) -> None:
    path = tmp_path / "a.pem"
    assert pems.read_pem(path, "a.pem") is None
    path.write_bytes(b"\x30\x82\x00\x01")
    assert pems.read_pem(path, "a.pem") is None
    assert pems.read_pem(tmp_path, "a.pem") is None
    assert pems.read_pem(Path("a\0b"), "a.pem") is None
    path.write_bytes(b"-----BEGIN CERTIFICATE-----" + b"A" * pems.MAXIMUM_BYTES)
    assert pems.read_pem(path, "a.pem") is None


def test_many_blocks_are_bounded() -> None:
    pem = PemFile("a.pem", b"-----BEGIN CERTIFICATE-----\n" * 50_000)
    assert len(said(pem)) == pems.MAXIMUM_BLOCKS
    assert pems.certificates(pem) == ()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 900), st.integers(0, 40))
def test_any_bytes(pair: KeyPair, put: bytes, at: int, length: int) -> None:
    whole = pair.certificate.read_bytes() + pair.key.read_bytes()
    for content in (put, whole[:at] + put + whole[at + length :], b"-----BEGIN CERTIFICATE-----" + put):
        pem = PemFile("a.pem", content)
        assert len(pems.certificates(pem)) <= 1
        assert len(pems.private_keys(pem)) <= 1
        assert len(said(pem)) <= 3
