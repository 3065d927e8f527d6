"""Documents on disk that are there whole or not at all, also after the power failed."""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from orthancgen.errors import DeployError
from orthancgen.render.write import stage

T = TypeVar("T")


@cache
def _adapter_of(kind: Hashable) -> TypeAdapter[Any]:
    return TypeAdapter(cast("type[Any]", kind))


def to_json(value: object, *, indent: int | None = 2) -> bytes:
    """A dataclass as a JSON document in ASCII."""
    plain = _adapter_of(cast("Hashable", type(value))).dump_python(value, mode="json")
    return json.dumps(plain, indent=indent).encode("ascii")


def from_json(kind: type[T], content: bytes | str, what: str, place: str, remedy: str) -> T:
    """A dataclass from a JSON document.

    Args:
        kind: the dataclass.
        content: the document.
        what: what it is, as the subject of a sentence.
        place: where it lies.
        remedy: what to do where it cannot be read.

    Raises:
        DeployError: it is no such document.
    """
    try:
        value: T = _adapter_of(cast("Hashable", kind)).validate_json(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = f"{where}: {first['msg']}" if where else first["msg"]
        raise DeployError(f"{what} is damaged: {place}: {reason}", hint=remedy) from None
    return value


def load(kind: type[T], path: Path, what: str, remedy: str) -> T | None:
    """A dataclass from a file, or None where there is no such file.

    Raises:
        DeployError: it cannot be read, or is damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise cannot("read", path, error) from None
    return from_json(kind, content, what, str(path), remedy)


def replace(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file, whole or not at all.

    Raises:
        OSError: as the file system says; what was there still is.
    """
    temporary = stage(content, path, mode)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlast a power failure (fsync(2): that of the file does not cover its name).

    Raises:
        OSError: as the file system says.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what the file system says into an error with a remedy.

    Raises:
        DeployError: something in the block could not be written.
    """
    try:
        yield
    except OSError as error:
        raise cannot("write", place, error) from None


def cannot(verb: str, place: Path, error: OSError) -> DeployError:
    """The error for a file that cannot be read or written."""
    reason = error.strerror or type(error).__name__
    return DeployError(
        f"cannot {verb} {error.filename or place}: {reason}",
        hint="run as the user who deployed the environment"
        if isinstance(error, PermissionError)
        else "make room, or name a folder that you may write, with --state",
    )
