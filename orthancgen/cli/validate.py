"""``orthancgen validate``: every problem of every environment at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from orthancgen.ci.environments import environments_in
from orthancgen.cli.output import complete_environment, console, installed_version, json_option, leave
from orthancgen.errors import Exit, InputError
from orthancgen.site.load import Loaded, display_name, load, resolve
from orthancgen.site.problems import KeyPath, Problem, as_github, as_text
from orthancgen.site.problems import as_json as problems_as_json


@click.command()
@click.argument("envs", metavar="[ENV]...", nargs=-1, shell_complete=complete_environment)
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "junit", "sarif"]),
    default="text",
    show_default=True,
    help="text for people, json for programs, github for annotations in a workflow, junit and sarif for CI servers.",
)
def validate(envs: tuple[str, ...], as_json: bool, form: str) -> None:
    """Check environments; without ENV, every one in environments/ that is not only a base of others.

    Every problem is told at once, with its place. Exit 0 where there are warnings at most, 2 otherwise.
    """
    found: dict[str, list[Problem]] = {}
    sources: dict[str, str] = {}
    good: list[str] = []
    for env in envs or _all():
        try:
            loaded = load(resolve(env), installed_version)
        except InputError as error:
            found[env] = [Problem(error.message, hint=error.hint)]
            continue
        sources |= loaded.sources
        lost = list(_not_expressed(loaded))
        found[env] = [*loaded.problems, *lost]
        if loaded.site is not None and not lost:
            good.append(f"{display_name(loaded.path)}: valid for Orthanc {loaded.version}")
    problems = list(dict.fromkeys(problem for one in found.values() for problem in one))
    if form == "json" or as_json:
        click.echo(problems_as_json(problems))
    elif form == "github":
        if problems:
            click.echo(as_github(problems))
    elif form == "junit":
        from orthancgen.site.junit import as_junit

        click.echo(as_junit(found))
    elif form == "sarif":
        from orthancgen.site.sarif import as_sarif

        click.echo(as_sarif(problems))
    else:
        out = console()
        out.print(as_text(problems, sources), end="", soft_wrap=True)
        for line in good:
            out.print(line, style="green", soft_wrap=True)
        errors = sum(p.severity == "error" for p in problems)
        if errors:
            out.print(f"{errors} {'error' if errors == 1 else 'errors'}", style="bold red")
    if any(p.severity == "error" for p in problems):
        leave(Exit.INPUT_INVALID)


def _not_expressed(loaded: Loaded) -> Iterator[Problem]:
    """What a listed firewall cannot say: `render` would refuse it."""
    from orthancgen.firewall.catalogue import lacking
    from orthancgen.plan.build import plan

    if loaded.site is None or not loaded.site.network.firewall:
        return
    listed: list[str] = list(loaded.site.network.firewall)
    for name, one in lacking(plan(loaded.site, loaded.version)):
        path: KeyPath = ("network", "firewall", listed.index(name))
        yield Problem(f"{name} cannot express {one.what}: {one.why}", loaded.place(path), path, one.hint)


def _all() -> list[str]:
    names = environments_in(Path("environments"))
    if not names:
        raise InputError("there is no environments/ folder with environments here", hint="`orthancgen init` writes one")
    return names
