"""iptables and ip6tables: what iptables-save writes and iptables-restore reads, and what the tables let in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import PurePath
from typing import Final, Literal

from orthancgen.foreign.firewalls.addresses import Family, family
from orthancgen.foreign.firewalls.chains import Base, Walk, in_places
from orthancgen.foreign.firewalls.iptables_rules import Tables, restore_words
from orthancgen.foreign.model import FirewallFile, FirewallKind, Hook
from orthancgen.foreign.places import LINE_BREAK, Places
from orthancgen.site.problems import Problem, sort_problems

KINDS: Final[Mapping[Family, FirewallKind]] = {4: "iptables", 6: "ip6tables"}
MAXIMUM_PROBLEMS: Final = 100
DOCKER_USER: Final = "filter DOCKER-USER"
"""Docker has FORWARD jump there before its own: https://docs.docker.com/engine/network/packet-filtering-firewalls/."""
_BASES: Final = (
    Base("raw PREROUTING", "any", decides=False),
    Base("mangle PREROUTING", "any", decides=False),
    Base("mangle INPUT", "input", decides=False),
    Base("filter INPUT", "input"),
    Base("mangle FORWARD", "forward", decides=False),
    Base(DOCKER_USER, "forward"),
    Base("filter FORWARD", "forward"),
)
"""In the order in which packets meet them; `accept` of a table other than filter leaves it to those behind."""
_TABLE: Final = re.compile(r"^[ \t]*\*(?:filter|mangle|raw|nat|security)[ \t]*\r?$", re.MULTILINE)
_RULE: Final = re.compile(r"^[ \t]*(?:\[[0-9]+:[0-9]+\] )?-A [A-Za-z0-9_.-]+ -", re.MULTILINE)
_SIX: Final = re.compile(r"ip6tables|ipv6-icmp|icmp6|icmpv6|ufw6-|--reject-with (?:icmp6|adm-prohibited)")
_SIX_NAME: Final = re.compile(r"(?:v6|ip6|6\.rules|rules6|ipv6)", re.IGNORECASE)
_SOURCE: Final = re.compile(r"(?:^|\s)-[sd] ([0-9A-Fa-f:.]{1,45}(?:/[0-9]{1,3})?)")
_INPUT_NAME: Final = re.compile(r"(?:^|[-_.])in(?:put)?(?:[-_.]|$)|INPUT", re.IGNORECASE)
_FORWARD_NAME: Final = re.compile(r"(?:^|[-_.])(?:fwd|forward)(?:[-_.]|$)|docker", re.IGNORECASE)


def recognises(text: str, _file: str) -> bool:
    """Whether it is a file of iptables-restore, or the rules of one without its tables."""
    return _TABLE.search(text) is not None or _RULE.search(text) is not None


def read(text: str, file: str) -> tuple[FirewallFile, ...]:
    """Read a file of iptables-restore."""
    version = version_of(text, file)
    tables = tables_of(text, file, version)
    return (evaluated(tables, KINDS[version], file, text),)


def version_of(text: str, file: str) -> Family:
    """The version of IP that a file is for: by what stands in it, else by its name."""
    if _SIX.search(text):
        return 6
    versions = {family(found[1]) for found in islice(_SOURCE.finditer(text), 1000)} - {None}
    if len(versions) == 1:
        return 6 if 6 in versions else 4
    return 6 if _SIX_NAME.search(PurePath(file).name) else 4


def tables_of(text: str, file: str, version: Family, descriptions: Mapping[int, str] | None = None) -> Tables:
    """The tables of a file of iptables-restore.

    Args:
        text: of the file.
        file: its name.
        version: of IP.
        descriptions: of the rules on some lines, by the number of the line.
    """
    tables, places, table = Tables(version), Places(text, file), "filter"
    for number, line in enumerate(LINE_BREAK.split(text), start=1):
        stripped = line.strip()
        if stripped.startswith("*"):
            table = stripped[1:]
        elif stripped.startswith(":"):
            chain, _, policy = stripped[1:].partition(" ")
            tables.declare(table, chain, policy.partition(" ")[0])
        elif stripped and not stripped.startswith("#"):
            mark = places.line(number)
            tables.apply(restore_words(stripped), mark, table, (descriptions or {}).get(number, ""))
    return tables


def evaluated(tables: Tables, kind: FirewallKind, file: str, text: str) -> FirewallFile:
    """What the tables of one family let in."""
    walk, families = walked(tables), frozenset({tables.version})
    drops = walk.drops("input", families) or kind == "ufw"
    return FirewallFile(
        file=file,
        kind=kind,
        families=families,
        drops_by_default=drops,
        guards_forwarded=guards_forwarded(walk),
        lets_answers_in=lets_answers_in(walk, families) or kind == "ufw",
        filters=in_places(walk.filters),
        text=text,
        problems=problems(walk, tables),
    )


def walked(tables: Tables) -> Walk:
    """Follow every chain that packets meet first; and those that other files have packets come to, by their names."""
    families = frozenset({tables.version})
    walk = Walk(tables.chains, families)
    for base in _BASES:
        if base.chain in tables.chains:
            drops = tables.policies.get(base.chain) in {"DROP", "REJECT"}
            skip = frozenset({DOCKER_USER} - {base.chain})
            walk.base(Base(base.chain, base.hook, families, drops, base.decides), skip)
    for chain, hook in roots(tables):
        walk.base(Base(chain, hook, families, decides=chain.startswith("filter ")))
    return walk


def roots(tables: Tables) -> Iterable[tuple[str, Hook]]:
    """Chains to which no rule of these tables jumps, with the hook that their names tell."""
    reached = {line.target for lines in tables.chains.values() for line in lines if line.target}
    for name in tables.chains:
        table, _, chain = name.partition(" ")
        if name in reached or table not in {"filter", "mangle"} or any(base.chain == name for base in _BASES):
            continue
        if _FORWARD_NAME.search(chain):
            yield name, "forward"
        elif _INPUT_NAME.search(chain):
            yield name, "input"


def guards_forwarded(walk: Walk) -> bool:
    """Whether something drops before what a container engine lets in: its rules come first in FORWARD of `filter`."""
    return any(name == DOCKER_USER or name.startswith(("raw ", "mangle ")) for name in walk.guards - {"mangle INPUT"})


def lets_answers_in(walk: Walk, families: frozenset[Literal[4, 6]]) -> bool:
    """Whether established connections pass, to the host's programs where these are filtered."""
    hook: Hook = "forward" if walk.denied["input"].empty else "input"
    return hook in walk.answers or not walk.drops(hook, families)


def problems(walk: Walk, tables: Tables) -> tuple[Problem, ...]:
    """What was not read, a hundred at the most."""
    return sort_problems([*walk.problems, *tables.problems[:MAXIMUM_PROBLEMS]])
