"""firewalld: its zones, policies and direct rules, as XML or as calls of ``firewall-cmd``.

firewalld.zone(5), firewalld.policy(5), firewalld.richlanguage(5), firewalld.direct(5), firewall-cmd(1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from orthancgen.foreign.firewalls import iptables
from orthancgen.foreign.firewalls.addresses import ANY, Family, Ports, family, port_range, service, source
from orthancgen.foreign.firewalls.chains import Base, Line, Verdict, Walk, in_places
from orthancgen.foreign.firewalls.denied import BOTH, Match
from orthancgen.foreign.firewalls.iptables_rules import Tables, restore_words
from orthancgen.foreign.firewalls.problems import unknown_service
from orthancgen.foreign.firewalls.xml import Element, parse
from orthancgen.foreign.model import FirewallFile, Hook
from orthancgen.site.problems import Mark, Problem, sort_problems

_ROOT: Final = re.compile(r"<(?:zone|policy|direct)[\s/>]")
_VERDICTS: Final[dict[str, Verdict]] = {"accept": "accept", "reject": "drop", "drop": "drop"}
_DENYING_TARGETS: Final = frozenset({"DROP", "REJECT", "%%REJECT%%", "default", ""})
_ALL_TCP: Final = frozenset({"tcp", "6"})
_FAMILIES: Final[dict[str, frozenset[Family]]] = {
    "ipv4": frozenset({4}), "ipv6": frozenset({6}), "": BOTH,
}  # fmt: skip
_VERSIONS: Final[dict[str, Family]] = {"ipv4": 4, "ipv6": 6}
_INTEGER: Final = re.compile(r"-?[0-9]{1,6}", re.ASCII)
_RICH_WORD: Final = re.compile(r"\s*(?:([A-Za-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|(\S+))|(\S+))")


@dataclass(slots=True)
class Zone:
    """A zone or a policy: who comes into it, what it lets in.

    Attributes:
        hook: `input`, or `forward` for a policy for what goes on to other hosts and to containers.
        policy: whether it is a policy: one with the target CONTINUE leaves the rest to zones.
    """

    mark: Mark
    target: str = ""
    sources: list[str] = field(default_factory=list)
    interfaces: list[str] = field(default_factory=list)
    rules: list[tuple[int, Line]] = field(default_factory=list)
    hook: Hook = "input"
    policy: bool = False
    problems: list[Problem] = field(default_factory=list)

    def add(self, element: Element) -> None:
        """A child of a zone."""
        if element.name == "source":
            self.sources.append(_source(element))
        elif element.name == "interface":
            self.interfaces.append(element.get("name"))
        elif element.name == "rule":
            self._rule(element)
        elif element.name in {"port", "service", "protocol", "forward-port"}:
            ports = self._ports(element)
            if ports is not None and not element.get("to-addr"):  # what goes on to another host is not this one's
                self.rules.append((0, Line(Match(BOTH, ports=ports), "accept", element.mark)))

    def evaluated(self) -> tuple[Walk, bool]:
        """What it lets in, and whether it denies the rest."""
        given = tuple(self.sources) if self.sources and not self.interfaces else None
        everyone = given is None or ANY in given
        lines = [line for _, line in sorted(self.rules, key=_order)]
        if self.target == "ACCEPT":
            lines.append(Line(Match(), "accept", self.mark))
        bound = [replace(line, match=_bound(line.match, given)) for line in lines] if given and not everyone else lines
        denies = self.target in _DENYING_TARGETS or (self.policy and self.target == "CONTINUE")
        walk = Walk({"zone": bound})
        walk.base(Base("zone", self.hook, drops=denies))
        walk.problems += self.problems
        return walk, denies or not everyone

    def _rule(self, rule: Element) -> None:
        verdict = next((_VERDICTS[one.name] for one in rule.children if one.name in _VERDICTS), None)
        if verdict is None:
            return
        ports: Ports | None = ()
        narrow = rule.child("destination") is not None
        for child in rule.children:
            if child.name in {"port", "service", "protocol", "forward-port"}:
                ports = self._ports(child)
            elif child.name in {"icmp-type", "icmp-block", "source-port", "masquerade", "tcp-mss-clamp"}:
                ports = None
        if ports is None:
            return
        families = _FAMILIES.get(rule.get("family"), BOTH)
        match = Match(families, ports=ports, narrow=narrow)
        given = rule.child("source")
        if given is not None:
            text = _source(given)
            version = family(text)
            families = families & {version} if version else families
            inverted = given.get("invert").lower() in {"true", "yes", "1"} or given.get("NOT") != ""
            sources, excluded = (None, (text,)) if inverted else ((text,), ())
            match = replace(match, families=families, sources=sources if text != ANY else None, excluded=excluded)
        priority = int(rule.get("priority")) if _INTEGER.fullmatch(rule.get("priority")) else 0
        if match.families:
            self.rules.append((priority, Line(match, verdict, rule.mark)))

    def _ports(self, element: Element) -> Ports | None:
        """TCP ports of a port, service or protocol; None where there are none."""
        if element.name == "service":
            known = service(element.get("name"), "firewalld")
            if known is None:
                self.problems.append(unknown_service(element.get("name"), element.mark))
            return known or None
        if element.name == "protocol":
            return () if element.get("value").lower() in _ALL_TCP else None
        if element.get("protocol").lower() not in _ALL_TCP:
            return None
        ports = port_range(element.get("port"))
        return None if ports is None else (ports,)


class Direct:
    """Direct rules: those of iptables, kept by firewalld and put in front of its own."""

    def __init__(self) -> None:
        self._rules: list[tuple[int, Family, str, str, Sequence[str], Mark]] = []
        self._tables = {4: Tables(4), 6: Tables(6)}
        self._passed: list[tuple[Family, Sequence[str], Mark]] = []
        self.used: set[Family] = set()

    def chain(self, version: str, table: str, name: str) -> None:
        """A chain of one's own."""
        if version in _VERSIONS:
            self._tables[_VERSIONS[version]].declare(table, name, "-")

    def rule(self, version: str, table: str, chain: str, priority: str, words: Sequence[str], mark: Mark) -> None:
        """A rule with its priority in its chain."""
        if version in _VERSIONS:
            number = int(priority) if _INTEGER.fullmatch(priority) else 0
            self._rules.append((number, _VERSIONS[version], table, chain, words, mark))

    def passthrough(self, version: str, words: Sequence[str], mark: Mark) -> None:
        """Arguments of iptables."""
        if version in _VERSIONS:
            self._passed.append((_VERSIONS[version], words, mark))

    def tables(self) -> list[Tables]:
        """The tables that this makes, of the versions of IP that have rules."""
        for _, version, table, chain, words, mark in sorted(self._rules, key=lambda one: one[0]):
            self._tables[version].apply(["-A", chain, *words], mark, table)
            self.used.add(version)
        for version, words, mark in self._passed:
            self._tables[version].apply(words, mark)
            self.used.add(version)
        return [self._tables[version] for version in sorted(self.used)]


