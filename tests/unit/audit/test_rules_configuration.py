from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orthancgen.audit.subject import Subject
from orthancgen.foreign.configuration import Circumstances, read_part
from orthancgen.foreign.model import EnvironmentValue, OrthancPart, Target
from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import Mark
from tests.unit.audit.set_ups import found, rule, severities, subject


@pytest.mark.parametrize(
    ("settings", "version", "expected"),
    [
        ({"StableAge": "60"}, "1.13.0", ['StableAge must be an integer, not the text "60"']),
        ({"DicomCheckCalledAet": "true"}, "1.10.1", ["DicomCheckCalledAet must be true or false"]),
        ({"DicomAet": "A" * 17}, "1.13.0", ["DicomAet has not 1 to 16 characters: Orthanc does not start"]),
        ({"DicomAet": ""}, "1.12.7", ["DicomAet has not 1 to 16 characters: Orthanc does not start"]),
        ({"DicomAet": "A" * 16}, "1.13.0", []),
        ({"DicomModalities": {"ct 1": ["CT1", "10.0.0.1", 104]}}, "1.13.0", ['Orthanc refuses the name "ct 1"']),
        ({"DicomModalities": {"ct1": ["CT1", "10.0.0.1"]}}, "1.13.0", ["a list here has 3 or 4 items, not 2"]),
        ({"DicomModalities": {"ct1": {"Host": "10.0.0.1", "Port": 104}}}, "1.13.0", ["AET is missing"]),
        ({"DicomModalities": {"ct1": ["CT1", "10.0.0.1", 65535]}}, "1.13.0", ["Port cannot be 65535"]),
        ({"DicomModalities": {"ct1": {"AET": "A", "Host": "h", "Port": 1, "AllowEcho": "yes"}}}, "1.13.0",
         ["AllowEcho must be true or false"]),
        ({"DicomTlsEnabled": True}, "1.13.0", ["DicomTlsEnabled is true, and DicomTlsCertificate is not there"]),
        ({"PostgreSQL": {"Port": "5432"}}, "1.13.0", ['Port must be an integer, not the text "5432"']),
        ({"PostgreSQL": 5}, "1.13.0", ["PostgreSQL must be an object"]),
        ({"DicomWeb": {"Servers": {}}}, "1.10.1", []),
        ({"OverwriteInstances": "Never"}, "1.12.7", ["OverwriteInstances must be true or false"]),
        ({"OverwriteInstances": "Never"}, "1.13.0", []),
        ({"OverwriteInstances": True}, "1.13.0", []),
        # What nobody knows is passed over by Orthanc: another rule's.
        ({"DicomCheckCallingAet": True, "StabelAge": "60", "_comment": 1}, "1.13.0", []),
        ({"DicomModalities": {"ct1": {"AET": "A", "Host": "h", "Port": 1, "AllowEco": "yes"}}}, "1.13.0", []),
        ({"RegisteredUsers": {"a": 12345678}}, "1.13.0", []),
        ({}, "1.13.0", []),
    ],
)  # fmt: skip
def test_what_orthanc_refuses(settings: dict[str, Any], version: str, expected: list[str]) -> None:
    messages = [message for _, message in found("configuration-refused", subject(orthanc=settings, version=version))]
    assert len(messages) == len(expected)
    assert all(message.startswith(start) for message, start in zip(messages, expected, strict=True)), messages


def test_it_is_said_where_it_stands() -> None:
    where = subject(orthanc='{\n "DicomModalities": {\n  "ct1": ["CT1", "10.0.0.1", 0]\n }\n}')
    (hit,) = rule("configuration-refused").find(where)
    assert hit.mark is not None
    assert (hit.mark.line, hit.path) == (3, ("DicomModalities", "ct1", 2))


def test_syntax_errors_stop_it_too() -> None:
    assert severities("configuration-refused", subject(orthanc='{"Name": "a" "DicomAet": "B"}')) == ["high"]


def test_a_key_in_two_files_stops_it(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"Name": "a"}')
    (tmp_path / "b.json").write_text('{"Name": "b", "DicomAet": "B"}')
    part = read_part([tmp_path], version=Version(1, 13, 0), publisher=None, name="both")
    (hit,) = rule("configuration-refused").find(of(part))
    assert "2 different configuration files" in hit.message
    assert hit.mark is not None
    assert hit.mark.file.endswith("b.json")


