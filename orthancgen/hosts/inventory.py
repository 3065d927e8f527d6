"""An inventory of Ansible from environments: each is a host of its own, by its own name. Pure.

Formats: https://docs.ansible.com/ansible/latest/inventory_guide/intro_inventory.html and, for JSON, what an inventory
script prints, https://docs.ansible.com/ansible/latest/dev_guide/developing_inventory.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from orthancgen.errors import InputError
from orthancgen.site.model import Site
from orthancgen.site.problems import printable

GROUP: Final = "orthancgen"
"""The group that every environment is in; its kind and its runtime are groups too."""
_PLAIN_PATH: Final = re.compile(r"[\w@%+=:,./ -]+")

Value = str | int | bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One environment in an inventory.

    Attributes:
        name: of the environment, and so of the host: two environments may be on one machine.
        groups: it is in.
        variables: Ansible's, and the role's.
    """

    name: str
    groups: tuple[str, ...]
    variables: Mapping[str, Value]


def entries(sites: Sequence[tuple[Path, Site]]) -> tuple[Entry, ...]:
    """The environments as hosts, in their order.

    Args:
        sites: the file of each environment, an absolute path, and what it says.

    Raises:
        InputError: one names no host, two have one name, or a path cannot stand in an inventory.
    """
    problems: list[str] = []
    found: dict[str, Entry] = {}
    for path, site in sites:
        if site.deployment.host is None:
            problems.append(f"{path}: deployment.host: the environment {site.environment} names no host")
        elif site.environment in found:
            problems.append(f"{path}: the environment {site.environment} was named already")
        elif not _PLAIN_PATH.fullmatch(str(path)):
            problems.append(f"{printable(str(path))!r}: Ansible would read more in this path than a path")
        else:
            found[site.environment] = _entry(path, site)
    if problems:
        raise InputError(
            "no inventory can be made:\n  " + "\n  ".join(problems),
            hint="deployment: {host: pacs.hospital.example, user: admin}",
        )
    return tuple(found.values())


def _entry(path: Path, site: Site) -> Entry:
    said = site.deployment
    variables: dict[str, Value] = {
        "ansible_host": said.host or "",
        "ansible_port": said.port,
        **({"ansible_user": said.user} if said.user else {}),
        "ansible_become": said.become,
        "orthancgen_environment": site.environment,
        "orthancgen_file": str(path),
    }
    return Entry(site.environment, (GROUP, site.kind, site.runtime), variables)


def _groups(hosts: Sequence[Entry]) -> dict[str, list[str]]:
    names = dict.fromkeys([GROUP, *(group for host in hosts for group in host.groups)])
    return {group: [host.name for host in hosts if group in host.groups] for group in names}


def as_yaml(hosts: Sequence[Entry]) -> str:
    """A file for `ansible-playbook -i hosts.yaml`."""
    children = {
        group: {"hosts": {name: None if group != GROUP else dict(_of(hosts, name).variables) for name in names}}
        for group, names in _groups(hosts).items()
    }
    text: str = yaml.safe_dump({"all": {"children": children}}, sort_keys=False, width=120)
    return f"# Written by orthancgen inventory.\n---\n{text}"


def as_json(hosts: Sequence[Entry]) -> str:
    """What an inventory script prints."""
    document: dict[str, object] = {"_meta": {"hostvars": {host.name: dict(host.variables) for host in hosts}}}
    for group, names in _groups(hosts).items():
        document[group] = {"hosts": names}
    return json.dumps(document, indent=2) + "\n"


def as_ini(hosts: Sequence[Entry]) -> str:
    """A file of the older form; values are quoted as its reader splits them."""
    lines = ["# Written by orthancgen inventory."]
    for group, names in _groups(hosts).items():
        lines += ["", f"[{group}]"]
        for name in names:
            variables = _of(hosts, name).variables if group == GROUP else {}
            lines.append(" ".join([name, *(f"{key}={_ini(value)}" for key, value in variables.items())]))
    return "\n".join(lines) + "\n"


def _ini(value: Value) -> str:
    """Read back as a literal of Python where it is one: a text is written as such."""
    return str(value) if isinstance(value, bool | int) else f"\"'{value}'\""


def _of(hosts: Sequence[Entry], name: str) -> Entry:
    return next(host for host in hosts if host.name == name)


FORMATS: Final[Mapping[str, Callable[[Sequence[Entry]], str]]] = {"yaml": as_yaml, "ini": as_ini, "json": as_json}
