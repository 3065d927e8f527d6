"""What earlier lines of a firewall deny, and what that leaves of a line that lets in.

An allow counts unless an earlier denial covers its sources and ports wholly: what is read is never less than what is
let in, as far as sources and ports go.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from orthancgen.foreign.firewalls.addresses import (
    ANY,
    EVERY_PORT,
    Family,
    Ports,
    common_ports,
    family,
    key,
    merged,
    network,
    other_ports,
)

BOTH: Final[frozenset[Family]] = frozenset({4, 6})
WHOLE: Final[dict[Family, str]] = {4: "0.0.0.0/0", 6: "::/0"}
_MOST_RANGES: Final = 2048
"""Ranges of ports kept for a network: denials beyond count for nothing, which only ever shows more than is let in."""
_MOST_EXCEPTIONS: Final = 64
_MOST_COMPARED: Final = 4096
_MOST_SPARED: Final = 200_000


@dataclass(frozen=True, slots=True)
class Match:
    """Which new TCP connections a line of a firewall is about.

    Attributes:
        families: versions of IP.
        sources: None for all.
        excluded: sources that it is not about.
        ports: empty for all.
        narrow: something else limits it too: an interface, a destination, a rate. A denial that is narrow covers
            nothing.
    """

    families: frozenset[Family] = BOTH
    sources: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    ports: Ports = ()
    narrow: bool = False

    @property
    def weight(self) -> int:
        """How much there is to compare."""
        return 1 + len(self.sources or ()) + len(self.excluded) + len(self.ports)


def both(one: Match, other: Match) -> Match | None:
    """What both are about; None where that is nothing."""
    families, ports = one.families & other.families, common_ports(one.ports, other.ports)
    if not families or ports is None:
        return None
    sources = one.sources if other.sources is None else other.sources
    if one.sources is not None and other.sources is not None:
        sources = common_sources(one.sources, other.sources)
        if not sources:
            return None
    return Match(families, sources, one.excluded + other.excluded, ports, one.narrow or other.narrow)


def common_sources(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    """The sources of both: of two networks the smaller; a name, which may be anything, is kept."""
    first, second = Networks(one), Networks(other)
    if ANY in first.names:
        return tuple(second.written)
    if ANY in second.names:
        return tuple(first.written)
    kept = [text for text in first.written if text in first.names or second.covers(text)]
    kept += [text for text in second.written if text in second.names or first.covers(text)]
    return tuple(dict.fromkeys(kept))


class Networks:
    """Sources to be looked up. ``names`` are those that are no networks."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.written = list(dict.fromkeys(texts))
        self.names: set[str] = set()
        self._keys: set[tuple[int, int, int]] = set()
        for text in self.written:
            found = network(text)
            if found is None:
                self.names.add(text)
            else:
                self._keys.add(key(found))
        self._lengths = sorted({(version, length) for version, length, _ in self._keys})

    def covers(self, text: str) -> bool:
        """Whether a source lies in one of these as a whole."""
        found = network(text)
        if found is None:
            return text in self.names
        version, length, prefix = key(found)
        return any(
            (version, shorter, prefix >> (length - shorter)) in self._keys
            for of_version, shorter in self._lengths
            if of_version == version and shorter <= length
        )


class _Ranges:
    """Ports that are denied to a network."""

    def __init__(self) -> None:
        self._added: list[tuple[int, int]] = []
        self._merged: Ports = ()

    def add(self, ports: Ports) -> None:
        if len(self._added) + len(self._merged) < _MOST_RANGES:
            self._added += ports

    def covers(self, ports: Ports) -> bool:
        if self._added:
            self._merged, self._added = merged((*self._merged, *self._added)), []
        return all(self._cover(one) for one in ports)

    def _cover(self, one: tuple[int, int]) -> bool:
        at = bisect_right(self._merged, (one[0], 1 << 16)) - 1
        return at >= 0 and one[1] <= self._merged[at][1]


@dataclass(frozen=True, slots=True)
class _Exception:
    """A denial of ports to everyone but some: what comes later lets in those alone."""

    sources: tuple[str, ...]
    ports: Ports
    families: frozenset[Family]

    def left(self, sources: tuple[str, ...] | None, families: frozenset[Family]) -> tuple[str, ...]:
        """Which sources are left of those of a line; those of the other version of IP are."""
        if sources is None and families <= self.families:
            return self.sources
        given = tuple(WHOLE[one] for one in sorted(families)) if sources is None else sources
        denied = {text: None for text in given if (version := family(text)) is None or version in self.families}
        return common_sources(denied, self.sources) + tuple(text for text in given if text not in denied)


