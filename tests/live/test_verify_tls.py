"""The proofs of TLS pass on a strict server; each fails on one that is weak in just the way that it is about.

The server is a real Orthanc; a real haproxy ends TLS before it, so that the weakness can be chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.runtimes.access import Access
from orthancgen.secrets.store import SecretStore, gather
from orthancgen.secrets.value import SecretValue
from orthancgen.site.model import Site
from orthancgen.verify.checks import CHECKS
from orthancgen.verify.result import CheckResult, Outcome
from orthancgen.verify.run import run
from tests.support.haproxy import HaproxyServer
from tests.support.servers import OrthancServer, free_port

pytestmark = pytest.mark.live

TLS_CHECKS = tuple(
    check
    for check in CHECKS
    if check.id
    in {
        "dicom-tls-accepted", "https-certificate", "plain-dicom-refused", "dicom-certificate-required",
        "dicom-foreign-certificate-refused", "dicom-expired-certificate-refused", "dicom-old-tls-refused",
        "dicom-weak-ciphers-refused", "plain-http-refused", "https-old-tls-refused", "https-weak-ciphers-refused",
    }
)  # fmt: skip
ALL = {check.id for check in TLS_CHECKS}
DICOM_CERTIFICATES = {
    "dicom-certificate-required",
    "dicom-foreign-certificate-refused",
    "dicom-expired-certificate-refused",
}
STRONG_CIPHERS = (
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384"
)
STRICT = f"ssl-min-ver TLSv1.2 ciphers {STRONG_CIPHERS}"
OLD = "ssl-min-ver TLSv1.0 ciphers ALL:@SECLEVEL=0"
WEAK_CIPHERS = f"ssl-min-ver TLSv1.2 ciphers {STRONG_CIPHERS}:AES256-SHA:@SECLEVEL=0"
MODERN = "ssl-min-ver TLSv1.3"


@dataclass
class Bench:
    """An Orthanc without TLS, and certificates of two sites for what stands in front of it."""

    orthanc: OrthancServer
    folder: Path
    plan: Plan
    access: Access
    stack: ExitStack
    count: int = 0

    def pem(self, name: str, *secrets: str) -> Path:
        """A file of secrets' values."""
        path = self.folder / f"{name}.pem"
        path.write_text("\n".join(self.access.secrets[secret].reveal() for secret in secrets))
        return path

    def front(self, port: int, target: int, bind: str) -> None:
        self.count += 1
        folder = self.folder / f"h{self.count}"
        options = "tune.ssl.default-dh-param 2048"
        self.stack.enter_context(HaproxyServer(folder, target, bind, port=port, options=options))

    def run(
        self,
        *,
        dicom: str = STRICT,
        client: str = "verify required ca-file {ca}",
        https: str = STRICT,
        dicom_tls: bool = True,
        https_tls: bool = True,
        https_file: Path | None = None,
        plan: Plan | None = None,
        access: Access | None = None,
    ) -> dict[str, CheckResult]:
        """What the checks say of servers with these options."""
        dicom_file = self.pem("dicom", "dicom_tls_certificate", "dicom_tls_key")
        web_file = https_file or self.pem("https", "http_tls_certificate")
        authority = self.pem("ca", "dicom_tls_trusted")
        site = self.plan.site
        with ExitStack() as self.stack:
            asked = client.format(ca=authority)
            self.front(
                site.dicom.port, self.orthanc.dicom_port, f"ssl crt {dicom_file} {asked} {dicom}" if dicom_tls else ""
            )
            self.front(site.http.port, self.orthanc.http_port, f"ssl crt {web_file} {https}" if https_tls else "")
            results = run(plan or self.plan, access or self.access, checks=TLS_CHECKS)
        return {result.id: result for result in results}


def site_document(dicom_port: int, http_port: int) -> dict[str, Any]:
    return {
        "environment": "tls",
        "kind": "development",
        "orthanc": {"aet": "ORTHANC", "version": "1.13.0"},
        "dicom": {
            "port": dicom_port,
            "tls": {"enabled": True},
            "ae_checks": {"calling_aet": "anyone", "anyone_may": ["echo", "store"]},
        },
        "http": {"port": http_port, "tls": {"enabled": True}},
        "certificates": {"names": ["pacs.example", "127.0.0.1"]},
        "backend": {"enabled": False},
        "webhook": {"enabled": False},
        "users": {"admin": {"role": "administrator", "password": {"secret": "admin_password"}}},
    }


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("tls")
    with OrthancServer(folder / "orthanc") as orthanc:
        document = site_document(free_port(), free_port())
        site = Site.model_validate(yaml.safe_load(yaml.safe_dump(document)))
        plan = build_plan(site, Version.parse("1.13.0"))
        # The authority of HTTPS is asked for by a backend alone; here it is this host that needs it.
        store = SecretStore(folder / "state/secrets")
        wanted = build_plan(
            site.model_copy(update={"backend": site.backend.model_copy(update={"enabled": True})}), plan.version
        )
        secrets = gather(wanted, store)
        yield Bench(orthanc, folder, plan, Access(plan, secrets, authorities=store.authorities), ExitStack())