def recognises(text: str, _file: str) -> bool:
    """Whether it is XML of firewalld with rules."""
    return text.lstrip()[:1] == "<" and _ROOT.search(text, 0, 20_000) is not None


def read(text: str, file: str) -> tuple[FirewallFile, ...]:
    """Read a zone, a policy or the direct rules."""
    root, problems = parse(text, file)
    if root is None or root.name not in {"zone", "policy", "direct"}:
        return (file_of([], Direct(), file, text, problems),) if problems else ()
    if root.name == "direct":
        return (file_of([], _direct(root), file, text, problems),)
    zone = Zone(root.mark, root.get("target"), policy=root.name == "policy")
    if zone.policy:
        ends = {one.get("name") for one in root.children if one.name == "egress-zone"}
        starts = {one.get("name") for one in root.children if one.name == "ingress-zone"}
        zone.target = zone.target or "CONTINUE"
        zone.hook = "input" if "HOST" in ends else "forward"
        if starts == {"HOST"}:  # what the host itself calls
            return ()
    for child in root.children:
        zone.add(child)
    return (file_of([zone], Direct(), file, text, problems),)


def file_of(
    zones: Iterable[Zone], direct: Direct, file: str, text: str, problems: Iterable[Problem] = ()
) -> FirewallFile:
    """What zones, policies and direct rules let in together."""
    found = [(zone, *zone.evaluated()) for zone in zones]
    tables = direct.tables()
    walks = [walk for _, walk, _ in found] + [iptables.walked(one) for one in tables]
    guarding = any(zone.hook == "forward" and (denies or walk.guards) for zone, walk, denies in found)
    told = [*problems, *(one for walk in walks for one in walk.problems), *(p for one in tables for p in one.problems)]
    return FirewallFile(
        file=file,
        kind="firewalld",
        families=frozenset(direct.used) if tables and not found else BOTH,
        drops_by_default=all(denies for zone, _, denies in found if zone.hook == "input"),
        guards_forwarded=guarding or any(iptables.guards_forwarded(walk) for walk in walks[len(found) :]),
        lets_answers_in=True,  # firewalld itself, in front of every zone
        filters=in_places(one for walk in walks for one in walk.filters),
        text=text,
        problems=sort_problems(told[: iptables.MAXIMUM_PROBLEMS]),
    )


def _direct(root: Element) -> Direct:
    direct = Direct()
    for child in root.children:
        version, table, chain = child.get("ipv"), child.get("table"), child.get("chain")
        if child.name == "chain":
            direct.chain(version, table, chain)
        elif child.name == "rule":
            direct.rule(version, table, chain, child.get("priority"), restore_words(child.text), child.mark)
        elif child.name == "passthrough":
            direct.passthrough(version, restore_words(child.text), child.mark)
    return direct


def _source(element: Element) -> str:
    if element.get("ipset"):
        return f"ipset:{element.get('ipset')}"
    if element.get("mac"):
        return f"mac {element.get('mac')}"
    return source(element.get("address")) or ANY


def _bound(match: Match, sources: tuple[str, ...] | None) -> Match:
    return match if match.sources is not None else replace(match, sources=sources)


def _order(rule: tuple[int, Line]) -> tuple[int, bool]:
    """firewalld.richlanguage(5): by priority; at the same, what denies comes first."""
    priority, line = rule
    return priority, line.verdict != "drop"


def rich_rule(text: str, mark: Mark) -> Element:
    """A rule of the rich language as the element that firewalld keeps of it."""
    rule = Element("rule", {}, mark)
    current = rule
    for name, value in _rich_words(text):
        if value is not None:
            current.attributes[name] = value
        elif name == "NOT":
            current.attributes["invert"] = "true"
        elif name != "rule":
            current = Element(name, {}, mark)
            rule.children.append(current)
    return rule


def _rich_words(text: str) -> Iterator[tuple[str, str | None]]:
    for found in _RICH_WORD.finditer(text):
        if found[1]:
            yield found[1], next(value for value in found.groups()[1:4] if value is not None)
        else:
            yield found[5], None
