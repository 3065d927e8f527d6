"""``run(plan, access)``: every check of the table, one after the other, and the test patient gone at the end."""

from __future__ import annotations

import secrets as random_source
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import httpx

from orthancgen.dicom.synthetic import SyntheticInstance, ct_series
from orthancgen.errors import VerifyError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.access import Access
from orthancgen.secrets.store import redact
from orthancgen.verify.check import Check
from orthancgen.verify.checks import CHECKS
from orthancgen.verify.context import Context, open_context
from orthancgen.verify.reach import answers
from orthancgen.verify.result import CheckResult, Outcome, Verdict
from orthancgen.verify.sweep import sweep

_IMAGES = 32


class Progress(Protocol):
    """Receives how a run proceeds."""

    def started(self, title: str) -> None:
        """A check begins; it may wait for something."""

    def done(self, result: CheckResult) -> None:
        """A check ended."""


def run(
    plan: Plan, access: Access, *, progress: Progress | None = None, checks: Iterable[Check] = CHECKS
) -> tuple[CheckResult, ...]:
    """Prove that what runs is what the plan says.

    Stores an image of a test patient with new UIDs, and removes it again whatever happens in between.

    Args:
        plan: what must be there.
        access: how this host reaches it.
        progress: told about each check as it begins and ends.
        checks: the proofs, in their order.

    Returns:
        A result a check, in their order. A check that crashes has failed.

    Raises:
        VerifyError: nothing of the environment answers, so nothing can be proven.
    """
    _require_somebody(plan, access)
    with open_context(plan, access, new_images()) as context:
        try:
            _sweep_quietly(context)
            return examine_all(context, checks, progress)
        finally:
            _sweep_quietly(context)


def new_images() -> tuple[SyntheticInstance, ...]:
    """Images of a test patient of this run alone, with new UIDs."""
    moment = datetime.now().astimezone()
    name = f"{moment:%Y%m%dT%H%M%S}-{random_source.token_hex(4)}"
    return tuple(ct_series(name, moment, _IMAGES, rows=64, columns=64))


def examine_all(context: Context, checks: Iterable[Check], progress: Progress | None) -> tuple[CheckResult, ...]:
    """A result a check, in their order."""
    results: list[CheckResult] = []
    for check in checks:
        if progress:
            progress.started(check.title)
        result = _examine(check, context)
        results.append(result)
        if progress:
            progress.done(result)
    return tuple(results)


def _require_somebody(plan: Plan, access: Access) -> None:
    site = plan.site
    places = [("Orthanc", site.http.port), ("Orthanc's DICOM port", site.dicom.port)]
    if site.backend.enabled:
        places.append(("the backend", site.backend.port))
    if any(answers(access.orthanc_host, port) for _, port in places):
        return
    missing = ", ".join(f"{name} on port {port}" for name, port in places)
    raise VerifyError(
        f"nothing of the environment {site.environment} answers at {access.orthanc_host}: {missing}",
        hint=f"orthancgen deploy {site.environment}",
    )


def _sweep_quietly(context: Context) -> None:
    """What cannot be removed is a matter of the checks that look for what is left."""
    try:
        sweep(context.orthanc)
    except httpx.HTTPError:
        return


def _examine(check: Check, context: Context) -> CheckResult:
    started = time.monotonic()
    try:
        found = check.examine(context)
    except httpx.HTTPStatusError as error:
        expected = f"an answer to {error.request.method} {error.request.url.path}"
        found = Verdict(Outcome.FAILED, expected, f"HTTP {error.response.status_code}", "see its log: orthancgen logs")
    except httpx.RequestError as error:
        url = error.request.url
        place = f"{url.scheme}://{url.netloc.decode('ascii', 'replace')}{url.path}"
        seen = f"no answer from {place} ({type(error).__name__})"
        found = Verdict(Outcome.FAILED, "an answer", seen, "does it run? orthancgen status")
    except Exception as error:  # a proof that broke has proven nothing: failed, never passed
        seen = f"the check itself broke: {type(error).__name__}: {error}"
        found = Verdict(Outcome.FAILED, f"the check {check.id} runs", seen, "please report this")
    values = context.access.secrets
    return CheckResult(
        check.id,
        check.title,
        check.group,
        found.outcome,
        redact(found.expected, values),
        redact(found.seen, values),
        time.monotonic() - started,
        redact(found.hint, values) if found.hint else None,
    )
