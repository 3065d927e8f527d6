"""``orthancgen secrets``: list, show, rotate."""

from __future__ import annotations

import datetime
from pathlib import Path

import click
from rich.table import Table

from orthancgen.cli.output import console, env_argument, json_option, print_json
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import DeployError, InputError
from orthancgen.plan.model import Plan, Secret
from orthancgen.secrets.store import SecretStore, generate
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
    _, plan, state = load_running(env, state_root)
    store = SecretStore(state.secrets)
    rows = []
    for secret in plan.secrets:
        path = store.path(secret.name)
        written = datetime.datetime.fromtimestamp(path.stat().st_mtime, tz=datetime.UTC) if path.is_file() else None
        rows.append(
            {
                "name": secret.name,
                "used_for": format_path(secret.said_by),
                "purpose": secret.purpose,
                "source": _source(plan, secret),
                "written": written.isoformat(timespec="seconds") if written else None,
            }
        )
    if as_json:
        print_json({"environment": plan.site.environment, "secrets": rows})
        return
    table = Table("secret", "used for", "source", "written", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row["name"], row["used_for"], row["source"], row["written"] or "not yet")
    console().print(table)


def _source(plan: Plan, secret: Secret) -> str:
    source = plan.site.secrets.get(secret.name)
    if source is None:
        return "must be given" if secret.purpose == "pem" else "generated"
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
    _, plan, state = load_running(env, state_root)
    value = SecretStore(state.secrets).read(_named(plan, name).name)
    if value is None:
        raise DeployError(f"the secret {name} has no value yet", hint=f"orthancgen deploy {env}")
    click.echo(value.reveal())


@secrets.command()
@env_argument
@click.argument("name")
@state_option
def rotate(env: str, name: str, state_root: Path | None) -> None:
    """Generate a new value for one secret; the next deploy restarts what uses it."""
    loaded, plan, state = load_running(env, state_root)
    secret = _named(plan, name)
    if secret.purpose == "pem" or name in plan.site.secrets:
        where = loaded.place(("secrets", name))
        place = f"{where.file}:{where.line}" if where else display_name(loaded.path)
        raise InputError(f"{name} is not generated here: its value comes from {_source(plan, secret)} ({place})")
    SecretStore(state.secrets).write(name, generate())
    console().print(f"{name}: new value; now run: orthancgen deploy {env}", soft_wrap=True)
