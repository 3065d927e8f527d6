"""Firewall rules of Google Cloud: Terraform, and calls of ``gcloud``.

https://cloud.google.com/firewall/docs/firewalls, https://cloud.google.com/sdk/gcloud/reference/compute/firewall-rules/create.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from orthancgen.foreign.firewalls.cloud import TCP, Rules, options
from orthancgen.foreign.firewalls.terraform import Module, members
from orthancgen.foreign.model import FirewallFile
from orthancgen.site.problems import Mark

_PRIORITY: Final = 1000
"""Of a rule that names none."""
_INTEGER: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


def of_terraform(module: Module, file: str, text: str) -> tuple[FirewallFile, ...]:
    """The firewall rules of a module of Terraform."""
    rules = Rules("google_cloud")
    for resource in module.resources("google_compute_firewall"):
        rules.used = True
        given, scope = members(resource.body), resource.scope
        direction = module.text(given.get("direction"), scope).upper() or "INGRESS"
        if direction != "INGRESS" or module.text(given.get("disabled"), scope) == "true":
            continue
        sources = [
            *module.texts(given.get("source_ranges"), scope),
            *(f"tag {one}" for one in module.texts(given.get("source_tags"), scope)),
            *module.texts(given.get("source_service_accounts"), scope),
        ] or ["any"]
        description = module.text(given.get("description"), scope)
        priority = _priority(module.text(given.get("priority"), scope))
        for name in ("allow", "deny"):
            for block, path, inner in module.blocks(resource, name):
                if module.text(members(block).get("protocol"), inner).lower() in TCP:
                    ports = module.texts(members(block).get("ports"), inner)
                    rules.add(
                        sources, ports, resource.body.key_mark or block.mark, path, description,
                        allows=name == "allow", priority=priority,
                    )  # fmt: skip
    return (rules.evaluated(file, text, [*module.problems, *module.steps.problems(file)]),) if rules.used else ()


class GcloudCalls:
    """Calls of ``gcloud compute firewall-rules create``."""

    program: Final = "gcloud"

    def __init__(self) -> None:
        self._rules = Rules("google_cloud")

    @property
    def used(self) -> bool:
        """Whether there was one."""
        return self._rules.used

    def apply(self, words: Sequence[str], mark: Mark) -> None:
        """Apply the arguments of one call."""
        if "firewall-rules" not in words or "create" not in words:
            return
        self._rules.used = True
        given = {name: values[0] if values else "true" for name, values in options(words).items()}
        if given.get("--direction", "INGRESS").upper() in {"EGRESS", "OUT"} or given.get("--disabled") == "true":
            return
        allows = "--allow" in given or given.get("--action", "ALLOW").upper() != "DENY"
        sources = [
            *_listed(given.get("--source-ranges")),
            *(f"tag {one}" for one in _listed(given.get("--source-tags"))),
            *_listed(given.get("--source-service-accounts")),
        ] or ["any"]
        ports: list[str] = []
        every = False
        for one in _listed(given.get("--allow") or given.get("--rules")):
            protocol, _, port = one.partition(":")
            if protocol.lower() in TCP:
                every = every or not port
                ports += [port] if port else []
        if every or ports:
            self._rules.add(
                sources, () if every else ports, mark, (), given.get("--description", ""), allows=allows,
                priority=_priority(given.get("--priority", "")),
            )  # fmt: skip

    def evaluated(self, file: str, text: str) -> FirewallFile:
        """What they let in."""
        return self._rules.evaluated(file, text)


def _listed(text: str | None) -> list[str]:
    return [one for one in (text or "").split(",") if one]


def _priority(text: str) -> int:
    return int(text) if _INTEGER.fullmatch(text) else _PRIORITY
