"""What logs, files and counters mean to the questions about services."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import AREAS, Diagnosis
from orthancgen.doctor.observe import backend, configuration, culprit, services, startup, storage, webhook
from orthancgen.doctor.observe.storage import MEBIBYTE, Folder
from orthancgen.doctor.questions.services import QUESTIONS
from orthancgen.doctor.questions.services.common import OF_BACKEND, OF_DATABASE, OF_ORTHANC
from orthancgen.doctor.questions.services.deployed import _explains
from orthancgen.plan.build import plan
from orthancgen.render.catalogue import render
from orthancgen.render.write import write
from orthancgen.runtimes.runtime import ServiceStatus, runtime_of
from orthancgen.runtimes.state import State
from orthancgen.site.load import load

ENVIRONMENT = """\
environment: dev
kind: development
orthanc: {aet: ORTHANC, version: 1.13.0, settings: {Dictionary: {"0011,0010": [LO, Creator]}}}
dicom: {ae_checks: {calling_aet: anyone, anyone_may: [echo, store]}}
users: {admin: {role: administrator, password: {secret: admin_password}}}
"""
HTTP_PORT_TAKEN = (
    "The TCP port of the HTTP server is privileged or already in use or one of the HTTP bind addresses does not exist: "
    " (port 8042, errno = 98, Address already in use)"
)
INDEX_TOO_NEW = (
    "Incompatible version of the database: The database schema must be upgraded from version 7 to 6: "
    'Please run Orthanc with the "--upgrade" argument'
)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """A site of which nothing runs, whose files lie in the state folder as a deploy would have left them."""
    file = tmp_path / "dev.yaml"
    file.write_text(ENVIRONMENT)
    loaded = load(file)
    built = plan(loaded.require(), loaded.version)
    state = State(tmp_path / "state")
    state.config.mkdir(parents=True)
    write(render(built), state.config)
    found = Case(loaded, runtime_of(built, state, file))
    found.once("life of orthanc", lambda: "ends")
    found.once("life of backend", lambda: "ends")
    return found


def ended(*lines: str) -> tuple[str, ...]:
    """A log of Orthanc that ends with errors, after an earlier run that ended otherwise."""
    stamped = [f"E0627 14:03:12.{number:06} main.cpp:{number}] {line}" for number, line in enumerate(lines, 1)]
    return (
        "W0627 14:03:11.000001 main.cpp:2017] Orthanc version: 1.10.1",
        "E0627 14:03:11.000002 main.cpp:1] SQLite: database is locked (5)",
        "W0627 14:03:12.000000             MAIN main.cpp:2017] Orthanc version: 1.13.0",
        *stamped,
        "E0627 14:03:13.000000 main.cpp:2074] Uncaught exception, stopping now: [whatever] (code 5)",
    )


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (
            'Bad type for a parameter: The configuration option "DicomCheckCalledAet" must be a Boolean',
            "orthanc-refuses-configuration",
        ),
        ("Bad file format: The definition of the 'zz,1' dictionary entry is invalid.", "orthanc-refuses-configuration"),
        (
            "The TCP port of the DICOM server is privileged or already in use:  (port = 4242) cannot create network: x",
            "orthanc-port-taken",
        ),
        (HTTP_PORT_TAKEN, "orthanc-port-taken"),
        (INDEX_TOO_NEW, "orthanc-index-too-new"),
        ("SQLite: database is locked (5)", "orthanc-index-locked"),
        ("SQLite: file is not a database (26)", "orthanc-index-damaged"),
        ("SQLite: database or disk is full (13)", "disk-full"),
        ("Cannot execute a Lua command: [string \"line\"]:1: <name> or '...' expected", "lua-script-failing"),
        ("The specified path does not point to a regular file: /etc/orthancgen/orthancgen.lua", "lua-script-missing"),
        ("SQLite error code 5", "orthanc-index-locked"),
        (
            "Error while using a shared library (plugin): Inexistent path to plugin: /usr/share/x.so",
            "plugin-missing",
        ),
    ],
)
def test_why_orthanc_does_not_start(case: Case, line: str, cause: str) -> None:
    case.once("log orthanc", lambda: ended("INTERNAL ERROR: ServerContext::Stop() should be invoked", line))
    found = startup.cause(case)
    assert found is not None
    assert found.cause == cause
    assert [one.text for one in found.lines] == [line]


def test_an_orthanc_that_had_started_was_not_kept_from_starting(case: Case) -> None:
    lines = (*ended("SQLite: database is locked (5)"), "W0627 14:03:12.000009 main.cpp:921] Orthanc has started")
    case.once("log orthanc", lambda: lines)
    assert startup.cause(case) is None


def test_lines_without_a_head_belong_to_the_line_before() -> None:
    lines = services.parsed(
        ["stray", "E1127 13:14:04.9 Toolbox.cpp:2335] Cannot parse JSON: * Line 1, Column 8", "  Missing '}'", ""]
    )
    assert [(one.level, one.at, one.text) for one in lines] == [
        ("E", "1127 13:14:04", "Cannot parse JSON: * Line 1, Column 8 Missing '}'")
    ]
    assert culprit.json_place(lines[0].text) == (1, 8)


def test_a_log_of_one_endless_line_is_read_in_no_time() -> None:
    began = datetime.now()  # noqa: DTZ005
    services.parsed(["E1127 13:14:04.9 " + "x" * 5_000_000, "\ud800" * 100_000, "[string " * 500_000])
    assert (datetime.now() - began).total_seconds() < 2  # noqa: DTZ005


def test_the_key_that_a_message_means_is_found_in_the_environment(case: Case) -> None:
    found = culprit.culprit(case, "The definition of the '0011,0010' dictionary entry is invalid.")
    assert found is not None
    assert found.key == ("Dictionary", "0011,0010")
    assert found.model == "orthanc.settings.Dictionary.0011,0010"
    assert found.place is not None
    assert found.place.endswith("dev.yaml:3:66")
    owned = culprit.culprit(case, 'The configuration option "DicomPort" must be an integer')
    assert owned is not None
    assert owned.model == "dicom.port"
    assert culprit.culprit(case, 'The "Unheard" is wrong') is None


def test_a_key_that_was_written_by_hand_has_no_place(case: Case) -> None:
    file = case.runtime.state.config / "orthanc/orthanc.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"JobsHistorySize": "ten"}))
    found = culprit.culprit(case, 'The configuration option "JobsHistorySize" must be an integer')
    assert found is not None
    assert found.place is None
    [changed] = configuration.altered(case)
    assert (changed.path, changed.how) == ("orthanc/orthanc.json", "changed")
    assert changed.differences == ('JobsHistorySize: nothing -> "ten"',)


def test_what_lies_there_is_what_was_deployed(case: Case) -> None:
    assert configuration.altered(case) == ()
    assert configuration.not_deployed(case) == ()


def test_a_file_that_is_gone_is_told(case: Case) -> None:
    (case.runtime.state.config / "orthanc/orthancgen.lua").unlink()
    assert [(one.path, one.how) for one in configuration.altered(case)] == [("orthanc/orthancgen.lua", "missing")]


def test_a_changed_environment_is_told_by_its_keys(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "dev.yaml"
    file.write_text(ENVIRONMENT.replace("aet: ORTHANC,", "aet: OTHER,").replace("dicom: {", "dicom: {port: 104, "))
    loaded = load(file)
    built = plan(loaded.require(), loaded.version)
    changed = Case(loaded, runtime_of(built, case.runtime.state, file))
    told = configuration.not_deployed(changed)
    assert told == (
        'orthanc/orthanc.json: DicomAet: "ORTHANC" -> "OTHER"',
        "orthanc/orthanc.json: DicomPort: 4242 -> 104",
    )
    assert _explains(told) == OF_ORTHANC
    assert _explains(told[:1]) == frozenset()
    assert configuration.altered(changed) == ()


def test_differences_show_no_secret() -> None:
    before = b'{"RegisteredUsers": {"a": "first-secret"}, "OrthancGenSecrets": {"WebhookToken": "second-secret"}}'
    after = b'{"RegisteredUsers": {"a": "third-secret"}, "OrthancGenSecrets": {"WebhookToken": "fourth-secret"}}'
    told = configuration.differences(before, after)
    assert told == (
        "RegisteredUsers.a: [hidden] -> [hidden]",
        "OrthancGenSecrets.WebhookToken: [hidden] -> [hidden]",
    )


def test_deeply_nested_json_is_no_recursion(case: Case) -> None:
    assert configuration.differences(b"{}", b"[" * 200_000) == ("line 1 differs",)
    (case.runtime.state.config / "orthanc/orthanc.json").write_bytes(b'{"a":' * 200_000)
    assert culprit.culprit(case, 'the "a" is wrong') is None


@pytest.mark.parametrize(
    ("free", "total", "full", "nearly"),
    [
        (1 * MEBIBYTE, 1000 * MEBIBYTE, True, False),
        (40 * MEBIBYTE, 1000 * MEBIBYTE, False, True),
        (900 * MEBIBYTE, 1000 * MEBIBYTE, False, False),
        (8 * MEBIBYTE, 60 * MEBIBYTE, False, False),
        (90_000 * MEBIBYTE, 2_000_000 * MEBIBYTE, False, False),
    ],
)
def test_when_a_disk_is_full(free: int, total: int, full: bool, nearly: bool) -> None:
    folder = Folder("images", "orthanc", "/var", free, total)
    assert (folder.full, folder.nearly_full) == (full, nearly)
    assert replace(folder, free_files=0).full


def test_df_is_read_as_posix_says() -> None:
    said = "Filesystem 1024-blocks Used Available Capacity Mounted on\noverlay 1000 900 100 90% /var/lib/orthanc/db\n"
    assert storage._df(said) == (102_400, 1_024_000)
    assert storage._df("df: /nowhere: No such file or directory") is None
    assert storage._df("") is None


def test_requests_are_counted_by_route_and_status(case: Case) -> None:
    name = "orthancgen_backend_http_request_duration_seconds_count"
    counts = {
        f'{name}{{method="POST",route="/api/orthanc/webhook",status="401"}}': 3.0,
        f'{name}{{method="POST",route="/api/orthanc/webhook",status="202"}}': 5.0,
        f'{name}{{method="GET",route="/api/status",status="401"}}': 7.0,
    }
    case.once("backend metrics", lambda: counts)
    assert backend.answered(case, webhook.ROUTE, 401) == 3


@pytest.mark.parametrize(("seconds", "causes"), [(2.5, ["backend-slow"]), (0.4, [])])
def test_a_backend_that_answers_late_is_slow(case: Case, seconds: float, causes: list[str]) -> None:
    case.__dict__["services"] = {"backend": ServiceStatus("backend", "running", None, 4711, 600)}
    case._known["life of backend"] = "runs"
    case.once("backend alive", lambda: backend.Alive(seconds, 200))
    asked = next(one for one in QUESTIONS if one.id == "backend-answers")
    assert [one.cause for one in asked.ask(case) if isinstance(one, Diagnosis)] == causes


@pytest.mark.parametrize(
    ("looks", "taken"),
    [
        ([backend.Alive(2.5, 200), backend.Alive(0.1, 200)], 0.1),
        ([backend.Alive(2.5, 200), backend.Alive(3.5, 200)], 2.5),
        ([backend.Alive(2.5, 200), backend.Alive(1.0, None, "refused")], 2.5),
        ([backend.Alive(0.1, 200)], 0.1),
        ([backend.Alive(8.0, None, "ReadTimeout")], 8.0),
    ],
)
def test_a_backend_that_answers_late_once_is_asked_again(
    case: Case, monkeypatch: pytest.MonkeyPatch, looks: list[backend.Alive], taken: float
) -> None:
    left = iter(looks)
    monkeypatch.setattr(backend, "_ask", lambda _: next(left))
    assert backend.alive(case).seconds == taken
    assert list(left) == []


def test_no_area_is_explained_that_does_not_follow() -> None:
    """A stopped database and a stopped Orthanc are both told; so are a stopped backend and a failing script."""
    assert "database" not in OF_ORTHANC | OF_BACKEND
    assert "orthanc" not in OF_DATABASE | OF_BACKEND
    assert "backend" not in OF_ORTHANC | OF_DATABASE
    assert "scripts" not in OF_BACKEND | OF_DATABASE


def test_the_questions_have_unique_ids_and_known_areas() -> None:
    ids = [one.id for one in QUESTIONS]
    assert len(ids) == len(set(ids))
    assert all(one.area in AREAS and one.causes for one in QUESTIONS)
