"""Orthanc's own calls to the modalities: whether each answers. That one is off is a fault where it is asked about."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Note, Remedy
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common
from orthancgen.doctor.questions.calls.running import running
from orthancgen.site.modalities import Modality
from orthancgen.site.problems import printable

_SECONDS: Final = 4
_AT_ONCE: Final = 6
_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class _Why:
    """What an error of Orthanc's means.

    Attributes:
        marks: what stands in it, in small letters (DCMTK's and OpenSSL's words).
        cause: its id.
        title: of the diagnosis, behind the modality's name.
    """

    marks: tuple[str, ...]
    cause: str
    title: str


_CAUSES: Final = (
    _Why(("unknown host",), "modality-name-unknown", "has an address that is not known by name where Orthanc runs"),
    _Why(("association rejected",), "modality-rejects-orthanc", "rejects Orthanc, by one of the AE titles"),
    _Why(
        ("no path to the",), "modality-tls-not-set-up", "is called by TLS, for which Orthanc has no certificate"
    ),
    _Why(("tls error", "ssl error", "openssl"), "modality-without-tls", "is called by TLS, and the handshake fails"),
    _Why(("unrecognized pdu", "peer aborted"), "modality-not-dicom", "answers with what is no DICOM"),
    _Why(("connection refused",), "modality-refuses-connection", "does not listen on that port"),
    _Why(("no acceptable presentation context", "no valid presentation"), "modality-refuses-echo", "takes no C-ECHO"),
)  # fmt: skip
_SILENT: Final = _Why((), "modality-not-reached", "does not answer: it is off, moved, or behind a firewall")


def _ask(case: Case) -> Iterator[Finding]:
    asked = [name for name in (running(case) or {}) if name in case.site.modalities]
    chosen = [name for name in asked if name == case.modality] if case.modality else asked[:_MOST]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        told = dict(zip(chosen, pool.map(lambda name: _echo(case, name), chosen), strict=True))
    silent = {name: seen for name, seen in told.items() if seen is not None}
    if case.modality:
        for name, seen in silent.items():
            yield _diagnosis(case, name, seen)
    elif silent:
        yield Note(
            f"{len(silent)} of {len(told)} modalities do not answer Orthanc's C-ECHO, which is no fault where they are "
            f"switched off or do not listen; ask about one: orthancgen doctor {common.quote(case.env)} --modality NAME",
            tuple(
                Evidence(f"{name}: {_why(seen).title}", _where(case.site.modalities[name]))
                for name, seen in list(silent.items())[:10]
            ),
        )


def _echo(case: Case, name: str) -> str | None:
    """Why a modality does not answer Orthanc's C-ECHO, in Orthanc's words; None where it does."""
    began = time.monotonic()
    answer = case.orthanc(f"/modalities/{name}/echo", method="POST", content=f'{{"Timeout": {_SECONDS}}}')
    if isinstance(answer, str):
        return f"no answer of Orthanc in {time.monotonic() - began:.0f} s"
    if answer.status_code == httpx.codes.OK:
        return None
    try:
        body = answer.json()
        return str(body.get("Details") or body.get("Message") or answer.status_code)
    except (ValueError, AttributeError):
        return f"HTTP {answer.status_code}"


def _why(seen: str) -> _Why:
    said = seen.casefold()
    return next((one for one in _CAUSES if any(mark in said for mark in one.marks)), _SILENT)


def _where(modality: Modality) -> str:
    return f"Orthanc's C-ECHO to {modality.address}:{modality.port}" + (" by TLS" if modality.tls else "")


def _diagnosis(case: Case, name: str, seen: str) -> Diagnosis:
    modality, why = case.site.modalities[name], _why(seen)
    return Diagnosis(
        why.cause,
        f"{name} at {modality.address}:{modality.port} {why.title}",
        f"modality {name}",
        (Evidence(printable(seen, 300), _where(modality)),),
        tuple(_remedies(case, name, why.cause)),
    )


def _remedies(case: Case, name: str, cause: str) -> Iterator[Remedy]:
    modality, own = case.site.modalities[name], case.site.orthanc.aet
    path = ("modalities", name)
    if cause == "modality-name-unknown":
        yield Remedy(
            f"write its IP address at {common.line_of(case, (*path, 'address'))}, or have the name resolved here",
            f"orthancgen modalities change {common.quote(case.env)} {common.quote(name)} --address ADDRESS",
            on="the environment file",
        )
    elif cause == "modality-rejects-orthanc":
        yield common.sheet(case, name, f"register Orthanc there: AE title {own}, port {case.site.dicom.port}")
        yield Remedy(
            f"see that its own AE title is {modality.aet}; where it is another one, correct "
            f"{common.line_of(case, (*path, 'aet'))}",
            f"orthancgen modalities change {common.quote(case.env)} {common.quote(name)} --aet AET",
            on="the environment file",
        )
    elif cause in {"modality-without-tls", "modality-tls-not-set-up", "modality-not-dicom"}:
        other = "--no-tls" if modality.tls else "--tls"
        yield Remedy(
            f"see whether it speaks TLS on port {modality.port}; correct {common.line_of(case, (*path, 'tls'))}",
            f"orthancgen modalities change {common.quote(case.env)} {common.quote(name)} {other}",
            on="the environment file",
        )
    elif cause in {"modality-refuses-connection", "modality-not-reached"}:
        yield Remedy(
            f"see that {name} is switched on, and that its DICOM service listens on port {modality.port}",
            on="the modality",
        )
        yield Remedy(
            f"where its port or address is another one, correct {common.line_of(case, path)}",
            f"orthancgen modalities change {common.quote(case.env)} {common.quote(name)} --port PORT",
            on="the environment file",
        )
    else:
        yield Remedy("allow C-ECHO of Orthanc (the verification service, SCP)", on="the modality")
        return
    yield common.deploy(case, "after a change of the file: bring it to Orthanc")


QUESTION = Question(
    "modalities-answer", "Do the modalities answer Orthanc?", "modalities", _ask,
    tuple(dict.fromkeys((*(one.cause for one in _CAUSES), _SILENT.cause))),
    applies=lambda case: bool(case.site.modalities),
)  # fmt: skip
