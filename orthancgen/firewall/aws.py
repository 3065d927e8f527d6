"""A security group of AWS, as a CloudFormation template and as a Terraform module.

https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html: rules are stateful, so answers, and ICMP
errors about what was let in, pass without a rule; AWS's own name, time and address services are never filtered. A group
without rules for outgoing connections lets none out: Orthanc's calls have one each, and HTTPS goes anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from orthancgen.errors import RenderError
from orthancgen.firewall.dialect import Dialect, RuleFile, Unexpressed
from orthancgen.firewall.policy import Policy
from orthancgen.firewall.terraform import (
    EVERYBODY,
    FAMILIES,
    Expression,
    Family,
    Variable,
    json_text,
    key_of,
    module,
    name_of,
    seen_by_cloud,
)
from orthancgen.plan.model import Plan
from orthancgen.site.problems import printable
from orthancgen.site.types import is_ip

RULES: Final = 60
"""Most rules of a group for each direction and version of IP, unless AWS was asked for more.
https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups"""
HTTPS: Final = 443
_ICMP: Final[dict[Family, tuple[str, int]]] = {4: ("icmp", 8), 6: ("icmpv6", 128)}
"""Protocol and type of the echo request, whose code is 0."""
_DESCRIPTION: Final = re.compile(r"[a-zA-Z0-9. _:/()#,@\[\]+=&;{}!$*-]{1,255}", re.ASCII)
"""https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html"""
_PROVIDER: Final = ("aws", "hashicorp/aws", ">= 5.0, < 7.0")
_VARIABLES: Final = (Variable("vpc_id", "ID of the VPC in which the instance is."),)
_WHY_HTTPS: Final = "packages and images over HTTPS"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of either direction; for ICMP, the ports are type and code, as AWS has it."""

    direction: Literal["ingress", "egress"]
    key: str
    description: str
    protocol: str
    from_port: int
    to_port: int
    network: str

    @property
    def family(self) -> Family:
        return 6 if ":" in self.network else 4


def _rules(policy: Policy) -> Iterator[_Rule]:
    for one in seen_by_cloud(policy):
        key = key_of(one.protocol, one.port, one.source)
        description = _description(one.label, one.reason)
        yield _Rule("ingress", key, description, one.protocol, one.port, one.port, one.source)
    for family in FAMILIES:
        protocol, kind = _ICMP[family]
        yield _Rule("ingress", f"echo_{family}", f"echo of IPv{family}", protocol, kind, 0, EVERYBODY[family])
    called: dict[tuple[str, int], str] = {}
    for call in policy.calls:
        network = f"{call.address}/{128 if ':' in call.address else 32}"
        called.setdefault((network, call.port), call.label)
    for (network, port), label in called.items():
        yield _Rule("egress", key_of("tcp", port, network), _description(label), "tcp", port, port, network)
    for family in FAMILIES:
        key = f"https_{family}"
        yield _Rule("egress", key, _WHY_HTTPS, "tcp", HTTPS, HTTPS, EVERYBODY[family])


def _description(label: str, reason: str = "") -> str:
    """A label, with its reason where AWS's alphabet and length have it.

    Raises:
        RenderError: the label has a character that AWS refuses.
    """
    if not _DESCRIPTION.fullmatch(label):
        raise RenderError(f"AWS takes no description {printable(label)!r}")
    whole = f"{label}: {reason}"
    return whole if reason and _DESCRIPTION.fullmatch(whole) else label


def _cloudformation(plan: Plan, policy: Policy) -> str:
    del plan
    rules = tuple(_rules(policy))
    group = {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": f"orthancgen {policy.environment}: who may reach this site",
            "VpcId": {"Ref": "VpcId"},
            "SecurityGroupIngress": [_of_cloudformation(one) for one in rules if one.direction == "ingress"],
            "SecurityGroupEgress": [_of_cloudformation(one) for one in rules if one.direction == "egress"],
            "Tags": [
                {"Key": "Name", "Value": name_of(policy)},
                {"Key": "orthancgen", "Value": policy.environment},
            ],
        },
    }
    return json_text(
        {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"Written by orthancgen for the environment {policy.environment}: its security group. "
            f"Outgoing: calls to modalities, and {_WHY_HTTPS}.",
            "Parameters": {
                "VpcId": {"Type": "AWS::EC2::VPC::Id", "Description": "The VPC in which the instance is."},
            },
            "Resources": {"SecurityGroup": group},
            "Outputs": {
                "SecurityGroupId": {
                    "Description": "ID of the group, to be attached to the instance.",
                    "Value": {"Fn::GetAtt": ["SecurityGroup", "GroupId"]},
                },
            },
        }
    )


