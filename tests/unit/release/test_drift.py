from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orthancgen.orthanc.keys import Version
from orthancgen.release import drift
from orthancgen.release.model import Release
from tests.support.releases import draft

VERSION = Version(1, 10, 1)
LIVE = {
    "AET": "CT1", "AllowEcho": True, "AllowEventReport": False, "AllowFind": True, "AllowFindWorklist": True,
    "AllowGet": True, "AllowMove": False, "AllowNAction": False, "AllowStore": True, "AllowTranscoding": True,
    "Host": "127.0.0.1", "LocalAet": "", "Manufacturer": "Generic", "Port": 104, "Timeout": 0, "UseDicomTls": False,
}  # fmt: skip
"""What Orthanc 1.10.1 answers to `GET /modalities?expand` for WANTED."""
WANTED = {"AET": "CT1", "Host": "127.0.0.1", "Port": 104, "AllowMove": False, "AllowStorageCommitment": False}
INSPECTED: dict[str, Any] = {
    "Image": "sha256:aa",
    "RestartCount": 0,
    "State": {"Status": "running", "Health": {"Status": "healthy"}, "ExitCode": 0},
    "Config": {
        "User": "999:999", "Entrypoint": ["/usr/local/bin/Orthanc"], "Cmd": ["/etc/orthancgen"],
        "Env": ["TCP_NODELAY=1"],
    },
    "HostConfig": {
        "ReadonlyRootfs": True, "CapDrop": ["ALL"], "CapAdd": None, "SecurityOpt": ["no-new-privileges:true"],
        "PortBindings": {"2762/tcp": [{"HostIp": "", "HostPort": "2762"}]}, "Memory": 0, "PidsLimit": 200,
        "RestartPolicy": {"Name": "unless-stopped"}, "Tmpfs": {"/tmp": "size=1m"},
    },
    "Mounts": [
        {"Type": "volume", "Name": "p_storage", "Source": "/x", "Destination": "/var/lib/orthanc/db", "RW": True},
        {"Type": "bind", "Source": "/s/orthanc.json", "Destination": "/etc/orthancgen/orthanc.json", "RW": False},
    ],
    "NetworkSettings": {"Networks": {"p_backend": {"IPAMConfig": {"IPv4Address": "172.30.242.75"}}, "p_edge": None}},
}  # fmt: skip


