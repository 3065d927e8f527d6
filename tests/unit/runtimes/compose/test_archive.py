"""A file of images: what is in it, from older engines and newer ones, and files that are none."""

from __future__ import annotations

import datetime
import io
import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from click.testing import CliRunner

from orthancgen.cli.images import images
from orthancgen.errors import InputError
from orthancgen.plan.build import plan
from orthancgen.runtimes.compose.archive import Archived, read, save
from orthancgen.runtimes.compose.pins import Pin
from orthancgen.runtimes.report import Silent
from tests.support.environments import MINIMAL, NEWEST, site_of

if TYPE_CHECKING:
    from orthancgen.runtimes.compose.engine import Engine

CONFIG, MANIFEST = "1" * 64, "2" * 64


def write(path: Path, **lists: Any) -> Path:
    """An archive with the lists `manifest` and `index`, as text or as what JSON says."""
    with tarfile.open(path, "w") as archive:
        for name, document in lists.items():
            content = (document if isinstance(document, str) else json.dumps(document)).encode()
            entry = tarfile.TarInfo(f"{name}.json")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def manifest(config: object, *tags: str) -> list[dict[str, object]]:
    return [{"Config": config, "RepoTags": list(tags), "Layers": []}]


def test_an_older_engine_names_the_configuration_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", manifest=manifest(f"{CONFIG}.json", "mongo:8.0.24", "orthancgen/backend:0.1.0"))
    assert read(path) == (
        Archived("mongo:8.0.24", (f"sha256:{CONFIG}",)), Archived("orthancgen/backend:0.1.0", (f"sha256:{CONFIG}",))
    )  # fmt: skip


@pytest.mark.parametrize("named", ["docker.io/library/mongo:8.0.24", "mongo:8.0.24"])
def test_a_newer_engine_may_know_it_by_its_manifest(tmp_path: Path, named: str) -> None:
    entry = {"digest": f"sha256:{MANIFEST}", "annotations": {"io.containerd.image.name": named}}
    path = write(
        tmp_path / "a.tar", manifest=manifest(f"blobs/sha256/{CONFIG}", "mongo:8.0.24"), index={"manifests": [entry]}
    )
    assert read(path) == (Archived("mongo:8.0.24", (f"sha256:{CONFIG}", f"sha256:{MANIFEST}")),)


@pytest.mark.parametrize(
    "lists",
    [
        {},
        {"index": {"manifests": []}},
        {"manifest": "["},
        {"manifest": "[" * 100_000},
        {"manifest": {"Config": CONFIG}},
        {"manifest": [3, None, "x", {}]},
        {"manifest": manifest(None, "a:1")},
        {"manifest": manifest("../../etc/passwd", "a:1")},
        {"manifest": manifest(f"{CONFIG}.json")},
        {"manifest": [{"Config": f"{CONFIG}.json", "RepoTags": "a:1"}]},
        {"manifest": " " * (5 << 20) + "[]"},
    ],
)  # fmt: skip
def test_another_archive_is_refused(tmp_path: Path, lists: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"a\.tar: it "):
        read(write(tmp_path / "a.tar", **lists))


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"PK\x03\x04", b"\x1f\x8b\x08\x00\x00"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tar: it "):
        read(path)


def test_the_command_says_what_is_in_it(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", manifest=manifest(f"{CONFIG}.json", "mongo:8.0.24"))
    said = CliRunner().invoke(images, ["inspect", str(path), "--json"])
    assert said.exit_code == 0
    assert json.loads(said.output)["images"] == [{"image": "mongo:8.0.24", "ids": [f"sha256:{CONFIG}"]}]


@pytest.mark.parametrize(
    ("image", "digest", "why"),
    [
        (f"mongo@sha256:{CONFIG}", None, "a digest of a registry is in no file of images"),
        ("mongo:8.0.24", f"sha256:{MANIFEST}", "pinned by a digest of a registry, which is in no file of images"),
    ],
)
def test_what_no_file_carries_is_refused_before_anything_is_asked(
    tmp_path: Path, image: str, digest: str | None, why: str
) -> None:
    site = site_of(MINIMAL, {"runtime": "compose", "images/mongo": image})
    pins = {image: Pin(digest, f"sha256:{CONFIG}", datetime.date(2026, 11, 24))}
    nobody = cast("Engine", None)
    with pytest.raises(InputError, match=why) as caught:
        save(plan(site, NEWEST), nobody, pins, tmp_path / "images.tar", Silent())
    assert caught.value.hint is not None
    assert "orthancgen pin ENV --by-id" in caught.value.hint
    assert list(tmp_path.iterdir()) == []
