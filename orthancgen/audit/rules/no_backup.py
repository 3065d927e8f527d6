"""Nothing keeps the images when a container or a disk goes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_storage import OF_DATABASES, folders_of, loss, place_of
from orthancgen.audit.references import hipaa, nist_pacs, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_ENVIRONMENT: Final = "site.json"
_HINT: Final = "Name a repository under `backup:`; then `orthancgen backup ENV` saves images and records."


def find(subject: Subject) -> Iterator[Hit]:
    """Every environment without a backup; and every container that keeps its data where they go with it."""
    plan = subject.plan
    if plan is not None:
        if plan.site.backup.repository is None:
            message = "no backup is set up: nothing says where images and records are saved"
            yield Hit(message, file=_ENVIRONMENT, hint=_HINT, severity=Severity.LOW)
        return
    for orthanc in subject.orthancs:
        service = subject.service_of(orthanc)
        folders = folders_of(orthanc) if service is not None else {}
        for key, folder in folders.items():
            if service is not None and (fault := loss(service, folder)):
                what = "the images" if key == "StorageDirectory" else "the files of the index"
                yield Hit(f"{service.name}: {what} in {folder} {fault}", *place_of(service, folder))
    for _, service in subject.services:
        folder = OF_DATABASES.get(service.role, "")
        if folder and (fault := loss(service, folder)):
            yield Hit(f"{service.name}: the records in {folder} {fault}", *place_of(service, folder))


RULE: Final = Rule(
    id="no-backup",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="Images and records are kept in one place alone",
    why="A failed disk, a wrong command or an update that makes the container anew takes all images with it; they "
    "have to be kept for years, and cannot be made again.",
    remedy="Keep the data on a named volume, save it to another machine every day, and try once that it can be "
    "restored.",
    references=(
        hipaa("(a)(2)(iv)"),
        nist_pacs("PR.IP-4"),
        page("Docker volumes", "https://docs.docker.com/engine/storage/volumes/"),
    ),
    find=find,
)
