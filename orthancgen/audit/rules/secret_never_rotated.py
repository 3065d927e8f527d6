"""A secret that has been the same for years."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_secrets import for_secrets
from orthancgen.audit.references import hipaa, nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject

_DAYS: Final = 365


def find(subject: Subject) -> Iterator[Hit]:
    """Every file of secrets that was last changed more than a year ago."""
    for one in for_secrets(subject):
        if one.age_days is not None and one.age_days > _DAYS:
            yield Hit(f"it was last changed {int(one.age_days)} days ago", file=one.file)


RULE: Final = Rule(
    id="secret-never-rotated",
    severity=Severity.LOW,
    confidence="possible",
    title="A secret has been the same for more than a year",
    why="People and vendors who left still know it, and so do the backups of machines that are gone.",
    remedy="Make another one each year and when somebody leaves: `orthancgen secrets rotate`.",
    references=(hipaa("(d)"), nist_pacs("PR.AC-1")),
    find=find,
)
