"""An environment as a subject: what it renders is read back as any other set-up, and places lead to its YAML."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Final

from orthancgen.audit.subject import Subject
from orthancgen.foreign.compose import parse_compose
from orthancgen.foreign.firewalls import parse_firewall
from orthancgen.foreign.jsonc import parse as parse_json
from orthancgen.foreign.lua import parse_lua
from orthancgen.foreign.model import Document, OrthancPart, Target
from orthancgen.orthanc.admission.configuration import ALWAYS
from orthancgen.plan.model import Plan
from orthancgen.render.artifact import Bundle
from orthancgen.site.load import Loaded, display_name
from orthancgen.site.problems import KeyPath, Mark
from orthancgen.site.tree import Node

ORTHANC_JSON: Final = "orthanc/orthanc.json"
LUA: Final = "orthanc/orthancgen.lua"
COMPOSE: Final = "compose.yaml"
SITE: Final = "site.json"
_FIREWALLS: Final = "firewall/"

SAID_BY: Final[Mapping[str, KeyPath]] = {
    "Name": ("orthanc", "name"),
    "StorageDirectory": ("orthanc", "storage", "path"),
    "IndexDirectory": ("orthanc", "storage", "index_path"),
    "StorageCompression": ("orthanc", "storage", "compress"),
    "MaximumStorageSize": ("orthanc", "storage", "limit_megabytes"),
    "MaximumPatientCount": ("orthanc", "storage", "limit_patients"),
    "MaximumStorageMode": ("orthanc", "storage", "when_full"),
    "StoreMD5ForAttachments": ("orthanc", "storage", "keep_checksums"),
    "OverwriteInstances": ("orthanc", "storage", "same_instance_again"),
    "LimitFindResults": ("orthanc", "limits", "find_results"),
    "LimitFindInstances": ("orthanc", "limits", "find_instances"),
    "MaximumRequestBodySizeMB": ("orthanc", "limits", "request_megabytes"),
    "MaximumFileSizeInArchiveMB": ("orthanc", "limits", "archive_file_megabytes"),
    "ConcurrentJobs": ("orthanc", "limits", "jobs"),
    "HttpThreadsCount": ("orthanc", "limits", "http_threads"),
    "DicomScpTimeout": ("orthanc", "limits", "association_seconds"),
    "Plugins": ("orthanc", "plugins"),
    "HttpPort": ("http", "port"),
    "HttpBindAddresses": ("http", "listen_on"),
    "RemoteAccessAllowed": ("http", "listen_on"),
    "OrthancExplorerEnabled": ("orthanc", "web_page"),
    "WebDavEnabled": ("orthanc", "web_dav"),
    "SslEnabled": ("http", "tls", "enabled"),
    "SslMinimumProtocolVersion": ("http", "tls", "minimum_version"),
    "DicomAet": ("orthanc", "aet"),
    "DicomPort": ("dicom", "port"),
    "DicomThreadsCount": ("dicom", "threads"),
    "DeflatedTransferSyntaxAccepted": ("dicom", "accept_deflated"),
    "DicomCheckCalledAet": ("dicom", "ae_checks", "called_aet"),
    "DicomCheckModalityHost": ("dicom", "ae_checks", "calling_aet"),
    "StrictAetComparison": ("dicom", "ae_checks", "exact_case"),
    **dict.fromkeys(ALWAYS.values(), ("dicom", "ae_checks", "anyone_may")),
    "DicomTlsEnabled": ("dicom", "tls", "enabled"),
    "DicomTlsMinimumProtocolVersion": ("dicom", "tls"),
    "DicomTlsCiphersAccepted": ("dicom", "tls"),
    "DicomTlsRemoteCertificateRequired": ("dicom", "tls", "client_certificates"),
    "RegisteredUsers": ("users",),
}
"""Key of orthanc.json -> what decides it in the model."""
_OF_MODALITY: Final[Mapping[str, str]] = {
    "AET": "aet",
    "Host": "address",
    "Port": "port",
    "Manufacturer": "vendor",
    "UseDicomTls": "tls",
    "Timeout": "timeout_seconds",
}
_OF_SERVICE: Final[Mapping[str, KeyPath]] = {
    "orthanc": ("images", "orthanc"),
    "database": ("images", "mongo"),
    "backend": ("images", "backend"),
    "viewer": ("images", "viewer"),
    "analysis": ("images", "analysis"),
    "gateway": ("images", "gateway"),
}


def subject_of(loaded: Loaded, plan: Plan, bundle: Bundle, today: datetime.date) -> Subject:
    """The subject of an environment.

    Args:
        loaded: the environment with its places.
        plan: what follows from it.
        bundle: what it renders.
        today: the day by which waivers and ages are judged.
    """
    texts = {file.path: file.content.decode("utf-8") for file in bundle.files}
    rules = [text for text in texts if text.startswith(_FIREWALLS)]
    document = parse_json(texts[ORTHANC_JSON], ORTHANC_JSON)
    compose = parse_compose(texts[COMPOSE], COMPOSE, None) if COMPOSE in texts else None
    target = Target(
        name=plan.site.environment,
        root=str(loaded.path.parent),
        orthancs=(_orthanc(plan, document),),
        composes=(compose,) if compose else (),
        firewalls=tuple(one for name in rules for one in parse_firewall(texts[name], name)),
        scripts=(parse_lua(texts[LUA], LUA),),
        texts={**texts, **loaded.sources},
        raw=texts,
    )
    places = _Places(loaded, plan)
    return Subject(target, plan, today, places.said_by, plan.site.waivers, loaded.place)


def _orthanc(plan: Plan, document: Document) -> OrthancPart:
    return OrthancPart(
        name=plan.site.environment,
        tree=document.tree or Node({}, Mark(ORTHANC_JSON, 1, 1, 1)),
        version=plan.version,
        # It is started on the rendered files by their path: the image adds nothing, see `render.image_layouts`.
        publisher=None,
        service="orthanc" if plan.site.runtime != "native" else "",
        users_elsewhere=True,
        documents=(document,),
        problems=document.problems,
    )


class _Places:
    """Where in the YAML a place of the bundle is decided."""

    def __init__(self, loaded: Loaded, plan: Plan) -> None:
        self._loaded, self._plan = loaded, plan

    def said_by(self, file: str, path: KeyPath) -> tuple[Mark, KeyPath]:
        """The nearest place in the YAML, and its key path; the head of the file where nothing is nearer."""
        wanted = self._wanted(file, path)
        mark = self._loaded.place(wanted) if wanted else None
        return mark or Mark(display_name(self._loaded.path), 1, 1, 1), wanted

    def _wanted(self, file: str, path: KeyPath) -> KeyPath:
        if file == ORTHANC_JSON and path:
            return self._of_orthanc(path)
        if file == COMPOSE:
            if len(path) > 1 and path[0] == "services":
                return _OF_SERVICE.get(str(path[1]), ("runtime",))
            return ("runtime",)
        if file.startswith(_FIREWALLS):
            return ("network", "firewall")
        if file == ORTHANC_JSON:
            return ("orthanc", "version")
        if file == SITE:
            return ("backup",)
        return ("environment",)

    def _of_orthanc(self, path: KeyPath) -> KeyPath:
        key = str(path[0])
        if key in self._plan.site.orthanc.settings:
            return ("orthanc", "settings", *path)
        if key == "DicomModalities" and len(path) > 1:
            field = _OF_MODALITY.get(str(path[2]), "may") if len(path) > 2 else None
            return ("modalities", path[1], field) if field else ("modalities", path[1])
        return SAID_BY.get(key, ("orthanc",))
