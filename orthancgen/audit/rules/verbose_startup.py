"""An Orthanc that writes its secrets, or what patients' images say, into the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import place, said, words
from orthancgen.audit.looking_images import image_of
from orthancgen.audit.references import hipaa, orthanc_book, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeService
from orthancgen.site.problems import printable

_PRINTS_ALL: Final = "it prints the whole configuration with its passwords at every start"
_TRACES: Final = "each DICOM command and HTTP request goes into the log in detail, with what it says of patients"
_TALKS: Final = "each transfer goes into the log, and hides in it what matters"
_VARIABLES: Final = {
    "VERBOSE_STARTUP": (("", "true"), Severity.HIGH, _PRINTS_ALL),
    "BUNDLE_DEBUG": (("", "true"), Severity.HIGH, _PRINTS_ALL),
    "TRACE_ENABLED": (("true",), Severity.HIGH, _TRACES),
    "VERBOSE_ENABLED": (("true",), Severity.MEDIUM, _TALKS),
}
"""Variables of the image orthancteam/orthanc, and the values that turn them on: its docker-entrypoint.sh,
generateConfiguration.py and helpers.py."""
_OPTIONS: Final = {"--trace": (Severity.HIGH, _TRACES), "--verbose": (Severity.MEDIUM, _TALKS)}
_READS_THEM: Final = ("orthancteam/", "osimis/")


def find(subject: Subject) -> Iterator[Hit]:
    """Every such variable that the image's own start reads, and every such option."""
    for _, service in subject.services:
        if service.role == "orthanc":
            yield from _variables(service)
            yield from _options(service)


def _variables(service: ComposeService) -> Iterator[Hit]:
    if said(service, "entrypoint") is not None or not image_of(service.built_from or service.image).name.startswith(
        _READS_THEM
    ):
        return  # Orthanc is started past the image's own script, which alone reads them
    for name, (values, severity, effect) in _VARIABLES.items():
        found = service.environment.get(name)
        if found is not None and found.value is not None and found.value in values:
            yield Hit(f"{printable(service.name)} has {name}: {effect}", found.mark, found.path, severity=severity)


def _options(service: ComposeService) -> Iterator[Hit]:
    for key in ("command", "entrypoint"):
        for word in words(said(service, key)):
            if word in _OPTIONS:
                severity, effect = _OPTIONS[word]
                mark, path = place(service, key)
                yield Hit(f"{printable(service.name)} is started with {word}: {effect}", mark, path, severity=severity)


RULE: Final = Rule(
    id="verbose-startup",
    severity=Severity.HIGH,
    confidence="certain",
    title="Secrets or patients' data go into the log",
    why="Logs are read by more people than passwords are, are sent to other systems, and are kept.",
    remedy="Remove it; PUT /tools/log-level raises Orthanc's log level for a while, with no restart.",
    references=(
        page(
            "orthanc-builder: generateConfiguration.py",
            "https://github.com/orthanc-server/orthanc-builder/blob/master/docker/orthanc/generateConfiguration.py",
        ),
        orthanc_book("faq/log"),
        hipaa("(a)(1)"),
    ),
    find=find,
)
