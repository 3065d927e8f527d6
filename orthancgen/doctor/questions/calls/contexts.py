"""Transfer syntaxes and SOP classes that Orthanc refuses: its log is silent about them, so they are proposed to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from pydicom.uid import UID
from pynetdicom import build_context
from pynetdicom.presentation import PresentationContext

from orthancgen.dicom.association import associate
from orthancgen.dicom.outcome import Failure
from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Note, Remedy
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common
from orthancgen.render.orthanc_json import configuration
from orthancgen.verify.callers import callers, can_bind, playable
from orthancgen.verify.tls import client_context

IMPLICIT: Final = "1.2.840.10008.1.2"
"""Every application must take it (PS3.5 section 10.1)."""
TRANSFER_SYNTAXES: Final = (
    IMPLICIT, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.70",
    "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",
    "1.2.840.10008.1.2.5",
)  # fmt: skip
"""What scanners send: uncompressed, JPEG, JPEG-LS, JPEG 2000 and RLE (PS3.6 table A-1)."""
SOP_CLASSES: Final = tuple(
    f"1.2.840.10008.5.1.4.1.1.{tail}"
    for tail in (
        "1", "1.1", "1.2", "1.3", "2", "2.1", "3.1", "4", "4.1", "6.1", "7", "7.1", "7.2", "7.3", "7.4", "11.1",
        "12.1", "12.2", "13.1.3", "20", "66", "66.4", "77.1.1", "77.1.4", "77.1.5.1", "88.11", "88.22", "88.33",
        "88.59", "88.67", "104.1", "128", "481.1", "481.2", "481.3", "481.5",
    )
)  # fmt: skip
"""What scanners, workstations and planning systems store (PS3.4 annex B.5)."""
_CT: Final = "1.2.840.10008.5.1.4.1.1.2"
UNKNOWN: Final = "2.25.135792468024680246802468024680246802"
"""A SOP class that nobody defined (PS3.5 annex B.2), for UnknownSopClassAccepted."""
_TIMEOUTS: Final = Timeouts(connect=4, association=6, command=6)


def _ask(case: Case) -> Iterator[Finding]:
    accepted = _accepted(case)
    if accepted is None:
        return
    wanted = configuration(case.plan)
    yield from _syntaxes(case, wanted, [one for one in TRANSFER_SYNTAXES if (_CT, one) not in accepted])
    classes = {one for one, _ in accepted}
    yield from _classes(case, wanted, [one for one in SOP_CLASSES if one not in classes], UNKNOWN in classes)


def _accepted(case: Case) -> frozenset[tuple[str, str]] | None:
    """The pairs of SOP class and transfer syntax that the running Orthanc takes; None where it cannot be asked."""
    peer = _peer(case)
    if peer is None:
        return None
    contexts: list[PresentationContext] = [build_context(_CT, one) for one in TRANSFER_SYNTAXES]
    contexts += [build_context(one, list(TRANSFER_SYNTAXES[:2])) for one in (*SOP_CLASSES, UNKNOWN) if one != _CT]
    with associate(peer, contexts) as link:
        if isinstance(link, Failure):
            return None  # why, other questions find
        taken = link.association.accepted_contexts
        return frozenset((str(one.abstract_syntax), str(one.transfer_syntax[0])) for one in taken)


def _peer(case: Case) -> Peer | None:
    access = case.access
    if access is None:
        return None
    seen = access.seen_as
    known = playable(callers(case.site), can_bind if seen is None else lambda address: address == seen)
    if not known:
        return None
    tls = client_context(case.site, access.secrets) if case.site.dicom.tls.enabled else None
    return Peer(
        access.dicom_host, case.site.dicom.port, case.site.orthanc.aet, known[0].aet, tls=tls,
        source_address=known[0].source_address if seen is None else None, timeouts=_TIMEOUTS,
    )  # fmt: skip


def _syntaxes(case: Case, wanted: Mapping[str, Any], refused: list[str]) -> Iterator[Finding]:
    # Older than the list are switches, one a family, such as JpegTransferSyntaxAccepted; they are read all the same.
    # That of deflated files is the model's own, and none of those above.
    switches = [one for one, value in wanted.items() if one.endswith("SyntaxAccepted") and value is False]
    key = next((one for one in switches if one != "DeflatedTransferSyntaxAccepted"), None)
    allowed = wanted.get("AcceptedTransferSyntaxes", [] if key else ["1.2.840.10008.1.*"])
    meant = [one for one in refused if not _matches(one, allowed)]
    key = key or "AcceptedTransferSyntaxes"
    yield from _told(case, "transfer-syntax-refused", "transfer syntaxes", refused, meant, key)


def _classes(case: Case, wanted: Mapping[str, Any], refused: list[str], unknown: bool) -> Iterator[Finding]:
    allowed = wanted.get("AcceptedSopClasses") or ["*"]
    rejected = [*(wanted.get("RejectedSopClasses") or []), *(wanted.get("RejectSopClasses") or [])]
    meant = [one for one in refused if not _matches(one, allowed) or _matches(one, rejected)]
    if wanted.get("UnknownSopClassAccepted") is True and not unknown:
        refused = [*refused, "every SOP class that Orthanc does not know (UnknownSopClassAccepted)"]
    key = "AcceptedSopClasses" if "AcceptedSopClasses" in wanted else "RejectedSopClasses"
    yield from _told(case, "sop-class-refused", "SOP classes", refused, meant, key)


def _told(case: Case, cause: str, what: str, refused: list[str], meant: list[str], key: str) -> Iterator[Finding]:
    """What is refused and not meant to be, is a fault; what is meant to be, where somebody asks about a modality."""
    if changed := [one for one in refused if one not in meant]:
        yield _diagnosis(case, cause, what, changed, None)
    elif meant and (IMPLICIT in meant or case.modality):
        yield _diagnosis(case, cause, what, meant, key)
    elif meant:
        yield _note(case, what, meant, key)


def _matches(uid: str, patterns: Any) -> bool:
    """Whether one of the patterns, with `*` and `?`, is that of a UID, as Orthanc reads them."""
    return isinstance(patterns, list) and any(fnmatchcase(uid, str(one)) for one in patterns)


def _diagnosis(case: Case, cause: str, what: str, refused: list[str], key: str | None) -> Diagnosis:
    env = common.quote(case.env)
    if key is None:
        why = "which the environment lets it take: somebody changed that by REST"
        remedies: tuple[Remedy, ...] = (
            Remedy("have Orthanc start anew: what is in no file is forgotten", f"orthancgen doctor {env} --fix"),
        )
    else:
        why = f"as {key} says"
        place = common.line_of(case, ("orthanc", "settings", key))
        remedies = (
            Remedy(f"add what the modality sends, at {place}", on="the environment file"),
            common.deploy(case),
        )
    return Diagnosis(
        cause,
        f"Orthanc refuses {len(refused)} {what}, {why}",
        "orthanc",
        _evidence(case, refused),
        remedies,
        fix=Fix("restart", "orthanc") if key is None else None,
    )


def _note(case: Case, what: str, refused: list[str], key: str) -> Note:
    return Note(f"Orthanc refuses {len(refused)} {what}, as {key} says", _evidence(case, refused))


def _evidence(case: Case, refused: list[str]) -> tuple[Evidence, ...]:
    shown = ", ".join(f"{UID(one).name} ({one})" if one[0].isdigit() else one for one in refused[:5])
    more = f", and {len(refused) - 5} more" if len(refused) > 5 else ""
    where = f"presentation contexts proposed to port {case.site.dicom.port}"
    return (Evidence(f"refused: {shown}{more}", where),)


QUESTION = Question(
    "presentation-contexts", "Does Orthanc take the usual SOP classes and transfer syntaxes?", "admission", _ask,
    ("transfer-syntax-refused", "sop-class-refused"),
)  # fmt: skip
