"""Modalities of the running Orthanc that are not those of the environment: changed by REST since it started."""

from __future__ import annotations

from collections.abc import Iterator

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common
from orthancgen.doctor.questions.calls.running import difference, doubled, running, wanted
from orthancgen.site.problems import printable


def _ask(case: Case) -> Iterator[Finding]:
    found, expected = running(case), wanted(case)
    if found is None or expected is None:
        return
    twice = {
        name for names in doubled(found, exact_case=case.site.dicom.ae_checks.exact_case).values() for name in names
    }
    told = [
        *(f"{name} is not registered" for name in expected if name not in found),
        *(
            f"{printable(name)} is registered, and in no file"
            for name in found
            if name not in expected and name not in twice
        ),
        *(f"{name}: {one}" for name, row in expected.items() if name in found for one in difference(row, found[name])),
    ]
    if not told:
        return
    env = common.quote(case.env)
    yield Diagnosis(
        "modalities-differ",
        "somebody changed the modalities of the running Orthanc, and it knows others than the environment says",
        "orthanc",
        tuple(Evidence(printable(one, 300), "GET /modalities?expand") for one in told[:10]),
        (
            Remedy("have Orthanc start anew: what is in no file is forgotten", f"orthancgen doctor {env} --fix"),
            Remedy(
                "if the change is wanted: write it into the environment's file first",
                f"orthancgen modalities list {env}",
                on="the environment file",
            ),
        ),
        fix=Fix("restart", "orthanc"),
    )


QUESTION = Question(
    "modalities-as-deployed", "Does the running Orthanc know the modalities of the environment?", "admission", _ask,
    ("modalities-differ",),
)  # fmt: skip
