"""The shipped environments on the installed Orthanc: each is accepted as rendered, deployed, and proven by `verify`."""

from __future__ import annotations

import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from orthancgen.orthanc.detect import installed_version
from orthancgen.plan.build import plan as build_plan
from orthancgen.resources import locate
from orthancgen.runtimes.native.deploy import deploy
from orthancgen.runtimes.native.running import stop
from orthancgen.runtimes.native.state import state_of
from orthancgen.runtimes.report import Silent
from orthancgen.site.load import load
from orthancgen.verify.run import run
from tests.support.certificates import Authority
from tests.support.servers import free_port, require_dcmtk

pytestmark = pytest.mark.live


def _ports() -> str:
    return f"""
        dicom: {{port: {free_port()}}}
        http: {{port: {free_port()}}}
        backend: {{port: {free_port()}, database: {{port: {free_port()}}}}}
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
