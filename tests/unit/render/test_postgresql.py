"""Orthanc's index in a PostgreSQL that is reached by TLS: a URI that says who must have signed its certificate."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from orthancgen.render.catalogue import render
from orthancgen.secrets.orthanc_file import orthanc_secret_document
from orthancgen.secrets.value import SecretValue
from tests.support.scaled import IMAGES, kubernetes

PASSWORD = "p@ss:w/rd?#[%20]&sslmode=disable"


def sections(host: str, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What orthanc.json says of it to those who review, and the section beside it."""
    said = {"host": host, "tls": True, "authority": {"secret": "pg_authority"}, **more}
    scale = {"index": "postgresql", "storage": "postgresql", "orthancs": 2, "postgresql": said}
    plan = kubernetes({"images": IMAGES, "scale": scale, "secrets": {"pg_authority": {"file": "/etc/pg.pem"}}})
    (authority,) = (secret for secret in plan.secrets if secret.name == "pg_authority")
    assert (authority.purpose, authority.used_by) == ("pem", ("orthanc",))
    values = {secret.name: SecretValue(PASSWORD) for secret in plan.secrets}
    rendered = json.loads(render(plan).file("orthanc/orthanc.json").content)["OrthancGen"]["PostgreSQL"]
    return rendered, json.loads(orthanc_secret_document(plan, values))["PostgreSQL"]


@pytest.mark.parametrize(("host", "written"), [("db.example", "db.example"), ("2001:db8::5", "[2001:db8::5]")])
def test_the_certificate_is_checked_against_its_authority_and_the_host(host: str, written: str) -> None:
    rendered, beside = sections(host, port=6432, user="orthanc_a", name="index")
    options = "sslmode=verify-full&sslrootcert=/run/secrets/pg_authority"
    assert rendered["ConnectionUri"] == f"postgresql://orthanc_a@{written}:6432/index?{options}"
    url = urlsplit(beside["ConnectionUri"])
    assert (unquote(url.username or ""), unquote(url.password or "")) == ("orthanc_a", PASSWORD)
    assert (url.hostname, url.port, url.path) == (host, 6432, "/index")
    assert parse_qs(url.query) == {"sslmode": ["verify-full"], "sslrootcert": ["/run/secrets/pg_authority"]}
    assert not {"Host", "Password", "EnableSsl"} & set(beside)
    assert {key for key in rendered if rendered[key] != beside[key]} == {"ConnectionUri"}


def test_the_password_stands_beside_it_alone() -> None:
    rendered, _ = sections("db.example")
    assert "p%40ss" not in rendered["ConnectionUri"]
    assert ":" not in rendered["ConnectionUri"].split("//")[1].split("@")[0]
