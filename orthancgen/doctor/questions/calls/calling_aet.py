"""Callers whose AE title nobody registered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Finding, Remedy
from orthancgen.doctor.observe.orthanc_log import evidence, of
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common


def _ask(case: Case) -> Iterable[Finding]:
    # Whom the environment knows is another question's; no AE title at all is a check of the port.
    known = {common.folded(case, title) for title in common.registered(case).values()}
    groups = [
        (caller, seen)
        for caller, seen in common.grouped(of(case, "calling-aet-unknown", "command-of-unknown", "invalid-aet")).items()
        if caller[0].strip() and common.folded(case, caller[0]) not in known
    ]
    return common.capped(groups, lambda group: _diagnosis(case, group), "unknown callers")


def _diagnosis(case: Case, group: common.Group) -> Diagnosis:
    (aet, ip), seen = group
    return Diagnosis(
        "calling-aet-unknown",
        f"{_who(case, aet, ip)} is refused: no modality has that AE title",
        common.caller(aet, ip),
        evidence(seen),
        tuple(_remedies(case, aet, ip)),
    )


def _who(case: Case, aet: str, ip: str) -> str:
    shown = f"the {common.caller(aet, ip)}"
    there, like = common.at_address(case, ip), common.alike(case, aet)
    titles = common.registered(case)
    if like:
        name, how = like
        return f"{shown}, while {titles[name]} of {name} {how},"
    if there:
        known = ", ".join(f"{name} (AE title {titles[name]})" for name in there)
        return f"{shown}, which is the address of {known},"
    return shown


def _remedies(case: Case, aet: str, ip: str) -> Iterator[Remedy]:
    titles = common.registered(case)
    like = common.alike(case, aet)
    name = like[0] if like else next(iter(common.at_address(case, ip)), None)
    sound = aet == aet.strip() and aet.isprintable() and "\\" not in aet
    if name:
        yield common.sheet(case, name, f"if it is {name}: enter {titles[name]} as its own (calling) AE title")
        if sound:
            yield common.change(case, name, "aet", aet)
            yield common.deploy(case, "after a change of the file: bring it to Orthanc")
        return
    if sound:
        yield common.add(case, aet, ip)
        yield common.deploy(case)
    yield Remedy("if nobody knows it: find out whose address it is, and keep it out by the firewall", on="the network")


QUESTION = Question(
    "calling-aet", "Are the callers known?", "admission", _ask, ("calling-aet-unknown",),
)  # fmt: skip
