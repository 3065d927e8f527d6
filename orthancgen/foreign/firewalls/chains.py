"""Chains of rules, as netfilter has them: what they let in, followed from the chain that packets meet first.

One evaluation for nftables and iptables: a packet goes through the lines of a chain in order; `accept` and `drop`
decide, `return` goes back behind the jump. https://wiki.nftables.org/wiki-nftables/index.php/Jumping_to_chain
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from orthancgen.foreign.firewalls.addresses import ANY, Ports, merged
from orthancgen.foreign.firewalls.denied import BOTH, WHOLE, Denied, Match, Networks, both, spared
from orthancgen.foreign.model import Filter, Hook
from orthancgen.site.problems import KeyPath, Mark, Problem

_EVERYTHING: Final = Match()
Verdict = Literal["accept", "drop", "return", "jump", "none"]
_DEEPEST: Final = 16
"""nf_tables and x_tables refuse to jump deeper: NFT_JUMP_STACK_SIZE."""
_BUDGET: Final = 2_000_000
"""Comparisons: chains that jump to each other many times would take for ever."""
_SPARED_WEIGHT: Final = 10
"""How many comparisons one is worth of a denial with who was let go before."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chain.

    Attributes:
        match: which connections it is about.
        verdict: `none` for what only counts or logs.
        target: the chain to which it jumps.
        new: whether it is about new connections.
        answers: whether it says that it is about established ones. A line that says nothing of states is about these
            too, but lets answers in only where it is about every source and port.
        outside: whether it is about callers from outside of the host and its containers.
        by_interface: it is about a network card: another may lead to the host's programs, so that a denial of what
            comes in by one covers nothing there. What is forwarded to containers comes in by the one that is named.
    """

    match: Match
    verdict: Verdict
    mark: Mark
    target: str = ""
    description: str = ""
    new: bool = True
    answers: bool = False
    outside: bool = True
    by_interface: bool = False
    path: KeyPath = ()


@dataclass(frozen=True, slots=True)
class Base:
    """A chain that packets meet first.

    Attributes:
        chain: its name.
        hook: where it stands; `any` in front of input and forward both.
        families: versions of IP that come to it.
        drops: whether it drops what none of its lines decides.
        decides: whether its `accept` lets in; else it only leaves what comes to the chains behind.
    """

    chain: str
    hook: Hook
    families: frozenset[Literal[4, 6]] = BOTH
    drops: bool = False
    decides: bool = True


@dataclass(frozen=True, slots=True)
class _State:
    """Where the evaluation is."""

    base: Base
    let_go: tuple[list[tuple[Match, Line]], ...]
    seen: frozenset[str]


class Walk:
    """Evaluates base chains in the order in which packets meet them.

    Attributes:
        filters: what lets in, in order.
        answers: hooks at which established connections pass.
        guards: base chains with a line that drops callers from outside.
        problems: that not everything was read.
    """

    def __init__(self, chains: Mapping[str, Sequence[Line]], families: frozenset[Literal[4, 6]] = BOTH) -> None:
        self.filters: list[Filter] = []
        self.answers: set[Hook] = set()
        self.guards: set[str] = set()
        self.problems: list[Problem] = []
        self.denied: dict[Hook, Denied] = {"input": Denied(), "forward": Denied()}
        self._chains = chains
        self._families = families
        self._budget = _BUDGET
        self._told: set[tuple[Mark, tuple[str, ...], Ports, Hook]] = set()

    def base(self, base: Base, skip: frozenset[str] = frozenset()) -> None:
        """Follow one base chain with all that it jumps to, but for the chains to be skipped."""
        self._chain(base.chain, Match(base.families), _State(base, (), skip))
        if base.drops:
            self._deny(Match(base.families), base)

    def drops(self, hook: Hook, families: frozenset[Literal[4, 6]]) -> bool:
        """Whether what no filter lets in is dropped."""
        return self.denied[hook].everything(families)

    def _chain(self, name: str, given: Match, state: _State) -> None:
        if name in state.seen or len(state.let_go) >= _DEEPEST:
            return
        own: list[tuple[Match, Line]] = []
        inside = _State(state.base, (*state.let_go, own), state.seen | {name})
        for line in self._chains.get(name, ()):
            self._budget -= 1 + line.match.weight + given.weight
            if self._budget < 0:
                self._exhausted(line)
                return
            if (line.answers or line.match == _EVERYTHING) and line.verdict in {"accept", "return"} and line.outside:
                self.answers |= _hooks(state.base.hook)
            if not line.new or line.verdict == "none":
                continue
            match = both(given, line.match)
            if match is None:
                continue
            if line.by_interface and state.base.hook == "input":
                match = replace(match, narrow=True)
            if line.verdict == "jump":
                self._chain(line.target, match, inside)
            elif not line.outside:
                continue
            elif line.verdict == "drop":
                self._drop(match, line, inside)
            elif line.verdict == "accept" and state.base.decides:
                self._let_in(match, line, state.base)
            else:
                # Without a decision, `accept` leaves the whole table behind it, and `return` this chain.
                (inside.let_go[0] if line.verdict == "accept" else own).append((match, line))

    def _drop(self, match: Match, line: Line, state: _State) -> None:
        self.guards.add(state.base.chain)
        let_go = [one for level in state.let_go for one in level]
        self._budget -= _SPARED_WEIGHT * len(let_go)
        denials, met = spared(match, [one for one, _ in let_go])
        if not state.base.drops:
            for number, ports in met:
                let_by, of_line = let_go[number]
                if let_by.sources is not None or let_by.ports:  # else it is about something else: a destination
                    self._let_in(replace(let_by, ports=ports), of_line, state.base)
            # Whom a denial spares is let in; of one that is for some destination only, if its own line says so.
            if match.sources is None and (line.match.excluded or (match.excluded and not match.narrow)):
                self._let_in(replace(match, sources=match.excluded, excluded=()), line, state.base)
        for denial in denials:
            self._deny(denial, state.base)

    def _deny(self, match: Match, base: Base) -> None:
        for hook in _hooks(base.hook):
            self.denied[hook].add(match)

    def _let_in(self, match: Match, line: Line, base: Base) -> None:
        hook = base.hook if base.hook != "any" else "input"
        self._budget -= self.denied[hook].weight
        if self._budget < 0:
            self._exhausted(line)
            return
        left = self.denied[hook].left(match)
        if left is None:
            return
        excluded = Networks(left.excluded)
        everyone = (ANY,) if left.families >= self._families else tuple(WHOLE[one] for one in sorted(left.families))
        sources = tuple(one for one in (everyone if left.sources is None else left.sources) if not excluded.covers(one))
        ports = merged(left.ports)
        once = (line.mark, sources, ports, base.hook)
        if sources and once not in self._told:
            self._told.add(once)
            self.filters.append(Filter(base.hook, sources, ports, line.mark, line.path, line.description))

    def _exhausted(self, line: Line) -> None:
        if not self.problems:
            self.problems.append(
                Problem(
                    "the chains jump to each other too often: what comes from here on is not read",
                    line.mark,
                    hint="let each chain be reached by one jump",
                    severity="warning",
                )
            )


def in_places(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """Filters in the order in which they stand in the file."""
    return tuple(sorted(filters, key=lambda one: (one.mark.line, one.mark.column)))


def _hooks(hook: Hook) -> set[Hook]:
    return {"input", "forward"} if hook == "any" else {hook}
