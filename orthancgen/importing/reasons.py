"""Why a key holds another value than before: a table, each reason with the case in which it is one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.importing.fits import bounds, why_not
from orthancgen.importing.modalities import long_form
from orthancgen.importing.names import plain_text
from orthancgen.importing.original import Original
from orthancgen.importing.server import SAME
from orthancgen.importing.setting_paths import names_file
from orthancgen.importing.setting_secrets import is_secret
from orthancgen.importing.settings import too_large, unwritable
from orthancgen.orthanc.access import ALLOW, ALWAYS
from orthancgen.orthanc.admission.configuration import ascii_lower
from orthancgen.orthanc.keys import SUPPORTED, Version, check_settings, keys_for
from orthancgen.plan.model import Plan
from orthancgen.site.problems import KeyPath
from orthancgen.site.settings import OWNED
from orthancgen.site.types import AETitle


@dataclass(frozen=True, slots=True)
class Case:
    """One difference: the value that held, the one that holds now, and what lies around them."""

    path: KeyPath
    theirs: Any
    ours: Any
    plan: Plan
    original: Original

    @property
    def contained(self) -> bool:
        """Whether orthancgen runs it in containers."""
        return self.plan.site.runtime == "compose"

    @property
    def over_tls(self) -> bool:
        """Whether the DICOM port speaks TLS."""
        return self.plan.site.dicom.tls.enabled


Holds = Callable[[Case], bool]


def _always(_: Case) -> bool:
    return True


def _outside(case: Case) -> bool:
    """Whether the model takes no such number for the key."""
    to = dict(SAME)[str(case.path[0])]
    least, most = bounds(to)
    return isinstance(case.theirs, int) and not least <= case.theirs <= most


def _shares_its_aet(case: Case) -> bool:
    """Whether another entry has the AE title of this one."""
    entries = case.original.values.get("DicomModalities")
    forms = {name: long_form(one) for name, one in entries.items()} if isinstance(entries, Mapping) else {}
    aets = {name: str(one.get("AET")).strip(" ") for name, one in forms.items() if one is not None}
    fold = str if case.original.flag("StrictAetComparison") else ascii_lower
    own = aets.get(str(case.path[1]), "")
    return sum(fold(aet) == fold(own) for aet in aets.values()) > 1


def _older(case: Case) -> bool:
    return case.original.version < SUPPORTED[0]


_REASONS: Final[tuple[tuple[tuple[str, ...], Holds, str], ...]] = (
    (("Name",), lambda c: plain_text(str(c.theirs)) != c.theirs,
     "the model takes one line of 1 to 200 visible characters"),
    (("DicomAet",), lambda c: str(c.theirs).strip(" ") != c.theirs, "spaces around an AE title do not count"),
    (("DicomAet",), lambda c: why_not(AETitle, c.theirs) is not None,
     "DICOM does not allow the AE title as it was"),
    (("StorageDirectory", "IndexDirectory"), lambda c: c.contained,
     "in a container it is the folder of the image, and what is mounted there is the model's"),
    (("StorageDirectory", "IndexDirectory"), lambda c: re.match(r"[A-Za-z]:[\\/]|.*\\", str(c.theirs)) is not None,
     "it was a folder of Windows"),
    (("StorageDirectory", "IndexDirectory"), lambda c: not str(c.theirs).startswith("/"),
     "the folder was relative to its configuration; orthancgen's lies elsewhere, and names it or its state folder"),
    (("StorageDirectory", "IndexDirectory"), lambda c: c.original.part.publisher is not None,
     "it was a folder of a container"),
    (("StorageDirectory", "IndexDirectory"), lambda c: "//" in str(c.theirs) or str(c.theirs).rstrip("/") == c.ours,
     "the same folder in other words"),
    (("StorageDirectory", "IndexDirectory"), lambda c: "/." in str(c.theirs), "the same folder in other words"),
    (("MaximumStorageMode",), lambda c: not (c.plan.site.orthanc.storage.limit_megabytes
                                             or c.plan.site.orthanc.storage.limit_patients),
     "it has no effect without a limit"),
    (("OverwriteInstances",), lambda c: c.theirs == "IfChanged",
     "the model has no such middle: what arrives again is written again"),
    (("LimitFindResults", "LimitFindInstances", "MaximumStorageSize", "MaximumPatientCount", "ConcurrentJobs",
      "MaximumRequestBodySizeMB", "MaximumFileSizeInArchiveMB", "HttpThreadsCount", "DicomScpTimeout",
      "DicomThreadsCount"), _outside, "it is outside of what the model takes"),
    (("Plugins",), _always, "orthancgen loads the plugin of DICOMweb alone, from the folder of its runtime"),
    (("LuaScripts",), _always, "orthancgen runs a Lua script of its own, which decides who may do what"),
    (("HttpServerEnabled", "DicomServerEnabled"), lambda c: c.ours is True, "the model always has it"),
    (("HttpPort", "DicomPort"), lambda c: c.contained, "in containers, one number is the port inside and outside"),
    (("HttpPort", "DicomPort"), lambda c: c.original.part.service != "", "the port that was published on the host"),
    (("HttpPort",), lambda c: c.original.get("DicomPort") == c.theirs, "it was the port of DICOM too"),
    (("HttpBindAddresses",), lambda c: c.theirs == [] or not c.original.flag("RemoteAccessAllowed"),
     "orthancgen names the address; RemoteAccessAllowed says the same of it"),
    (("HttpBindAddresses",), lambda c: c.contained,
     "inside of a container it is every address; the published one counts"),
    (("HttpBindAddresses",), lambda c: isinstance(c.theirs, list) and (len(c.theirs) > 1 or c.ours == ["127.0.0.1"]),
     "the model has one address"),
    (("RemoteAccessAllowed",), lambda c: c.contained, "inside of a container every caller is a remote one"),
    (("RemoteAccessAllowed",), lambda c: c.original.part.publisher is not None,
     "it ran in a container, where every caller is a remote one"),
    (("RemoteAccessAllowed",), lambda c: bool(c.original.get("HttpBindAddresses")) and c.ours is False,
     "it listens on this host's own address alone"),
    (("RemoteAccessAllowed",), lambda c: not c.original.flag("HttpServerEnabled"), "there was no REST API at all"),
    (("AuthenticationEnabled",), lambda c: c.ours is True, "orthancgen always asks for a login"),
    (("SslEnabled", "SslCertificate", "SslMinimumProtocolVersion"),
     lambda c: c.contained and c.plan.site.http.tls.enabled, "HTTPS ends at the gateway"),
    (("SslCertificate", "SslMinimumProtocolVersion"), lambda c: not c.original.flag("SslEnabled"),
     "it was not used: SslEnabled is false"),
    (("SslCertificate",), _always, "the certificate is a secret, in a file of orthancgen"),
    (("SslMinimumProtocolVersion",), lambda c: isinstance(c.theirs, int) and c.theirs < 4,
     "nothing older than TLS 1.2 is accepted (RFC 8996)"),
    (("SslCiphersAccepted",), _always, "orthancgen has a list of its own (RFC 9325)"),
    (("ExecuteLuaEnabled", "RestApiWriteToFileSystemEnabled"), lambda c: c.ours is False, "orthancgen switches it off"),
    (("HttpTimeout",), lambda c: c.plan.site.webhook.enabled, "Orthanc stands still while it waits for the webhook"),
    (tuple(ALWAYS.values()), lambda c: not c.original.flag("DicomServerEnabled"),
     "there was no DICOM server: nobody may do anything"),
    (tuple(ALWAYS.values()), lambda c: c.ours is False and c.original.flag("DicomCheckModalityHost"),
     "the model has no mixture of open commands and compared addresses: it is narrower"),
    (("DicomTlsCertificate", "DicomTlsPrivateKey", "DicomTlsTrustedCertificates"), lambda c: not c.over_tls,
     "it is not used: DicomTlsEnabled is false"),
    (("DicomTlsRemoteCertificateRequired",), lambda c: not c.over_tls, "it is not used: DicomTlsEnabled is false"),
    (("DicomTlsCertificate", "DicomTlsPrivateKey", "DicomTlsTrustedCertificates"), _always,
     "certificates and keys are secrets, in files of orthancgen"),
    (("DicomTlsRemoteCertificateRequired",), lambda c: c.ours is True,
     "this version of Orthanc needs authorities all the same: callers must show a certificate"),
    (("DicomTlsMinimumProtocolVersion", "DicomTlsCiphersAccepted"), lambda c: c.over_tls,
     "orthancgen takes TLS 1.2 and 1.3 alone, with ciphers of today (PS3.15 B.12)"),
    (("DicomModalitiesInDatabase",), lambda c: c.ours is False, "the model keeps the modalities itself"),
)  # fmt: skip


def _unreadable(case: Case) -> bool:
    """Whether Orthanc cannot read the value of a modality's key."""
    key = str(case.path[-1])
    problems = check_settings({key: case.theirs}, case.original.version, section="modality")
    return any(problem.path[:1] == (key,) for problem in problems)


