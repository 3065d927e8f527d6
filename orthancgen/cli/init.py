"""``orthancgen init``: a first environment."""

from __future__ import annotations

from pathlib import Path

import click

from orthancgen.cli.output import console
from orthancgen.errors import InputError, RenderError
from orthancgen.render.write import stage
from orthancgen.resources import locate


@click.command()
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
def init(folder: Path) -> None:
    """Write environments/{base,dev,staging,prod}.yaml and their schema into DIR. dev deploys as it stands."""
    from orthancgen.render.quoting import json_document
    from orthancgen.site.schema import json_schema

    target = folder / "environments"
    files = {path.name: path.read_bytes() for path in sorted(locate("environments").glob("*.yaml"))}
    files["schema.json"] = json_document(json_schema()).encode("ascii")
    there = [name for name in files if (target / name).exists()]
    if there:
        raise InputError(
            f"{target} has {', '.join(there)} already; nothing was written",
            hint="name another folder: orthancgen init DIR",
        )
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            stage(content, target / name, 0o644).replace(target / name)
    except OSError as error:
        raise RenderError(f"cannot write {target}: {error.strerror}", hint="name a folder that you may write") from None
    out = console()
    for name in files:
        out.print(f"{target / name}", soft_wrap=True)
    out.print("next: orthancgen validate, then orthancgen deploy dev", style="dim")
