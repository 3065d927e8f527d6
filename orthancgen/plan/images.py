"""Which image each container runs: the one that the model names, or orthancgen's own of this version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orthancgen import __version__
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.site.model import Site
from orthancgen.site.types import image_digest

_FIELDS: Final[Mapping[ServiceName, str]] = {
    "orthanc": "orthanc",
    "database": "mongo",
    "postgresql": "postgres",
    "backend": "backend",
    "database-account": "backend",
    "gateway": "gateway",
    "viewer": "viewer",
    "analysis": "analysis",
}
"""Container -> the key under `images:`."""


def own_image(name: str) -> str:
    """The image that orthancgen itself builds: `backend`, `viewer`, `analysis`, `gateway`, `backup`."""
    return f"orthancgen/{name}:{__version__}"


def is_own(site: Site, service: ServiceName) -> bool:
    """Whether a container runs an image that is built on the engine and never pulled."""
    return getattr(site.images, _FIELDS[service]) is None


def image_of(site: Site, service: ServiceName) -> str:
    """The image of a container, as the model names it."""
    field = _FIELDS[service]
    named: str | None = getattr(site.images, field)
    return named or own_image(field)


def image_to_run(plan: Plan, service: ServiceName) -> str:
    """The image of a container with its content's digest, where the plan knows that."""
    return with_digest(plan, image_of(plan.site, service))


def with_digest(plan: Plan, name: str) -> str:
    """An image by its name and its content's digest, where the plan knows that."""
    digest = plan.image_digests.get(name)
    return name if digest is None or image_digest(name) is not None else f"{name}@{digest}"
