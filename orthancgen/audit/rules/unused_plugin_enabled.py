"""Plugins are loaded that do nothing, or whatever lies in a folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.audit.looking_containers import is_true
from orthancgen.audit.references import nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.site.problems import printable

_SECTIONS: Final = {
    "DICOM_WEB_PLUGIN_ENABLED": ("DicomWeb", "OrthancDicomWeb"),
    "WORKLISTS_PLUGIN_ENABLED": ("Worklists", "ModalityWorklists"),
    "HOUSEKEEPER_PLUGIN_ENABLED": ("Housekeeper", "Housekeeper"),
    "DELAYED_DELETION_PLUGIN_ENABLED": ("DelayedDeletion", "DelayedDeletion"),
    "INDEXER_PLUGIN_ENABLED": ("Indexer", "OrthancIndexer"),
    "TCIA_PLUGIN_ENABLED": ("Tcia", "OrthancTcia"),
    "NEURO_PLUGIN_ENABLED": ("Neuro", "OrthancNeuro"),
    "STL_PLUGIN_ENABLED": ("STL", "OrthancSTL"),
    "JAVA_PLUGIN_ENABLED": ("Java", "OrthancJava"),
    "ORTHANC_EXPLORER_2_ENABLED": ("OrthancExplorer2", "OrthancExplorer2"),
}
"""Variable of orthancteam/orthanc -> the plugin's section, whose Enable turns it off, and the name of its library."""
_LIBRARY: Final = re.compile(r"\.(?:so(?:\.[0-9.]{1,20})?|dll|dylib)$", flags=re.IGNORECASE)


def find(subject: Subject) -> Iterator[Hit]:
    """Every plugin that is loaded and turned off, and every folder whose plugins are loaded whatever they are."""
    for orthanc in subject.orthancs:
        off = [(variable, *names) for variable, names in _SECTIONS.items() if _is_off(orthanc, names[0])]
        service = subject.service_of(orthanc)
        for variable, section, _ in off if service is not None and orthanc.part.publisher == "orthancteam" else ():
            said = service.environment.get(variable) if service is not None else None
            if said is not None and is_true(said.value):
                yield Hit(f"{variable} loads a plugin that {section}.Enable turns off", said.mark, said.path)
        yield from _listed(orthanc, off)


def _listed(orthanc: Orthanc, off: list[tuple[str, str, str]]) -> Iterator[Hit]:
    plugins = orthanc.values.get("Plugins")
    for index, one in enumerate(plugins if isinstance(plugins, list) else ()):
        if not isinstance(one, str):
            continue
        for _, section, library in off:
            if library in one:
                message = f"{library} is loaded, and {section}.Enable turns it off"
                yield Hit(message, *orthanc.place("Plugins", index))
        # In orthancteam/orthanc that folder holds what the site has asked for.
        if not _LIBRARY.search(one) and orthanc.part.publisher != "orthancteam":
            message = f"every plugin that lies in {printable(one)} is loaded, needed or not"
            yield Hit(
                message, *orthanc.place("Plugins", index), hint="Name the libraries that the site uses, one by one."
            )


def _is_off(orthanc: Orthanc, section: str) -> bool:
    settings = orthanc.values.get(section)
    return isinstance(settings, Mapping) and settings.get("Enable") is False


RULE: Final = Rule(
    id="unused-plugin-enabled",
    severity=Severity.LOW,
    confidence="likely",
    title="Plugins are loaded that nobody uses",
    why="Each plugin has every right of Orthanc and its own faults; an update of the package, or whoever may write "
    "into the folder, adds another without anybody asking for it.",
    remedy="Load only the plugins that the site uses, each by the name of its library.",
    references=(orthanc_book("users/configuration"), nist_pacs("PR.PT-3")),
    find=find,
)
