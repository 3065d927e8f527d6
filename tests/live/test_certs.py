"""The certificates that orthancgen generates, used by DCMTK's programs and by Orthanc as a site's devices use them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orthancgen.dicom.synthetic import ct_instance
from orthancgen.orthanc.keys import Version
from tests.support.native import Native, Said, native_root
from tests.support.servers import require_dcmtk

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    with native_root() as folder:
        yield folder


def environment(root: Path, name: str) -> Native:
    native = Native(root, name)
    native.write(CHANGES)
    return native


CHANGES: dict[str, Any] = {
    "backend.enabled": False,
    "webhook.enabled": False,
    "dicom.tls": {"enabled": True},
    "dicom.ae_checks": {"calling_aet": "registered_from_own_address", "anyone_may": []},
    "modalities": {
        "ct1": {"aet": "CT1", "address": "127.0.0.1", "tls": True},
        "ct2": {"aet": "CT2", "address": "127.0.0.1", "tls": True},
    },
    "certificates": {"names": ["localhost"]},
}


@pytest.fixture(scope="module")
def site(root: Path) -> Iterator[Native]:
    """An environment with DICOM TLS, for which no certificate was brought."""
    native = environment(root, "s")
    try:
        native.deploy()
        yield native
    finally:
        native.end()


def certs(native: Native, *verb: str, code: int = 0) -> Said:
    first, *rest = verb
    said = native.run("certs", first, options=rest)
    assert said.code == code, said.all
    return said


def dcmtk(program: str, native: Native, folder: Path, name: str, *files: Path, aet: str = "CT1") -> int:
    """Exit code of a DCMTK program that calls Orthanc with the files of a vendor's bundle, as its README says."""
    command = [
        require_dcmtk(program), "+tls", f"{name}.key.pem", f"{name}.crt.pem", "+cf", "ca.pem",
        "-aet", aet, "-aec", "ORTHANC_DEV_AE", "127.0.0.1", str(native.ports["dicom"]), *map(str, files),
    ]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=240).returncode


def images(native: Native) -> int:
    with native.orthanc() as client:
        return int(client.get("/statistics").json()["CountInstances"])


def test_a_vendors_bundle_works_as_it_is(site: Native, tmp_path: Path) -> None:
    said = certs(site, "bundle", "ct1", "-o", str(tmp_path / "b"))
    assert "PRIVATE KEY" not in said.all
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "b").iterdir()}
    assert modes == {
        "ca.pem": 0o644, "ca.der": 0o644, "ct1.crt.pem": 0o644, "ct1.key.pem": 0o600, "README.txt": 0o644,
    }  # fmt: skip
    aet = site.plan().site.orthanc.aet
    readme = (tmp_path / "b/README.txt").read_text()
    for expected in ("CT1", aet, str(site.ports["dicom"]), "localhost", "echoscu -v +tls"):
        assert expected in readme
    file = tmp_path / "image.dcm"
    file.write_bytes(ct_instance("certs", datetime(2026, 1, 2, 3, 4, 5)).data)  # noqa: DTZ001
    before = images(site)
    assert dcmtk("echoscu", site, tmp_path / "b", "ct1") == 0
    assert dcmtk("storescu", site, tmp_path / "b", "ct1", file) == 0
    assert images(site) == before + 1
    again = certs(site, "bundle", "ct1", "-o", str(tmp_path / "b"), code=2)
    assert "exists" in again.err


def test_the_readmes_command_connects(site: Native, tmp_path: Path) -> None:
    certs(site, "bundle", "ct1", "-o", str(tmp_path / "b"))
    lines = (tmp_path / "b/README.txt").read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if "echoscu" in line)
    command = "\n".join(lines[start : start + 2]).replace("echoscu", str(require_dcmtk("echoscu")))
    assert subprocess.run(["sh", "-c", command], cwd=tmp_path / "b", capture_output=True).returncode == 0