def of(part: OrthancPart) -> Subject:
    return Subject(Target("test", "/", orthancs=(part,)))


def in_image(folder: Path, content: str, variables: dict[str, str], compose: str = "orthanc") -> Subject:
    """An Orthanc of orthancteam/orthanc with all of its variables known."""
    (folder / "orthanc.json").write_text(content)
    known = {
        name: EnvironmentValue(
            name, value, Mark("docker-compose.yml", line, 1, 2), ("services", compose, "environment", name)
        )
        for line, (name, value) in enumerate(variables.items(), start=5)
    }
    part = read_part(
        [folder / "orthanc.json"], version=Version(1, 13, 0), publisher="orthancteam", name="image", service="orthanc",
        circumstances=Circumstances(known, environment_complete=True),
    )  # fmt: skip
    environment = ", ".join(f"{name}: {json.dumps(value.replace('$', '$$'))}" for name, value in variables.items())
    where = subject(f"services: {{orthanc: {{image: orthancteam/orthanc, environment: {{{environment}}}}}}}")
    return Subject(Target("test", "/", orthancs=(part,), composes=where.target.composes))


@pytest.mark.parametrize(
    ("content", "variables", "expected"),
    [
        ('{"Name": "p@ss$ecret1"}', {}, ["high"]),
        ('{"Name": "a ${EAST}"}', {}, ["medium"]),
        ('{"Name": "a ${EAST}"}', {"EAST": "east"}, []),
        ('{"Name": "a $EAST"}', {"EAST": "east"}, []),
        ('{"Name": "a ${EAST:-east}"}', {}, []),
        ('{"Name": "a \\u0024ecret"}', {}, []),
        ('{"Name": "a \\u0024{EAST}"}', {}, ["high"]),  # Orthanc itself puts a variable in
        ('{"Name": "a"}', {}, []),
    ],
)
def test_dollar_signs_in_the_image(
    tmp_path: Path, content: str, variables: dict[str, str], expected: list[str]
) -> None:
    where = in_image(tmp_path, content, variables)
    assert severities("variable-in-value", where) == expected
    assert found("configuration-refused", where) == []


def test_a_variable_of_a_native_orthanc_may_be_set_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "orthanc.json").write_text('{"Name": "${SITE}", "StorageDirectory": "p@ss$word"}')
    part = read_part([tmp_path / "orthanc.json"], version=None, publisher=None, name="native")
    assert found("variable-in-value", of(part)) == []


def test_a_variable_of_a_file_that_is_not_here_may_be_set(tmp_path: Path) -> None:
    where = in_image(tmp_path, '{"Name": "a ${EAST}"}', {})
    lacking = subject("services: {orthanc: {image: orthancteam/orthanc, env_file: elsewhere.env}}")
    others = Subject(Target("test", "/", orthancs=where.target.orthancs, composes=lacking.target.composes))
    assert len(found("variable-in-value", where)) == 1
    assert found("variable-in-value", others) == []


def test_duplicates() -> None:
    text = '{\n "Name": "a",\n "Name": "b",\n "DicomModalities": {"ct1": ["A", "h", 1],\n "ct1": ["B", "h", 1]}\n}'
    assert found("duplicate-key", subject(orthanc=text)) == [
        ("medium", "Name stands more than once: the one on line 3 counts"),
        ("medium", "DicomModalities.ct1 stands more than once: the one on line 5 counts"),
    ]
    assert found("duplicate-key", subject(orthanc={"Name": "a"})) == []


def test_mistakes_in_variables_come_with_their_place() -> None:
    compose = """\
    services:
      orthanc:
        image: orthancteam/orthanc
        environment: {ORTHANC_DICOM_AET: A}
    """
    where = subject(compose)
    value = where.target.composes[0].services["orthanc"].environment["ORTHANC_DICOM_AET"]
    from orthancgen.site.problems import Problem

    there = Problem("is no variable of it", value.mark, value.path, "did you mean", "warning")
    fatal = Problem("stops it", value.mark, value.path, None, "error")
    elsewhere = Problem("another thing", Mark("orthanc.json", 1, 1, 2), (), None, "warning")
    where = subject(compose, orthanc={}, problems=[there, fatal, elsewhere])
    assert found("mistaken-variable", where) == [("medium", "is no variable of it"), ("high", "stops it")]
    assert found("configuration-refused", where) == []
