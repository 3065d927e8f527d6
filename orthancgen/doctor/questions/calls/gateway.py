"""Callers whom the gateway does not let in at its port for modalities without TLS; its log says whom and why.

Its lines are those of templates/gateway/haproxy.cfg.j2, frontend `dicom_plain`. They have no time, so that all of them
count, but for those of this host, from which the proofs call.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Remedy
from orthancgen.doctor.observe.orthanc_log import own_addresses
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common
from orthancgen.plan.gateway import plain_modalities
from orthancgen.site.problems import printable

_LINE: Final = re.compile(
    r"([0-9A-Fa-f:.]{2,45}):\d{1,5} dicom_plain (unknown_address|title_not_of_this_address) .{1,100}, "
    r"calling AE title (.{0,64})"
)
_LONGEST: Final = 400
_Refused = tuple[str, str, str, str]
"""Verdict, address, AE title, and the line."""


def _ask(case: Case) -> Iterable[Finding]:
    here, groups = own_addresses(case), dict[tuple[str, str, str], _Refused]()
    for text in case.log("gateway"):
        if (match := _LINE.match(text[:_LONGEST])) and match[1] not in here:
            ip, verdict, aet = match.groups()
            groups[verdict, ip, aet] = (verdict, ip, aet, printable(match[0], _LONGEST))
    return common.capped(list(groups.values()), lambda one: _diagnosis(case, one), "callers of the gateway")


def _diagnosis(case: Case, refused: _Refused) -> Diagnosis:
    verdict, ip, aet, text = refused
    evidence = (Evidence(text, "log of gateway"),)
    name = common.named(case, aet)
    if verdict == "unknown_address":
        return Diagnosis(
            "address-not-registered",
            f"{ip} calls port {case.site.dicom.plain.port}, and is no registered address of a modality without TLS",
            f"caller at {ip}",
            evidence,
            (*_let_in(case, ip), common.deploy(case)),
        )
    if name:
        other = case.site.modalities[name].address
        return Diagnosis(
            "address-not-registered",
            f"{name} ({aet}) calls from {ip}, and is registered with {other}: that is the address of "
            f"{', '.join(common.at_address(case, ip)) or 'another'}",
            f"modality {name}",
            evidence,
            (common.change(case, name, "address", ip), common.deploy(case)),
        )
    there = next(iter(common.at_address(case, ip)), None)
    known = f", whose modality is {there} ({case.site.modalities[there].aet})," if there else ""
    remedies = (
        (
            common.sheet(case, there, f"enter {case.site.modalities[there].aet} as its own (calling) AE title"),
            common.change(case, there, "aet", aet),
            common.deploy(case, "after a change of the file: bring it to Orthanc"),
        )
        if there
        else (common.add(case, aet, ip), common.deploy(case))
    )
    return Diagnosis(
        "calling-aet-unknown",
        f"the {common.caller(aet, ip)}{known} is refused by the gateway: that address has another AE title",
        common.caller(aet, ip),
        evidence,
        remedies,
    )


def _let_in(case: Case, ip: str) -> tuple[Remedy, ...]:
    known = ", ".join(f"{name} ({one.address})" for name, one in plain_modalities(case.site).items())
    return (
        Remedy(f"if it is one of {known}: correct its address", _change(case, ip), on="the environment file"),
        Remedy(
            "if it is a new one: register it",
            f"orthancgen modalities add {common.quote(case.env)} NAME --aet AET --address {common.quote(ip)} --no-tls",
            on="the environment file",
        ),
    )


def _change(case: Case, ip: str) -> str:
    return f"orthancgen modalities change {common.quote(case.env)} NAME --address {common.quote(ip)}"


QUESTION = Question(
    "plain-callers-let-in", "Does the gateway let the modalities without TLS in?", "admission", _ask,
    ("address-not-registered", "calling-aet-unknown"),
    applies=lambda case: case.site.runtime == "compose" and case.site.dicom.plain.enabled,
)  # fmt: skip
