"""Results as text, JSON and JUnit; the table of checks; and what a run does with a check that breaks."""

from __future__ import annotations

import io
import json
import re
import socket
import xml.etree.ElementTree as ET
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from orthancgen.cli.verify import show_results
from orthancgen.errors import VerifyError
from orthancgen.orthanc.keys import Version
from orthancgen.orthanc.roles import PERMISSIONS
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.runtimes.access import Access
from orthancgen.secrets.value import SecretValue
from orthancgen.site.model import Site
from orthancgen.verify import checks as checks_package
from orthancgen.verify.check import Check
from orthancgen.verify.checks import CHECKS, roles
from orthancgen.verify.context import Context, wait_for
from orthancgen.verify.document import as_json, as_junit
from orthancgen.verify.result import CheckResult, Group, Outcome, Verdict, skipped, summary, verdict
from orthancgen.verify.run import run

GOOD = CheckResult("a-check", "Something works", "positive", Outcome.PASSED, "it works", "it does", 0.25)
BAD = CheckResult(
    "b-check", "Something is refused", "negative", Outcome.FAILED, "401 & <no>", "200 \x00\ud800", 1.0, "mend it"
)
ABSENT = CheckResult("c-check", "Something else is refused", "negative", Outcome.SKIPPED, "403", "no such thing", 0.0)
RESULTS = (GOOD, BAD, ABSENT)


def test_what_does_not_apply_is_no_failure_and_does_not_count() -> None:
    assert [result.passed for result in RESULTS] == [True, False, True]
    assert summary(RESULTS) == "1 of 2 passed, 1 not applicable"
    assert summary((GOOD,)) == "1 of 1 passed"


def test_a_hint_is_for_a_failure_alone() -> None:
    assert verdict(True, "e", "s", "h") == Verdict(Outcome.PASSED, "e", "s")
    assert verdict(False, "e", "s", "h") == Verdict(Outcome.FAILED, "e", "s", "h")
    assert skipped("e", "why") == Verdict(Outcome.SKIPPED, "e", "why")


def test_json_tells_every_field() -> None:
    document = json.loads(as_json("dev", RESULTS))
    assert (document["environment"], document["passed"], document["failed"], document["skipped"]) == ("dev", 1, 1, 1)
    assert document["checks"][0] == {
        "id": "a-check", "title": "Something works", "group": "positive", "outcome": "passed", "expected": "it works",
        "seen": "it does", "seconds": 0.25, "hint": None,
    }  # fmt: skip
    assert document["checks"][1] == BAD.as_dict()


def test_junit_is_xml_whatever_the_servers_said() -> None:
    root = ET.fromstring(as_junit("dev", RESULTS).encode())
    assert (root.tag, root.get("tests"), root.get("failures"), root.get("errors")) == ("testsuites", "3", "1", "0")
    positive, negative = root.findall("testsuite")
    assert (positive.get("tests"), positive.get("failures"), positive.get("skipped")) == ("1", "0", "0")
    assert (negative.get("tests"), negative.get("failures"), negative.get("skipped")) == ("2", "1", "1")
    assert positive.find("testcase/*") is None
    failure = root.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "200 \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"
    assert failure.text is not None
    assert "expected: 401 & <no>" in failure.text
    assert "hint: mend it" in failure.text
    absent = root.find(".//skipped")
    assert absent is not None
    assert absent.get("message") == "no such thing"


def test_text_has_expectation_and_hint_of_failures_and_no_colour_in_a_file() -> None:
    shown = io.StringIO()
    results = (GOOD, CheckResult("b", "B", "negative", Outcome.FAILED, "HTTP 401", "HTTP 200", 1.0, "mend it"), ABSENT)
    show_results(Console(file=shown, width=140), results)
    text = shown.getvalue()
    assert "\x1b" not in text
    for part in (
        "HTTP 200",
        "expected: HTTP 401",
        "hint: mend it",
        "n/a",
        "no such thing",
        "1 of 2 passed, 1 not applicable",
    ):
        assert part in text
    coloured = io.StringIO()
    show_results(Console(file=coloured, width=140, force_terminal=True, color_system="standard"), results)
    assert re.search(r"\x1b\[1;31mfailed", coloured.getvalue())
    assert re.search(r"\x1b\[32mpassed", coloured.getvalue())


