from __future__ import annotations

import pytest

from orthancgen.audit.looking_images import KNOWN, Image, image_of, known_image, starts_as

DIGEST = "sha256:" + "1" * 64


@pytest.mark.parametrize(
    ("text", "name", "tag", "digest"),
    [
        ("mongo", "mongo", "", ""),
        ("docker.io/library/mongo:8.0.17", "mongo", "8.0.17", ""),
        ("index.docker.io/orthancteam/orthanc:26.8.1", "orthancteam/orthanc", "26.8.1", ""),
        (f"registry.example:5000/site/backend:1.4@{DIGEST}", "registry.example:5000/site/backend", "1.4", DIGEST),
        (f"registry.example:5000/site/backend@{DIGEST}", "registry.example:5000/site/backend", "", DIGEST),
        ("  nginx:latest ", "nginx", "latest", ""),
        ("", "", "", ""),
    ],
)
def test_a_name_is_taken_apart(text: str, name: str, tag: str, digest: str) -> None:
    assert image_of(text) == Image(name, tag, digest)


@pytest.mark.parametrize("tag", ["8.0.17", "v1.2.3", "26.8.1-full", "1.28.0-alpine", "1.12.7"])
def test_a_release_is_told(tag: str) -> None:
    assert Image("any", tag, "").is_release


@pytest.mark.parametrize("tag", ["", "latest", "8", "8.0", "1.28-alpine", "stable", "noble"])
def test_a_tag_that_moves_on_is_no_release(tag: str) -> None:
    assert not Image("any", tag, "").is_release


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("orthancteam/orthanc:26.8.1", "root"),
        ("osimis/orthanc:24.1.2", "root"),
        ("jodogne/orthanc-plugins:1.12.7", "root"),
        ("mongo:8", "drops"),
        ("nginx", "root above workers"),
        ("nginxinc/nginx-unprivileged:1.28", "own user"),
        ("haproxy:3.2.4", "own user"),
        ("haproxy:2.3.21", "root"),
        ("haproxy:lts", "own user"),
        ("haproxy:alpine", "unknown"),
        ("bitnami/mongodb:8.0", "own user"),
        ("registry.example/backend:1.4.0", "unknown"),
    ],
)
def test_as_whom_an_image_starts(text: str, expected: str) -> None:
    assert starts_as(image_of(text)) == expected


def test_an_image_that_was_given_up_says_what_to_use() -> None:
    osimis = known_image(image_of("osimis/orthanc:latest"))
    assert osimis is not None
    assert osimis.abandoned
    assert osimis.instead.startswith("orthancteam/orthanc")
    assert known_image(image_of("orthancteam/orthanc:26.8.1")) is not osimis


@pytest.mark.parametrize("known", KNOWN, ids=lambda known: known.name)
def test_each_fact_has_its_source(known: object) -> None:
    source = getattr(known, "source", "")
    assert source.startswith("https://")
    assert bool(getattr(known, "abandoned", "")) == bool(getattr(known, "instead", ""))


@pytest.mark.parametrize("text", ["::::", "@@", "/", ":", "a:b:c@d@e", "\ud800", "x" * 100_000])
def test_whatever_stands_there_is_taken(text: str) -> None:
    image_of(text)
    starts_as(image_of(text))
