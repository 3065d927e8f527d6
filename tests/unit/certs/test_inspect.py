"""What is wrong with certificates is found: their time, their keys, and what they are for."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest

from orthancgen.certs.clients import issue_client
from orthancgen.certs.generate import authorities
from orthancgen.certs.inspect import Shown, examine
from orthancgen.secrets.store import SecretStore, gather
from tests.support.issued import placed, plan_of, problems


def test_check_finds_nothing_in_what_is_new(store: SecretStore) -> None:
    values = placed(plan_of(), store)
    issue_client(plan_of(), authorities(plan_of(), store), "ct1")
    assert problems(plan_of(), values, store) == {}
    rows = examine(plan_of(), values, authorities(plan_of(), store))
    assert {row.name for row in rows} == {"ca.dicom", "ca.https", "site.dicom", "site.https", "site.verify", "ct1"}
    assert all(isinstance(row, Shown) and "PRIVATE" not in repr(row) for row in rows)


@pytest.mark.parametrize(
    ("days", "said"), [(-1, "not valid before"), (370, "expires in 26 days"), (400, "it expired on")]
)
def test_check_looks_at_the_time(store: SecretStore, days: int, said: str) -> None:
    values = placed(plan_of(), store)
    found = problems(plan_of(), values, store, now=datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days))
    for name in ("site.dicom", "site.https", "site.verify"):
        assert said in found[name]


def test_check_of_own_certificates(store: SecretStore, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()

    def run(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=own",
        "-days", "400")  # fmt: skip
    run("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "w.key", "-out", "w.pem", "-subj", "/CN=w",
        "-sha1", "-days", "5", "-addext", "extendedKeyUsage=clientAuth")  # fmt: skip
    joined = (folder / "w.pem").read_text() + (folder / "ca.key").read_text()
    (folder / "web.pem").write_text(joined)
    sources = {
        "http_tls_certificate": {"file": str(folder / "web.pem")},
        "http_tls_authority": {"file": str(folder / "ca.pem")},
    }
    wanted_plan = plan_of({"secrets": sources})
    found = problems(wanted_plan, gather(wanted_plan, store, {}), store)
    assert set(found) == {"site.https"}
    for said in (
        "RSA of 1024 bits", "sha1", "expires in 4 days", "private key is not that of", "no authority that is trusted",
        "lacks serverAuth", "no subject alternative name",
    ):  # fmt: skip
        assert said in found["site.https"], said
    assert "PRIVATE" not in found["site.https"]
