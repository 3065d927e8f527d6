"""``orthancgen status``, ``logs``, ``down``: look at an environment, and stop it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import click
from rich.table import Table

from orthancgen.cli.output import console, env_argument, json_option, leave, print_json
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import Exit, InputError
from orthancgen.runtimes.runtime import Runtime, ServiceStatus


@click.command()
@env_argument
@state_option
@json_option
def status(env: str, state_root: Path | None, as_json: bool) -> None:
    """Show the services of ENV: state, process, health. Exit 1 where one of them is not healthy."""
    _, runtime = load_running(env, state_root)
    rows = runtime.status()
    if as_json:
        print_json({"environment": runtime.plan.site.environment, "services": [row.as_dict() for row in rows]})
    else:
        console().print(_table(rows))
    if any(row.wrong for row in rows):
        leave(Exit.SOMETHING_TO_SEE)


def _table(rows: Iterable[ServiceStatus]) -> Table:
    rows = list(rows)
    where = "container" if any(row.container for row in rows) else "process"
    table = Table("service", "state", "health", where, "up", "ports", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row.service,
            row.state,
            row.wrong or "healthy",
            row.container or str(row.pid or "-"),
            _duration(row.uptime_seconds),
            ", ".join(map(str, row.ports)),
            style="red" if row.wrong else None,
        )
    return table


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


@click.command()
@env_argument
@click.argument("services", nargs=-1)
@state_option
@click.option("-f", "--follow", is_flag=True, help="Go on as lines are written.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, 100_000),
    metavar="N",
    default=50,
    show_default=True,
    help="Lines of each log at first.",
)
def logs(env: str, services: tuple[str, ...], state_root: Path | None, follow: bool, lines: int) -> None:
    """Show the logs of ENV, of all SERVICES or the named ones."""
    _, runtime = load_running(env, state_root)
    known = runtime.log_names()
    unknown = [name for name in services if name not in known]
    if unknown:
        raise InputError(f"no service {', '.join(unknown)}", hint=f"there are: {', '.join(known)}")
    for name, line in runtime.logs(services, lines, follow=follow):
        click.echo(f"{name:<11} | {line}")


@click.command()
@env_argument
@state_option
@click.option("--purge", is_flag=True, help="Remove images, records, secrets and history too. They are gone.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def down(env: str, state_root: Path | None, purge: bool, yes: bool, as_json: bool) -> None:
    """Stop the services of ENV, in reverse order. Images, records and secrets stay."""
    _, runtime = load_running(env, state_root)
    if purge:
        _purge(runtime, yes=yes, as_json=as_json)
        return
    stopped = runtime.down()
    if as_json:
        print_json({"environment": runtime.plan.site.environment, "stopped": stopped})
    else:
        console().print("stopped" if stopped else "was not running")


def _purge(runtime: Runtime, *, yes: bool, as_json: bool) -> None:
    environment = runtime.plan.site.environment
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise InputError("a purge wants to be confirmed, and nobody can be asked here", hint="--yes")
        if not click.confirm(f"Remove every image, record and secret of {environment}?"):
            leave(Exit.SOMETHING_TO_SEE)
    removed = runtime.purge()
    if as_json:
        print_json({"environment": environment, "removed": removed})
        return
    for one in removed:
        console().print(f"removed {one}", soft_wrap=True)
    if not removed:
        console().print("nothing was there")
