"""The JSON Schema of an environment file, for editors: what is accepted before ``extends`` is followed."""

from __future__ import annotations

import typing
from typing import Any

from pydantic import TypeAdapter

from orthancgen.site.documentation import described, field_texts, sections
from orthancgen.site.model import Site
from orthancgen.site.types import Section

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema as a mapping.

    One file of a chain may leave out what another says, so nothing is required, and every key may be empty (``key:``),
    which takes the inherited value out. What only the whole can show (two equal ports, an unknown key of Orthanc) is
    the work of ``orthancgen validate``.
    """
    document = Site.model_json_schema(mode="validation")
    for name, field in Site.model_fields.items():
        if typing.get_origin(field.annotation) is dict:
            key_schema = TypeAdapter(typing.get_args(field.annotation)[0]).json_schema()
            document["properties"][name]["propertyNames"] = {"pattern": key_schema["pattern"]}
    by_name = {section.__name__: section for section in sections()}
    definitions = {
        name: _loosen(_described(definition, by_name[name])) for name, definition in document.pop("$defs").items()
    }
    body = _loosen(_described(document, Site))
    body["properties"] = {
        "extends": {
            "type": "string",
            "description": "Environment file that this one completes.",
            "examples": ["base.yaml"],
        },
        **body["properties"],
    }
    return {
        "$schema": DIALECT,
        "title": "orthancgen environment",
        **{key: value for key, value in body.items() if key != "title"},
        "$defs": definitions,
    }


def _described(schema: dict[str, Any], section: type[Section]) -> dict[str, Any]:
    """With the text under each field as its description, before the one that the type of the field brings."""
    properties = {
        name: dict(sorted({**value, "description": described(text, value.get("description"))}.items()))
        for name, value in schema["properties"].items()
        if (text := field_texts(section).get(name))
    }
    return {**schema, "properties": {**schema["properties"], **properties}}


def _loosen(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type") != "object" or "properties" not in schema:
        return schema
    properties = {name: _nullable(value) for name, value in schema["properties"].items()}
    return {key: value for key, value in schema.items() if key != "required"} | {"properties": properties}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if any(option.get("type") == "null" for option in schema.get("anyOf", ())):
        return schema
    kept: dict[str, Any] = {
        key: schema[key] for key in ("description", "default", "title", "examples") if key in schema
    }
    inner = {key: value for key, value in schema.items() if key not in kept}
    return {**kept, "anyOf": [inner, {"type": "null"}]}
