"""orthanc.json: what the plan says, in Orthanc's own keys, and only keys that the version knows.

Passwords are not here: the runtime writes ``RegisteredUsers``, ``OrthancGenSecrets`` and ``PostgreSQL`` into a second
file beside it. The two share no top-level key, because Orthanc refuses a key that stands in two files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from orthancgen.orthanc.access import ALLOW, ALWAYS
from orthancgen.orthanc.keys import Version, keys_for
from orthancgen.orthanc.roles import PERMISSIONS
from orthancgen.plan.addresses import verifier_seen
from orthancgen.plan.gateway import call_host, call_ports
from orthancgen.plan.model import Plan
from orthancgen.render import bucket
from orthancgen.render.layout import Layout, layout_of
from orthancgen.render.postgresql import libraries, section
from orthancgen.render.quoting import json_document
from orthancgen.render.tls import TLS_1_2_CIPHERS
from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site
from orthancgen.site.types import is_loopback

SECRET_KEYS: Final = ("RegisteredUsers", "OrthancGenSecrets")
"""Top-level keys of the second file; ``PostgreSQL`` is one more where the index is there."""
CUSTOM_SECTION: Final = "OrthancGen"
VERIFIER: Final = "orthancgen-verify"
"""Name of `orthancgen verify` among the modalities."""
INDEX_IN_CONTAINER: Final = "/var/lib/orthanc/index"
"""Folder of the index database in a container, where the model names one."""
_TLS_VERSIONS: Final = {"1.2": 4, "1.3": 5}
_PLUGIN_LIBRARIES: Final = {"dicomweb": "libOrthancDicomWeb.so"}
INSTANCE_VARIABLE: Final = "ORTHANCGEN_INSTANCE"
"""Variable with the name of one of several Orthancs; Orthanc puts it in place as it reads the file."""
_INSTANCE: Final = "@instance@"
_MODE_NAMED_SINCE: Final = Version.parse("1.13.0")
_LUA_TIMEOUT_SINCE: Final = Version.parse("1.11.1")


def build(plan: Plan) -> str:
    """The text of orthanc.json."""
    # The one `$` that Orthanc is to see as such: all others are written so that it does not.
    return json_document(configuration(plan)).replace(f'"{_INSTANCE}"', f'"${{{INSTANCE_VARIABLE}}}"')


def configuration(plan: Plan) -> dict[str, Any]:
    """The configuration as a mapping, in the order of reading; keys unknown to the version are left out."""
    layout = layout_of(plan)
    wanted = {
        **_server(plan, layout),
        **_http(plan, layout),
        **_dicom(plan, layout),
        **_shared(plan),
        "LuaScripts": [_join(layout.lua, "orthancgen.lua")],
    }
    known = keys_for(plan.version)
    settings = plan.site.orthanc.settings
    return {
        **{key: value for key, value in wanted.items() if key in known},
        CUSTOM_SECTION: _custom(plan, layout),
        **{key: settings[key] for key in sorted(settings) if not bucket.is_secret(plan.site, key)},
    }


def _join(folder: str, name: str) -> str:
    return name if folder == "." else f"{folder}/{name}"


def _server(plan: Plan, layout: Layout) -> dict[str, Any]:
    orthanc = plan.site.orthanc
    storage, index = storage_folders(plan)
    replace = orthanc.storage.same_instance_again == "replace"
    overwrite: Any = ("Always" if replace else "Never") if plan.version >= _MODE_NAMED_SINCE else replace
    return {
        "Name": orthanc.name,
        "StorageDirectory": storage,
        "IndexDirectory": index,
        "StorageCompression": orthanc.storage.compress,
        "MaximumStorageSize": orthanc.storage.limit_megabytes,
        "MaximumPatientCount": orthanc.storage.limit_patients,
        "MaximumStorageMode": orthanc.storage.when_full.capitalize(),
        "StoreMD5ForAttachments": orthanc.storage.keep_checksums,
        "OverwriteInstances": overwrite,
        "LimitFindResults": orthanc.limits.find_results,
        "LimitFindInstances": orthanc.limits.find_instances,
        "MaximumRequestBodySizeMB": orthanc.limits.request_megabytes,
        "MaximumFileSizeInArchiveMB": orthanc.limits.archive_file_megabytes,
        "ConcurrentJobs": orthanc.limits.jobs,
        "Plugins": [
            *(f"{layout.plugins}/{_PLUGIN_LIBRARIES[name]}" for name in orthanc.plugins),
            *(f"{layout.plugins}/{library}" for library in libraries(plan.site)),
        ],
    }


def storage_folders(plan: Plan) -> tuple[str, str]:
    """Orthanc's folders of the images and of the index, as it sees them.

    In a container they are fixed: the folders that the model names are of the host, and are mounted there.
    """
    storage, layout = plan.site.orthanc.storage, layout_of(plan)
    if plan.site.runtime == "native":
        images = storage.path or layout.storage
        return images, storage.index_path or images
    return layout.storage, layout.storage if storage.index_path is None else INDEX_IN_CONTAINER


def _http(plan: Plan, layout: Layout) -> dict[str, Any]:
    site = plan.site
    listen_on = layout.inner_address or site.http.listen_on
    values: dict[str, Any] = {
        "HttpServerEnabled": True,
        "HttpPort": site.http.port,
        "HttpBindAddresses": [listen_on],
        "HttpThreadsCount": site.orthanc.limits.http_threads,
        "RemoteAccessAllowed": not is_loopback(listen_on),
        "AuthenticationEnabled": True,
        "OrthancExplorerEnabled": site.orthanc.web_page,
        "WebDavEnabled": site.orthanc.web_dav,
        "ExecuteLuaEnabled": False,
        "RestApiWriteToFileSystemEnabled": False,
    }
    if site.observability.prometheus:
        values["MetricsEnabled"] = True
    if plan.version < _LUA_TIMEOUT_SINCE and site.webhook.enabled:
        # The Lua script sets its own time limit from 1.11.1 on; before, the general one would stop REST for a minute.
        values["HttpTimeout"] = site.webhook.timeout_seconds
    if site.http.tls.enabled and site.runtime == "native":
        values |= {
            "SslEnabled": True,
            "SslCertificate": f"{layout.secrets}/{site.http.tls.certificate.secret}",
            "SslMinimumProtocolVersion": _TLS_VERSIONS[site.http.tls.minimum_version],
            "SslCiphersAccepted": list(TLS_1_2_CIPHERS),
        }
    return values


def _dicom(plan: Plan, layout: Layout) -> dict[str, Any]:
    site, checks = plan.site, plan.site.dicom.ae_checks
    values: dict[str, Any] = {
        "DicomServerEnabled": True,
        "DicomAet": site.orthanc.aet,
        "DicomPort": site.dicom.port,
        "DicomThreadsCount": site.dicom.threads,
        "DicomScpTimeout": site.orthanc.limits.association_seconds,
        "DeflatedTransferSyntaxAccepted": site.dicom.accept_deflated,
        "DicomCheckCalledAet": checks.called_aet,
        "DicomCheckModalityHost": checks.calling_aet == "registered_from_own_address",
        "StrictAetComparison": checks.exact_case,
        **{key: command in checks.anyone_may for command, key in ALWAYS.items()},
        "DicomTlsEnabled": site.dicom.tls.enabled,
    }
    if site.dicom.tls.enabled:
        required = site.dicom.tls.client_certificates == "required"
        values |= {
            "DicomTlsCertificate": f"{layout.secrets}/{site.dicom.tls.certificate.secret}",
            "DicomTlsPrivateKey": f"{layout.secrets}/{site.dicom.tls.private_key.secret}",
            "DicomTlsRemoteCertificateRequired": required,
            **_dicom_tls_strength(site.orthanc.settings),
        }
        if required:
            values["DicomTlsTrustedCertificates"] = f"{layout.secrets}/{site.dicom.tls.trusted.secret}"
    values["DicomModalitiesInDatabase"] = False
    known = keys_for(plan.version, "modality")
    through_gateway, gateway = call_ports(site), call_host(site)
    values["DicomModalities"] = {
        name: _modality(modality, known, gateway, through_gateway[name])
        if name in through_gateway
        else _modality(modality, known, modality.address, modality.port)
        for name, modality in site.modalities.items()
    }
    if site.verification.enabled:
        verifier = _verifier(site)
        values["DicomModalities"][VERIFIER] = _modality(verifier, known, verifier.address, verifier.port)
    return values


def _verifier(site: Site) -> Modality:
    """`orthancgen verify` as a modality. Nothing listens there: Orthanc never calls it."""
    verification = site.verification
    return Modality(aet=verification.aet, address=verifier_seen(site), may=verification.may, tls=site.dicom.tls.enabled)


def _dicom_tls_strength(settings: Mapping[str, Any]) -> dict[str, Any]:
    """TLS 1.2 and 1.3 alone (PS3.15 B.12, RFC 8996, RFC 9325).

    Not Orthanc's own "BCP 195 profile" (0): that is the retired one of DCMTK, which goes on with TLS 1.0 and AES128-SHA
    where a caller offers nothing better; seen with 1.13.0. It takes no list of ciphers beside it.
    """
    if settings.get("DicomTlsMinimumProtocolVersion") == 0:
        return {}
    return {"DicomTlsMinimumProtocolVersion": 4, "DicomTlsCiphersAccepted": list(TLS_1_2_CIPHERS)}


def _modality(modality: Modality, known: Mapping[str, object], host: str, port: int) -> dict[str, Any]:
    values: dict[str, Any] = {
        "AET": modality.aet,
        "Host": host,
        "Port": port,
        "Manufacturer": modality.manufacturer,
        **{keys[0]: command in modality.may for command, keys in ALLOW.items()},
        "UseDicomTls": modality.tls,
    }
    if modality.timeout_seconds is not None:
        values["Timeout"] = modality.timeout_seconds
    return {key: value for key, value in values.items() if key in known}


def _shared(plan: Plan) -> dict[str, Any]:
    """What each of several Orthancs on one index needs: a name of its own there, and its jobs to itself.

    Jobs are of the Orthanc that was asked for them; one that takes over has another name, and does not know them.
    https://orthanc.uclouvain.be/book/faq/scalability.html
    """
    if plan.site.scale.orthancs == 1:
        return {}
    return {"DatabaseServerIdentifier": _INSTANCE, "SaveJobs": False}


def _custom(plan: Plan, layout: Layout) -> dict[str, Any]:
    """The section that the constant Lua script reads."""
    site = plan.site
    roles = sorted({account.role for account in plan.accounts})
    values: dict[str, Any] = {
        "Users": {account.user: account.role for account in plan.accounts},
        "Permissions": {role: [list(permission) for permission in PERMISSIONS[role]] for role in roles},
    }
    if site.scale.index == "postgresql":
        # For those who review: the section itself lies beside this file, with the password.
        values["PostgreSQL"] = section(plan)
    if site.scale.bucket.access_key is not None:
        values[bucket.SECTION] = bucket.section(site)
    if site.webhook.enabled:
        url = site.webhook.url or f"http://{layout.backend_host}:{site.backend.port}/api/orthanc/webhook"
        values["Webhook"] = {
            "Url": url,
            "TimeoutSeconds": site.webhook.timeout_seconds,
            "AtMostEverySeconds": site.webhook.at_most_every_seconds,
        }
    return values