def failed(results: dict[str, CheckResult]) -> set[str]:
    return {name for name, result in results.items() if result.outcome is Outcome.FAILED}


def skipped(results: dict[str, CheckResult]) -> set[str]:
    return {name for name, result in results.items() if result.outcome is Outcome.SKIPPED}


def test_strict_servers_pass_every_proof(bench: Bench) -> None:
    results = bench.run()
    assert {name: result.seen for name, result in results.items() if result.outcome is not Outcome.PASSED} == {}
    assert set(results) == ALL
    assert "unknown ca" in results["dicom-foreign-certificate-refused"].seen
    assert "certificate expired" in results["dicom-expired-certificate-refused"].seen
    assert "alert protocol_version" in results["https-old-tls-refused"].seen
    assert "alert handshake_failure" in results["https-weak-ciphers-refused"].seen


def test_servers_of_tls_1_3_alone_pass_too(bench: Bench) -> None:
    results = bench.run(dicom=MODERN, https=MODERN)
    assert (failed(results), skipped(results)) == (set(), set())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"dicom": OLD}, {"dicom-old-tls-refused", "dicom-weak-ciphers-refused"}),
        ({"dicom": WEAK_CIPHERS}, {"dicom-weak-ciphers-refused"}),
        ({"https": OLD}, {"https-old-tls-refused", "https-weak-ciphers-refused"}),
        ({"https": WEAK_CIPHERS}, {"https-weak-ciphers-refused"}),
        ({"client": ""}, DICOM_CERTIFICATES),
        ({"client": "verify optional ca-file {ca}"}, {"dicom-certificate-required"}),
        (
            {"client": "verify required ca-file {ca} crt-ignore-err 10 ca-ignore-err 10"},
            {"dicom-expired-certificate-refused"},
        ),
        (
            {"client": "verify required ca-file {ca} crt-ignore-err 7,20,21 ca-ignore-err 7,20,21"},
            {"dicom-foreign-certificate-refused"},
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_weakness_fails_the_proof_that_is_about_it(bench: Bench, options: dict[str, str], expected: set[str]) -> None:
    results = bench.run(**options)  # type: ignore[arg-type]
    assert (failed(results), skipped(results)) == (expected, set())
    assert all(results[name].hint for name in expected)


def test_ports_without_tls(bench: Bench) -> None:
    results = bench.run(dicom_tls=False, https_tls=False)
    assert failed(results) == ALL


def test_a_certificate_of_another_site(bench: Bench, tmp_path: Path) -> None:
    """HTTPS with a certificate that is right but for its authority, and one for other names."""
    site = bench.plan.site
    other = gather(bench.plan, SecretStore(tmp_path / "other/secrets"))
    path = tmp_path / "https.pem"
    path.write_text(other["http_tls_certificate"].reveal())
    # Without a good control nothing else of HTTPS is proven either.
    assert "https-certificate" in failed(bench.run(https_file=path))
    renamed = site.model_copy(update={"certificates": site.certificates.model_copy(update={"names": ("a.example",)})})
    results = bench.run(plan=replace(bench.plan, site=renamed))
    assert failed(results) == {"https-certificate"}
    assert "a.example" in results["https-certificate"].seen


def test_a_certificate_of_verify_that_orthanc_does_not_trust_proves_nothing(bench: Bench, tmp_path: Path) -> None:
    other = gather(bench.plan, SecretStore(tmp_path / "other/secrets"))
    secrets = {**bench.access.secrets, "verify_dicom_client": other["verify_dicom_client"]}
    results = bench.run(access=Access(bench.plan, secrets, authorities=bench.access.authorities))
    assert failed(results) == {"dicom-tls-accepted", "plain-dicom-refused", *DICOM_CERTIFICATES}
    assert "fails too" in results["dicom-foreign-certificate-refused"].seen


def test_without_the_authoritys_key_the_expired_one_is_no_pass(bench: Bench) -> None:
    results = bench.run(access=Access(bench.plan, bench.access.secrets))
    assert (failed(results), skipped(results)) == (set(), {"dicom-expired-certificate-refused"})
    assert "not at hand" in results["dicom-expired-certificate-refused"].seen


def test_an_orthanc_that_cannot_be_told_is_named_and_does_not_pass(bench: Bench) -> None:
    older = replace(bench.plan, version=Version.parse("1.10.1"))
    results = bench.run(dicom=OLD, plan=older)
    assert (failed(results), skipped(results)) == (set(), {"dicom-old-tls-refused", "dicom-weak-ciphers-refused"})
    assert "TLS 1.0" in results["dicom-old-tls-refused"].seen


def test_no_key_is_in_any_result(bench: Bench) -> None:
    results = bench.run(client="")
    text = repr(results)
    assert "PRIVATE KEY" not in text
    assert [name for name, value in bench.access.secrets.items() if value.reveal() in text] == []
    assert isinstance(next(iter(bench.access.secrets.values())), SecretValue)
