"""``orthancgen init``: a first environment, and the checks of CI."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orthancgen import __version__
from orthancgen.cli.output import console, load_plan
from orthancgen.errors import InputError, OrthancgenError, RenderError
from orthancgen.render.write import place
from orthancgen.resources import locate

if TYPE_CHECKING:
    from orthancgen.ci.kits import FailOn
    from orthancgen.render.artifact import Bundle


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--ci",
    "service",
    type=click.Choice(["github", "gitlab"]),
    help="Write a workflow with every check, hooks for pre-commit, and bundles to compare with; where environments are "
    "there already, only these.",
)
def init(folder: Path, service: str | None) -> None:
    """Write environments/{base,dev,staging,prod}.yaml and their schema into DIR. dev deploys as it stands."""
    shipped = _environments()
    there = [name for name in shipped if (folder / "environments" / name).exists()]
    if there and not service:
        raise InputError(
            f"{folder / 'environments'} has {', '.join(there)} already; nothing was written",
            hint="name another folder: orthancgen init DIR",
        )
    first = not service or not any((folder / "environments").glob("*.yaml"))
    files = {f"environments/{name}": (content, 0o644) for name, content in shipped.items()} if first else {}
    left: tuple[str, ...] = ()
    if service:
        from orthancgen.ci.write import planned

        environments, bundles = _looked_at(locate("environments") if first else folder / "environments")
        checks = planned(folder, service, environments, bundles)
        files |= checks.files
        left = checks.left
    try:
        place([(folder / name, content, mode) for name, (content, mode) in files.items()], folder)
    except RenderError as error:
        raise RenderError(error.message, hint="name a folder that you may write") from None
    _tell(folder, list(files), left, first=first, checks=service is not None)


def _tell(folder: Path, written: list[str], left: tuple[str, ...], *, first: bool, checks: bool) -> None:
    out = console()
    for name in written:
        out.print(f"{folder / name}", soft_wrap=True)
    for name in left:
        out.print(f"{folder / name} is there already and was left as it is", style="yellow", soft_wrap=True)
    if first:
        there = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))}, "
        out.print(f"next: {there}orthancgen validate, orthancgen deploy dev", style="dim", soft_wrap=True)
    if checks:
        out.print(
            f"for CI: commit wheels/orthancgen-{__version__}-py3-none-any.whl, or name it in the workflow", style="dim"
        )
        out.print("before a commit: pip install pre-commit, then pre-commit install", style="dim")


def _environments() -> dict[str, bytes]:
    """Names and contents of the shipped environments, and of their schema."""
    from orthancgen.render.quoting import json_document
    from orthancgen.site.schema import json_schema

    files = {path.name: path.read_bytes() for path in sorted(locate("environments").glob("*.yaml"))}
    files["schema.json"] = json_document(json_schema()).encode("ascii")
    return files


def _looked_at(folder: Path) -> tuple[dict[str, FailOn], dict[str, Bundle]]:
    """Every environment with what fails its audit; and bundles of those that name their version of Orthanc.

    With ``auto``, bundles differ between machines.
    """
    from orthancgen.ci.environments import environments_in
    from orthancgen.ci.kits import fail_on
    from orthancgen.render.catalogue import render

    environments: dict[str, FailOn] = {}
    bundles: dict[str, Bundle] = {}
    for name in environments_in(folder):
        environments[name] = fail_on(None)
        try:
            _, plan = load_plan(str(folder / f"{name}.yaml"))
            environments[name] = fail_on(plan.site.kind)
            if plan.site.orthanc.version != "auto":
                bundles[name] = render(plan)
        except OrthancgenError as error:
            # The environment is checked by `validate`, with all that is wrong; here only its bundle is left out.
            console(err=True).print(f"no bundle of {name}: {error.message}", style="yellow", soft_wrap=True)
    return environments, bundles
