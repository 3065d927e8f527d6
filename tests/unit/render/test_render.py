"""Encoders refuse what a syntax cannot carry; templates refuse what is not encoded; writing is whole or not at all."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup

from orthancgen.errors import RenderError
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan
from orthancgen.render.artifact import Bundle, File
from orthancgen.render.catalogue import MANIFEST, render
from orthancgen.render.engine import environment, require_quoted
from orthancgen.render.quoting import ini, json_document
from orthancgen.render.write import compare, write
from tests.support.environments import MINIMAL, NEWEST, site_of
from tests.support.hostile import CORPUS


@pytest.mark.parametrize("text", CORPUS)
def test_json_carries_every_text(text: str) -> None:
    document = json_document({"key": text, text: 1})
    assert json.loads(document) == {"key": text, text: 1}
    assert document.isascii()
    assert "$" not in document


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), "\ud800", {"\udfff": 1}])
def test_json_refuses_what_json_is_not(value: Any) -> None:
    with pytest.raises(RenderError, match="JSON cannot carry"):
        json_document([value])


@pytest.mark.parametrize("text", CORPUS)
def test_ini_refuses_or_doubles_percent(text: str) -> None:
    if text.isprintable() and not set(text) & set("\"';\\"):
        assert ini(text) == text.replace("%", "%%")
        assert isinstance(ini(text), Markup)
    else:
        with pytest.raises(RenderError, match="cannot carry"):
            ini(text)


@pytest.mark.parametrize("value", ["text", None, True, 1.5, ["x"]])
def test_a_template_writes_nothing_unquoted(value: Any) -> None:
    with pytest.raises(RenderError, match="without quoting"):
        require_quoted(value)
    with pytest.raises(RenderError, match="without quoting"):
        environment().from_string("{{ value }}").render(value=value)
    assert environment().from_string("{{ value|ini }} {{ 5 }}").render(value="<&>%") == "<&>%% 5"


def bundle(**changes: Any) -> Bundle:
    return render(plan(site_of(MINIMAL, changes), NEWEST))


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    assert {change.state for change in write(bundle(), tmp_path)} == {"create"}
    before = snapshot(tmp_path)
    assert {change.state for change in write(bundle(), tmp_path)} == {"identical"}
    assert snapshot(tmp_path) == before
    other = bundle(**{"orthanc/name": "Other"})
    states = {change.path: change.state for change in compare(other, tmp_path)}
    assert snapshot(tmp_path) == before
    assert {path for path, state in states.items() if state == "change"} == {
        "orthanc/orthanc.json",
        "site.json",
        MANIFEST,
    }
    write(other, tmp_path)
    after = snapshot(tmp_path)
    assert {path for path in after if after[path] != before[path]} == {"orthanc/orthanc.json", "site.json", MANIFEST}


def test_files_of_an_earlier_bundle_are_removed_and_others_stay(tmp_path: Path) -> None:
    write(bundle(), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    changes = {"backend/enabled": False, "webhook/enabled": False}
    removed = {change.path for change in write(bundle(**changes), tmp_path) if change.state == "remove"}
    assert removed == {"backend/backend.json"}
    assert not (tmp_path / "backend/backend.json").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("manifest", ["{", "[]", '{"files": 3}', '{"files": ["../victim", "/etc/passwd", 3]}', "\xff"])
def test_a_manifest_that_somebody_changed_removes_nothing_outside(manifest: str, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("stays")
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / MANIFEST).write_bytes(manifest.encode("latin-1"))
    assert all(change.state != "remove" for change in write(bundle(), folder))
    assert victim.read_text() == "stays"


def test_modes_are_restored(tmp_path: Path) -> None:
    write(bundle(), tmp_path)
    (tmp_path / "orthanc/orthanc.json").chmod(0o600)
    assert [c.path for c in write(bundle(), tmp_path) if c.state == "change"] == ["orthanc/orthanc.json"]
    assert (tmp_path / "orthanc/orthanc.json").stat().st_mode & 0o777 == 0o644


def test_nothing_half_written_where_one_file_cannot_be(tmp_path: Path) -> None:
    write(bundle(), tmp_path)
    before = snapshot(tmp_path)
    one = bundle(**{"orthanc/name": "Other"})
    broken = Bundle((*one.files, File("MANIFEST.json/x", b"", 0o644, ())))
    with pytest.raises(RenderError, match="cannot"):
        write(broken, tmp_path)
    assert snapshot(tmp_path) == before
    assert not [name for _, _, names in os.walk(tmp_path) for name in names if name.startswith(".")]


def test_a_bundle_knows_its_files() -> None:
    built = bundle()
    assert [file.path for file in built.of_service("orthanc")] == ["orthanc/orthanc.json", "orthanc/orthancgen.lua"]
    with pytest.raises(KeyError):
        built.file("gone")


def test_settings_replace_defaults_and_come_last() -> None:
    document = json.loads(bundle(**{"orthanc/settings": {"StableAge": 5, "ExecuteLuaEnabled": True}}).files[0].content)
    assert document["StableAge"] == 5
    assert document["ExecuteLuaEnabled"] is True
    old = plan(site_of(MINIMAL), Version.parse("1.10.1"))
    assert json.loads(render(old).files[0].content)["HttpTimeout"] == old.site.webhook.timeout_seconds


@pytest.mark.parametrize(
    ("listen_on", "host"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("192.0.2.7", "192.0.2.7"), ("::", "[::1]")],
)
def test_services_of_a_host_call_each_other_where_they_listen(listen_on: str, host: str) -> None:
    site = site_of(MINIMAL, {"http": {"listen_on": listen_on}, "backend": {"listen_on": listen_on}})
    bundle = render(plan(site, NEWEST))
    assert f'"http://{host}:8042"' in bundle.file("backend/backend.json").content.decode()
    assert f'"http://{host}:8001/api/orthanc/webhook"' in bundle.file("orthanc/orthanc.json").content.decode()
