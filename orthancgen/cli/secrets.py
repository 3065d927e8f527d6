"""``orthancgen secrets``: list, show, rotate, scan."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from orthancgen.cli.groups import Subcommands
from orthancgen.cli.output import console, env_argument, json_option, leave, load_plan, print_json
from orthancgen.cli.runtime import state_option
from orthancgen.errors import DeployError, Exit, InputError
from orthancgen.plan.model import Plan, Secret
from orthancgen.runtimes.state import State, state_of
from orthancgen.secrets.store import SecretStore
from orthancgen.site.load import Loaded, display_name
from orthancgen.site.problems import as_github, as_text, format_path


@click.group(cls=Subcommands)
def secrets() -> None:
    """List, show and rotate the secrets of an environment; find secrets where they must not be."""


def _load(env: str, state_root: Path | None) -> tuple[Loaded, Plan, State]:
    """An environment with its state folder, whatever runs it."""
    loaded, plan = load_plan(env)
    return loaded, plan, state_of(plan.site.environment, state_root)


@secrets.command("list")
@env_argument
@state_option
@json_option
def list_(env: str, state_root: Path | None, as_json: bool) -> None:
    """Which secrets ENV has, what for, from where, how old. No values."""
    _, plan, state = _load(env, state_root)
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
    _, plan, state = _load(env, state_root)
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
    loaded, plan, state = _load(env, state_root)
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


@secrets.command()
@env_argument
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that is made for them.",
)
@state_option
def place(env: str, output: Path, state_root: Path | None) -> None:
    """Write what each service of ENV reads into a folder of its own, for kubectl or docker to take from there.

    Secrets that have no value yet are made. The folder is for this user alone, and git leaves it out: remove it when
    the cluster has them.
    """
    from orthancgen.runtimes.placed import place_files
    from orthancgen.secrets.store import gather

    _, plan, state = _load(env, state_root)
    store = SecretStore(state.secrets)
    state.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    values = gather(plan, store)
    store.place(values)
    for path in place_files(plan, values, output):
        console().print(str(path), soft_wrap=True)


@secrets.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--staged", "which", flag_value="staged", help="What the next commit keeps.  [default in a checkout]")
@click.option("--all", "which", flag_value="tracked", help="Every tracked file, as git's index has it.")
@click.option("--history", "which", flag_value="history", help="Every version of every file that git has.")
@click.option("--since", metavar="REVISION", help="Every version of every file that commits after REVISION brought.")
@click.option("--exclude", metavar="PATTERN", multiple=True, help="Leave out files by name, such as 'vendor/*'.")
@state_option
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="text for people, json for programs, github for annotations in a workflow.",
)
def scan(
    paths: tuple[Path, ...],
    which: str | None,
    since: str | None,
    exclude: tuple[str, ...],
    state_root: Path | None,
    as_json: bool,
    form: str,
) -> None:
    """Find secrets in what git is about to keep, in what it keeps, or in files and folders.

    Looks for the values that environments of this machine use, for passwords, keys and tokens by their shape, and for
    files that are never tracked. No value is shown. A comment on the line, or above it, allows one:
    `orthancgen: allow-secret REASON`; the attribute orthancgen-allow-secrets in .gitattributes allows all of a file.
    Exit 1 where anything is found.
    """
    from orthancgen.secrets.scan.document import as_document, as_problems, notes, summary
    from orthancgen.secrets.scan.known import known_values
    from orthancgen.secrets.scan.start import scan_paths, scan_repository

    known = known_values(state_of("any", state_root).root.parent)
    if bool(paths) + (which is not None) + (since is not None) > 1:
        raise InputError(
            "name one of these: paths, which are scanned as they are on disk, --staged, --all, --history, --since"
        )
    found = scan_paths(paths, known, exclude) if paths else scan_repository(which or "staged", known, exclude, since)
    if form == "json" or as_json:
        print_json(as_document(found, known))
    elif form == "github":
        click.echo(as_github(as_problems(found.leaks)), nl=bool(found.leaks))
    else:
        console().print(as_text(as_problems(found.leaks), {}), end="", soft_wrap=True)
        console().print(summary(found, known), style="bold red" if found.leaks else "green", soft_wrap=True)
    for note in notes(found, known):
        console(err=True).print(note, style="yellow", soft_wrap=True)
    if found.leaks:
        leave(Exit.SOMETHING_TO_SEE)
