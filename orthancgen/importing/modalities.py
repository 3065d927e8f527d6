"""The section ``modalities:`` each entry of DicomModalities as the model has it, or why it cannot be one."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from orthancgen.importing.entry import Entry, Rules
from orthancgen.importing.fits import why_not
from orthancgen.importing.names import RESERVED, has_variable, modality_name
from orthancgen.importing.notes import Outcome
from orthancgen.importing.original import OURS, Original
from orthancgen.importing.shared_aets import settle
from orthancgen.importing.unknown import REMARKS, outcome_of
from orthancgen.orthanc.access import ALLOW
from orthancgen.orthanc.keys import check_settings, keys_for
from orthancgen.render.orthanc_json import VERIFIER
from orthancgen.site.modalities import Manufacturer, Vendor
from orthancgen.site.problems import KeyPath
from orthancgen.site.types import AETitle, Host, ModalityName, is_ip

SHORT_FORM: Final = ("AET", "Host", "Port", "Manufacturer")
FORMER_MANUFACTURERS: Final[Mapping[str, str]] = {
    "AgfaImpax": "GenericNoWildcardInDates", "SyngoVia": "GenericNoWildcardInDates", "ClearCanvas": "Generic",
    "Dcm4Chee": "Generic", "EFilm2": "Generic", "MedInria": "Generic",
}  # fmt: skip
"""Names of former versions and what Orthanc takes them for; seen with 1.10.1 (``/modalities?expand``)."""
_VENDORS: Final[Mapping[str, Vendor]] = {"GE": "ge", "SiemensSyngoCT": "siemens", "SyngoVia": "siemens"}
"""Whose device it is, where the manufacturer of the entry says so without doubt."""
_LONGEST_WAIT: Final = 3600
_NOT_OURS: Final[Mapping[str, tuple[object, str]]] = {
    "AllowTranscoding": (True, "Orthanc always transcodes for a modality where that is needed"),
    "LocalAet": ("", "Orthanc always calls by its own AE title"),
    "RetrieveMethod": ("SystemDefault", "how Orthanc retrieves is said for all by DicomDefaultRetrieveMethod"),
}
"""Keys that the model has not: the value that says nothing, and what holds instead."""


def translate(original: Original, rules: Rules) -> tuple[Entry, ...]:
    """Every entry of DicomModalities, in the order of the configuration."""
    written = original.values.get("DicomModalities")
    entries = written if isinstance(written, Mapping) else {}
    found: list[Entry] = []
    ours = OURS in original
    taken = {name for name in entries if fits(name, ours=ours)}
    for name, value in entries.items():
        if name.startswith(REMARKS) and not isinstance(value, list | dict):
            continue
        entry = _Reading(original, rules, name, value, taken).entry
        taken.add(entry.to)
        found.append(entry)
    settle(found, rules)
    return tuple(found)


def fits(name: str, *, ours: bool) -> bool:
    """Whether the model takes the name; `orthancgen verify` has one of its own in a bundle."""
    if name == VERIFIER:
        return ours
    return why_not(ModalityName, name) is None and not name.startswith(RESERVED)


def long_form(entry: object) -> dict[str, Any] | None:
    """An entry of DicomModalities in its long form; None where it has neither."""
    if isinstance(entry, list) and len(entry) in (3, 4):
        return dict(zip(SHORT_FORM, entry, strict=False))
    return dict(entry) if isinstance(entry, Mapping) else None


def may(entry: Mapping[str, Any], known: Mapping[str, object]) -> list[str]:
    """The commands that an entry allows, each of which is allowed by default."""
    return [command for command, keys in ALLOW.items() if _allows(entry, command, keys, known)]


def _allows(entry: Mapping[str, Any], command: str, keys: Sequence[str], known: Mapping[str, object]) -> bool:
    if command == "storage_commitment" and "AllowStorageCommitment" not in entry:
        return all(entry.get(key, True) is True for key in ("AllowNAction", "AllowEventReport"))
    key = next((key for key in keys if key in entry and key in known), None)
    return key is None or entry[key] is True


class _Reading:
    """Reads one entry."""

    def __init__(self, original: Original, rules: Rules, name: str, value: object, taken: set[str]) -> None:
        self.original = original
        self.rules = rules
        self.known = keys_for(original.version, "modality")
        self.entry = Entry(name, name)
        self.path: KeyPath = ("DicomModalities", name)
        self.short = isinstance(value, list)
        self._name(name, taken)
        values = long_form(value)
        if values is None:
            self._leave_out("it is neither an object nor a list of AE title, address and port", "")
            return
        self.values = self._checked(values)
        self._aet()
        self._host()
        self._port()
        self._manufacturer()
        self.entry.values["may"] = [] if rules.nobody else may(self.values, self.known)
        self._commitment()
        self._tls()
        self._timeout()
        for key, (nothing, instead) in _NOT_OURS.items():
            if key in self.values and self.values[key] != nothing:
                self._note(key, Outcome.LOST, instead)
        self.entry.values = {key: self.entry.values[key] for key in _ORDER if key in self.entry.values}

    def _note(self, key: str, outcome: Outcome, message: str, hint: str | None = None) -> None:
        place: str | int = SHORT_FORM.index(key) if self.short and key in SHORT_FORM else key
        self.entry.notes.append(((*self.path, place) if key else self.path, outcome, message, hint))

    def _leave_out(self, why: str, remedy: str) -> None:
        """Say why it cannot be a modality; what is said first counts."""
        if not self.entry.left_out:
            self.entry.left_out, self.entry.remedy = why, remedy

    def _name(self, name: str, taken: set[str]) -> None:
        if fits(name, ours=OURS in self.original):
            return
        self.entry.to = modality_name(name, taken)
        why = "Orthanc refuses others than letters, digits, - and _"
        if name.startswith(RESERVED):
            why = "names that start with orthancgen- are orthancgen's own"
        elif re.fullmatch(r"[A-Za-z0-9_-]+", name, re.ASCII):
            why = "the model takes up to 64 characters"
        self._note("", Outcome.CHANGED, f"the name becomes {self.entry.to}: {why}")

    def _checked(self, values: dict[str, Any]) -> dict[str, Any]:
        """The entry without what Orthanc ignores or cannot read."""
        for problem in check_settings(values, self.original.version, section="modality"):
            key = str(problem.path[0]) if problem.path else ""
            if key in SHORT_FORM or not key:
                continue  # told with the key
            outcome = _outcome(key, self.known, problem.message, problem.hint)
            self._note(key, outcome, problem.message, problem.hint)
            values.pop(key, None)
        return values

    def _aet(self) -> None:
        aet = self.values.get("AET")
        refused = why_not(AETitle, aet)
        if refused is not None or not isinstance(aet, str):
            self._leave_out(f"its AE title cannot be one: {refused}", "write the AE title as the device has it")
            return
        if has_variable(aet):
            self._leave_out("its AE title is an environment variable which is not known here", "write the AE title")
        trimmed = aet.strip(" ")
        if trimmed != aet:
            message = "spaces at its ends are left out: with them, no caller is ever taken for it"
            self._note("AET", Outcome.CHANGED, message)
        self.entry.values["aet"] = trimmed

    def _host(self) -> None:
        host = self.values.get("Host")
        if not isinstance(host, str):
            self._leave_out("it has no address that is a text", "write its address")
            return
        if has_variable(host):
            self._leave_out("its address is an environment variable which is not known here", "write its address")
            return
        address = _canonical(host)
        refused = why_not(Host, address)
        if refused is not None:
            self._leave_out(f"its address cannot be one: {refused}", "write its IP address")
            self.entry.values["address"] = host
            return
        if address != host:
            self._note("Host", Outcome.CHANGED, f"it becomes {address}")
        self.entry.values["address"] = address
        if self.rules.by_address and not is_ip(address):
            why = f"{address} is a name, and Orthanc compares the caller's address with it as text: never equal"
            self._leave_out(why, "write its IP address")
        elif self.rules.by_address and self.rules.ipv4_alone and ":" in address:
            self._leave_out("the network of the containers is IPv4", "write its IPv4 address")

    def _port(self) -> None:
        port = self.values.get("Port")
        if isinstance(port, str) and re.fullmatch(r"[0-9]{1,5}", port, re.ASCII):
            port = int(port)
        if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65534:
            self._leave_out("its port is no number from 1 to 65534", "write its port")
            return
        self.entry.values["port"] = port

    def _manufacturer(self) -> None:
        written = self.values.get("Manufacturer", "Generic")
        manufacturer = FORMER_MANUFACTURERS.get(written, written) if isinstance(written, str) else None
        allowed = self.known["Manufacturer"].values
        if manufacturer not in allowed or why_not(Manufacturer, manufacturer) is not None:
            near = [one for one in allowed if str(one).lower() == str(written).lower()]
            manufacturer = str(near[0]) if near else "Generic"
            message = f"Orthanc {self.original.version} knows no such manufacturer: {manufacturer} is written"
            self._note("Manufacturer", Outcome.CHANGED, message)
        elif manufacturer != written:
            self._note("Manufacturer", Outcome.EXPRESSED, f"Orthanc takes it for {manufacturer}")
        if manufacturer != "Generic":
            self.entry.values["manufacturer"] = manufacturer
        vendor = _VENDORS.get(str(written)) or _VENDORS.get(str(manufacturer))
        if vendor is not None:
            self.entry.values["vendor"] = vendor

    def _commitment(self) -> None:
        both = [self.values.get(key, True) for key in ("AllowNAction", "AllowEventReport")]
        if "AllowStorageCommitment" not in self.values and both[0] != both[1]:
            key = "AllowEventReport" if both[0] else "AllowNAction"
            self._note(key, Outcome.LOST, "requests and reports of storage commitment are one thing: both are refused")

    def _tls(self) -> None:
        if self.values.get("UseDicomTls") is not True:
            return
        if self.rules.over_tls:
            self.entry.values["tls"] = True
        else:
            hint = "dicom: {tls: {enabled: true}}, then tls: true"
            message = "Orthanc calls by TLS with the certificate of dicom.tls alone, which is not enabled"
            self._note("UseDicomTls", Outcome.LOST, message, hint)

    def _timeout(self) -> None:
        seconds = self.values.get("Timeout", 0)
        if seconds:
            self.entry.values["timeout_seconds"] = min(seconds, _LONGEST_WAIT)
        if seconds > _LONGEST_WAIT:
            self._note("Timeout", Outcome.LOST, f"the model takes up to {_LONGEST_WAIT}, which is written")


_ORDER: Final = ("aet", "address", "port", "manufacturer", "vendor", "tls", "timeout_seconds", "may")


def _outcome(key: str, known: Mapping[str, object], message: str, hint: str | None) -> Outcome:
    return Outcome.LOST if key in known else outcome_of(key, None, message, hint)


def _canonical(host: str) -> str:
    """The address without spaces around it, in its canonical form; a name in any other way as it is."""
    trimmed = host.strip()
    try:
        return str(ipaddress.ip_address(trimmed)) if "%" not in trimmed and trimmed.isascii() else trimmed
    except ValueError:
        return trimmed


def without_verifier(entries: Sequence[Entry]) -> tuple[tuple[Entry, ...], Entry | None]:
    """The entries without the caller of `orthancgen verify`, and that one where a bundle has it."""
    found = next((entry for entry in entries if entry.name == VERIFIER and not entry.left_out), None)
    return tuple(replace(entry) for entry in entries if entry is not found), found