def test_a_pkcs12_file_and_its_password(site: Native, tmp_path: Path) -> None:
    certs(site, "bundle", "ct2", "--pkcs12", "-o", str(tmp_path / "p"), "--password-file", str(tmp_path / "password"))
    assert (tmp_path / "password").stat().st_mode & 0o777 == 0o600
    assert not any("password" in path.name for path in (tmp_path / "p").iterdir())
    pem = subprocess.run(
        ["openssl", "pkcs12", "-in", "p/ct2.p12", "-nodes", "-passin", "file:password"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert pem.count("BEGIN CERTIFICATE") == 2
    assert pem.count("BEGIN PRIVATE KEY") == 1


def test_another_sites_bundle_is_refused(site: Native, root: Path, tmp_path: Path) -> None:
    other = environment(root, "o")
    certs(other, "bundle", "ct1", "-o", str(tmp_path / "other"))
    certs(site, "bundle", "ct1", "-o", str(tmp_path / "right"))
    # With the right authority to trust, so that it is Orthanc who refuses.
    (tmp_path / "other/ca.pem").write_bytes((tmp_path / "right/ca.pem").read_bytes())
    assert dcmtk("echoscu", site, tmp_path / "other", "ct1") != 0
    assert dcmtk("echoscu", site, tmp_path / "right", "ct1") == 0


def outcomes(site: Native) -> dict[str, str]:
    said = site.run("verify", options=["--json"])
    return {row["id"]: row["outcome"] for row in json.loads(said.out)["checks"]}


MUST_PASS = (
    "dicom-tls-accepted", "plain-dicom-refused", "dicom-certificate-required", "dicom-foreign-certificate-refused",
    "dicom-expired-certificate-refused", "dicom-echo", "dicom-store", "image-found",
)  # fmt: skip


def test_every_proof_holds_or_says_what_this_orthanc_cannot(site: Native) -> None:
    found = outcomes(site)
    assert {name: found[name] for name in MUST_PASS} == dict.fromkeys(MUST_PASS, "passed")
    told = site.plan().version >= Version.parse("1.12.4")
    assert found["dicom-old-tls-refused"] == ("passed" if told else "skipped")
    assert found["https-certificate"] == "skipped"


def test_a_second_deploy_touches_nothing(site: Native) -> None:
    assert certs(site, "check").out.endswith("certificates are good\n")
    assert site.started() == set()


def test_a_request_of_a_vendor(site: Native, tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem", "-out", "r.csr",
         "-subj", "/CN=whatever"],
        cwd=tmp_path, capture_output=True, check=True,
    )  # fmt: skip
    certs(site, "issue", "ct2", "--csr", str(tmp_path / "r.csr"))
    certs(site, "bundle", "ct2", "-o", str(tmp_path / "b"))
    assert not (tmp_path / "b/ct2.key.pem").exists()
    (tmp_path / "k.pem").rename(tmp_path / "b/ct2.key.pem")
    assert dcmtk("echoscu", site, tmp_path / "b", "ct2", aet="CT2") == 0


def test_renewal_waits_for_the_deploy_that_proves_it(site: Native, tmp_path: Path) -> None:
    certs(site, "bundle", "ct1", "-o", str(tmp_path / "b"))
    before = site.secret("dicom_tls_certificate")
    certs(site, "renew", "site.dicom", "site.verify")
    assert site.secret("dicom_tls_certificate") == before
    assert site.started() == {"orthanc"}
    assert site.secret("dicom_tls_certificate") != before
    assert dcmtk("echoscu", site, tmp_path / "b", "ct1") == 0
    assert site.started() == set()


def test_an_authority_is_replaced_in_two_steps(site: Native, tmp_path: Path) -> None:
    certs(site, "bundle", "ct1", "-o", str(tmp_path / "old"))
    certs(site, "rotate-authority")
    site.deploy()
    certs(site, "bundle", "ct1", "-o", str(tmp_path / "new"))
    assert (tmp_path / "new/ca.pem").read_text().count("BEGIN CERTIFICATE") == 2
    for name in ("old", "new"):
        assert dcmtk("echoscu", site, tmp_path / name, "ct1") == 0, name
    certs(site, "rotate-authority", "--finish")
    site.deploy()
    assert dcmtk("echoscu", site, tmp_path / "new", "ct1") == 0
    # With the new authority to trust, so that it is Orthanc who refuses.
    (tmp_path / "old/ca.pem").write_bytes((tmp_path / "new/ca.pem").read_bytes())
    assert dcmtk("echoscu", site, tmp_path / "old", "ct1") != 0
    found = outcomes(site)
    assert {name: found[name] for name in MUST_PASS} == dict.fromkeys(MUST_PASS, "passed")
