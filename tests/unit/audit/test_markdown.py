"""Markdown: nothing of a file is anything but text, read by a parser of GitHub's dialect."""

from __future__ import annotations

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from orthancgen.audit.output.markdown import as_markdown, code, escaped, formatted
from orthancgen.audit.run import Report
from orthancgen.site.problems import HIDDEN
from tests.unit.audit.reports import HOSTILE, TOUR, WAIVED, finding, hostile, many, on_a_line, report

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def tokens(*reports: Report) -> list[Token]:
    found = READER.parse(as_markdown(reports))
    return [*found, *(child for token in found for child in token.children or ())]


def test_the_parts_of_a_report() -> None:
    text = as_markdown([TOUR])
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert headings == [
        "# Audit",
        "## `orthanc.json`",
        "### Problems of the files",
        "### critical: the door is open",
        "### medium: WebDAV is on",
        "### Accepted",
        "### Standards",
        "### Rules that found nothing",
    ]
    for part in (
        "**1 critical, 1 medium, 1 accepted**",
        "| 1 | 0 | 1 | 0 | 0 | 1 |",
        "- `orthanc.json: Orthanc 1.13.0`",
        "`web-dav-enabled` (likely): WebDAV answers",
        "**Remedy:** close it",
        "**Why:** whoever reaches it gets in",
        '```text\n4 |   "WebDavEnabled": true\n  |   ^^^^^^^^^^^^^^^\n```',
        "[RFC 9325, 4.1](<https://www.rfc-editor.org/rfc/rfc9325>)",
        "| `old-version` | low | `orthanc.json` | waiver | 2027-06-30 | PACS team | replaced in spring |",
        "`nothing-wrong`",
    ):
        assert part in text


def test_no_finding() -> None:
    text = as_markdown([report()])
    assert "**nothing found by 4 rules**" in text
    assert "### Standards" not in text


@pytest.mark.parametrize("number", [0, 3, 60])
def test_its_structure_is_that_of_the_findings(number: int) -> None:
    one = many(number)
    found = tokens(one)
    open_ones = sum(finding.counts for finding in one.findings)
    headings = sum(token.type == "heading_open" and token.tag == "h3" for token in found)
    parts = sum(f"### {part}\n" in as_markdown([one]) for part in ("Accepted", "Standards", "Rules that found nothing"))
    assert headings == open_ones + parts


def test_hostile_strings_are_text() -> None:
    known = {token.attrGet("href") for token in tokens(TOUR) if token.type == "link_open"}
    usual = {token.type for token in tokens(TOUR)}
    for text, one in hostile():
        found = tokens(one)
        assert {token.type for token in found} <= usual, text
        assert {token.attrGet("href") for token in found if token.type == "link_open"} <= known, text
        assert sum(token.type == "heading_open" for token in found) == 7, text
        rows = [token for token in found if token.type == "tr_open"]
        cells = [token for token in found if token.type in {"td_open", "th_open"}]
        # counts: 2 rows of 6; accepted: 2 rows of 7; standards: 1 + 4 rows of 4.
        assert (len(rows), len(cells)) == (2 + 2 + 5, 12 + 14 + 20), text


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_is_read_as_itself(text: str) -> None:
    def words(source: str) -> str:
        (inline,) = [token for token in READER.parse(source) if token.type == "inline"]
        return "".join(child.content for child in inline.children or ())

    assert words(f"x{escaped(text)}x") == f"x{on_a_line(text)}x"
    assert words(f"x{code(text)}x") == f"x{on_a_line(text) or '  '}x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write `cap_add: [X]`, *not* more", "write `cap_add: [X]`, \\*not\\* more"),
        ("`a` and `b`", "`a` and `b`"),
        ("one ` alone", "one \\` alone"),
        ("``", ""),
        ("`<b>`<b>", "`<b>`\\<b\\>"),
    ],
)
def test_what_stands_between_backticks_is_code(text: str, expected: str) -> None:
    assert formatted(text) == expected


def test_a_bar_ends_no_cell() -> None:
    accepted = finding(file="a|b.json", suppression=WAIVED)
    (row,) = [line for line in as_markdown([report(accepted)]).splitlines() if line.startswith("| `door-open` |")]
    assert "| `a\\|b.json:2:3` |" in row


def test_secrets_stay_hidden() -> None:
    text = as_markdown([report(finding(line=3, columns=(4, 19)))])
    assert "[hidden]" in text
    assert HIDDEN not in text
