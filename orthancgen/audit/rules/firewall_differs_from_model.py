"""Rules of a firewall that are not what the environment, or Orthanc's own list of modalities, says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_differences import from_environment, from_modalities
from orthancgen.audit.looking_rule_sets import firewalls
from orthancgen.audit.looking_settings import serving_dicom
from orthancgen.audit.references import nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Sources that nobody asked for, and those that are missing; of other people's files, those of DICOM alone."""
    for firewall in firewalls(subject):
        if subject.plan is not None:
            differences = list(from_environment(subject.plan, firewall))
        else:
            each = (from_modalities(subject, orthanc, firewall) for orthanc in serving_dicom(subject))
            differences = [one for of_one in each for one in of_one]
        for one in differences:
            yield Hit(one.words, one.mark, one.path)


RULE: Final = Rule(
    id="firewall-differs-from-model",
    severity=Severity.HIGH,
    confidence="likely",
    title="A firewall lets in others than those who may call",
    why="What was reviewed and what is loaded are two things: somebody is let in whom nobody asked for, or a modality "
    "is locked out and its images wait.",
    remedy="Bring the two together; for an environment change that instead of the rules, and write them anew with "
    "`orthancgen render`.",
    references=(nist_pacs("PR.IP-3"), nist_pacs("PR.AC-5")),
    find=find,
)
