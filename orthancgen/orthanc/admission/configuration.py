"""What of a configuration takes part in the admission of DICOM callers, read as Orthanc reads it.

Sources: OrthancServer/Sources/main.cpp (``OrthancApplicationEntityFilter``), OrthancConfiguration.cpp and
OrthancFramework/Sources/DicomNetworking/RemoteModalityParameters.cpp of Orthanc, and what the servers do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Literal

from orthancgen.orthanc.keys import Key, Version, keys_for

Command = Literal["echo", "store", "find", "find_worklist", "get", "move", "storage_commitment"]
TlsKind = Literal["plain", "anonymous", "trusted", "foreign"]
"""How a caller connects: without TLS; with TLS and no certificate; with one of an authority that Orthanc trusts; with
one of another authority, or one that expired."""

Step = Literal["connection", "tls", "association", "command"]
KeyPath = tuple[str, ...]

ALWAYS: Final[Mapping[Command, str]] = MappingProxyType(
    {
        "echo": "DicomAlwaysAllowEcho",
        "store": "DicomAlwaysAllowStore",
        "find": "DicomAlwaysAllowFind",
        "find_worklist": "DicomAlwaysAllowFindWorklist",
        "get": "DicomAlwaysAllowGet",
        "move": "DicomAlwaysAllowMove",
    }
)
"""The key that opens a command to everybody. Storage commitment has none."""

ALLOW: Final[Mapping[Command, tuple[str, ...]]] = MappingProxyType(
    {
        "echo": ("AllowEcho",),
        "store": ("AllowStore",),
        "find": ("AllowFind",),
        "find_worklist": ("AllowFindWorklist",),
        "get": ("AllowGet",),
        "move": ("AllowMove",),
        "storage_commitment": ("AllowStorageCommitment", "AllowNAction"),
    }
)
"""The keys of a modality that allow a command; the first that is there decides."""

TITLES: Final[Mapping[Command, str]] = MappingProxyType(
    {
        "echo": "C-ECHO",
        "store": "C-STORE",
        "find": "C-FIND",
        "find_worklist": "C-FIND of worklists",
        "get": "C-GET",
        "move": "C-MOVE",
        "storage_commitment": "storage commitment",
    }
)

CERTIFICATE_OPTIONAL_SINCE: Final = Version(1, 9, 3)
CERTIFICATE_IGNORED_SINCE: Final = Version(1, 12, 4)
"""Since then ``DicomTlsRemoteCertificateRequired: false`` means that a caller's certificate is not looked at at all."""

NORMALIZED_SINCE: Final = Version(1, 13, 0)
"""Since then spaces before a caller's AE title do not count either, and some AE titles get no answer."""

LONGEST_AET: Final = 16
"""Bytes of an AE title in an association request (PS3.8 table 9-11)."""

# Not so DicomCheckModalityHost and StrictAetComparison: with a wrong type, Orthanc ends when it compares a caller.
_READ_AT_START: Final = (
    "DicomServerEnabled", "DicomCheckCalledAet", "DicomModalitiesInDatabase",
    "DicomTlsEnabled", "DicomTlsRemoteCertificateRequired",
)  # fmt: skip

_FORMER_MANUFACTURERS: Final = ("AgfaImpax", "ClearCanvas", "Dcm4Chee", "EFilm2", "MedInria", "SyngoVia")

_ARRAY: Final = ("AET", "Host", "Port", "Manufacturer")
_SYMBOLIC_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")


