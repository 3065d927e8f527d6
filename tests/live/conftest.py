"""Fixtures of the live suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.native import Native, native_root


@pytest.fixture(scope="session")
def native_apps() -> Iterator[Path]:
    """A state root's folder of built applications, with the backend in it: npm runs once for all tests."""
    with native_root() as root:
        builder = Native(root / "build", "b")
        try:
            # The build is a step of a deploy; nothing is started, because no Orthanc can run this.
            builder.write({"orthanc.settings": {"Dictionary": {"zz,1": ["XX"]}}})
            builder.deploy(code=4)
            assert list((root / "build/apps").glob("backend-*/server.mjs")), "the backend was not built"
            (root / "build/apps").rename(root / "apps")
            yield root / "apps"
        finally:
            builder.end()
