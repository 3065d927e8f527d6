"""The report as text for people and as a document for programs."""

from __future__ import annotations

from typing import Any, Final

from rich.text import Text

from orthancgen.site.problems import Mark, format_path, printable
from orthancgen.upgrade.advice import Advice, Kind, Report

_TITLES: Final[dict[Kind, tuple[str, str]]] = {
    Kind.BREAKS: ("What breaks", "bold red"),
    Kind.MEANING: ("What changes its meaning", "bold yellow"),
    Kind.RETURNS: ("Vulnerabilities that come back", "bold red"),
    Kind.OPEN: ("Known vulnerabilities that stay", "bold red"),
    Kind.FIXED: ("Vulnerabilities fixed on the way", "bold green"),
    Kind.LOST: ("What is lost", "bold yellow"),
    Kind.NEW: ("What is new", "bold green"),
}
_LONGEST: Final = 4096


def as_text(report: Report, *, everything: bool = False) -> Text:
    """The report, grouped by kind.

    Args:
        report: what to show.
        everything: also what does not concern the subject.
    """
    out = Text()
    out.append(f"{_plain(report.name)}: ", "bold").append(f"{_headline(report)}\n")
    shown = report.advice if everything else report.concerning
    for kind, (title, style) in _TITLES.items():
        group = [one for one in shown if one.kind is kind]
        if group:
            out.append(f"\n{title}\n", style)
            for one in group:
                _append(out, one, style)
    if report.old != report.new:
        _append_index(out, report)
    if report.steps:
        out.append("\nHow to do it\n", "bold")
        for number, step in enumerate(report.steps, 1):
            out.append(f"  {number}. ").append(f"{_at(step.mark)}", "bold").append(f"{_plain(step.what)}\n")
            if step.command:
                out.append(f"     {step.command}\n", "cyan")
    if not everything:
        out.append(_left_out(report), "dim")
    return out


def as_document(report: Report, *, everything: bool = False) -> dict[str, Any]:
    """The report for programs; each advice with its source."""
    shown = report.advice if everything else report.concerning
    return {
        "environment": report.name,
        "from": str(report.old),
        "to": str(report.new),
        "direction": report.direction,
        "advice": [_row(one) for one in shown],
        "left_out": len(report.advice) - len(shown),
        "index": {
            "schema_from": report.index.old_schema,
            "schema_to": report.index.new_schema,
            "usable": report.index.usable,
            "way_back_closed_by": list(report.index.way_back),
        },
        "steps": [{"what": one.what, "command": one.command, **_place(one.mark)} for one in report.steps],
    }


def _row(one: Advice) -> dict[str, Any]:
    return {
        "kind": str(one.kind),
        "id": one.id,
        "component": one.component,
        "severity": one.severity or None,
        "what": one.what,
        "remedy": one.remedy or None,
        "concerns": one.concerns,
        "whom": one.whom or None,
        "path": format_path(one.path),
        **_place(one.mark),
        "source": one.source,
        "certainty": one.certainty,
    }


def _place(mark: Mark | None) -> dict[str, Any]:
    if mark is None:
        return {"file": None, "line": None, "column": None}
    return {"file": mark.file, "line": mark.line, "column": mark.column}


def _headline(report: Report) -> str:
    if report.direction == "same":
        return f"Orthanc {report.new}"
    return f"Orthanc {report.old} -> {report.new}, {'an upgrade' if report.direction == 'upgrade' else 'a way back'}"


def _append(out: Text, one: Advice, style: str) -> None:
    out.append("  ").append(one.severity or one.id, style)
    beside = f"; {one.remedy}" if one.severity and one.remedy else ""
    out.append(f" {one.id}" if one.severity else "").append(f": {_plain(one.what + beside)}")
    out.append(f" [{one.whom}]\n" if one.whom else "\n" if one.concerns else " [not here]\n", "dim")
    if one.path and one.mark is not None:
        out.append(f"    {_at(one.mark)}", "bold").append(f"{format_path(one.path)}\n", "cyan")
    if one.remedy and not beside:
        out.append("    do: ", "bold green").append(f"{_plain(one.remedy)}\n")
    if one.kind in {Kind.BREAKS, Kind.MEANING}:
        out.append(f"    source: {_plain(one.source)} ({one.certainty})\n", "dim")


def _append_index(out: Text, report: Report) -> None:
    index = report.index
    out.append("\nThe index\n", "bold")
    schema = f"schema {index.new_schema}"
    stays = f"{schema} in both versions" if index.old_schema == index.new_schema else f"{index.old_schema} to {schema}"
    out.append(f"  {stays}. What a newer Orthanc adds to the index stays in it: it is upgraded one way.\n")
    if report.direction == "upgrade":
        for reason in index.way_back:
            out.append("  No way back but by a backup: ", "bold yellow").append(f"{_plain(reason)}\n")


def _left_out(report: Report) -> str:
    rest = [one for one in report.advice if not one.concerns]
    if not rest:
        return ""
    outside = sorted({one.whom for one in rest if one.whom})
    told = f", among them what concerns {', '.join(outside)}" if outside else ""
    return f"\n{len(rest)} more that no setting here makes matter{told}: --all shows them\n"


def _at(mark: Mark | None) -> str:
    return f"{_plain(mark.file)}:{mark.line}:{mark.column}: " if mark else ""


def _plain(text: str) -> str:
    return printable(text, _LONGEST)