class Denied:
    """What was denied so far, in front of one hook.

    Attributes:
        weight: how much there is to compare for each allow.
    """

    def __init__(self) -> None:
        self.weight = 0
        self._by_network: dict[tuple[int, int, int], _Ranges] = {}
        self._by_name: dict[str, _Ranges] = {}
        self._lengths: set[tuple[int, int]] = set()
        self._exceptions: list[_Exception] = []

    def add(self, match: Match) -> None:
        """A denial. One that is narrow, or that spares some of its own sources, covers nothing."""
        if match.narrow:
            return
        if match.excluded:
            if match.sources is None and len(self._exceptions) < _MOST_EXCEPTIONS:
                spared_sources = tuple(dict.fromkeys(match.excluded))
                exception = _Exception(spared_sources, match.ports or EVERY_PORT, match.families)
                if exception not in self._exceptions:
                    self._exceptions.append(exception)
                    self.weight += len(spared_sources)
            return
        for text in match.sources or (ANY,):
            for one in _split(text, match.families):
                self._ranges(one).add(match.ports or EVERY_PORT)

    def left(self, match: Match) -> Match | None:
        """What is left of an allow; None where that is nothing."""
        ports = match.ports or EVERY_PORT
        sources = match.sources
        for one in self._exceptions:
            if match.families & one.families and common_ports(one.ports, ports) == merged(ports):
                sources = one.left(sources, match.families)
        excluded = Networks(match.excluded)
        texts = [text for text in (sources if sources is not None else (ANY,)) if not excluded.covers(text)]
        kept = [text for text in texts if not self._covers(text, ports, match.families)]
        if not kept:
            return None
        if len(match.ports) > 1 and len(match.ports) * len(kept) <= _MOST_COMPARED:
            ports_left = tuple(
                one for one in match.ports if not all(self._covers(text, (one,), match.families) for text in kept)
            )
            match = replace(match, ports=ports_left)
        families = match.families
        if kept == [ANY]:
            families = frozenset(one for one in families if not self._covers(WHOLE[one], ports, families))
        return replace(match, families=families, sources=None if kept == [ANY] else tuple(kept))

    def everything(self, families: frozenset[Family]) -> bool:
        """Whether nothing of these families is let in from here on."""
        return bool(families) and self._covers(ANY, EVERY_PORT, families)

    @property
    def empty(self) -> bool:
        """Whether nothing was denied."""
        return not (self._by_network or self._by_name or self._exceptions)

    def _ranges(self, text: str) -> _Ranges:
        found = network(text)
        if found is None:
            return self._by_name.setdefault(text, _Ranges())
        version, length, prefix = key(found)
        self._lengths.add((version, length))
        return self._by_network.setdefault((version, length, prefix), _Ranges())

    def _covers(self, text: str, ports: Ports, families: frozenset[Family]) -> bool:
        parts = _split(text, families)
        return bool(parts) and all(self._covers_one(one, ports, families) for one in parts)

    def _covers_one(self, text: str, ports: Ports, families: frozenset[Family]) -> bool:
        found = network(text)
        if found is None:  # a name may be anything
            named = self._by_name.get(text)
            return (named is not None and named.covers(ports)) or self._covers(ANY, ports, families)
        version, length, prefix = key(found)
        return any(
            ranges.covers(ports)
            for of_version, shorter in self._lengths
            if of_version == version and shorter <= length
            if (ranges := self._by_network.get((version, shorter, prefix >> (length - shorter)))) is not None
        )


def _split(text: str, families: frozenset[Family]) -> tuple[str, ...]:
    """``any`` as one network a family."""
    return tuple(WHOLE[one] for one in sorted(families)) if text == ANY else (text,)


def spared(denial: Match, let_go: Sequence[Match]) -> tuple[list[Match], list[tuple[int, Ports]]]:
    """A denial from which some were let go before.

    Args:
        denial: what is denied.
        let_go: who left the chain before the denial, in order.

    Returns:
        The denials that this comes to, each with those whom it spares; and which of ``let_go`` would have met the
        denial, each with the ports for which it would.
    """
    met = [(number, ports) for number, one in enumerate(let_go) if (ports := _met(denial, one)) is not None]
    if not met:
        return [denial], []
    edges = sorted({edge for _, ports in met for low, high in ports or EVERY_PORT for edge in (low, high + 1)})
    denials = []
    rest = other_ports(tuple(one for _, ports in met for one in ports or EVERY_PORT))
    remaining = common_ports(denial.ports, rest) if rest is not None else None
    if remaining is not None:
        denials.append(replace(denial, ports=remaining))
    if len(edges) * len(met) > _MOST_SPARED:
        return denials, met
    for low, after in pairwise(edges):
        here = [let_go[number] for number, ports in met if common_ports(ports, ((low, after - 1),))]
        texts = tuple(text for one in here for text in one.sources or ())
        if here and all(one.sources is not None for one in here):
            denials.append(replace(denial, ports=((low, after - 1),), excluded=denial.excluded + texts))
    return denials, met


def _met(denial: Match, one: Match) -> Ports | None:
    together = both(replace(denial, excluded=()), one)
    return None if together is None else together.ports
