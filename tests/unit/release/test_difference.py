from __future__ import annotations

import json
from pathlib import Path

import pytest

from orthancgen.release.difference import Difference, Side, as_lines, compare, compare_bundles
from orthancgen.release.model import Image
from orthancgen.render.artifact import Bundle, File

GOLDEN = Path(__file__).with_name("difference.txt")
COMPOSE = """\
services:
  orthanc: {image: "orthancteam/orthanc:26.8.1", networks: {edge: null}}
  backend: {image: "orthancgen/backend:1", networks: {edge: null}, user: "10001:10001"}
networks:
  edge: {}
"""
LUA = "function OnStableStudy(id)\n  local a = 1\n  local b = 2\n  local c = 3\n  notify(id)\n  return a\nend\n"
MODALITIES = {"ct1": {"AET": "CT1", "Port": 104}, "old": {"AET": "OLD", "Port": 104}}


def file(path: str, content: str | dict[str, object], *services: str, mode: int = 0o644) -> File:
    text = content if isinstance(content, str) else json.dumps(content, indent=2)
    return File(path, text.encode(), mode, services)  # type: ignore[arg-type]


BEFORE = Side(
    Bundle(
        (
            file(
                "orthanc/orthanc.json",
                {"DicomModalities": MODALITIES, "Plugins": ["a"], "RegisteredUsers": {"admin": "first-password"}},
                "orthanc",
            ),
            file("orthanc/orthancgen.lua", LUA, "orthanc"),
            file("gateway/haproxy.cfg", "global\n", "gateway"),
            file("compose.yaml", COMPOSE),
            file("MANIFEST.json", {"orthanc": "1.12.7", "files": {"compose.yaml": "sha256:1"}}),
        )
    ),
    digests={"orthanc": "1", "backend": "1", "gateway": "1"},
    images={"orthanc": Image("orthancteam/orthanc:26.8.1", "sha256:aa"), "backend": Image("b:1", "sha256:11")},
    secrets={"webhook_token": "1", "old_secret": "1"},
    secret_users={"webhook_token": ("orthanc", "backend"), "old_secret": ("gateway",)},
)
AFTER = Side(
    Bundle(
        (
            file(
                "orthanc/orthanc.json",
                {
                    "DicomModalities": {"ct1": {"AET": "CT1", "Port": 2762}, "mr1": {"AET": "MR1", "Port": 104}},
                    "Plugins": ["a", "b"],
                    "RegisteredUsers": {"admin": "second-password"},
                },
                "orthanc",
            ),
            file("orthanc/orthancgen.lua", LUA.replace("local c = 3", "local c = 4"), "orthanc"),
            file("database/health.sh", "exit 0\n", "database", mode=0o755),
            file("compose.yaml", COMPOSE.replace("edge: {}", "edge: {internal: true}")),
            file("MANIFEST.json", {"orthanc": "1.13.0", "files": {"compose.yaml": "sha256:2"}}),
        )
    ),
    digests={"orthanc": "2", "backend": "2", "database": "1"},
    images={
        "orthanc": Image("orthancteam/orthanc:26.9.0", "sha256:bb"),
        "backend": Image("b:1", "sha256:22"),
        "database": Image("mongo:8", "sha256:cc"),
    },
    secrets={"webhook_token": "2", "database_password": "1"},
    secret_users={"webhook_token": ("orthanc", "backend"), "database_password": ("database",)},
)


def text(difference: Difference) -> str:
    return "".join(f"{line}\n" for _, line in as_lines(difference))


def test_the_text_as_a_whole(update_golden: bool) -> None:
    shown = text(compare(BEFORE, AFTER))
    if update_golden:
        GOLDEN.write_text(shown, encoding="utf-8")
    assert shown == GOLDEN.read_text(encoding="utf-8")


def test_the_same_is_no_difference() -> None:
    found = compare(AFTER, AFTER)
    assert not found
    assert as_lines(found) == []
    assert found.as_dict() == {"files": [], "services": [], "secrets": {}, "images": {}}


def test_before_the_first_release_everything_is_new() -> None:
    found = compare(None, AFTER)
    assert {change.kind for change in found.files} == {"added"}
    assert {change.action for change in found.services} == {"start"}
    assert set(found.secrets.values()) == {"added"}


def test_the_document_is_json_and_holds_no_secret() -> None:
    document = json.dumps(compare(BEFORE, AFTER).as_dict())
    assert "-password" not in document
    assert '"path": "DicomModalities.ct1.Port"' in document


