"""What follows from what: areas in which something is wrong as soon as a service does not work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from orthancgen.doctor.diagnosis import AREAS, Area

_BY_REST: Final[frozenset[Area]] = frozenset(
    {"storage", "scripts", "web", "delivery", "viewer", "analysis", "modalities"}
)
"""Asked by Orthanc's REST API."""
_BY_SERVICE: Final[Mapping[str, frozenset[Area]]] = {
    "database": frozenset({"database", "backend", "delivery"}),
    "orthanc": _BY_REST.union(("orthanc", "gateway", "way_in", "admission")),
    "backend": frozenset({"backend", "scripts", "delivery", "viewer", "analysis"}),
    "viewer": frozenset({"viewer"}),
    "analysis": frozenset({"analysis"}),
    # The way to Orthanc's REST API and to the backend's leads through it.
    "gateway": _BY_REST.union(("orthanc", "backend", "gateway", "way_in")),
}
EVERYTHING: Final[frozenset[Area]] = frozenset(AREAS) - {"environment", "host"}
"""Without an engine, nothing else is as it should be."""
WEB: Final[frozenset[Area]] = _BY_REST | {"orthanc", "backend", "gateway", "way_in"}
"""What is asked by HTTP."""
DICOM: Final[frozenset[Area]] = frozenset({"way_in", "admission"})
"""What is asked by DICOM."""


def of_service(name: str) -> frozenset[Area]:
    """What follows where a service does not run."""
    return _BY_SERVICE.get(name, frozenset())


def area_of(service: str) -> Area:
    """The area of a service."""
    known: Mapping[str, Area] = {
        "database": "database", "orthanc": "orthanc", "backend": "backend", "gateway": "gateway", "viewer": "viewer",
        "analysis": "analysis",
    }  # fmt: skip
    return known[service]


def of_listener(name: str) -> frozenset[Area]:
    """What follows where one listener of the plan cannot be reached by anybody, by its name there."""
    if name.startswith("DICOM"):
        return DICOM
    return WEB if name == "HTTP" else _BY_SERVICE.get(name, frozenset())
