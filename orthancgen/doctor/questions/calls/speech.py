"""Callers who speak without TLS to a port with TLS, or the other way round; and what is no DICOM at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Finding, Note, Remedy
from orthancgen.doctor.observe.orthanc_log import evidence, of
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common

_NOT_DICOM: Final = (
    "pdu-http-get", "pdu-http-post", "pdu-http-head", "pdu-http-options", "pdu-ssh", "pdu-other", "tls-http-call",
)  # fmt: skip
_SILENT_CALLER: Final = "who it is, Orthanc does not log: it is the one that could not send at the times above"


def _plain(case: Case) -> Iterator[Finding]:
    seen = of(case, "tls-plain-call")
    if not seen:
        return
    site = case.site
    remedies = [
        _at_modality(case, f"switch DICOM TLS on: {common.endpoint(case)}; {_SILENT_CALLER}"),
        Remedy(
            "hand over its certificate, key and authority",
            f"orthancgen certs bundle {common.quote(case.env)} {_which(case)} -o FOLDER",
        ),
    ]
    if site.runtime == "compose":
        port = f"its port is {site.dicom.plain.port}" if site.dicom.plain.enabled else "not enabled so far"
        remedies.append(
            Remedy(
                f"if it cannot do TLS: the gateway has a port for those ({port}), "
                f"{common.line_of(case, ('dicom', 'plain'))}",
                on="the environment file",
            )
        )
    yield Diagnosis(
        "plain-call-to-tls-port",
        f"a caller speaks DICOM without TLS to port {site.dicom.port}, which speaks TLS alone",
        f"port {site.dicom.port}",
        evidence(seen),
        tuple(remedies),
    )


def _tls(case: Case) -> Iterator[Finding]:
    seen = of(case, "pdu-tls")
    if not seen:
        return
    port = case.site.dicom.port
    yield Diagnosis(
        "tls-call-to-plain-port",
        f"a caller speaks TLS to port {port}, which speaks DICOM without TLS",
        f"port {port}",
        evidence(seen),
        (
            _at_modality(case, f"switch TLS off: {common.endpoint(case)}; {_SILENT_CALLER}"),
            Remedy(
                f"if TLS is wanted: `enabled: true` at {common.line_of(case, ('dicom', 'tls'))}, then deploy",
                on="the environment file",
            ),
        ),
    )


def _other(case: Case) -> Iterator[Finding]:
    seen = of(case, *_NOT_DICOM)
    if seen:
        yield Note(
            f"something that is no DICOM calls the DICOM port {case.site.dicom.port}: a browser with the wrong port "
            f"(the web page is on {case.site.http.port}), a scanner of ports, or a health check",
            evidence(seen),
        )


def _which(case: Case) -> str:
    return common.quote(case.modality) if case.modality else "MODALITY"


def _at_modality(case: Case, text: str) -> Remedy:
    if case.modality:
        return common.sheet(case, case.modality, text)
    return Remedy(text, f"orthancgen sheet {common.quote(case.env)}", on="the modality")


QUESTIONS: Final = (
    Question(
        "plain-callers", "Do all callers speak TLS?", "way_in", _plain, ("plain-call-to-tls-port",),
        applies=lambda case: case.site.dicom.tls.enabled,
    ),
    Question(
        "tls-callers", "Do all callers speak without TLS?", "way_in", _tls, ("tls-call-to-plain-port",),
        applies=lambda case: not case.site.dicom.tls.enabled,
    ),
    Question("dicom-callers", "Is it DICOM that calls the DICOM port?", "way_in", _other, ()),
)  # fmt: skip
