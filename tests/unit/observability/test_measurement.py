"""What is written for the textfile collector, and the alerts that look at it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from orthancgen.observability.measurement import Measurement, Room, as_text
from orthancgen.verify.result import CheckResult, Group, Outcome
from tests.support.prometheus import INSTALL
from tests.support.servers import require_program

Sample = tuple[str, tuple[tuple[str, str], ...]]
ENDS = "orthancgen_certificate_not_after_timestamp_seconds"


def result(name: str, outcome: Outcome, group: Group = "positive") -> CheckResult:
    return CheckResult(name, "A title", group, outcome, "expected", "seen", 0.25)


def whole(*results: CheckResult) -> Measurement:
    return Measurement(
        "prod", 1_800_000_000.5, 7.25, results, {"site.https": 1_900_000_000.0},
        {"calling-aet-unknown": 3, "called-aet-wrong": 0}, {"images": Room(10, 100)},
        {"orthanc": True, "backend": False}, 4.0,
    )  # fmt: skip


def values(measurement: Measurement) -> dict[Sample, float]:
    families = text_string_to_metric_families(as_text(measurement).decode("utf-8"))
    return {
        (one.name, tuple(sorted((k, v) for k, v in one.labels.items() if k != "environment"))): one.value
        for family in families
        for one in family.samples
    }


def test_every_value_is_written_with_its_environment() -> None:
    text = as_text(whole(result("dicom-echo", Outcome.PASSED))).decode("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert lines
    assert all('environment="prod"' in line for line in lines)


def test_the_values() -> None:
    found = values(
        whole(
            result("dicom-echo", Outcome.PASSED),
            result("dicom-find-refused", Outcome.FAILED, "negative"),
            result("viewer-shows", Outcome.SKIPPED),
        )
    )
    assert found[("orthancgen_verify_success", ())] == 0
    assert found[("orthancgen_verify_run_timestamp_seconds", ())] == 1_800_000_000.5
    assert found[("orthancgen_verify_check_success", (("check", "dicom-echo"), ("group", "positive")))] == 1
    assert found[("orthancgen_verify_check_success", (("check", "dicom-find-refused"), ("group", "negative")))] == 0
    assert not any("viewer-shows" in str(key) for key in found)
    assert found[("orthancgen_verify_checks", (("outcome", "skipped"),))] == 1
    assert found[("orthancgen_refused_calls_total", (("reason", "calling-aet-unknown"),))] == 3
    assert found[("orthancgen_storage_free_bytes", (("what", "images"),))] == 10
    assert found[(ENDS, (("certificate", "site.https"),))] == 1_900_000_000
    assert found[("orthancgen_service_healthy", (("name", "backend"),))] == 0
    assert found[("orthancgen_backlog_changes", ())] == 4


def test_success_is_that_all_were_run_and_none_failed() -> None:
    passed, skipped = result("a", Outcome.PASSED), result("b", Outcome.SKIPPED)
    assert whole(passed, skipped).success
    assert not whole(passed, result("c", Outcome.FAILED)).success
    assert not Measurement("prod", 0, 0, None).success


def test_a_run_that_could_not_be_has_failed() -> None:
    found = values(Measurement("prod", 1.0, 2.0, None))
    assert found[("orthancgen_verify_success", ())] == 0
    assert ("orthancgen_backlog_changes", ()) not in found


def test_promtool_finds_nothing_to_say() -> None:
    promtool = require_program("promtool", INSTALL)
    text = as_text(whole(result("dicom-echo", Outcome.PASSED)))
    done = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr


def test_a_name_says_whether_seconds_are_a_duration_or_a_point_in_time() -> None:
    families = text_string_to_metric_families(as_text(whole(result("dicom-echo", Outcome.PASSED))).decode("utf-8"))
    of_seconds = {one.name: one.samples[0].value for one in families if one.name.endswith("_seconds")}
    assert len(of_seconds) == 4
    for name, value in of_seconds.items():
        assert name.endswith("_timestamp_seconds" if value > 1_000_000_000 else "_duration_seconds"), name


def test_a_name_that_is_no_word_of_the_format_is_escaped(tmp_path: Path) -> None:
    measurement = Measurement("prod", 1.0, 2.0, None, {'a"b\\c\nd': 5.0})
    assert (ENDS, (("certificate", 'a"b\\c\nd'),)) in values(measurement)
