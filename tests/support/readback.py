"""What the files of a dialect let in, read by strict parsers of our own: what they do not know is an error.

For the firewalls that cannot run where the tests run. Each parser knows the syntax's own quoting and no more of the
syntax than is written, so that anything else in a file is found.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from orthancgen.firewall.policy import Filter, Policy
from orthancgen.plan.model import Plan

Flow = tuple[str, int, str]
"""Source network, port, protocol (`tcp`, `udp`)."""
AWS_RULES: Final = 60
GOOGLE_SOURCES: Final = 256


class UnreadableError(AssertionError):
    """A file has something that is not of the subset that is written."""


def expected(filters: Iterable[Filter]) -> set[Flow]:
    """What a dialect must let in, of a policy's filters."""
    return {(one.source, one.port, one.protocol) for one in filters}


def _refuse(condition: bool, what: str) -> None:
    if condition:
        raise UnreadableError(what)


def _only(value: Any, keys: Iterable[str], what: str) -> dict[str, Any]:
    """A mapping that has exactly these keys."""
    _refuse(not isinstance(value, dict) or set(value) != set(keys), f"{what}: {value!r}")
    return cast(dict[str, Any], value)


def _network(text: Any) -> str:
    """A network, canonical."""
    _refuse(not isinstance(text, str), f"a source is no text: {text!r}")
    _refuse(str(ipaddress.ip_network(text)) != text, f"{text} is not canonical")
    return str(text)


def _port(text: str) -> int:
    _refuse(not re.fullmatch(r"[1-9][0-9]{0,4}", text) or int(text) > 65535, f"{text!r} is no port")
    return int(text)


def _added(flows: set[Flow], flow: Flow) -> None:
    _refuse(flow in flows, f"{flow} stands twice")
    flows.add(flow)


# Windows


@dataclass(frozen=True)
class Frame:
    """A script of Windows without its filters: the same whatever the policy is, but for the environment's name.

    Attributes:
        before, after: what stands around the filters.
    """

    before: str
    after: str


def frame_of(build: Callable[[Plan, Policy], str], plan: Plan, policy: Policy) -> Frame:
    """What a script is around its one filter, for an environment of that name."""
    one = Filter("192.0.2.1/32", 1, "tcp", "input", "MARK", ("r",), "management")
    text = build(plan, replace(policy, filters=(one,)))
    lines = text.split("\r\n")
    marked = [number for number, line in enumerate(lines) if "MARK" in line]
    _refuse(len(marked) != 1, "a filter is not one line")
    return Frame("\r\n".join([*lines[: marked[0]], ""]), "\r\n".join(["", *lines[marked[0] + 1 :]]))


def _lines(text: str, frame: Frame) -> list[str]:
    _refuse("\n" in text.replace("\r\n", "") or "\r" in text.replace("\r\n", ""), "an end of a line is not CR LF")
    _refuse(not text.isascii() or not text.endswith("\r\n"), "not all ASCII, or no end of the last line")
    _refuse(not text.startswith(frame.before) or not text.endswith(frame.after), "the frame is another")
    _refuse(len(text) < len(frame.before) + len(frame.after) - 2, "no place for filters")
    inner = text[len(frame.before) : len(text) - len(frame.after) + 2]
    return inner.split("\r\n")[:-1]


def _source_of_windows(text: str) -> str:
    first, dash, last = text.partition("-")
    if not dash:
        _refuse(text.endswith("/0"), f"Windows takes no mask of no bits: {text}")
        return _network(text)
    spans = list(ipaddress.summarize_address_range(ipaddress.ip_address(first), ipaddress.ip_address(last)))
    _refuse(len(spans) != 1, f"{text} is no network")
    return str(spans[0])


POWERSHELL_FRAME_RULE: Final = (
    "        $Made += New-NetFirewallRule @Rule -Group $Group -Direction Inbound -Action Allow -Profile Any "
    "-EdgeTraversalPolicy Block -PolicyStore PersistentStore"
)


