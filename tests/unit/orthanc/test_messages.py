from __future__ import annotations

import time
from datetime import datetime

import pytest

from orthancgen.doctor.diagnosis import AREAS
from orthancgen.orthanc.messages import FIELDS, meaning, messages, parse, parse_line

NOW = datetime(2026, 11, 27, 14, 0, 0)  # noqa: DTZ001


def test_the_head_of_an_older_version_has_no_thread() -> None:
    line = parse_line("W1127 13:05:09.975082 CommandDispatcher.cpp:602] Rejected association", NOW)
    assert line is not None
    assert (line.level, line.at, line.thread) == ("W", datetime(2026, 11, 27, 13, 5, 9, 975082), "")  # noqa: DTZ001
    assert (line.file, line.line, line.text) == ("CommandDispatcher.cpp", 602, "Rejected association")


def test_the_head_of_a_newer_version_has_one() -> None:
    line = parse_line("E1127 13:17:55.301975           HTTP-3 OrthancException.cpp:62] Accessing an item: ct9", NOW)
    assert line is not None
    assert (line.thread, line.text) == ("HTTP-3", "Accessing an item: ct9")


def test_the_category_is_no_part_of_the_text() -> None:
    line = parse_line("I1127 13:18:52.678740     DICOM-SERVER CommandDispatcher.cpp:340] (dicom) Association", NOW)
    assert line is not None
    assert line.text == "Association"


@pytest.mark.parametrize(
    ("date", "year"), [("1127", 2026), ("1128", 2026), ("1129", 2025), ("0101", 2026), ("1231", 2025), ("0229", 2024)]
)
def test_the_year_is_that_of_the_last_such_day(date: str, year: int) -> None:
    line = parse_line(f"W{date} 00:00:00.000000 a.cpp:1] x", NOW)
    assert line is not None
    assert line.at.year == year


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no head",
        "W1327 13:05:09.975082 a.cpp:1] x",
        "W1127 25:05:09.975082 a.cpp:1] x",
        "W1127 13:05:09.9 a.cpp:1] x",
        "\x1b[31mW1127 13:05:09.975082 a.cpp:1] x",
        "W1127 13:05:09.975082 a.cpp:1 x",
        "\ud800",
    ],
)
def test_what_is_no_line_of_orthanc_has_no_head(text: str) -> None:
    assert parse_line(text, NOW) is None


def test_lines_without_a_head_are_left_out() -> None:
    lines = ["W1127 13:05:09.975082 a.cpp:1] x", "  and more", "E1127 13:05:10.975082 a.cpp:1] y"]
    assert [line.text for line in parse(lines, NOW)] == ["x", "y"]


