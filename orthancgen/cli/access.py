"""``orthancgen access``: who may do what, and which setting decides."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from orthancgen.cli.completing import complete_modality
from orthancgen.cli.output import console, env_argument, json_option, load_plan, output_option
from orthancgen.errors import InputError
from orthancgen.orthanc.access import Command

if TYPE_CHECKING:
    from orthancgen.access.model import Report

_COMMANDS: Final[tuple[Command, ...]] = (
    "echo", "store", "find", "find_worklist", "get", "move", "storage_commitment",
)  # fmt: skip


@click.command()
@env_argument
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "html"]),
    default="table",
    show_default=True,
    help="table for a terminal, json for programs, csv for spreadsheets, html for a page with a picture.",
)
@output_option
@click.option(
    "--caller",
    "callers",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_modality,
    help="This caller alone, by name or AE title.",
)
@click.option("--command", "commands", multiple=True, type=click.Choice(_COMMANDS), help="This DICOM command alone.")
@click.option("--allowed-only", "allowed", flag_value=True, type=bool, default=None, help="What is allowed alone.")
@click.option("--refused-only", "allowed", flag_value=False, type=bool, help="What is refused alone.")
def access(
    env: str,
    as_json: bool,
    form: str,
    output: Path | None,
    callers: tuple[str, ...],
    commands: tuple[str, ...],
    allowed: bool | None,
) -> None:
    """Show who may do what on ENV: each caller, address and command, where it is decided, and by which setting.

    Computed from the environment alone, on the configuration that would be rendered; nothing is called.
    """
    from orthancgen.access.report import report as build

    loaded, plan = load_plan(env)
    report = build(loaded, plan)
    _require_known(report, callers)
    _write(report.filtered(callers, commands, allowed=allowed), "json" if as_json else form, output)


def _require_known(report: Report, callers: tuple[str, ...]) -> None:
    known = {word.casefold() for one in report.callers for word in (one.name, one.aet)}
    for word in callers:
        if word.casefold() not in known:
            from orthancgen.site.problems import printable

            names = ", ".join(one.name for one in report.callers)
            raise InputError(f"there is no caller {printable(word)}", hint=f"there are: {names}")


def _write(report: Report, form: str, output: Path | None) -> None:
    out = console()
    if form == "table" and output is None and out.is_terminal:
        from orthancgen.access.table import show

        show(out, report)
        return
    text = _text(report, form)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_bytes(text.encode("utf-8"))
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}", hint="name another file with -o") from None


def _text(report: Report, form: str) -> str:
    if form == "table":
        from orthancgen.access.table import as_text

        return as_text(report)
    if form == "json":
        import json

        from orthancgen.access.document import as_document

        return json.dumps(as_document(report), indent=2, ensure_ascii=True) + "\n"
    if form == "csv":
        from orthancgen.access.spreadsheet import as_csv

        return as_csv(report)
    from orthancgen.access.page import as_html

    return as_html(report)
