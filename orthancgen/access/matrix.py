"""Every call of interest, decided step by step, as the packets go: from the firewall to the command."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, cast

from orthancgen.access.boxes import Box, in_order, merged
from orthancgen.access.callers import by_ipv6_in_vain, callers, entries, places, reaches, unused_aet
from orthancgen.access.model import (
    COMMANDS,
    EVERYBODY,
    TITLE,
    TLS_KINDS,
    Called,
    Caller,
    Entry,
    Place,
    PlaceKind,
    Row,
    Setting,
    Step,
)
from orthancgen.access.settings import Settings
from orthancgen.firewall.policy import Filter, Policy
from orthancgen.orthanc.access import Call, Command, Decision, TlsKind, decide
from orthancgen.orthanc.admission.configuration import TITLES
from orthancgen.plan.addresses import addresses
from orthancgen.plan.gateway import plain_modalities
from orthancgen.plan.model import Plan

_CALLED: Final[tuple[Called, ...]] = ("own", "another")
_PLACES: Final[tuple[PlaceKind, ...]] = ("own", "another_modality", "this_host", "elsewhere")
_INNERMOST_FIRST: Final[tuple[Step, ...]] = ("command", "association", "tls", "gateway", "connection", "firewall")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of one call, and why; ``sentence`` has ``{title}`` where it names the command."""

    allowed: bool
    step: Step
    filters: tuple[str, ...]
    settings: tuple[Setting, ...]
    orthanc_keys: tuple[tuple[str, ...], ...]
    sentence: str

    @property
    def essence(self) -> tuple[object, ...]:
        """What a reader must tell apart: of what decides, the first is what one would change."""
        return (self.allowed, self.step, self.sentence, self.settings[:1])


class Matrix:
    """Decides calls on a plan.

    Args:
        plan: the plan.
        policy: its policy; enforced where a firewall is written.
        configuration: orthanc.json as it is rendered.
        settings: the keys of the environment file.
    """

    def __init__(self, plan: Plan, policy: Policy, configuration: Mapping[str, Any], settings: Settings) -> None:
        self._plan, self._site = plan, plan.site
        self._policy = policy
        self._enforced = bool(firewalls(plan))
        self._settings = settings
        self._gateway = addresses(plan.site).gateway
        self._called: Mapping[Called, str] = {"own": plan.site.orthanc.aet, "another": unused_aet(plan.site)}
        lets_in: Callable[[str, int], Filter | None] = cache(policy.lets_in)
        self._lets_in = lets_in

        @cache
        def decided(call: Call) -> Decision:
            return decide(configuration, plan.version, call)

        self._decided: Callable[[Call], Decision] = decided

    def rows(self) -> tuple[Row, ...]:
        """Every row: a caller after the other, for each port; then what holds for everybody alike."""
        everybody = callers(self._site)
        found: list[Row] = []
        of_all: list[Row] = []
        for entry in entries(self._plan):
            own, shared = _shared({caller.name: tuple(self._of_caller(caller, entry)) for caller in everybody})
            found += own
            of_all += shared
        order = [caller.name for caller in everybody]
        # Sorting keeps the order of ports and steps.
        return (*sorted(found, key=lambda row: (order.index(row.caller), not row.allowed)), *of_all)

    def verdict(
        self, caller: Caller, place: Place, called: Called, entry: Entry, tls: TlsKind, command: Command
    ) -> Verdict:
        """What comes of one call."""
        of = self._settings.of
        filters: tuple[str, ...] = ()
        if self._enforced and place.firewall_sees is not None:
            found = self._lets_in(place.firewall_sees, entry.port)
            if found is None:
                reason = f"no filter lets this address in to port {entry.port}"
                return Verdict(False, "firewall", (), (of("network", "firewall"),), (), reason)
            filters = (found.label,)
        if not reaches(entry, place):
            reason = f"port {entry.port} is published on an address of this host alone"
            return Verdict(False, "connection", (), (of("dicom", "published_on"),), (), reason)
        if by_ipv6_in_vain(self._site, place.address):
            own = place.kind == "own" and caller.name in self._site.modalities
            said_by = of("modalities", caller.name, "address") if own else of("dicom", "port")
            return Verdict(False, "connection", (), (said_by,), (), "Orthanc's DICOM port is reached by IPv4 alone")
        seen = place.orthanc_sees
        if entry.gateway:
            refused = self._gateway_refuses(caller, place)
            if refused is not None:
                return refused
            tls, seen = "trusted", self._gateway
        decision = self._decide(Call(caller.aet, self._called[called], seen, command, tls))
        settings = self._settings.of_all(decision.decided_by)
        sentence = decision.reason.replace(TITLES[command], TITLE)
        filters = filters if decision.allowed else ()
        return Verdict(decision.allowed, decision.step, filters, settings, decision.decided_by, sentence)

    def _decide(self, call: Call) -> Decision:
        """What Orthanc does; what it refuses before the command is the same for each command."""
        first = self._decided(replace(call, command=COMMANDS[0]))
        return first if first.step != "command" else self._decided(call)

    def _gateway_refuses(self, caller: Caller, place: Place) -> Verdict | None:
        """What haproxy.cfg says: an address that it knows, and the AE title of that very address."""
        of = self._settings.of
        exact = self._site.dicom.ae_checks.exact_case
        at_address = {n: m for n, m in plain_modalities(self._site).items() if m.address == place.orthanc_sees}
        if not at_address:
            said_by = [of("dicom", "plain", "enabled"), of("modalities")]
            return _of_gateway("the gateway lets in the addresses of modalities without TLS alone", said_by)
        titles = [modality.aet for modality in at_address.values()]
        if any(caller.aet == title if exact else caller.aet.lower() == title.lower() for title in titles):
            return None
        said_by = [of("modalities", name, "aet") for name in at_address]
        return _of_gateway("the gateway lets in this address with the AE title of its own modality alone", said_by)

    def _of_caller(self, caller: Caller, entry: Entry) -> Iterator[Row]:
        kinds = TLS_KINDS if entry.tls else TLS_KINDS[-1:]
        where = places(self._site, self._policy, entry, caller)
        alike: dict[tuple[object, ...], list[tuple[Box, Verdict]]] = {}
        for place in where:
            for called in _CALLED:
                for tls in kinds:
                    for command in COMMANDS:
                        verdict = self.verdict(caller, place, called, entry, tls, command)
                        box: Box = tuple(frozenset([side]) for side in (command, tls, called, place))
                        alike.setdefault(verdict.essence, []).append((box, verdict))
        for decided in sorted(alike.values(), key=lambda found: _INNERMOST_FIRST.index(found[0][1].step)):
            for box in merged(box for box, _ in decided):
                within = [verdict for one, verdict in decided if all(a <= b for a, b in zip(one, box, strict=True))]
                yield _row(caller, entry, box, where, within)


