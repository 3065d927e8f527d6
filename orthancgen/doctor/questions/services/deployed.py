"""Was the environment deployed, and as its file says now?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Area, Diagnosis, Evidence, Finding, Fix, Note, Remedy
from orthancgen.doctor.observe import configuration
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import ALL, OF_BACKEND, OF_DATABASE, OF_ORTHANC, deploy, env

_MOST: Final = 8
_REACHED_BY: Final = (
    "HttpPort", "HttpBindAddresses", "SslEnabled", "DicomPort", "DicomTlsEnabled", "listen.", "RegisteredUsers",
    "orthanc.url", "database.port", "database.host", "database.name", "credentials",
)  # fmt: skip
"""Keys of the rendered files that decide where and how a service is reached: one that differs makes it unreachable."""


def _deployed(case: Case) -> Iterator[Finding]:
    if configuration.deployed(case):
        return
    state = case.runtime.state.root
    found = "there is no such folder" if not state.exists() else "it has no record of a deploy"
    yield Diagnosis(
        "not-deployed",
        f"{case.site.environment} was not deployed from here",
        "environment",
        (Evidence(f"{state}: {found}", "state folder"),),
        (
            Remedy("deploy it", f"orthancgen deploy {env(case)}"),
            Remedy("or, where it was deployed from another folder, name that one with --state"),
        ),
        Fix("deploy"),
        ALL,
    )


def _current(case: Case) -> Iterator[Finding]:
    told = configuration.not_deployed(case)
    waiting = case.runtime.state.withheld / "secrets.next"
    try:
        names = sorted(path.name for path in waiting.iterdir()) if waiting.is_dir() else []
    except OSError:
        names = []
    if names:
        text = f"new values wait for the next deploy: {', '.join(names)}"
        yield Note("rotated secrets are not in use yet", (Evidence(text, str(waiting)),))
    if not told:
        return
    more = (f"and {len(told) - _MOST} more",) if len(told) > _MOST else ()
    yield Diagnosis(
        "environment-not-deployed",
        f"{case.loaded.path.name} says something else than what was deployed",
        "environment",
        tuple(Evidence(one, "deployed -> wanted") for one in (*told[:_MOST], *more)),
        (
            Remedy("see what a deploy would change", f"orthancgen plan {env(case)}")
            if case.site.runtime != "native"
            else Remedy("see that the file says what is wanted", f"orthancgen validate {env(case)}"),
            deploy(case, "deploy it, or take the change back"),
        ),
        Fix("deploy"),
        # A secret that only the new environment names: nobody can log in before the deploy.
        _explains(told) if case.access else ALL - {"environment", "engine", "host"},
    )


def _explains(told: tuple[str, ...]) -> frozenset[Area]:
    """Where a port differs, whatever is asked by the new one is not answered."""
    reached = {one.partition(": ")[0] for one in told if any(f": {key}" in one for key in _REACHED_BY)}
    found: frozenset[Area] = frozenset()
    if "orthanc/orthanc.json" in reached:
        found |= OF_ORTHANC
    if "backend/backend.json" in reached:
        found |= OF_BACKEND | OF_DATABASE
    return found


QUESTIONS: Final = (
    Question("deployed", "Was the environment deployed?", "environment", _deployed, ("not-deployed",)),
    Question(
        "deployed-as-said", "Was it deployed as its file says now?", "environment", _current,
        ("environment-not-deployed",),
    ),
)  # fmt: skip
