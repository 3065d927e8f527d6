"""``orthancgen certs``: exit codes, what is printed, and what never is."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from orthancgen.cli.certs import certs
from orthancgen.cli.output import load_plan
from orthancgen.errors import DeployError, InputError
from orthancgen.secrets.store import SecretStore, gather

DOCUMENT: dict[str, Any] = {
    "environment": "t",
    "kind": "development",
    "orthanc": {"aet": "ORTHANC", "version": "1.13.0"},
    "dicom": {"port": 2762, "tls": {"enabled": True}},
    "certificates": {"key": "ecdsa_p256"},
    "modalities": {"ct1": {"aet": "CT1", "address": "127.0.0.1", "tls": True}},
    "users": {"admin": {"role": "administrator", "password": {"secret": "admin_password"}}},
}


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / "t.yaml"
    path.write_text(yaml.safe_dump(DOCUMENT))
    store = SecretStore(tmp_path / "state/t/secrets")
    store.place(gather(load_plan(str(path))[1], store, {}))
    return path


def run(env: Path, verb: str, *arguments: str) -> Result:
    command = [verb, str(env), *arguments, "--state", str(env.parent / "state")]
    result = CliRunner().invoke(certs, command)
    assert "PRIVATE KEY" not in result.output
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_list_and_check(env: Path) -> None:
    document = json.loads(run(env, "list", "--json").stdout)
    assert [row["name"] for row in document["certificates"]] == ["ca.dicom", "site.dicom", "site.verify"]
    shown = run(env, "list").stdout
    for row in document["certificates"]:
        assert row["fingerprint"] in shown
        assert row["serial"] in shown
    good = run(env, "check")
    assert (good.exit_code, good.stdout) == (0, "3 of 3 certificates are good\n")


def test_check_says_what_is_wrong_and_renew_mends_it(env: Path) -> None:
    assert run(env, "renew").stdout == "no certificate is due for renewal\n"
    run(env, "issue", "ct1")
    env.write_text(yaml.safe_dump({**DOCUMENT, "certificates": {"valid_days": 398, "renew_days": 365}}))
    assert run(env, "check").exit_code == 0
    run(env, "revoke", "ct1", "--reason", "lost")
    wrong = run(env, "check")
    assert (wrong.exit_code, "ct1: it is revoked" in wrong.stdout) == (1, True)
    assert "ct1: new certificate" in run(env, "renew").stdout
    assert run(env, "check").exit_code == 0
    with pytest.raises(InputError, match="no certificate nobody"):
        run(env, "renew", "nobody")
    with pytest.raises(InputError, match="no certificate of nobody"):
        run(env, "revoke", "nobody")


def test_all_of_the_site_wait_for_the_next_deploy(env: Path) -> None:
    run(env, "renew", "--all")
    folder = env.parent / "state/t/withheld/secrets.next"
    assert sorted(path.name for path in folder.iterdir()) == [
        "dicom_tls_certificate", "dicom_tls_key", "verify_dicom_client",
    ]  # fmt: skip


def test_a_revocation_list_and_an_authority(env: Path) -> None:
    file = env.parent / "list.der"
    assert "0 revoked" in run(env, "crl", "-o", str(file), "--der").stdout
    subprocess.run(["openssl", "crl", "-inform", "DER", "-in", str(file), "-noout"], check=True)
    assert run(env, "ca").stdout.count("BEGIN CERTIFICATE") == 1
    with pytest.raises(DeployError, match="no https authority"):
        run(env, "ca", "--authority", "https")
    with pytest.raises(InputError, match="cannot write"):
        run(env, "crl", "-o", str(env.parent / "none/list"))


def test_a_bundle_is_written_whole_or_not_at_all(env: Path) -> None:
    (env.parent / "password").write_text("there already")
    out = env.parent / "b"
    with pytest.raises(InputError, match="password exists"):
        run(env, "bundle", "ct1", "--pkcs12", "-o", str(out), "--password-file", str(env.parent / "password"))
    assert not out.exists()
    shown = run(env, "bundle", "ct1", "--pkcs12", "-o", str(out)).stdout
    password = shown.splitlines()[-1]
    assert all(password.encode() not in path.read_bytes() for path in out.iterdir())
    with pytest.raises(InputError, match="--password-file is for --pkcs12"):
        run(env, "bundle", "ct1", "-o", str(out), "--password-file", "x")
    with pytest.raises(InputError, match="cannot write"):
        run(env, "bundle", "ct1", "-o", str(env / "under-a-file"))


def test_finish_needs_a_beginning(env: Path) -> None:
    with pytest.raises(InputError, match="no new authority"):
        run(env, "rotate-authority", "--finish")
