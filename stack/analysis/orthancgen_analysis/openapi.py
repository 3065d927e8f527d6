"""The contract as an OpenAPI document, made of its types: `python -m orthancgen_analysis.openapi > openapi.yaml`."""

from __future__ import annotations

import sys
from typing import Any

import yaml
from pydantic.json_schema import models_json_schema

from . import __version__
from .contract import Analysis, AnalysisRequest, Provider, ReportRequest

DESCRIPTION = """\
What a provider of analysis answers. A study in; findings with confidence, measurements, regions and provenance out.

Whoever asks names the instances. The provider fetches each of them itself, by DICOMweb
`GET {archive}/studies/{study}/series/{series}/instances/{instance}`, from an archive and with an account that its own
configuration names: an account which may read and do nothing else. So no address in a request is ever called.

The paths are below the address at which whoever asks was told to find the provider. Several may share one host.

What is refused for good is answered 422 (400, 413 where the request itself is wrong); what may succeed later is
answered 502 (the archive did not give the images), 503 (busy, with `Retry-After`) or 504 (too slow). All texts are
text: nothing in them is HTML.
"""

_PROBLEM = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, in words, without a patient's data."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "what"],
                "properties": {"where": {"type": "string"}, "what": {"type": "string"}},
            },
        },
    },
}
_REFUSALS = {
    "400": "The request is not valid",
    "401": "No token, or a wrong one",
    "404": "There is no such provider",
    "413": "The request is too long",
    "415": "The request is not JSON",
    "422": "The study cannot be analysed as it is; another try gives the same",
    "502": "The archive did not give the images",
    "503": "Too many analyses wait already",
    "504": "The time was up",
}


def document() -> dict[str, Any]:
    """The whole document."""
    models = (AnalysisRequest, Analysis, Provider, ReportRequest)
    _, found = models_json_schema([(it, "validation") for it in models], ref_template="#/components/schemas/{model}")
    schemas: dict[str, Any] = {name: _plain(it) for name, it in sorted(found["$defs"].items())}
    schemas["Problem"] = _PROBLEM
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Provider of analysis",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:8010/image_quality"}],
        "security": [{"token": []}],
        "paths": {
            "/v1/provider": {
                "get": {
                    "operationId": "getProvider",
                    "summary": "Who analyses: version, statement, modalities, licence, model card",
                    "responses": _responses("The provider", "Provider", "401", "404"),
                }
            },
            "/v1/analyses": {
                "post": {
                    "operationId": "analyse",
                    "summary": "Analyse a study; answered when it is done",
                    "requestBody": _request("AnalysisRequest"),
                    "responses": _responses("The result", "Analysis", *_REFUSALS),
                }
            },
            "/v1/reports/sr": {
                "post": {
                    "operationId": "report",
                    "summary": "A result as a DICOM SR of the same study, for whoever asks to store",
                    "description": "The same result gives the same SOPInstanceUID. A provider without it answers 404.",
                    "requestBody": _request("ReportRequest"),
                    "responses": {
                        "200": {
                            "description": "A DICOM file (PS3.10): Comprehensive SR, TID 1500",
                            "content": {"application/dicom": {"schema": {"type": "string", "format": "binary"}}},
                        },
                        **{it: _refusal(it) for it in _REFUSALS},
                    },
                }
            },
        },
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}, "schemas": schemas},
    }


def _request(name: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _responses(description: str, name: str, *refusals: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    right = {"description": description, "content": {"application/json": {"schema": schema}}}
    return {"200": right, **{it: _refusal(it) for it in refusals}}


def _refusal(status: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": _REFUSALS[status], "content": {"application/problem+json": {"schema": schema}}}


def _plain(schema: Any) -> Any:
    """The schema without the titles that pydantic makes of names."""
    if isinstance(schema, list):
        return [_plain(it) for it in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {}
    for key, value in schema.items():
        if key == "properties":
            plain[key] = {name: _plain(it) for name, it in value.items()}
        elif key != "title":
            plain[key] = _plain(value)
    return plain


def text() -> str:
    """The document as YAML."""
    return yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    sys.stdout.write(text())
