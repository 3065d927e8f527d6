"""``orthancgen render``: write the bundle, or compare it with what is there."""

from __future__ import annotations

from pathlib import Path

import click

from orthancgen.cli.output import console, env_argument, json_option, leave, load_plan, print_json
from orthancgen.errors import Exit
from orthancgen.render.catalogue import render as render_bundle
from orthancgen.render.write import compare, write

_STYLES = {"create": "green", "change": "yellow", "remove": "red", "identical": "dim"}


@click.command()
@env_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the bundle.  [default: build/ENV]",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where the folder differs.")
@json_option
def render(env: str, output: Path | None, check: bool, as_json: bool) -> None:
    """Write the bundle of ENV: orthanc.json, the Lua script, backend and supervisor configuration.

    The same environment gives the same bytes on every machine. No secret is in it.
    """
    _, plan = load_plan(env)
    folder = output or Path("build") / plan.site.environment
    bundle = render_bundle(plan)
    changes = compare(bundle, folder) if check else write(bundle, folder)
    differs = any(change.state != "identical" for change in changes)
    if as_json:
        print_json({"folder": str(folder), "files": {change.path: change.state for change in changes}})
    else:
        out = console()
        for change in changes:
            out.print(f"{change.state:>9}", style=_STYLES[change.state], end="  ")
            out.print(str(folder / change.path), soft_wrap=True)
    if check and differs:
        leave(Exit.SOMETHING_TO_SEE)
