"""``<environment>.lock.yaml``: the content of each image that an environment names, as it was when it was pinned.

A tag may be moved to another image at any time; a digest may not.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from orthancgen.errors import InputError
from orthancgen.render.write import stage
from orthancgen.site.load import display_name
from orthancgen.site.problems import printable

_SUFFIX: Final = ".lock.yaml"
_MAXIMUM_BYTES: Final = 1024 * 1024
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_HEAD: Final = """\
# Written by `orthancgen pin {environment}`: change nothing by hand, and keep this file with the environment.
# digest: of the image in its registry; a deploy asks for exactly that, and writes it into the compose file.
# id: of the image on the engine that was asked; it counts where no digest is written (digest: null).
"""


@dataclass(frozen=True, slots=True)
class Pin:
    """What an image was when it was pinned.

    Attributes:
        digest: in its registry, ``sha256:...``; None for an image that is from none, or that is brought as a file.
        id: digest of its configuration, ``sha256:...``.
        pinned: the day.
    """

    digest: str | None
    id: str
    pinned: datetime.date


def lock_path(environment_file: Path) -> Path:
    """The lock file of an environment: beside it, ``prod.lock.yaml`` for ``prod.yaml``."""
    return environment_file.with_name(environment_file.stem + _SUFFIX)


def read_lock(path: Path) -> dict[str, Pin]:
    """The pins by image, as the environment names it; empty where there is no such file.

    Raises:
        InputError: the file cannot be read or was changed into something else.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _invalid(path, error.strerror or type(error).__name__) from None
    try:
        document = yaml.safe_load(text.decode()) if len(text) <= _MAXIMUM_BYTES else None
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError):
        document = None
    images = document.get("images") if isinstance(document, dict) else None
    if not isinstance(images, dict):
        raise _invalid(path, "it has no mapping `images`")
    return {str(name): _pin(path, str(name), value) for name, value in images.items()}


def _pin(path: Path, name: str, value: Any) -> Pin:
    if isinstance(value, dict) and set(value) == {"digest", "id", "pinned"}:
        digest, identity, day = value["digest"], value["id"], value["pinned"]
        if (digest is None or _is_digest(digest)) and _is_digest(identity) and type(day) is datetime.date:
            return Pin(digest, identity, day)
    raise _invalid(path, f"{printable(name)} needs exactly a digest, an id and the day it was pinned")


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None


def _invalid(path: Path, why: str) -> InputError:
    environment = path.name.removesuffix(_SUFFIX)
    return InputError(f"{display_name(path)}: {why}", hint=f"write it anew: orthancgen pin {printable(environment)}")


def digests(pins: Mapping[str, Pin]) -> dict[str, str]:
    """Image -> digest, of those that are from a registry."""
    return {name: pin.digest for name, pin in pins.items() if pin.digest is not None}


def pinned(environment_file: Path) -> dict[str, str]:
    """Image -> digest, as the lock file of an environment says; empty where it has none.

    Raises:
        InputError: the lock file cannot be read or was changed into something else.
    """
    return digests(read_lock(lock_path(environment_file)))


def lock_text(environment: str, pins: Iterable[tuple[str, Pin]]) -> str:
    """The text of a lock file."""
    images = {name: {"digest": pin.digest, "id": pin.id, "pinned": pin.pinned} for name, pin in sorted(pins)}
    return _HEAD.format(environment=environment) + yaml.safe_dump({"images": images}, sort_keys=False, width=120)


def write_lock(path: Path, environment: str, pins: Mapping[str, Pin]) -> bool:
    """Write the lock file; whether it changed.

    Raises:
        InputError: the file that is there is none.
        OSError: as the file system says.
    """
    text = lock_text(environment, pins.items()).encode()
    try:
        if path.read_bytes() == text:
            return False
    except FileNotFoundError:
        pass
    stage(text, path, 0o644).replace(path)
    return True
