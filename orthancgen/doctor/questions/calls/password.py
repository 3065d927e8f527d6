"""Whether the running Orthanc accepts the passwords on file: its log is silent about logins."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common


def _ask(case: Case) -> Iterator[Finding]:
    answer = case.orthanc("/system")
    if isinstance(answer, str) or answer.status_code != httpx.codes.UNAUTHORIZED or case.access is None:
        return
    user, _ = case.access.orthanc_login
    secret = next(one.secret for one in case.plan.accounts if one.user == user)
    env = common.quote(case.env)
    yield Diagnosis(
        "wrong-password",
        f"the running Orthanc does not accept the password of {user} that is on file",
        "orthanc",
        (
            Evidence(
                f"HTTP 401 to {user}, with the password of the secret {secret}", f"GET {case.access.orthanc_url}/system"
            ),
        ),
        (
            Remedy("have Orthanc start with the passwords on file", f"orthancgen deploy {env}"),
            Remedy("see what people should type", f"orthancgen secrets show {env} {common.quote(secret)}"),
        ),
        fix=Fix("deploy"),
        explains=frozenset({"web"}),
    )


QUESTION = Question(
    "password-accepted", "Does Orthanc accept the passwords on file?", "web", _ask, ("wrong-password",),
)  # fmt: skip
