"""What Orthanc does with one call: the steps of its admission, in its own order, each with the settings that decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.orthanc.admission.configuration import (
    ALWAYS,
    NORMALIZED_SINCE,
    TITLES,
    Access,
    Command,
    KeyPath,
    Modality,
    Step,
    TlsKind,
    UnusableError,
    has_forbidden_character,
)
from orthancgen.orthanc.keys import Version, keys_for


@dataclass(frozen=True, slots=True)
class Call:
    """A caller and what it asks for.

    Attributes:
        calling_aet: the caller's AE title, as it says itself.
        called_aet: the AE title by which it calls Orthanc.
        address: the address that Orthanc sees, in its canonical form, such as ``192.0.2.10``.
        command: what it asks for.
        tls: how it connects.
    """

    calling_aet: str
    called_aet: str
    address: str
    command: Command
    tls: TlsKind = "plain"


@dataclass(frozen=True, slots=True)
class Decision:
    """What Orthanc does with a call.

    Attributes:
        allowed: whether the command is carried out.
        step: where it was decided; ``command`` where it is allowed.
        decided_by: the paths of the settings in orthanc.json that decide, also where a default decides because the
            key is not there; none where the call itself does. A modality in the short form is named by the keys of
            the long one.
        reason: one sentence, without values of the configuration.
        modality: the symbolic name of the modality that the caller was taken for, or None.
    """

    allowed: bool
    step: Step
    decided_by: tuple[KeyPath, ...]
    reason: str
    modality: str | None = None


_HOST_CHECK: Final[KeyPath] = ("DicomCheckModalityHost",)
_IN_DATABASE: Final[KeyPath] = ("DicomModalitiesInDatabase",)


def decide(configuration: Mapping[str, Any], version: Version, call: Call) -> Decision:
    """What an Orthanc that was started on a configuration does with a call.

    Whether Orthanc has the service at all is another matter: worklists need a plugin, without which their presentation
    context is rejected. Modalities kept in the database are not known here: they count as none.

    Args:
        configuration: the effective configuration as parsed JSON, also one that orthancgen did not write. For what is
            not there, the version's default holds.
        version: the version of Orthanc.
        call: who asks for what, and how.
    """
    access = Access(configuration, version)
    try:
        access.check_start()
    except UnusableError as error:
        return _refused("connection", [error.path], f"{error.message}: Orthanc does not start")
    steps: tuple[tuple[Step, Callable[[Access, Call], Decision | None]], ...] = (
        ("connection", _connection),
        ("tls", _tls),
        ("association", _association),
        ("command", _command),
    )
    for step, taken in steps:
        try:
            decision = taken(access, call)
        except UnusableError as error:
            return _refused(step, [error.path], f"{error.message}: Orthanc ends when it reads it, with this caller")
        if decision is not None:
            return decision
    raise AssertionError("the last step always decides")


def _refused(step: Step, paths: list[KeyPath], reason: str, modality: Modality | None = None) -> Decision:
    return Decision(False, step, tuple(paths), reason, modality.name if modality else None)


def _allowed(paths: list[KeyPath], reason: str, modality: Modality | None = None) -> Decision:
    return Decision(True, "command", tuple(paths), reason, modality.name if modality else None)


# --- the connection


def _connection(access: Access, call: Call) -> Decision | None:
    del call
    if not access.flag("DicomServerEnabled"):
        return _refused("connection", [("DicomServerEnabled",)], "the DICOM server is off: nothing listens")
    return None


def _tls(access: Access, call: Call) -> Decision | None:
    enabled = access.flag("DicomTlsEnabled")
    switch: KeyPath = ("DicomTlsEnabled",)
    if not enabled:
        if call.tls == "plain":
            return None
        return _refused("tls", [switch], "the DICOM port speaks no TLS, and the caller does")
    if call.tls == "plain":
        return _refused("tls", [switch], "the DICOM port speaks TLS alone, and the caller does not")
    key: KeyPath = ("DicomTlsRemoteCertificateRequired",)
    if access.certificate_required and call.tls == "anonymous":
        return _refused("tls", [key], "callers must show a certificate, and this one shows none")
    if call.tls == "foreign" and access.certificates_read:
        paths: list[KeyPath] = [("DicomTlsTrustedCertificates",), key]
        return _refused("tls", paths, "the caller's certificate is of no authority that Orthanc trusts, or expired")
    return None


# --- the association


def _association(access: Access, call: Call) -> Decision | None:
    calling, called = as_received(call.calling_aet, access.version), called_as_received(call.called_aet)
    if access.version >= NORMALIZED_SINCE and has_forbidden_character(calling):
        return _refused("association", [], _DROPPED)
    if access.flag("DicomCheckCalledAet") and not access.same(called, access.own_aet):
        paths: list[KeyPath] = [("DicomCheckCalledAet",), ("DicomAet",)]
        return _refused("association", paths, "the caller calls Orthanc by another AE title than its own")
    refusal = None if access.open_commands else _known(access, call, calling)
    if refusal is None and not (calling and called):
        return _refused("association", [], _DROPPED)
    return refusal


_DROPPED: Final = "Orthanc gives no answer to a request with such an AE title"


def _known(access: Access, call: Call, calling: str) -> Decision | None:
    """Where no command is open to everybody, the first modality with the caller's AE title decides, by name."""
    doors: list[KeyPath] = [(key,) for key in ALWAYS.values() if key in keys_for(access.version)]
    found = access.called(calling)
    if not found:
        return _refused("association", [_registry(access), *doors], _unknown(access))
    first = found[0]
    if access.flag("DicomCheckModalityHost") and call.address != first.host:
        reason = "the caller's address is not the Host of the modality with its AE title"
        if len(found) > 1:
            reason = "the caller's address is not the Host of the first modality, by name, with its AE title"
        return _refused("association", [_HOST_CHECK, first.path("Host"), *doors], reason, first)
    return None


