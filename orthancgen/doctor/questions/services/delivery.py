"""Does each image come to its record: the webhook, the backend's login on Orthanc, the backlog?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import backend, configuration, webhook
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import anew, deploy, env, has_backend, logs
from orthancgen.doctor.questions.services.files import evidence_of
from orthancgen.plan.build import BACKEND_ACCOUNT
from orthancgen.site.problems import printable

_LOOK_AGAIN_SECONDS: Final = 3.0
_OLD_SECONDS: Final = 15.0
"""What waits no longer than this, and than the pause between two looks of the backend, is on its way."""
_WEBHOOK: Final[dict[webhook.Fault, str]] = {
    "disabled": "Orthanc wakes nobody: the webhook was taken out of its configuration",
    "no token": "Orthanc wakes nobody: it has no token for the webhook",
    "no callback": "Orthanc wakes nobody: its script does not do it",
    "refused": "the backend refuses Orthanc's pokes: the two have different tokens",
    "not acknowledged": "Orthanc pokes something that is not the backend's webhook",
    "no answer": "Orthanc pokes where nobody answers",
    "silent": "images arrive, and Orthanc wakes nobody",
}


def _poked(case: Case) -> Iterator[Finding]:
    found = webhook.broken(case)
    if found is None:
        return
    changed = [one for one in configuration.altered(case) if webhook.claims(case, one)]
    yield Diagnosis(
        "webhook-silent",
        f"{_WEBHOOK[found.fault]}; records are late, up to {case.site.backend.delivery.poll_seconds} s",
        "webhook",
        (Evidence(found.seen, found.where), *(evidence for one in changed for evidence in evidence_of(case, one))),
        anew(case, "give both what was deployed, and start them with it"),
        Fix("repair"),
    )


def _login(case: Case) -> Iterator[Finding]:
    error = backend.last_error(case)
    if not error or error.get("source") != "orthanc" or error.get("kind") != "unauthorized":
        return
    secret = case.site.backend.orthanc_password.secret
    yield Diagnosis(
        "backend-refused-by-orthanc",
        f"Orthanc refuses the backend's account {BACKEND_ACCOUNT}: the two have different passwords",
        "backend",
        (
            Evidence(printable(str(error.get("message")), 300), "GET /api/status of the backend", _at(error)),
            *(e for one in configuration.altered(case) for e in evidence_of(case, one)),
        ),
        (
            *anew(case, "give both the password on file, and start them with it"),
            Remedy(
                "where that does not help, make a new one",
                f"orthancgen secrets rotate {env(case)} {secret} && orthancgen deploy {env(case)}",
            ),
        ),
        Fix("repair"),
        frozenset({"delivery", "viewer"}),
    )


def _at(error: Any) -> str | None:
    return str(error["at"])[:19].replace("T", " ") if error.get("at") else None


def _flows(case: Case) -> Iterator[Finding]:
    first = backend.look_at_status(case)
    if isinstance(first, str):
        return
    waits, error = webhook.waits(case, _cursor(first)), backend.last_error(case)
    if waits is None and error is None:
        return
    if error is not None:
        # After failures the backend waits longer and longer. What failed may be well again: a poke has it try at once.
        case.backend("/api/orthanc/webhook", method="POST", content='{"id": "doctor", "event": "doctor"}')
    # A page of changes takes far less than this, so that a backlog which is worked on moves.
    time.sleep(_LOOK_AGAIN_SECONDS)
    second = backend.look_at_status(case)
    if isinstance(second, str):
        return
    before, after = _cursor(first), _cursor(second)
    later = webhook.waits(case, after)
    failing = int(backend.section(second, "worker").get("failures_in_a_row") or 0)
    if (before is not None and after is not None and after > before) or (later is None and failing == 0):
        return  # it goes on
    yield from _stuck(case, (before, after), second, later or 0.0, failing)


def _stuck(
    case: Case, cursors: tuple[int | None, int | None], document: dict[str, Any], oldest: float, failing: int
) -> Iterator[Finding]:
    worker = backend.section(document, "worker")
    if failing < 2 and oldest < _OLD_SECONDS + case.site.backend.delivery.poll_seconds:
        return
    role = worker.get("role")
    error = backend.section(worker, "last_error") if failing else {}
    seen = [
        Evidence(
            f"the oldest change waits for {oldest:.0f} s; "
            f"cursor {cursors[0]}, {_LOOK_AGAIN_SECONDS:.0f} s later {cursors[1]}",
            "GET /api/status of the backend, twice",
        )
    ]
    why = "for a reason that it does not tell"
    if error:
        why = f"{printable(str(error.get('message')), 200)}"
        seen.append(Evidence(f"{failing} rounds failed in a row: {why}", "GET /api/status of the backend", _at(error)))
    elif role == "standby":
        why = "another backend holds the lead, and does not deliver"
        seen.append(Evidence("this backend stands by", "GET /api/status of the backend"))
    elif role != "leader":
        why = f"its worker is {printable(str(role), 40)}"
    yield Diagnosis(
        "backlog-growing",
        f"records are not made any more: {why}",
        "backend",
        tuple(seen),
        (logs(case, "backend"), *anew(case, "start it anew")),
        Fix("restart", "backend"),
        frozenset({"viewer"}),
    )


def _cursor(document: dict[str, Any]) -> int | None:
    cursor = backend.section(document, "delivery").get("cursor")
    return cursor if isinstance(cursor, int) else None


def _viewer(case: Case) -> Iterator[Finding]:
    """Asked only where nothing was found before that explains it."""
    found = backend.alive(case) if has_backend(case) else None
    if found is not None and found.status is not None:
        return
    yield Diagnosis(
        "viewer-without-backend",
        "the viewer has no backend: it shows no patient",
        "viewer",
        (Evidence(found.error if found else "backend.enabled: false", "GET /healthz" if found else "environment"),),
        (deploy(case, "have the backend run: backend.enabled, then deploy"),),
        Fix("deploy") if found else None,
    )


QUESTIONS: Final = (
    Question(
        "webhook-pokes", "Does Orthanc wake the backend?", "delivery", _poked, ("webhook-silent",),
        applies=webhook.applies,
    ),
    Question(
        "backend-login", "Does Orthanc accept the backend's account?", "delivery", _login,
        ("backend-refused-by-orthanc",), applies=has_backend,
    ),
    Question(
        "deliveries-flow", "Does each image come to its record?", "delivery", _flows, ("backlog-growing",),
        applies=has_backend,
    ),
    Question(
        "viewer-has-backend", "Does the viewer have a backend?", "viewer", _viewer, ("viewer-without-backend",),
        applies=lambda case: case.site.viewer.enabled,
    ),
)  # fmt: skip
