"""The proofs of another machine hold on a site that is as its model says; each weakness fails the one about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from orthancgen.cli.certs import bundle
from orthancgen.cli.verify import verify
from orthancgen.errors import InputError, VerifyError
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.render.orthanc_json import configuration
from orthancgen.site.load import load
from orthancgen.verify.elsewhere import CHECKS_FROM, Identity, identity_of, run_from
from orthancgen.verify.result import Outcome
from tests.conftest import StartOrthanc
from tests.support.namespaces import network
from tests.support.native import COMMAND, Native, native_root
from tests.support.servers import free_port

pytestmark = pytest.mark.live

VERSION: Final = Version.parse("1.10.1")
HOST, CT, MR = "10.93.9.1", "10.93.9.21", "10.93.9.22"
TLS: Final = {"plain-dicom-refused", "dicom-certificate-required", "dicom-foreign-certificate-refused"}
TLS_SITE: Final = {
    "dicom.tls": {"enabled": True, "client_certificates": "required"},
    "dicom.ae_checks": {"called_aet": True, "calling_aet": "registered_from_own_address", "anyone_may": []},
    "certificates": {"names": [HOST], "key": "ecdsa_p256"},  # RSA takes a second a key
    "modalities.ct1": {"aet": "CT1", "address": CT, "may": ["echo", "store"], "tls": True},
    "modalities.mr1": {"aet": "MR1", "address": MR, "may": ["echo"], "tls": True},
    "webhook.enabled": False,
    "backend.enabled": False,
}


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


def test_over_tls_from_another_machine_with_the_files_of_its_vendor(tmp_path: Path) -> None:
    with network(HOST, [CT, MR]) as hosts, native_root() as root:
        native = Native(root, "tls")
        native.write(TLS_SITE)

        def said(address: str, *shown: str) -> tuple[int, dict[str, str]]:
            """What ct1 is told at an address: the exit code, and the outcome of each check that applies."""
            call = [*COMMAND, "verify", str(native.file), "--from", "ct1", "--host", HOST, "--json", *shown]
            done = hosts.run(address, *call, "--ca", str(tmp_path / "ct1/ca.pem"))
            assert done.returncode in (0, 1), done.stderr
            rows = {row["id"]: row["outcome"] for row in json.loads(done.stdout)["checks"]}
            return done.returncode, {one: outcome for one, outcome in rows.items() if outcome != "skipped"}

        try:
            native.started()
            pair = {}
            for name in ("ct1", "mr1"):
                made = [str(native.file), name, "-o", str(tmp_path / name), "--state", str(root)]
                assert CliRunner().invoke(bundle, made).exit_code == 0
                files = {"--cert": f"{name}.crt.pem", "--key": f"{name}.key.pem"}
                pair[name] = [f"{key}={tmp_path / name / file}" for key, file in files.items()]
            code, found = said(CT, *pair["ct1"])
            assert (code, set(found.values())) == (0, {"passed"}), found
            assert {"dicom-echo", "dicom-store", "other-modality-refused", *TLS} < set(found)
            # With a certificate of the site from the address of another: TLS holds, and the AE title is refused there.
            code, found = said(MR, *pair["mr1"])
            assert (code, found["dicom-echo"], {found[one] for one in TLS}) == (1, "failed", {"passed"})
        finally:
            native.end()


def test_what_cannot_be_proven_is_told(tmp_path: Path) -> None:
    _, plan = site(tmp_path, free_port())
    with pytest.raises(InputError, match="there is no modality ct9"):
        run_from(plan, "ct9", "127.0.0.1")
    with pytest.raises(VerifyError, match="does not answer on port"):
        run_from(plan, "ct1", "127.0.0.1")
    file, encrypted = site(tmp_path, free_port(), tls=True)
    with pytest.raises(InputError, match="speaks DICOM TLS"):
        run_from(encrypted, "ct1", "127.0.0.1")
    with pytest.raises(InputError, match="asks its callers for a certificate"):
        run_from(encrypted, "ct1", "127.0.0.1", Identity("", None))
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(InputError, match="cannot be used"):
        identity_of(tmp_path / "ca.pem", None, None)
    with pytest.raises(InputError, match="belong together"):
        identity_of(tmp_path / "ca.pem", tmp_path / "ca.pem", None)
    for wrong in (["--from", "ct1", "--metrics", "x.prom"], ["--host", "127.0.0.1"]):
        assert CliRunner().invoke(verify, [str(file), *wrong]).exit_code == 2
