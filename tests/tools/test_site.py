"""The documentation as a site: builds without a warning, fetches nothing from elsewhere, is searched in a browser."""

from __future__ import annotations

import functools
import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from PIL import Image

from scripts import screenshots
from tests.support.chromium import Page, browser
from tests.support.servers import wait_until

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # Strict: a page that is in no menu, a link or anchor that leads nowhere, an unknown name of the API end the build.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "http_proxy": "http://127.0.0.1:1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def pages_of(menu: object) -> Iterator[str]:
    if isinstance(menu, str):
        yield menu
    elif isinstance(menu, list):
        for one in menu:
            yield from pages_of(one)
    elif isinstance(menu, dict):
        yield from pages_of(list(menu.values()))


def test_every_page_stands_once_in_the_menu() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    listed = list(pages_of(yaml.safe_load(text)["nav"]))
    assert sorted(listed) == sorted(path.name for path in DOCS.glob("*.md"))


class Resources(HTMLParser):
    """What a page makes a browser fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") in {"canonical", "prev", "next"}:
            return
        names = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "object": "data"}
        if tag in names and (value := values.get(names[tag])):
            self.found.append(value)


def test_it_fetches_nothing_from_elsewhere(site: Path) -> None:
    seen = 0
    for page in site.rglob("*.html"):
        reader = Resources()
        reader.feed(page.read_text(encoding="utf-8"))
        seen += len(reader.found)
        assert not [value for value in reader.found if re.match(r"(?:[a-z]+:)?//", value)], page.name
    assert seen > 100
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*['\"]?https?:", sheet.read_text(encoding="utf-8")), sheet.name


def test_no_paragraph_swallows_a_list_or_a_table(site: Path) -> None:
    for page in site.glob("*.html"):
        text = re.sub(r"<pre.*?</pre>", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for paragraph in re.findall(r"<p>(.*?)</p>", text, re.DOTALL):
            assert not re.search(r"\n\s*(?:[-*] |\d\. |\| )", paragraph), (page.name, paragraph[:200])


def test_the_api_is_documented(site: Path) -> None:
    page = (site / "api.html").read_text(encoding="utf-8")
    for name in ("load", "plan", "render", "audit", "verify"):
        assert f'id="orthancgen.api.{name}"' in page
    assert "InputError" in page


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and keeps quiet about it."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


LINKS = "[...document.querySelectorAll('.md-search-result__link')].map(one => one.getAttribute('href'))"
WIDER = (
    "[document.documentElement.scrollWidth - innerWidth, "
    "[...document.images].filter(one => !one.alt || (one.complete && !one.naturalWidth)).length]"
)


def found_by(page: Page, address: str) -> list[str]:
    """Links that the search of a page shows for a word."""
    page.call("Page.navigate", url=f"{address}?q=storage+commitment")
    wait_until(lambda: bool(page.evaluate(LINKS)), what="a result of the search")
    links: list[str] = page.evaluate(LINKS)
    return links


def test_a_browser_finds_a_word_and_every_page_fits(site: Path, tmp_path: Path) -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with browser(tmp_path / "profile") as page:
                # By HTTP, and where the folder is opened without any server.
                for address in (
                    f"http://127.0.0.1:{server.server_address[1]}/index.html",
                    f"{site.as_uri()}/index.html",
                ):
                    links = found_by(page, address)
                    assert any("admission.html" in one or "access.html" in one for one in links), address
                for path in sorted(DOCS.glob("*.md")):
                    page.open(site / f"{path.stem}.html", width=390)
                    assert page.evaluate(WIDER) == [0, 0], path.name
        finally:
            server.shutdown()
            thread.join()


def test_links_of_the_readme_lead_somewhere() -> None:
    for name in ("README.md", "CHANGELOG.md", *(f"docs/{path.name}" for path in DOCS.glob("*.md"))):
        text = re.sub(r"^```.*?^```$", "", (ROOT / name).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
        for link in re.findall(r"\]\(<?([^)<>#\s]+)(?:#[^)]*)?\)", re.sub(r"`[^`\n]*`", "", text)):
            if not re.match(r"[a-z]+:", link):
                assert ((ROOT / name).parent / link).exists(), f"{name}: {link}"


def test_pictures_are_small_and_shown() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    pictures = sorted((DOCS / "images").iterdir())
    assert {one.name for one in screenshots.PICTURES} <= {path.stem for path in pictures}
    for path in pictures:
        assert path.stat().st_size < screenshots.MAXIMUM_BYTES, path.name
        assert f"(images/{path.name})" in text, f"{path.name} stands on no page"


def test_they_are_taken_of_what_the_command_writes(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    subprocess.run([sys.executable, "-m", "orthancgen", "init", str(folder)], cwd=ROOT, check=True, capture_output=True)
    with browser(tmp_path / "profile") as page:
        content = screenshots.take(screenshots.PICTURES[1], page, folder)
        assert page.evaluate("document.querySelector('h1').textContent") == "Who may do what: prod"
    (tmp_path / "taken.png").write_bytes(content)
    with Image.open(tmp_path / "taken.png") as opened:
        assert opened.size == (screenshots.WIDTH, screenshots.PICTURES[1].height)
        colours = opened.convert("RGB").getcolors(1 << 16)
    assert colours is not None
    assert len(colours) > 8
