from __future__ import annotations

import base64
import hashlib
import os
import re
import shlex
import subprocess
import sys
from dataclasses import replace

import pytest
from markdown_it import MarkdownIt

from orthancgen.errors import RenderError
from orthancgen.sheets import pdf
from orthancgen.sheets.catalogue import Piece, catalogue
from orthancgen.sheets.connection import Connection
from orthancgen.sheets.html import breakable, css_string
from orthancgen.sheets.markdown import code, escaped, fenced
from orthancgen.sheets.pages import card_page, sheet_page
from orthancgen.sheets.qr import qr_svg
from orthancgen.sheets.sheet import Message, Row
from orthancgen.sheets.writers import WRITERS
from orthancgen.site.model import Contact
from tests.support import sheets
from tests.support.page import Page

ENGLISH = catalogue("en")


def texts_of_pdf(content: bytes) -> str:
    run = subprocess.run(["pdftotext", "-layout", "-", "-"], input=content, capture_output=True, check=True)
    return run.stdout.decode("utf-8")


def text_of(name: str, content: bytes) -> str:
    """The words of a page in any format."""
    match name:
        case "html":
            return Page(content.decode()).text
        case "pdf":
            return texts_of_pdf(content)
        case _:
            return content.decode("utf-8")


def fences(page: bytes) -> list[tuple[str, str]]:
    """Language and text of each fenced block, as a parser of Markdown finds them."""
    tokens = MarkdownIt("commonmark").parse(page.decode("utf-8"))
    return [(token.info, token.content.removesuffix("\n")) for token in tokens if token.type == "fence"]


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_input_gives_the_same_bytes(name: str) -> None:
    writer, link = WRITERS[name], sheets.extreme()
    every = sheets.sheet_set(link)
    files = {"ct1": f"ct1.{writer.extension}"}
    sheet, card = sheets.sheet(link), sheets.card(link)
    assert writer.sheet(sheet, ENGLISH) == writer.sheet(sheet, ENGLISH)
    assert writer.card(card, ENGLISH) == writer.card(card, ENGLISH)
    assert writer.index(every, files, ENGLISH) == writer.index(every, files, ENGLISH)
    assert writer.network(every, ENGLISH) == writer.network(every, ENGLISH)


def test_neither_the_day_nor_the_order_of_hashes_changes_a_byte() -> None:
    code = (
        "import hashlib, sys; from tests.support import sheets; from orthancgen.sheets.catalogue import catalogue; "
        "from orthancgen.sheets.writers import WRITERS; words = catalogue('fr'); "
        "print([hashlib.sha256(w.sheet(sheets.sheet(), words) + w.card(sheets.card(), words)).hexdigest() "
        "for w in WRITERS.values()])"
    )
    said = []
    for day, seed in (("2027-01-01 00:00:00", "1"), ("2031-12-31 23:59:59", "2")):
        command = ["faketime", day, sys.executable, "-c", code]
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        said.append(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)
    assert said[0] == said[1] != ""


@pytest.mark.parametrize("link", [sheets.connection(), sheets.extreme(), sheets.extreme(host=sheets.LONGEST_HOST)])
@pytest.mark.parametrize("name", ["html", "md", "pdf"])
def test_every_value_stands_whole(name: str, link: Connection) -> None:
    sheet = sheets.sheet(link)
    content = WRITERS[name].sheet(sheet, ENGLISH)
    shown = re.sub(r"\s+", "", text_of(name, content))
    values = [row.value for row in (*sheet.rows, *sheet.send_back) if row.value is not None]
    values += [one.text for one in sheet.commands] + [line for note in sheet.network for line in note.commands]
    assert len(values) > 10
    for value in values:
        assert re.sub(r"\s+", "", value) in shown, value


