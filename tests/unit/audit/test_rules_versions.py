from __future__ import annotations

import dataclasses

import pytest

from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Publisher
from tests.unit.audit.set_ups import found, rule, severities, subject


@pytest.mark.parametrize(
    ("version", "publisher", "wanted", "words"),
    [
        ("1.13.0", None, [], ""),
        ("mainline", None, [], ""),
        ("1.12.11", None, ["high"], "CVE-2026-87020"),
        ("1.12.10", None, ["critical"], "CVE-2026-5442"),
        ("1.10.1", None, ["critical"], "CVE-2026-5442"),
        ("1.11.3", "jodogne", ["critical"], "CVE-2023-33466"),
    ],
)
def test_vulnerable_orthanc(version: str, publisher: Publisher | None, wanted: list[str], words: str) -> None:
    where = subject(orthanc={}, version=version, publisher=publisher)
    hits = found("vulnerable-orthanc", where)
    assert [severity for severity, _ in hits] == wanted
    assert all(words in message for _, message in hits)


def test_debian_has_mended_what_its_version_does_not_show() -> None:
    [(_, message)] = found("vulnerable-orthanc", subject(orthanc={}, version="1.10.1"))
    assert "33466" not in message
    [hit] = rule("vulnerable-orthanc").find(subject(orthanc={}, version="1.10.1"))
    assert "1.13.0" in (hit.hint or "")


def test_a_version_that_is_assumed_is_not_judged() -> None:
    where = subject(orthanc={}, version="1.10.1")
    [part] = where.target.orthancs
    guessed = dataclasses.replace(part, version_known=False)
    target = dataclasses.replace(where.target, orthancs=(guessed,))
    assert found("vulnerable-orthanc", Subject(target)) == []


@pytest.mark.parametrize(
    ("image", "wanted"),
    [
        ("mongo:8.0.24", []),
        ("mongo:8.0.16", ["critical"]),
        ("mongo:8.0.17", ["medium"]),
        ("mongo:7.0.35", []),
        ("mongo:7.0.28", ["medium"]),
        ("mongo:4.4.29", ["critical"]),
        ("docker.io/library/mongo:6.0.26-jammy", ["critical"]),
        ("mongo:8", []),
        ("mongo:latest", []),
        ("mongo", []),
        ("postgres:14.1.0", []),
    ],
)
def test_vulnerable_mongo(image: str, wanted: list[str]) -> None:
    assert severities("vulnerable-mongo", subject(f'services: {{database: {{image: "{image}"}}}}')) == wanted


def test_what_other_hosts_reach_is_worse() -> None:
    where = subject('services: {database: {image: "mongo:8.0.17", ports: ["27017:27017"]}}')
    assert severities("vulnerable-mongo", where) == ["high"]


@pytest.mark.parametrize(
    ("image", "environment", "settings", "wanted"),
    [
        ("orthancteam/orthanc:26.8.1", "", {}, []),
        ("orthancteam/orthanc:25.4.0", "", {}, ["medium"]),
        ("orthancteam/orthanc:25.4.0-full", "", {}, ["medium"]),
        ("orthancteam/orthanc:26.5.0", "", {}, []),
        ("orthancteam/orthanc:20.4.1", "", {}, []),
        ("orthancteam/orthanc:latest", "", {}, []),
        ("orthancteam/orthanc:25.4.0", "ORTHANC_EXPLORER_2_ENABLED: 'false'", {}, []),
        ("orthancteam/orthanc:25.4.0", "", {"OrthancExplorer2": {"Enable": False}}, []),
        ("orthancteam/orthanc:26.8.1", "OSIMIS_WEB_VIEWER1_PLUGIN_ENABLED: 'true'", {}, ["low"]),
        ("orthancteam/orthanc:26.8.1", "OSIMIS_WEB_VIEWER1_PLUGIN_ENABLED: 'false'", {}, []),
    ],
)
def test_vulnerable_plugin(image: str, environment: str, settings: dict[str, object], wanted: list[str]) -> None:
    compose = f'services: {{orthanc: {{image: "{image}", environment: {{{environment}}}}}}}'
    where = subject(compose, orthanc=settings, publisher="orthancteam")
    assert severities("vulnerable-plugin", where) == wanted


@pytest.mark.parametrize(
    ("publisher", "settings", "wanted"),
    [
        (None, {"Plugins": ["/usr/lib/libOrthancDicomWeb.so"]}, 0),
        (None, {"Plugins": ["/usr/lib/libOrthancDicomWeb.so.1.7"], "DicomWeb": {"Enable": False}}, 1),
        (None, {"Plugins": ["C:\\Orthanc\\Plugins\\OrthancDicomWeb.dll"], "DicomWeb": {"Enable": True}}, 0),
        (None, {"Plugins": ["/usr/share/orthanc/plugins"]}, 1),
        ("orthancteam", {"Plugins": ["/usr/share/orthanc/plugins"]}, 0),
        (None, {"DicomWeb": {"Enable": False}}, 0),
    ],
)
def test_unused_plugin_enabled(publisher: Publisher | None, settings: dict[str, object], wanted: int) -> None:
    assert len(found("unused-plugin-enabled", subject(orthanc=settings, publisher=publisher))) == wanted


@pytest.mark.parametrize(
    ("value", "enable", "wanted"), [("true", False, 1), ("false", False, 0), ("true", True, 0), ("", False, 0)]
)
def test_a_variable_that_loads_what_is_turned_off(value: str, enable: bool, wanted: int) -> None:
    compose = f"""
        services:
          orthanc:
            image: orthancteam/orthanc:26.8.1
            environment: {{DICOM_WEB_PLUGIN_ENABLED: "{value}"}}
    """
    where = subject(compose, orthanc={"DicomWeb": {"Enable": enable}}, publisher="orthancteam")
    assert len(found("unused-plugin-enabled", where)) == wanted
