"""Commands that a caller may not give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Finding
from orthancgen.doctor.observe.orthanc_log import Event, evidence, of
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common

_COMMANDS: Final = {
    "Echo": ("echo", "C-ECHO"),
    "Store": ("store", "C-STORE"),
    "Find": ("find", "C-FIND"),
    "FindWorklist": ("find_worklist", "C-FIND of the worklist"),
    "C-FIND for worklist": ("find_worklist", "C-FIND of the worklist"),
    "Worklist": ("find_worklist", "C-FIND of the worklist"),
    "Get": ("get", "C-GET"),
    "Move": ("move", "C-MOVE"),
    "N-ACTION": ("storage_commitment", "storage commitment"),
    "N-EVENT-REPORT": ("storage_commitment", "storage commitment"),
}
"""As Orthanc names them (EnumerationToString of DicomRequestType, OrthancFramework/Sources/Enumerations.cpp) -> in the
environment's file, and in the standard."""


def _ask(case: Case) -> Iterable[Finding]:
    """A stranger, or what runs and is not what the environment says, are other questions'."""
    groups = []
    for (aet, ip, command), seen in _grouped(case).items():
        name = common.named(case, aet)
        ours, title = _COMMANDS.get(command, (command.lower(), command))
        if name is not None and ours not in case.site.modalities[name].may:
            groups.append((name, ip, (ours, title), seen))
    return common.capped(groups, lambda group: _diagnosis(case, *group), "callers who may not")


def _diagnosis(case: Case, name: str, ip: str, command: tuple[str, str], seen: list[Event]) -> Diagnosis:
    modality, (ours, title) = case.site.modalities[name], command
    may = tuple(str(one) for one in modality.may)
    return Diagnosis(
        "command-not-allowed",
        f"{name} ({modality.aet}) asks for {title}, and may only {', '.join(may) or 'nothing'}",
        common.caller(str(modality.aet), ip),
        evidence(seen),
        (
            common.change(case, name, "may", ",".join((*may, ours))),
            common.deploy(case),
            common.sheet(case, name, f"if it should not: switch {title} off at {name}"),
        ),
    )


def _grouped(case: Case) -> dict[tuple[str, str, str], list[Event]]:
    found: dict[tuple[str, str, str], list[Event]] = {}
    for event in of(case, "command-not-allowed"):
        found.setdefault((event.aet, event.ip, event.fields["command"]), []).append(event)
    return found


QUESTION = Question(
    "commands", "May the modalities do what they ask for?", "admission", _ask, ("command-not-allowed",),
)  # fmt: skip
