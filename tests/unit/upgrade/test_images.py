from __future__ import annotations

import json
from pathlib import Path

import pytest

import orthancgen.foreign.image_tags
from orthancgen.orthanc.keys import Version
from orthancgen.upgrade.images import bounds_of, image_for, newest_tag, tag_with, team_tag


@pytest.mark.parametrize(
    ("image", "brings"),
    [
        ("orthancteam/orthanc:24.6.1", "1.12.4"),
        ("orthancteam/orthanc:24.10.3", "1.12.4"),
        ("orthancteam/orthanc:24.11.9-full", "1.12.4"),
        ("docker.io/osimis/orthanc:22.3.0", "1.10.1"),
        ("registry.example:5000/orthancteam/orthanc:26.8.1", "1.13.0"),
        ("orthancteam/orthanc:25.3.0", "1.12.6 to 1.12.7"),
        ("orthancteam/orthanc:25.8.2", "1.12.7 to 1.12.9"),
        ("orthancteam/orthanc:26.5.0", "1.12.11"),
        ("orthancteam/orthanc:26.7.0", "1.12.11 to 1.13.0"),
        ("orthancteam/orthanc:26.9.1", "1.13.0 or newer"),
        ("orthancteam/orthanc:20.1.0", "1.10.0 or older"),
        ("orthancteam/orthanc:latest", "an unknown version"),
        ("orthancteam/orthanc", "an unknown version"),
        (f"orthancteam/orthanc@sha256:{'0' * 64}", "an unknown version"),
        (f"orthancteam/orthanc:26.8.1@sha256:{'0' * 64}", "1.13.0"),
        ("jodogne/orthanc-plugins:1.12.7", "1.12.7"),
        ("hospital.example/orthanc:1.13.0", "1.13.0"),
        ("hospital.example/orthanc:1.99.0", "an unknown version"),
        ("", "an unknown version"),
    ],
)
def test_a_tag_tells_its_orthanc(image: str, brings: str) -> None:
    assert str(bounds_of(image)) == brings


@pytest.mark.parametrize(
    ("tag", "component", "brings"),
    [
        ("24.12.0", "orthanc-dicomweb", "1.18.0"),
        ("26.4.0", "orthanc-dicomweb", "1.23.0"),
        ("26.8.1", "orthanc-dicomweb", "1.23.0 or newer"),
        ("24.6.1", "orthanc-postgresql", "6.2.0"),
        ("22.3.0", "orthanc-explorer-2", "0.2.1 or older"),
        ("24.6.1", "nonsense", "an unknown version"),
    ],
)
def test_a_tag_tells_its_plugins(tag: str, component: str, brings: str) -> None:
    assert str(bounds_of(f"orthancteam/orthanc:{tag}", component)) == brings
    assert str(bounds_of("jodogne/orthanc:1.12.7", component)) == "an unknown version"


def test_bounds_say_what_may_be() -> None:
    between = bounds_of("orthancteam/orthanc:25.8.2")
    assert [between.may_be(Version.parse(f"1.12.{patch}")) for patch in (6, 7, 8, 9, 10)] == [
        *(False, True, True, True, False)
    ]
    assert between.exactly is None
    assert bounds_of("x:latest").may_be(Version.parse("1.2.3"))


@pytest.mark.parametrize(
    ("image", "version", "wanted"),
    [
        ("orthancteam/orthanc:24.6.1", "1.13.0", "orthancteam/orthanc:26.8.2"),
        ("osimis/orthanc:22.3.0-full", "1.12.7", "orthancteam/orthanc:25.4.0-full"),
        ("orthancteam/orthanc:26.8.1", "1.13.0", "orthancteam/orthanc:26.8.1"),
        ("orthancteam/orthanc:24.6.1", "1.12.8", ""),
        ("jodogne/orthanc:1.12.7", "1.13.0", "jodogne/orthanc:1.13.0"),
        ("hospital.example/orthanc:blue", "1.13.0", "hospital.example/orthanc:blue"),
        ("", "1.13.0", ""),
    ],
)
def test_the_image_for_a_version(image: str, version: str, wanted: str) -> None:
    assert image_for(image, Version.parse(version)) == wanted


def test_tags_are_versions_of_the_team_alone() -> None:
    assert str(team_tag("orthancteam/orthanc:26.8.1-full")) == "26.8.1"
    assert team_tag("hospital.example/orthanc:26.8.1") is None
    assert team_tag("orthancteam/orthanc:unstable") is None
    assert tag_with(Version.parse("1.12.10")) is None
    assert str(newest_tag()) == "26.8.2"


def test_the_table_that_reads_other_peoples_files_says_the_same() -> None:
    table = Path(orthancgen.foreign.image_tags.__file__).with_name("image_tags.json")
    rows = [row for row in json.loads(table.read_text("utf-8"))["tags"] if row["tag"] >= "22.2.1"]
    assert len(rows) > 10
    for row in rows:
        assert bounds_of(f"orthancteam/orthanc:{row['tag']}").exactly == Version.parse(row["orthanc"]), row["tag"]
