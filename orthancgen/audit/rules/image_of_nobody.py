"""An image that nobody mends any more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import place
from orthancgen.audit.looking_images import image_of, known_image
from orthancgen.audit.references import cis_docker, owasp_docker, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every service whose image was given up."""
    for _, service in subject.services:
        image = image_of(service.image)
        known = known_image(image)
        if known is None or not known.abandoned:
            continue
        mark, path = place(service, "image")
        message = f"{printable(service.name)} runs {image.shown}: {known.abandoned}"
        yield Hit(message, mark, path, hint=f"Use {known.instead} ({known.source}).")


RULE: Final = Rule(
    id="image-of-nobody",
    severity=Severity.HIGH,
    confidence="certain",
    title="An image gets no updates any more",
    why="Every vulnerability that was found since stays open in it, and no upgrade comes.",
    remedy="Use the image that is kept in its place.",
    references=(
        page("Orthanc Book: orthancteam/orthanc", "https://orthanc.uclouvain.be/book/users/docker-orthancteam.html"),
        page("Bitnami: changes to the catalog", "https://github.com/bitnami/containers/issues/83267"),
        cis_docker("4.2"),
        owasp_docker("13"),
    ),
    find=find,
)
