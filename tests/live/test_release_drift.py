"""Modalities that are changed by hand on a real Orthanc are found, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from orthancgen.orthanc.keys import Version
from orthancgen.release import drift
from tests.support.servers import OrthancServer

pytestmark = pytest.mark.live

CONFIGURATION: dict[str, Any] = {
    "DicomModalities": {
        "ct1": {"AET": "CT1", "Host": "127.0.0.1", "Port": 11112, "AllowMove": False, "AllowStorageCommitment": False},
        "mr1": ["MR1", "127.0.0.2", 11113],
        "ws1": {"AET": "WS1", "Host": "127.0.0.3", "Port": 11114, "Timeout": 5, "LocalAet": "OTHER"},
    },
    "Name": "drift",
}


def test_what_is_changed_through_rest_is_found(start_orthanc: Callable[..., OrthancServer]) -> None:
    server = start_orthanc(CONFIGURATION)
    with httpx.Client(base_url=server.url) as client:

        def found() -> list[str]:
            live, system = client.get("/modalities?expand").json(), client.get("/system").json()
            version = Version.parse(system["Version"])
            return [
                *map(str, drift.modalities(live, CONFIGURATION, version)),
                *map(str, drift.system(system, CONFIGURATION, str(version))),
            ]

        assert found() == []
        ct1 = {**CONFIGURATION["DicomModalities"]["ct1"], "AllowMove": True}
        client.put("/modalities/ct1", json=ct1).raise_for_status()
        client.put("/modalities/by-hand", json=["HAND", "127.0.0.4", 104]).raise_for_status()
        client.delete("/modalities/mr1").raise_for_status()
        added, changed, removed = found()
        assert added.startswith("modality by-hand: wanted nothing, found {")
        assert changed == "modality ct1: AllowMove: wanted false, found true"
        assert removed.startswith("modality mr1: wanted {")
        assert removed.endswith("found nothing")
