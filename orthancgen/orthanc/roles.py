"""What each role may do on Orthanc's REST API. Orthanc gives every user every right; the Lua script enforces this.

A permission is a method and the start of a path; ``*`` is any method. Matching is on the decoded path of Orthanc's
``IncomingHttpRequestFilter`` (https://orthanc.uclouvain.be/book/users/lua.html).
"""

from __future__ import annotations

from typing import Final

_READ: Final = (
    ("GET", "/"),
    ("HEAD", "/"),
    ("POST", "/tools/find"),
    ("POST", "/tools/lookup"),
    ("POST", "/tools/bulk-content"),
    ("POST", "/tools/count-resources"),
)
_SEND: Final = (("POST", "/instances"), ("POST", "/dicom-web/studies"))

PERMISSIONS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "administrator": (("*", "/"),),
    "technologist": (
        *_READ,
        *_SEND,
        ("POST", "/patients/"),
        ("POST", "/studies/"),
        ("POST", "/series/"),
        ("POST", "/instances/"),
        ("POST", "/modalities/"),
        ("POST", "/queries/"),
        ("POST", "/tools/create-archive"),
        ("PUT", "/instances"),
    ),
    "radiologist": (*_READ, *_SEND, ("POST", "/tools/create-archive")),
    "viewer": _READ,
    "service": _READ,
    "service_that_reads_images": (("GET", "/dicom-web/studies/"),),
    "service_that_stores": (*_READ, ("POST", "/instances")),
    "service_metrics": (("GET", "/tools/metrics-prometheus"),),
}
