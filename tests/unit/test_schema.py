"""The JSON Schema of the environment file: valid itself, current on disk, and of one mind with the model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from orthancgen.resources import locate
from orthancgen.site.schema import json_schema
from tests.support.environments import MINIMAL, PRODUCTION, document, load_text

ENVIRONMENTS = sorted(locate("environments").glob("*.yaml"))
SCHEMA = json_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def test_it_is_a_schema_of_2020_12() -> None:
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMA)


def test_the_file_beside_the_environments_is_current() -> None:
    committed = (locate("environments") / "schema.json").read_text(encoding="utf-8")
    assert json.loads(committed) == SCHEMA, "write it with: make docs"


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_the_shipped_environments_agree(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "$schema=./schema.json" in text.splitlines()[0]
    VALIDATOR.validate(yaml.safe_load(text))


def properties(schema: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            yield f"{where}.{name}", value
        for key, value in schema.items():
            yield from properties(value, f"{where}.{key}")


def described(schema: dict[str, Any]) -> bool:
    options = [schema, *schema.get("anyOf", ())]
    references = [option["$ref"].rpartition("/")[2] for option in options if "$ref" in option]
    return any(option.get("description") for option in [*options, *(SCHEMA["$defs"][name] for name in references)])


def test_every_property_says_what_it_is() -> None:
    found = list(properties(SCHEMA, "schema"))
    assert len(found) > 90
    assert [where for where, schema in found if not described(schema)] == []


WRONG: list[dict[str, Any]] = [
    {"htpp": {}},
    {"kind": "prod"},
    {"environment": "Dev"},
    {"orthanc/aet": "A" * 17},
    {"orthanc/aet": "CT\\1"},
    {"orthanc/version": "latest"},
    {"dicom/port": 0},
    {"dicom/port": "4242"},
    {"dicom/port": 4242.5},
    {"dicom/ae_checks/anyone_may": ["read"]},
    {"modalities": {"ct.1": {"aet": "CT1", "address": "192.0.2.1"}}},
    {"modalities": {"ct1": {"aet": "CT1", "address": "192.0.2.1", "port": 65535}}},
    {"users/admin/password": "hunter2"},
    {"users/admin/password": {"secret": "Hunter2!"}},
    {"users/a:b": {"role": "viewer", "password": {"secret": "b"}}},
    {"http": []},
    {"backend/port": 70000},
    {"waivers": [{"rule": "x", "reason": "y", "owner": "z", "until": "tomorrow"}]},
    {"images": {"mango": "mango:1"}},
    {"description": "x" * 201},
]


@pytest.mark.parametrize("changes", WRONG, ids=lambda changes: next(iter(changes)))
def test_what_it_refuses_the_model_refuses(changes: dict[str, Any], tmp_path: Path) -> None:
    text = document(MINIMAL, changes)
    assert not VALIDATOR.is_valid(yaml.safe_load(text))
    assert load_text(text, tmp_path).site is None


@pytest.mark.parametrize("text", [MINIMAL, PRODUCTION])
def test_what_the_model_accepts_it_accepts(text: str, tmp_path: Path) -> None:
    assert load_text(text, tmp_path).site is not None
    VALIDATOR.validate(yaml.safe_load(text))


def test_a_key_without_a_value_is_allowed() -> None:
    VALIDATOR.validate({"extends": "base.yaml", "http": None, "viewer": {"port": None}, "kind": None})
