"""Secrets come from their source or are generated; all problems are told at once, and no value with them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from orthancgen.errors import DeployError, InputError
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.secrets.store import KNOWN_DEFAULTS, SecretStore, gather, generate, redact
from orthancgen.secrets.value import SecretValue
from tests.support.environments import MINIMAL, NEWEST, site_of

GOOD = "Zq8-kT2_wP5xVb71"


def plan_of(changes: dict[str, Any] | None = None) -> Plan:
    return plan(site_of(MINIMAL, changes), NEWEST)


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    return SecretStore(tmp_path / "secrets")


def test_a_first_time_generates_all_and_writes_nothing(store: SecretStore) -> None:
    wanted = plan_of()
    values = gather(wanted, store, {})
    assert set(values) == {secret.name for secret in wanted.secrets}
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", value.reveal()) for value in values.values())
    assert len(set(values.values())) == len(values)
    assert not store.folder.exists()


def test_placed_values_are_kept_private_and_found_again(store: SecretStore) -> None:
    values = gather(plan_of(), store, {})
    store.place(values)
    assert {path.name for path in store.folder.iterdir()} == set(values)
    assert {path.stat().st_mode & 0o777 for path in store.folder.iterdir()} == {0o600}
    times = {path: path.stat().st_mtime_ns for path in store.folder.iterdir()}
    assert gather(plan_of(), store, {}) == values
    store.place(values)
    assert {path: path.stat().st_mtime_ns for path in store.folder.iterdir()} == times


def test_a_rotated_value_waits_until_it_is_placed(store: SecretStore) -> None:
    first = gather(plan_of(), store, {})
    store.place(first)
    store.rotate("admin_password")
    assert store.read("admin_password") == first["admin_password"]
    second = gather(plan_of(), store, {})
    assert second["admin_password"] == store.waiting("admin_password") != first["admin_password"]
    assert {name for name in first if first[name] != second[name]} == {"admin_password"}
    store.place(second)
    store.settle()
    assert store.waiting("admin_password") is None
    assert store.read("admin_password") == second["admin_password"]


def test_sources_are_files_and_variables(store: SecretStore, tmp_path: Path) -> None:
    (tmp_path / "given").write_text(f"{GOOD}\r\n")
    wanted = plan_of(
        {"secrets": {"admin_password": {"file": str(tmp_path / "given")}, "operator_token": {"env": "OPERATOR"}}}
    )
    values = gather(wanted, store, {"OPERATOR": "token-0123456789"})
    assert values["admin_password"].reveal() == GOOD
    assert values["operator_token"].reveal() == "token-0123456789"


def test_all_problems_are_told_at_once_and_no_value(store: SecretStore, tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"secret\xff\xfe")
    sources = {
        "admin_password": {"file": str(tmp_path / "missing")},
        "operator_token": {"env": "SPACED"},
        "webhook_token": {"env": "NOT_SET"},
        "database_password": {"file": str(tmp_path / "binary")},
        "backend_orthanc_password": {"env": "EMPTY"},
    }
    with pytest.raises(InputError) as caught:
        gather(plan_of({"secrets": sources}), store, {"SPACED": "with spaces;", "EMPTY": ""})
    said = caught.value.message
    assert f"admin_password (users.admin.password): cannot read {tmp_path / 'missing'}: No such file" in said
    assert "operator_token (backend.operator_token): a token has no spaces" in said
    assert "webhook_token (webhook.token): the environment variable NOT_SET is not set" in said
    assert f"database_password (backend.database.password): {tmp_path / 'binary'} is not text in UTF-8" in said
    assert "backend_orthanc_password (backend.orthanc_password): the value is empty" in said
    assert "with spaces;" not in said
    assert "secret\\xff" not in said
    assert not store.folder.exists()


@pytest.mark.parametrize("kind", ["development", "staging", "production"])
@pytest.mark.parametrize("weak", sorted({*KNOWN_DEFAULTS, "ORTHANC", "admin"}))
def test_known_defaults_are_for_development_alone(store: SecretStore, kind: str, weak: str) -> None:
    wanted = plan_of({"kind": kind, "secrets": {"admin_password": {"env": "GIVEN"}}})
    if kind == "development":
        assert gather(wanted, store, {"GIVEN": weak})["admin_password"].reveal() == weak
        return
    with pytest.raises(InputError, match="a default that everybody knows"):
        gather(wanted, store, {"GIVEN": weak})


@pytest.mark.parametrize(("length", "refused"), [(15, True), (16, False)])
def test_production_wants_sixteen_characters(store: SecretStore, length: int, refused: bool) -> None:
    wanted = plan_of({"kind": "production", "secrets": {"admin_password": {"env": "GIVEN"}}})
    given = (GOOD * 2)[:length]
    if not refused:
        assert gather(wanted, store, {"GIVEN": given})["admin_password"].reveal() == given
        return
    with pytest.raises(InputError, match="fewer than 16 characters") as caught:
        gather(wanted, store, {"GIVEN": given})
    assert given not in caught.value.message


@pytest.mark.parametrize("text", ["pässwörd-pässwörd", "a\tb-0123456789abc", "line\nbreak-012345678"])
def test_characters_that_clients_treat_differently_are_refused(store: SecretStore, text: str) -> None:
    with pytest.raises(InputError, match="other than printable ASCII"):
        gather(plan_of({"secrets": {"admin_password": {"env": "GIVEN"}}}), store, {"GIVEN": text})


def test_certificates_of_ones_own_must_be_pem(store: SecretStore) -> None:
    tls = {"dicom/tls": {"enabled": True}}
    names = [secret.name for secret in plan_of(tls).secrets if secret.purpose == "pem"]
    sources = {name: {"env": "GIVEN"} for name in names}
    with pytest.raises(InputError, match="the file is no PEM"):
        gather(plan_of({**tls, "secrets": sources}), store, {"GIVEN": "not a certificate"})
    assert not store.authorities.exists()


def test_a_store_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "secrets").write_text("a file where the folder should be")
    store = SecretStore(tmp_path / "secrets")
    with pytest.raises(DeployError, match="cannot read the secret a"):
        store.read("a")
    with pytest.raises(DeployError, match="cannot write the secret a") as caught:
        store.write("a", SecretValue(GOOD))
    assert GOOD not in caught.value.message
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a").write_bytes(b"\xff")
    with pytest.raises(DeployError, match="is no text"):
        SecretStore(tmp_path / "other").read("a")


def test_redact_names_what_it_hides() -> None:
    values = {"one": SecretValue(GOOD), "short": SecretValue("a")}
    assert redact(f"password={GOOD}, again {GOOD}", values) == "password=[one], again [one]"


def test_generated_values_need_no_quotes() -> None:
    assert len({generate().reveal() for _ in range(100)}) == 100
