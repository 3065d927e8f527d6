"""``orthancgen status``, ``logs``, ``down``: look at an environment, and stop it."""

from __future__ import annotations

import time
from pathlib import Path

import click
from rich.table import Table

from orthancgen.cli.output import console, env_argument, json_option, leave, print_json
from orthancgen.cli.runtime import access_of, load_running, state_option
from orthancgen.errors import DeployError, Exit, InputError


@click.command()
@env_argument
@state_option
@json_option
def status(env: str, state_root: Path | None, as_json: bool) -> None:
    """Show the services of ENV: state, process, health. Exit 1 where one of them is not healthy."""
    from orthancgen.runtimes.native.health import PROBES
    from orthancgen.runtimes.native.supervisor import Supervisor

    _, plan, state = load_running(env, state_root)
    supervisor = Supervisor(state)
    processes = supervisor.processes() if supervisor.running() else {}
    rows = []
    for service in plan.services:
        process = processes.get(service.name)
        up = process is not None and process.pid > 0
        wrong = PROBES[service.name](plan, access_of(plan, state)) if up else "not running"
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
        table = Table("service", "state", "health", "process", "up", "ports", box=None, pad_edge=False)
        for row in rows:
            healthy = "healthy" if row["healthy"] else str(row["detail"])
            table.add_row(
                str(row["service"]), str(row["state"]), healthy, str(row["pid"] or "-"), _duration(int(str(row["uptime_seconds"]))),
                ", ".join(map(str, row["ports"] if isinstance(row["ports"], list) else ())),
                style=None if row["healthy"] else "red",
            )  # fmt: skip
        console().print(table)
    if not all(row["healthy"] for row in rows):
        leave(Exit.SOMETHING_TO_SEE)


def _duration(seconds: int) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


@click.command()
@env_argument
@click.argument("services", nargs=-1)
@state_option
@click.option("-f", "--follow", is_flag=True, help="Go on as lines are written.")
@click.option("-n", "--lines", type=click.IntRange(0, 100_000), default=50, show_default=True, help="Lines of each log at first.")
def logs(env: str, services: tuple[str, ...], state_root: Path | None, follow: bool, lines: int) -> None:
    """Show the logs of ENV, of all SERVICES or the named ones."""
    _, plan, state = load_running(env, state_root)
    known = [*plan.by_name, "supervisord"]
    unknown = [name for name in services if name not in known]
    if unknown:
        raise InputError(f"no service {', '.join(unknown)}", hint=f"there are: {', '.join(known)}")
    paths = {name: state.logs / f"{name}.log" for name in services or plan.by_name}
    if not any(path.exists() for path in paths.values()):
        raise DeployError("there are no logs yet", hint=f"orthancgen deploy {env}")
    positions = {name: _show_tail(name, path, lines) for name, path in paths.items()}
    try:
        while follow:
            time.sleep(0.3)
            for name, path in paths.items():
                positions[name] = _show_new(name, path, positions[name])
    except KeyboardInterrupt:
        return


def _show_tail(name: str, path: Path, lines: int) -> int:
    try:
        content = path.read_bytes()
    except OSError:
        return 0
    for line in content.decode("utf-8", errors="replace").splitlines()[-lines:] if lines else ():
        click.echo(f"{name:<11} | {line}")
    return len(content)


def _show_new(name: str, path: Path, position: int) -> int:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(0 if size < position else position)  # a rotated log starts anew
            content = file.read()
            end = file.tell()
    except OSError:
        return 0
    complete = content[: content.rfind(b"\n") + 1]
    for line in complete.decode("utf-8", errors="replace").splitlines():
        click.echo(f"{name:<11} | {line}")
    return end - len(content) + len(complete)


@click.command()
@env_argument
@state_option
@json_option
def down(env: str, state_root: Path | None, as_json: bool) -> None:
    """Stop the services of ENV, in reverse order. Images, records and secrets stay."""
    from orthancgen.runtimes.native.deploy import stop

    _, plan, state = load_running(env, state_root)
    stopped = stop(state)
    if as_json:
        print_json({"environment": plan.site.environment, "stopped": stopped})
    else:
        console().print("stopped" if stopped else "was not running")
