"""nftables: what a script of nft or ``nft list ruleset`` lets in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.foreign.firewalls.chains import Base, Line, Walk, in_places
from orthancgen.foreign.firewalls.denied import BOTH
from orthancgen.foreign.firewalls.iptables import lets_answers_in
from orthancgen.foreign.firewalls.nft_rule import RuleReader
from orthancgen.foreign.firewalls.nft_script import MAXIMUM_PROBLEMS, Chain, Script, Table
from orthancgen.foreign.model import FirewallFile, Hook
from orthancgen.foreign.places import Places
from orthancgen.site.problems import Mark, sort_problems

_STATEMENT: Final = re.compile(
    r"^[ \t]*(?:(?:add|create|flush|delete|destroy)[ \t]+)?table[ \t]+(?:(?:inet|ip6?)[ \t]+[\w.-]+|[\w.-]+[ \t]*\{)"
    r"|^[ \t]*(?:add|insert)[ \t]+rule[ \t]+(?:inet|ip6?)[ \t]|\A#!\S*[ \t/]nft\b",
    re.MULTILINE,
)
_HOOKS: Final[Mapping[str, Hook]] = {"input": "input", "forward": "forward", "prerouting": "any", "ingress": "any"}
_DOCKER_USER: Final = "DOCKER-USER"
_ENGINES_TABLES: Final = frozenset({"docker-bridges", "netavark"})
"""Tables that container engines write themselves: what they drop guards nothing."""


@dataclass(frozen=True, slots=True)
class _Ordered:
    """A chain that packets meet first, with its rank at its hook."""

    base: Base
    priority: int
    guards: bool


def recognises(text: str, _file: str) -> bool:
    """Whether it is a script of nft, or a listing."""
    return _STATEMENT.search(text) is not None


def read(text: str, file: str) -> tuple[FirewallFile, ...]:
    """Read a script of nft, or a listing."""
    script = Script(Places(text, file).mark)
    script.run(text)
    return evaluated(script, file, text, Places(text, file).mark)


def evaluated(script: Script, file: str, text: str, mark: Callable[[int, int], Mark]) -> tuple[FirewallFile, ...]:
    """What the tables of a script let in; nothing where none of them filters."""
    chains: dict[str, list[Line]] = {}
    found: list[_Ordered] = []
    problems = list(script.problems)
    for table in script.tables.values():
        if table.family not in {"ip", "ip6", "inet", "netdev"} or table.dormant:
            continue
        prefix = f"{table.family} {table.name} "
        reader = RuleReader(table, prefix, mark)
        for name, chain in table.chains.items():
            chains[prefix + name] = [line for words in chain.rules for line in reader.lines(words)]
        problems += reader.problems[:MAXIMUM_PROBLEMS]
        found += _bases(table, prefix)
    if not found:
        return ()
    families = _families(found, chains)
    walk = Walk(chains, families)
    user_chains = frozenset(one.base.chain for one in found if one.base.chain.endswith(f" {_DOCKER_USER}"))
    for one in sorted(found, key=lambda one: one.priority):
        walk.base(one.base, user_chains - {one.base.chain})
    dropping = walk.guards | {one.base.chain for one in found if one.base.drops}
    return (
        FirewallFile(
            file=file,
            kind="nftables",
            families=families,
            drops_by_default=walk.drops("input", families),
            guards_forwarded=any(one.guards and one.base.chain in dropping for one in found),
            lets_answers_in=lets_answers_in(walk, families),
            filters=in_places(walk.filters),
            text=text,
            problems=sort_problems([*walk.problems, *problems]),
        ),
    )


def _bases(table: Table, prefix: str) -> Iterator[_Ordered]:
    families = _OWN_FAMILY.get(table.family, BOTH)
    # The tables that iptables keeps in nf_tables are named as its own, with chains in capitals.
    iptables = table.family in {"ip", "ip6"} and table.name == "filter"
    for name, chain in table.chains.items():
        hook = _HOOKS.get(chain.hook) if chain.kind == "filter" else None
        if name == _DOCKER_USER and iptables:
            yield _Ordered(Base(prefix + name, "forward", families), -1, guards=True)
        elif hook is not None:
            theirs = table.name in _ENGINES_TABLES or (iptables and name == "FORWARD")
            base = Base(prefix + name, hook, families, chain.policy == "drop", _decides(hook, table, name, chain))
            yield _Ordered(base, chain.priority, guards=hook != "input" and not theirs)


_OWN_FAMILY: Final[Mapping[str, frozenset[Literal[4, 6]]]] = {"ip": frozenset({4}), "ip6": frozenset({6})}


def _decides(hook: Hook, table: Table, name: str, chain: Chain) -> bool:
    """Whether `accept` of a base chain lets in; else chains behind it decide.

    In nf_tables every base chain of a hook is asked. A chain that drops nothing by itself and stands in front of the
    others, as the table mangle of iptables does, says with `accept` that it has nothing against it.
    """
    return (
        hook != "any"
        and not (table.family != "inet" and table.name in {"mangle", "raw"} and name.isupper())
        and (chain.priority >= -100)
    )


def _families(found: list[_Ordered], chains: Mapping[str, list[Line]]) -> frozenset[Literal[4, 6]]:
    """The versions of IP that are filtered: on the way to the host, else on the way through it."""
    for hooks in (("input",), ("forward", "any")):
        covered = frozenset(
            family
            for one in found
            if one.base.hook in hooks and (one.base.drops or chains[one.base.chain])
            for family in one.base.families
        )
        if covered:
            return covered
    return frozenset(family for one in found for family in one.base.families)