def test_a_page_holds_all_it_needs_and_runs_nothing() -> None:
    page = Page(WRITERS["html"].sheet(sheets.sheet(), ENGLISH).decode())
    policy = next(a["content"] for t, a in page.elements if t == "meta" and a.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object", "form"} == set()
    assert not [a for _, a in page.elements if any(name.startswith("on") or name in ("src", "style") for name in a)]
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_a_page_can_be_read_by_programs() -> None:
    page = Page(WRITERS["html"].sheet(sheets.sheet(), catalogue("de")).decode())
    assert ("html", {"lang": "de", "class": "sheet size-0"}) in page.elements
    assert ("ol", {"class": "steps", "lang": "en"}) in page.elements
    assert sum(tag == "h1" for tag, _ in page.elements) == 1
    assert all(attributes.get("scope") in ("row", "col") for tag, attributes in page.elements if tag == "th")
    sections = [a["aria-labelledby"] for tag, a in page.elements if tag == "section"]
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(set(ids)) == len(ids)
    assert set(sections) <= set(ids)
    assert {a["href"] for _, a in page.elements if (a.get("href") or "").startswith("#")} == {"#source-1"}
    assert "source-1" in ids


@pytest.mark.parametrize("name", ["html", "md", "pdf"])
def test_hostile_values_are_shown_as_text(name: str) -> None:
    link = sheets.connection(description=sheets.HOSTILE)
    facts = sheets.site(name=sheets.HOSTILE, contact=Contact(name=sheets.HOSTILE, phone=sheets.HOSTILE))
    sheet = replace(
        sheets.sheet(link, facts, value=sheets.HOSTILE),
        title=Message("{name}", {"name": sheets.HOSTILE}),
        checks=(Message("Ask {name}, with `{name}`", {"name": sheets.HOSTILE}),),
    )
    content = WRITERS[name].sheet(sheet, ENGLISH)
    if name == "pdf":
        assert sheets.HOSTILE[:40] in texts_of_pdf(content)
        return
    page = Page(content.decode() if name == "html" else MarkdownIt("commonmark").render(content.decode()))
    assert page.text.count(sheets.HOSTILE) >= 7
    assert "script" not in {tag for tag, _ in page.elements}
    assert "http://b.example" not in {a.get("href") for _, a in page.elements}


def test_a_control_character_is_refused_by_html_and_becomes_a_space_in_markdown() -> None:
    sheet = sheets.sheet(value="CT\x1b[2J1")
    for name in ("html", "pdf"):
        with pytest.raises(RenderError):
            WRITERS[name].sheet(sheet, ENGLISH)
    assert b"`CT [2J1`" in WRITERS["md"].sheet(sheet, ENGLISH)


def test_every_command_can_be_taken_out_of_the_markdown_again() -> None:
    sheet = sheets.sheet(sheets.extreme())
    script = replace(
        sheet.commands[0], id="script", language="python", text='print("""\n```sh\nrm\n```\n\n    x""")', argv=()
    )
    sheet = replace(sheet, commands=(*sheet.commands, script))
    found = fences(WRITERS["md"].sheet(sheet, ENGLISH))
    expected: list[tuple[str, str]] = [(one.language, one.text) for one in sheet.commands]
    expected += [(note.language, "\n".join(note.commands)) for note in sheet.network]
    assert found == expected
    assert shlex.split(found[1][1].replace("\\\n", "")) == list(sheet.commands[1].argv)


def test_every_command_can_be_taken_out_of_the_page_again() -> None:
    sheet = sheets.sheet(sheets.extreme())
    page = WRITERS["html"].sheet(sheet, ENGLISH).decode()
    found = re.findall(r"<pre><code class=\"language-(\w+)\">(.*?)</code></pre>", page, re.DOTALL)
    assert [text for _, text in found] == [
        *(one.text for one in sheet.commands),
        *("\n".join(note.commands) for note in sheet.network),
    ]


@pytest.mark.parametrize("host", ["pacs.example.org", sheets.LONG_HOST, sheets.LONGEST_HOST, sheets.IPV6])
@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_the_card_is_one_side_of_a5(host: str, language: str) -> None:
    content = WRITERS["pdf"].card(sheets.card(sheets.extreme(host=host)), catalogue(language))
    info = subprocess.run(["pdfinfo", "-"], input=content, capture_output=True, check=True).stdout.decode()
    assert re.search(r"^Pages:\s+1$", info, re.MULTILINE)
    size = re.search(r"^Page size:\s+([\d.]+) x ([\d.]+) pts", info, re.MULTILINE)
    assert size
    assert [round(float(points) / 72 * 25.4) for points in size.groups()] == [148, 210]
    shown = re.sub(r"\s+", "", texts_of_pdf(content))
    assert host in shown
    assert shown.count(host) == 3


def test_a_full_card_leaves_tests_out_before_its_type_gets_too_small_and_says_so() -> None:
    link = sheets.extreme(host=sheets.LONGEST_HOST)
    card = sheets.card(link, sheets.site(contact=Contact(name="W" * 200, phone="0" * 200)))
    full = replace(card, rows=(*card.rows, Row("A", "W" * 250), Row("B", "W" * 250)), tests=card.tests * 3)
    shown = texts_of_pdf(WRITERS["pdf"].card(full, ENGLISH))
    assert shown.count("\f") == 1
    assert "More tests stand on the sheets." in shown
    assert 0 < shown.count("echoscu") + shown.count("storescu") < 6
    assert re.sub(r"\s+", "", shown).count("W" * 250) == 2
    assert "More tests" not in texts_of_pdf(WRITERS["pdf"].card(sheets.card(link), ENGLISH))


def test_a_card_that_cannot_fit_is_refused_and_says_so() -> None:
    card = sheets.card()
    full = replace(card, rows=tuple(Row("Host", sheets.LONGEST_HOST) for _ in range(40)))
    with pytest.raises(RenderError, match="one side of A5"):
        WRITERS["pdf"].card(full, ENGLISH)


def test_the_card_says_its_size_to_the_browser_and_takes_smaller_type_when_it_is_full() -> None:
    page = WRITERS["html"].card(sheets.card(), ENGLISH).decode()
    long = WRITERS["html"].card(sheets.card(sheets.extreme(host=sheets.LONGEST_HOST)), ENGLISH).decode()
    assert "size: A5" in page
    sizes = [int(re.findall(r'class="card size-(\d)"', text)[0]) for text in (page, long)]
    assert sizes[0] < sizes[1]


def test_a_pdf_names_its_title_and_language_and_no_time() -> None:
    content = WRITERS["pdf"].sheet(sheets.sheet(), catalogue("fr"))
    info = subprocess.run(["pdfinfo", "-"], input=content, capture_output=True, check=True).stdout.decode()
    assert "Example: ct1: Radiology archive" in info
    assert "Tagged:          yes" in info
    assert "CreationDate" not in info


def test_a_pdf_is_laid_out_without_a_complaint(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("WARNING", logger="weasyprint"):
        WRITERS["pdf"].sheet(sheets.sheet(sheets.extreme()), ENGLISH)
        WRITERS["pdf"].card(sheets.card(), ENGLISH)
    assert caplog.messages == []


def test_a_pdf_fetches_nothing() -> None:
    with pytest.raises(ValueError, match="fetches nothing"):
        pdf._refuse("file:///etc/passwd")


@pytest.mark.parametrize(("error", "remedy"), [(ImportError, ".whl[pdf]"), (OSError, "libpango")])
def test_what_a_pdf_needs_is_said(monkeypatch: pytest.MonkeyPatch, error: type[Exception], remedy: str) -> None:
    def absent(name: str, *_: object, **__: object) -> object:
        raise error(name)

    monkeypatch.setattr("builtins.__import__", absent)
    with pytest.raises(RenderError) as raised:
        pdf._weasyprint()
    monkeypatch.undo()
    assert remedy in str(raised.value.hint)


def test_the_index_links_to_what_was_made_and_only_to_that() -> None:
    every = sheets.sheet_set()
    files = {"ct1": "ct 1.html", "card": "card.html"}
    page = Page(WRITERS["html"].index(every, files, ENGLISH).decode())
    assert [a["href"] for tag, a in page.elements if tag == "a"] == ["./ct%201.html", "./card.html"]
    assert "Example: mr1" in page.text
    assert "Network notes" in page.text
    markdown = WRITERS["md"].index(every, files, ENGLISH).decode()
    assert "[Example: ct1](./ct%201.html)" in markdown
    assert "| Example: mr1 | CT1 | 192.168.10.21:104 | ORTHANC · pacs.example.org:4242 | DICOM |" in markdown


def test_no_section_stands_empty() -> None:
    sheet = replace(
        sheets.sheet(facts=sheets.site(contact=None)),
        paths=(),
        rows=(),
        tests=(),
        commands=(),
        send_back=(),
        checks=(),
        network=(),
        quirks=(),
        sources={},
        vendor=sheets.VENDOR.model_copy(update={"products_differ": None, "tls": None}),
    )
    page = sheet_page(sheet, ENGLISH)
    assert [section.id for section in page.sections] == ["enter", "rights", "tls"]
    shown = WRITERS["md"].sheet(sheet, ENGLISH).decode()
    assert "- **AE title of Orthanc (called AE title)** — `ORTHANC`" in shown
    assert "- **Port of Orthanc** — `4242`" in shown
    assert "Questions" not in shown


def test_what_is_typed_in_comes_first_and_the_page_says_what_it_holds_for() -> None:
    page = sheet_page(sheets.sheet(), ENGLISH)
    assert page.sections[0].id == "enter"
    assert page.stamp == (
        ("Environment", "prod"),
        ("Release", "12"),
        ("As of", "30 June 2027"),
        ("Server", "Orthanc 1.13.0"),
        ("Fingerprint", "0123456789ab"),
    )
    assert (
        page.running == "Radiology archive · Example: ct1 · Release 12 · 30 June 2027 · Orthanc 1.13.0 · 0123456789ab"
    )
    assert page.lead[-1] == (
        Piece("Questions?"),
        Piece(" "),
        Piece("PACS team"),
        Piece(" · "),
        Piece("Telephone: +00 000 0000"),
        Piece(" · "),
        Piece("E-mail: pacs@example.org"),
    )


def test_a_site_that_was_not_deployed_says_so() -> None:
    facts = sheets.site()
    page = card_page(sheets.card(facts=replace(facts, issue=replace(facts.issue, release=None))), ENGLISH)
    assert ("Release", "none yet") in page.stamp
    assert "Release" not in page.running


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("pacs.example.org", ("pacs.example.org",)),
        ("pacs-1.radiology.hospital.example", ("pacs-", "1.", "radiology.", "hospital.", "example")),
        ("the room 2.114 of the east wing", ("the room 2.114 of the east wing",)),
        ("2001:db8::ffff:ffff:ffff:fffe", ("2001:", "db8::", "ffff:", "ffff:", "ffff:", "fffe")),
    ],
)
def test_a_long_value_may_be_broken_where_people_would(value: str, parts: tuple[str, ...]) -> None:
    assert breakable(value) == parts


@pytest.mark.parametrize(
    "text", ["`", "``a`", "a | b", "- x", "1. x", "# x", "<b>", "[a](b)", "www.a.example", "> x", "&lt;"]
)
def test_markdown_gives_a_text_back(text: str) -> None:
    assert re.sub(r"<[^>]*>", "", MarkdownIt("gfm-like").disable("linkify").render(escaped(text))).strip() == (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    )
    (inline,) = MarkdownIt().parseInline(code(text))
    assert [(child.type, child.content) for child in inline.children or ()] == [("code_inline", text)]


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced("a\n````\nb", "sh") == ("`````sh", "a", "````", "b", "`````")


def test_a_string_of_css_ends_where_it_should() -> None:
    assert css_string('a"} b') == '"a\\22 \\7d \\20 b"'


def test_a_text_too_long_for_any_code_has_none() -> None:
    assert qr_svg("a" * 850) is not None
    assert qr_svg("a" * 900) is None
    assert qr_svg("a" * 9000) is None
    assert "<figure>" not in WRITERS["html"].sheet(replace(sheets.sheet(), qr="a" * 900), ENGLISH).decode()
