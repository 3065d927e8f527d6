"""Security groups of AWS: Terraform, CloudFormation, and calls of the command line.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html,
https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/security_group.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from orthancgen.foreign import jsonc
from orthancgen.foreign.firewalls.addresses import network
from orthancgen.foreign.firewalls.cloud import EVERY_PROTOCOL, TCP, Rules, Steps, options
from orthancgen.foreign.firewalls.terraform import Module, Scope, blocks, members
from orthancgen.foreign.model import FirewallFile
from orthancgen.foreign.yaml_tree import parse_yaml
from orthancgen.site.problems import KeyPath, Mark, Problem
from orthancgen.site.tree import Node

_GROUPS: Final = ("aws_security_group", "aws_default_security_group")
_SOURCES: Final = (
    "cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups", "source_security_group_id",
    "cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id",
)  # fmt: skip
_TEMPLATE: Final = "AWS::EC2::SecurityGroup"
_TEMPLATE_SOURCES: Final = (
    "CidrIp", "CidrIpv6", "SourceSecurityGroupId", "SourceSecurityGroupName", "SourcePrefixListId",
)  # fmt: skip
_RESOURCES: Final = re.compile(r"^['\"]?Resources['\"]?[ \t]*:", re.MULTILINE)
_NAME: Final = re.compile(r"[A-Za-z0-9]{1,255}", re.ASCII)
_PUT_IN: Final = re.compile(r"\$\{([A-Za-z0-9]{1,255})\}")
_SHORTHAND: Final = re.compile(r"(IpProtocol|FromPort|ToPort|CidrIp|CidrIpv6|GroupId|PrefixListId)=([^,\]\}\s]+)")
_DEEPEST: Final = 16


def of_terraform(module: Module, file: str, text: str) -> tuple[FirewallFile, ...]:
    """The security groups of a module of Terraform."""
    rules = Rules("aws")
    for resource in module.resources(*_GROUPS):
        rules.used = True
        for body, path, scope in module.blocks(resource, "ingress"):
            _terraform_rule(rules, module, body, path, scope)
    for resource in module.resources("aws_security_group_rule"):
        if module.text(members(resource.body).get("type"), resource.scope) == "ingress":
            _terraform_rule(rules, module, resource.body, resource.path, resource.scope)
    for resource in module.resources("aws_vpc_security_group_ingress_rule"):
        _terraform_rule(rules, module, resource.body, resource.path, resource.scope)
    return (rules.evaluated(file, text, [*module.problems, *module.steps.problems(file)]),) if rules.used else ()


def _terraform_rule(rules: Rules, module: Module, body: Node, path: KeyPath, scope: Scope) -> None:
    given = members(body)
    protocol = module.text(given.get("protocol") or given.get("ip_protocol"), scope).lower()
    sources = [text for name in _SOURCES for text in module.texts(given.get(name), scope)]
    if module.text(given.get("self"), scope) == "true":
        sources.append("self")
    first, last = (module.text(given.get(name), scope) for name in ("from_port", "to_port"))
    _add(rules, protocol, first, last, sources, body.mark, path, module.text(given.get("description"), scope))


def _add(
    rules: Rules, protocol: str, first: str, last: str, sources: Sequence[str], mark: Mark, path: KeyPath, text: str
) -> None:
    rules.used = True
    if protocol not in TCP:
        return
    every = protocol in EVERY_PROTOCOL or first in {"", "-1"}
    rules.add(sources, () if every else (f"{first}-{last or first}",), mark, path, text)


def is_template(text: str) -> bool:
    """Whether security groups of CloudFormation are in it."""
    return _TEMPLATE in text and (text.lstrip()[:1] == "{" or _RESOURCES.search(text) is not None)


def read_template(text: str, file: str) -> tuple[FirewallFile, ...]:
    """Read a template of CloudFormation, JSON or YAML."""
    problems: list[Problem]
    if text.lstrip()[:1] == "{":
        document = jsonc.parse(text, file)
        tree, problems = document.tree, [one for one in document.problems if one.severity == "error"]
    else:
        tree, problems = parse_yaml(text, file)
    template = _Template(tree)
    rules = Rules("aws")
    for name, resource in members(members(tree).get("Resources")).items():
        kind = template.text(members(resource).get("Type"))
        body, path = members(resource).get("Properties"), ("Resources", name, "Properties")
        if kind == f"{_TEMPLATE}Ingress" and body is not None:
            template.rule(rules, body, path)
        elif kind == _TEMPLATE:
            rules.used = True
            for rule, rule_path in blocks(body, "SecurityGroupIngress", path):
                for one, one_path in template.branches(rule, rule_path):
                    template.rule(rules, one, one_path)
    told = [*problems, *template.steps.problems(file)]
    return (rules.evaluated(file, text, told),) if rules.used or told else ()


class _Template:
    """The values of a template: those of its parameters are their defaults, of a condition both branches count."""

    def __init__(self, tree: Node | None) -> None:
        self._parameters: Mapping[str, Node] = members(members(tree).get("Parameters"))
        self._conditions = frozenset(members(members(tree).get("Conditions")))
        self.steps = Steps()

    def rule(self, rules: Rules, body: Node, path: KeyPath) -> None:
        """A rule of what comes in."""
        given = members(body)
        sources = [text for name in _TEMPLATE_SOURCES for text in self._texts(given.get(name), 0)]
        protocol, first, last = (self.text(given.get(name)) for name in ("IpProtocol", "FromPort", "ToPort"))
        _add(rules, protocol.lower(), first, last, sources, body.mark, path, self.text(given.get("Description")))

    def text(self, node: Node | None) -> str:
        """A text or number, "" where there is none."""
        return next(self._texts(node, 0), "")

    def branches(self, node: Node, path: KeyPath) -> Iterator[tuple[Node, KeyPath]]:
        """The rules that a condition chooses from, or the rule itself."""
        condition = members(node).get("Fn::If")
        if condition is None and not isinstance(node.value, list):
            yield node, path
            return
        listed = condition.value if condition is not None else node.value
        for index, one in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(one.value, dict):
                yield from self.branches(one, (*path, index))

    def _texts(self, node: Node | None, depth: int) -> Iterator[str]:
        if node is None or node.value is None or depth > _DEEPEST or not self.steps.left():
            return
        if isinstance(node.value, dict):
            function, given = next(iter(node.value.items()), ("", None))
            if function == "Ref" and given is not None:
                yield from self._named(str(given.value), depth)
            elif function == "Fn::If" and given is not None and isinstance(given.value, list):
                for one in given.value[1:]:
                    yield from self._texts(one, depth + 1)
            elif given is not None:
                yield from self._texts(given, depth + 1)
        elif isinstance(node.value, list):
            for one in node.value:
                yield from self._texts(one, depth + 1)
        elif isinstance(node.value, str):
            yield from self._named(_PUT_IN.sub(self._put_in, node.value), depth)
        else:
            yield str(node.value)

    def _put_in(self, found: re.Match[str]) -> str:
        """What stands for ``${Name}`` of Fn::Sub: the default of the parameter where that is one word."""
        default = members(self._parameters.get(found[1])).get("Default")
        plain = "" if default is None or isinstance(default.value, dict | list) else str(default.value)
        return plain if plain and len(plain) <= 64 else found[0]

    def _named(self, text: str, depth: int) -> Iterator[str]:
        """The default of a parameter, or the text itself. Short tags of YAML leave the name alone: of !Ref, of !If."""
        if text in self._conditions:
            return
        parameter = self._parameters.get(text) if _NAME.fullmatch(text) and network(text) is None else None
        default = members(parameter).get("Default")
        if default is None:
            yield text
        else:
            for one in self._texts(default, depth + 1):
                yield from (part.strip() for part in one.split(","))


class AwsCalls:
    """Calls of ``aws ec2 authorize-security-group-ingress``."""

    program: Final = "aws"

    def __init__(self) -> None:
        self._rules = Rules("aws")

    @property
    def used(self) -> bool:
        """Whether there was one."""
        return self._rules.used

    def apply(self, words: Sequence[str], mark: Mark) -> None:
        """Apply the arguments of one call."""
        if "authorize-security-group-ingress" not in words:
            return
        given = options(words)
        for permission in given.get("--ip-permissions", []):
            self._permission(permission, mark)
        protocol, port = (next(iter(given.get(name, [])), "") for name in ("--protocol", "--port"))
        sources = [*given.get("--cidr", []), *given.get("--source-group", [])]
        if sources:
            first, _, last = port.partition("-") if port != "-1" else ("", "", "")
            _add(self._rules, protocol.lower(), first, last, sources, mark, (), "")

    def _permission(self, text: str, mark: Mark) -> None:
        """Permissions as JSON, or in the shorthand of the command line."""
        try:
            listed = json.loads(text) if text.lstrip()[:1] in {"[", "{"} else None
        except (ValueError, RecursionError):
            listed = None
        for one in _objects(listed if isinstance(listed, list) else [listed]):
            self._json_permission(one, mark)
        if listed is None:
            pairs = _SHORTHAND.findall(text)
            plain = dict(pairs)
            sources = [value for name, value in pairs if name in {"CidrIp", "CidrIpv6", "GroupId", "PrefixListId"}]
            protocol, first, last = (plain.get(name, "") for name in ("IpProtocol", "FromPort", "ToPort"))
            _add(self._rules, protocol.lower(), first, last, sources, mark, (), "")

    def _json_permission(self, given: dict[str, Any], mark: Mark) -> None:
        sources = [
            str(value)
            for name in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs", "PrefixListIds")
            for one in _objects(given.get(name))
            for key, value in one.items()
            if key != "Description"
        ]
        protocol, first, last = (str(given.get(name, "")) for name in ("IpProtocol", "FromPort", "ToPort"))
        _add(self._rules, protocol.lower(), first, last, sources, mark, (), "")

    def evaluated(self, file: str, text: str) -> FirewallFile:
        """What they let in."""
        return self._rules.evaluated(file, text)


def _objects(listed: object) -> list[dict[str, Any]]:
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
