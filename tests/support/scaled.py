"""Environments of several machines, for the tests of what is rendered from them."""

from __future__ import annotations

import copy
from typing import Any, Final

from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from tests.support.environments import MINIMAL, NEWEST, PRODUCTION, site_of

IMAGES: Final[dict[str, Any]] = {
    "orthanc": "orthancteam/orthanc:26.8.1",
    "mongo": "mongo:8.0.24",
    "postgres": "postgres:17.6",
}
WHOLE: Final[dict[str, Any]] = {
    "scale": {"index": "postgresql", "storage": "shared_folder", "orthancs": 2, "backends": 4, "databases": 3},
    "images": IMAGES,
    "http": {"tls": {"enabled": True}, "listen_on": "0.0.0.0"},
    "viewer": {"enabled": True},
    "analysis": {"enabled": True, "models": {"chest": "/srv/models/chest/card.json"}},
    "orthanc/plugins": ["dicomweb"],
    "network": {"allowed_sources": ["192.0.2.0/24"], "managed_from": ["198.51.100.0/24"]},
    "dicom/ae_checks": {"calling_aet": "registered_from_own_address"},
    "verification": {"enabled": True, "address": "203.0.113.7"},
}
"""Several of everything, over TLS."""
SMALL: Final[dict[str, Any]] = {"images": IMAGES, "backend/enabled": False, "webhook/enabled": False}
"""One Orthanc and nothing else, open to anyone."""
PLAIN: Final[dict[str, Any]] = {
    "images": IMAGES,
    "dicom/port": 2762,
    "dicom/tls": {"enabled": True},
    "dicom/plain": {"enabled": True, "port": 11112},
    "dicom/ae_checks": {"calling_aet": "registered"},
    "modalities": {
        "ct1": {"aet": "CT1", "address": "192.0.2.10", "port": 2762, "tls": True, "may": ["echo", "store"]},
        "us1": {"aet": "US1", "address": "192.0.2.11", "port": 104, "may": ["echo", "store"]},
    },
}
"""A modality without TLS beside one with it, and no HTTPS."""
IN_POSTGRESQL: Final[dict[str, Any]] = {
    "images": IMAGES,
    "scale": {"index": "postgresql", "storage": "postgresql", "orthancs": 3},
}
"""Index and images in PostgreSQL, without TLS."""


def kubernetes(changes: dict[str, Any], **more: Any) -> Plan:
    """A plan of manifests."""
    return _plan(changes, "kubernetes", **more)


def swarm(changes: dict[str, Any], **more: Any) -> Plan:
    """A plan of a stack."""
    return _plan(changes, "swarm", **{"orthanc/storage/path": "/srv/orthanc", **more})


def _plan(changes: dict[str, Any], runtime: str, **more: Any) -> Plan:
    text = PRODUCTION if changes is WHOLE else MINIMAL
    return plan(site_of(text, {**copy.deepcopy(changes), "runtime": runtime, **more}), NEWEST)
