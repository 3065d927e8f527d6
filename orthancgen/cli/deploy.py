"""``orthancgen deploy``: bring an environment to life and verify it."""

from __future__ import annotations

from pathlib import Path

import click

from orthancgen.cli.output import console, env_argument, json_option, leave, print_json
from orthancgen.cli.progress import ConsoleReport
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import Exit
from orthancgen.runtimes.access import Access


@click.command()
@env_argument
@state_option
@click.option("--no-verify", is_flag=True, help="Leave the proofs out.")
@click.option(
    "--timeout",
    type=click.FloatRange(1, 3600),
    default=60.0,
    show_default=True,
    help="Seconds a service has to get healthy.",
)
@json_option
def deploy(env: str, state_root: Path | None, no_verify: bool, timeout: float, as_json: bool) -> None:
    """Bring ENV to life: secrets, configuration, services, health, proofs. A second time changes nothing.

    Exit 4 where it cannot be deployed (what was started is stopped, what was there is back), 5 where a proof fails.
    """
    from orthancgen.runtimes.native.deploy import deploy as deploy_native
    from orthancgen.runtimes.report import Silent

    _, plan, state = load_running(env, state_root)
    out = console()
    report = Silent() if as_json else ConsoleReport(out)
    try:
        deployed = deploy_native(plan, state, report, health_seconds=timeout)
    finally:
        if isinstance(report, ConsoleReport):
            report.stop()
    document = {
        "environment": plan.site.environment,
        "started": list(deployed.started),
        "changed_files": deployed.changed_files,
    }
    if no_verify:
        failed = False
    else:
        from orthancgen.cli.verify import show_results
        from orthancgen.verify.run import run

        results = run(plan, deployed.access)
        document["checks"] = [result.as_dict() for result in results]
        failed = any(not result.passed for result in results)
        if not as_json:
            show_results(out, results)
    if as_json:
        print_json(document)
    else:
        _addresses(env, deployed.access, state_root)
    if failed:
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
    out.print()
    for name, value in rows:
        out.print(f"{name:<10}", style="bold", end="")
        out.print(value, soft_wrap=True)
