from __future__ import annotations

from dataclasses import replace

import pytest

from orthancgen.upgrade.advice import Advice
from orthancgen.upgrade.database import database_advice, database_steps, mongo_version
from orthancgen.upgrade.subject import of_settings


def advice(old: str, new: str) -> list[Advice]:
    return list(database_advice(replace(of_settings("x", {}), database=old, database_after=new)))


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("mongo:8.0.17", "8.0.17"),
        ("docker.io/library/mongo:7.0.28-jammy", "7.0.28"),
        (f"registry.example:5000/mongo:8.0.17@sha256:{'0' * 64}", "8.0.17"),
        ("mongodb/mongodb-community-server:8.0.4-ubi9", "8.0.4"),
        ("mongo:8.0", ""),
        ("mongo:latest", ""),
        ("mongo", ""),
        ("mongo-express:1.0.2", ""),
        ("", ""),
    ],
)
def test_a_tag_tells_the_version(image: str, version: str) -> None:
    assert mongo_version(image) == version


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("8.0.23", "", {("open", "CVE-2026-9740")}),
        ("8.0.24", "", set()),
        ("8.0.23", "8.0.24", {("fixed", "CVE-2026-9740")}),
        ("8.0.24", "8.0.23", {("returns", "CVE-2026-9740")}),
        ("7.0.35", "8.0.24", {("meaning", "mongo-features")}),
        ("6.0.28", "8.0.24", {("breaks", "mongo-step-by-step"), ("meaning", "mongo-features")}),
        ("8.0.24", "7.0.35", {("breaks", "mongo-no-way-back")}),
        ("6.0.28", "5.0.40", {("breaks", "mongo-unknown-way")}),
        ("8.0.24", "8.2.10", {("breaks", "mongo-unknown-way")}),
        ("", "8.0.24", set()),
    ],
)  # fmt: skip
def test_what_another_version_means(old: str, new: str, told: set[tuple[str, str]]) -> None:
    assert {(str(one.kind), one.id) for one in advice(old, new)} == told


def test_steps_go_through_each_series() -> None:
    assert [(step.what, step.command) for step in database_steps("mongo:6.0.27", "6.0.27", "8.0.24")] == [
        (
            "MongoDB 6.0: see that its featureCompatibilityVersion is 6.0",
            "db.adminCommand({getParameter: 1, featureCompatibilityVersion: 1})",
        ),
        ("write images.mongo: mongo:the newest 7.0, and deploy", ""),
        (
            "MongoDB 7.0: once it has run well for some days",
            'db.adminCommand({setFeatureCompatibilityVersion: "7.0", confirm: true})',
        ),
        (
            "MongoDB 7.0: see that its featureCompatibilityVersion is 7.0",
            "db.adminCommand({getParameter: 1, featureCompatibilityVersion: 1})",
        ),
        ("write images.mongo: mongo:8.0.24, and deploy", ""),
        (
            "MongoDB 8.0: once it has run well for some days",
            'db.adminCommand({setFeatureCompatibilityVersion: "8.0", confirm: true})',
        ),
    ]
    assert "confirm" not in database_steps("mongo:5.0.1", "5.0.1", "6.0.27")[-1].command
    assert [step.what for step in database_steps("mongo:8.0.17", "8.0.17", "8.0.24")] == [
        "write images.mongo: mongo:8.0.24, in place of mongo:8.0.17"
    ]
    assert database_steps("mongo:8.0.17", "8.0.17", "9.0.0") == ()
    assert database_steps("mongo:8.0.17", "8.0.17", "7.0.28") == ()
