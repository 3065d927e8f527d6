"""A plugin with a known vulnerability, or one that nobody mends any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from orthancgen.audit.looking_containers import is_true, place
from orthancgen.audit.looking_images import image_of
from orthancgen.audit.references import cve, nist_pacs, orthanc_book, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import ComposeService

_EXPLORER_2_TOLD: Final = (26, 4, 0)
"""CVE-2026-10173 was told in April 2026: no image made before has the plugin without it."""
_EXPLORER_2_IN_IMAGE: Final = (22, 1, 0)
_OSIMIS_VARIABLES: Final = (
    "OSIMIS_WEB_VIEWER1_PLUGIN_ENABLED",
    "OSIMIS_WEB_VIEWER1_ALPHA_PLUGIN_ENABLED",
    "WVB_ENABLED",
)
_OSIMIS_LIBRARY: Final = "OsimisWebViewer"


def find(subject: Subject) -> Iterator[Hit]:
    """Every plugin of which it is certain that it is loaded, and that it is faulty or abandoned."""
    for orthanc in subject.orthancs:
        service = subject.service_of(orthanc)
        if service is not None:
            yield from _of_image(orthanc, service)
        plugins = orthanc.get("Plugins")
        for index, library in enumerate(plugins if isinstance(plugins, list) else ()):
            if isinstance(library, str) and _OSIMIS_LIBRARY in library:
                yield Hit(_ABANDONED, *orthanc.place("Plugins", index), hint=_INSTEAD, severity=Severity.LOW)


def _of_image(orthanc: Orthanc, service: ComposeService) -> Iterator[Hit]:
    if orthanc.part.publisher != "orthancteam":
        return
    tag = image_of(service.image).version
    if tag is not None and _EXPLORER_2_IN_IMAGE <= tag < _EXPLORER_2_TOLD and _explorer_2(orthanc, service):
        yield Hit(
            f"{service.name} has the Orthanc Explorer 2 of an image of {tag[0]}.{tag[1]}.{tag[2]}: a link that is made "
            "for it runs the script of a stranger as the user who opens it (CVE-2026-10173)",
            *place(service, "image"),
            hint="Use orthancteam/orthanc 26.8.0 or newer, or set ORTHANC_EXPLORER_2_ENABLED to false.",
        )
    for name in _OSIMIS_VARIABLES:
        variable = service.environment.get(name)
        if variable is not None and is_true(variable.value):
            yield Hit(_ABANDONED, variable.mark, variable.path, hint=_INSTEAD, severity=Severity.LOW)


def _explorer_2(orthanc: Orthanc, service: ComposeService) -> bool:
    """Whether the image loads it: it does, unless somebody says no."""
    variable = service.environment.get("ORTHANC_EXPLORER_2_ENABLED")
    if variable is not None and variable.value is not None and not is_true(variable.value):
        return False
    section = orthanc.values.get("OrthancExplorer2")
    return not (isinstance(section, Mapping) and section.get("Enable") is False)


_ABANDONED: Final = "the Osimis Web Viewer is loaded, which its makers have given up"
_INSTEAD: Final = "Use the Stone Web Viewer (STONE_WEB_VIEWER_PLUGIN_ENABLED), or another viewer that is kept up."
RULE: Final = Rule(
    id="vulnerable-plugin",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="A plugin is faulty, or nobody mends it any more",
    why="A plugin has every right of Orthanc: a fault in it is a fault of the archive, and one that is given up stays "
    "open when it is found.",
    remedy="Update the image or the plugin, or do not load it.",
    references=(
        cve("CVE-2026-10173"),
        page("Orthanc Explorer 2, issue 108", "https://github.com/orthanc-server/orthanc-explorer-2/issues/108"),
        orthanc_book("plugins/osimis-webviewer"),
        nist_pacs("PR.PT-3"),
    ),
    find=find,
)
