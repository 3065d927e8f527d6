"""The report as one HTML page: no script, nothing from elsewhere, light and dark, and fit for paper."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from markupsafe import Markup

from orthancgen.access import words
from orthancgen.access.model import Report, Row, Setting
from orthancgen.access.picture import picture
from orthancgen.render.engine import render_template
from orthancgen.site.problems import format_path


@dataclass(frozen=True, slots=True)
class _Key:
    name: str
    place: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of a table, in words."""

    allowed: bool
    result: str
    what: str
    source: str
    how: str
    reason: str
    keys: tuple[_Key, ...]
    orthanc_keys: str
    filters: str


@dataclass(frozen=True, slots=True)
class _Group:
    title: str
    lines: tuple[_Line, ...]


def as_html(report: Report) -> str:
    """The page.

    Raises:
        RenderError: HTML cannot carry a value.
    """
    style = render_template("access/page.css")
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    return render_template(
        "access/page.html",
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
        style=Markup(style),  # noqa: S704  shipped, without values; its hash is of these very bytes
        report=report,
        firewall=words.firewall(report),
        picture=picture(report.whole),
        command_words=tuple(words.COMMAND_WORDS[command] for command in report.commands),
        summary=[(name, tuple(allowed.values())) for name, allowed in words.summary(report).items()],
        dicom=tuple(_dicom(report)),
        web=tuple(_web(report)),
        findings=[(words.finding_key(one), one.message, one.hint) for one in report.findings],
    )


def _dicom(report: Report) -> Iterator[_Group]:
    for _, rows in groupby(report.rows, key=lambda row: row.caller):
        of_caller = list(rows)
        yield _Group(words.caller(of_caller[0]), tuple(_line(row) for row in of_caller))


def _line(row: Row) -> _Line:
    return _Line(
        allowed=row.allowed,
        result=words.result(row),
        what=words.commands(row),
        source=words.places(row),
        how="; ".join(text for text in (words.entry(row.entry), words.connection(row)) if text),
        reason=row.reason,
        keys=_keys(row.settings),
        orthanc_keys=words.orthanc_keys(row),
        filters=", ".join(row.filters),
    )


def _keys(settings: tuple[Setting, ...]) -> tuple[_Key, ...]:
    return tuple(_Key(format_path(one.path), one.place or "default") for one in settings)


def _web(report: Report) -> Iterator[_Group]:
    for service, rows in groupby(report.web, key=lambda row: row.service):
        yield _Group(
            service,
            tuple(
                _Line(
                    allowed=bool(row.may),
                    result="allowed" if row.may else "refused",
                    what=f"{words.web_caller(row)}: {words.web_may(row)}",
                    source=words.reached_from(row),
                    how=words.web_port(row),
                    reason=row.reason,
                    keys=_keys(row.settings),
                    orthanc_keys="",
                    filters="",
                )
                for row in rows
            ),
        )