def _of_cloudformation(rule: _Rule) -> dict[str, Any]:
    return {
        "CidrIpv6" if rule.family == 6 else "CidrIp": rule.network,
        "Description": rule.description,
        "IpProtocol": rule.protocol,
        "FromPort": rule.from_port,
        "ToPort": rule.to_port,
    }


def _terraform(plan: Plan, policy: Policy) -> str:
    del plan
    about = (
        f"Written by orthancgen for the environment {policy.environment}. A module: configure the provider where it is "
        "used, and attach the group to the instance there; that is why checkov's CKV2_AWS_5 finds it unattached. "
        f"Outgoing: calls to modalities, and {_WHY_HTTPS}."
    )
    tags = {"orthancgen": policy.environment}
    resources: dict[str, dict[str, Any]] = {
        "aws_security_group": {
            "site": {
                "name": name_of(policy),
                "description": f"orthancgen {policy.environment}: who may reach this site",
                "vpc_id": Expression("var.vpc_id"),
                "tags": {"Name": name_of(policy), **tags},
            }
        },
        "aws_vpc_security_group_ingress_rule": {},
        "aws_vpc_security_group_egress_rule": {},
    }
    for rule in _rules(policy):
        resources[f"aws_vpc_security_group_{rule.direction}_rule"][rule.key] = {
            "security_group_id": Expression("aws_security_group.site.id"),
            "description": rule.description,
            "cidr_ipv6" if rule.family == 6 else "cidr_ipv4": rule.network,
            "ip_protocol": rule.protocol,
            "from_port": rule.from_port,
            "to_port": rule.to_port,
            "tags": tags,
        }
    outputs = {"security_group_id": ("ID of the group.", Expression("aws_security_group.site.id"))}
    return module(about, _PROVIDER, _VARIABLES, resources, outputs)


def _unexpressed(plan: Plan, policy: Policy) -> Iterator[Unexpressed]:
    rules = tuple(_rules(policy))
    for direction in ("ingress", "egress"):
        for family in FAMILIES:
            count = sum((one.direction, one.family) == (direction, family) for one in rules)
            if count > RULES:
                what = "incoming" if direction == "ingress" else "outgoing"
                yield Unexpressed(
                    f"{count} {what} rules of IPv{family}",
                    f"a security group has at most {RULES} of each direction and version of IP",
                    "name fewer and wider networks in allowed_sources and managed_from, or let modalities come by VPN",
                )
    for name, modality in plan.site.modalities.items():
        if not is_ip(modality.address):
            yield Unexpressed(
                f"calls to {name}",
                f"{modality.address} is a name, and outgoing rules are by address",
                "write the IP address",
            )
    port = _store_port(plan.site.backup.repository)
    if port not in {None, HTTPS}:
        yield Unexpressed(
            f"backups to a store on port {port}",
            f"besides calls to modalities, only port {HTTPS} goes out",
            f"let the store answer on port {HTTPS}",
        )


def _store_port(repository: str | None) -> int | None:
    """The TCP port of the store of backups; None where it is a folder of the host.

    https://restic.readthedocs.io/en/stable/030_preparing_a_new_repo.html
    """
    if repository is None or repository.startswith("/"):
        return None
    kind, _, rest = repository.partition(":")
    if kind not in {"rest", "s3"}:
        return HTTPS
    has_scheme = rest.startswith(("http://", "https://"))
    parts = urlsplit(rest if has_scheme else f"https://{rest}")
    try:
        return parts.port or (80 if parts.scheme == "http" else HTTPS)
    except ValueError:
        return 0


AWS: Final = Dialect(
    "aws",
    "AWS security group",
    "cloud",
    (RuleFile("security-group.template.json", _cloudformation), RuleFile("main.tf.json", _terraform)),
    _unexpressed,
)
