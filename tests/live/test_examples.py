"""The shipped environments on the installed Orthanc: each is accepted as rendered, deployed, and proven by `verify`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from pydicom.data import get_testdata_file

from orthancgen.errors import StartError
from orthancgen.orthanc.detect import installed_version
from orthancgen.plan.build import plan as build_plan
from orthancgen.resources import locate
from orthancgen.runtimes.native.deploy import deploy
from orthancgen.runtimes.native.running import stop
from orthancgen.runtimes.report import Silent
from orthancgen.runtimes.state import state_of
from orthancgen.site.load import load
from orthancgen.verify.run import run
from tests.support.certificates import Authority, KeyPair
from tests.support.servers import free_port, require_dcmtk

pytestmark = pytest.mark.live


def _ports() -> str:
    return f"""
        dicom: {{port: {free_port()}}}
        http: {{port: {free_port()}}}
        backend: {{port: {free_port()}, database: {{port: {free_port()}}}}}
        viewer: {{port: {free_port()}}}
        """


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_example_deploys_and_is_proven(name: str, tmp_path: Path, state_root: Path) -> None:
    pair = Authority(tmp_path).issue("orthanc") if name == "prod" else None
    text = f"extends: {locate('environments') / name}.yaml\nenvironment: example-{name}\n" + dedent(_ports())
    if pair is not None:
        # What a host of Debian 12 has: Orthanc 1.10.1, which cannot refuse images at a storage limit, and which ends at
        # the first HTTPS request (its libcivetweb calls a function that OpenSSL 3 renamed); and no containers.
        text = text.replace("http: {", "http: {tls: {enabled: false}, ") + dedent(
            f"""
            kind: staging
            orthanc: {{version: auto, storage: {{limit_megabytes: }}}}
            runtime: native
            modalities:
              ct1: {{address: 127.0.0.1}}
              workstation1: {{address: 127.0.0.2}}
            secrets:
              dicom_tls_certificate: {{file: {pair.certificate}}}
              dicom_tls_key: {{file: {pair.key}}}
              dicom_tls_trusted: {{file: {tmp_path / "authority.crt"}}}
            """
        )
    path = tmp_path / "environment.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load(path, installed_version)
    assert loaded.problems == ()
    plan = build_plan(loaded.require(), loaded.version)
    state = state_of(plan.site.environment, state_root)
    try:
        deployed = deploy(plan, state, Silent())
        results = run(plan, deployed.access)
        assert [result.as_dict() for result in results if not result.passed] == []
        if pair is not None:
            _dcmtk_over_tls(plan.site.dicom.port, pair.certificate, pair.key, tmp_path / "authority.crt")
            _send_over_tls(path, state_root, pair, tmp_path / "authority.crt")
    finally:
        stop(state)


def _dcmtk_over_tls(port: int, certificate: Path, key: Path, authority: Path) -> None:
    """An independent DICOM peer agrees: with the certificate CT1 is answered, without it is not."""
    echoscu = require_dcmtk("echoscu")
    call = ["-aet", "CT1", "-aec", "ORTHANC_PROD_AE", "127.0.0.1", str(port)]
    answered = subprocess.run(
        [echoscu, "+tls", key, certificate, "+cf", authority, *call], capture_output=True, check=False
    )
    assert answered.returncode == 0, answered.stderr
    assert subprocess.run([echoscu, "+tla", "+cf", authority, *call], capture_output=True, check=False).returncode != 0
    assert subprocess.run([echoscu, *call], capture_output=True, check=False).returncode != 0


def _send_over_tls(path: Path, state_root: Path, pair: KeyPair, authority: Path) -> None:
    """`send` plays ct1 with Orthanc's own certificate on its host, or with a given one; without one it says so."""
    image = str(get_testdata_file("CT_small.dcm"))
    given = ["--as", "ct1", "--cert", pair.certificate, "--key", pair.key, "--ca", authority]
    elsewhere = ["--state", path.parent / "elsewhere"]
    for options, code, said in (
        (["--state", state_root], 0, "1 of 1 instances stored"),
        ([*elsewhere, *given], 0, "1 of 1 instances stored"),
        (elsewhere, 2, "no certificate to show"),
        ([*elsewhere, "--cert", authority, "--key", pair.key], 2, "cannot be used"),
    ):
        command = [sys.executable, "-m", "orthancgen", "send", path, image, *options]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr


def test_https_of_the_system_package_ends_with_a_remedy(tmp_path: Path, state_root: Path) -> None:
    """Orthanc of Debian 12 dies at its first HTTPS request: deploy says why, and leaves nothing running."""
    pair = Authority(tmp_path).issue("orthanc")
    combined = tmp_path / "http.pem"
    combined.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes())
    text = f"extends: {locate('environments') / 'dev'}.yaml\nenvironment: example-https\n" + dedent(_ports())
    text = text.replace("http: {", "http: {tls: {enabled: true}, ") + dedent(
        f"""
        backend: {{enabled: false}}
        webhook: {{enabled: false}}
        viewer: {{enabled: false}}
        secrets:
          http_tls_certificate: {{file: {combined}}}
        """
    )
    text = "\n".join(line for line in text.splitlines() if not line.startswith(("backend: {port", "viewer: {port")))
    path = tmp_path / "environment.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = load(path, installed_version)
    plan = build_plan(loaded.require(), loaded.version)
    state = state_of(plan.site.environment, state_root)
    with pytest.raises(StartError, match="did not get healthy") as caught:
        deploy(plan, state, Silent(), health_seconds=9)
    assert "libcivetweb" in str(caught.value.hint)
    assert stop(state) == []
