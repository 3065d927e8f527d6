"""``orthancgen plan``: what a deploy would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from orthancgen.cli.output import console, env_argument, json_option, leave, print_json
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import Exit

if TYPE_CHECKING:
    from orthancgen.release.survey import Survey

_STYLES = {"title": "bold", "added": "green", "removed": "red", "changed": "yellow", "plain": None}


@click.command()
@env_argument
@state_option
@json_option
def plan(env: str, state_root: Path | None, as_json: bool) -> None:
    """Show what a deploy of ENV would change: files, secrets by name, images, services; and what was changed by hand.

    Nothing is touched. Exit 0 where there is nothing to do, 1 where there is. The id at the end names exactly what
    was shown: `orthancgen deploy ENV --plan ID` refuses anything else.
    """
    _, runtime = load_running(env, state_root)
    seen = runtime.survey()
    if as_json:
        print_json({"environment": runtime.plan.site.environment, **seen.as_dict()})
    else:
        show(console(), env, seen)
    if seen:
        leave(Exit.SOMETHING_TO_SEE)


def show(out: Console, env: str, seen: Survey) -> None:
    """A survey for people."""
    from orthancgen.release.difference import as_lines

    for kind, line in as_lines(seen.difference):
        out.print(line, style=_STYLES[kind], soft_wrap=True)
    if seen.drift:
        out.print("changed by hand, or not well", style="bold")
        for one in seen.drift:
            out.print(f"  {one}", style="yellow", soft_wrap=True)
            out.print(f"    {one.remedy}", soft_wrap=True)
    if seen.unfinished:
        out.print(f"an earlier run was cut off: {seen.unfinished}; a deploy first takes that up", soft_wrap=True)
    for holder in dict.fromkeys(str(holder) for holder in seen.holders):
        out.print(f"locked: {holder}", style="yellow", soft_wrap=True)
    if not seen:
        since = f"release {seen.current.number}" if seen.current else "what is there"
        out.print(f"nothing to do: {since} is what the environment wants")
    out.print(f"plan {seen.plan_id}: orthancgen deploy {env} --plan {seen.plan_id}", soft_wrap=True)
