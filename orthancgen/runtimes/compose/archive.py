"""The images of an environment in one file, for an engine that reaches no registry: saved on one, loaded on another.

The file is what ``docker save`` writes, and ``docker load`` reads it: an archive of the image specification of Docker,
with, from engines that keep images in containerd's store, the index of OCI beside it. A registry's digest of an image
is in neither of them: an engine that loads it knows it by its tag and its id.
https://github.com/moby/docker-image-spec/blob/main/spec.md
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orthancgen.errors import DeployError, ImageError, InputError
from orthancgen.plan.images import own_image
from orthancgen.plan.model import Plan
from orthancgen.runtimes.compose.endpoint import asking
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.images import (
    check_pin,
    ensure_named_image,
    ensure_own_image,
    exact_own_image,
    named_images,
    needed_own_images,
)
from orthancgen.runtimes.compose.pins import Pin
from orthancgen.runtimes.report import Report
from orthancgen.site.load import display_name
from orthancgen.site.problems import printable
from orthancgen.site.types import image_digest

_PIECE_BYTES: Final = 1 << 20
_MAXIMUM_BYTES: Final = 4 * 1024 * 1024
"""Of each of the two lists; those of a hundred images have some 50 KiB."""
_DOCKER_LIST: Final = "manifest.json"
_OCI_LIST: Final = "index.json"
_OCI_NAME: Final = "io.containerd.image.name"
_DIGITS: Final = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Archived:
    """An image in an archive.

    Attributes:
        name: with its tag, as an engine lists it.
        ids: by which engines know it, ``sha256:...``: the digest of its configuration, and that of its manifest for
            an engine that keeps images in containerd's store.
    """

    name: str
    ids: tuple[str, ...]


def save(plan: Plan, engine: Engine, pins: Mapping[str, Pin], target: Path, report: Report) -> tuple[Archived, ...]:
    """Write every image that an environment's containers and its backups run into one file.

    Args:
        plan: of the environment.
        engine: that has them; what is missing there is pulled or built.
        pins: what the environment's lock file says.
        target: the file.
        report: told about each image that is fetched or built, and about the file.

    Returns:
        What is in it.

    Raises:
        InputError: an image is named or pinned by what no file carries.
        ImageError: an image is not there and cannot be had, or is not the one that was pinned.
        EngineError: the engine does not answer, or refuses.
        DeployError: the file cannot be written.
    """
    named = named_images(plan)
    _require_carried(named, pins)
    for name in named:
        ensure_named_image(engine, name, report)
        check_pin(engine, name, name, pins.get(name))
    own = needed_own_images(plan)
    for name in own:
        ensure_own_image(engine, name, report)
    # An image of ours by both names: the compose file has the one, and by the other its sources are known.
    names = (*named, *(text for name in own for text in (own_image(name), exact_own_image(name))))
    report.started(target.name)
    part = target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:
            for piece in _stream(engine, names):
                file.write(piece)
        found = read(part)
        if missing := sorted({*names} - {one.name for one in found}):
            raise ImageError(f"the engine left out {', '.join(missing)}", hint="see its log")
        part.replace(target)
    except OSError as error:
        raise DeployError(f"cannot write {target}: {error.strerror}", hint="name another file with -o") from None
    finally:
        part.unlink(missing_ok=True)
    report.done(target.name, f"{len(names)} names, {target.stat().st_size >> 20} MiB")
    return found


def _require_carried(named: Sequence[str], pins: Mapping[str, Pin]) -> None:
    by_digest = [name for name in named if image_digest(name) is not None]
    if by_digest:
        raise InputError(
            f"{', '.join(by_digest)}: a digest of a registry is in no file of images",
            hint="name the image by its tag alone, and pin it by its id: orthancgen pin ENV --by-id",
        )
    pinned = [name for name in named if name in pins and pins[name].digest is not None]
    if pinned:
        raise InputError(
            f"{', '.join(pinned)}: pinned by a digest of a registry, which is in no file of images",
            hint="pin what a file carries too, the id: orthancgen pin ENV --by-id",
        )


def _stream(engine: Engine, names: Sequence[str]) -> Iterator[bytes]:
    """All of them at once, so that a layer which several have is there once: the library's own call takes one image.

    https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Image/operation/ImageGetAll
    """
    api = engine.client.api
    address = f"{api.base_url}/v{api.api_version}/images/get"
    with asking("save the images"), closing(api.get(address, params={"names": list(names)}, stream=True)) as answer:
        answer.raise_for_status()
        yield from answer.iter_content(_PIECE_BYTES)


def read(path: Path) -> tuple[Archived, ...]:
    """What is in a file of images, by name.

    Raises:
        InputError: it is none, or cannot be read.
    """
    try:
        with tarfile.open(path) as archive:
            manifest = _json(archive, _DOCKER_LIST)
            index = _json(archive, _OCI_LIST)
    except (OSError, tarfile.TarError, EOFError, ValueError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no archive of images"
        raise _invalid(path, why) from None
    found: dict[str, set[str]] = {}
    for entry in manifest if isinstance(manifest, list) else ():
        identity = _digest_in(entry.get("Config")) if isinstance(entry, dict) else None
        if identity is not None and isinstance(entry.get("RepoTags"), list):
            for tag in entry["RepoTags"]:
                found.setdefault(str(tag), set()).add(identity)
    if not found:
        raise _invalid(path, "it has no list of images with names")
    for name, digest in _manifests(index):
        if name in found:
            found[name].add(digest)
    return tuple(Archived(name, tuple(sorted(ids))) for name, ids in sorted(found.items()))


def _json(archive: tarfile.TarFile, name: str) -> Any:
    """A list of an archive; None where it has none, or one that is too large to be one."""
    try:
        member = archive.getmember(name)
    except KeyError:
        return None
    file = archive.extractfile(member) if member.isfile() and member.size <= _MAXIMUM_BYTES else None
    if file is None:
        return None
    with file:
        return json.loads(file.read())


def _digest_in(path: object) -> str | None:
    """The digest that a path in an archive names: ``blobs/sha256/HEX``, or ``HEX.json`` from older engines."""
    text = path.rpartition("/")[2].removesuffix(".json") if isinstance(path, str) else ""
    return f"sha256:{text}" if len(text) == 64 and _DIGITS.issuperset(text) else None


def _manifests(index: object) -> Iterator[tuple[str, str]]:
    """Name, as an engine lists it, and digest of each image in an index of OCI."""
    entries = index.get("manifests") if isinstance(index, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        notes = entry.get("annotations") if isinstance(entry, dict) else None
        name = notes.get(_OCI_NAME) if isinstance(notes, dict) else None
        digest = _digest_in(str(entry.get("digest", "")).replace(":", "/")) if isinstance(entry, dict) else None
        if isinstance(name, str) and digest is not None:
            yield name.removeprefix("docker.io/").removeprefix("library/"), digest


def _invalid(path: Path, why: str) -> InputError:
    return InputError(
        f"{printable(display_name(path))}: {why}", hint="make one where the images are: orthancgen images save ENV"
    )
