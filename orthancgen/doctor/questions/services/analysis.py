"""Does the service of analysis run, does it take the backend's wishes, and are there any that nobody can do?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Note, Remedy
from orthancgen.doctor.observe import services
from orthancgen.doctor.observe.answers import object_of
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import anew, deploy, env, logs
from orthancgen.plan.build import ANALYSIS_ACCOUNT
from orthancgen.site.problems import printable

ANALYSIS: Final = "analysis"
_REFUSED_TOKEN: Final = "refused the token"  # noqa: S105  words of stack/backend/src/analysis/provider.ts
_REFUSED_LOGIN: Final = "the archive refused"
"""Words of stack/analysis/orthancgen_analysis/archive.py, where Orthanc answers 401 or 403."""
_LONGEST: Final = 300
_QUEUE: Final = "GET /api/analyses of the backend"


def _has_analysis(case: Case) -> bool:
    return case.site.analysis.enabled


def _runs(case: Case) -> Iterator[Finding]:
    life, row = services.life(case, ANALYSIS), services.status(case, ANALYSIS)
    if life == "stopped":
        yield Diagnosis(
            "analysis-stopped",
            "the analysis does not run: what arrives waits for it",
            ANALYSIS,
            services.how_it_is(case, ANALYSIS),
            (deploy(case, "start it"), logs(case, ANALYSIS)),
            Fix("deploy"),
            frozenset({"analysis"}),
        )
    elif life == "ends":
        yield Diagnosis(
            "analysis-ends-again-and-again",
            "the analysis ends again and again",
            ANALYSIS,
            (*services.how_it_is(case, ANALYSIS), *services.last_lines(case, ANALYSIS, 2)),
            (
                logs(case, ANALYSIS),
                deploy(case, "once the reason is gone, start it; it looks at the models"),
            ),
            None,
            frozenset({"analysis"}),
        )
    elif row is not None and row.pid and row.wrong is not None:
        yield Diagnosis(
            "analysis-hangs",
            "the analysis runs and does not answer as it should",
            ANALYSIS,
            (Evidence(printable(row.wrong, _LONGEST), "its health"), *services.how_it_is(case, ANALYSIS)),
            anew(case, "start it anew"),
            Fix("restart", ANALYSIS),
            frozenset({"analysis"}),
        )


def _asked(case: Case) -> Iterator[Finding]:
    """The backend itself tells whether it reaches each provider."""
    found = object_of(case.backend("/api/providers"))
    listed = found.get("providers") if isinstance(found, dict) else None
    wrong = [
        Evidence(
            f"{one.get('id')}: {printable(str(one.get('problem')), _LONGEST)}", "GET /api/providers of the backend"
        )
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("reachable") is False
    ]
    if not wrong:
        return
    token = any(_REFUSED_TOKEN in one.text for one in wrong)
    yield Diagnosis(
        "analysis-refuses-backend" if token else "analysis-not-reached",
        "the analysis refuses the backend: the two have different tokens"
        if token
        else "the analysis runs, and the backend cannot have anything analysed there",
        ANALYSIS,
        tuple(wrong),
        (*anew(case, "give both what was deployed, and start them with it"), logs(case, ANALYSIS)),
        Fix("repair"),
        frozenset({"analysis"}),
    )


def _login(case: Case) -> Iterator[Finding]:
    told = [one for one in _jobs(case, "failed", "dead") if _REFUSED_LOGIN in str(one.get("last_error"))]
    if not told:
        return
    secret = case.site.analysis.orthanc_password.secret
    yield Diagnosis(
        "analysis-refused-by-orthanc",
        f"Orthanc refuses the account {ANALYSIS_ACCOUNT}: the two have different passwords",
        ANALYSIS,
        (_why(told[0]),),
        (
            *anew(case, "give both the password on file, and start them with it"),
            Remedy(
                "where that does not help, make a new one",
                f"orthancgen secrets rotate {env(case)} {secret} && orthancgen deploy {env(case)}",
            ),
        ),
        Fix("repair"),
        frozenset({"analysis"}),
    )


def _dead(case: Case) -> Iterator[Finding]:
    """Jobs that are given up; those that were refused at once hold what cannot be analysed, which is no fault."""
    dead = _jobs(case, "dead")
    refused = [one for one in dead if one.get("attempts") == 1]
    given_up = [one for one in dead if one.get("attempts") != 1]
    if given_up:
        many = f"{len(given_up)} analyses were" if len(given_up) > 1 else "an analysis was"
        yield Diagnosis(
            "analysis-given-up",
            f"{many} tried again and again, and given up",
            ANALYSIS,
            tuple(_why(one) for one in given_up[:3]),
            (
                logs(case, ANALYSIS),
                Remedy("once the reason is gone, have each done again: POST /api/analyses/ID/retry, as administrator"),
            ),
        )
    if refused:
        many = f"{len(refused)} studies" if len(refused) > 1 else "a study"
        yield Note(f"{many} could not be analysed for what it holds", tuple(_why(one) for one in refused[:3]))


def _why(job: dict[str, Any]) -> Evidence:
    at = str(job.get("updated_at"))[:19].replace("T", " ")
    said = f"{job.get('provider')}, {job.get('attempts')} tries: {job.get('last_error')}"
    return Evidence(printable(said, _LONGEST), _QUEUE, at)


def _jobs(case: Case, *states: str) -> list[dict[str, Any]]:
    """The newest jobs in those states that changed since the time that counts."""
    since = case.began - case.since
    found: list[dict[str, Any]] = []
    for state in states:
        answer = case.once(f"analyses {state}", partial(_of_state, case, state))
        items = answer.get("items") if isinstance(answer, dict) else None
        found += [
            one
            for one in (items if isinstance(items, list) else [])
            if isinstance(one, dict) and _time(one.get("updated_at"), since) >= since
        ]
    return found


def _of_state(case: Case, state: str) -> dict[str, Any] | str:
    return object_of(case.backend(f"/api/analyses?state={state}"))


def _time(text: object, otherwise: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return otherwise


QUESTIONS: Final = (
    Question(
        "analysis-runs", "Does the service of analysis run and answer?", "analysis", _runs,
        ("analysis-stopped", "analysis-ends-again-and-again", "analysis-hangs"),
        frozenset({"environment", "engine"}), _has_analysis,
    ),
    Question(
        "analysis-asked", "Does the analysis do what the backend asks?", "analysis", _asked,
        ("analysis-refuses-backend", "analysis-not-reached"), frozenset({"backend"}), _has_analysis,
    ),
    Question(
        "analysis-login", "Does Orthanc accept the account of the analysis?", "analysis", _login,
        ("analysis-refused-by-orthanc",), frozenset({"backend"}), _has_analysis,
    ),
    Question(
        "analysis-done", "Is everything analysed that was asked for?", "analysis", _dead, ("analysis-given-up",),
        frozenset({"backend"}), _has_analysis,
    ),
)  # fmt: skip
