"""One rule of nftables as lines of a chain: conditions, statements, verdict maps. nft(8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from orthancgen.foreign.firewalls.addresses import (
    Family,
    Ports,
    common_ports,
    named_ports,
    other_ports,
    source,
    sources_of_range,
)
from orthancgen.foreign.firewalls.chains import Line, Verdict
from orthancgen.foreign.firewalls.denied import BOTH, Match
from orthancgen.foreign.firewalls.interfaces import Interfaces
from orthancgen.foreign.firewalls.nft_script import Table, Token
from orthancgen.foreign.firewalls.problems import not_followed, unknown_service
from orthancgen.site.problems import Mark, Problem

What = Literal[
    "source4", "source6", "port", "protocol", "protocol4", "protocol6", "family", "state", "direction", "status", "in",
    "out", "other",
]  # fmt: skip
"""What a selector compares; `other` narrows."""
_VERDICTS: Final[Mapping[str, Verdict]] = {
    "accept": "accept", "drop": "drop", "reject": "drop", "return": "return", "continue": "none", "queue": "none",
    "jump": "jump", "goto": "jump",
}  # fmt: skip
_SELECTORS: Final[Mapping[tuple[str, ...], What]] = {
    ("ip", "saddr"): "source4", ("ip6", "saddr"): "source6", ("ip", "protocol"): "protocol4",
    ("ip6", "nexthdr"): "protocol6", ("tcp", "dport"): "port", ("th", "dport"): "port", ("ct", "state"): "state",
    ("ct", "status"): "status", ("ct", "direction"): "direction", ("ct", "original", "proto-dst"): "port",
    ("ct", "original", "ip", "saddr"): "source4", ("ct", "original", "ip6", "saddr"): "source6",
    ("meta", "l4proto"): "protocol", ("meta", "nfproto"): "family", ("meta", "protocol"): "family",
    ("meta", "iifname"): "in", ("meta", "iif"): "in", ("iifname",): "in", ("iif",): "in",
    ("meta", "oifname"): "out", ("meta", "oif"): "out", ("oifname",): "out", ("oif",): "out",
}  # fmt: skip
_OTHER_HEADERS: Final = frozenset(
    ["udp", "udplite", "sctp", "dccp", "icmp", "icmpv6", "igmp", "esp", "ah", "comp", "arp", "gre", "vxlan"]
)
_HEADERS: Final = frozenset(["ip", "ip6", "tcp", "th", "ct", "meta", "ether", "vlan", "fib", "rt", "socket", "osf"])
_STATES: Final = frozenset({"new", "established", "related", "invalid", "untracked"})
_FAMILY_NAMES: Final[Mapping[str, Family]] = {"ipv4": 4, "ip": 4, "2": 4, "ipv6": 6, "ip6": 6, "10": 6}
_PROTOCOLS: Final = frozenset({"tcp", "6"})
_OTHER_COMPARISONS: Final = frozenset(["<", ">", "<=", ">=", "&", "|", "^", "and", "or", "xor", "lt", "gt", "le", "ge"])
_OPTIONS: Final = frozenset(
    ["packets", "bytes", "name", "prefix", "level", "group", "flags", "snaplen", "queue-threshold", "type", "icmp",
     "icmpv6", "icmpx", "tcp", "sequence", "options", "all", "skuid", "ether"]
)  # fmt: skip
"""Words of the options of ``counter``, ``log`` and ``reject with``; what comes behind one may be its value."""
_MOST_ELEMENTS: Final = 20_000
_MOST_LINES: Final = 2_000
"""Lines that one verdict map or set of concatenations becomes."""


@dataclass(slots=True)
class _Draft:
    """A rule while its words are read."""

    families: frozenset[Family]
    sources: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    ports: Ports | None = ()
    narrow: bool = False
    tcp: bool = True
    states: frozenset[str] = _STATES
    interfaces: Interfaces = field(default_factory=Interfaces)
    verdict: Verdict = "none"
    target: str = ""
    comment: str = ""

    def copy(self) -> _Draft:
        """One of its own for each line that a map makes of it."""
        interfaces = Interfaces(self.interfaces.incoming, self.interfaces.outgoing, self.interfaces.excluded)
        return replace(self, interfaces=interfaces)

    def line(self, mark: Mark, prefix: str) -> Line | None:
        """As a line; None where it is not about TCP."""
        if not self.tcp or self.ports is None or not self.families:
            return None
        match = Match(self.families, self.sources, self.excluded, self.ports, self.narrow)
        match, outside, by_interface = self.interfaces.applied(match)
        new, answers = bool(self.states & {"new", "untracked"}), "established" in self.states and self.states != _STATES
        target = prefix + self.target if self.verdict == "jump" else ""
        return Line(match, self.verdict, mark, target, self.comment, new, answers, outside, by_interface)


class RuleReader:
    """Reads the rules of one table.

    Attributes:
        problems: what is not followed.
    """

    def __init__(self, table: Table, prefix: str, mark: Callable[[int, int], Mark]) -> None:
        self.problems: list[Problem] = []
        self._table = table
        self._prefix = prefix
        self._place = mark
        self._elements: dict[str, list[list[str]]] = {}
        own: Mapping[str, frozenset[Family]] = {"ip": frozenset({4}), "ip6": frozenset({6})}
        self._families = own.get(table.family, BOTH)
        self._mark = mark(0, 0)

    def lines(self, words: Sequence[Token]) -> Iterator[Line]:
        """The lines that a rule is: one, or one for each group of elements of a map."""
        self._mark = self._place(words[0].start, words[-1].end)
        drafts = [_Draft(self._families)]
        at = 0
        while at < len(words):
            at, drafts = self._part(words, at, drafts)
        for draft in drafts:
            line = draft.line(self._mark, self._prefix)
            if line is not None:
                yield line

    def _part(self, words: Sequence[Token], at: int, drafts: list[_Draft]) -> tuple[int, list[_Draft]]:
        """A condition or statement. Returns the index behind, and what the rule is with it."""
        text = "" if words[at].quoted else words[at].text
        following = words[at + 1].text if at + 1 < len(words) else ""
        found = _selectors(words, at)
        if found is not None:
            return self._compared(found[0], words, found[1], drafts)
        if text in {"counter", "log", "with"}:
            return _behind_options(words, at + 1), drafts
        for draft in drafts:
            if text in _VERDICTS:
                draft.verdict = _VERDICTS[text] if draft.verdict == "none" else draft.verdict
                draft.target = following
            elif text == "comment":
                draft.comment = following
            elif text in _OTHER_HEADERS:
                draft.tcp = False
            else:
                draft.narrow = True
        if text == "{":
            return _behind_brace(words, at), drafts
        return at + (2 if text in {"jump", "goto", "comment"} else 1), drafts

    def _compared(
        self, whats: Sequence[What], words: Sequence[Token], at: int, drafts: list[_Draft]
    ) -> tuple[int, list[_Draft]]:
        """What selectors are compared with: a value, a set, a map of verdicts."""
        negated = mapped = False
        while at < len(words) and not words[at].quoted:
            text = words[at].text
            if text in {"!=", "neq"}:
                negated = True
            elif text in _OTHER_COMPARISONS:
                whats = ["other"] * len(whats)
            elif text == "vmap":
                mapped = True
            elif text not in {"==", "eq", "="}:
                break
            at += 1
        elements, at = self._value(words, at)
        if mapped:
            return at, [one for draft in drafts for one in self._mapped(draft, whats, elements)]
        if len(whats) > 1 and not negated:
            return at, [one for draft in drafts for one in self._concatenated(draft, whats, elements)]
        for draft in drafts:
            if len(whats) > 1:
                draft.narrow = True
            else:
                self._apply(draft, whats[0], [element[0] for element in elements], negated=negated)
        return at, drafts

    # Values

    def _value(self, words: Sequence[Token], at: int) -> tuple[list[list[str]], int]:
        """The elements here, each as its parts with the words of its verdict behind ``:``; and the index behind."""
        if at >= len(words):
            return [], at
        first = words[at]
        if first.sign("{"):
            end = _behind_brace(words, at)
            return _elements(words[at + 1 : end - 1 if words[end - 1].sign("}") else end]), end
        if first.text.startswith("@") and not first.quoted:
            name = first.text[1:]
            if name not in self._elements:
                self._elements[name] = _elements(self._table.sets.get(name, ()))
            return self._elements[name] or [[first.text]], at + 1
        end = at + 1
        while end + 1 < len(words) and words[end].text in {",", "."} and not words[end].quoted:
            end += 2  # flags, as in ``ct state established,related``; or a concatenation
        return _elements(words[at:end]), end

    # Conditions

    def _mapped(self, draft: _Draft, whats: Sequence[What], elements: list[list[str]]) -> Iterator[_Draft]:
        """One draft for each verdict of a map."""
        for element in elements[:_MOST_LINES]:
            values, verdict = _divided(element)
            if not verdict:
                self.problems.append(not_followed(f"the map {element[0]}", self._mark))
                continue
            one = draft.copy()
            for what, value in zip(whats, values, strict=False):
                if value != "*":
                    self._apply(one, what, [value], negated=False)
            one.verdict = _VERDICTS.get(verdict[0], "none")
            one.target = verdict[1] if len(verdict) > 1 else ""
            yield one

    def _concatenated(self, draft: _Draft, whats: Sequence[What], elements: list[list[str]]) -> Iterator[_Draft]:
        """Drafts for ``ip saddr . tcp dport { 10.0.0.1 . 104, ... }``: one for all sources of the same ports."""
        grouped: dict[tuple[str, ...], list[tuple[What, str]]] = {}
        for element in elements[:_MOST_ELEMENTS]:
            pairs = list(zip(whats, element, strict=False))
            others = tuple(value for what, value in pairs if what not in {"source4", "source6"})
            grouped.setdefault(others, []).extend(pair for pair in pairs if pair[0] in {"source4", "source6"})
        kinds = [what for what in whats if what not in {"source4", "source6"}]
        for values, sources in list(grouped.items())[:_MOST_LINES]:
            one = draft.copy()
            for what, value in zip(kinds, values, strict=False):
                self._apply(one, what, [value], negated=False)
            if sources:
                self._apply(one, sources[0][0], [value for _, value in sources], negated=False)
            yield one

    def _apply(self, draft: _Draft, what: What, values: Sequence[str], *, negated: bool) -> None:
        given = [value for value in values[:_MOST_ELEMENTS] if value]
        if what[-1] in "46":
            draft.families &= frozenset({4 if what.endswith("4") else 6})
        if what in {"source4", "source6"}:
            texts = tuple(text for value in given for text in _source(value))
            if negated:
                draft.excluded += texts
            else:
                draft.sources = texts if draft.sources is None else tuple(set(texts) & set(draft.sources))
        elif what == "port":
            self._ports(draft, given, negated=negated)
        elif what in {"protocol", "protocol4", "protocol6"}:
            draft.tcp = draft.tcp and any(value in _PROTOCOLS for value in given) != negated
        elif what == "family":
            families = frozenset(_FAMILY_NAMES[value] for value in given if value in _FAMILY_NAMES)
            draft.families &= BOTH - families if negated else families
        elif what == "state":
            states = frozenset(given)
            draft.states &= _STATES - states if negated else states
        elif what == "direction":
            draft.states &= _STATES if ("original" in given) != negated else frozenset()
        elif what in {"in", "out"}:
            draft.interfaces.add(given, out=what == "out", negated=negated)
        elif what == "other" or given != ["dnat"] or negated:
            draft.narrow = True

    def _ports(self, draft: _Draft, values: Sequence[str], *, negated: bool) -> None:
        found: list[tuple[int, int]] = []
        for value in values:
            ports = named_ports(value, "iana")
            if ports is None:
                what = not_followed(f"the set {value}", self._mark) if value[:1] in "@$" else None
                self.problems.append(what or unknown_service(value, self._mark))
                draft.narrow = True
            found += ports or ()
        wanted = other_ports(tuple(found)) if negated else tuple(found) or None
        draft.ports = None if wanted is None or draft.ports is None else common_ports(draft.ports, wanted)


def _selectors(words: Sequence[Token], at: int) -> tuple[list[What], int] | None:
    """Selectors joined by dots, and the index behind; None where none starts here."""
    whats: list[What] = []
    while at < len(words) and not words[at].quoted:
        what, length = _selector([word.text for word in words[at : at + 4]])
        if what is None:
            break
        whats.append(what)
        at += length
        if at + 1 < len(words) and words[at].sign("."):
            at += 1
        else:
            break
    return (whats, at) if whats else None


def _selector(texts: Sequence[str]) -> tuple[What | None, int]:
    """The selector with which these words start, and how many are of it."""
    for length in range(len(texts), 0, -1):
        known = _SELECTORS.get(tuple(texts[:length]))
        if known is not None:
            return known, length
    return ("other", 2) if texts[0] in _HEADERS else (None, 0)


def _elements(words: Sequence[Token]) -> list[list[str]]:
    """The elements between commas: the parts of each, and behind ``:`` those of its verdict; no timeouts."""
    elements: list[list[str]] = [[]]
    wanted, verdict = True, False
    for word in words:
        text = word.text
        if word.sign(","):
            elements.append([])
            wanted, verdict = True, False
        elif text == ":" and not word.quoted:
            elements[-1].append(":")
            verdict = True
        elif text == "." and not word.quoted:
            wanted = True
        elif verdict or wanted:
            elements[-1].append(text)
            wanted = False
    return [element for element in elements[:_MOST_ELEMENTS] if element]


def _divided(element: list[str]) -> tuple[list[str], list[str]]:
    """Values and verdict of an element of a map."""
    at = element.index(":") if ":" in element else len(element)
    return element[:at], element[at + 1 :]


def _source(value: str) -> tuple[str, ...]:
    first, sign, last = value.partition("-")
    if sign and first and last and "@" not in value and (first[0].isdigit() or ":" in first):
        return sources_of_range(first, last)
    return (source(value),)


def _behind_brace(words: Sequence[Token], at: int) -> int:
    """The index behind the brace that closes the one here, or behind the last word."""
    depth = 0
    while at < len(words):
        depth += words[at].sign("{") - words[at].sign("}")
        at += 1
        if depth == 0:
            break
    return at


def _behind_options(words: Sequence[Token], at: int) -> int:
    """Behind the options of ``counter``, ``log`` and ``reject with``: whatever is neither condition nor verdict."""
    while at < len(words) and (words[at].quoted or words[at].text in _OPTIONS or words[at - 1].text in _OPTIONS):
        at += 1
    return at
