"""The section ``dicom:`` port, TLS, and whom Orthanc lets in: six keys and the host check become one rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orthancgen.importing.draft import Draft
from orthancgen.importing.entry import Entry, Rules
from orthancgen.importing.fits import why_not
from orthancgen.importing.modalities import translate, without_verifier
from orthancgen.importing.notes import Outcome
from orthancgen.importing.original import OURS, Original
from orthancgen.importing.surroundings import Surroundings
from orthancgen.importing.web import certificate_of
from orthancgen.orthanc.access import ALWAYS
from orthancgen.orthanc.admission.configuration import ascii_lower
from orthancgen.orthanc.keys import Version
from orthancgen.render.orthanc_json import VERIFIER
from orthancgen.site.problems import KeyPath
from orthancgen.site.types import IPAddress

_CALLING_AET: Final[KeyPath] = ("dicom", "ae_checks", "calling_aet")
_ANYONE_MAY: Final[KeyPath] = ("dicom", "ae_checks", "anyone_may")
_CERTIFICATES_IGNORED_SINCE: Final = Version(1, 12, 4)
_TLS_FILES: Final = (
    ("DicomTlsCertificate", "dicom_tls_certificate"),
    ("DicomTlsPrivateKey", "dicom_tls_key"),
    ("DicomTlsTrustedCertificates", "dicom_tls_trusted"),
)


def import_dicom(draft: Draft, around: Surroundings) -> None:
    """Write the sections ``dicom:`` and ``modalities:``."""
    original = draft.original
    if not original.flag("DicomServerEnabled"):
        message = "the model always has a DICOM port: nobody may do anything there"
        draft.note("DicomServerEnabled", Outcome.LOST, message, to=_CALLING_AET)
    elif "DicomServerEnabled" in original:
        draft.note("DicomServerEnabled", Outcome.AS_DEFAULT)
    _port(draft, around)
    _tls(draft, around)
    _ae_checks(draft)
    _modalities(draft, around)


def rules_of(original: Original, around: Surroundings) -> Rules:
    """What decides about modalities."""
    policy = calling_aet(original)
    return Rules(
        by_address=policy == "registered_from_own_address",
        anyone=policy == "anyone",
        exact_case=original.flag("StrictAetComparison"),
        over_tls=original.flag("DicomTlsEnabled"),
        ipv4_alone=around.runtime == "compose",
        nobody=not original.flag("DicomServerEnabled"),
    )


def open_commands(original: Original) -> list[str]:
    """The commands that everybody may use; none where there is no DICOM server."""
    return [c for c, key in ALWAYS.items() if original.flag(key)] if original.flag("DicomServerEnabled") else []


def calling_aet(original: Original) -> str:
    """Orthanc's rule in the terms of the model. Where the model has none that is equal, the next narrower one.

    Any ``DicomAlwaysAllow...`` lets everybody associate, and its command is carried out whatever
    ``DicomCheckModalityHost`` says; for the other commands the address still counts, which the model cannot say.
    """
    by_address = original.flag("DicomCheckModalityHost")
    if open_commands(original) and not by_address:
        return "anyone"
    return "registered_from_own_address" if by_address else "registered"


def _port(draft: Draft, around: Surroundings) -> None:
    original, to = draft.original, ("dicom", "port")
    inner = original.get("DicomPort")
    ports = around.published(inner)
    port = (ports[0].host_port if ports else None) or inner
    if port == inner:
        draft.carry("DicomPort", to, port, always=True)
    else:
        draft.put(to, port)
        draft.note("DicomPort", Outcome.EXPRESSED, f"published as {port}, which is the port inside as well now", to=to)
    if around.service is None:
        return
    address = ports[0].host_address if ports else "127.0.0.1"
    if address and why_not(IPAddress, address) is None and address != "0.0.0.0":  # noqa: S104
        draft.put(("dicom", "published_on"), address)
    if not ports and original.flag("DicomServerEnabled"):
        message = "the port is not published: orthancgen publishes it for this host alone"
        draft.note("DicomPort", Outcome.EXPRESSED, message, to=("dicom", "published_on"))


def _tls(draft: Draft, around: Surroundings) -> None:
    original = draft.original
    if "DicomTlsEnabled" in original:
        draft.note("DicomTlsEnabled", Outcome.CARRIED, to=("dicom", "tls", "enabled"))
    if not original.flag("DicomTlsEnabled"):
        keys = (*(key for key, _ in _TLS_FILES), "DicomTlsRemoteCertificateRequired")
        draft.all_without_effect([key for key in keys if key in original.known], "DicomTlsEnabled is false")
        return
    draft.put(("dicom", "tls", "enabled"), True)
    required = _required(draft)
    for key, secret in _TLS_FILES:
        if key != "DicomTlsTrustedCertificates" or required:
            certificate_of(draft, around, key, secret)
        elif key in original:
            draft.note(key, Outcome.WITHOUT_EFFECT, "no certificate is asked for")


def _required(draft: Draft) -> bool:
    """`client_certificates:` whether callers must show one; before 1.12.4 there is no going without."""
    original, key, to = draft.original, "DicomTlsRemoteCertificateRequired", ("dicom", "tls", "client_certificates")
    if key not in original.known or original.flag(key):
        draft.carry(key, to, "required")
        return True
    if original.version < _CERTIFICATES_IGNORED_SINCE:
        message = f"with Orthanc {original.version}, orthancgen always asks callers for a certificate"
        draft.note(key, Outcome.LOST, message, to=to)
        return True
    draft.carry(key, to, "not_asked")
    return False


def _ae_checks(draft: Draft) -> None:
    original = draft.original
    checks = ("dicom", "ae_checks")
    draft.carry("DicomCheckCalledAet", (*checks, "called_aet"), original.flag("DicomCheckCalledAet"), always=True)
    policy, opened = calling_aet(original), open_commands(original)
    draft.put(_CALLING_AET, policy)
    if policy == "anyone":
        draft.put(_ANYONE_MAY, opened)
    for command, key in ALWAYS.items():
        if key not in original.known:
            continue
        to = _ANYONE_MAY if policy == "anyone" else _CALLING_AET
        if command in opened and policy != "anyone":
            message = (
                f"everybody may {command} there, while DicomCheckModalityHost holds for the rest: the model has no "
                "such mixture, and lets in registered modalities alone"
            )
            hint = "register who is to be let in, or write calling_aet: anyone, which compares no addresses"
            draft.note(key, Outcome.LOST, message, to=to, hint=hint)
        elif key in original:
            draft.note(key, Outcome.EXPRESSED, to=to)
        elif command in opened:
            draft.note(key, Outcome.SPELLED_OUT, to=to)
    if "DicomCheckModalityHost" in original:
        draft.note("DicomCheckModalityHost", Outcome.EXPRESSED, to=_CALLING_AET)
    draft.carry("StrictAetComparison", (*checks, "exact_case"), original.flag("StrictAetComparison"))


def _modalities(draft: Draft, around: Surroundings) -> None:
    original, key = draft.original, "DicomModalities"
    in_database = original.flag("DicomModalitiesInDatabase")
    if in_database:
        message = "the modalities are those of Orthanc's database, which are not known here"
        hint = "write those of its /modalities?expand under modalities:"
        draft.note("DicomModalitiesInDatabase", Outcome.LOST, message, to=("modalities",), hint=hint)
        if key in original:
            draft.note(key, Outcome.WITHOUT_EFFECT, "DicomModalitiesInDatabase is true")
        return
    if "DicomModalitiesInDatabase" in original:
        draft.note("DicomModalitiesInDatabase", Outcome.AS_DEFAULT)
    written = original.values.get(key)
    if key in original and not isinstance(written, dict):
        draft.note(key, Outcome.LOST, "it is no object: Orthanc refuses it")
        return
    if written == {}:
        draft.note(key, Outcome.AS_DEFAULT)
    entries = translate(original, rules_of(original, around))
    if OURS in original:
        entries, verifier = without_verifier(entries)
        if verifier is not None:
            _verification(draft, verifier.values, entries)
    read = {VERIFIER, *(entry.name for entry in entries)}
    for name in written or {}:
        if name not in read:
            draft.note((key, name), Outcome.REMARK)
    for entry in entries:
        path: KeyPath = (key, entry.name)
        to: KeyPath = ("modalities", entry.to)
        for at, outcome, message, remedy in entry.notes:
            draft.note(at, outcome, message, to=to, hint=remedy)
        if entry.left_out:
            draft.left_out[to] = entry.values
            draft.note(path, Outcome.LOST, f"left out: {entry.left_out}", to=to, hint=entry.remedy or None)
        else:
            draft.put(to, entry.values)
            draft.note(path, Outcome.CARRIED, to=to)


def _verification(draft: Draft, values: dict[str, object], others: Sequence[Entry]) -> None:
    """`verification:` of a bundle that orthancgen rendered."""
    aets = [ascii_lower(str(other.values.get("aet", ""))) for other in others]
    if ascii_lower(str(values["aet"])) in aets:
        path: KeyPath = ("DicomModalities", VERIFIER)
        draft.note(path, Outcome.LOST, "its AE title is that of a modality too", to=("verification", "aet"))
        return
    draft.put(("verification", "enabled"), True)
    draft.put(("verification", "aet"), values["aet"])
    draft.put(("verification", "may"), [c for c in ("echo", "store") if c in str(values.get("may"))])
    draft.note(("DicomModalities", VERIFIER), Outcome.EXPRESSED, to=("verification",))
