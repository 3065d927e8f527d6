"""What differs between two bundles, or between what is wanted and what was deployed. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from orthancgen.release.model import Image
from orthancgen.render.artifact import Bundle

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference in a file: ``key`` is a key path, or empty for a whole file or a text."""

    file: str
    kind: Kind
    key: str = ""
    before: str = ""
    after: str = ""
    text: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """What becomes of a service, and why."""

    service: str
    action: Literal["start", "restart", "stop"]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison. Of a :class:`Release`: ``side_of(release, bundle)``."""

    bundle: Bundle
    digests: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    secret_users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs."""

    files: tuple[Change, ...] = ()
    services: tuple[ServiceChange, ...] = ()
    secrets: Mapping[str, Kind] = field(default_factory=dict)
    images: Mapping[str, tuple[Image | None, Image | None]] = field(default_factory=dict)


def compare(before: Side | None, after: Side) -> Difference:
    """What changes from one side to the other."""
    raise NotImplementedError
