"""What the dialects of clouds share: the filters as a cloud sees them, and Terraform's JSON syntax.

https://developer.hashicorp.com/terraform/language/syntax/json
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from orthancgen.errors import RenderError
from orthancgen.firewall.policy import Filter, Policy, Protocol
from orthancgen.render.quoting import hcl
from orthancgen.site.problems import printable

Family = Literal[4, 6]
FAMILIES: Final[tuple[Family, ...]] = (4, 6)
EVERYBODY: Final[Mapping[Family, str]] = {4: "0.0.0.0/0", 6: "::/0"}
_COMMENT: Final = "//"
_NAME: Final = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression of Terraform, such as ``var.vpc_id``; every other string is text, and escaped."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that the user must give: it has no default.

    Attributes:
        name: of the variable.
        description: what it is, in ASCII.
    """

    name: str
    description: str


def seen_by_cloud(policy: Policy) -> tuple[Filter, ...]:
    """The filters of a host as a cloud's firewall enforces them.

    In front of the host, a port that is a container's is the host's own: filters of both hooks are alike, and each
    (source, port, protocol) stands once.
    """
    found: dict[tuple[str, int, Protocol], Filter] = {}
    for one in policy.filters:
        found.setdefault((one.source, one.port, one.protocol), one)
    return tuple(found.values())


def by_port(filters: Sequence[Filter]) -> Iterator[tuple[Protocol, int, Family, tuple[Filter, ...]]]:
    """The filters of each protocol, port and version of IP, in the order in which they first come."""
    groups: dict[tuple[Protocol, int, Family], list[Filter]] = {}
    for one in filters:
        groups.setdefault((one.protocol, one.port, one.family), []).append(one)
    for (protocol, port, family), same in groups.items():
        yield protocol, port, family, tuple(same)


def name_of(policy: Policy) -> str:
    """The name of what is made for an environment: one that every cloud takes.

    https://cloud.google.com/compute/docs/naming-resources has the narrowest rule: RFC 1035.

    Raises:
        RenderError: the environment's name has other characters than lower-case letters, digits and hyphens.
    """
    name = f"orthancgen-{policy.environment}"
    if not _NAME.fullmatch(name):
        raise RenderError(f"rules of a cloud cannot be named after {printable(policy.environment)!r}")
    return name


def key_of(protocol: str, port: int, network: str) -> str:
    """Terraform's own name of a rule: it follows from what the rule says, so that other rules do not change it.

    Injective for canonical networks: of IPv4 it has five numbers, of IPv6 nine groups or an empty one.
    """
    return f"{protocol}_{port}_{network.translate(_TO_NAME)}"


_TO_NAME: Final = str.maketrans(".:/", "___")


def json_text(value: Any) -> str:
    """A JSON document in ASCII for tools of clouds, laid out for people.

    Raises:
        RenderError: the value holds half a surrogate pair.
    """
    text = json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise RenderError(f"JSON cannot carry a value: {printable(str(error))}") from None
    return text + "\n"


def module(
    about: str,
    provider: tuple[str, str, str],
    variables: Sequence[Variable],
    resources: Mapping[str, Mapping[str, Any]],
    outputs: Mapping[str, tuple[str, Expression]],
) -> str:
    """The text of a Terraform module in one file.

    Args:
        about: a comment for people.
        provider: its local name, source and version constraint.
        variables: what the user gives.
        resources: type -> name -> its arguments; strings in them are text, but for those that are `Expression`.
        outputs: name -> description and value.

    Raises:
        RenderError: a string that Terraform's syntax cannot carry.
    """
    name, source, version = provider
    return json_text(
        {
            _COMMENT: about,
            "terraform": {"required_providers": {name: {"source": source, "version": version}}},
            # Terraform takes what stands in these as it is, and no template.
            "variable": {
                one.name: {"description": one.description, "type": "string", "nullable": False} for one in variables
            },
            "resource": _encoded(resources),
            "output": {
                one: {"description": description, "value": _encoded(value)}
                for one, (description, value) in outputs.items()
            },
        }
    )


def _encoded(value: Any) -> Any:
    if isinstance(value, Expression):
        return f"${{{value.text}}}"
    if isinstance(value, str):
        return hcl(value)
    if isinstance(value, Mapping):
        items = cast(Mapping[str, Any], value).items()
        return {key: one if key == _COMMENT else _encoded(one) for key, one in items}
    if isinstance(value, list | tuple):
        return [_encoded(one) for one in cast(Sequence[Any], value)]
    return value
