"""Settings of admission that do not do what they say: overruled by others, unknown to the version, or never true."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.orthanc.admission.configuration import (
    ALLOW,
    ALWAYS,
    LONGEST_AET,
    TITLES,
    Access,
    KeyPath,
    Modality,
    UnusableError,
)
from orthancgen.orthanc.admission.decision import as_received, is_dropped
from orthancgen.orthanc.keys import Version, check_settings, keys_for, plugin_sections


@dataclass(frozen=True, slots=True)
class DeadSetting:
    """A setting that changes nothing, or something else than it says.

    Attributes:
        path: where it stands in orthanc.json; a modality in the short form is named by the keys of the long one.
        message: what is so.
        hint: what to do about it.
    """

    path: KeyPath
    message: str
    hint: str


_SERVER_KEYS: Final = (*ALWAYS.values(), "DicomCheckCalledAet", "DicomCheckModalityHost", "DicomTlsEnabled")
_OF_ADMISSION: Final = ("dicom", "strict", "allow", "alwaysallow", "tls", "check", "usedicomtls")


def dead_settings(configuration: Mapping[str, Any], version: Version) -> tuple[DeadSetting, ...]:
    """The settings of admission that are dead in a configuration; those of the top level come first.

    A configuration with which Orthanc does not start gives what can be said without reading the unusable part.

    Args:
        configuration: the effective configuration as parsed JSON.
        version: the version of Orthanc.
    """
    access = Access(configuration, version)
    found: list[DeadSetting] = []
    for search in (_unknown, _without_server, _host_check, _tls, _in_database, _modalities, _shared_aets):
        try:
            found.extend(search(access))
        except UnusableError:
            continue  # said by the check of the configuration itself
    return tuple(found)


def _unknown(access: Access) -> Iterator[DeadSetting]:
    known = keys_for(access.version)
    plugins = plugin_sections()
    for name, value in access.configuration.items():
        if name in known or name in plugins or not str(name).lower().startswith(_OF_ADMISSION):
            continue
        for problem in check_settings({name: value}, access.version):
            yield DeadSetting((name,), problem.message, problem.hint or "remove it")
    if access.flag("DicomModalitiesInDatabase"):
        return
    entries = access.configuration.get("DicomModalities")
    for symbolic, entry in entries.items() if isinstance(entries, Mapping) else ():
        for name, value in entry.items() if isinstance(entry, Mapping) else ():
            if name in keys_for(access.version, "modality"):
                continue
            for problem in check_settings({name: value}, access.version, section="modality"):
                if problem.path:
                    path = ("DicomModalities", str(symbolic), str(name))
                    yield DeadSetting(path, problem.message, problem.hint or "remove it")


def _without_server(access: Access) -> Iterator[DeadSetting]:
    if access.flag("DicomServerEnabled"):
        return
    for key in _SERVER_KEYS:
        if key in access.configuration and key in keys_for(access.version):
            yield DeadSetting((key,), f"{key} does nothing: the DICOM server is off", "set DicomServerEnabled to true")


def _host_check(access: Access) -> Iterator[DeadSetting]:
    if not (access.flag("DicomServerEnabled") and access.flag("DicomCheckModalityHost") and access.open_commands):
        return
    opened = [command for command in ALWAYS if command in access.open_commands]
    keys = ", ".join(ALWAYS[command] for command in opened)
    titles = ", ".join(TITLES[command] for command in opened)
    yield DeadSetting(
        ("DicomCheckModalityHost",),
        f"DicomCheckModalityHost does not hold for {titles}: everybody may use it from any address, and everybody may "
        "open an association",
        f"set {keys} to false",
    )


def _tls(access: Access) -> Iterator[DeadSetting]:
    known = keys_for(access.version)
    present = [key for key in known if key.startswith("DicomTls") and key in access.configuration]
    if not (access.flag("DicomTlsEnabled") and access.flag("DicomServerEnabled")):
        used_to_call = _calls_over_tls(access)
        why = "DicomTlsEnabled is false" if access.flag("DicomServerEnabled") else "the DICOM server is off"
        for key in present:
            incoming_alone = key in ("DicomTlsMinimumProtocolVersion", "DicomTlsCiphersAccepted")
            if key == "DicomTlsEnabled" or (used_to_call and not incoming_alone):
                continue
            yield DeadSetting(
                (key,),
                f"{key} does nothing: {why}, and no modality is called over TLS",
                "remove it, or turn on what it is for; a file that it names must be there all the same",
            )
        return
    if not access.certificates_read:
        key = "DicomTlsTrustedCertificates"
        if access.text(key):
            yield DeadSetting(
                (key,),
                f"{key} is not read: DicomTlsRemoteCertificateRequired is false, and since Orthanc 1.12.4 a caller's "
                "certificate is then not looked at",
                "set DicomTlsRemoteCertificateRequired to true",
            )


def _calls_over_tls(access: Access) -> bool:
    """Whether Orthanc may call somebody over TLS: then its certificate serves that."""
    if access.flag("DicomModalitiesInDatabase"):
        return True
    return any(modality.settings.get("UseDicomTls") is True for modality in access.modalities)


def _in_database(access: Access) -> Iterator[DeadSetting]:
    if access.flag("DicomModalitiesInDatabase") and access.configuration.get("DicomModalities"):
        yield DeadSetting(
            ("DicomModalities",),
            "DicomModalities is not read: DicomModalitiesInDatabase is true: the modalities are those of the database",
            "set DicomModalitiesInDatabase to false, or keep the modalities by the REST API alone",
        )


def _modalities(access: Access) -> Iterator[DeadSetting]:
    if not access.flag("DicomServerEnabled"):
        return
    for modality in access.modalities:
        yield from _overruled(access, modality)
        yield from _never_called(access, modality)
        if access.flag("DicomCheckModalityHost"):
            yield from _host(modality)


def _overruled(access: Access, modality: Modality) -> Iterator[DeadSetting]:
    known = keys_for(access.version, "modality")
    for command, always in ALWAYS.items():
        key = modality.allow_key(command)
        if command in access.open_commands and key in known and modality.settings.get(key) is False:
            yield DeadSetting(
                modality.path(key),
                f"{key} false does nothing: {always} is true, which lets everybody use {TITLES[command]}",
                f"set {always} to false",
            )
    alias, *ruled = *ALLOW["storage_commitment"], "AllowEventReport"
    for key in ruled:
        if (
            alias in modality.settings
            and modality.settings.get(key, modality.settings[alias]) != (modality.settings[alias])
        ):
            yield DeadSetting(
                modality.path(key), f"{key} does nothing beside {alias}, which decides", f"remove {key} or {alias}"
            )


def _never_called(access: Access, modality: Modality) -> Iterator[DeadSetting]:
    aet = modality.aet
    why = None
    if len(aet.encode("utf-8", "surrogatepass")) > LONGEST_AET:
        why = "it is longer than 16 characters"
    elif as_received(aet, access.version) != aet:
        why = "spaces around a caller's AE title are dropped before the comparison, those of this one are not"
    elif is_dropped(aet, access.version):
        why = "Orthanc does not answer a caller with it"
    if why:
        yield DeadSetting(
            modality.path("AET"), f"no caller can have this AE title: {why}", "write it as the peer has it"
        )


def _host(modality: Modality) -> Iterator[DeadSetting]:
    host = modality.host
    problem, hint = "", "write the address that Orthanc sees, or set DicomCheckModalityHost to false"
    numbers = re.fullmatch(r"0*(\d{1,3})\.0*(\d{1,3})\.0*(\d{1,3})\.0*(\d{1,3})", host.strip(), re.ASCII)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        problem = "a network" if "/" in host else "no IP address in the form in which Orthanc writes them"
        hint = f"write {'.'.join(numbers.groups())}" if numbers else hint
    else:
        if address.version == 6:
            problem = "an IPv6 address, and Orthanc's DICOM server listens on IPv4 alone"
    if problem:
        yield DeadSetting(
            modality.path("Host"),
            f"the Host is {problem}. DicomCheckModalityHost compares it with the caller's address as a text, so no "
            "caller is ever taken for this modality",
            hint,
        )


def _shared_aets(access: Access) -> Iterator[DeadSetting]:
    if not access.flag("DicomServerEnabled"):
        return
    groups: dict[str, list[Modality]] = {}
    for modality in access.modalities:
        groups.setdefault(access.folded(modality.aet), []).append(modality)
    for group in groups.values():
        yield from (_shared(access, tuple(group), other) for other in group[1:])


def _shared(access: Access, group: tuple[Modality, ...], other: Modality) -> DeadSetting:
    first = group[0]
    closed = [command for command in ALLOW if command not in access.open_commands]
    effects = []
    if access.flag("DicomCheckModalityHost"):
        if access.open_commands:
            common = [TITLES[c] for c in closed if all(modality.allows(c) for modality in group)]
            if common:
                effects.append(
                    f"DicomCheckModalityHost does not hold for {', '.join(common)}: accepted from any address"
                )
        elif other.host != first.host:
            effects.append(f"calls from the address of this one are refused: only that of {first.name} is looked at")
    else:
        mixed = [TITLES[c] for c in closed if len({modality.allows(c) for modality in group}) > 1]
        if mixed:
            effects.append(f"{', '.join(mixed)} is refused to all of them, because one of them may not use it")
    effects.append(f"a C-MOVE to this AE title goes to {first.name}")
    rule = "" if access.flag("StrictAetComparison") else " (upper and lower case do not differ)"
    return DeadSetting(
        other.path("AET"),
        f"{first.name} and {other.name} have the same AE title{rule}: {'; '.join(effects)}",
        "give each modality an AE title of its own",
    )
