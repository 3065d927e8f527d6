"""The page: every finding is on it, no script, nothing from elsewhere, and nothing of a file acts."""

from __future__ import annotations

import base64
import hashlib

import pytest

from orthancgen.audit.output.html import as_html
from orthancgen.audit.run import Report
from orthancgen.site.problems import HIDDEN
from tests.support.page import Page
from tests.unit.audit.reports import RULES, TOUR, finding, hostile, many, on_a_line, report

LINKS = {one.url for rule in RULES for one in rule.references}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3", "h4", "p", "ul", "li", "strong",
    "main", "section", "div", "article", "span", "code", "pre", "mark", "dl", "dt", "dd", "a", "table", "thead",
    "tbody", "tr", "th", "td", "br",
}  # fmt: skip


def page_of(*reports: Report) -> Page:
    """The page, after what holds of every one."""
    page = Page(as_html(reports))
    assert {tag for tag, _ in page.elements} <= ALLOWED
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name in {"style", "src"} for name in attributes)
        if tag == "a":
            assert attributes["href"] in LINKS
            assert attributes["rel"] == "noopener noreferrer"
    policy = next(attributes["content"] for _, attributes in page.elements if attributes.get("http-equiv") is not None)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in page.style
    assert "@import" not in page.style
    assert "@media print" in page.style
    assert "prefers-color-scheme: dark" in page.style
    return page


def articles(page: Page) -> list[str | None]:
    return [attributes["class"] for tag, attributes in page.elements if tag == "article"]


def test_everything_is_on_it() -> None:
    page = page_of(TOUR)
    assert articles(page) == ["finding critical", "finding medium"]
    texts = {text.strip() for text in page.texts}
    for text in (
        "Audit: orthanc.json", "1 critical, 1 medium, 1 accepted", "orthanc.json: Orthanc 1.13.0", "the door is open",
        "WebDAV answers", "orthanc.json:2:3", "RemoteAccessAllowed", "close it", "whoever reaches it gets in",
        "Orthanc Book, faq/security", "(likely)", "replaced in spring", "PACS team", "2027-06-30", "version 1.10.1",
        "CVE-2023-33466", "RFC 9325, 4.1", "nothing-wrong", "nothing is wrong", "a comma behind the last one",
        "remove it",
    ):  # fmt: skip
        assert any(text in one for one in texts), text
    assert [text for text in page.texts if text == '"RemoteAccessAllowed"']  # what is marked in the excerpt


@pytest.mark.parametrize("number", [0, 3, 60])
def test_an_article_for_each_finding_that_counts(number: int) -> None:
    one = many(number)
    page = page_of(one)
    assert articles(page) == [f"finding {found.severity.word}" for found in one.findings if found.counts]


def test_no_finding_is_said() -> None:
    page = page_of(report())
    assert "nothing found by 4 rules" in page.texts
    assert ("p", {"class": "yes"}) in page.elements
    assert ("p", {"class": "yes"}) not in page_of(TOUR).elements


def test_targets_have_identifiers_of_their_own() -> None:
    page = page_of(TOUR, report(target="prod"))
    identified = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(identified)) == len(identified) == 2
    labels = {attributes["aria-labelledby"] for _, attributes in page.elements if "aria-labelledby" in attributes}
    assert labels == set(identified)


def test_hostile_strings_are_text() -> None:
    for text, one in hostile():
        page = page_of(one)
        assert len(articles(page)) == 1
        assert not text or on_a_line(text) in page.texts, text
        assert all(found.replace("\n", " ").isprintable() for found in page.texts)


def test_what_stands_between_backticks_is_code() -> None:
    page = page_of(report(finding(message="write `a: <b>`, not ` more")))
    assert "write `a: <b>`, not ` more" in page.texts
    page = page_of(report(finding(message="write `a: <b>`, not `c`")))
    first = page.texts.index("write ")
    assert page.texts[first : first + 4] == ["write ", "a: <b>", ", not ", "c"]


def test_secrets_stay_hidden() -> None:
    text = as_html([report(finding(line=3, columns=(4, 19)))])
    assert "[hidden]" in text
    assert HIDDEN not in text
