"""Which version of Orthanc is in an image, by its name and tag. The facts and their sources are in image_tags.json."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from orthancgen.foreign.model import Publisher
from orthancgen.orthanc.keys import Version

_FACTS: Final = Path(__file__).with_name("image_tags.json")
_TEAM = ("orthancteam/", "osimis/")
_RELEASE = re.compile(r"(\d{2})\.(\d{1,2})\.(\d{1,2})(?:-.*)?", re.ASCII | re.DOTALL)
_VERSION = re.compile(r"(\d{1,2}\.\d{1,3}\.\d{1,3})(?:[-+~_].*)?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Image:
    """The parts of an image's name: ``registry/name:tag@digest``."""

    name: str
    tag: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Image:
        """Take a name apart; nothing is refused."""
        name, _, digest = text.partition("@")
        head, _, last = name.rpartition("/")
        base, _, tag = last.partition(":")
        return cls(f"{head}/{base}" if head else base, tag, digest)

    @property
    def is_orthanc(self) -> bool:
        """Whether Orthanc is in it, as far as a name tells."""
        last = self.name.rsplit("/", 1)[-1].lower()
        if self.publisher in ("orthancteam", "jodogne"):
            return last.startswith("orthanc") and not any(word in last for word in _NO_SERVER)
        return "orthanc" in last and not any(word in last for word in _NO_SERVER)

    @property
    def publisher(self) -> Publisher:
        """Whose image it is; osimis/orthanc is the former name of orthancteam/orthanc."""
        path = f"/{self.name.lower()}"
        if any(f"/{team}orthanc" in path for team in _TEAM):
            return "orthancteam"
        return "jodogne" if "/jodogne/orthanc" in path else "debian"

    @property
    def version(self) -> Version | None:
        """The version of Orthanc by the tag; None for ``latest``, no tag, a digest alone, and tags of other schemes."""
        if self.publisher == "orthancteam":
            return version_of_release(self.tag)
        found = _VERSION.fullmatch(self.tag)
        version = Version.parse(found[1]) if found else None
        # A number of another scheme: Orthanc's own begin with 0 or 1.
        return version if version is not None and version.major <= 1 else None


_NO_SERVER: Final = ("tools", "auth-service", "builder", "keycloak", "nginx", "viewer", "proxy", "client", "backend")
"""What is called after Orthanc and is another program."""


def version_of_release(tag: str) -> Version | None:
    """The version in a release ``YY.M.P`` of orthancteam/orthanc: the last one that is known before or at it."""
    found = _RELEASE.fullmatch(tag)
    if found is None:
        return None
    releases = _releases()
    index = bisect_right([release for release, _ in releases], tuple(int(part) for part in found.groups()))
    return releases[index - 1][1] if index else None


@cache
def _releases() -> tuple[tuple[tuple[int, ...], Version], ...]:
    rows = json.loads(_FACTS.read_text(encoding="utf-8"))["tags"]
    read = ((tuple(int(part) for part in row["tag"].split(".")), Version.parse(row["orthanc"])) for row in rows)
    return tuple(sorted(read))
