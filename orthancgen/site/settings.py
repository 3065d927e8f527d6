"""Orthanc's keys that the model says itself: in ``orthanc.settings`` they would say one thing twice.

Each key with the place of the model that decides it. ``render/orthanc_json.py`` writes these keys, as far as the
version knows them and the model switches them on, and those of ``DEFAULTS``; secrets go into a second file at deploy.
"""

from __future__ import annotations

from typing import Final

OWNED: Final[dict[str, str]] = {
    "Name": "orthanc.name",
    "StorageDirectory": "orthanc.storage.path",
    "IndexDirectory": "orthanc.storage.index_path",
    "StorageCompression": "orthanc.storage.compress",
    "MaximumStorageSize": "orthanc.storage.limit_megabytes",
    "MaximumPatientCount": "orthanc.storage.limit_patients",
    "MaximumStorageMode": "orthanc.storage.when_full",
    "StoreMD5ForAttachments": "orthanc.storage.keep_checksums",
    "OverwriteInstances": "orthanc.storage.same_instance_again",
    "LimitFindResults": "orthanc.limits.find_results",
    "LimitFindInstances": "orthanc.limits.find_instances",
    "MaximumRequestBodySizeMB": "orthanc.limits.request_megabytes",
    "MaximumFileSizeInArchiveMB": "orthanc.limits.archive_file_megabytes",
    "HttpThreadsCount": "orthanc.limits.http_threads",
    "ConcurrentJobs": "orthanc.limits.jobs",
    "DicomScpTimeout": "orthanc.limits.association_seconds",
    "Plugins": "orthanc.plugins",
    "OrthancExplorerEnabled": "orthanc.web_page",
    "WebDavEnabled": "orthanc.web_dav",
    "LuaScripts": "webhook and users",
    "HttpServerEnabled": "http",
    "HttpPort": "http.port",
    "HttpBindAddresses": "http.listen_on",
    "RemoteAccessAllowed": "http.listen_on",
    "SslEnabled": "http.tls.enabled",
    "SslCertificate": "http.tls.certificate",
    "SslMinimumProtocolVersion": "http.tls.minimum_version",
    "SslCiphersAccepted": "http.tls",
    "AuthenticationEnabled": "users",
    "RegisteredUsers": "users",
    "DicomServerEnabled": "dicom",
    "DicomAet": "orthanc.aet",
    "DicomPort": "dicom.port",
    "DicomThreadsCount": "dicom.threads",
    "DeflatedTransferSyntaxAccepted": "dicom.accept_deflated",
    "DicomCheckCalledAet": "dicom.ae_checks.called_aet",
    "DicomCheckModalityHost": "dicom.ae_checks.calling_aet",
    "StrictAetComparison": "dicom.ae_checks.exact_case",
    "DicomAlwaysAllowEcho": "dicom.ae_checks.anyone_may",
    "DicomAlwaysAllowStore": "dicom.ae_checks.anyone_may",
    "DicomAlwaysAllowFind": "dicom.ae_checks.anyone_may",
    "DicomAlwaysAllowFindWorklist": "dicom.ae_checks.anyone_may",
    "DicomAlwaysAllowGet": "dicom.ae_checks.anyone_may",
    "DicomAlwaysAllowMove": "dicom.ae_checks.anyone_may",
    "DicomTlsEnabled": "dicom.tls.enabled",
    "DicomTlsCertificate": "dicom.tls.certificate",
    "DicomTlsPrivateKey": "dicom.tls.private_key",
    "DicomTlsTrustedCertificates": "dicom.tls.trusted",
    "DicomTlsRemoteCertificateRequired": "dicom.tls.client_certificates",
    "DicomModalities": "modalities",
    "DicomModalitiesInDatabase": "modalities",
    "OrthancGen": "webhook and users",
    "OrthancGenSecrets": "webhook",
}

DEFAULTS: Final[frozenset[str]] = frozenset(
    {
        *("ExecuteLuaEnabled", "RestApiWriteToFileSystemEnabled", "HttpTimeout"),
        *("DicomTlsMinimumProtocolVersion", "DicomTlsCiphersAccepted", "MetricsEnabled"),
    }
)
"""Keys that are rendered with a safe value, which ``orthanc.settings`` may replace."""

OF_SEVERAL: Final[frozenset[str]] = frozenset({"DatabaseServerIdentifier", "SaveJobs"})
"""Keys that are rendered where several Orthancs share one index, and are free where there is one."""

REFUSED_IN_PRODUCTION: Final[dict[str, tuple[object, str]]] = {
    "ExecuteLuaEnabled": (True, "whoever may use the REST API could run any program as Orthanc's user"),
    "RestApiWriteToFileSystemEnabled": (
        True,
        "whoever may use the REST API could overwrite Orthanc's files (CVE-2023-33466)",
    ),
    "DeidentifyLogs": (False, "names of patients would stand in the log"),
    "HttpsVerifyPeers": (False, "nothing would prove who answers an HTTPS call"),
}
"""Settings which a production system must not have: key, the refused value, why (Orthanc Book, "Securing Orthanc")."""
