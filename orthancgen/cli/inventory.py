"""``orthancgen inventory``: environments as hosts of Ansible."""

from __future__ import annotations

from pathlib import Path

import click

from orthancgen.cli.output import load_environment, output_option


@click.command()
@click.argument("envs", metavar="ENV...", nargs=-1, required=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["yaml", "ini", "json"]),
    default="yaml",
    show_default=True,
    help="yaml and ini are files for `ansible-playbook -i`; json is what an inventory script prints.",
)
@output_option
def inventory(envs: tuple[str, ...], form: str, output: Path | None) -> None:
    """Write environments as an inventory of Ansible: each is a host by its own name, reached as `deployment:` says.

    No secret is in it.
    """
    from orthancgen.errors import RenderError
    from orthancgen.hosts.inventory import FORMATS, entries

    loaded = [load_environment(env) for env in envs]
    text = FORMATS[form](entries([(one.path.absolute(), one.require()) for one in loaded]))
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RenderError(f"cannot write {output}: {error.strerror}", hint="name another file with -o") from None
