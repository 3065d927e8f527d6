"""Mend what can be mended, by the code of the verbs: each remedy once, in the order in which the causes were found.

No data is deleted. What fails leaves the last good state, as the verb itself does, and is told; the next one is tried.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Fix, FixName
from orthancgen.errors import DeployError, OrthancgenError
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.runtime import Wanted

HEALTH_SECONDS: Final = 60.0
REVERT_SECONDS: Final = 120
_REASON: Final = "orthancgen doctor --fix"
_COVERS: Final[Mapping[FixName, frozenset[FixName]]] = {
    "repair": frozenset({"deploy", "restart"}),
    "renew_certificates": frozenset({"deploy"}),
}
"""What is done as well where the first is: repair makes everything anew, a renewal ends with a deploy."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """What became of one remedy.

    Attributes:
        cause: what it was for.
        fix: what was to be done.
        done: whether it was done; whether it helped, the doctor says when it is asked again.
        detail: what was done, or why not.
    """

    cause: str
    fix: Fix
    done: bool
    detail: str

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return asdict(self)


def fix(
    case: Case,
    diagnoses: Iterable[Diagnosis],
    confirm: Callable[[Diagnosis], bool],
    tell: Callable[[str], None],
) -> tuple[Fixed, ...]:
    """Do what the diagnoses say can be done.

    Args:
        case: the environment.
        diagnoses: what was found; those without a remedy that can be done here are passed over.
        confirm: asked before each remedy; who says no leaves that one out.
        tell: told of each step, in words.

    Returns:
        One row for each diagnosis that has a remedy, in their order.
    """
    report = _Told(tell)
    outcomes: dict[Fix, Fixed] = {}
    rows = []
    for diagnosis in diagnoses:
        wanted = diagnosis.fix
        if wanted is None:
            continue
        earlier = _earlier(wanted, outcomes)
        if earlier is not None:
            rows.append(Fixed(diagnosis.cause, wanted, earlier.done, f"with {earlier.cause}: {earlier.detail}"))
            continue
        if not confirm(diagnosis):
            rows.append(Fixed(diagnosis.cause, wanted, False, "left as it is, as you wish"))
            continue
        outcomes[wanted] = _try(case, diagnosis.cause, wanted, report)
        rows.append(outcomes[wanted])
        tell(f"{diagnosis.cause}: {'done' if outcomes[wanted].done else 'not done'}: {outcomes[wanted].detail}")
    return tuple(rows)


def _earlier(wanted: Fix, outcomes: Mapping[Fix, Fixed]) -> Fixed | None:
    """The outcome that stands for this remedy as well."""
    if wanted in outcomes:
        return outcomes[wanted]
    covering = (row for done, row in outcomes.items() if row.done and wanted.name in _COVERS.get(done.name, ()))
    return next(covering, None)


def _try(case: Case, cause: str, wanted: Fix, report: Report) -> Fixed:
    try:
        return Fixed(cause, wanted, True, _ACTIONS[wanted.name](case, wanted, report))
    except OrthancgenError as error:
        hint = f"; {error.hint}" if error.hint else ""
        return Fixed(cause, wanted, False, f"{error.message}{hint}; what was there before is there still")


class _Told:
    """A report of a runtime's steps, in words."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell

    def started(self, step: str) -> None:
        """Nothing: its outcome is told."""

    def done(self, step: str, outcome: str) -> None:
        """Tell it."""
        self._tell(f"  {step}: {outcome}")


def _deploy(case: Case, _: Fix, report: Report) -> str:
    return _deployed(case, report, repair=False)


def _repair(case: Case, _: Fix, report: Report) -> str:
    return _deployed(case, report, repair=True)


def _deployed(case: Case, report: Report, *, repair: bool) -> str:
    done = case.runtime.deploy(report, Wanted(HEALTH_SECONDS, reason=_REASON, repair=repair))
    failed = [row.id for row in done.results or () if not row.passed]
    if failed:
        raise DeployError(f"deployed, but proofs failed: {', '.join(failed)}", hint=f"orthancgen verify {case.env}")
    return f"deployed; started: {', '.join(done.started) or 'nothing'}"


def _restart(case: Case, wanted: Fix, report: Report) -> str:
    service = wanted.service or ""
    case.runtime.restart(service, report, HEALTH_SECONDS)
    return f"{service} was started anew"


def _renew_certificates(case: Case, _: Fix, report: Report) -> str:
    from orthancgen.certs.generate import authorities, renewed
    from orthancgen.certs.inspect import examine
    from orthancgen.certs.wanted import wanted
    from orthancgen.secrets.store import SecretStore, from_sources

    plan, store = case.plan, SecretStore(case.runtime.state.secrets)
    own = authorities(plan, store)
    if not own.exists:
        raise DeployError(f"{case.site.environment} has no authority yet", hint=f"orthancgen deploy {case.env}")
    stored = {one.name: store.read(one.name) for one in plan.secrets if one.purpose == "pem"}
    values = {name: value for name, value in {**stored, **from_sources(plan)}.items() if value is not None}
    due = {row.name for row in examine(plan, values, own) if row.problems and not row.own}
    site = [one for one in wanted(plan) if one.leaf.name in due]
    for one in site:
        with own.locked():
            made = renewed(one, plan, own)
        for name, value in made.items():
            store.offer(name, value)
        report.done(one.leaf.name, f"new certificate, made {datetime.datetime.now(datetime.UTC):%Y-%m-%d}")
    deployed = _deployed(case, report, repair=False)
    return f"{', '.join(one.leaf.name for one in site) or 'no certificate of the site'} renewed; {deployed}"


def _load_firewall(case: Case, _: Fix, report: Report) -> str:
    from orthancgen.errors import Exit
    from orthancgen.firewall.load import host_dialect, run_script
    from orthancgen.runtimes.state import cannot_use

    dialect = host_dialect(case.plan)
    folder = case.runtime.state.root / "firewall" / dialect
    arguments = ("apply", "--revert-after", str(REVERT_SECONDS))
    try:
        code = run_script(case.plan, dialect, folder, arguments, named=case.env)
    except OSError as error:
        raise cannot_use(case.runtime.state, error) from None
    if code not in {Exit.GOOD, Exit.SOMETHING_TO_SEE}:
        raise DeployError(f"the {dialect} rules of {case.site.environment} cannot be loaded: see above")
    report.done("firewall", "loaded")
    return (
        f"loaded; gone again in {REVERT_SECONDS} seconds, unless you log in anew and say:"
        f" orthancgen firewall confirm {case.env}"
    )


def _reconcile(case: Case, _: Fix, report: Report) -> str:
    answer = case.backend("/api/orthanc/sync", method="POST")
    if isinstance(answer, str) or answer.status_code != httpx.codes.ACCEPTED:
        said = answer if isinstance(answer, str) else f"HTTP {answer.status_code}"
        raise DeployError(f"the backend does not take the wish: {said}", hint=f"orthancgen logs {case.env} backend")
    report.done("backend", "compares the whole inventory")
    return "the backend compares all records with Orthanc's inventory"


_ACTIONS: Final[Mapping[FixName, Callable[[Case, Fix, Report], str]]] = {
    "deploy": _deploy,
    "repair": _repair,
    "restart": _restart,
    "renew_certificates": _renew_certificates,
    "load_firewall": _load_firewall,
    "reconcile": _reconcile,
}
