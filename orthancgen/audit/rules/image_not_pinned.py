"""An image whose name does not say which content runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import place
from orthancgen.audit.looking_images import Image, built_here, image_of
from orthancgen.audit.references import cis_docker, nist_pacs, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every service with an image of a registry that no digest names, or built from one."""
    for _, service in subject.services:
        built = built_here(service)
        text = service.built_from if built else service.image
        image = image_of(text)
        if image.digest or not image.name or image.name == "scratch":
            continue
        mark, path = place(service, "build" if built else "image")
        severity, why = _judged(image)
        how = "is built from" if built else "runs"
        yield Hit(f"{printable(service.name)} {how} {image.shown}: {why}", mark, path, severity=severity)


def _judged(image: Image) -> tuple[Severity, str]:
    if "$" in image.name + image.tag:
        return Severity.HIGH, "which one is decided by a variable without a value here"
    if image.tag in {"", "latest"}:
        return Severity.HIGH, "without a version, it is whatever was newest when it was fetched"
    if image.is_release:
        return Severity.LOW, "the release is named, and its publisher can still put other content under that tag"
    return Severity.HIGH, f"the tag {printable(image.tag)} moves on to another release by itself"


RULE: Final = Rule(
    id="image-not-pinned",
    severity=Severity.HIGH,
    confidence="certain",
    title="What an image contains can change under its name",
    why="The next pull may bring another Orthanc, with other defaults or with an index that cannot go back, or content "
    "that somebody put there who took over the account; and no two hosts need run the same.",
    remedy="Name the release and its digest: `image: name:tag@sha256:...`; `docker buildx imagetools inspect` "
    "tells it.",
    references=(cis_docker("5.28"), owasp_docker("13"), nist_pacs("PR.IP-3")),
    find=find,
)