def both(path: str, before: str, after: str) -> list[str]:
    changes = compare_bundles(Bundle((file(path, before),)), Bundle((file(path, after),)))
    return [str(change) for change in changes]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('{"a": 1}', '{"a": true}', "a: 1 -> true"),
        ('{"a": 1}', '{"a": 1.0}', "a: 1 -> 1.0"),
        ('{"a": null}', "{}", "a: removed: null"),
        ("{}", '{"a": {}}', "a: added: {}"),
        ('{"a": [1, 2]}', '{"a": [2]}', "a: [1, 2] -> [2]"),
        ('{"a": [{"b": 1}]}', '{"a": [{"b": 2}]}', "a[0].b: 1 -> 2"),
        ('{"a": [{"b": 1}]}', '{"a": [{"b": 1}, {"b": 2}]}', 'a[1]: added: {"b": 2}'),
        ('{"a": {"b": 1}}', '{"a": "x"}', 'a: {"b": 1} -> "x"'),
        ('{"a": "\\u001b[2J"}', '{"a": "\\u202e"}', r'a: "\u001b[2J" -> "\u202e"'),
        ('{"a\\u001b": 1}', '{"a\\u001b": 2}', r"a\x1b: 1 -> 2"),
    ],
)
def test_values(before: str, after: str, says: str) -> None:
    assert both("x.json", before, after) == [f"x.json: {says}"]


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("x.json", '{"Password": "hunter-one"}', '{"Password": "hunter-two"}'),
        ("x.json", '{"RegisteredUsers": {"a": "hunter-one"}}', '{"RegisteredUsers": {"a": "hunter-two"}}'),
        ("x.json", '{"Url": "http://u:hunter-one@h/"}', '{"Url": "http://u:hunter-two@h/"}'),
        ("x.json", '{"Pasword": {"x": ["hunter-one"]}}', '{"Pasword": {"x": ["hunter-two"]}}'),
        ("x.json", "{}", '{"a": {"b": [{"ApiToken": "hunter-one"}]}}'),
        ("x.yaml", "environment: {DB_PASSWORD: hunter-one}", "environment: {DB_PASSWORD: hunter-two}"),
        ("x.cfg", "a = 1\npassword = hunter-one\n", "a = 2\npassword = hunter-two\n"),
        ("x.cfg", "password: hunter-one\n", "password: hunter-two\n"),
        ("x.cfg", "url http://u:hunter-one@h\n", "url http://u:hunter-two@h\n"),
        ("broken.json", '{"Password": "hunter-one"', '{"Password": "hunter-two"'),
    ],
)
def test_no_secret_is_shown_but_that_it_changed_is(path: str, before: str, after: str) -> None:
    found = both(path, before, after)
    assert found
    assert "hunter" not in "".join(found)


def test_where_a_secret_lies_is_no_secret() -> None:
    before, after = '{"password_file": "/run/secrets/one"}', '{"password_file": "../secrets/two"}'
    assert both("x.json", before, after) == ['x.json: password_file: "/run/secrets/one" -> "../secrets/two"']


def test_layout_alone_is_shown_by_line() -> None:
    assert both("x.json", '{"a": 1}', '{"a":  1}')[0].startswith("x.json:\n")


def test_bytes_that_are_no_text_are_counted() -> None:
    before = Bundle((File("x", b"\xff", 0o644, ()),))
    after = Bundle((File("x", b"\xfe\xff", 0o644, ()),))
    assert [str(change) for change in compare_bundles(before, after)] == ["x: 1 bytes -> 2 other bytes"]


def test_a_mode_is_a_difference() -> None:
    found = compare_bundles(Bundle((file("x", "a"),)), Bundle((file("x", "a", mode=0o755),)))
    assert [str(change) for change in found] == ["x: (mode): 0644 -> 0755"]


@pytest.mark.parametrize(
    ("before", "says"),
    [
        (None, "new:1 is not on the engine yet: it is fetched or built first"),
        (Image("new:1", "sha256:1"), "new:1 is not on the engine yet: it is fetched or built first"),
        (Image("old:1", "sha256:1"), "old:1 -> new:1 is not on the engine yet: it is fetched or built first"),
    ],
)
def test_an_image_that_is_not_there_is_told_as_such(before: Image | None, says: str) -> None:
    earlier = Side(Bundle(()), {"orthanc": "1"}, {"orthanc": before} if before else {})
    found = compare(earlier, Side(Bundle(()), {"orthanc": "1"}, {"orthanc": Image("new:1", "")}))
    assert f"  orthanc: {says}\n" in text(found)
    assert found.as_dict()["images"]["orthanc"]["after"] == {"reference": "new:1", "id": None}


def test_a_restart_has_its_reason_even_if_nothing_can_be_named() -> None:
    found = compare(Side(Bundle(()), {"orthanc": "1"}), Side(Bundle(()), {"orthanc": "2"}))
    assert [str(change) for change in found.services] == ["orthanc: restart: what it reads changed"]
