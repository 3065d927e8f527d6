"""One request may take all memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_settings import holds, number, serving_http
from orthancgen.audit.references import cve, orthanc_source
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject

_KEYS: Final = {
    "MaximumRequestBodySizeMB": "the body of a request",
    "MaximumFileSizeInArchiveMB": "a file in an uploaded archive",
}
_SIZE: Final = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([bkmg]?)b?", flags=re.IGNORECASE)
_FACTORS: Final = {"": 1 / 2**20, "b": 1 / 2**20, "k": 1 / 2**10, "m": 1.0, "g": 2.0**10}


def find(subject: Subject) -> Iterator[Hit]:
    """Every limit of requests that is off, or larger than the memory that the container may use."""
    for orthanc in serving_http(subject):
        memory = _container_megabytes(subject, orthanc)
        for key, what in _KEYS.items():
            limit = number(orthanc, key)
            if not orthanc.knows(key) or limit is None:
                continue
            if limit == 0:
                yield Hit(f"{holds(orthanc, key)}: {what} may be of any size", *orthanc.place(key))
            elif memory is not None and limit > memory:
                yield Hit(
                    f"{holds(orthanc, key)}: {what} may be larger than the {memory:.0f} MB of memory that the "
                    "container has",
                    *orthanc.place(key),
                )


def _container_megabytes(subject: Subject, orthanc: Orthanc) -> float | None:
    service = subject.service_of(orthanc)
    if service is None:
        return None
    for path in (("mem_limit",), ("deploy", "resources", "limits", "memory")):
        node, depth = service.node.find(path)
        matched = _SIZE.fullmatch(str(node.value).strip()) if depth == len(path) else None
        if matched is not None:
            return float(matched[1]) * _FACTORS[matched[2].lower()]
    return None


RULE: Final = Rule(
    id="unlimited-requests",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="One request may use up the memory",
    why="One large request, or a small archive that unpacks to a large one, ends Orthanc for everybody; since the "
    "queue of its events is in memory, they are lost.",
    remedy="Set the limit to the largest file that you expect, and well below the container's memory: 1024 for most "
    "sites.",
    references=(cve("CVE-2026-5438"), cve("CVE-2026-5439"), cve("CVE-2026-5440"), orthanc_source("NEWS")),
    find=find,
)
