"""Problems of environment files as JUnit XML: a case an environment, as CI servers read it.

https://github.com/testmoapp/junitxml; GitLab and Jenkins take the first ``failure`` of a case only.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Final

from orthancgen.site.problems import Problem

# What XML 1.0 section 2.2 does not allow in a document.
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(environments: Mapping[str, Sequence[Problem]]) -> str:
    """The document.

    Args:
        environments: name or path as it was asked for -> its problems. Errors fail the case; warnings are its output.
    """
    failed = sum(any(problem.severity == "error" for problem in problems) for problems in environments.values())
    counts = {"tests": str(len(environments)), "failures": str(failed), "errors": "0"}
    root = ET.Element("testsuites", {"name": "orthancgen validate", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": "environments", **counts})
    for name, problems in environments.items():
        case = ET.SubElement(suite, "testcase", classname="orthancgen.validate", name=_clean(name))
        errors = [problem for problem in problems if problem.severity == "error"]
        if errors:
            first = _clean(f"{len(errors)} {'error' if len(errors) == 1 else 'errors'}: {errors[0].message}")
            failure = ET.SubElement(case, "failure", message=first, type="invalid-environment")
            failure.text = _clean("\n".join(map(_line, errors)))
        warnings = [problem for problem in problems if problem.severity == "warning"]
        if warnings:
            ET.SubElement(case, "system-out").text = _clean("\n".join(map(_line, warnings)))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _line(problem: Problem) -> str:
    parts = (problem.place, problem.key_path, f"{problem.severity}: {problem.message}")
    return ": ".join(part for part in parts if part) + (f"\n  hint: {problem.hint}" if problem.hint else "")


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