def powershell(text: str, frame: Frame) -> set[Flow]:
    """What `apply.ps1` lets in by its filters."""
    _refuse(POWERSHELL_FRAME_RULE not in frame.after, "rules are made in another way")
    flows: set[Flow] = set()
    for line in _lines(text, frame):
        rule = powershell_table(line.strip())
        _only(rule, ("DisplayName", "Protocol", "LocalPort", "RemoteAddress"), "a rule")
        _refuse(rule["Protocol"] not in {"TCP", "UDP"}, f"protocol {rule['Protocol']}")
        _refuse(not rule["DisplayName"], "a rule without a name")
        _added(flows, (_source_of_windows(rule["RemoteAddress"]), _port(rule["LocalPort"]), rule["Protocol"].lower()))
    return flows


def powershell_table(text: str) -> dict[str, str]:
    """A hash table of strings on one line: ``@{ Name = 'text'; Name = 'text' }``."""
    _refuse(not text.startswith("@{ ") or not text.endswith(" }"), f"no hash table: {text!r}")
    found: dict[str, str] = {}
    rest = text[3:-2]
    while True:
        name = re.match(r"([A-Za-z]+) = ", rest)
        if name is None:
            raise UnreadableError(f"no name: {rest!r}")
        value, rest = powershell_string(rest[name.end() :])
        _refuse(name[1] in found, f"{name[1]} stands twice")
        found[name[1]] = value
        if not rest:
            return found
        _refuse(not rest.startswith("; "), f"no separator: {rest!r}")
        rest = rest[2:]


_QUOTES_OF_POWERSHELL: Final = "\u2018\u2019\u201a\u201b"


def powershell_string(text: str) -> tuple[str, str]:
    """A string in single quotes, and what comes after it. PowerShell takes four typographic quotes for quotes too."""
    _refuse(not text.startswith("'"), f"no string: {text!r}")
    _refuse(any(one in text for one in _QUOTES_OF_POWERSHELL), f"a quote of typography: {text!r}")
    end, value = 1, ""
    while True:
        quote = text.find("'", end)
        _refuse(quote < 0, f"a string without an end: {text!r}")
        value += text[end:quote]
        if text[quote + 1 : quote + 2] != "'":
            return value, text[quote + 1 :]
        value += "'"
        end = quote + 2


NETSH: Final = ("netsh", "advfirewall", "firewall", "add", "rule")
_NETSH_ALWAYS: Final = {
    "name": "orthancgen", "dir": "in", "action": "allow", "profile": "any", "edge": "no",
}  # fmt: skip
_NETSH_TAIL: Final = " >nul || goto failed"


def netsh(text: str, frame: Frame) -> set[Flow]:
    """What `apply.cmd` lets in by its filters."""
    flows: set[Flow] = set()
    for line in _lines(text, frame):
        _refuse(not line.endswith(_NETSH_TAIL), f"a failure would not be seen: {line!r}")
        words = cmd_words(line[: -len(_NETSH_TAIL)])
        _refuse(tuple(words[:5]) != NETSH, f"another command: {line!r}")
        pairs = [word.partition("=")[::2] for word in words[5:]]
        rule = dict(pairs)
        _refuse(len(rule) != len(pairs), f"something stands twice: {line!r}")
        _only(rule, (*_NETSH_ALWAYS, "description", "protocol", "localport", "remoteip"), "a rule")
        _refuse({key: rule[key] for key in _NETSH_ALWAYS} != _NETSH_ALWAYS, f"another kind of rule: {line!r}")
        _refuse(rule["protocol"] not in {"TCP", "UDP"}, f"protocol {rule['protocol']}")
        _added(flows, (_source_of_windows(rule["remoteip"]), _port(rule["localport"]), rule["protocol"].lower()))
    return flows


def cmd_words(line: str) -> list[str]:
    """The words of a command line of cmd.exe as the program gets them.

    Refused is what cmd.exe would take for something else, even in quotes: ``% ! ^ & | < > ( )`` and control characters;
    a quote that does not close; and a backslash before a quote, which makes the quote a character.
    """
    _refuse(bool(re.search(r"[%!^&|<>()\x00-\x1f\x7f-\U0010ffff]", line)), f"cmd.exe changes {line!r}")
    _refuse('\\"' in line or line.count('"') % 2 == 1, f"a quote that does not close: {line!r}")
    words = [""]
    inside = False
    for character in line:
        if character == '"':
            inside = not inside
        elif character == " " and not inside:
            words.append("")
        else:
            words[-1] += character
    _refuse("" in words, f"an empty word: {line!r}")
    return words


# Clouds


