"""``orthancgen status``, ``logs``, ``down``: look at an environment, and stop it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table

from orthancgen.cli.output import console, env_argument, json_option, leave, print_json
from orthancgen.cli.runtime import access_of, load_running, state_option
from orthancgen.errors import DeployError, Exit, InputError

_FOLLOW_SECONDS: Final = 0.3


@click.command()
@env_argument
@state_option
@json_option
def status(env: str, state_root: Path | None, as_json: bool) -> None:
    """Show the services of ENV: state, process, health. Exit 1 where one of them is not healthy."""
    from orthancgen.runtimes.native.health import PROBES
    from orthancgen.runtimes.native.running import look

    _, plan, state = load_running(env, state_root)
    now = look(state)
    processes = now.supervisor.processes() if now.supervised else {}
    rows: list[dict[str, Any]] = []
    for service in plan.services:
        process = processes.get(service.name)
        if process and process.pid:
            wrong = PROBES[service.name](plan, access_of(plan, state))
        else:
            wrong = "runs without its supervisor" if service.name in now.services else "not running"
        rows.append(
            {
                "service": service.name,
                "state": process.state.lower() if process else "stopped",
                "healthy": wrong is None,
                "detail": wrong,
                "pid": process.pid if process else 0,
                "uptime_seconds": process.uptime_seconds if process else 0,
                "ports": [listener.port for listener in service.listeners],
            }
        )
    if as_json:
        print_json({"environment": plan.site.environment, "services": rows})
    else:
        console().print(_table(rows))
    if not all(row["healthy"] for row in rows):
        leave(Exit.SOMETHING_TO_SEE)


def _table(rows: Iterable[Mapping[str, Any]]) -> Table:
    table = Table("service", "state", "health", "process", "up", "ports", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row["service"],
            row["state"],
            row["detail"] or "healthy",
            str(row["pid"] or "-"),
            _duration(row["uptime_seconds"]),
            ", ".join(map(str, row["ports"])),
            style=None if row["healthy"] else "red",
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
    "-n", "--lines", type=click.IntRange(0, 100_000), default=50, show_default=True, help="Lines of each log at first."
)
def logs(env: str, services: tuple[str, ...], state_root: Path | None, follow: bool, lines: int) -> None:
    """Show the logs of ENV, of all SERVICES or the named ones."""
    from orthancgen.runtimes.native.logs import Follower

    _, plan, state = load_running(env, state_root)
    known = [*plan.by_name, "supervisord"]
    unknown = [name for name in services if name not in known]
    if unknown:
        raise InputError(f"no service {', '.join(unknown)}", hint=f"there are: {', '.join(known)}")
    paths = {name: state.logs / f"{name}.log" for name in services or plan.by_name}
    try:
        found = any(path.exists() for path in paths.values())
    except OSError as error:
        raise DeployError(
            f"cannot read {state.logs}: {error.strerror}", hint="run as the user who deployed the environment"
        ) from None
    if not found:
        raise DeployError("there are no logs yet", hint=f"orthancgen deploy {env}")
    followers = {name: Follower(path) for name, path in paths.items()}
    for name, follower in followers.items():
        _show(name, follower.last(lines))
    while follow:
        time.sleep(_FOLLOW_SECONDS)
        for name, follower in followers.items():
            _show(name, follower.added())


def _show(name: str, lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(f"{name:<11} | {line}")


@click.command()
@env_argument
@state_option
@json_option
def down(env: str, state_root: Path | None, as_json: bool) -> None:
    """Stop the services of ENV, in reverse order. Images, records and secrets stay."""
    from orthancgen.runtimes.native.running import stop

    _, plan, state = load_running(env, state_root)
    stopped = stop(state)
    if as_json:
        print_json({"environment": plan.site.environment, "stopped": stopped})
    else:
        console().print("stopped" if stopped else "was not running")
