"""Does the database run, answer, and let the backend in?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import backend, database, services
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import OF_DATABASE, anew, deploy, env, has_backend, is_native, logs
from orthancgen.runtimes.native.record import fingerprint_secret, load_record

DATABASE: Final = "database"


def _runs(case: Case) -> Iterator[Finding]:
    life = services.life(case, DATABASE)
    if life in {"stopped", "ends"}:
        again = life == "ends"
        yield Diagnosis(
            "database-ends-again-and-again" if again else "database-stopped",
            "the database ends again and again" if again else "the database does not run",
            DATABASE,
            (*services.how_it_is(case, DATABASE), *services.last_lines(case, DATABASE, 2 if again else 0)),
            (logs(case, DATABASE), deploy(case, "once the reason is gone, start it"))
            if again
            else (deploy(case, "start it: what came meanwhile is caught up"), logs(case, DATABASE)),
            None if again else Fix("deploy"),
            OF_DATABASE,
        )


def _answers(case: Case) -> Iterator[Finding]:
    if services.life(case, DATABASE) != "runs":
        return
    found = database.ask(case)
    error = backend.last_error(case)
    told = bool(error and error.get("source") == "database")
    if found.outcome == "not reached" and told and error is not None:
        kind = str(error.get("kind"))
        outcome = "refused" if kind == "code 18" else "silent" if kind == "unreachable" else ""
        evidence = Evidence(str(error.get("message")), "GET /api/status of the backend")
    else:
        outcome = found.outcome
        evidence = Evidence(f"{found.said or 'no answer'} after {found.seconds:.1f} s", "log in as the backend does")
    if outcome == "refused":
        yield _refused(case, evidence)
    elif outcome in {"silent", "closed"}:
        yield _hangs(case, evidence)


def _hangs(case: Case, evidence: Evidence) -> Diagnosis:
    row = services.status(case, DATABASE)
    halted = services.halted(row.pid) if row and row.pid and is_native(case) else None
    restart = anew(case, "start it anew: no record is lost")
    if halted and row:
        restart = (Remedy("let it go on", f"kill -CONT {row.pid}"), *restart)
    return Diagnosis(
        "database-hangs",
        "the database runs and does not answer" + (": its process was stopped with a signal" if halted else ""),
        DATABASE,
        (evidence, *((Evidence(halted, f"process {row.pid}"),) if halted and row else ())),
        (*restart, logs(case, DATABASE)),
        Fix("restart", DATABASE),
        OF_DATABASE,
    )


def _refused(case: Case, evidence: Evidence) -> Diagnosis:
    secret = case.site.backend.database.password.secret
    seen = [evidence]
    changed_here = False
    if is_native(case) and case.access is not None:
        record = load_record(case.runtime.state.run / "deployed.json")
        changed_here = record.database_password not in {"", fingerprint_secret(case.access.database_password)}
        seen.append(
            Evidence(
                "it is not the password of the last deploy: its file was changed"
                if changed_here
                else "it is the password of the last deploy: the account was changed in the database",
                str(case.runtime.state.secrets / secret),
            )
        )
    remedies: tuple[Remedy, ...]
    if secret in case.site.secrets:
        remedies = (
            Remedy(f"give {secret} the value that the database has, or set the account's", on="the environment file"),
            deploy(case, "then deploy"),
        )
    elif changed_here:
        remedies = (deploy(case, "give the account the password of the file"),)
    else:
        remedies = (
            Remedy(
                "give the account a new password, here and in the database",
                f"orthancgen secrets rotate {env(case)} {secret} && orthancgen deploy {env(case)}",
            ),
        )
    return Diagnosis(
        "database-password-rotated",
        "the database refuses the backend's password: one of the two was changed",
        DATABASE,
        tuple(seen),
        remedies,
        None,
        OF_DATABASE,
    )


QUESTIONS: Final = (
    Question(
        "database-runs", "Does the database run?", "database", _runs,
        ("database-stopped", "database-ends-again-and-again"), applies=has_backend,
    ),
    Question(
        "database-answers", "Does the database answer, and let the backend in?", "database", _answers,
        ("database-hangs", "database-password-rotated"), applies=has_backend,
    ),
)  # fmt: skip
