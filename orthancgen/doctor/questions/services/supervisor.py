"""Does the supervisor run that looks after the native services?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import OF_BACKEND, OF_DATABASE, OF_ORTHANC, deploy, is_native
from orthancgen.errors import OrthancgenError


def _runs(case: Case) -> Iterator[Finding]:
    from orthancgen.runtimes.native.running import look

    state = case.runtime.state
    try:
        running = look(state)
    except OrthancgenError as error:
        yield Diagnosis(
            "supervisor-of-another-user",
            "the environment belongs to another user of this host",
            "supervisor",
            (Evidence(error.message, str(state.socket)),),
            (Remedy(error.hint or "run as the user who deployed the environment"),),
            explains=OF_ORTHANC | OF_DATABASE | OF_BACKEND,
        )
        return
    if running.supervised:
        return
    left = ", ".join(sorted(running.services))
    what = f"{left} run{'' if ',' in left else 's'} without it" if left else "no service of the environment runs"
    yield Diagnosis(
        "supervisor-gone",
        "the supervisor does not run: a service that ends is not started again"
        if left
        else "nothing runs: neither the supervisor nor a service of the environment",
        "supervisor",
        (
            Evidence("nobody answers", str(state.socket)),
            Evidence(what, "processes of this host"),
            *(Evidence(line.strip(), "log of supervisord") for line in case.log("supervisord")[-1:]),
        ),
        (deploy(case, "start it, and the services with it"),),
        Fix("deploy"),
        OF_ORTHANC | OF_DATABASE | OF_BACKEND,
    )


QUESTIONS: Final = (
    Question(
        "supervisor-runs", "Does the supervisor run?", "engine", _runs,
        ("supervisor-gone", "supervisor-of-another-user"), applies=is_native,
    ),
)  # fmt: skip
