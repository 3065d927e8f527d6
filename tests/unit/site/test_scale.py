"""What several of a program need, and what the containers of several hosts cannot have."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.support.environments import MINIMAL, document, load_text
from tests.support.scaled import IMAGES, PLAIN

FAR: dict[str, Any] = {"host": "192.0.2.1", "authority": {"secret": "ours"}}
SHARED: dict[str, Any] = {"index": "postgresql", "storage": "postgresql", "orthancs": 2}
KUBERNETES: dict[str, Any] = {"runtime": "kubernetes", "images": IMAGES}
SWARM: dict[str, Any] = {"runtime": "swarm", "images": IMAGES}
COMPOSE: dict[str, Any] = {"runtime": "compose", "images": IMAGES}
ELSEWHERE: dict[str, Any] = {"hosts": ["mongo1.example:27017", "192.0.2.7:27017", "[2001:db8::1]:27018"]}
BUCKET = {"BucketName": "images", "Region": "eu-central-1"}
LOGIN = {"access_key": {"secret": "key_id"}, "secret_key": {"secret": "key"}}
OPEN = {**BUCKET, "SecretKey": "x"}
CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({}, []),
    ({**KUBERNETES, "scale": SHARED}, []),
    ({**SWARM, "scale": SHARED}, []),
    ({**KUBERNETES, "scale": {"orthancs": 2}}, ["scale.orthancs", "scale.orthancs"]),
    ({**KUBERNETES, "scale": {**SHARED, "storage": "folder"}}, ["scale.orthancs"]),
    ({**KUBERNETES, "scale": {"storage": "postgresql"}}, ["scale.storage"]),
    ({"scale": {**SHARED, "postgresql": {"host": "192.0.2.1"}}}, ["scale.orthancs"]),
    ({"scale": {"backends": 2}}, ["scale.backends"]),
    ({**SWARM, "scale": {"backends": 2}, "backend/enabled": False, "webhook/enabled": False}, ["scale.backends"]),
    ({"scale": {"index": "postgresql"}}, ["scale.postgresql.host"]),
    ({"scale": {"index": "postgresql", "postgresql": {"host": "127.0.0.1"}}}, []),
    ({**SWARM, "scale": {"index": "postgresql", "postgresql": {"host": "127.0.0.1"}}}, ["scale.postgresql.host"]),
    ({**SWARM, "scale": SHARED, "images/postgres": None}, ["images.postgres"]),
    ({**SWARM, "scale": {**SHARED, "postgresql": {"tls": True}}}, ["scale.postgresql.tls"]),
    ({"scale": {"index": "postgresql", "postgresql": {"host": "192.0.2.1", "tls": True}}}, ["scale.postgresql.tls"]),
    ({"scale": {"index": "postgresql", "postgresql": {**FAR, "tls": True}}}, []),
    ({"scale": {"index": "postgresql", "postgresql": FAR}}, ["scale.postgresql.authority"]),
    ({**SWARM, "scale": {**SHARED, "storage": "shared_folder"}}, ["orthanc.storage.path"]),
    ({**SWARM, "scale": {**SHARED, "storage": "shared_folder"}, "orthanc/storage/path": "/srv/orthanc"}, []),
    ({**KUBERNETES, "orthanc/storage/path": "/srv/orthanc"}, ["orthanc.storage.path"]),
    ({**SWARM, "orthanc/storage/index_path": "/srv/index"}, ["orthanc.storage.index_path"]),
    ({**SWARM, "verification": {"enabled": True}}, ["verification.address"]),
    ({**KUBERNETES, "network": {"firewall": ["nftables"], "managed_from": ["192.0.2.0/24"]}}, ["network.firewall"]),
    ({**KUBERNETES, "orthanc/version": "1.10.1", "scale": SHARED}, []),
    (
        {**SWARM, "scale": SHARED, "orthanc/settings": {"DatabaseServerIdentifier": "x"}},
        ["orthanc.settings.DatabaseServerIdentifier"],
    ),
    ({**KUBERNETES, "scale": {**SHARED, "storage": "object_storage"}}, ["scale.storage"]),
    (
        {**KUBERNETES, "scale": {**SHARED, "storage": "object_storage"}, "orthanc/settings": {"AwsS3Storage": BUCKET}},
        [],
    ),
    (
        {**SWARM, "scale": {**SHARED, "storage": "object_storage"}, "orthanc/settings": {"AwsS3Storage": OPEN}},
        ["orthanc.settings.AwsS3Storage.SecretKey"],
    ),
    (
        {
            **SWARM,
            "scale": {**SHARED, "storage": "object_storage", "bucket": LOGIN},
            "orthanc/settings": {"AwsS3Storage": BUCKET},
        },
        [],
    ),
    (
        {
            **SWARM,
            "scale": {**SHARED, "storage": "object_storage", "bucket": {"access_key": {"secret": "key_id"}}},
            "orthanc/settings": {"AwsS3Storage": BUCKET},
        },
        ["scale.bucket"],
    ),
    ({**SWARM, "scale": {**SHARED, "bucket": LOGIN}}, ["scale.bucket"]),
    ({**SWARM, "dicom/published_on": "192.0.2.1"}, ["dicom.published_on"]),
    ({**KUBERNETES, "http": {"listen_on": "0.0.0.0"}}, ["http.listen_on"]),
    ({**KUBERNETES, "http": {"listen_on": "192.0.2.1", "tls": {"enabled": True}}}, ["http.listen_on"]),
    ({"runtime": "kubernetes"}, ["images.orthanc", "images.mongo"]),
    ({**KUBERNETES, **PLAIN}, []),
    (
        {**SWARM, **PLAIN, "dicom/ae_checks": {"calling_aet": "registered_from_own_address"}},
        ["dicom.plain.enabled"],
    ),
    ({**KUBERNETES, "analysis": {"enabled": True}, "orthanc/plugins": ["dicomweb"]}, []),
    ({**KUBERNETES, "scale": {"databases": 3}}, []),
    ({**SWARM, "scale": {"databases": 5}}, []),
    ({**SWARM, "scale": {"databases": 2}}, ["scale.databases"]),
    ({"scale": {"databases": 3}}, ["scale.databases"]),
    ({**COMPOSE, "scale": {"databases": 3}}, ["scale.databases"]),
    ({**SWARM, "scale": {"databases": 3}, "backend/enabled": False, "webhook/enabled": False}, ["scale.databases"]),
    ({**SWARM, "scale": {"databases": 3, "mongodb": ELSEWHERE}}, ["scale.databases"]),
    ({**KUBERNETES, "images/mongo": None, "scale": {"mongodb": ELSEWHERE}}, []),
    ({**KUBERNETES, "scale": {"mongodb": {**ELSEWHERE, "authority": {"secret": "ours"}, "tls": True}}}, []),
    ({**KUBERNETES, "scale": {"mongodb": {**ELSEWHERE, "authority": {"secret": "ours"}}}}, ["scale.mongodb.authority"]),
    ({"scale": {"mongodb": ELSEWHERE}}, ["scale.mongodb.hosts"]),
    (
        {**SWARM, "scale": {"mongodb": ELSEWHERE}, "backend/enabled": False, "webhook/enabled": False},
        ["scale.mongodb.hosts"],
    ),
    ({**SWARM, "scale": {"mongodb": {"tls": True, "user": "x"}}}, ["scale.mongodb.tls", "scale.mongodb.user"]),
    (
        {**SWARM, "scale": {"mongodb": {"hosts": ["127.0.0.1:27017", "m:1", "m:1", "[::1]:5"]}}},
        ["scale.mongodb.hosts[0]", "scale.mongodb.hosts[2]", "scale.mongodb.hosts[3]"],
    ),
    (
        {**SWARM, "scale": {"mongodb": {"hosts": ["m", "m:0", "m:65536", "::1:5", "[m]:5", "m:5/x"]}}},
        [f"scale.mongodb.hosts[{index}]" for index in range(6)],
    ),
    ({**SWARM, "scale": {"databases": 3, "mongodb": {"replica_set": "1 x"}}}, ["scale.mongodb.replica_set"]),
]


@pytest.mark.parametrize(("changes", "paths"), CASES)
def test_checks(changes: dict[str, Any], paths: list[str], tmp_path: Path) -> None:
    loaded = load_text(document(MINIMAL, copy.deepcopy(changes)), tmp_path)
    assert sorted(one.key_path for one in loaded.problems if one.severity == "error") == sorted(paths)
