"""Reports made by hand, for the tests of what tells them: a few findings, many of chance, and hostile ones."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from orthancgen.audit.references import cve, dicom, hipaa, orthanc_book, page, rfc
from orthancgen.audit.rule import REMOVE, Confidence, Finding, Rule, SetValue, Severity, Suppression, fingerprint
from orthancgen.audit.run import Report
from orthancgen.site.problems import HIDDEN, KeyPath, Mark, Problem
from tests.support.hostile import CORPUS

TEXT: Final = f"""\
{{
  "RemoteAccessAllowed": true,
  "RegisteredUsers": {{"orthanc": {HIDDEN * 8}}},  // {HIDDEN * 5}
  "WebDavEnabled": true
}}
"""
"""A configuration as reports have it: the places of secrets hidden."""


def rule(
    name: str, severity: Severity = Severity.HIGH, confidence: Confidence = "certain", title: str = "the door is open"
) -> Rule:
    return Rule(
        id=name,
        severity=severity,
        confidence=confidence,
        title=title,
        why="whoever reaches it\n    gets in",
        remedy="close it",
        references=(orthanc_book("faq/security"), hipaa("(a)(1)")),
        find=lambda _: (),
    )


OPEN: Final = rule("door-open", Severity.CRITICAL)
DAV: Final = replace(
    rule("web-dav-enabled", Severity.MEDIUM, "likely", "WebDAV is on"),
    references=(hipaa("(a)(1)"), cve("CVE-2023-33466"), rfc(9325, "4.1"), page("A page", "https://example.org/a")),
)
OLD: Final = replace(
    rule("old-version", Severity.LOW, "possible", "the version is old"), references=(rfc(9325), dicom(15, "B.12"))
)
SILENT: Final = rule("nothing-wrong", Severity.NOTE, title="nothing is wrong")
RULES: Final = (OPEN, DAV, OLD, SILENT)


def finding(
    of: Rule = OPEN,
    message: str = "anyone may log in",
    *,
    file: str = "orthanc.json",
    line: int | None = 2,
    columns: tuple[int, int] = (3, 24),
    path: KeyPath = ("RemoteAccessAllowed",),
    fix: SetValue | None = None,
    suppression: Suppression | None = None,
) -> Finding:
    mark = Mark(file, line, *columns) if line is not None else None
    name = fingerprint(of.id, file, path)
    return Finding(of, message, of.severity, file, mark, path, of.remedy, name, fix, suppression)


def report(*findings: Finding, problems: Sequence[Problem] = (), target: str = "orthanc.json") -> Report:
    ordered = tuple(sorted(findings, key=lambda one: -one.severity))
    return Report(target, ordered, tuple(problems), {"orthanc.json": TEXT}, ("orthanc.json: Orthanc 1.13.0",), RULES)


WAIVED: Final = Suppression("waiver", "replaced in spring", "PACS team", "2027-06-30")
TOUR: Final = report(
    finding(),
    finding(
        DAV,
        "WebDAV answers",
        line=4,
        columns=(3, 18),
        path=("WebDavEnabled",),
        fix=SetValue("orthanc.json", ("WebDavEnabled",), False),
    ),
    finding(OLD, "version 1.10.1", line=None, path=(), suppression=WAIVED),
    problems=[Problem("a comma behind the last one", Mark("orthanc.json", 4, 24, 25), (), "remove it", "warning")],
)
"""One finding of each kind: with an excerpt, with a fix, and accepted; and a problem."""


def many(number: int) -> Report:
    """Findings of chance: some accepted, some without a place."""
    chance = random.Random(number)
    found = []
    for index in range(number):
        of = chance.choice(RULES[:3])
        by = chance.choice([None, None, None, WAIVED, Suppression("baseline", "in the baseline")])
        fix = chance.choice([None, SetValue("orthanc.json", ("WebDavEnabled",), REMOVE)])
        at = (chance.randint(1, 6), chance.randint(1, 40))
        path: KeyPath = ("DicomModalities", f"ct{index}", "AllowStore") if index % 3 else ()
        found.append(
            finding(
                of,
                f"modality ct{index} may store, and nobody asks from where",
                line=at[0] if index % 5 else None,
                columns=(at[1], at[1] + 5),
                path=path,
                fix=fix,
                suppression=by,
            )
        )
    return report(*found)


HOSTILE: Final = (
    *CORPUS,
    "\ud800",
    "\0",
    "a\nb",
    "x\r\n::error::y",
    "]]>",
    "<![CDATA[",
    "{0}",
    "{1}}",
    "``` x",
    "| a | b |",
)


def safe(text: str) -> str:
    """A text as a report may have it: the login of a URL is hidden, and so is what hides a secret."""
    return re.sub(r"\ue000+|(?<=://)[^/\s@]+(?=@)", "[hidden]", text)


def on_a_line(text: str) -> str:
    """A text as a report for people has it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in safe(text))


def hostile() -> Iterator[tuple[str, Report]]:
    """For each hostile string, a report that has it wherever something of a file may come."""
    for text in HOSTILE:
        by = Suppression("waiver", text, text, "2027-06-30")
        at = Mark(text or "x", 1, 1, 2 + len(text))
        yield (
            text,
            Report(
                target=text,
                findings=(
                    replace(finding(OPEN, text, file=text or "x", line=1, path=(text, 0, text)), mark=at, hint=text),
                    replace(finding(OLD, text, line=None, path=(text,), suppression=by), hint=text),
                ),
                problems=(Problem(text, at, (text,), text), Problem(text, None, (), None, "warning")),
                texts={text or "x": f"{text}\nline"},
                orthancs=(text,),
                rules=RULES,
            ),
        )
