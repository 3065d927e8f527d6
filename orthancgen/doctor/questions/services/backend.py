"""Does the backend run and answer in time, and does it know this host's operator?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import backend, configuration, services, startup
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import OF_BACKEND, anew, deploy, has_backend, is_native, logs
from orthancgen.doctor.questions.services.files import evidence_of
from orthancgen.site.problems import printable

BACKEND: Final = "backend"


def _runs(case: Case) -> Iterator[Finding]:
    life = services.life(case, BACKEND)
    if life not in {"stopped", "ends"}:
        return
    said = startup.backend_refuses(case)
    if said is not None:
        changed = [one for one in configuration.altered(case) if one.path.startswith("backend/")]
        yield Diagnosis(
            "backend-refuses-configuration",
            "the backend does not start: it refuses its configuration",
            BACKEND,
            (
                *(Evidence(printable(line, 300), "log of backend") for line in said),
                *(evidence for one in changed for evidence in evidence_of(case, one)),
            ),
            anew(case),
            Fix("repair"),
            OF_BACKEND,
        )
    elif life == "ends":
        yield Diagnosis(
            "backend-ends-again-and-again",
            "the backend ends again and again",
            BACKEND,
            (*services.how_it_is(case, BACKEND), *services.last_lines(case, BACKEND, 2)),
            (logs(case, BACKEND), deploy(case, "once the reason is gone, start it")),
            None,
            OF_BACKEND,
        )
    else:
        yield Diagnosis(
            "backend-stopped",
            "the backend does not run: images are stored, and no record of them is made",
            BACKEND,
            services.how_it_is(case, BACKEND),
            (deploy(case, "start it: what came meanwhile is caught up"), logs(case, BACKEND)),
            Fix("deploy"),
            OF_BACKEND,
        )


def _answers(case: Case) -> Iterator[Finding]:
    if services.life(case, BACKEND) != "runs":
        return
    found = backend.alive(case)
    restart = (*anew(case, "start it anew: what came meanwhile is caught up"), logs(case, BACKEND))
    if found.status is None:
        row = services.status(case, BACKEND)
        halted = services.halted(row.pid) if row and is_native(case) else None
        if halted and row:
            restart = (Remedy("let it go on", f"kill -CONT {row.pid}"), *restart)
        yield Diagnosis(
            "backend-hangs",
            "the backend runs and does not answer" + (": its process was stopped with a signal" if halted else ""),
            BACKEND,
            (
                Evidence(f"{found.error} after {found.seconds:.1f} s", "GET /healthz"),
                *((Evidence(halted, f"process {row.pid}"),) if halted and row else ()),
            ),
            restart,
            Fix("restart", BACKEND),
            OF_BACKEND,
        )
    elif found.seconds > backend.SLOW_SECONDS:
        yield Diagnosis(
            "backend-slow",
            f"the backend needs {found.seconds:.1f} s for an answer that costs it nothing",
            BACKEND,
            (Evidence(f"{found.seconds:.1f} s", "GET /healthz"),),
            (Remedy("see what keeps this host busy", "top -b -n 1 | head -20"), *restart),
            Fix("restart", BACKEND),
        )


def _knows_operator(case: Case) -> Iterator[Finding]:
    found = backend.status(case)
    if not isinstance(found, str) or found not in {f"HTTP {httpx.codes.UNAUTHORIZED}", f"HTTP {httpx.codes.FORBIDDEN}"}:
        return
    secret = case.site.backend.operator_token.secret
    yield Diagnosis(
        "operator-token-refused",
        "the backend does not know this host's operator: its token is another one than that on file",
        BACKEND,
        (
            Evidence(str(found), "GET /api/status"),
            Evidence("the token that was shown", str(case.runtime.state.secrets / secret)),
        ),
        anew(case, "have the backend read the token on file"),
        Fix("restart", BACKEND),
        frozenset({"delivery"}),
    )  # fmt: skip


QUESTIONS: Final = (
    Question(
        "backend-runs", "Does the backend run?", "backend", _runs,
        ("backend-stopped", "backend-refuses-configuration", "backend-ends-again-and-again"), applies=has_backend,
    ),
    Question(
        "backend-answers", "Does the backend answer in time?", "backend", _answers, ("backend-hangs", "backend-slow"),
        applies=has_backend,
    ),
    Question(
        "backend-knows-operator", "Does the backend know this host's operator?", "backend", _knows_operator,
        ("operator-token-refused",), applies=has_backend,
    ),
)  # fmt: skip
