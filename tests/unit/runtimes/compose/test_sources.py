"""What our own images are built from."""

from __future__ import annotations

import io
import re
import tarfile

import pytest

from orthancgen.resources import locate
from orthancgen.runtimes.compose.sources import OWN_IMAGES, build_files, context, dockerfile, fingerprint


def test_the_table_and_the_folders_agree() -> None:
    folders = {path.name for path in locate("stack/images").iterdir() if path.is_dir()}
    assert set(OWN_IMAGES) == folders - {"orthancgen"}  # the command's own, which no environment runs: scripts/image.py
    assert all(name == image.name for name, image in OWN_IMAGES.items())


@pytest.mark.parametrize("name", OWN_IMAGES)
def test_everything_that_is_copied_is_in_the_context(name: str) -> None:
    files = build_files(OWN_IMAGES[name])
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile(name).read_text(), re.MULTILINE)
    for source in (word for line in copied for word in line.split()):
        assert any(path == source or path.startswith(f"{source}/") for path in files), source


def test_what_is_no_source_stays_out() -> None:
    files = build_files(OWN_IMAGES["backend"])
    assert "src/main.ts" in files
    assert not [path for path in files if path.startswith(("node_modules", "dist", "tests"))]
    assert sum(map(len, files.values())) < 2_000_000


def test_the_fingerprint_tells_names_from_contents() -> None:
    assert fingerprint({"a": b"bc"}) != fingerprint({"ab": b"c"})
    assert fingerprint({"a": b"1", "b": b"2"}) == fingerprint({"b": b"2", "a": b"1"})
    assert fingerprint({"a": b"1"}) != fingerprint({"a": b"2"})


def test_the_context_is_the_same_for_the_same_files() -> None:
    one = context({"a": b"1", "b": b"2"}, executable=("b",))
    assert one == context({"b": b"2", "a": b"1"}, executable=("b",))
    with tarfile.open(fileobj=io.BytesIO(one)) as archive:
        assert [(entry.name, entry.mode, entry.mtime) for entry in archive] == [("a", 0o644, 0), ("b", 0o755, 0)]
