"""Is the Orthanc that runs the one that is wanted, with its plugins, and what is known of its version?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Note, Remedy
from orthancgen.doctor.observe import configuration, services
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import env, in_file, is_native
from orthancgen.doctor.questions.services.orthanc import plugin_remedies
from orthancgen.orthanc.vulnerabilities import known
from orthancgen.render.orthanc_json import configuration as wanted_configuration

_LIBRARY: Final = {"dicomweb": "dicom-web"}
"""Plugin in the model -> its name in `GET /plugins`."""


def _version(case: Case) -> Iterator[Finding]:
    running, wanted = configuration.running_version(case), case.plan.version
    if running is None:
        return
    if running != wanted:
        older = running < wanted
        auto = case.site.orthanc.version == "auto"
        said = "the one that is installed now" if auto else "orthanc.version of the environment"
        again = f"orthancgen deploy {env(case)} --repair"
        remedies = (
            (Remedy("start the installed one", again), in_file("or name the version that is to run at orthanc.version"))
            if auto or not is_native(case)
            else (
                Remedy("install that version, or see what is installed", "Orthanc --version"),
                in_file("or name the version that runs at orthanc.version"),
                Remedy("then start it", again),
            )
        )
        yield Diagnosis(
            "version-too-old" if older else "version-differs",
            f"Orthanc {running} runs, and {wanted} is wanted: "
            + ("keys and fixes of the newer one do nothing" if older else "what was checked is another version"),
            "orthanc",
            (Evidence(f"Version {running}", "GET /system"), Evidence(f"{wanted}", said)),
            remedies,
            Fix("restart", "orthanc") if auto else None,
        )
    found = known("orthanc", running)
    if found:
        worst = [one.id for one in found if one.severity in {"high", "critical"}] or [one.id for one in found]
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        names = ", ".join([*worst, *(one.id for one in found if one.id not in worst)][:3])
        yield Note(
            f"Orthanc {running} has {len(found)} known vulnerabilit{'y' if len(found) == 1 else 'ies'}: {names}{more}",
            (
                Evidence(
                    f"Version {running}; orthancgen audit {env(case)} tells each, and what mends it", "GET /system"
                ),
            ),
        )


def _plugins(case: Case) -> Iterator[Finding]:
    loaded = _loaded(case)
    if loaded is None:
        return
    missing = [name for name in case.site.orthanc.plugins if _LIBRARY[name] not in loaded]
    if not missing:
        return
    paths = wanted_configuration(case.plan).get("Plugins", [])
    files = {PurePosixPath(str(path)).name for path in paths}
    lines = [
        line
        for line in services.errors(case)
        if "plugin" in line.text.casefold() or any(one in line.text for one in files)
    ]
    yield Diagnosis(
        "plugin-missing",
        f"Orthanc runs without its plugin {', '.join(missing)}: DICOMweb does not answer",
        "orthanc",
        (Evidence(f"loaded: {', '.join(loaded) or 'none'}", "GET /plugins"), *map(services.quoted, lines[-2:])),
        plugin_remedies(case),
    )


def _loaded(case: Case) -> list[str] | None:
    answer = case.orthanc("/plugins")
    if isinstance(answer, str) or answer.status_code != httpx.codes.OK:
        return None
    try:
        document: Any = answer.json()
    except ValueError:
        return None
    return [str(one) for one in document if one != "explorer.js"] if isinstance(document, list) else None


QUESTIONS: Final = (
    Question(
        "orthanc-version", "Is it the Orthanc that is wanted?", "orthanc", _version,
        ("version-too-old", "version-differs"),
    ),
    Question(
        "orthanc-plugins", "Are its plugins loaded?", "orthanc", _plugins, ("plugin-missing",),
        applies=lambda case: bool(case.site.orthanc.plugins),
    ),
)  # fmt: skip
