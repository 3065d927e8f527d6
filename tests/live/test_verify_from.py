"""The proofs of another machine hold on a site that is as its model says; each weakness fails the one about it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from orthancgen.cli.verify import verify
from orthancgen.errors import InputError, VerifyError
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.render.orthanc_json import configuration
from orthancgen.site.load import load
from orthancgen.verify.elsewhere import CHECKS_FROM, identity_of, run_from
from orthancgen.verify.result import Outcome
from tests.conftest import StartOrthanc
from tests.support.servers import free_port

pytestmark = pytest.mark.live

VERSION: Final = Version.parse("1.10.1")
TLS: Final = {"plain-dicom-refused", "dicom-certificate-required", "dicom-foreign-certificate-refused"}


def site(folder: Path, port: int, *, tls: bool = False) -> tuple[Path, Plan]:
    """A site: this machine is ct1, which may echo and store; the workstation is another."""
    text = f"""
environment: here
kind: development
orthanc: {{aet: ORTHANC, version: 1.10.1}}
dicom: {{port: {port}, tls: {{enabled: {str(tls).lower()}}}}}
modalities:
  ct1: {{aet: CT1, address: 127.0.0.1, may: [echo, store], tls: {str(tls).lower()}}}
  workstation: {{aet: WS1, address: 198.51.100.7, may: [echo, find], tls: {str(tls).lower()}}}
webhook: {{enabled: false}}
users: {{orthanc: {{role: administrator, password: {{secret: orthanc_password}}}}}}
backend: {{enabled: false}}
viewer: {{enabled: false}}
"""
    file = folder / "here.yaml"
    file.write_text(text)
    return file, build_plan(load(file).require(), VERSION)


def settings(plan: Plan, **changes: Any) -> Mapping[str, Any]:
    """What Orthanc is started with: the rendered settings of DICOM, and what is changed by hand."""
    rendered = configuration(plan)
    return {key: value for key, value in rendered.items() if key.startswith("Dicom")} | changes


def outcomes(plan: Plan, modality: str = "ct1") -> dict[str, Outcome]:
    return {one.id: one.outcome for one in run_from(plan, modality, "127.0.0.1")}


def test_a_caller_gets_what_the_model_grants_it_and_nothing_else(tmp_path: Path, start_orthanc: StartOrthanc) -> None:
    file, plan = site(tmp_path, free_port())
    start_orthanc(settings(plan))
    found = outcomes(plan)
    absent = {one for one, outcome in found.items() if outcome is Outcome.SKIPPED}
    granted = {"dicom-echo-refused", "dicom-store-refused"}
    assert absent == {"dicom-find", "dicom-get", "dicom-move"} | granted | TLS
    assert {outcome for one, outcome in found.items() if one not in absent} == {Outcome.PASSED}
    # In the place of the workstation it is refused, since it has not its address.
    assert outcomes(plan, "workstation")["dicom-echo"] is Outcome.FAILED
    said = CliRunner().invoke(verify, [str(file), "--from", "ct1", "--host", "127.0.0.1"])
    assert said.exit_code == 0, said.output
    assert f"{len(CHECKS_FROM) - len(absent)} of {len(CHECKS_FROM) - len(absent)} passed" in said.output


@pytest.mark.parametrize(
    ("key", "value", "failed"),
    [
        ("DicomCheckModalityHost", False, "other-modality-refused"),
        ("DicomCheckCalledAet", False, "wrong-called-aet-refused"),
        ("DicomAlwaysAllowFind", True, "dicom-find-refused"),
        (
            "DicomModalities",
            {"ct1": {"AET": "CT1", "Host": "127.0.0.1", "Port": 104, "AllowStore": False}},
            "dicom-store",
        ),
    ],
)
def test_a_weak_server_is_noticed(
    tmp_path: Path, start_orthanc: StartOrthanc, key: str, value: object, failed: str
) -> None:
    _, plan = site(tmp_path, free_port())
    start_orthanc(settings(plan, **{key: value}))
    assert outcomes(plan)[failed] is Outcome.FAILED


def test_what_cannot_be_proven_is_told(tmp_path: Path) -> None:
    _, plan = site(tmp_path, free_port())
    with pytest.raises(InputError, match="there is no modality ct9"):
        run_from(plan, "ct9", "127.0.0.1")
    with pytest.raises(VerifyError, match="does not answer on port"):
        run_from(plan, "ct1", "127.0.0.1")
    file, encrypted = site(tmp_path, free_port(), tls=True)
    with pytest.raises(InputError, match="speaks DICOM TLS"):
        run_from(encrypted, "ct1", "127.0.0.1")
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(InputError, match="cannot be used"):
        identity_of(tmp_path / "ca.pem", None, None)
    with pytest.raises(InputError, match="belong together"):
        identity_of(tmp_path / "ca.pem", tmp_path / "ca.pem", None)
    for wrong in (["--from", "ct1", "--metrics", "x.prom"], ["--host", "127.0.0.1"]):
        assert CliRunner().invoke(verify, [str(file), *wrong]).exit_code == 2