_OF_MODALITIES: Final[tuple[tuple[tuple[str, ...], Holds, str], ...]] = (
    (tuple(keys_for(SUPPORTED[-1], "modality")), _unreadable, "Orthanc cannot read it as it was"),
    (("AET", "Host"), lambda c: str(c.theirs).strip() == c.ours, "spaces around it are left out"),
    (("Manufacturer",), lambda c: c.theirs not in keys_for(c.plan.version, "modality")["Manufacturer"].values,
     "this version of Orthanc knows no such manufacturer"),
    (("AllowTranscoding", "LocalAet", "RetrieveMethod"), _always, "the model has no such key"),
    (("UseDicomTls",), lambda c: not c.over_tls, "the certificate for it is that of dicom.tls, which is not enabled"),
    (("Timeout",), lambda c: isinstance(c.theirs, int) and c.theirs > 3600, "the model takes up to an hour"),
    ((*(key for keys in ALLOW.values() for key in keys), "AllowEventReport"),
     lambda c: not c.original.flag("DicomServerEnabled"), "there was no DICOM server: nobody may do anything"),
    (("AllowNAction", "AllowEventReport"), lambda c: c.ours is False,
     "requests and reports of storage commitment are one thing"),
    (("AllowEcho", "AllowStore", "AllowFind", "AllowFindWorklist", "AllowGet", "AllowMove", "AllowNAction",
      "AllowEventReport"), _shares_its_aet, "several entries share the AE title: what Orthanc lets it do is written"),
)  # fmt: skip