def document(text: str) -> dict[str, Any]:
    """A JSON document whose objects name nothing twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        _refuse(len(set(keys)) != len(keys), f"a key stands twice: {keys}")
        return dict(pairs)

    read = json.loads(text, object_pairs_hook=once)
    _refuse(not isinstance(read, dict), "no object")
    return cast(dict[str, Any], read)


@dataclass(frozen=True)
class Reference:
    """An expression in a Terraform string that is nothing else."""

    text: str


_EXPRESSION: Final = re.compile(r"\$\{((?:var|aws_security_group|azurerm_network_security_group)(?:\.[a-z_]+)+)\}")
_LITERAL: Final = re.compile(r'\$\{"([a-z0-9-]+)"\}')


def template(text: str) -> str | Reference:
    """A string of Terraform's JSON syntax as Terraform reads it: text with escapes, or one of our expressions."""
    expression = _EXPRESSION.fullmatch(text)
    if expression:
        return Reference(expression[1])
    literal = _LITERAL.fullmatch(text)
    if literal:
        return literal[1]
    for run in re.findall(r"(\$+|%+)\{", text):
        _refuse(len(run) == 1, f"Terraform evaluates {text!r}")
    return re.sub(r"(?:\$\$|%%)\{", lambda match: match[0][1:], text)


def _read(value: Any) -> Any:
    """Values of resources as Terraform reads them."""
    if isinstance(value, str):
        return template(value)
    if isinstance(value, dict):
        return {key: _read(one) for key, one in cast(dict[str, Any], value).items() if key != "//"}
    if isinstance(value, list):
        return [_read(one) for one in value]
    return value


