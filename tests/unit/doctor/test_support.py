from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Final

import pytest

from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Note, Remedy
from orthancgen.doctor.question import Answer, Asked, Question
from orthancgen.doctor.scrub import scrub
from orthancgen.doctor.scrub_answers import scrub_answers

NOW = datetime(2027, 6, 30, 14, 0, 0)  # noqa: DTZ001  the server's local time

UNKNOWN: Final = 'Modality "CT9" is not listed in the "DicomModalities" configuration option'


def one(service: str, line: str) -> str:
    [shown] = scrub(service, [line], NOW)
    return shown


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (
            f"W0630 13:05:09.975082 CommandDispatcher.cpp:602] {UNKNOWN}",
            f"W 06-30 13:05:09.975082 CommandDispatcher.cpp:602] {UNKNOWN}",
        ),
        (
            "W0630 13:05:09.975082 x.cpp:602] Rejected association for remote AET CT9 on IP 192.0.2.7",
            "W 06-30 13:05:09.975082 x.cpp:602] Rejected association for remote AET CT9 on IP 192.0.2.7",
        ),
        (
            "W0630 13:05:09.975082 x.cpp:602] Rejected association for remote AET DOE^JOHN on IP 192.0.2.7",
            "W 06-30 13:05:09.975082 x.cpp:602] Rejected association for remote AET [8 characters] on IP 192.0.2.7",
        ),
        ("W0630 13:05:09.975082 Lua.cpp:79] DOE^JOHN", "W 06-30 13:05:09.975082 Lua.cpp:79] [8 characters]"),
        (
            "W0630 13:05:09.975082      MAIN main.cpp:2017] Orthanc version: 1.13.0",
            "W 06-30 13:05:09.975082 main.cpp:2017] Orthanc version: 1.13.0",
        ),
        (
            "W0630 13:05:09.975082 main.cpp:1] Orthanc version: DOE",
            "W 06-30 13:05:09.975082 main.cpp:1] Orthanc version: [3 characters]",
        ),
        ("DOE^JOHN 19500102", "[17 characters]"),
        ("", "[0 characters]"),
    ],
)  # fmt: skip
def test_of_orthanc_s_lines_only_what_is_known_stays(line: str, shown: str) -> None:
    assert one("orthanc", line) == shown


def test_of_the_backend_s_lines_only_known_keys_with_known_values_stay() -> None:
    line = {
        "level": "warn", "time": "2027-06-30T13:05:09.975Z", "service": "backend", "environment": "prod",
        "err": {"source": "database", "kind": "code 18", "message": "DOE^JOHN", "stack": "DOE"},
        "failures": 3, "cursor": 12, "seq": 19500102123456, "msg": "delivery failed", "patient": "DOE^JOHN",
        "route": "/api/studies/:study", "status": "404",
    }  # fmt: skip
    assert json.loads(one("backend", json.dumps(line))) == {
        "level": "warn", "time": "2027-06-30T13:05:09.975Z", "service": "backend", "failures": 3, "cursor": 12,
        "msg": "delivery failed", "err": {"source": "database", "kind": "code 18"}, "route": "/api/studies/:study",
        "status": "404",
    }  # fmt: skip
    assert json.loads(one("backend", '{"msg": "DOE^JOHN", "route": "/api/studies/1.2.840.1", "level": 7}')) == {
        "msg": "[8 characters]"
    }


@pytest.mark.parametrize(
    ("service", "line", "shown"),
    [
        ("backend", "TypeError: DOE^JOHN", "[19 characters]"),
        ("backend", "[" * 50_000, "[50000 characters]"),
        ("backend", '{"a":' * 20_000, "[100000 characters]"),
        (
            "database",
            '{"t":{"$date":"2027-06-30T13:05:09.975+00:00"},"s":"I","c":"QUERY","id":51803,"msg":"Slow","attr":{"x":"DOE"}}',
            '{"s": "I", "c": "QUERY", "t": "2027-06-30T13:05:09.975+00:00", "id": 51803}',
        ),
        ("database", "2027-06-30 13:05:09,975 INFO DOE^JOHN", "2027-06-30 13:05:09,975 INFO [9 characters]"),
        (
            "supervisord",
            "2027-06-30 13:05:09,975 INFO spawned: 'orthanc' with pid 12",
            "2027-06-30 13:05:09,975 INFO spawned: 'orthanc' with pid 12",
        ),
        (
            "supervisord",
            "2027-06-30 13:05:09,975 INFO spawned: 'orthanc' with pid 12 DOE",
            "2027-06-30 13:05:09,975 INFO [35 characters]",
        ),
        (
            "gateway",
            "192.0.2.7:1234 web 404 123 bytes 5 ms -- GET /studies/DOE",
            "192.0.2.7:1234 web 404 123 bytes 5 ms [20 characters]",
        ),
        ("something", "DOE", "[3 characters]"),
    ],
)  # fmt: skip
def test_of_other_lines_time_and_level_stay(service: str, line: str, shown: str) -> None:
    assert one(service, line) == shown


@pytest.mark.parametrize("service", ["orthanc", "backend", "database", "gateway", "supervisord"])
@pytest.mark.parametrize(
    "line", ["a" * 2_000_000, "{" * 300_000, "1." * 500_000, " " * 500_000, "W0630 " * 100_000, "\ud800\x00\x1b[2J"]
)
def test_hostile_lines_take_no_time(service: str, line: str) -> None:
    began = time.process_time()
    assert one(service, line) == f"[{len(line)} characters]"
    assert time.process_time() - began < 5


def answer(*findings: Diagnosis | Note) -> Answer:
    return Answer(Question("q", "Q?", "scripts", lambda _: (), ("c",)), Asked.FOUND, findings, detail="x DOE^JOHN x")


def test_what_a_log_s_line_holds_is_left_out_wherever_the_doctor_repeats_it() -> None:
    line = "E0630 13:05:09.975082 LuaContext.cpp:79] DOE^JOHN"
    diagnosis = Diagnosis(
        "lua-script-failing",
        "The script fails: DOE^JOHN",
        "orthanc",
        (
            Evidence(line, "log of orthanc"),
            Evidence("DOE^JOHN of 1.2.840.113619.2.1.5", "GET /x"),
            Evidence("Rejected association for remote AET CT9 on IP 192.0.2.7", "log of orthanc"),
        ),
        (Remedy("look for DOE^JOHN", "grep DOE^JOHN"),),
    )
    [told] = scrub_answers([answer(diagnosis, Note("DOE^JOHN"))])
    text = repr(told)
    assert "DOE" not in text
    assert "1.2.840" not in text
    found = told.findings[0]
    assert isinstance(found, Diagnosis)
    assert found.title == "The script fails: [8 characters]"
    assert found.evidence[0].text == "E 06-30 13:05:09.975082 LuaContext.cpp:79] [8 characters]"
    assert found.evidence[1].text == "[8 characters] of [UID]"
    assert found.evidence[2].text == "Rejected association for remote AET CT9 on IP 192.0.2.7"
