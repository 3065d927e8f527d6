"""Every format says the same, carries whatever the model may hold, and lets nothing of it act."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from orthancgen.access.document import as_document
from orthancgen.access.model import Report
from orthancgen.access.page import as_html
from orthancgen.access.report import report
from orthancgen.access.spreadsheet import COLUMNS, as_csv, harmless
from orthancgen.access.table import as_text
from orthancgen.errors import RenderError
from orthancgen.plan.build import plan
from orthancgen.render.quoting import html
from orthancgen.site.load import load
from orthancgen.site.problems import format_path
from tests.support.environments import load_text
from tests.support.hostile import CORPUS
from tests.support.page import Page
from tests.unit.access.sites import valid_sites

FORMULA = "=+-@\t\r\n＝＋－＠"


def report_of(path: Path) -> Report:
    loaded = load(path)
    return report(loaded, plan(loaded.require(), loaded.version))


PLACES: dict[str, tuple[str, ...]] = {
    "description": ("description",),
    "own": ("orthanc", "aet"),
    "aet": ("modalities", "ct1", "aet"),
    "address": ("modalities", "ct1", "address"),
    "name": ("modalities", "@KEY"),
    "user": ("users", "@KEY"),
}


def hostile_document(text: str, places: Iterable[str]) -> str:
    """An environment with the string in some places: as a value, or in place of a key."""
    document: dict[str, Any] = {
        "environment": "dev",
        "kind": "development",
        "orthanc": {"aet": "ORTHANC", "version": "1.13.0"},
        "dicom": {"ae_checks": {"calling_aet": "registered"}},
        "modalities": {"ct1": {"aet": "CT1", "address": "192.0.2.10"}},
        "users": {"admin": {"role": "administrator", "password": {"secret": "admin_password"}}},
    }
    for place in places:
        *sections, last = PLACES[place]
        holder = document
        for section in sections:
            holder = holder[section]
        if last == "@KEY" and place == "name":
            holder[text] = {"aet": "NAMED", "address": "192.0.2.11"}
        elif last == "@KEY":
            holder[text] = {"role": "viewer", "password": {"secret": "other_password"}}
        else:
            holder[last] = text
    return yaml.safe_dump(document, sort_keys=False)


def hostile_reports(folder: Path) -> Iterator[tuple[int, Report]]:
    """For each string of the corpus, a report with it in every place that takes it; and how many these are."""
    for text in CORPUS:
        taken = [place for place in PLACES if load_text(hostile_document(text, [place]), folder).site is not None]
        loaded = load_text(hostile_document(text, taken), folder)
        if taken and loaded.site is not None:
            yield len(taken), report(loaded, plan(loaded.site, loaded.version))


def test_hostile_strings_arrive_as_they_are_and_do_nothing(tmp_path: Path) -> None:
    taken = 0
    for places, one in hostile_reports(tmp_path):
        taken += places
        # JSON
        document = json.loads(json.dumps(as_document(one)))
        assert document["description"] == one.description
        assert document["orthanc"]["aet"] == one.orthanc_aet
        assert [row["calling_aet"] for row in document["dicom"]] == [row.calling_aet for row in one.rows]
        # CSV
        lines = list(csv.reader(io.StringIO(as_csv(one), newline="")))
        assert all(len(line) == len(COLUMNS) for line in lines)
        dicom = [line for line in lines if line[0] == "dicom"]
        assert [line[2] for line in dicom] == [harmless(row.calling_aet or "") for row in one.rows]
        assert not any(cell.lstrip(" ").startswith(tuple(FORMULA)) for line in lines for cell in line)
        # HTML
        page = Page(as_html(one))
        texts = set(page.texts)
        if one.description:
            assert one.description in texts
        assert one.orthanc_aet in texts
        assert {f"{row.caller} ({row.calling_aet})" for row in one.rows if row.calling_aet} <= texts
        assert_nothing_acts(page)
        # the table, which has no description, stays on its lines
        assert places == 1 or all(line.isprintable() for line in as_text(one).splitlines())
    assert taken > 150


def assert_nothing_acts(page: Page) -> None:
    """No script, no event, nothing from elsewhere; the style is the one that the policy names."""
    names = {tag for tag, _ in page.elements}
    assert not names & {"script", "img", "iframe", "object", "embed", "link", "base", "form", "a", "use", "image"}
    for _, attributes in page.elements:
        assert not any(name.startswith("on") or name in {"style", "href", "src", "xlink:href"} for name in attributes)
    policy = next(attributes["content"] for _, attributes in page.elements if attributes.get("http-equiv") is not None)
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in page.style
    assert "@import" not in page.style


def test_the_page_has_every_row_of_the_report(tmp_path: Path) -> None:
    for loaded, built in valid_sites(99, 12, tmp_path):
        one = report(loaded, built)
        page = Page(as_html(one))
        rows = [attributes["class"] for tag, attributes in page.elements if tag == "tr" and "class" in attributes]
        wanted = [row.allowed for row in one.rows] + [bool(row.may) for row in one.web]
        assert [name == "allowed" for name in rows if name in ("allowed", "refused")] == wanted
        texts = set(page.texts)
        assert {row.reason for row in one.rows} <= {text.strip() for text in texts}
        assert {format_path(setting.path) for row in one.rows for setting in row.settings} <= texts
        assert_nothing_acts(page)


def test_the_picture_can_be_read_without_seeing_it() -> None:
    page = Page(as_html(report_of(Path("tests/golden/prod-1.13.0.yaml"))))
    svg = next(attributes for tag, attributes in page.elements if tag == "svg")
    assert svg["role"] == "img"
    identified = {attributes.get("id") for _, attributes in page.elements}
    assert {*(svg["aria-labelledby"] or "").split()} <= identified
    description = next(text for text in page.texts if text.startswith("ct1 to DICOM 2762: echo, store."))
    assert "workstation1 to DICOM 2762: echo, find, get, move." in description
    assert "anyone else to DICOM 2762: nothing: refused" in description
    assert "this host to HTTP 8042" in description or "this host alone to HTTP 8042" in description


def test_boxes_of_the_picture_do_not_overlap(tmp_path: Path) -> None:
    for loaded, built in valid_sites(5, 30, tmp_path):
        page = Page(as_html(report(loaded, built)))
        boxes = [
            tuple(int(attributes[name] or "") for name in ("x", "y", "width", "height"))
            for tag, attributes in page.elements
            if tag == "rect"
        ]
        view = next(attributes["viewbox"] for tag, attributes in page.elements if tag == "svg")
        _, _, width, height = map(int, (view or "").split())
        for index, (x, y, w, h) in enumerate(boxes):
            assert x >= 0 <= y
            assert x + w <= width
            assert y + h <= height
            for ox, oy, ow, oh in boxes[index + 1 :]:
                assert x + w <= ox or ox + ow <= x or y + h <= oy or oy + oh <= y


@pytest.mark.parametrize("text", ["\0", "a\x1bb", "\x85", "\ud800", "\ufdd0", "\uffff", "a\nb"])
def test_what_html_cannot_carry_is_refused(text: str) -> None:
    with pytest.raises(RenderError):
        html(text)


def test_html_is_quoted() -> None:
    assert html("<a b=\"c\" d='e'>&amp;") == "&lt;a b=&#34;c&#34; d=&#39;e&#39;&gt;&amp;amp;"


def test_csv_is_of_rfc_4180() -> None:
    text = as_csv(report_of(Path("tests/golden/staging-1.13.0.yaml")))
    assert text.endswith('"\r\n')
    assert not re.search(r"[^\r]\n|\r[^\n]", text)
    head = text.split("\r\n")[0]
    assert head == ",".join(f'"{name}"' for name in COLUMNS)


def test_json_has_the_documented_keys() -> None:
    """docs/access.md names every key of the document, and none that is not there."""
    environments = ("tests/golden/prod-1.13.0.yaml", "environments/dev.yaml", "tests/golden/prod-plain-1.13.0.yaml")
    documents = [as_document(report_of(Path(name))) for name in environments]
    documented = set(re.findall(r"^\| `([a-z_.\[\]]+)` \|", Path("docs/access.md").read_text("utf-8"), re.MULTILINE))
    assert {key for document in documents for key in _keys(document)} == documented


def _keys(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield f"{path}{key}"
            yield from _keys(inner, f"{path}{key}.")
    elif isinstance(value, list):
        for inner in value:
            yield from _keys(inner, f"{path[:-1]}[].")
