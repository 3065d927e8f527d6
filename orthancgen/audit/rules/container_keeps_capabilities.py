"""A container with rights of root that it does not need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import is_true, place, said, texts
from orthancgen.audit.references import cis_docker, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeService
from orthancgen.site.problems import printable

_AS_GOOD_AS_ROOT: Final = frozenset(
    {
        "ALL", "BPF", "DAC_READ_SEARCH", "NET_ADMIN", "PERFMON", "SYS_ADMIN", "SYS_BOOT", "SYS_MODULE", "SYS_PTRACE",
        "SYS_RAWIO", "SYS_TIME",
    }
)  # fmt: skip
"""capabilities(7): those with which a program leaves its container, or listens to others; the engine gives none."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every service that keeps the engine's own choice of capabilities, or is given dangerous ones."""
    for _, service in subject.services:
        if is_true(said(service, "privileged")):
            continue  # has all of them, whatever is said here: another rule's
        name = printable(service.name)
        if "ALL" not in _names(service, "cap_drop"):
            mark, path = place(service, "cap_drop")
            yield Hit(f"{name} keeps the capabilities that the engine gives by itself: cap_drop has no ALL", mark, path)
        given = [one for one in _names(service, "cap_add") if one in _AS_GOOD_AS_ROOT]
        if given:
            mark, path = place(service, "cap_add")
            message = f"{name} is given {', '.join(given)}, with which it can leave its container or listen to others"
            yield Hit(message, mark, path, severity=Severity.HIGH)


def _names(service: ComposeService, key: str) -> list[str]:
    return [text.strip().upper().removeprefix("CAP_") for text in texts(said(service, key))]


RULE: Final = Rule(
    id="container-keeps-capabilities",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A container keeps rights of root that it does not need",
    why="The engine gives every container 14 capabilities: with them a program that was taken over forges packets in "
    "the network of the containers, changes owners of files and overrides their modes.",
    remedy="Write `cap_drop: [ALL]`, and in `cap_add` the few without which the program fails (below port 1024: "
    "NET_BIND_SERVICE).",
    references=(cis_docker("5.4"), owasp_docker("3")),
    find=find,
)
