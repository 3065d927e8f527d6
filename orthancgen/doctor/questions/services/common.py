"""What the questions about services share: what follows from what, and the remedies that this site has."""

from __future__ import annotations

import shlex
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import AREAS, Area, Remedy

ALL: Final[frozenset[Area]] = frozenset(AREAS)
OF_ORTHANC: Final[frozenset[Area]] = frozenset(
    {
        "orthanc",
        "gateway",
        "way_in",
        "admission",
        "storage",
        "scripts",
        "web",
        "delivery",
        "viewer",
        "analysis",
        "modalities",
    }
)
"""What is wrong as soon as Orthanc does not run."""
OF_DATABASE: Final[frozenset[Area]] = frozenset({"database", "delivery", "viewer", "analysis"})
"""The backend itself goes on without its database."""
OF_BACKEND: Final[frozenset[Area]] = frozenset({"backend", "delivery", "viewer", "analysis"})


def env(case: Case) -> str:
    """How the environment is named on a command line of the shell."""
    return shlex.quote(case.env)


def has_backend(case: Case) -> bool:
    """Whether the site has a backend and its database."""
    return case.site.backend.enabled


def is_native(case: Case) -> bool:
    """Whether the services are programs of this host."""
    return case.site.runtime == "native"


def title(case: Case, service: str) -> str:
    """A service as people call it."""
    found = case.plan.by_name.get(service)
    return found.title if found else service


def deploy(case: Case, text: str = "start it, as the environment says") -> Remedy:
    """Bring up what is down."""
    return Remedy(text, f"orthancgen deploy {env(case)}")


def anew(case: Case, text: str = "put the deployed file back, and start the services with it") -> tuple[Remedy, ...]:
    """Have every file as it was deployed, and every service read it."""
    return (Remedy(text, f"orthancgen deploy {env(case)} --repair"),)


def logs(case: Case, service: str) -> Remedy:
    """See what a service said."""
    return Remedy(f"see what {service} said", f"orthancgen logs {env(case)} {service}")


def in_file(text: str) -> Remedy:
    """Change the environment's file."""
    return Remedy(text, on="the environment file")