# Written by Orthanc 1.10.1, 1.12.7 and 1.13.0.
@pytest.mark.parametrize(
    ("text", "name", "fields"),
    [
        (
            "Rejected association, because of a bad called AET in the request (WRONG)",
            "called-aet-wrong",
            {"aet": "WRONG"},
        ),
        (
            'Modality "NOBODY" is not listed in the "DicomModalities" configuration option',
            "calling-aet-unknown",
            {"aet": "NOBODY"},
        ),
        (
            "Rejected association for remote AET  CT2 on IP 127.0.0.1",
            "association-rejected",
            {"aet": " CT2", "ip": "127.0.0.1"},
        ),
        (
            (
                'Forbidding access from AET "CT1" given its hostname (127.0.0.1) does not match the "DicomModalities" '
                "configuration option (127.0.0.9 was expected)"
            ),
            "address-not-registered",
            {"aet": "CT1", "ip": "127.0.0.1", "host": "127.0.0.9"},
        ),
        (
            (
                "DICOM authorization rejected for AET CT2 on IP ::1: The DICOM command Find is not allowed for this "
                'modality according to configuration option "DicomModalities"'
            ),
            "command-not-allowed",
            {"aet": "CT2", "ip": "::1", "command": "Find"},
        ),
        ("Receiving Association failed: Unrecognized PDU type: 16", "pdu-tls", {}),
        ("Receiving Association failed: Unrecognized PDU type: 99", "pdu-other", {"number": "99"}),
        ("Receiving Association failed: TLS error: certificate verify failed", "tls-client-not-verified", {}),
        ("Receiving Association failed: DUL Error", "association-failed", {"text": "DUL Error"}),
        (
            'Bad type for a parameter: The configuration option "DicomPort" must be an integer',
            "option-type",
            {"option": "DicomPort", "text": "an integer"},
        ),
        (
            "Cannot execute a Lua command: [string \"line\"]:3: attempt to index a nil value (local 'x')",
            "lua-error",
            {"script": "line", "number": "3", "text": "attempt to index a nil value (local 'x')"},
        ),
        ("SQLite: database is locked (5)", "index-locked", {"number": "5"}),
        (
            (
                "Incompatible version of the database: The database schema must be upgraded from version 99 to 6: "
                'Please run Orthanc with the "--upgrade" argument'
            ),
            "index-version",
            {"number": "99", "number2": "6"},
        ),
        (
            (
                "The TCP port of the DICOM server is privileged or already in use:  (port = 49427) cannot create "
                "network: TCP Initialization Error: Address already in use"
            ),
            "dicom-port-taken",
            {"port": "49427", "text": "TCP Initialization Error: Address already in use"},
        ),
        (
            'Error in the network protocol: DicomAssociation - connecting to AET "X": Unrecognized PDU type: 48',
            "own-call-not-dicom",
            {"aet": "X", "number": "48"},
        ),
    ],
)
def test_a_line_of_a_real_server_is_known(text: str, name: str, fields: dict[str, str]) -> None:
    found = meaning(text)
    assert found is not None
    assert (found.message.id, dict(found.fields)) == (name, fields)


def test_an_ae_title_that_looks_like_a_line_does_not_change_the_address() -> None:
    found = meaning("Rejected association for remote AET A on IP 9.9.9.9 on IP 127.0.0.1")
    assert found is not None
    assert dict(found.fields) == {"aet": "A on IP 9.9.9.9", "ip": "127.0.0.1"}


def test_other_lines_mean_nothing() -> None:
    assert meaning("Orthanc is a sword") is None
    assert meaning("") is None
    assert meaning("Rejected association for remote AET CT1 on IP nowhere") is None


def test_hostile_lines_take_no_time() -> None:
    began = time.process_time()
    for text in (
        "Rejected association for remote AET " + " on IP 1" * 1_000_000,
        "DICOM authorization rejected for AET " + " on IP 1.1.1.1: " * 500_000,
        'Error in the network protocol: DicomAssociation - connecting to AET "' + '": ' * 1_000_000,
        "Bad file format: The private key doesn't match the own certificate: " + " vs. " * 1_000_000,
    ):
        meaning(text)
        parse_line(f"W1127 13:05:09.975082 {text}", NOW)
        parse_line(f"W1127 13:05:09.975082 {text[40:]}:1] x", NOW)
    assert time.process_time() - began < 10


def test_every_message_can_be_met_and_says_where_it_was_seen() -> None:
    assert len({message.id for message in messages()}) == len(messages())
    for message in messages():
        assert message.area in AREAS, message.id
        assert message.versions, message.id
        assert message.source, message.id
        assert message.means, message.id
        assert all(name.rstrip("0123456789") in FIELDS for name in message.fields), message.id
        assert len(message.pattern.partition("{")[0]) >= 6, message.id  # by its first characters it is found


def test_the_more_exact_stands_before_the_more_general() -> None:
    """A message that another one before it always takes away would never be told."""
    for message in messages():
        sample = message.pattern
        for name in message.fields:
            kind = name.rstrip("0123456789")
            value = {"ip": "10.0.0.1", "port": "104", "number": "5", "instance": "ab-cd", "aet": "CT1"}.get(kind, "x")
            sample = sample.replace(f"{{{name}}}", value)
        found = meaning(sample)
        assert found is not None, message.id
        assert found.message.id == message.id
