"""``orthancgen deploy``: bring an environment to life and verify it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from orthancgen.cli.output import console, env_argument, json_option, leave, print_json
from orthancgen.cli.progress import ConsoleReport
from orthancgen.cli.runtime import deploy_options, load_running, state_option
from orthancgen.errors import Exit
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.runtime import Deployed, Runtime, Wanted
from orthancgen.site.load import Loaded


@click.command()
@env_argument
@state_option
@deploy_options
@click.option("--plan", "plan_id", metavar="ID", help="Apply only what `orthancgen plan` showed under this id.")
@click.option("--keep-failed", is_flag=True, help="Leave what failed as it is, instead of going back (containers).")
@click.option("--repair", is_flag=True, help="Write every file anew, and start every service anew.")
@json_option
def deploy(
    env: str,
    state_root: Path | None,
    no_verify: bool,
    timeout: float,
    plan_id: str | None,
    reason: str | None,
    keep_failed: bool,
    repair: bool,
    as_json: bool,
) -> None:
    """Bring ENV to life: secrets, configuration, services, health, proofs. A second time changes nothing.

    Exit 4 where it cannot be deployed, 5 where a proof fails: what was there before is back, with every image kept.
    """
    from orthancgen.runtimes.report import Silent

    loaded, runtime = load_running(env, state_root)
    report = Silent() if as_json else ConsoleReport(console())
    wanted = Wanted(timeout, not no_verify, keep_failed, plan_id, reason, repair)
    try:
        deployed = runtime.deploy(report, wanted)
    finally:
        if isinstance(report, ConsoleReport):
            report.stop()
    finish(loaded, runtime, deployed, env, state_root, as_json=as_json)


def finish(
    loaded: Loaded, runtime: Runtime, deployed: Deployed, env: str, state_root: Path | None, *, as_json: bool
) -> None:
    """Show what a deploy did, and leave with 5 where a proof failed."""
    results = deployed.results or ()
    stays = runtime.plan.site.runtime == "native" or all(result.passed for result in results)
    if as_json:
        document: dict[str, Any] = {
            "environment": runtime.plan.site.environment,
            "release": deployed.release,
            "started": list(deployed.started),
            "changed_files": deployed.changed_files,
            "left_failed": deployed.left_failed,
        }
        if deployed.results is not None:
            document["checks"] = [result.as_dict() for result in results]
        print_json(document)
    else:
        if deployed.results is not None:
            from orthancgen.cli.verify import show_results

            show_results(console(), deployed.results)
        if stays:
            _addresses(env, deployed.access, state_root)
        elif deployed.left_failed:
            back = f"orthancgen rollback {env} {deployed.release}" if deployed.release else f"orthancgen down {env}"
            console().print(f"left as it failed, for you to look at; the way back: {back}", style="bold red")
        else:
            runs = f"release {deployed.release}, as before" if deployed.release else "nothing"
            console().print(f"taken back: what runs is {runs}", style="bold red")
    if results and stays:
        from orthancgen.cli.verify import tell_backend

        tell_backend(loaded, runtime, results)
    if any(not result.passed for result in results):
        leave(Exit.VERIFY_FAILED)


def _addresses(env: str, access: Access, state_root: Path | None) -> None:
    out = console()
    plan = access.plan
    admin = next(account for account in plan.accounts if account.role == "administrator")
    show = f"orthancgen secrets show {env}" + (f" --state {state_root}" if state_root else "")
    rows = [
        ("DICOM", f"{plan.site.orthanc.aet} on port {plan.site.dicom.port}"),
        ("Orthanc", f"{access.orthanc_url}/  as {admin.user}; password: {show} {admin.secret}"),
    ]
    if plan.site.backend.enabled:
        token = plan.site.backend.operator_token.secret
        rows.append(("Backend", f"{access.backend_url}/api/studies  with a bearer token: {show} {token}"))
    if plan.site.viewer.enabled:
        rows.insert(0, ("Viewer", f"{access.viewer_url}/  log in as {admin.user}; password: {show} {admin.secret}"))
    out.print()
    for name, value in rows:
        out.print(f"{name:<10}", style="bold", end="")
        out.print(value, soft_wrap=True)
