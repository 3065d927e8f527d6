"""Does the gateway answer, and reach what it stands in front of?

Asked before Orthanc: whoever asks Orthanc by its REST API asks through the gateway, and would blame Orthanc.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import engine as observed
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network.consequences import WEB, of_service
from orthancgen.doctor.questions.network.words import env, line
from orthancgen.errors import OrthancgenError
from orthancgen.plan.addresses import addresses

_REFUSED: Final = frozenset({502, 503, 504})
"""What haproxy says by itself where the server behind it is down, or does not answer: RFC 9110, section 15.6."""

_SECONDS: Final = 4
_SILENCE: Final = ("ReadTimeout", "ConnectTimeout", "RemoteProtocolError")
"""How httpx calls it where a program that takes connections does not answer."""


def _reaches(case: Case) -> Iterator[Finding]:
    running = observed.running(case)
    if "gateway" not in running or "orthanc" not in running or running["orthanc"].health != "healthy":
        return
    if observed.lost_networks(case, "orthanc") or observed.lost_networks(case, "gateway"):
        return  # told by the question about networks
    answer = case.orthanc("/system")
    silent = isinstance(answer, str) and answer.startswith(_SILENCE)
    refused = not isinstance(answer, str) and answer.status_code in _REFUSED
    if not silent and not refused:
        return
    said = line(answer) if isinstance(answer, str) else f"HTTP {answer.status_code}"
    seen = Evidence(f"{said}, while Orthanc itself is healthy", "GET /system by the gateway")
    place, why = f"{addresses(case.site).orthanc}:{case.site.http.port}", _no_connection(case)
    if silent and why is None:
        yield _hangs(case, seen)
        return
    yield Diagnosis(
        "gateway-cannot-reach-orthanc",
        "the gateway runs, and cannot reach Orthanc behind it",
        "gateway",
        (seen, Evidence(why or "opens a connection", f"in {running['gateway'].name}, to {place}")),
        (
            Remedy("start it again", f"docker restart {running['gateway'].name}"),
            Remedy("or make the containers and their networks anew", f"orthancgen deploy {env(case)} --repair"),
        ),
        Fix("restart", "gateway"),
        WEB,
    )


def _no_connection(case: Case) -> str | None:
    """Why no program in the gateway's container opens a connection to Orthanc; None where one does."""
    engine = observed.answering(case)
    if engine is None:
        return None
    script = f"exec 3<>/dev/tcp/{addresses(case.site).orthanc}/{case.site.http.port}"
    try:
        code, said = engine.execute(
            observed.running(case)["gateway"].id, ["timeout", str(_SECONDS), "bash", "-c", script]
        )
    except OrthancgenError as error:
        return error.message
    if code == 0:
        return None
    return f"no connection: {line(said)}" if said.strip() else f"no connection within {_SECONDS} s"


def _hangs(case: Case, seen: Evidence) -> Diagnosis:
    name = observed.name_of(case, "gateway")
    return Diagnosis(
        "container-unhealthy",
        "the gateway takes connections and does not answer, while Orthanc behind it is healthy",
        "gateway",
        (seen,),
        (
            Remedy("start it again", f"docker restart {name}"),
            Remedy("see what it says", f"orthancgen logs {env(case)} gateway"),
        ),
        Fix("restart", "gateway"),
        of_service("gateway"),
    )


QUESTIONS: Final = (
    Question(
        "gateway-reaches-orthanc", "Does the gateway answer, and reach Orthanc?", "engine", _reaches,
        ("gateway-cannot-reach-orthanc", "container-unhealthy"),
        applies=lambda case: "gateway" in case.plan.by_name and observed.answering(case) is not None,
    ),
)  # fmt: skip
