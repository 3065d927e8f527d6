"""The table of keys is whole: every field has a meaning, every reference leads somewhere, every fact has a source."""

from __future__ import annotations

import json

import pytest
import yaml

from orthancgen.orthanc.keys import (
    MAINLINE,
    SUPPORTED,
    Key,
    Version,
    check_settings,
    keys_for,
    plugin_sections,
    sections,
)
from scripts.orthanc_keys import SUPPLEMENT, TARGET

TYPES = {"boolean", "integer", "number", "string", "list", "object"}
KEYS = [key for section in sections() for key in keys_for(MAINLINE, section).values()]
SAMPLES = {"boolean": True, "integer": 1, "number": 1.5, "string": "x", "list": [], "object": {}}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: f"{key.section}.{key.name}")
def test_each_key_is_described_and_consistent(key: Key) -> None:
    assert key.type
    assert set(key.type) | set(key.items) <= TYPES
    assert key.description.endswith(".")
    assert key.source.startswith("https://")
    assert {key.members, key.each} - {""} <= set(sections())
    assert key.minimum is None or key.maximum is None or key.minimum < key.maximum
    assert key.since is None or key.until is None or key.since <= key.until
    if key.values:
        assert key.default is None or key.default in key.values
    if key.default is not None:
        problems = check_settings({key.name: key.default}, MAINLINE, section=key.section)
        assert not [problem for problem in problems if problem.path], "its own default is refused"


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_the_defaults_of_a_version_have_no_problem_there(version: Version) -> None:
    settings = {key.name: key.default for key in keys_for(version).values() if key.default is not None}
    assert len(settings) > 90
    assert check_settings(settings, version) == ()


@pytest.mark.parametrize("key", [key for key in KEYS if not key.each], ids=lambda key: f"{key.section}.{key.name}")
def test_each_wrong_type_of_each_key_is_found(key: Key) -> None:
    wrong = [kind for kind in SAMPLES if kind not in key.type and not (kind == "integer" and "number" in key.type)]
    assert wrong
    for kind in wrong:
        found = check_settings({key.name: SAMPLES[kind]}, MAINLINE, section=key.section)
        assert any(problem.path == (key.name,) and "must be" in problem.message for problem in found), kind


@pytest.mark.parametrize(
    "name",
    ["Password", "RegisteredUsers", "HttpProxy", "Pin", "CertificateKeyPassword", "HttpHeaders", "ConnectionUri"],
)
def test_what_holds_a_password_is_marked(name: str) -> None:
    found = [key for key in KEYS if key.name == name]
    assert found
    assert all(key.secret for key in found)


def test_the_sections_that_a_plugin_has_are_described() -> None:
    described = {name for name, section in plugin_sections().items() if section}
    assert described == {"DicomWeb", "PostgreSQL", "Worklists", "Housekeeper"}
    assert {section for section in plugin_sections().values() if section} <= set(sections())
    assert not set(plugin_sections()) & set(keys_for(MAINLINE))


def test_the_built_files_hold_exactly_the_keys_of_the_supplement() -> None:
    supplement = yaml.safe_load(SUPPLEMENT.read_text(encoding="utf-8"))
    built = {
        file.stem: json.loads(file.read_text(encoding="utf-8"))
        for file in TARGET.glob("*.json")
        if file.stem != "plugins"
    }
    assert {name: list(section["keys"]) for name, section in supplement["sections"].items()} == {
        name: [key["name"] for key in document["keys"]] for name, document in built.items()
    }
    assert json.loads((TARGET / "plugins.json").read_text(encoding="utf-8")) == supplement["plugins"]
    for name, document in built.items():
        for key in document["keys"]:
            assert key["description"] == supplement["sections"][name]["keys"][key["name"]]["about"]


def test_every_supported_version_knows_the_keys_that_a_safe_server_needs() -> None:
    for version in SUPPORTED:
        needed = {
            "AuthenticationEnabled",
            "RegisteredUsers",
            "RemoteAccessAllowed",
            "SslCertificate",
            "DicomTlsCertificate",
        }
        assert needed <= set(keys_for(version))
