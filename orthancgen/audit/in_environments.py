"""What to do about a finding in an environment, in the words of its file: the keys of Orthanc are not for its owner.

Rules say what to do in anybody's set-up, by Orthanc's own keys. In an environment, those that the model decides are
refused under `orthanc.settings`; these are the keys that take their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

IN_ENVIRONMENTS: Final[Mapping[str, str]] = {
    "called-aet-not-checked": "Write `dicom: {ae_checks: {called_aet: true}}` once every modality calls Orthanc by its "
    "AE title.",
    "dicom-client-certificate-optional": "Write `dicom: {tls: {client_certificates: required}}`; `orthancgen certs "
    "bundle` makes what each modality gets.",
    "dicom-without-tls": "Write `dicom: {tls: {enabled: true}}`, or let remote modalities come by a VPN "
    "(`network: {vpn: {network: 10.99.0.0/24}}`).",
    "echo-open-to-anyone": "Take `echo` out of `dicom.ae_checks.anyone_may`, and register who calls under "
    "`modalities:`.",
    "store-open-to-anyone": "Take `store` out of `dicom.ae_checks.anyone_may`, and register who sends images under "
    "`modalities:`.",
    "query-open-to-anyone": "Take the command out of `dicom.ae_checks.anyone_may`, and give it to the modalities that "
    "need it by their `may`.",
    "http-without-tls": "Write `http: {tls: {enabled: true}}`, or `http: {listen_on: 127.0.0.1}` with a proxy that "
    "speaks TLS in front.",
    "image-not-pinned": "Name a release under `images:`; `orthancgen pin ENV` then writes down its digest, which every "
    "deploy obeys.",
    "instances-overwritten": "Write `orthanc: {storage: {same_instance_again: keep_first}}`, which is the default.",
    "modality-address-not-checked": "Write `dicom: {ae_checks: {calling_aet: registered_from_own_address}}`, with the "
    "IP address of each modality as its `address`.",
    "modality-called-without-tls": "Write `tls: true` at the modality, and as its `port` the one on which it speaks "
    "TLS.",
    "no-checksums": "Write `orthanc: {storage: {keep_checksums: true}}`, which is the default.",
    "oldest-patients-deleted": "Write `orthanc: {storage: {when_full: reject}}`, so that new images are refused, and "
    "have it watched how full the disk is: `observability: {prometheus: true}`.",
    "tls-on-plain-dicom-port": "Write `dicom: {port: 2762}` (dicom-tls).",
    "unlimited-find-results": "Write `orthanc: {limits: {find_results: 100, find_instances: 100}}`, which is the "
    "default.",
    "web-dav-enabled": "Write `orthanc: {web_dav: false}` unless somebody uses it.",
    "web-page-exposed": "Write `orthanc: {web_page: false}`; who reads images has the viewer "
    "(`viewer: {enabled: true}`).",
}
"""Id of a rule -> its remedy in an environment."""
