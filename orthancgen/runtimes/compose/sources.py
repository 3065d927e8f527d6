"""Our own images: what each is built from, the fingerprint of that, and how it is built.

The engine's own builder is asked through its API: it is there on every engine, also a remote one, whatever plugins the
Docker client of this machine has.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orthancgen.errors import ImageError
from orthancgen.resources import locate


@dataclass(frozen=True, slots=True)
class OwnImage:
    """An image of ours.

    Attributes:
        name: the last part of its name, and its folder in stack/images.
        folder: the shipped folder whose files go into the build beside the Dockerfile, or None.
        files: those of its files and folders that do.
    """

    name: str
    folder: str | None = None
    files: tuple[str, ...] = ()

    @property
    def repository(self) -> str:
        """The name without a tag."""
        return f"orthancgen/{self.name}"


OWN_IMAGES: Final[Mapping[str, OwnImage]] = {
    image.name: image
    for image in (
        OwnImage(
            "backend",
            "stack/backend",
            ("package.json", "package-lock.json", ".npmrc", "build.mjs", "tsconfig.json", "src"),
        ),
        OwnImage(
            "viewer",
            "stack/viewer",
            (
                *("package.json", "package-lock.json", ".npmrc", "build.mjs", "ohif.mjs", "vite.config.ts"),
                *("tsconfig.json", "server", "app"),
            ),
        ),
        OwnImage("analysis", "stack/analysis", ("pyproject.toml", "constraints.txt", "orthancgen_analysis")),
        OwnImage("gateway"),
        OwnImage("backup"),
        OwnImage("orthanc"),
    )
}
"""Every folder of stack/images by its name."""


def build_files(image: OwnImage) -> dict[str, bytes]:
    """Everything that goes into the build of an image: path in the build context -> content, in order.

    Raises:
        OrthancgenError: the installation is incomplete.
        OSError: as the file system says.
    """
    files = {"Dockerfile": (locate(f"stack/images/{image.name}") / "Dockerfile").read_bytes()}
    if image.folder is not None:
        root = locate(image.folder)
        for name in image.files:
            start = root / name
            below = (path for path in start.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
            found = sorted(below) if start.is_dir() else [start]
            files |= {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
    return files


def fingerprint(files: Mapping[str, bytes]) -> str:
    """16 hexadecimal digits that change with any name or byte of the files."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


def context(files: Mapping[str, bytes], executable: Collection[str] = ()) -> bytes:
    """The build context: a tar of the files, those of `executable` with that right; the same bytes for the same."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            entry.mode = 0o755 if name in executable else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def build(
    api: Any,
    files: Mapping[str, bytes],
    *,
    tag: str,
    arguments: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    network: str | None = None,
    executable: Collection[str] = (),
    on_line: Callable[[str], None] | None = None,
) -> None:
    """Build an image on the engine.

    Args:
        api: the low-level client of the engine (`docker.APIClient`).
        files: the build context, with its Dockerfile.
        tag: the name it gets.
        arguments: build arguments of the Dockerfile.
        labels: labels it gets beside those of the Dockerfile.
        network: the network of the build's steps: None for the engine's default, ``host`` for the engine's host.
        executable: the files that keep the right to be executed.
        on_line: told each line that the build prints.

    Raises:
        ImageError: a step of the build failed; with the lines printed last.
        docker.errors.DockerException, requests.RequestException: the engine could not be asked.
    """
    printed: list[str] = []
    events = api.build(
        fileobj=io.BytesIO(context(files, executable)),
        custom_context=True,
        tag=tag,
        buildargs=dict(arguments or {}),
        labels=dict(labels or {}),
        network_mode=network,
        rm=True,
        forcerm=True,
        decode=True,
    )
    for event in events:
        for line in str(event.get("stream", "")).splitlines():
            if line.strip():
                printed.append(line)
                if on_line is not None:
                    on_line(line)
        if "error" in event:
            last = "\n  ".join([*printed[-12:], str(event["error"]).strip()])
            raise ImageError(
                f"the image {tag} cannot be built:\n  {last}",
                hint="does the engine's host reach its package sources (Debian, npm) and the base image?",
            )


def dockerfile(name: str) -> Path:
    """The Dockerfile of an image of ours, for a build by hand."""
    return locate(f"stack/images/{name}") / "Dockerfile"
