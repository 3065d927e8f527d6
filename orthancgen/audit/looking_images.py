"""Images of containers: their names taken apart, and what is known of those that stand beside Orthanc."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.foreign import image_tags
from orthancgen.foreign.model import ComposeService
from orthancgen.site.problems import printable

StartsAs = Literal["root", "drops", "root above workers", "own user", "unknown"]
"""As whom an image runs where nobody says `user`: root; root until its script has changed the user; a root process
above workers that are not root; a user of its own."""
_HUBS: Final = ("index.docker.io/", "registry-1.docker.io/", "docker.io/")
_RELEASE: Final = re.compile(r"v?\d+(?:\.\d+){2,}(?![0-9.])")
_NUMBERS: Final = re.compile(r"v?(\d{1,6})(?:\.(\d{1,6}))?(?:\.(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class Image:
    """An image by its parts: ``library/`` and Docker Hub's own name are left out; tag and digest are "" if not said."""

    name: str
    tag: str
    digest: str

    @property
    def shown(self) -> str:
        """Name and tag, for a message."""
        return printable(f"{self.name}:{self.tag}" if self.tag else self.name)

    @property
    def is_release(self) -> bool:
        """Whether the tag names one release, such as ``8.0.17`` or ``26.8.1-full``, and none that moves on."""
        return _RELEASE.match(self.tag) is not None

    @property
    def version(self) -> tuple[int, int, int] | None:
        """The numbers that the tag begins with; None where it begins with none."""
        match = _NUMBERS.match(self.tag)
        return None if match is None else (int(match[1]), int(match[2] or 0), int(match[3] or 0))


def image_of(text: str) -> Image:
    """Take the name of an image apart: ``[registry/]name[:tag][@digest]``."""
    parts = image_tags.Image.parse(text.strip())
    name = parts.name
    for hub in _HUBS:
        name = name.removeprefix(hub)
    return Image(name.removeprefix("library/"), parts.tag, parts.digest)


@dataclass(frozen=True, slots=True)
class KnownImage:
    """What is known of an image, or of all whose name begins so (``bitnami/``).

    Attributes:
        starts_as: as whom it runs where nobody says `user`.
        since: the version since which that is so; before, as root.
        abandoned: why nobody mends it any more; "" where somebody does.
        instead: what to use in its place.
        source: where that is written.
    """

    name: str
    starts_as: StartsAs
    source: str
    since: tuple[int, int, int] = (0, 0, 0)
    abandoned: str = ""
    instead: str = ""


_TEAM: Final = "https://orthanc.uclouvain.be/book/users/docker-orthancteam.html"
_BITNAMI: Final = "https://github.com/bitnami/containers/issues/83267"
_MOVED: Final = "the images of Bitnami were moved in August 2025 and get no updates since"
KNOWN: Final[tuple[KnownImage, ...]] = (
    KnownImage(
        "orthancteam/orthanc", "root",
        "https://github.com/orthanc-server/orthanc-builder/blob/master/docker/orthanc/Dockerfile",
    ),
    KnownImage(
        "osimis/orthanc", "root", _TEAM, abandoned="it was renamed in February 2024 and gets no updates since",
        instead="orthancteam/orthanc, which has the old tags as well",
    ),
    KnownImage("jodogne/orthanc", "root", "https://github.com/jodogne/OrthancDocker/blob/master/orthanc/Dockerfile"),
    KnownImage(
        "jodogne/orthanc-plugins", "root",
        "https://github.com/jodogne/OrthancDocker/blob/master/orthanc-plugins/Dockerfile",
    ),
    KnownImage(
        "jodogne/orthanc-python", "root",
        "https://github.com/jodogne/OrthancDocker/blob/master/orthanc-python/Dockerfile",
    ),
    KnownImage("mongo", "drops", "https://github.com/docker-library/mongo/blob/master/8.0/docker-entrypoint.sh"),
    KnownImage("postgres", "drops", "https://github.com/docker-library/postgres/blob/master/docker-entrypoint.sh"),
    KnownImage("nginx", "root above workers", "https://nginx.org/en/docs/ngx_core_module.html#user"),
    KnownImage("nginxinc/nginx-unprivileged", "own user", "https://github.com/nginxinc/docker-nginx-unprivileged"),
    KnownImage("haproxy", "own user", "https://github.com/docker-library/docs/pull/1853", since=(2, 4, 0)),
    KnownImage("bitnamilegacy/", "own user", _BITNAMI, abandoned=_MOVED, instead="the official image"),
    KnownImage("bitnami/", "own user", _BITNAMI, abandoned=_MOVED, instead="the official image"),
)  # fmt: skip
"""The first that fits counts."""


def known_image(image: Image) -> KnownImage | None:
    """What is known of an image."""
    for one in KNOWN:
        if image.name == one.name or (one.name.endswith("/") and image.name.startswith(one.name)):
            return one
    return None


def starts_as(image: Image) -> StartsAs:
    """As whom an image runs where nobody says `user`."""
    known = known_image(image)
    if known is None:
        return "unknown"
    if known.since > (0, 0, 0) and image.version is None:
        return known.starts_as if image.tag in {"", "latest", "lts"} else "unknown"
    return known.starts_as if (image.version or known.since) >= known.since else "root"


def built_here(service: ComposeService) -> bool:
    """Whether a container's image is made on this host, and so comes from no registry."""
    plain = service.node.plain()
    said = plain if isinstance(plain, dict) else {}
    return not service.image or "build" in said or said.get("pull_policy") in ("never", "build")