def firewalls(plan: Plan) -> tuple[str, ...]:
    """The firewalls for which rules are written; the VPN is none."""
    return tuple(name for name in dict.fromkeys(plan.site.network.firewall) if name != "wireguard")


def _of_gateway(reason: str, said_by: Iterable[Setting]) -> Verdict:
    return Verdict(False, "gateway", (), tuple(said_by), (), reason)


def _row(caller: Caller, entry: Entry, box: Box, where: Sequence[Place], verdicts: Sequence[Verdict]) -> Row:
    commands = in_order(cast("frozenset[Command]", box[0]), COMMANDS)
    first = verdicts[0]
    return Row(
        caller=caller.name,
        calling_aet=caller.aet,
        places=in_order(cast("frozenset[Place]", box[3]), where),
        called=in_order(cast("frozenset[Called]", box[2]), _CALLED),
        entry=entry,
        tls=in_order(cast("frozenset[TlsKind]", box[1]), TLS_KINDS),
        commands=commands,
        allowed=first.allowed,
        step=first.step,
        filters=tuple(dict.fromkeys(label for one in verdicts for label in one.filters)),
        settings=tuple(dict.fromkeys(setting for one in verdicts for setting in one.settings)),
        orthanc_keys=tuple(dict.fromkeys(key for one in verdicts for key in one.orthanc_keys)),
        sentence=first.sentence,
    )


def _alike(row: Row) -> tuple[object, ...]:
    """What a row says, without who calls from where."""
    return (row.entry, row.called, row.tls, row.commands, row.allowed, row.step, row.settings, row.sentence)


def _shared(rows: Mapping[str, Sequence[Row]]) -> tuple[list[Row], list[Row]]:
    """What is of each caller alone, and the refusals that are the same for each.

    The same means: of calls that get past the firewall, from all the places from which they do; of those that it
    refuses, from elsewhere.
    """
    left = {name: list(own) for name, own in rows.items()}
    shared: list[Row] = []
    past = {name: frozenset(_kinds(row for row in own if row.step not in _BEFORE)) for name, own in rows.items()}
    for row in next(iter(rows.values())) if len(rows) > 1 else ():
        if row.allowed:
            continue
        same = {name: [one for one in own if _alike(one) == _alike(row)] for name, own in rows.items()}
        if row.step in _BEFORE:
            wanted = {name: frozenset[PlaceKind](["elsewhere"]) for name in rows}
            holds = all(any("elsewhere" in _kinds([one]) for one in same[name]) for name in rows)
        else:
            wanted = past
            holds = all(_kinds(same[name]) == past[name] for name in rows)
        if holds:
            kinds = {place.kind: place for found in same.values() for one in found for place in one.places}
            chosen = in_order(frozenset[PlaceKind]().union(*wanted.values()), _PLACES)
            shared.append(
                replace(row, caller=EVERYBODY, calling_aet=None, places=tuple(_any(kinds[kind]) for kind in chosen))
            )
            for name, own in left.items():
                left[name] = [part for one in own for part in _without(one, same[name], wanted[name])]
    return [row for own in left.values() for row in own], shared


_BEFORE: Final[frozenset[Step]] = frozenset({"firewall", "connection"})
"""Steps at which nothing of a call but its address counts."""


def _kinds(rows: Iterable[Row]) -> frozenset[PlaceKind]:
    return frozenset(place.kind for row in rows for place in row.places)


def _without(row: Row, some: Sequence[Row], kinds: frozenset[PlaceKind]) -> Iterator[Row]:
    """A row without places of some kinds, where it is one of some; nothing where none is left."""
    if row not in some:
        yield row
        return
    left = tuple(place for place in row.places if place.kind not in kinds)
    if left:
        yield replace(row, places=left)


_OF_EVERYBODY: Final[Mapping[PlaceKind, str]] = {
    "own": "its own address",
    "another_modality": "that of another modality",
    "this_host": "this host",
    "elsewhere": "any other address",
}


def _any(place: Place) -> Place:
    """A place of one caller, as that of each."""
    return replace(place, text=_OF_EVERYBODY[place.kind])