def terraform(text: str, provider: str, variables: Iterable[str], types: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The resources of a module, by type and name, once everything else of it is as it must be."""
    read = _only(document(text), ("//", "terraform", "variable", "resource", "output"), "a module")
    required = _only(read["terraform"], ("required_providers",), "terraform")["required_providers"]
    _only(required[provider], ("source", "version"), "the provider")
    _refuse(set(required) != {provider}, "another provider")
    _refuse(set(read["variable"]) != set(variables), f"other variables: {set(read['variable'])}")
    for variable in read["variable"].values():
        _only(variable, ("description", "type", "nullable"), "a variable without a default")
        _refuse(variable["type"] != "string" or variable["nullable"] is not False, "a variable of another kind")
    resources: dict[str, dict[str, Any]] = _read(read["resource"])
    _refuse(set(resources) != set(types), f"other resources: {set(resources)}")
    for of_type in resources.values():
        for name in of_type:
            _refuse(not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name), f"no name of Terraform: {name}")
    return resources


@dataclass(frozen=True)
class ByCloud:
    """What a cloud's rules let in and out.

    Attributes:
        lets_in: flows of TCP and UDP.
        echo: rules of ICMP: protocol and source.
        lets_out: flows of TCP; empty where nothing is said of it.
    """

    lets_in: set[Flow]
    echo: set[tuple[str, str]]
    lets_out: set[Flow]


_AWS_TEXT: Final = re.compile(r"[a-zA-Z0-9. _:/()#,@\[\]+=&;{}!$*-]{1,255}", re.ASCII)


def _aws_rules(rules: Iterable[tuple[bool, Mapping[str, Any]]]) -> ByCloud:
    """Rules of (whether incoming, `cidr`, `description`, `protocol`, `from`, `to`)."""
    lets_in: set[Flow] = set()
    lets_out: set[Flow] = set()
    echo: set[tuple[str, str]] = set()
    counts: dict[tuple[bool, bool], int] = {}
    for incoming, rule in rules:
        network, protocol = _network(rule["cidr"]), rule["protocol"]
        kind = (incoming, ":" in network)
        counts[kind] = counts.get(kind, 0) + 1
        _refuse(not _AWS_TEXT.fullmatch(rule["description"]), f"AWS refuses the description {rule['description']!r}")
        if protocol in {"icmp", "icmpv6"}:
            _refuse(not incoming or (rule["from"], rule["to"]) != ({"icmp": 8}.get(protocol, 128), 0), f"{rule}")
            echo.add((protocol, network))
            continue
        _refuse(protocol not in {"tcp", "udp"} or rule["from"] != rule["to"], f"{rule}")
        _refuse(type(rule["from"]) is not int, f"no port: {rule}")
        _added(lets_in if incoming else lets_out, (network, _port(str(rule["from"])), protocol))
    _refuse(any(count > AWS_RULES for count in counts.values()), f"more rules than AWS takes: {counts}")
    return ByCloud(lets_in, echo, lets_out)


def cloudformation(text: str) -> ByCloud:
    """What a CloudFormation template's one security group lets in and out."""
    keys = ("AWSTemplateFormatVersion", "Description", "Parameters", "Resources", "Outputs")
    read = _only(document(text), keys, "a template")
    _only(_only(read["Parameters"], ("VpcId",), "parameters")["VpcId"], ("Type", "Description"), "VpcId has a default")
    group = _only(
        _only(read["Resources"], ("SecurityGroup",), "resources")["SecurityGroup"], ("Type", "Properties"), ""
    )
    _refuse(group["Type"] != "AWS::EC2::SecurityGroup", "another resource")
    names = ("GroupDescription", "VpcId", "SecurityGroupIngress", "SecurityGroupEgress", "Tags")
    body = _only(group["Properties"], names, "a group")
    _refuse(body["VpcId"] != {"Ref": "VpcId"}, "another VPC")
    _refuse(not _AWS_TEXT.fullmatch(body["GroupDescription"]), "AWS refuses the description")

    def rules() -> Iterator[tuple[bool, Mapping[str, Any]]]:
        for incoming, name in ((True, "SecurityGroupIngress"), (False, "SecurityGroupEgress")):
            for rule in body[name]:
                address = "CidrIpv6" if "CidrIpv6" in rule else "CidrIp"
                _only(rule, (address, "Description", "IpProtocol", "FromPort", "ToPort"), "a rule")
                _refuse((":" in rule[address]) != (address == "CidrIpv6"), f"an address of another kind: {rule}")
                yield incoming, {
                    "cidr": rule[address], "description": rule["Description"], "protocol": rule["IpProtocol"],
                    "from": rule["FromPort"], "to": rule["ToPort"],
                }  # fmt: skip

    return _aws_rules(rules())


def aws_terraform(text: str) -> ByCloud:
    """What the security group of AWS's Terraform module lets in and out."""
    of_direction = {True: "aws_vpc_security_group_ingress_rule", False: "aws_vpc_security_group_egress_rule"}
    resources = terraform(text, "aws", ("vpc_id",), ("aws_security_group", *of_direction.values()))
    group = _only(resources["aws_security_group"], ("site",), "groups")["site"]
    _only(group, ("name", "description", "vpc_id", "tags"), "a group with rules of its own")
    _refuse(group["vpc_id"] != Reference("var.vpc_id"), "another VPC")

    def rules() -> Iterator[tuple[bool, Mapping[str, Any]]]:
        for incoming, name in of_direction.items():
            for rule in resources[name].values():
                address = "cidr_ipv6" if "cidr_ipv6" in rule else "cidr_ipv4"
                keys = ("security_group_id", "description", address, "ip_protocol", "from_port", "to_port", "tags")
                _only(rule, keys, "a rule")
                _refuse(rule["security_group_id"] != Reference("aws_security_group.site.id"), "of another group")
                _refuse((":" in rule[address]) != (address == "cidr_ipv6"), f"an address of another kind: {rule}")
                yield incoming, {
                    "cidr": rule[address], "description": rule["description"], "protocol": rule["ip_protocol"],
                    "from": rule["from_port"], "to": rule["to_port"],
                }  # fmt: skip

    return _aws_rules(rules())


def google_cloud(text: str) -> ByCloud:
    """What the rules of Google Cloud's Terraform module let in, and whether they deny the rest."""
    rules = terraform(text, "google", ("project", "network"), ("google_compute_firewall",))["google_compute_firewall"]
    tag = _read(document(text)["output"]["target_tag"]["value"])
    lets_in: set[Flow] = set()
    echo: set[tuple[str, str]] = set()
    denied: set[str] = set()
    always = ("name", "description", "project", "network", "direction", "priority", "source_ranges", "target_tags")
    for key, rule in rules.items():
        _refuse(key != rule["name"] or not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", key), f"named {key}")
        _refuse((rule["project"], rule["network"]) != (Reference("var.project"), Reference("var.network")), key)
        _refuse(rule["direction"] != "INGRESS" or rule["target_tags"] != [tag], f"for another: {rule}")
        _refuse(not 1 <= len(rule["source_ranges"]) <= GOOGLE_SOURCES, f"sources of {key}")
        sources = [_network(one) for one in rule["source_ranges"]]
        _refuse(len({":" in one for one in sources}) != 1, f"both versions of IP in {key}")
        if "deny" in rule:
            _only(rule, (*always, "deny", "log_config"), "a rule")
            _refuse(rule["deny"] != [{"protocol": "all"}] or rule["priority"] != 1000, f"{rule}")
            _refuse(rule["log_config"] != [{"metadata": "INCLUDE_ALL_METADATA"}], f"{rule}")
            denied |= set(sources)
            continue
        _only(rule, (*always, "allow"), "a rule")
        _refuse(len(rule["allow"]) != 1 or not rule["priority"] < 1000, f"{rule}")
        (allow,) = rule["allow"]
        if allow["protocol"] in {"icmp", "58"}:
            _only(allow, ("protocol",), "ICMP")
            echo |= {(allow["protocol"], one) for one in sources}
            continue
        _only(allow, ("protocol", "ports"), "what is let in")
        _refuse(allow["protocol"] not in {"tcp", "udp"} or len(allow["ports"]) != 1, f"{rule}")
        for one in sources:
            _added(lets_in, (one, _port(allow["ports"][0]), allow["protocol"]))
    _refuse(denied != {"0.0.0.0/0", "::/0"}, f"denied are {denied}")
    return ByCloud(lets_in, echo, set())


_AZURE_LEFT_OUT: Final = (
    "source_port_ranges", "destination_port_ranges", "source_address_prefixes", "source_application_security_group_ids",
    "destination_address_prefixes", "destination_application_security_group_ids",
)  # fmt: skip
_AZURE_RULE: Final = (
    "name", "description", "priority", "direction", "access", "protocol", "source_port_range", "destination_port_range",
    "source_address_prefix", "destination_address_prefix", *_AZURE_LEFT_OUT,
)  # fmt: skip


def azure(text: str) -> ByCloud:
    """What the network security group of Azure's Terraform module lets in, and whether it denies the rest."""
    kind = "azurerm_network_security_group"
    group = _only(terraform(text, "azurerm", ("resource_group_name", "location"), (kind,))[kind], ("site",), "")["site"]
    _only(group, ("name", "resource_group_name", "location", "security_rule", "tags"), "a group")
    _refuse(group["location"] != Reference("var.location"), "another place")
    _refuse(group["resource_group_name"] != Reference("var.resource_group_name"), "another resource group")
    *allowed, deny = group["security_rule"]
    lets_in: set[Flow] = set()
    echo: set[tuple[str, str]] = set()
    rules = [*allowed, deny]
    for rule in rules:
        _only(rule, _AZURE_RULE, "a rule")
        _refuse(any(rule[key] is not None for key in _AZURE_LEFT_OUT), f"{rule}")
        _refuse(rule["direction"] != "Inbound" or rule["source_port_range"] != "*", f"{rule}")
        _refuse(rule["destination_address_prefix"] != "*", f"{rule}")
        _refuse(not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,78}[A-Za-z0-9_]", rule["name"]), rule["name"])
        _refuse(len(rule["description"]) > 140, rule["description"])
        _refuse(type(rule["priority"]) is not int or not 100 <= rule["priority"] <= 4096, f"{rule}")
    for what in ("name", "priority"):
        _refuse(len({rule[what] for rule in rules}) != len(rules), f"a {what} stands twice")
    _refuse(len(rules) > 1000, "more rules than Azure takes")
    last = (deny["access"], deny["priority"], deny["protocol"], deny["destination_port_range"])
    _refuse(last != ("Deny", 4096, "*", "*") or deny["source_address_prefix"] != "*", f"{deny}")
    for rule in allowed:
        _refuse(rule["access"] != "Allow", f"{rule}")
        source = _network(rule["source_address_prefix"])
        if rule["protocol"] == "Icmp":
            _refuse(rule["destination_port_range"] != "*", f"{rule}")
            echo.add(("Icmp", source))
            continue
        _refuse(rule["protocol"] not in {"Tcp", "Udp"}, f"{rule}")
        _added(lets_in, (source, _port(rule["destination_port_range"]), rule["protocol"].lower()))
    return ByCloud(lets_in, echo, set())
