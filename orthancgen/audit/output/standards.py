"""Which standard speaks of which rule, for the taxonomies of SARIF and the table of a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from orthancgen.audit.references import Reference
from orthancgen.audit.rule import Finding, Rule


@dataclass(frozen=True, slots=True, order=True)
class Taxon:
    """A place in a document that rules appeal to."""

    standard: str
    section: str
    url: str

    @property
    def title(self) -> str:
        """Document and place, the document once where it has no places."""
        return self.section if self.section.startswith(self.standard) else f"{self.standard}, {self.section}"


@dataclass(frozen=True, slots=True)
class Row:
    """What the rules that appeal to a place in a document found.

    Attributes:
        checked: ids of the rules that ran.
        found: id of a rule -> how many findings count; of those that found something.
        accepted: how many findings are accepted.
    """

    taxon: Taxon
    checked: tuple[str, ...]
    found: tuple[tuple[str, int], ...]
    accepted: int


def taxon(reference: Reference) -> Taxon | None:
    """The place in a document; None for a page that is no document with places."""
    standard, section = reference.standard, reference.section
    if standard.startswith("CVE-"):
        return Taxon("CVE", standard, reference.url)
    if not section and not standard.startswith("RFC "):
        return None
    return Taxon(standard, section or standard, reference.url)


def taxa(rules: Iterable[Rule]) -> tuple[Taxon, ...]:
    """Every place that rules appeal to, each once, sorted."""
    found = {one for rule in rules for reference in rule.references if (one := taxon(reference)) is not None}
    first = {(one.standard, one.section): one for one in sorted(found, reverse=True)}
    return tuple(sorted(first.values()))


def matrix(rules: Sequence[Rule], findings: Sequence[Finding]) -> tuple[Row, ...]:
    """A row a place: which rules looked, and what they found."""
    rows = []
    for one in taxa(rules):
        key = (one.standard, one.section)
        of_rule = [rule.id for rule in rules if key in {_key(reference) for reference in rule.references}]
        wanted = set(of_rule)
        here = [finding for finding in findings if finding.rule.id in wanted]
        found = {rule: sum(finding.counts and finding.rule.id == rule for finding in here) for rule in of_rule}
        counted = tuple((rule, number) for rule, number in found.items() if number)
        rows.append(Row(one, tuple(of_rule), counted, sum(not finding.counts for finding in here)))
    return tuple(rows)


def _key(reference: Reference) -> tuple[str, str]:
    one = taxon(reference)
    return (one.standard, one.section) if one else ("", "")
