"""The report as a table for people, at a width of 100 columns; coloured where the console colours."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orthancgen.access import words
from orthancgen.access.model import Report, Row, WebRow
from orthancgen.site.problems import format_path

WIDTH: Final = 100
_INDENT: Final = 10


def show(out: Console, report: Report) -> None:
    """Print the report on a terminal."""
    width = min(WIDTH, out.width)
    for renderable in _parts(report):
        out.print(renderable, width=width)


def as_text(report: Report) -> str:
    """The report as text without colours; no line ends in a space."""
    out = Console(file=io.StringIO(), highlight=False, markup=False, emoji=False, width=WIDTH, color_system=None)
    with out.capture() as captured:
        show(out, report)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _parts(report: Report) -> Iterator[Text | Table | Padding]:
    yield Text(
        f"{report.environment}: {report.kind}, Orthanc {report.orthanc_version} as {report.orthanc_aet}, "
        f"firewall rules: {words.firewall(report)}",
        "bold",
    )
    for notice in report.notices:
        yield Text(f"! {notice.text}", "bold yellow")
        yield Padding(Text(f"hint: {notice.hint}"), (0, 0, 0, 2))
    if report.callers:
        yield Text("\nWhat each caller may do by DICOM, in its best way", "bold")
        yield _summary(report)
    for name, rows in groupby(report.rows, key=lambda row: row.caller):
        yield from _group(name, list(rows))
    for service, of_service in groupby(report.web, key=lambda row: row.service):
        yield from _web(service, list(of_service))
    if report.findings:
        yield Text("\nSettings that do not do what they say", "bold")
    for finding in report.findings:
        yield Text(words.finding_key(finding), "yellow")
        yield Padding(Text(finding.message + (f"\nhint: {finding.hint}" if finding.hint else "")), (0, 0, 0, 2))


def _summary(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("caller", overflow="fold")
    for command in report.commands:
        table.add_column(words.COMMAND_WORDS[command], justify="center")
    for name, allowed in words.summary(report).items():
        table.add_row(Text(name), *(Text("yes", "green") if yes else Text("-", "dim") for yes in allowed.values()))
    return table


def _group(name: str, rows: Sequence[Row]) -> Iterator[Text | Table]:
    ports = list(dict.fromkeys(words.entry(row.entry) for row in rows))
    title = words.caller(rows[0])
    yield Text(f"\n{title}" + (f" at {ports[0]}" if len(ports) == 1 else ""), "bold")
    table = _columns()
    for row in rows:
        verdict = Text("allowed", "green") if row.allowed else Text(f"refused\n{row.step}", "red")
        port = "" if len(ports) == 1 else f"at {words.entry(row.entry)}"
        how = (words.commands(row), f"from {words.places(row)}", port, words.connection(row))
        who = Text("\n".join(line for line in how if line))
        why = Text(row.reason)
        for one in row.settings:
            why.append(f"\n{format_path(one.path)}", "cyan").append(f" {one.place or 'default'}", "dim")
        if row.filters:
            why.append(f"\nfilter: {', '.join(row.filters)}", "dim")
        table.add_row(verdict, who, why)
    yield table


def _web(service: str, rows: Sequence[WebRow]) -> Iterator[Text | Table]:
    yield Text(f"\n{service}", "bold")
    table = _columns()
    for row in rows:
        verdict = Text("allowed", "green") if row.may else Text("refused", "red")
        who = Text(f"{words.web_caller(row)}\n{words.web_port(row)}")
        who.append(f"\nfrom {words.reached_from(row)}")
        why = Text(f"{words.web_may(row)}\n{row.reason}")
        for one in row.settings:
            why.append(f"\n{format_path(one.path)}", "cyan").append(f" {one.place or 'default'}", "dim")
        table.add_row(verdict, who, why)
    yield table


def _columns() -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 1, 0, 0), expand=True)
    table.add_column(width=_INDENT + 1, no_wrap=True)
    table.add_column(ratio=4, overflow="fold")
    table.add_column(ratio=5, overflow="fold")
    return table
