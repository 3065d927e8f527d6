"""Network security groups of Azure: Terraform, templates of Azure Resource Manager, and calls of ``az``.

https://learn.microsoft.com/azure/virtual-network/network-security-groups-overview.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from orthancgen.foreign import jsonc
from orthancgen.foreign.firewalls.cloud import TCP, Rules, Steps, options
from orthancgen.foreign.firewalls.terraform import Module, Scope, members
from orthancgen.foreign.model import FirewallFile
from orthancgen.site.problems import KeyPath, Mark
from orthancgen.site.tree import Node, walk

_DEEPEST: Final = 8
_LAST: Final = 4096
"""The last priority that a rule can have: that of one that names none is not known."""
_INTEGER: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_TEMPLATE: Final = "microsoft.network/networksecuritygroups"
_FUNCTION: Final = re.compile(r"\[\s*(parameters|variables)\(\s*'([^']{1,100})'\s*\)\s*\]")
_DEFAULTS: Final[Mapping[str, list[str]]] = {
    "--access": ["Allow"], "--direction": ["Inbound"], "--protocol": ["*"], "--source-address-prefixes": ["*"],
    "--destination-port-ranges": ["80"],
}  # fmt: skip
"""What ``az network nsg rule create`` takes where nothing is said."""
_SINGULAR: Final[Mapping[str, str]] = {
    "--source-address-prefix": "--source-address-prefixes", "--destination-port-range": "--destination-port-ranges",
}  # fmt: skip


def of_terraform(module: Module, file: str, text: str) -> tuple[FirewallFile, ...]:
    """The network security groups of a module of Terraform."""
    rules = Rules("azure")
    for resource in module.resources("azurerm_network_security_group"):
        rules.used = True
        for body, path, scope in module.blocks(resource, "security_rule"):
            _terraform_rule(rules, module, body, path, scope)
    for resource in module.resources("azurerm_network_security_rule"):
        rules.used = True
        _terraform_rule(rules, module, resource.body, resource.path, resource.scope)
    return (rules.evaluated(file, text, [*module.problems, *module.steps.problems(file)]),) if rules.used else ()


def _terraform_rule(rules: Rules, module: Module, body: Node, path: KeyPath, scope: Scope) -> None:
    def texts(*names: str) -> list[str]:
        return [text for name in names for text in module.texts(members(body).get(name), scope)]

    _add(
        rules,
        access=texts("access"), direction=texts("direction"), protocol=texts("protocol"), priority=texts("priority"),
        sources=texts("source_address_prefix", "source_address_prefixes", "source_application_security_group_ids"),
        ports=texts("destination_port_range", "destination_port_ranges"),
        mark=body.mark, path=path, description=" ".join(texts("description")),
    )  # fmt: skip


def _add(
    rules: Rules,
    *,
    access: Sequence[str],
    direction: Sequence[str],
    protocol: Sequence[str],
    priority: Sequence[str],
    sources: Sequence[str],
    ports: Sequence[str],
    mark: Mark,
    path: KeyPath = (),
    description: str = "",
) -> None:
    rules.used = True
    named = [one.lower() for one in protocol]
    if [one.lower() for one in direction] == ["outbound"] or not (set(named) & TCP):
        return
    number = int(priority[0]) if priority and _INTEGER.fullmatch(priority[0]) else _LAST
    allows = [one.lower() for one in access] != ["deny"]
    # The tag Internet is every address that is not of the network: whoever is anywhere.
    texts = ["any" if one.lower() in {"internet", "*", "any"} else one for one in sources]
    rules.add(texts, ports, mark, path, description, allows=allows, priority=number)


def is_template(text: str) -> bool:
    """Whether network security groups of a template are in it."""
    return _TEMPLATE in text.lower()


def read_template(text: str, file: str) -> tuple[FirewallFile, ...]:
    """Read a template of Azure Resource Manager."""
    document = jsonc.parse(text, file)
    rules = Rules("azure")
    template = _Template(document.tree)
    for path, node in walk(document.tree) if document.tree is not None else ():
        kind = template.text(members(node).get("type")).lower()
        if kind == _TEMPLATE:
            rules.used = True
            listed = members(members(node).get("properties")).get("securityRules")
            for index, one in enumerate(listed.value if listed is not None and isinstance(listed.value, list) else []):
                template.rule(rules, one, (*path, "properties", "securityRules", index))
        elif kind == f"{_TEMPLATE}/securityrules" or (kind == "securityrules" and "resources" in path):
            template.rule(rules, node, path)
    errors = [one for one in document.problems if one.severity == "error"]
    return (rules.evaluated(file, text, [*errors, *template.steps.problems(file)]),) if rules.used else ()


class _Template:
    """The values of a template: those of its parameters are their defaults."""

    def __init__(self, tree: Node | None) -> None:
        self.steps = Steps()
        self._known = {
            ("parameters", name): members(value).get("defaultValue")
            for name, value in members(members(tree).get("parameters")).items()
        } | {("variables", name): value for name, value in members(members(tree).get("variables")).items()}

    def rule(self, rules: Rules, node: Node, path: KeyPath) -> None:
        """A rule with its properties."""
        given = members(members(node).get("properties"))

        def texts(*names: str) -> list[str]:
            return [text for name in names for text in self._texts(given.get(name), 0)]

        _add(
            rules,
            access=texts("access"), direction=texts("direction"), protocol=texts("protocol"),
            priority=texts("priority"), sources=texts("sourceAddressPrefix", "sourceAddressPrefixes"),
            ports=texts("destinationPortRange", "destinationPortRanges"),
            mark=node.mark, path=path, description=" ".join(texts("description")),
        )  # fmt: skip

    def text(self, node: Node | None) -> str:
        """A text, "" where there is none."""
        return next(self._texts(node, 0), "")

    def _texts(self, node: Node | None, depth: int) -> Iterator[str]:
        if node is None or node.value is None or isinstance(node.value, dict) or depth > _DEEPEST:
            return
        if not self.steps.left():
            return
        if isinstance(node.value, list):
            for one in node.value:
                yield from self._texts(one, depth + 1)
            return
        function = _FUNCTION.fullmatch(node.value) if isinstance(node.value, str) else None
        known = self._known.get((function[1], function[2])) if function else None
        if known is not None:
            yield from self._texts(known, depth + 1)
        else:
            yield str(node.value)


class AzCalls:
    """Calls of ``az network nsg rule create``."""

    program: Final = "az"

    def __init__(self) -> None:
        self._rules = Rules("azure")

    @property
    def used(self) -> bool:
        """Whether there was one."""
        return self._rules.used

    def apply(self, words: Sequence[str], mark: Mark) -> None:
        """Apply the arguments of one call."""
        if list(words[:4]) != ["network", "nsg", "rule", "create"]:
            return
        given = {**_DEFAULTS, **{_SINGULAR.get(name, name): values for name, values in options(words).items()}}
        _add(
            self._rules,
            access=given["--access"], direction=given["--direction"], protocol=given["--protocol"],
            priority=given.get("--priority", []), sources=given["--source-address-prefixes"],
            ports=given["--destination-port-ranges"], mark=mark, description=" ".join(given.get("--description", [])),
        )  # fmt: skip

    def evaluated(self, file: str, text: str) -> FirewallFile:
        """What they let in."""
        return self._rules.evaluated(file, text)
