from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Finding, Note
from orthancgen.doctor.observe.orthanc_log import events, evidence
from orthancgen.doctor.questions.calls import QUESTIONS, contexts
from orthancgen.doctor.questions.calls.contexts import SOP_CLASSES, TRANSFER_SYNTAXES
from orthancgen.doctor.questions.calls.running import difference, doubled
from orthancgen.doctor.questions.calls.server_certificates import covers
from orthancgen.errors import DeployError
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.runtimes.proofs import noted
from orthancgen.runtimes.runtime import Runtime
from orthancgen.runtimes.state import State
from tests.support.environments import NEWEST, document, load_text

SITE = """\
environment: prod
kind: development
orthanc: {aet: ORTHANC, version: 1.13.0}
modalities:
  ct1: {aet: CT1, address: 192.168.10.21}
  mr1: {aet: MR1, address: 192.168.10.22}
users: {admin: {role: administrator, password: {secret: admin_password}}}
"""
START = "main.cpp:2017] Orthanc version: 1.13.0"


@dataclass
class Logged:
    """A runtime of which nothing is known but its log."""

    plan: Plan
    state: State
    lines: list[str] = field(default_factory=list)
    gateway: list[str] = field(default_factory=list)

    def logs(self, names: Collection[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
        assert not follow
        yield from (("orthanc", line) for line in self.lines[-lines:] if "orthanc" in names)
        yield from (("gateway", line) for line in self.gateway[-lines:] if "gateway" in names)

    def survey(self) -> Any:
        raise DeployError("not deployed")

    def access(self) -> Any:
        raise DeployError("not deployed")


def line(text: str, *, ago: timedelta = timedelta(minutes=5)) -> str:
    at = datetime.now().astimezone() - ago
    return f"W{at:%m%d %H:%M:%S.%f} DICOM-SERVER {text}"


def unknown(aet: str, ip: str) -> list[str]:
    return [
        line(f'a.cpp:770] Modality "{aet}" is not listed in the "DicomModalities" configuration option'),
        line(f"CommandDispatcher.cpp:617] Rejected association for remote AET {aet} on IP {ip}"),
    ]  # fmt: skip


def moved(aet: str, ip: str, expected: str) -> list[str]:
    return [
        line(
            f'a.cpp:781] Forbidding access from AET "{aet}" given its hostname ({ip}) does not match '
            f'the "DicomModalities" configuration option ({expected} was expected)'
        ),
        line(f"CommandDispatcher.cpp:617] Rejected association for remote AET {aet} on IP {ip}"),
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path


def case(folder: Path, *lines: str, changes: dict[str, Any] | None = None, **more: Any) -> Case:
    text = document(SITE, changes) if changes else SITE
    loaded = load_text(text, folder, "prod.yaml")
    runtime = Logged(build_plan(loaded.require(), NEWEST), State(folder / "state"), [line(START), *lines])
    return Case(loaded, cast("Runtime", runtime), named="prod", **more)


def found(looked_at: Case) -> list[Finding]:
    return [one for question in QUESTIONS if question.applies(looked_at) for one in question.ask(looked_at)]


def only(looked_at: Case) -> Diagnosis:
    (one,) = found(looked_at)
    assert isinstance(one, Diagnosis)
    return one


def test_an_unknown_caller_is_named_with_its_address_and_can_be_registered(folder: Path) -> None:
    one = only(case(folder, *unknown("US9", "10.1.2.3")))
    assert (one.cause, one.subject) == ("calling-aet-unknown", "caller US9 at 10.1.2.3")
    assert one.title == "the caller US9 at 10.1.2.3 is refused: no modality has that AE title"
    commands = [remedy.command for remedy in one.remedies]
    assert "orthancgen modalities add prod us9 --aet US9 --address 10.1.2.3" in commands
    assert "orthancgen deploy prod" in commands


@pytest.mark.parametrize(
    ("aet", "how"),
    [("CTI", "is like it"), ("ct1", ""), (" CT1", "in spaces alone"), ("CT_1", "in signs alone")],
)  # fmt: skip
def test_a_caller_that_is_like_a_known_one_is_told_so(folder: Path, aet: str, how: str) -> None:
    told = found(case(folder, *unknown(aet, "10.1.2.3")))
    if not how:
        assert told == []  # Orthanc itself takes it for the same: what runs is not what the file says
        return
    (one,) = told
    assert isinstance(one, Diagnosis)
    assert f"CT1 of ct1 {how}" in one.title.replace("differs from it ", "")
    assert "enter CT1 as its own" in one.remedies[0].text


def test_with_exact_case_upper_and_lower_case_differ(folder: Path) -> None:
    one = only(case(folder, *unknown("ct1", "10.1.2.3"), changes={"dicom/ae_checks/exact_case": True}))
    assert "in upper and lower case alone" in one.title


def test_an_unknown_caller_at_a_known_address_is_that_modality(folder: Path) -> None:
    one = only(case(folder, *unknown("WHATEVER", "192.168.10.22")))
    assert "the address of mr1 (AE title MR1)" in one.title
    assert one.remedies[0].command == "orthancgen sheet prod --modality mr1"


@pytest.mark.parametrize(
    ("ip", "why"),
    [
        ("192.168.10.22", "the address of mr1"), ("192.168.10.99", "(DHCP, or a new device)"), ("10.9.9.9", "(NAT)"),
        ("127.0.0.1", "that is this host"),
    ],
)  # fmt: skip
def test_why_a_modality_has_another_address_is_told(folder: Path, ip: str, why: str) -> None:
    one = only(case(folder, *moved("CT1", ip, "192.168.10.21")))
    assert one.cause == "address-not-registered"
    assert why in one.title
    assert f"calls from {ip}, and is registered with 192.168.10.21" in one.title


def test_the_address_is_changed_at_its_line(folder: Path) -> None:
    one = only(case(folder, *moved("CT1", "192.168.10.77", "192.168.10.21")))
    remedy = one.remedies[0]
    assert "prod.yaml:5" in remedy.text
    assert remedy.command == "orthancgen modalities change prod ct1 --address 192.168.10.77"


def test_the_engine_s_own_bridge_is_known(folder: Path) -> None:
    images = {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.24"}
    changes = {"runtime": "compose", "containers/subnet": "172.30.7.0/24", "images": images}
    one = only(case(folder, *moved("CT1", "172.30.7.1", "192.168.10.21"), changes=changes))
    assert "userland proxy" in one.title
    assert "callers_arrive" in one.remedies[0].text


def test_a_command_that_is_not_allowed_can_be_allowed(folder: Path) -> None:
    said = (
        "main.cpp:346] DICOM authorization rejected for AET CT1 on IP 192.168.10.21: The DICOM command Find is not "
        'allowed for this modality according to configuration option "DicomModalities"'
    )
    one = only(case(folder, line(said), line(said)))
    assert one.title == "ct1 (CT1) asks for C-FIND, and may only echo, store"
    assert one.remedies[0].command == "orthancgen modalities change prod ct1 --may echo,store,find"
    assert len(one.evidence) == 2  # the first and the last


def test_called_and_calling_may_be_mixed_up(folder: Path) -> None:
    text = "CommandDispatcher.cpp:602] Rejected association, because of a bad called AET in the request (MR1)"
    one = only(case(folder, line(text)))
    assert (one.cause, "mixed up" in one.title) == ("called-aet-wrong", True)


def test_the_words_of_a_stranger_are_quoted_for_the_shell(folder: Path) -> None:
    one = only(case(folder, *unknown("$(reboot); X", "10.1.2.3")))
    assert any("--aet '$(reboot); X'" in (remedy.command or "") for remedy in one.remedies)


def test_control_characters_give_no_command(folder: Path) -> None:
    one = only(case(folder, *unknown("A\x1b[2J", "10.1.2.3")))
    assert "\x1b" not in str(one)
    assert all(remedy.command is None for remedy in one.remedies)


def test_what_came_before_the_last_start_does_not_count(folder: Path) -> None:
    assert found(case(folder, *unknown("US9", "10.1.2.3"), line(START))) == []


def test_what_is_older_than_wanted_does_not_count(folder: Path) -> None:
    day = f"{datetime.now().astimezone() - timedelta(days=3):%m%d}"
    old = [text.replace(text[1:5], day) for text in unknown("US9", "10.1.2.3")]
    assert found(case(folder, *old)) == []
    assert len(found(case(folder, *old, since=timedelta(days=7)))) == 1


def test_this_host_s_calls_during_the_proofs_do_not_count(folder: Path) -> None:
    with noted(State(folder / "state")):
        here, elsewhere = unknown("US9", "127.0.0.3"), unknown("US8", "10.1.2.3")
        now = f"{datetime.now().astimezone():%m%d %H:%M:%S.%f}"
        lines = [f"W{now}{text[21:]}" for text in (*here, *elsewhere)]
    assert only(case(folder, *lines)).subject == "caller US8 at 10.1.2.3"


def test_the_proofs_own_names_never_count(folder: Path) -> None:
    called = "CommandDispatcher.cpp:602] Rejected association, because of a bad called AET in the request (OGNOWHERE)"
    assert found(case(folder, *unknown("OGSTRANGER", "127.0.0.1"), line(called))) == []


def test_a_check_of_the_port_is_no_caller(folder: Path) -> None:
    text = "CommandDispatcher.cpp:333] Association Received from an invalid AET (sanitized: ) on IP 10.1.2.3, rejecting"
    assert found(case(folder, line(f"{text} the association"))) == []
    tls = {"dicom/tls/enabled": True}
    text = "CommandDispatcher.cpp:282] Receiving Association failed: TLS error: unexpected eof while reading"
    assert found(case(folder, line(text), changes=tls)) == []


def test_thousands_of_strangers_are_ten_and_a_note(folder: Path) -> None:
    lines = [text for number in range(3000) for text in unknown(f"Z{number}", "10.1.2.3")]
    told = found(case(folder, *lines))
    assert len(told) == 11
    assert isinstance(told[-1], Note)
    assert told[-1].title.startswith("2990 more unknown callers")


def test_a_line_of_why_and_one_of_from_where_are_one_event(folder: Path) -> None:
    (event,) = [one for one in events(case(folder, *unknown("US9", "10.1.2.3"))) if one.message.area == "admission"]
    assert (event.message.id, event.ip) == ("calling-aet-unknown", "10.1.2.3")
    assert evidence([event])[0].text.endswith("(called from 10.1.2.3)")


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("wrong version number", "plain-call-to-tls-port"),
        ("peer did not return a certificate", "client-certificate-missing"),
        ("certificate verify failed", "client-certificate-unknown-authority"),
        ("tlsv1 alert unknown ca", "server-certificate-refused-by-caller"),
        ("sslv3 alert certificate expired", "server-certificate-refused-by-caller"),
    ],
)
def test_a_tls_error_is_told(folder: Path, said: str, cause: str) -> None:
    text = line(f"CommandDispatcher.cpp:282] Receiving Association failed: TLS error: {said}")
    changes = {"dicom/tls/enabled": True, "modalities/ct1/tls": True, "modalities/mr1/tls": True}
    assert only(case(folder, text, changes=changes)).cause == cause


def test_http_at_the_dicom_port_is_a_note(folder: Path) -> None:
    (one,) = found(
        case(folder, line("CommandDispatcher.cpp:282] Receiving Association failed: Unrecognized PDU type: 47"))
    )
    assert isinstance(one, Note)


def test_two_names_with_one_ae_title_are_found_as_orthanc_compares_them() -> None:
    rows = {"a": {"AET": "CT1"}, "b": {"AET": "ct1 "}, "c": {"AET": "MR1"}}
    assert doubled(rows, exact_case=False) == {"CT1": ("a", "b")}
    assert doubled(rows, exact_case=True) == {}


def test_what_differs_in_a_modality_is_told() -> None:
    expected = {"AET": "CT1", "Host": "10.0.0.7", "Port": 104, "AllowFind": False, "Manufacturer": "Generic"}
    running = expected | {"Host": "10.0.0.9", "AllowFind": True, "Manufacturer": "GE"}
    assert difference(expected, running) == ("Host is 10.0.0.9, not 10.0.0.7", "AllowFind is True, not False")
    assert difference(expected, expected) == ()


@pytest.mark.parametrize(
    ("hosts", "name", "is_it"),
    [
        (("pacs.example",), "PACS.example", True), (("*.example",), "pacs.example", True),
        (("10.0.0.5",), "10.0.0.5", True),
        (("*.example",), "a.b.example", False), (("pacs.example",), "example", False), ((), "pacs.example", False),
    ],
)  # fmt: skip
def test_a_certificate_covers_its_names_alone(hosts: tuple[str, ...], name: str, is_it: bool) -> None:
    assert covers(hosts, name) is is_it


def test_one_association_holds_what_is_proposed() -> None:
    assert len(TRANSFER_SYNTAXES) + len(SOP_CLASSES) + 1 <= 128  # PS3.8 section 9.3.2.2
    assert len(set(SOP_CLASSES)) == len(SOP_CLASSES)


@pytest.mark.parametrize(
    ("text", "cause", "says"),
    [
        (
            "10.1.2.3:4711 dicom_plain unknown_address PR 0 bytes 1 ms, calling AE title -",
            "address-not-registered", "10.1.2.3",
        ),
        (
            "192.168.10.22:4711 dicom_plain title_not_of_this_address PR 0 bytes 1 ms, calling AE title CT1",
            "address-not-registered", "the address of mr1",
        ),
        (
            "192.168.10.22:4711 dicom_plain title_not_of_this_address PR 0 bytes 1 ms, calling AE title MRX",
            "calling-aet-unknown", "mr1 (MR1)",
        ),
        ("192.168.10.22:4711 dicom_plain accepted -- 80 bytes 1 ms, calling AE title MR1", "", ""),
        ("127.0.0.1:4711 dicom_plain unknown_address PR 0 bytes 1 ms, calling AE title -", "", ""),
        ("10.1.2.3:4711 dicom_plain unknown_address " + ", calling AE title" * 100_000, "", ""),
    ],
)  # fmt: skip
def test_whom_the_gateway_refuses_is_told(folder: Path, text: str, cause: str, says: str) -> None:
    images = {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.24"}
    changes = {"runtime": "compose", "images": images, "dicom/tls/enabled": True, "dicom/plain/enabled": True}
    looked_at = case(folder, changes=changes)
    cast("Logged", looked_at.runtime).gateway = [text, text]
    if not cause:
        assert found(looked_at) == []
        return
    one = only(looked_at)
    assert (one.cause, says in one.title) == (cause, True)


@pytest.mark.parametrize(
    ("settings", "refused", "modality", "told"),
    [
        ({}, ["1.2.840.10008.1.2.4.90"], None, "transfer-syntax-refused: somebody changed that by REST"),
        ({"AcceptedTransferSyntaxes": ["1.2.840.10008.1.2"]}, ["1.2.840.10008.1.2.4.90"], None, "note"),
        (
            {"AcceptedTransferSyntaxes": ["1.2.840.10008.1.2"]}, ["1.2.840.10008.1.2.4.90"], "ct1",
            "transfer-syntax-refused: as AcceptedTransferSyntaxes says",
        ),
        ({"AcceptedTransferSyntaxes": ["1.2.840.10008.1.2.1"]}, ["1.2.840.10008.1.2"], None, "refused: as"),
        ({"AcceptedTransferSyntaxes": ["1.2.840.10008.1.2.4.9?"]}, ["1.2.840.10008.1.2.4.90"], None, "by REST"),
        ({"JpegTransferSyntaxAccepted": False}, ["1.2.840.10008.1.2.4.50"], None, "note"),
        ({"DeflatedTransferSyntaxAccepted": False}, ["1.2.840.10008.1.2.4.90"], None, "somebody changed that by REST"),
    ],
)  # fmt: skip
def test_what_is_refused_on_purpose_is_a_note_until_it_is_asked_about(
    folder: Path, settings: dict[str, Any], refused: list[str], modality: str | None, told: str
) -> None:
    (one,) = contexts._syntaxes(case(folder, modality=modality), settings, refused)
    text = "note" if isinstance(one, Note) else f"{one.cause}: {one.title.partition('syntaxes, ')[2]}"
    assert told in text.replace("which the environment lets it take: ", "")