def reason(path: KeyPath, theirs: Any, ours: Any, plan: Plan, original: Original) -> str:
    """Why a key holds another value; "" where the table has no reason.

    Args:
        path: the key.
        theirs: the value that held.
        ours: the value that holds now.
        plan: that of the imported environment.
        original: the configuration that was imported.
    """
    case = Case(path, theirs, ours, plan, original)
    table, key = (_OF_MODALITIES, path[-1]) if path[0] == "DicomModalities" else (_REASONS, path[0])
    if len(path) == 1 or path[0] == "DicomModalities":
        for keys, holds, why in table:
            if key in keys and holds(case):
                return why
    if _older(case):
        return f"Orthanc {original.version} and {plan.version} differ in it"
    return _of_settings(case)


def _of_settings(case: Case) -> str:
    """Why a setting is not there, or not as it was."""
    texts = list(_texts(case.theirs))
    if any("@" in text for text in texts) and case.ours is not None:
        return "the login in an address is no part of an environment"
    if any(isinstance(part, str) and is_secret(part) for part in case.path):
        return "a secret is no part of an environment"
    if names_file(case.path) and not str(case.ours).startswith("/"):
        return "there is no such file or folder for orthancgen's Orthanc"
    if isinstance(case.ours, str) and case.ours.startswith("/") and texts and not texts[0].startswith("/"):
        return "the path was relative to its configuration; orthancgen's lies elsewhere"
    root = str(case.path[0])
    if root in OWNED or root not in case.original.values:
        return ""
    return case.original.remembered(root, lambda value: _of_value(root, value, case.plan.version))


def _of_value(root: str, value: Any, version: Version) -> str:
    """What of a setting cannot stand in the environment, or is not for the version that it names."""
    if too_large(value):
        return "it is too large"
    for _, why in unwritable(value, (root,)):
        return why
    return f"Orthanc {version} does not take it as it was" if check_settings({root: value}, version) else ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _texts(one)]
