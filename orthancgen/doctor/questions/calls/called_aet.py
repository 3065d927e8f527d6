"""Callers who address Orthanc by another AE title than its own."""

from __future__ import annotations

from collections.abc import Iterable

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Finding, Remedy
from orthancgen.doctor.observe.orthanc_log import evidence, of
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common


def _ask(case: Case) -> Iterable[Finding]:
    groups = list(common.grouped(of(case, "called-aet-wrong")).items())
    return common.capped(groups, lambda group: _diagnosis(case, group), "wrong called AE titles")


def _diagnosis(case: Case, group: common.Group) -> Diagnosis:
    (aet, _), seen = group
    own = str(case.site.orthanc.aet)
    shown = common.title(aet)
    name = common.named(case, aet)
    because = ""
    if aet.strip().casefold() == own.casefold():
        because = ": they differ in case or spaces alone"
    elif name:
        because = f": {shown} is the AE title of the modality {name}; called and calling may have been mixed up"
    which = case.modality or name
    remedy = f"enter {own} as the called AE title (the AE title of the PACS); {common.endpoint(case)}"
    return Diagnosis(
        "called-aet-wrong",
        f"a caller addresses Orthanc as {shown}, and its AE title is {own}{because}",
        f"called AE title {shown}",
        evidence(seen),
        (
            common.sheet(case, which, remedy) if which else Remedy(remedy, on="the modality"),
            Remedy(
                "which modality it is, Orthanc does not log: it is the one that could not send at the times above; "
                "the sheets say what each must enter",
                f"orthancgen sheet {common.quote(case.env)}",
            ),
        ),
    )


QUESTION = Question(
    "called-aet", "Is Orthanc called by its own AE title?", "admission", _ask, ("called-aet-wrong",),
    applies=lambda case: case.site.dicom.ae_checks.called_aet,
)  # fmt: skip
