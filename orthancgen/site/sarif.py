"""Problems of environment files as SARIF 2.1.0, for code scanning and editors.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/sarif-v2.1.0-errata01-os-complete.html. No line of a file is
in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from orthancgen import __version__
from orthancgen.site.problems import Problem

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_RULES: Final = {
    "error": ("invalid-environment", "The environment file is invalid.", "8.0"),
    "warning": ("environment-warning", "The environment file is valid, and something in it is worth a look.", "3.0"),
}
"""Severity -> id of its rule, what the rule says, and how GitHub ranks it."""


def as_sarif(problems: Sequence[Problem]) -> str:
    """One run; a problem without a place, such as a file that is not there, is told as a notification of the tool."""
    placed = [problem for problem in problems if problem.mark]
    driver = {"name": "orthancgen", "semanticVersion": __version__, "rules": [_rule(*rule) for rule in _RULES.values()]}
    invocation = {
        "executionSuccessful": all(problem.mark or problem.severity != "error" for problem in problems),
        "toolExecutionNotifications": [
            {"level": problem.severity, "message": _message(problem)} for problem in problems if not problem.mark
        ],
    }
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "orthancgen-validate/"},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem) for problem in placed],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=True)


def _rule(name: str, text: str, score: str) -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": {"text": text},
        "properties": {"security-severity": score, "tags": ["security"]},
    }


def _result(problem: Problem) -> dict[str, Any]:
    mark = problem.mark
    if mark is None:
        raise AssertionError("only problems with a place are results")
    path = PurePosixPath(mark.file)
    address = quote(str(path).encode("utf-8", "surrogatepass"))
    region = {"startLine": mark.line, "startColumn": mark.column, "endColumn": max(mark.end_column, mark.column)}
    where = {"uri": f"file://{address}"} if path.is_absolute() else {"uri": address, "uriBaseId": "%SRCROOT%"}
    same = "\0".join((mark.file, problem.key_path, problem.message)).encode("utf-8", "surrogatepass")
    return {
        "ruleId": _RULES[problem.severity][0],
        "level": problem.severity,
        "message": _message(problem),
        "locations": [{"physicalLocation": {"artifactLocation": where, "region": region}}],
        "partialFingerprints": {"orthancgenProblem/v1": hashlib.sha256(same).hexdigest()[:32]},
    }


def _message(problem: Problem) -> dict[str, str]:
    """The text (3.11.5: a brace stands for itself only as two, since one begins a placeholder)."""
    said = f"{problem.key_path}: {problem.message}" if problem.path else problem.message
    hint = f" Hint: {problem.hint}" if problem.hint else ""
    return {"text": f"{said}.{hint}".encode("utf-8", "replace").decode().replace("{", "{{").replace("}", "}}")}
