"""The report as CSV (RFC 4180), a line a row; no cell is one that a spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Final

from orthancgen.access import words
from orthancgen.access.model import Report, Setting
from orthancgen.site.problems import format_path

COLUMNS: Final = (
    "section", "caller", "identity", "from", "port", "connection", "what", "result", "step", "settings", "places",
    "orthanc_keys", "reason",
)  # fmt: skip
_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")
"""First characters of what a spreadsheet computes; full-width ones count for some:
https://owasp.org/www-community/attacks/CSV_Injection."""


def as_csv(report: Report) -> str:
    """The report, with lines that end in CR LF."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for line in _lines(report):
        writer.writerow([harmless(cell) for cell in line])
    return out.getvalue()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: an apostrophe before what would start one."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _lines(report: Report) -> Iterator[tuple[str, ...]]:
    for notice in report.notices:
        yield ("notice", *[""] * 11, f"{notice.text}. hint: {notice.hint}")
    for row in report.rows:
        yield (
            "dicom", row.caller, row.calling_aet or "", words.places(row), words.entry(row.entry),
            words.connection(row), words.commands(row), "allowed" if row.allowed else "refused", row.step,
            *_settings(row.settings), "; ".join(".".join(key) for key in row.orthanc_keys), row.reason,
        )  # fmt: skip
    for web in report.web:
        yield (
            web.service, web.who, web.role or "", words.reached_from(web), words.web_port(web), "",
            words.web_may(web), "allowed" if web.may else "refused", "", *_settings(web.settings), "", web.reason,
        )  # fmt: skip
    for one in report.findings:
        settings = _settings((one.setting,) if one.setting else ())
        orthanc_key = ".".join(one.orthanc_key or ())
        hint = f". hint: {one.hint}" if one.hint else ""
        yield ("dead setting", *[""] * 8, *settings, orthanc_key, f"{one.message}{hint}")


def _settings(settings: tuple[Setting, ...]) -> tuple[str, str]:
    return "; ".join(format_path(one.path) for one in settings), "; ".join(one.place or "default" for one in settings)