def test_the_table_and_its_folder_agree() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert len({check.title for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", check.id)
    groups: list[Group] = [check.group for check in CHECKS]
    assert groups == sorted(groups, reverse=True), "positive checks first: they handle the test image"
    folder = Path(checks_package.__path__[0])
    helpers = {"refusal", "without", "__init__"}
    modules = {path.stem for path in folder.glob("*.py")} - helpers
    imported = {name for name in vars(checks_package) if (folder / f"{name}.py").is_file()} - helpers
    assert modules == imported


def test_every_limited_role_has_probes_that_it_must_not_pass() -> None:
    for role in set(PERMISSIONS) - {"administrator"}:
        assert sum(not roles.may(role, method, path) for method, path in roles.PROBES) >= 5, role
    assert all(roles.may("administrator", method, path) for method, path in roles.PROBES)
    assert roles.may("technologist", "POST", "/instances")
    assert not roles.may("viewer", "POST", "/instances")


def test_waiting_asks_at_least_once_and_ends() -> None:
    assert wait_for(lambda: True, 0)
    assert not wait_for(lambda: False, 0)
    answers = iter([False, True])
    assert wait_for(lambda: next(answers), 5)


SECRET = "a-secret-value-of-this-test"


def small_plan(port: int) -> tuple[Plan, Access]:
    site = Site.model_validate(
        {
            "environment": "test",
            "kind": "development",
            "orthanc": {"aet": "ORTHANC"},
            "dicom": {"port": port},
            "http": {"port": port - 1},
            "backend": {"enabled": False},
            "webhook": {"enabled": False},
            "users": {"admin": {"role": "administrator", "password": {"secret": "admin_password"}}},
        }
    )
    made = plan(site, Version.parse("1.10.1"))
    return made, Access(made, {"admin_password": SecretValue(SECRET)})


def _breaks(context: Context) -> Verdict:
    raise RuntimeError(f"with {SECRET} in it")


def _has_no_answer(context: Context) -> Verdict:
    return verdict(context.orthanc.get("/system").status_code == httpx.codes.OK, "200", "200")


def test_a_check_that_breaks_has_failed_and_the_rest_runs(unused: socket.socket) -> None:
    port = int(unused.getsockname()[1])
    made, access = small_plan(port)
    told: list[str] = []

    class Progress:
        def started(self, title: str) -> None:
            told.append(title)

        def done(self, result: CheckResult) -> None:
            told.append(result.id)

    table = (
        Check("breaks", "Breaks", "positive", _breaks),
        Check("no-answer", "No answer", "positive", _has_no_answer),
        Check("fine", "Fine", "negative", lambda _: verdict(True, "so", "so")),
    )
    broken, unanswered, fine = run(made, access, checks=table, progress=Progress())
    assert broken.outcome is Outcome.FAILED
    assert "RuntimeError" in broken.seen
    assert SECRET not in broken.seen
    assert unanswered.outcome is Outcome.FAILED
    assert f"no answer from http://127.0.0.1:{port - 1}/system (ConnectError)" in unanswered.seen
    assert fine.passed
    assert told == ["Breaks", "breaks", "No answer", "no-answer", "Fine", "fine"]


def test_where_nothing_answers_nothing_can_be_proven(unused: socket.socket) -> None:
    port = int(unused.getsockname()[1])
    unused.close()
    made, access = small_plan(port)
    with pytest.raises(VerifyError, match=f"nothing of the environment test answers.*port {port}") as raised:
        run(made, access)
    assert raised.value.hint == "orthancgen deploy test"
