"""Which Orthanc an image brings, by its tag: ``images.json``, and the tags that are versions themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from orthancgen.foreign.image_facts import facts
from orthancgen.foreign.image_tags import Image
from orthancgen.orthanc.keys import Version
from orthancgen.upgrade.change import releases

_FILE: Final = Path(__file__).with_name("images.json")
_TEAM_TAG: Final = re.compile(r"([0-9]{2}\.[0-9]{1,2}\.[0-9]{1,2})(?:-full)?")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The oldest and the newest version that an image may bring; None: nothing is known on that side."""

    oldest: Version | None
    newest: Version | None

    @property
    def exactly(self) -> Version | None:
        """The version where it is certain."""
        return self.oldest if self.oldest == self.newest else None

    def may_be(self, version: Version) -> bool:
        """Whether the image may bring a version."""
        return (self.oldest is None or self.oldest <= version) and (self.newest is None or version <= self.newest)

    def __str__(self) -> str:
        if self.exactly is not None:
            return str(self.exactly)
        if self.oldest is None:
            return "an unknown version" if self.newest is None else f"{self.newest} or older"
        return f"{self.oldest} or newer" if self.newest is None else f"{self.oldest} to {self.newest}"


UNKNOWN: Final = Bounds(None, None)


def team_tag(image: str) -> Version | None:
    """The tag of an image of the Orthanc team as a version (26.8.1), or None where it is another image."""
    named = Image.parse(image)
    matched = _TEAM_TAG.fullmatch(named.tag) if named.publisher == "orthancteam" else None
    return Version.parse(matched[1]) if matched else None


def is_official(image: str) -> bool:
    """Whether the image is of Orthanc's authors, whose builds bring a DCMTK of their own."""
    return bool(image) and Image.parse(image).publisher in {"orthancteam", "jodogne"}


def bounds_of(image: str, component: str = "orthanc") -> Bounds:
    """Which version of a component an image brings, as far as its tag tells.

    Args:
        image: reference of the image, or "".
        component: ``orthanc``, ``orthanc-dicomweb``, ``orthanc-postgresql``, ``orthanc-explorer-2``.
    """
    tag = team_tag(image)
    if tag is not None:
        return _team_bounds(tag, component)
    version = Image.parse(image).version if component == "orthanc" else None
    return Bounds(version, version) if version in releases() else UNKNOWN


def image_for(image: str, version: Version) -> str:
    """The image of the same publisher that brings a version: the same one if it does already, "" if none is known."""
    named = Image.parse(image)
    if not image or bounds_of(image).exactly == version:
        return image
    if team_tag(image) is not None:
        tag = tag_with(version)
        full = "-full" if named.tag.endswith("-full") else ""
        return f"orthancteam/orthanc:{tag}{full}" if tag else ""
    return f"{named.name}:{version}" if bounds_of(image).exactly is not None else image


def tag_with(version: Version) -> str | None:
    """The newest tag of orthancteam/orthanc that is known to bring a version of Orthanc, or None."""
    tags = [tag for tag, brings, _ in _rows() if brings.get("orthanc") == version]
    return str(max(tags)) if tags else None


def newest_tag() -> Version:
    """The newest tag of orthancteam/orthanc of which something is known."""
    return max(tag for tag, _, _ in _rows())


def deprecated_variables() -> frozenset[str]:
    """Names of variables that the Orthanc team's image took for settings and plugins before 2020."""
    known = facts()
    return frozenset(known.former_names) | {plugin.former for plugin in known.plugins if plugin.former}


# --- the table


@cache
def _document() -> Mapping[str, Any]:
    document: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return document


@cache
def _rows() -> tuple[tuple[Version, Mapping[str, Version], bool], ...]:
    """Tag, what it brings or brought already, and whether each tag up to the next row brings the same."""
    rows: list[tuple[Version, Mapping[str, Version], bool]] = []
    brings: dict[str, Version] = {}
    listed = _document()["listed"]
    for number, entry in enumerate(listed):
        brings = brings | _versions(entry)
        rows.append((Version.parse(entry["tag"]), brings, number + 1 < len(listed)))
    rows += [(Version.parse(entry["tag"]), _versions(entry), False) for entry in _document()["seen"]]
    return tuple(sorted(rows, key=lambda row: row[0]))


def _versions(entry: Mapping[str, Any]) -> dict[str, Version]:
    return {component: Version.parse(text) for component, text in entry["brings"].items()}


def _team_bounds(tag: Version, component: str) -> Bounds:
    oldest, newest = None, None
    for at, brings, until_next in _rows():
        version = brings.get(component)
        if at <= tag and (version is not None or until_next):
            oldest = version
            newest = version if at == tag or until_next else None
        elif at > tag and version is not None:
            return Bounds(oldest, newest or version)
    return Bounds(oldest, newest)
