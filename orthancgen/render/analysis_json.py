"""analysis.json: what the service of analysis needs to know; credentials are named by file, relative to this one."""

from __future__ import annotations

from typing import Any, Final

from orthancgen.plan.build import ANALYSIS_ACCOUNT
from orthancgen.plan.model import Plan
from orthancgen.render.layout import layout_of
from orthancgen.render.quoting import json_document
from orthancgen.site.analysis_checks import SHIPPED

_MEBIBYTE: Final = 1024**2


def build(plan: Plan) -> str:
    """The text of analysis.json."""
    return json_document(configuration(plan))


def configuration(plan: Plan) -> dict[str, Any]:
    """The configuration as a mapping."""
    site, layout = plan.site, layout_of(plan)
    said = site.analysis
    # In containers the gateway ends TLS, and the services speak over a network of their own.
    https = site.http.tls.enabled and site.runtime == "native"
    return {
        "listen": {"host": layout.inner_address or layout.analysis_host, "port": said.port},
        "dicomweb": {
            "url": f"{'https' if https else 'http'}://{layout.orthanc_host}:{site.http.port}/dicom-web",
            "username": ANALYSIS_ACCOUNT,
            "password_file": f"{layout.credentials}/{said.orthanc_password.secret}",
            "ca_file": f"{layout.credentials}/{site.http.tls.authority.secret}" if https else None,
        },
        "token_file": f"{layout.credentials}/{said.token.secret}",
        "work_folder": layout.work,
        "providers": [
            *({"kind": name} for name in SHIPPED),
            *({"kind": "onnx", "card": card_file(plan, name)} for name in said.models),
        ],
        "limits": {
            "seconds": said.seconds,
            "memory_bytes": said.memory_megabytes * _MEBIBYTE,
            "study_bytes": said.study_megabytes * _MEBIBYTE,
            "workers": said.workers,
        },
    }


def card_file(plan: Plan, name: str) -> str:
    """Where the service finds the card of a model."""
    card, models = plan.site.analysis.models[name], layout_of(plan).models
    return card if models is None else f"{models}/{name}/{card.rpartition('/')[2]}"
