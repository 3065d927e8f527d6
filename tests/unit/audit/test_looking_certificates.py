from __future__ import annotations

import pytest

from orthancgen.audit.looking_certificates import chain, hosts_of, is_for, is_self_issued, keys, subject_words, uses
from orthancgen.foreign.model import PemFile
from tests.support.audit_samples import certificates
from tests.unit.audit.set_ups import subject


@pytest.mark.parametrize(
    ("host", "names", "wanted"),
    [
        ("archive.example", ["archive.example"], True),
        ("Archive.Example.", ["archive.example"], True),
        ("a.archive.example", ["*.archive.example"], True),
        ("archive.example", ["*.archive.example"], False),
        ("a.b.archive.example", ["*.archive.example"], False),
        ("example", ["*.example"], False),
        ("192.168.10.5", ["192.168.10.5"], True),
        ("192.168.10.5", ["*.168.10.5"], False),
        ("archive.example", [], False),
    ],
)
def test_a_certificate_is_for_a_host(host: str, names: list[str], wanted: bool) -> None:
    assert is_for(host, names) is wanted


def test_the_certificates_that_programs_use() -> None:
    certificate, key, authority = certificates()
    files = [
        PemFile("tls/web.pem", certificate),
        PemFile("tls/web.key", key),
        PemFile("tls/dicom.crt", certificate),
        PemFile("both.pem", certificate + key + authority),
    ]
    settings = {
        "SslEnabled": True,
        "SslCertificate": "both.pem",
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": "tls/dicom.crt",
        "DicomTlsPrivateKey": "tls/absent.key",
    }
    nginx = """
        http {
          ssl_certificate tls/web.pem;
          ssl_certificate_key tls/web.key;
          server { listen 443 ssl; server_name archive.example www.archive.example; }
          server { listen 444 ssl; ssl_certificate tls/absent.pem; }
        }
    """
    found = list(uses(subject(orthanc=settings, nginx=nginx, pems=files)))
    assert [(one.certificate.file, one.key.file if one.key else None, one.names) for one in found] == [
        ("both.pem", "both.pem", ()),
        ("tls/dicom.crt", None, ()),
        ("tls/web.pem", "tls/web.key", ("archive.example", "www.archive.example")),
    ]
    assert len(chain(files[3])) == 2
    assert len(keys(files[3])) == 1


@pytest.mark.parametrize("off", ["SslEnabled", "HttpServerEnabled"])
def test_what_is_off_uses_no_certificate(off: str) -> None:
    certificate, key, _ = certificates()
    settings = {"SslEnabled": True, "SslCertificate": "both.pem", off: False}
    assert list(uses(subject(orthanc=settings, pems=[PemFile("both.pem", certificate + key)]))) == []


def test_what_a_certificate_says_of_itself() -> None:
    certificate, _, authority = certificates(host="archive.example")
    [leaf], [root] = chain(PemFile("a", certificate)), chain(PemFile("b", authority))
    assert (hosts_of(leaf), hosts_of(root)) == (("archive.example",), ())
    assert (is_self_issued(leaf), is_self_issued(root)) == (False, True)
    assert subject_words(leaf) == "the certificate of archive.example"


def test_what_is_damaged_is_no_certificate() -> None:
    assert chain(PemFile("a", b"-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n")) == ()
