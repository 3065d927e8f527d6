"""``orthancgen secrets``: list, show, rotate."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from orthancgen.cli.output import console, env_argument, json_option, print_json
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import DeployError, InputError
from orthancgen.plan.model import Plan, Secret
from orthancgen.secrets.store import SecretStore
from orthancgen.site.load import display_name
from orthancgen.site.problems import format_path


@click.group()
def secrets() -> None:
    """List, show and rotate the secrets of an environment."""


@secrets.command("list")
@env_argument
@state_option
@json_option
def list_(env: str, state_root: Path | None, as_json: bool) -> None:
    """Which secrets ENV has, what for, from where, how old. No values."""
    _, runtime = load_running(env, state_root)
    plan, state = runtime.plan, runtime.state
    store = SecretStore(state.secrets)
    rows: list[dict[str, Any]] = []
    for secret in plan.secrets:
        written = _written(store.path(secret.name))
        rows.append(
            {
                "name": secret.name,
                "used_for": format_path(secret.said_by),
                "purpose": secret.purpose,
                "source": _source(plan, secret),
                "written": written,
                "rotated": store.waiting(secret.name) is not None,
            }
        )
    if as_json:
        print_json({"environment": plan.site.environment, "secrets": rows})
        return
    table = Table("secret", "used for", "source", "written", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["name"], row["used_for"], row["source"], _state(row["written"], rotated=row["rotated"]))
    console().print(table)


def _written(path: Path) -> str | None:
    try:
        seconds = path.stat().st_mtime
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DeployError(
            f"cannot read {path}: {error.strerror}", hint="run as the user who deployed the environment"
        ) from None
    return datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC).isoformat(timespec="seconds")


def _state(written: str | None, *, rotated: bool) -> str:
    return (written or "not yet") + (", a new value waits for the next deploy" if rotated else "")


def _source(plan: Plan, secret: Secret) -> str:
    source = plan.site.secrets.get(secret.name)
    if source is None:
        return "must be given" if secret.purpose in {"pem", "credential"} else "generated"
    return f"file {source.file}" if source.file else f"variable {source.env}"


def _named(plan: Plan, name: str) -> Secret:
    for secret in plan.secrets:
        if secret.name == name:
            return secret
    raise InputError(f"no secret {name}", hint=f"there are: {', '.join(secret.name for secret in plan.secrets)}")


@secrets.command()
@env_argument
@click.argument("name")
@state_option
def show(env: str, name: str, state_root: Path | None) -> None:
    """Print the value of one secret, for a person to type or a pipe to carry."""
    _, runtime = load_running(env, state_root)
    plan, state = runtime.plan, runtime.state
    value = SecretStore(state.secrets).read(_named(plan, name).name)
    if value is None:
        raise DeployError(f"the secret {name} has no value yet", hint=f"orthancgen deploy {env}")
    click.echo(value.reveal())


@secrets.command()
@env_argument
@click.argument("name")
@state_option
def rotate(env: str, name: str, state_root: Path | None) -> None:
    """Generate a new value for one secret; the next deploy puts it in use and restarts what uses it."""
    loaded, runtime = load_running(env, state_root)
    plan, state = runtime.plan, runtime.state
    secret = _named(plan, name)
    if secret.purpose in {"pem", "credential"} or name in plan.site.secrets:
        where = loaded.place(("secrets", name))
        place = f"{where.file}:{where.line}" if where else display_name(loaded.path)
        raise InputError(f"{name} is not generated here: its value comes from {_source(plan, secret)} ({place})")
    store = SecretStore(state.secrets)
    if store.read(name) is None:
        raise DeployError(f"the secret {name} has no value yet", hint=f"orthancgen deploy {env}")
    store.rotate(name, secret.purpose)
    console().print(f"{name}: new value; now run: orthancgen deploy {env}", soft_wrap=True)
