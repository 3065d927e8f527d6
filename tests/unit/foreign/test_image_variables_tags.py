from __future__ import annotations

import json
from pathlib import Path

import pytest

import orthancgen.foreign.image_tags
from orthancgen.foreign.image_tags import Image, version_of_release
from orthancgen.foreign.model import Publisher
from orthancgen.orthanc.keys import Version


@pytest.mark.parametrize(
    ("image", "is_orthanc", "publisher", "version"),
    [
        ("orthancteam/orthanc:26.8.0", True, "orthancteam", "1.13.0"),
        ("orthancteam/orthanc:26.8.2-full", True, "orthancteam", "1.13.0"),
        ("docker.io/orthancteam/orthanc:24.6.1@sha256:00", True, "orthancteam", "1.12.4"),
        ("orthancteam/orthanc:24.10.3", True, "orthancteam", "1.12.4"),
        ("orthancteam/orthanc:latest", True, "orthancteam", None),
        ("orthancteam/orthanc", True, "orthancteam", None),
        ("orthancteam/orthanc@sha256:00", True, "orthancteam", None),
        ("orthancteam/orthanc-pre-release:master-full", True, "orthancteam", None),
        ("osimis/orthanc:22.3.0", True, "orthancteam", "1.10.1"),
        ("osimis/orthanc:20.4.0", True, "orthancteam", "1.6.0"),
        ("osimis/orthanc:16.1.1", True, "orthancteam", None),
        ("jodogne/orthanc:1.12.4", True, "jodogne", "1.12.4"),
        ("jodogne/orthanc-plugins:1.11.3", True, "jodogne", "1.11.3"),
        ("jodogne/orthanc-python:latest", True, "jodogne", None),
        ("registry.example:5000/orthanc", True, "debian", None),
        ("registry.example:5000/imaging/orthanc:1.12.7-site3", True, "debian", "1.12.7"),
        ("site/orthanc:4.0.2", True, "debian", None),
        ("orthanc", True, "debian", None),
        ("orthancteam/orthanc-auth-service:25.2.0", False, "orthancteam", "1.12.6"),
        ("orthancteam/orthanc-nginx:25.2.0", False, "orthancteam", "1.12.6"),
        ("site/orthanc-backend:1.0.0", False, "debian", "1.0.0"),
        ("orthanctools/nothing:1", False, "debian", None),
        ("mongo:8.0", False, "debian", None),
        ("", False, "debian", None),
        (":@/", False, "debian", None),
    ],
)
def test_images(image: str, is_orthanc: bool, publisher: Publisher, version: str | None) -> None:
    found = Image.parse(image)
    assert found.is_orthanc is is_orthanc
    assert found.publisher == publisher
    assert found.version == (Version.parse(version) if version else None)


def test_parts_of_a_name() -> None:
    assert Image.parse("host:5000/a/b:tag@sha256:x") == Image("host:5000/a/b", "tag", "sha256:x")


def test_the_table_rises_and_names_its_sources() -> None:
    table = json.loads(Path(orthancgen.foreign.image_tags.__file__).with_name("image_tags.json").read_text())
    tags = [tuple(int(part) for part in row["tag"].split(".")) for row in table["tags"]]
    versions = [Version.parse(row["orthanc"]) for row in table["tags"]]
    assert tags == sorted(tags)
    assert versions == sorted(versions)
    assert all(
        row["source"] == "notes" or "://" in row["source"] or "release notes" in row["source"] for row in table["tags"]
    )


@pytest.mark.parametrize("tag", ["", "26", "26.8", "v26.8.0", "26.8.0.1", "２６.8.0", "26.8.x", "999.1.1"])
def test_other_tags_say_nothing(tag: str) -> None:
    assert version_of_release(tag) is None
