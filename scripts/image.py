"""The container image of the command, built on an engine (`make image`).

Usage: python -m scripts.image [TAG]; without it, orthancgen/orthancgen:VERSION on the engine that DOCKER_HOST names

The Python packages are installed here, for the engine's processor and the image's Python, at the versions of
constraints.txt; the build itself needs no network.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from orthancgen import __version__
from orthancgen.errors import OrthancgenError
from orthancgen.plan.images import own_image
from orthancgen.resources import locate
from orthancgen.runtimes.compose.engine import connect
from orthancgen.runtimes.compose.sources import build as build_image
from scripts import dist

PYTHON: Final = "3.13"
"""Of the base image; packages are chosen for it."""
PLATFORMS: Final[Mapping[str, str]] = {
    "x86_64": "x86_64-manylinux_2_28",
    "amd64": "x86_64-manylinux_2_28",
    "aarch64": "aarch64-manylinux_2_28",
    "arm64": "aarch64-manylinux_2_28",
}
"""Processor as an engine names it -> platform as uv does."""


def context(processor: str) -> dict[str, bytes]:
    """Everything that goes into the build: path -> content.

    Args:
        processor: of the engine, as it names it.

    Raises:
        OrthancgenError: there are no packages for that processor, or they cannot be had.
    """
    if processor not in PLATFORMS:
        raise OrthancgenError(f"no image for {processor}", hint=f"there are: {', '.join(PLATFORMS)}")
    own = locate("stack/images/orthancgen")
    files = {path.name: path.read_bytes() for path in own.iterdir() if path.is_file()}
    with tempfile.TemporaryDirectory() as temporary:
        wheel, _ = dist.build(Path(temporary) / "dist")
        packages = Path(temporary) / "packages"
        dist.install_into(packages, wheel, python=PYTHON, platform=PLATFORMS[processor])
        for path in sorted(packages.rglob("*")):
            name = path.relative_to(packages)
            # Programs of packages are of no use there: they would start the Python of this machine.
            if path.is_file() and name.parts[0] != "bin" and path.name != ".lock":
                files[f"packages/{name.as_posix()}"] = path.read_bytes()
    return files


def build(api: Any, tag: str, arguments: Mapping[str, str] | None = None) -> None:
    """Build the image.

    Args:
        api: the low-level client of the engine (`docker.APIClient`), with a timeout that lasts for a build.
        tag: its name.
        arguments: of the Dockerfile, such as BASE_IMAGE.

    Raises:
        OrthancgenError: it cannot be built.
    """
    build_image(
        api,
        context(api.info()["Architecture"]),
        tag=tag,
        arguments={"VERSION": __version__, **(arguments or {})},
        network="none",
        executable=("orthancgen.py",),
    )


def main() -> int:
    """Build it on the engine of this machine."""
    tag = sys.argv[1] if len(sys.argv) > 1 else own_image("orthancgen")
    api = connect(environment="", need_compose=False).client.api
    api.timeout = 600
    build(api, tag)
    print(tag)
    return 0


if __name__ == "__main__":
    sys.exit(main())