def modalities(live: Mapping[str, Any], configuration: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [(one.place, one.wanted, one.found) for one in drift.modalities(live, configuration, VERSION)]


def test_modalities_as_wanted_are_no_drift() -> None:
    assert modalities({"ct1": LIVE}, {"DicomModalities": {"ct1": WANTED}}) == []
    brief = {**LIVE, "AllowMove": True, "AllowNAction": True, "AllowEventReport": True}
    assert modalities({"ct1": brief}, {"DicomModalities": {"ct1": ["CT1", "127.0.0.1", 104]}}) == []
    assert modalities({}, {}) == []


@pytest.mark.parametrize(
    ("change", "key", "wanted", "found"),
    [
        ({"Port": 105}, "Port", "104", "105"),
        ({"AllowMove": True}, "AllowMove", "false", "true"),
        ({"AllowNAction": True}, "AllowNAction", "false", "true"),
        ({"AllowEcho": False}, "AllowEcho", "true", "false"),  # a default
        ({"LocalAet": "OTHER"}, "LocalAet", "null", '"OTHER"'),
        ({"Host": "\x1b[2J"}, "Host", '"127.0.0.1"', '"\\u001b[2J"'),
    ],
)
def test_a_modality_that_was_changed_by_hand(change: dict[str, Any], key: str, wanted: str, found: str) -> None:
    answer = modalities({"ct1": {**LIVE, **change}}, {"DicomModalities": {"ct1": WANTED}})
    assert answer == [(f"modality ct1: {key}", wanted, found)]


def test_a_modality_that_was_added_or_removed_by_hand() -> None:
    (added,) = drift.modalities({"ct1": LIVE, "x": LIVE}, {"DicomModalities": {"ct1": WANTED}}, VERSION)
    assert (added.place, added.wanted) == ("modality x", "nothing")
    assert '"AET": "CT1"' in added.found
    assert "the next start of Orthanc forgets it" in added.remedy
    (removed,) = drift.modalities({}, {"DicomModalitiesInDatabase": True, "DicomModalities": {"a": WANTED}}, VERSION)
    assert (removed.place, removed.found) == ("modality a", "nothing")
    assert "forgets" not in removed.remedy


def test_another_orthanc() -> None:
    live = {"Version": "1.12.7", "DicomAet": "X", "Name": "n", "DicomPort": 104}
    wanted = {"DicomAet": "ORTHANC", "Name": "n", "HttpPort": 8042}
    found = [(one.place, one.wanted, one.found) for one in drift.system(live, wanted, "1.13.0")]
    assert found == [
        ("Orthanc: Version", "1.13.0", '"1.12.7"'),
        ("Orthanc: DicomAet", '"ORTHANC"', '"X"'),
    ]


def release(*services: str) -> Release:
    facts = dict.fromkeys(services, drift.container_facts(INSPECTED))
    return Release(3, "2026-01-01T00:00:00Z", draft(digests=dict.fromkeys(services, "d")), "good", facts=facts)


def test_containers_as_they_were_are_no_drift() -> None:
    assert list(drift.containers({"orthanc": INSPECTED}, release("orthanc"))) == []


def changed(*path: str, value: Any) -> dict[str, Any]:
    def put(document: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
        inner = put(document[keys[0]], keys[1:]) if len(keys) > 1 else value
        return {**document, keys[0]: inner}

    return put(INSPECTED, path)


@pytest.mark.parametrize(
    ("live", "place", "wanted", "found"),
    [
        (changed("Image", value="sha256:bb"), "image", '"sha256:aa"', '"sha256:bb"'),
        (changed("Config", "User", value="root"), "user", '"999:999"', '"root"'),
        (changed("HostConfig", "Privileged", value=True), "privileged", "false", "true"),
        (changed("HostConfig", "ReadonlyRootfs", value=False), "read_only", "true", "false"),
        (changed("HostConfig", "CapDrop", value=None), "cap_drop", '["ALL"]', "[]"),
        (changed("HostConfig", "CapAdd", value=["SYS_ADMIN"]), "cap_add", "[]", '["SYS_ADMIN"]'),
        (
            changed("HostConfig", "PortBindings", value={"8042/tcp": [{"HostIp": "127.0.0.1", "HostPort": "1"}]}),
            "ports", '["0.0.0.0:2762 -> 2762/tcp"]', '["127.0.0.1:1 -> 8042/tcp"]',
        ),
        (
            changed("NetworkSettings", "Networks", value={"p_edge": {}}),
            "networks", '["p_backend 172.30.242.75", "p_edge"]', '["p_edge"]',
        ),
        (
            changed("Mounts", value=INSPECTED["Mounts"][:1]),
            "mounts",
            '["bind /s/orthanc.json -> /etc/orthancgen/orthanc.json ro", "volume p_storage -> /var/lib/orthanc/db rw"]',
            '["volume p_storage -> /var/lib/orthanc/db rw"]',
        ),
        (
            changed("Config", "Env", value=["PASSWORD=hunter"]),
            "program, arguments or environment", "those of the release", "others",
        ),
    ],
)  # fmt: skip
def test_a_container_that_was_changed_by_hand(live: dict[str, Any], place: str, wanted: str, found: str) -> None:
    (one,) = drift.containers({"orthanc": live}, release("orthanc"))
    assert (one.place, one.wanted, one.found) == (f"container orthanc: {place}", wanted, found)
    assert "orthancgen deploy test" in one.remedy


@pytest.mark.parametrize(
    ("live", "found"),
    [
        (changed("State", value={"Status": "exited", "ExitCode": 137, "OOMKilled": True}),
         "exited, exit code 137, out of memory"),
        (changed("State", "Health", value={"Status": "unhealthy"}), "unhealthy"),
        (changed("State", value={"Status": "paused"}), "paused"),
        (changed("RestartCount", value=1), "restarted 1 time by itself"),
    ],
)  # fmt: skip
def test_a_container_that_is_not_well(live: dict[str, Any], found: str) -> None:
    (one,) = drift.containers({"orthanc": live}, release("orthanc"))
    assert (one.kind, one.found) == ("health", found)
    assert one.kind in drift.PASSING


def test_containers_that_are_missing_or_too_many() -> None:
    found = list(drift.containers({"viewer": INSPECTED}, release("orthanc")))
    assert [(one.place, one.wanted, one.found) for one in found] == [
        ("container orthanc", "running", "nothing"),
        ("container viewer", "nothing", "a container of the project"),
    ]


def test_files_that_were_edited() -> None:
    found = list(drift.files({"a": "1", "b": "2", "d": "1"}, {"a": "1", "b": "1", "c": "1"}, "test"))
    assert [(one.place, one.found) for one in found] == [("b", "other bytes"), ("c", "nothing"), ("d", "other bytes")]


def test_certificates_that_end() -> None:
    now = datetime(2026, 6, 1, 12, tzinfo=UTC)
    ends = {name: now + timedelta(days=days) for name, days in {"a": 30, "b": 29.5, "c": -0.5, "d": -3}.items()}
    found = {one.place: one.found for one in drift.certificates(ends, now, "test")}
    assert found == {
        "certificate b": "29 days left (2026-07-01)",
        "certificate c": "ended 1 day ago (2026-06-01)",
        "certificate d": "ended 3 days ago (2026-05-29)",
    }


def test_volumes_that_are_gone() -> None:
    (one,) = drift.volumes(["a", "x"], ["a", "b"], "test")
    assert (one.place, one.found) == ("volume b", "nothing")
    assert "backup" in one.remedy
