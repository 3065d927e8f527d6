"""The lock file: read, written, and refused when it was changed into something else."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from orthancgen.errors import InputError
from orthancgen.runtimes.compose.pins import Pin, digests, lock_path, read_lock, write_lock

DAY = datetime.date(2026, 11, 24)
ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64
PINS = {"mongo:8.0.17": Pin(ONE, TWO, DAY), "local/orthanc:1": Pin(None, TWO, DAY)}


def test_it_lies_beside_the_environment() -> None:
    assert lock_path(Path("environments/prod.yaml")) == Path("environments/prod.lock.yaml")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "prod.lock.yaml"
    assert write_lock(path, "prod", PINS)
    assert read_lock(path) == PINS
    assert not write_lock(path, "prod", dict(reversed(PINS.items()))), "the order of the images is not theirs"
    assert path.read_text().startswith("# Written by `orthancgen pin prod`")
    assert path.stat().st_mode & 0o777 == 0o644


def test_only_what_is_from_a_registry_has_a_digest() -> None:
    assert digests(PINS) == {"mongo:8.0.17": ONE}


def test_no_file_is_no_pin(tmp_path: Path) -> None:
    assert read_lock(tmp_path / "dev.lock.yaml") == {}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "images: []",
        "images: {a: {digest: null, id: sha256:1, pinned: 2026-11-24}}",
        f"images: {{a: {{digest: sha256:x, id: '{ONE}', pinned: 2026-11-24}}}}",
        f"images: {{a: {{digest: null, id: '{ONE}', pinned: yesterday}}}}",
        f"images: {{a: {{digest: null, id: '{ONE}', pinned: 2026-11-24T00:00:00Z}}}}",
        f"images: {{a: {{digest: null, id: '{ONE}'}}}}",
        f"images: {{a: {{digest: null, id: '{ONE}', pinned: 2026-11-24, more: 1}}}}",
        "images: {a",
        "!!python/object/apply:os.system [id]",
        "images: 2026-99-99",
        "\ud800".encode("utf-16", "surrogatepass").decode("latin1"),
        "[" * 100_000,
        "x" * 2_000_000,
    ],
)
def test_something_else_is_refused_with_the_way_out(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prod.lock.yaml"
    path.write_bytes(text.encode("latin1", "replace"))
    with pytest.raises(InputError) as caught:
        read_lock(path)
    assert "prod.lock.yaml" in caught.value.message
    assert caught.value.hint == "write it anew: orthancgen pin prod"


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prod.lock.yaml").mkdir()
    with pytest.raises(InputError, match="Is a directory"):
        read_lock(tmp_path / "prod.lock.yaml")