def as_received(aet: str, version: Version) -> str:
    """A caller's AE title as Orthanc compares it.

    DCMTK reads it up to the first NUL and drops the spaces at its end; Orthanc 1.13 drops those before it too. Nobody
    drops the spaces of a modality's AE title in the configuration.
    """
    text = called_as_received(aet)
    return text.strip(" ") if version >= NORMALIZED_SINCE else text


def called_as_received(aet: str) -> str:
    """A called AE title as Orthanc compares it: spaces before it count, in 1.13 as well."""
    return aet.split("\0")[0].rstrip(" ")


def is_dropped(received: str, version: Version) -> bool:
    """Whether a caller with this AE title gets no answer to its request, whatever the configuration.

    An empty one never (DCMTK: "Illegal service parameter"); since 1.13 nor one with a control character or a
    backslash.
    """
    return not received or (version >= NORMALIZED_SINCE and has_forbidden_character(received))


def _registry(access: Access) -> KeyPath:
    return _IN_DATABASE if access.flag("DicomModalitiesInDatabase") else ("DicomModalities",)


def _unknown(access: Access) -> str:
    if access.flag("DicomModalitiesInDatabase"):
        return "the modalities are those of the database, not of the configuration, and a new database has none"
    return "no modality has the caller's AE title"


# --- the command


def _command(access: Access, call: Call) -> Decision:
    title = TITLES[call.command]
    if call.command in access.open_commands:
        return _allowed([(ALWAYS[call.command],)], f"everybody may use {title}, whoever they are")
    found = access.called(as_received(call.calling_aet, access.version))
    closed = list(_always(call.command))
    if not found:
        return _refused(
            "command", [_registry(access), *closed], f"{title} is not for everybody, and {_unknown(access)}"
        )
    if len(found) == 1:
        return _one(access, call, found[0], closed)
    return _several(access, call, found, closed)


def _always(command: Command) -> Iterator[KeyPath]:
    if command in ALWAYS:
        yield (ALWAYS[command],)


def _one(access: Access, call: Call, modality: Modality, closed: list[KeyPath]) -> Decision:
    title = TITLES[call.command]
    key = modality.path(modality.allow_key(call.command))
    if access.flag("DicomCheckModalityHost") and call.address != modality.host:
        paths = [_HOST_CHECK, modality.path("Host"), *closed]
        reason = "the caller's address is not the Host of the modality with its AE title"
        return _refused("command", paths, reason, modality)
    if modality.allows(call.command):
        return _allowed([key], f"the modality may use {title}", modality)
    return _refused("command", [key, *closed], f"the modality may not use {title}", modality)


def _several(access: Access, call: Call, found: tuple[Modality, ...], closed: list[KeyPath]) -> Decision:
    """Several modalities with one AE title: one at the caller's address decides, or else all of them together."""
    title = TITLES[call.command]
    keys = [modality.path(modality.allow_key(call.command)) for modality in found]
    if access.flag("DicomCheckModalityHost"):
        for modality, key in zip(found, keys, strict=True):
            if modality.allows(call.command) and modality.host == call.address:
                reason = f"of the modalities with this AE title, the one at the caller's address may use {title}"
                return _allowed([key, _HOST_CHECK, modality.path("Host")], reason, modality)
    if all(modality.allows(call.command) for modality in found):
        reason = f"all modalities with this AE title may use {title}: then the caller's address does not count"
        return _allowed(keys, reason, found[0])
    forbidding = [
        (modality, key) for modality, key in zip(found, keys, strict=True) if not modality.allows(call.command)
    ]
    reason = f"not all modalities with this AE title may use {title}"
    if access.flag("DicomCheckModalityHost"):
        reason += ", and none that may has the caller's address"
    return _refused("command", [*(key for _, key in forbidding), *closed], reason, forbidding[0][0])
