"""The real Orthanc reads the rendered orthanc.json exactly as it was meant, whatever characters are in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan
from orthancgen.render.catalogue import render
from orthancgen.render.quoting import json_document
from orthancgen.site.types import PlainText
from tests.support.environments import MINIMAL, site_of
from tests.support.hostile import CORPUS
from tests.support.servers import OrthancServer

pytestmark = pytest.mark.live

VERSION = Version.parse("1.10.1")


def accepted(text: str) -> bool:
    try:
        TypeAdapter(PlainText).validate_python(text, strict=True)
    except ValidationError:
        return False
    return True


class Rendered(OrthancServer):
    """An Orthanc that is given the very bytes of a bundle, with ports and folders of the test in a second file."""

    rendered: bytes

    def command(self) -> list[str]:
        return [self._program, str(self.folder / "configuration")]

    def _write_configuration(self) -> None:
        folder = self.folder / "configuration"
        folder.mkdir(exist_ok=True)
        (folder / "orthanc.json").write_bytes(self.rendered)
        (folder / "secrets.json").write_text(json.dumps({"RegisteredUsers": {"admin": "not-a-real-secret"}}))


def start(folder: Path, name: str, users: dict[str, str]) -> Rendered:
    server = Rendered(folder, {"RegisteredUsers": users})
    changes = {
        "orthanc/name": name,
        "orthanc/version": str(VERSION),
        "orthanc/storage": {"path": str(folder / "storage")},
        "dicom/port": server.dicom_port,
        "http": {"port": server.http_port},
        "webhook": {"enabled": False},
    }
    bundle = render(plan(site_of(MINIMAL, changes), VERSION))
    server.rendered = bundle.file("orthanc/orthanc.json").content
    lua = folder / "configuration" / "orthancgen.lua"
    lua.parent.mkdir(parents=True)
    lua.write_bytes(bundle.file("orthanc/orthancgen.lua").content)
    return server


def test_orthanc_shows_every_accepted_name_exactly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # All of them at once: Orthanc starts in a second, but the corpus is long.
    texts = [text for text in CORPUS if accepted(text)]
    assert len(texts) > 90
    monkeypatch.setenv("EVIL", "expanded")
    users = {"admin": "not-a-real-secret"}
    for number, batch in enumerate([texts[i : i + 40] for i in range(0, len(texts), 40)]):
        name = " | ".join(batch)[:4000]
        server = start(tmp_path / str(number), "Orthanc", users)
        document = json.loads(server.rendered)
        assert document["Name"] == "Orthanc"
        server.rendered = json_document({**document, "Name": name}).encode("ascii")
        with server:
            assert server.get("/system")["Name"] == name


@pytest.mark.parametrize(
    "name", ["${HOME} ${EVIL} $$", "\"..os.execute('id')..\" ]==] \\", "Röntgen 東京 \U0001f9b4 e\u0301 //x /*y*/ #z"]
)
def test_orthanc_shows_the_name_of_the_environment(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVIL", "expanded")
    with start(tmp_path / "orthanc", name, {"admin": "not-a-real-secret"}) as server:
        assert server.get("/system")["Name"] == name
