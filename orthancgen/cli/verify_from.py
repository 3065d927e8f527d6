"""``orthancgen verify --from``: the proofs of another machine, once or again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click

from orthancgen.cli.output import console, leave, load_plan, show_error
from orthancgen.cli.verify import Spinner, write_metrics
from orthancgen.errors import Exit, OrthancgenError
from orthancgen.observability.measurement import Measurement, as_text
from orthancgen.plan.model import Plan
from orthancgen.verify.elsewhere import Identity, identity_of, require_caller, run_from
from orthancgen.verify.result import CheckResult

Tell = Callable[[str, tuple[CheckResult, ...]], None]


def prove_from(
    env: str,
    modality: str,
    host: str | None,
    files: tuple[Path | None, Path | None, Path | None],
    tell: Tell,
    metrics: Path | None,
    every: int | None,
) -> None:
    """Prove from this machine.

    Args:
        env: the environment.
        modality: in whose place it is.
        host: the site, as it is reached from here; None for `deployment.host`.
        files: authority, certificate and key of the caller, where the site speaks DICOM TLS.
        tell: shows the results of an environment.
        metrics: where they are written for the node exporter.
        every: seconds from one run to the next; None for one run alone.

    Raises:
        OrthancgenError: it cannot be done; with `every`, only what trying again does not mend.
    """
    _, plan = load_plan(env)
    where = host or plan.site.deployment.host
    if where is None:
        raise click.UsageError("name the site's address with --host: the environment has no deployment.host")
    identity = identity_of(*files)
    require_caller(plan, modality, identity)
    while True:
        began = time.monotonic()
        try:
            good = _once(plan, modality, where, identity, tell, metrics)
        except OrthancgenError as error:
            if every is None:
                raise
            good = False
            show_error(error)
        if every is None:
            break
        time.sleep(max(0.0, every - (time.monotonic() - began)))
    if not good:
        leave(Exit.SOMETHING_TO_SEE)


def _once(plan: Plan, modality: str, host: str, identity: Identity | None, tell: Tell, metrics: Path | None) -> bool:
    began = datetime.now(UTC)
    results: tuple[CheckResult, ...] | None = None
    progress = Spinner(console(err=True))
    try:
        results = run_from(plan, modality, host, identity, progress=progress)
    finally:
        progress.stop()
        if metrics is not None:
            seconds = (datetime.now(UTC) - began).total_seconds()
            measured = Measurement(plan.site.environment, began.timestamp(), seconds, results, caller=modality)
            write_metrics(as_text(measured), metrics)
    tell(plan.site.environment, results)
    return all(result.passed for result in results)
