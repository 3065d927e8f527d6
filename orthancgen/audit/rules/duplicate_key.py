"""A key that stands twice, of which one does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_secrets import documents
from orthancgen.audit.references import orthanc_book, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import format_path, printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every key of a file that stands again further down."""
    for document in documents(subject):
        for path, mark in document.duplicates:
            node, depth = document.tree.find(path) if document.tree is not None else (None, -1)
            counts = node.key_mark if node is not None and depth == len(path) else None
            which = f": the one on line {counts.line} counts" if counts is not None else ""
            yield Hit(f"{printable(format_path(path))} stands more than once{which}", mark, path)


RULE: Final = Rule(
    id="duplicate-key",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A key stands twice in one file",
    why="Orthanc takes one of them without a word: who reads or changes the other one believes in a setting that does "
    "not hold.",
    remedy="Remove the one that is not meant.",
    references=(rfc(8259, "4"), orthanc_book("users/configuration")),
    find=find,
)
