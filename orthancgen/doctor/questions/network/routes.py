"""Has this host a way to the modalities, and what of the way cannot be seen from here?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Note, Remedy
from orthancgen.doctor.observe.names import no_route, resolved
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network.words import env
from orthancgen.plan.sources import arrival
from orthancgen.site.types import is_ip

_MOST: Final = 5


def _routes(case: Case) -> Iterator[Finding]:
    lost: list[tuple[str, str, str]] = []
    for name, modality in case.site.modalities.items():
        if case.modality not in {None, name}:
            continue
        found = (modality.address,) if is_ip(modality.address) else resolved(case, modality.address)
        for address in () if isinstance(found, str) else found[:1]:
            why = no_route(address)
            if why is not None:
                lost.append((name, address, why))
    if not lost:
        return
    shown = ", ".join(f"{name} at {address}" for name, address, _ in lost[:_MOST])
    more = f" and {len(lost) - _MOST} more" if len(lost) > _MOST else ""
    yield Diagnosis(
        "no-route",
        f"this host has no way to {shown}{more}: it can neither call nor answer",
        f"modality {lost[0][0]}" if len(lost) == 1 else "modalities",
        tuple(Evidence(f"{name}, {address}: {why}", "routes of this host") for name, address, why in lost[:_MOST]),
        (
            Remedy("see by which way it would go", f"ip route get {lost[0][1]}"),
            Remedy("see whether the interface is up, and has its address", "ip address; ip route"),
            Remedy("have the route to that network added, or the gateway of this host set", on="the network"),
        ),
    )


def _translated(case: Case) -> Iterator[Finding]:
    arrived = arrival(case.site)
    if arrived.kept:
        return
    seen = f" as {arrived.seen}" if arrived.seen else " with an address that is not their own"
    yield Note(
        f"modalities arrive by way of {arrived.by}, all{seen}: Orthanc cannot tell them apart by their addresses",
        (Evidence(f"network.callers_arrive: {case.site.network.callers_arrive}", "the environment file"),),
    )


def _on_the_way(case: Case) -> Iterator[Finding]:
    profile = case.site.network.profile
    names = [name for name in case.site.modalities if case.modality in {None, name}]
    if not names:
        return
    who = "the provider's own firewall (security group)" if profile == "cloud" else "routers and firewalls on the way"
    yield Note(
        f"{who} cannot be seen from this host: whether a modality gets through is tried from its side, by the script "
        f"of `orthancgen doctor {env(case)} --from {names[0]}`",
        (Evidence(f"network.profile: {profile}", "the environment file"),),
    )


QUESTIONS: Final = (
    Question("routes", "Has this host a way to each modality?", "way_in", _routes, ("no-route",)),
    Question("callers-translated", "Do callers arrive with their own addresses?", "way_in", _translated, ()),
    Question(
        "on-the-way", "Does anything filter on the way?", "way_in", _on_the_way, (),
        applies=lambda case: case.site.network.profile != "lan",
    ),
)  # fmt: skip
