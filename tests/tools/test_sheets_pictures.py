"""Sheets as Chromium, Poppler and ZBar see them: nothing is cut off or sticks out, on screen and on paper.

The pictures that are looked at are those of `python -m pytest tests/tools/test_sheets_pictures.py --basetemp=FOLDER`.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import pytest

from orthancgen.sheets.catalogue import LANGUAGES, catalogue
from orthancgen.sheets.connection import Connection
from orthancgen.sheets.writers import WRITERS
from tests.support import sheets
from tests.support.chromium import Page, browser

LINKS: Final = {
    "ordinary": sheets.connection(),
    "long": sheets.extreme(),
    "longest": sheets.extreme(host=sheets.LONGEST_HOST),
    "ipv6": sheets.extreme(host=sheets.IPV6),
}
PAGES: Final = ("sheet", "card", "index", "network")
STICKING_OUT: Final = """
[...document.querySelectorAll("body, body *")].filter(e => !e.closest("svg"))
  .filter(e => getComputedStyle(e).display !== "inline")
  .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
    || e.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5)
  .map(e => `${e.tagName}.${e.className}: ${e.textContent.slice(0, 60)}`)
"""
"""Elements whose content is wider than they are, or that stand outside of the window."""
FAINT: Final = """
(() => {
  const linear = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const colour = text => text.match(/[\\d.]+/g).map(Number);
  const ground = element => {
    for (; element; element = element.parentElement) {
      const found = colour(getComputedStyle(element).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const contrast = element => {
    const two = [light(colour(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    return (two[0] + 0.05) / (two[1] + 0.05);
  };
  const hasText = element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
  return [...document.querySelectorAll("body *")].filter(hasText)
    .map(element => [contrast(element), `${element.tagName}.${element.className}`]).filter(([ratio]) => ratio < 4.5);
})()
"""
"""Texts whose contrast is less than 4.5 to 1 (WCAG 2.2, success criterion 1.4.3)."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


def content(kind: str, link: Connection, language: str, format_name: str) -> bytes:
    writer, words = WRITERS[format_name], catalogue(language)
    match kind:
        case "sheet":
            return writer.sheet(sheets.sheet(link), words)
        case "card":
            return writer.card(sheets.card(link), words)
        case "index":
            return writer.index(sheets.sheet_set(link), {"ct1": "ct1.html", "card": "card.html"}, words)
        case _:
            return writer.network(sheets.sheet_set(link), words)


def decoded(picture: Path) -> str:
    run = subprocess.run(["zbarimg", "--quiet", "--raw", str(picture)], capture_output=True, text=True, check=True)
    return run.stdout.removesuffix("\n")


def first_page(document: Path) -> Path:
    """A picture of it with 200 points to the inch."""
    command = ["pdftoppm", "-r", "200", "-png", "-singlefile", str(document), str(document.with_suffix(""))]
    subprocess.run(command, check=True)
    return document.with_suffix(".png")


def boxes(document: Path) -> list[tuple[float, float, list[tuple[float, float, float, float]]]]:
    """Width and height of each page, with the box of each word."""
    run = subprocess.run(["pdftotext", "-bbox", str(document), "-"], capture_output=True, text=True, check=True)
    found: list[tuple[float, float, list[tuple[float, float, float, float]]]] = []
    for line in run.stdout.splitlines():
        numbers = [float(one) for one in re.findall(r'"([\d.-]+)"', line)]
        if "<page " in line:
            found.append((numbers[0], numbers[1], []))
        elif "<word " in line:
            found[-1][2].append((numbers[0], numbers[1], numbers[2], numbers[3]))
    return found


@pytest.mark.parametrize("width", [1280, 800, 390])
@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("kind", PAGES)
def test_nothing_sticks_out_on_screen(page: Page, tmp_path: Path, kind: str, name: str, width: int) -> None:
    for language in LANGUAGES:
        file = tmp_path / f"{kind}-{name}-{language}.html"
        file.write_bytes(content(kind, LINKS[name], language, "html"))
        page.open(file, width=width)
        if name == "long":
            (tmp_path / f"{file.stem}-{width}.png").write_bytes(page.picture())
        assert page.evaluate(STICKING_OUT) == []
        assert page.evaluate("document.querySelectorAll('body *').length") > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", PAGES)
def test_every_text_can_be_read_in_light_and_dark(
    page: Page, tmp_path: Path, kind: str, scheme: Literal["light", "dark"]
) -> None:
    file = tmp_path / f"{kind}.html"
    file.write_bytes(content(kind, LINKS["long"], "en", "html"))
    page.open(file, width=1280, scheme=scheme)
    (tmp_path / f"{kind}-{scheme}.png").write_bytes(page.picture())
    assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is (scheme == "dark")
    assert page.evaluate(FAINT) == []


def test_what_is_typed_in_is_on_the_first_screen(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "sheet.html"
    file.write_bytes(content("sheet", LINKS["long"], "de", "html"))
    page.open(file, width=1280)
    bottom = page.evaluate("document.querySelector('.large tbody tr:last-child').getBoundingClientRect().bottom")
    assert 100 < bottom < 900


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", LINKS)
def test_the_code_on_screen_is_read(page: Page, tmp_path: Path, name: str, scheme: Literal["light", "dark"]) -> None:
    file = tmp_path / "sheet.html"
    file.write_bytes(content("sheet", LINKS[name], "en", "html"))
    page.open(file, width=800, scheme=scheme, scale=2)
    picture = tmp_path / "sheet.png"
    picture.write_bytes(page.picture())
    assert decoded(picture) == sheets.sheet(LINKS[name]).qr


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("kind", PAGES)
def test_nothing_sticks_out_on_paper(tmp_path: Path, kind: str, name: str, language: str) -> None:
    file = tmp_path / f"{kind}.pdf"
    file.write_bytes(content(kind, LINKS[name], language, "pdf"))
    assert_within(file, "card" if kind == "card" else "sheet")
    if kind in ("sheet", "card"):
        assert decoded(first_page(file)) == (sheets.sheet if kind == "sheet" else sheets.card)(LINKS[name]).qr


@pytest.mark.parametrize("name", LINKS)
@pytest.mark.parametrize("kind", PAGES)
def test_the_browser_prints_the_same_sizes(page: Page, tmp_path: Path, kind: str, name: str) -> None:
    source, file = tmp_path / f"{kind}.html", tmp_path / f"{kind}.pdf"
    source.write_bytes(content(kind, LINKS[name], "fr", "html"))
    page.open(source, width=1280)
    file.write_bytes(page.printed())
    assert_within(file, "card" if kind == "card" else "sheet")
    running = subprocess.run(["pdftotext", str(file), "-"], capture_output=True, text=True, check=True).stdout
    if kind != "card":
        assert "0123456789ab" in running
        assert f"Page 1 sur {len(boxes(file))}" in running


def assert_within(document: Path, layout: str) -> None:
    """Every word stands within the margins of A4, or of a single side of A5."""
    found = boxes(document)
    assert found
    if layout == "card":
        assert len(found) == 1
    width, height, margin = (148, 210, 7) if layout == "card" else (210, 297, 12)
    for page_width, page_height, words in found:
        assert (round(page_width / 72 * 25.4), round(page_height / 72 * 25.4)) == (width, height)
        assert words
        edge = margin / 25.4 * 72
        for left, top, right, bottom in words:
            assert edge <= left <= right <= page_width - edge
            assert 0 <= top <= bottom <= page_height - 12
