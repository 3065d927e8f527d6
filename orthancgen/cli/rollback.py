"""``orthancgen rollback``: bring back an earlier release."""

from __future__ import annotations

from pathlib import Path

import click

from orthancgen.cli.deploy import finish
from orthancgen.cli.output import console, env_argument, json_option
from orthancgen.cli.progress import ConsoleReport
from orthancgen.cli.runtime import deploy_options, load_running, state_option
from orthancgen.runtimes.runtime import Wanted


@click.command()
@env_argument
@click.argument("release", type=click.IntRange(1), required=False)
@state_option
@deploy_options
@json_option
def rollback(
    env: str,
    release: int | None,
    state_root: Path | None,
    no_verify: bool,
    timeout: float,
    reason: str | None,
    as_json: bool,
) -> None:
    """Bring back a RELEASE of ENV: its files and images, with the secrets and the data of today.

    Without a number, the last good release before the current one. Refused where a newer Orthanc has upgraded its
    index past what the earlier one can open.
    """
    from orthancgen.runtimes.report import Silent

    loaded, runtime = load_running(env, state_root)
    report = Silent() if as_json else ConsoleReport(console())
    try:
        deployed = runtime.rollback(release, report, Wanted(timeout, not no_verify, reason=reason))
    finally:
        if isinstance(report, ConsoleReport):
            report.stop()
    finish(loaded, runtime, deployed, env, state_root, as_json=as_json)
