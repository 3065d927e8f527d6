"""``orthancgen apps``: the programs for Node.js, built here for hosts without a way to npm's registry."""

from __future__ import annotations

from pathlib import Path

import click

from orthancgen.cli.output import console


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("apps.tar.gz"),
    show_default=True,
    help="The archive.",
)
@click.option("--viewer", is_flag=True, help="The viewer too.")
def apps(output: Path, viewer: bool) -> None:
    """Build the backend here, by npm, and pack it for hosts without npm: it is unpacked in `apps` beside their states.

    The same sources give the same archive.
    """
    from orthancgen.cli.progress import ConsoleReport
    from orthancgen.hosts.programs import pack

    report = ConsoleReport(console(err=True))
    try:
        pack(("backend", "viewer") if viewer else ("backend",), output, report)
    finally:
        report.stop()
    console().print(str(output), soft_wrap=True)