class UnusableError(Exception):
    """Orthanc ends on this setting, at its start or when it first reads it; ``path`` is where the setting stands."""

    def __init__(self, path: KeyPath, message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


@dataclass(frozen=True, slots=True)
class Modality:
    """An entry of ``DicomModalities``; ``settings`` is its long form, also where it stands in the short one."""

    name: str
    aet: str
    host: str
    settings: Mapping[str, Any]
    version: Version

    def path(self, key: str) -> KeyPath:
        """Where a key of the entry stands, in the terms of the long form."""
        return ("DicomModalities", self.name, key)

    def allow_key(self, command: Command) -> str:
        """The key that decides about the command: the one that is there, or whose default holds."""
        candidates = [key for key in ALLOW[command] if key in keys_for(self.version, "modality")]
        return next((key for key in candidates if key in self.settings), candidates[-1])

    def allows(self, command: Command) -> bool:
        """Whether the entry allows the command; each is allowed by default."""
        return bool(self.settings.get(self.allow_key(command), True))


class Access:
    """A configuration's settings of admission.

    Args:
        configuration: orthanc.json as parsed JSON; defaults of the version hold for what is not there.
        version: the version of Orthanc that reads it.
    """

    def __init__(self, configuration: Mapping[str, Any], version: Version) -> None:
        self.configuration = configuration
        self.version = version

    def flag(self, key: str) -> bool:
        """The value of a boolean key, its default included; False where the version does not know the key.

        Raises:
            UnusableError: the value is no boolean.
        """
        known = keys_for(self.version).get(key)
        if known is None:
            return False
        value = self.configuration.get(key, known.default)
        if not isinstance(value, bool):
            raise UnusableError((key,), f"{key} is neither true nor false")
        return value

    def text(self, key: str) -> str:
        """The value of a key that is a text; "" where it is not there and has no default.

        Raises:
            UnusableError: the value is no text.
        """
        known = keys_for(self.version).get(key)
        value = self.configuration.get(key, (known.default if known else None) or "")
        if not isinstance(value, str):
            raise UnusableError((key,), f"{key} is not a text")
        return value

    @cached_property
    def own_aet(self) -> str:
        """Orthanc's own AE title, as a called one is compared with it.

        Raises:
            UnusableError: Orthanc does not start with it.
        """
        text = self.text("DicomAet")
        if self.version >= NORMALIZED_SINCE:
            text = text.strip(" ")
            if has_forbidden_character(text):
                raise UnusableError(("DicomAet",), "DicomAet has a character that no AE title can have")
        if not 1 <= len(text.encode("utf-8", "surrogatepass")) <= LONGEST_AET:
            raise UnusableError(("DicomAet",), f"DicomAet has not 1 to {LONGEST_AET} characters")
        return text

    def check_start(self) -> None:
        """Read what Orthanc reads when it starts. That the files of TLS are there and fit is taken for granted.

        Raises:
            UnusableError: Orthanc does not start.
        """
        for key in (*ALWAYS.values(), *_READ_AT_START):
            self.flag(key)
        _ = self.own_aet
        _ = self.modalities
        if not (self.flag("DicomServerEnabled") and self.flag("DicomTlsEnabled")):
            return
        for key in ("DicomTlsCertificate", "DicomTlsPrivateKey", "DicomTlsTrustedCertificates"):
            needed = key != "DicomTlsTrustedCertificates" or self.certificates_read
            if needed and not self.text(key):
                raise UnusableError((key,), f"DicomTlsEnabled is true, and {key} is not there")

    @property
    def certificate_required(self) -> bool:
        """Whether a caller must show a certificate over TLS."""
        return self.version < CERTIFICATE_OPTIONAL_SINCE or self.flag("DicomTlsRemoteCertificateRequired")

    @property
    def certificates_read(self) -> bool:
        """Whether Orthanc verifies the certificate that a caller shows over TLS."""
        return self.certificate_required or self.version < CERTIFICATE_IGNORED_SINCE

    @cached_property
    def open_commands(self) -> frozenset[Command]:
        """The commands that everybody may use."""
        return frozenset(command for command, key in ALWAYS.items() if self.flag(key))

    @cached_property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities in the order in which Orthanc looks at them; none where they are kept in the database.

        Raises:
            UnusableError: Orthanc does not start with such an entry.
        """
        if self.flag("DicomModalitiesInDatabase"):
            return ()
        entries = self.configuration.get("DicomModalities", {})
        if not isinstance(entries, Mapping):
            raise UnusableError(("DicomModalities",), "DicomModalities is no object")
        return tuple(_modality(name, entries[name], self.version) for name in sorted(entries, key=_bytes))

    def folded(self, aet: str) -> str:
        """An AE title as Orthanc compares it: with StrictAetComparison as it is, else without regard to case."""
        return aet if self.flag("StrictAetComparison") else ascii_lower(aet)

    def same(self, one: str, other: str) -> bool:
        """Whether Orthanc takes two AE titles for the same."""
        return self.folded(one) == self.folded(other)

    def called(self, aet: str) -> tuple[Modality, ...]:
        """The modalities with an AE title, in order."""
        wanted = self.folded(aet)
        return tuple(modality for modality in self.modalities if self.folded(modality.aet) == wanted)


def ascii_lower(text: str) -> str:
    """A text as Orthanc's ``ToLowerCase`` has it: A to Z alone are changed."""
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def has_forbidden_character(aet: str) -> bool:
    """Whether Orthanc 1.13 takes no such AE title: one with a control character or a backslash."""
    return any(c < " " or c in "\\\x7f" for c in aet)


def _bytes(name: object) -> bytes:
    return str(name).encode("utf-8", "surrogatepass")


def _modality(name: object, entry: object, version: Version) -> Modality:
    path = ("DicomModalities", str(name))
    if not isinstance(name, str) or not _SYMBOLIC_NAME.fullmatch(name):
        raise UnusableError(path, "a modality's symbolic name has other characters than A-Z, a-z, 0-9, - and _")
    if isinstance(entry, list | tuple):
        if len(entry) not in (3, 4):
            raise UnusableError(path, "a modality's short form has 3 or 4 items")
        entry = dict(zip(_ARRAY, entry, strict=False))
    if not isinstance(entry, Mapping):
        raise UnusableError(path, "a modality is neither an object nor a list")
    for key in ("AET", "Host"):
        if not isinstance(entry.get(key), str):
            raise UnusableError((*path, key), f"a modality's {key} is missing or no text")
    _check_port(entry.get("Port"), (*path, "Port"))
    for key, known in keys_for(version, "modality").items():
        if key in entry and not _usable(known, entry[key]):
            raise UnusableError((*path, key), f"a modality's {key} has a value that it cannot have")
    return Modality(name, entry["AET"], entry["Host"], MappingProxyType(dict(entry)), version)


def _usable(key: Key, value: object) -> bool:
    if key.type == ("boolean",):
        return isinstance(value, bool)
    if key.name == "Timeout":
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**32
    if key.name == "Manufacturer":
        return value in key.values or value in _FORMER_MANUFACTURERS
    if key.type == ("string",):
        return isinstance(value, str) and (not key.values or value in key.values)
    return True


def _check_port(port: object, path: KeyPath) -> None:
    if isinstance(port, str) and re.fullmatch(r"[+-]?\d{1,9}", port, re.ASCII):
        port = int(port)
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65534:
        raise UnusableError(path, "a modality's Port is no number from 1 to 65534")
