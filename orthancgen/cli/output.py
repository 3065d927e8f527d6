"""What the verbs share: consoles, the ENV argument, loading with its messages, and how an error is shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from rich.console import Console

from orthancgen.errors import Exit, InputError, OrthancgenError
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.site.load import Loaded, load, resolve
from orthancgen.site.problems import Problem, as_text

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

F = TypeVar("F", bound=Callable[..., Any])


def console(*, err: bool = False) -> Console:
    """A console that colours on a terminal only and leaves text as it is."""
    file = sys.stderr if err else sys.stdout
    width = None if file.isatty() else _columns()
    return Console(file=file, highlight=False, markup=False, emoji=False, soft_wrap=False, width=width)


_COLUMNS: Final = 140
_LEAST_COLUMNS: Final = 20


def _columns() -> int:
    """What COLUMNS says where it is a width in which something can be read; it may say anything."""
    said = os.environ.get("COLUMNS", "")
    return (
        int(said) if said.isascii() and said.isdigit() and len(said) < 5 and int(said) >= _LEAST_COLUMNS else _COLUMNS
    )


def env_argument(function: F) -> F:
    """The ENV argument."""
    return click.argument("env", metavar="ENV", shell_complete=complete_environment)(function)


def complete_environment(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of environments, for a shell that completes; where none begins like that, the shell looks for a file."""
    from click.shell_completion import CompletionItem

    from orthancgen.ci.environments import environments_in

    names = [name for name in environments_in(Path("environments")) if name.startswith(incomplete)]
    return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


def json_option(function: F) -> F:
    """The --json flag."""
    return click.option("--json", "as_json", is_flag=True, help="Print a JSON document.")(function)


def output_option(function: F) -> F:
    """The -o option."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Write to this file, not to standard output.",
    )(function)


def print_json(document: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=True))


def installed_version() -> Version | None:
    """The version of the installed Orthanc, or None where there is none."""
    from orthancgen.runtimes.native.installed import installed_version as ask

    return ask()


def load_environment(env: str) -> Loaded:
    """Load an environment by name or path, asking the installed server where it says ``auto``.

    Raises:
        InputError: there is no such environment.
    """
    return load(resolve(env), installed_version)


def load_plan(env: str) -> tuple[Loaded, Plan]:
    """Load and plan an environment; warnings go to standard error.

    Raises:
        InputError: the environment is invalid; carries every problem.
    """
    loaded = load_environment(env)
    site = loaded.require()
    if loaded.problems:
        show_problems(loaded.problems, loaded.sources)
    built = build_plan(site, loaded.version)
    if site.runtime != "native":
        from orthancgen.runtimes.compose.pins import pinned

        # Exactly these images, from now on: written by `orthancgen pin`.
        built = replace(built, image_digests=pinned(loaded.path))
    return loaded, built


def show_problems(problems: Sequence[Problem], sources: Mapping[str, str]) -> None:
    """Problems with their excerpts, on standard error."""
    console(err=True).print(as_text(problems, sources), end="", soft_wrap=True)


def show_error(error: OrthancgenError) -> None:
    """An error with its hint, and the problems it carries, on standard error."""
    err = console(err=True)
    if isinstance(error, InputError) and error.problems:
        problems = [p for p in error.problems if isinstance(p, Problem)]
        show_problems(problems, error.sources)
    err.print("error: ", style="bold red", end="")
    err.print(error.message, soft_wrap=True)
    if error.hint:
        err.print("  hint: ", style="bold green", end="")
        err.print(error.hint, soft_wrap=True)


def leave(code: Exit) -> None:
    """End the command with an exit code."""
    raise click.exceptions.Exit(int(code))
