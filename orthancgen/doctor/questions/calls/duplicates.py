"""Two modalities with one AE title."""

from __future__ import annotations

from collections.abc import Iterator

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe.orthanc_log import evidence, of
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common
from orthancgen.doctor.questions.calls.running import doubled, running
from orthancgen.site.problems import printable


def _ask(case: Case) -> Iterator[Finding]:
    """Of those who share an AE title, Orthanc looks at the first by name when it admits a caller.

    In its source: OrthancConfiguration::IsKnownAETitle, and OrthancApplicationEntityFilter of main.cpp.
    """
    rows = running(case) or {}
    exact = case.site.dicom.ae_checks.exact_case
    told = of(case, "aet-registered-twice", "aet-registered-twice-addresses")
    for aet, names in doubled(rows, exact_case=exact).items():
        listed = ", ".join(
            f"{printable(name)} at {printable(str(rows[name].get('Host', '')))}:{rows[name].get('Port', '')}"
            for name in names
        )
        mine = [name for name in names if name in case.site.modalities]
        strange = [name for name in names if name not in case.site.modalities]
        yield Diagnosis(
            "aet-registered-twice",
            f"{len(names)} modalities of the running Orthanc have the AE title {printable(aet)}: which of them may "
            "call depends on the order of their names",
            f"AE title {printable(aet)}",
            (Evidence(listed, "GET /modalities?expand"), *evidence(one for one in told if one.aet == aet)),
            tuple(_remedies(case, mine, strange)),
            fix=Fix("restart", "orthanc") if strange else None,
        )


def _remedies(case: Case, mine: list[str], strange: list[str]) -> Iterator[Remedy]:
    if strange:
        yield Remedy(
            f"{', '.join(map(printable, strange))} was added by hand and is in no file: Orthanc forgets it when it "
            "starts anew",
            f"orthancgen doctor {common.quote(case.env)} --fix",
        )
    for name in mine[1:]:
        place = common.line_of(case, ("modalities", name, "aet"))
        yield Remedy(f"give {name} an AE title of its own, at {place}", on="the environment file")
    if len(mine) > 1:
        yield common.deploy(case)


QUESTION = Question(
    "aet-once", "Is each AE title registered once?", "admission", _ask, ("aet-registered-twice",),
)  # fmt: skip
