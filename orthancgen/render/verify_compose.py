"""verify/compose.yaml: the proofs by the clock in a container, on another machine that stands in a modality's place.

It has what a caller has: the address of its machine, and a certificate where the site asks for one; no secret of the
site, and no engine. Compose specification: https://github.com/compose-spec/compose-spec/blob/main/spec.md
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from orthancgen.plan.images import own_image
from orthancgen.plan.model import Plan
from orthancgen.render.container_files import project_name
from orthancgen.render.quoting import comment, compose
from orthancgen.render.site_json import SITE_FILE
from orthancgen.site.backup import plain_schedule

_USER: Final = 10004
"""Of the image of the command (stack/images/orthancgen)."""
_SECONDS: Final = {"hourly": 3600, "daily": 86_400, "weekly": 604_800}
_TEXTFILE: Final = "/var/lib/prometheus/node-exporter"
"""Folder of the node exporter's textfile collector in Debian; that machine is another than the site's."""
_FOLDER: Final = "/etc/orthancgen"
_PEMS: Final = {"--ca": "ca.pem", "--cert": "{caller}.crt.pem", "--key": "{caller}.key.pem"}
"""As `orthancgen certs bundle` names them."""
HEAD: Final = """\
Rendered by orthancgen from the environment {environment}: change that, not this file.

The proofs by the clock, from another machine than the site's own: by DICOM alone, without a secret of the site.

  ORTHANCGEN_FROM=ct1 ORTHANCGEN_HOST=pacs.hospital.example docker compose up --detach

ORTHANCGEN_FROM      the modality in whose place that machine stands, which has its address
ORTHANCGEN_HOST      the site, as it is reached from there
ORTHANCGEN_TEXTFILE  folder of the node exporter's textfile collector there, in which user {user} may write"""
_TLS: Final = """
ORTHANCGEN_PEM       folder that `orthancgen certs bundle` wrote for the modality, whose files user {user} may read"""


def build(plan: Plan) -> str:
    """The text of verify/compose.yaml.

    Raises:
        RenderError: a value has a character that YAML or Compose cannot carry.
    """
    head = HEAD + (_TLS if plan.site.dicom.tls.enabled else "")
    lines = head.format(environment=comment(plan.site.environment), user=_USER).splitlines()
    body: str = yaml.safe_dump(document(plan), sort_keys=False, width=120)
    return "".join(f"# {line}".rstrip() + "\n" for line in lines) + body


def document(plan: Plan) -> dict[str, Any]:
    """The compose file as a mapping."""
    site = plan.site
    caller = "${ORTHANCGEN_FROM:?names a modality}"
    pems = {option: name.format(caller=caller) for option, name in _PEMS.items()} if site.dicom.tls.enabled else {}
    mounted = [
        _bind(f"../{SITE_FILE}", f"{_FOLDER}/{SITE_FILE}", read_only=True),
        *([_bind("${ORTHANCGEN_PEM:-./pem}", f"{_FOLDER}/pem", read_only=True)] if pems else []),
        _bind(f"${{ORTHANCGEN_TEXTFILE:-{_TEXTFILE}}}", "/metrics", read_only=False),
    ]
    service = {
        "image": compose(own_image("orthancgen")),
        "volumes": mounted,
        "command": [
            *("verify", f"{_FOLDER}/{SITE_FILE}", "--from", caller),
            *(
                "--host",
                "${ORTHANCGEN_HOST:?names the site}",
                "--every",
                str(_every(site.observability.verify_schedule)),
            ),
            *("--metrics", f"/metrics/orthancgen-{site.environment}-from-{caller}.prom"),
            *(word for option, name in pems.items() for word in (option, f"{_FOLDER}/pem/{name}")),
        ],
        "restart": "unless-stopped",
        "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
        "user": f"{_USER}:{_USER}",
        "cap_drop": ["ALL"],
        "cpus": 1,
        "init": True,
        "mem_limit": "512m",
        "memswap_limit": "512m",
        # The site sees the address of the machine, not that of a container.
        "network_mode": "host",
        "pids_limit": 64,
        "pull_policy": "never",
        "read_only": True,
        "security_opt": ["no-new-privileges:true"],
        "tmpfs": [f"/tmp:size=64m,mode=0700,uid={_USER},gid={_USER},noexec,nosuid,nodev"],  # noqa: S108
    }
    return {"name": f"{project_name(site.environment)}-verify", "services": {"verify": service}}


def _every(schedule: str) -> int:
    """Seconds from one run to the next; of what only systemd understands, an hour."""
    found = plain_schedule(schedule)
    return _SECONDS[found["every"] if found else "hourly"]


def _bind(source: str, target: str, *, read_only: bool) -> dict[str, Any]:
    return {
        "type": "bind",
        "source": source,
        "target": target,
        **({"read_only": True} if read_only else {}),
        "bind": {"create_host_path": False},
    }
