"""``orthancgen schema``: the JSON Schema of the environment file."""

from __future__ import annotations

import click

from orthancgen.cli.output import print_json


@click.command()
def schema() -> None:
    """Print the JSON Schema (2020-12) of the environment file, for editors and CI."""
    from orthancgen.site.schema import json_schema

    print_json(json_schema())
