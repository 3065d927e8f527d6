"""Does the viewer's server run and answer?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix
from orthancgen.doctor.observe import services
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import anew, deploy, logs

VIEWER: Final = "viewer"
_SECONDS: Final = 8.0


def _runs(case: Case) -> Iterator[Finding]:
    life = services.life(case, VIEWER)
    if life == "stopped":
        yield Diagnosis(
            "viewer-stopped",
            "the viewer does not run: images are stored and recorded, and nobody can look at them in a browser",
            VIEWER,
            services.how_it_is(case, VIEWER),
            (deploy(case, "start it"), logs(case, VIEWER)),
            Fix("deploy"),
            frozenset({"viewer"}),
        )
    elif life == "ends":
        yield Diagnosis(
            "viewer-ends-again-and-again",
            "the viewer ends again and again",
            VIEWER,
            (*services.how_it_is(case, VIEWER), *services.last_lines(case, VIEWER, 2)),
            (logs(case, VIEWER), deploy(case, "once the reason is gone, start it")),
            None,
            frozenset({"viewer"}),
        )
    elif case.access is not None and (wrong := _answers(case)) is not None:
        yield Diagnosis(
            "viewer-hangs",
            "the viewer runs and does not answer",
            VIEWER,
            (Evidence(wrong, f"GET {case.access.viewer_url}/healthz"), *services.how_it_is(case, VIEWER)),
            anew(case, "start it anew"),
            Fix("restart", VIEWER),
            frozenset({"viewer"}),
        )


def _answers(case: Case) -> str | None:
    """What is wrong with its answer; None where nothing is."""
    access = case.access
    if access is None:
        return None
    try:
        with httpx.Client(timeout=_SECONDS, trust_env=False, verify=access.http_verify) as client:
            answer = client.get(f"{access.viewer_url}/healthz")
    except httpx.HTTPError as error:
        return f"{type(error).__name__}: {error}"
    return None if answer.status_code == httpx.codes.OK else f"HTTP {answer.status_code}"


QUESTION: Final = Question(
    "viewer-runs",
    "Does the viewer's server run and answer?",
    "viewer",
    _runs,
    ("viewer-stopped", "viewer-ends-again-and-again", "viewer-hangs"),
    frozenset({"environment", "engine"}),
    lambda case: case.site.viewer.enabled,
)
