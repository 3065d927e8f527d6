"""The vendors' data: what is shipped is right, and what is wrong is told at its place."""

from __future__ import annotations

import typing

import pytest

from orthancgen.errors import InputError
from orthancgen.sheets.load import FOLDER, PLACEHOLDERS, read_vendor, texts, vendor, vendor_ids, vendors
from orthancgen.site.modalities import Vendor as VendorName

GOOD = """\
id: acme
name: Acme
kind: toolkit
about: Programs of Acme.
sources:
  manual: {title: Manual, url: "https://acme.example/manual", read_on: "2026-11-27"}
fields:
  - {label: AE Title, value: called_aet, source: manual}
commands:
  - id: echo
    purpose: Test
    argv: [echo, {when: tls, args: [--tls]}, "{called_aet}@{host}:{port}"]
    success: It says so.
    source: manual
"""


def said(text: str) -> list[tuple[int, str, str]]:
    found, problems = read_vendor(text, "acme.yaml")
    assert found is None or problems == () or all(one.mark for one in problems)
    return [(one.mark.line if one.mark else 0, one.key_path, one.message) for one in problems]


def test_there_is_data_for_each_vendor_of_the_model_and_for_the_web() -> None:
    assert set(vendor_ids()) == {*typing.get_args(VendorName), "rest"}


@pytest.mark.parametrize("name", vendor_ids())
def test_what_is_shipped_is_right(name: str) -> None:
    file = FOLDER / f"{name}.yaml"
    found, problems = read_vendor(file.read_text(encoding="utf-8"), file.name)
    assert problems == ()
    assert found == vendor(name)


def test_good_data_has_no_problem() -> None:
    assert said(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id: acme", "id: other", [(1, "id", "the id differs from the file's name, acme")]),
        ("called_aet, source: manual", "called_aet, source: web", [(8, "fields[0].source", "there is no source web")]),
        ("{host}:", "{hots}:", [(12, "commands[0].argv", "there is no value hots to put in")]),
        ("{host}:", "{host:", [(12, "commands[0].argv", "a brace without its other half")]),
        ("Programs of Acme.", "'Programs of {acme}.'",
         [(4, "about", "a text that is translated has no braces: they stand for values there")]),
        ("kind: toolkit", "kind: tool",
         [(3, "kind", '"tool" is none of: modality, workstation, program, toolkit, web')]),
        ("when: tls", "when: ssl",
         [(12, "commands[0].argv[1].when",
           '"ssl" is none of: tls, plain, client_certificate, no_client_certificate, https')]),
        ("name: Acme", "nam: Acme", [(1, "name", "name is missing"), (2, "nam", "unknown key nam")]),
        ("purpose: Test", "purpose: Test\n    purpose: Again", [(12, "", "the key purpose stands twice")]),
        ("name: Acme", "name: [Acme", [(3, "", "this is no YAML: did not find expected ',' or ']'")]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_at_its_place(old: str, new: str, expected: list[tuple[int, str, str]]) -> None:
    assert GOOD.count(old) == 1
    assert said(GOOD.replace(old, new)) == expected


def test_a_source_that_nothing_refers_to() -> None:
    extra = '  web: {title: Page, url: "https://acme.example", read_on: "2026-11-27"}\n'
    text = GOOD.replace("fields:\n", f"{extra}fields:\n")
    assert said(text) == [(7, "sources.web", "nothing refers to the source web")]


def test_a_script_needs_its_template_and_an_id_of_its_own() -> None:
    script = "scripts: [{id: echo, purpose: Test, language: sh, success: Yes., source: manual}]\n"
    assert said(GOOD + script) == [
        (10, "commands", "the id echo stands twice among commands and scripts"),
        (15, "scripts[0].id", "there is no template sheets/scripts/echo.j2"),
    ]


def test_every_problem_at_once() -> None:
    text = GOOD.replace("id: acme", "id: other").replace("{host}", "{hots}")
    assert len(said(text)) == 2


def test_an_unknown_vendor_is_an_error_with_a_suggestion() -> None:
    with pytest.raises(InputError) as caught:
        vendor("dcmtc")
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("did you mean dcmtk? there are: ")


def test_every_placeholder_of_the_shipped_data_is_known() -> None:
    assert {"file", "folder", "study_uid", "port_back", "called_aet"} <= PLACEHOLDERS


def test_texts_are_what_is_translated() -> None:
    keys = {path[0] for one in vendors().values() for path, _ in texts(one)}
    assert {"about", "tls", "quirks", "commands", "scripts"} <= keys
    assert all(path[-1] not in {"label", "steps"} for one in vendors().values() for path, _ in texts(one))
