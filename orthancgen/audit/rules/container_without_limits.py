"""A container that may take all of its host."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import place, said
from orthancgen.audit.references import cis_docker, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeService
from orthancgen.site.problems import KeyPath, printable

_LIMITS: Final[dict[str, tuple[KeyPath, ...]]] = {
    "memory": (("mem_limit",), ("deploy", "resources", "limits", "memory")),
    "processors": (("cpus",), ("cpu_quota",), ("cpuset",), ("deploy", "resources", "limits", "cpus")),
    "processes": (("pids_limit",), ("deploy", "resources", "limits", "pids")),
}
"""What is limited, and the keys of https://docs.docker.com/reference/compose-file/services/ that say it."""
_NO_LIMIT: Final = ("", "0", "-1", "0b", "0.0")


def find(subject: Subject) -> Iterator[Hit]:
    """Every service that lacks one of the three limits."""
    for _, service in subject.services:
        missing = [what for what, paths in _LIMITS.items() if not any(_limits(service, path) for path in paths)]
        if missing:
            mark, path = place(service, _LIMITS[missing[0]][0][0])
            yield Hit(f"{printable(service.name)} has no limit of {' and of '.join(missing)}", mark, path)


def _limits(service: ComposeService, path: KeyPath) -> bool:
    value = said(service, *path)
    return value is not None and str(value).strip() not in _NO_LIMIT


RULE: Final = Rule(
    id="container-without-limits",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A container may take all of its host's memory, processors or processes",
    why="One large upload, a decoding bomb (CVE-2026-5438 and its siblings) or a script that runs away takes the "
    "database and every other container of the host down with it.",
    remedy="Set `mem_limit`, `cpus` and `pids_limit`, with room for the largest image that Orthanc must decode.",
    references=(cis_docker("5.11"), cis_docker("5.12"), cis_docker("5.29"), owasp_docker("7")),
    find=find,
)
