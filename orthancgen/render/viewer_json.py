"""viewer.json: what the viewer's server needs to know; credentials are named by file, relative to this one."""

from __future__ import annotations

from typing import Any

from orthancgen.plan.addresses import front_networks
from orthancgen.plan.build import VIEWER_ACCOUNT
from orthancgen.plan.model import Plan
from orthancgen.plan.reached import browsers_come_by_https
from orthancgen.render.layout import layout_of
from orthancgen.render.quoting import json_document


def build(plan: Plan) -> str:
    """The text of viewer.json."""
    return json_document(configuration(plan))


def configuration(plan: Plan) -> dict[str, Any]:
    """The configuration as a mapping."""
    site, layout = plan.site, layout_of(plan)
    # In containers the gateway ends TLS, and the services speak over a network of their own.
    https = site.http.tls.enabled and site.runtime == "native"
    return {
        "environment": {"name": site.environment, "kind": site.kind},
        "listen": {"host": layout.inner_address or site.viewer.listen_on, "port": site.viewer.port},
        "title": site.viewer.title or site.orthanc.name,
        "secure_cookies": browsers_come_by_https(plan.site),
        "trusted_proxies": list(front_networks(site)) if browsers_come_by_https(plan.site) else [],
        "backend": {"url": f"http://{layout.backend_host}:{site.backend.port}", "ca_file": None},
        "orthanc": {
            "url": f"{'https' if https else 'http'}://{layout.orthanc_host}:{site.http.port}",
            "username": VIEWER_ACCOUNT,
            "password_file": f"{layout.credentials}/{site.viewer.orthanc_password.secret}",
            "ca_file": f"{layout.credentials}/{site.http.tls.authority.secret}" if https else None,
        },
    }
