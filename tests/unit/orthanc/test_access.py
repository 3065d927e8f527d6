"""Each step of the admission names what decides; a setting that is called dead changes no decision, whatever it is."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orthancgen.orthanc.access import Call, Command, Decision, TlsKind, dead_settings, decide
from orthancgen.orthanc.keys import SUPPORTED, Version
from tests.support.admission import ADDRESSES, COMMANDS, Credentials, calls, configuration
from tests.support.certificates import KeyPair

OLD, MIDDLE, NEW = SUPPORTED
CT1 = {"AET": "CT1", "Host": "192.0.2.1", "Port": 104}
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.9"
CLOSED = {"DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False}
ALL_DOORS = tuple((f"DicomAlwaysAllow{c}",) for c in ("Echo", "Store", "Find", "FindWorklist", "Get", "Move"))
CREDENTIALS = Credentials(KeyPair(Path("/tls/crt"), Path("/tls/key")), Path("/tls/trusted"), {})
TLS = CREDENTIALS.settings() | {"DicomTlsEnabled": True}


def closed(**entries: Any) -> dict[str, Any]:
    """Nothing open to everybody; the modalities given."""
    return CLOSED | {"DicomModalities": entries}


def ask(
    configured: Mapping[str, Any], command: Command = "store", *, version: Version = NEW, calling: str = "CT1",
    called: str = "ORTHANC", address: str = HERE, tls: TlsKind = "plain",
) -> Decision:  # fmt: skip
    return decide(configured, version, Call(calling, called, address, command, tls))


def test_the_defaults_let_everybody_store_and_nobody_find() -> None:
    assert ask({}, "store") == Decision(
        True, "command", (("DicomAlwaysAllowStore",),), "everybody may use C-STORE, whoever they are"
    )
    refused = ask({}, "find")
    assert (refused.allowed, refused.step) == (False, "command")
    assert refused.decided_by == (("DicomModalities",), ("DicomAlwaysAllowFind",))


@pytest.mark.parametrize(
    ("configured", "how", "step", "path"),
    [
        ({"DicomServerEnabled": False}, {}, "connection", ("DicomServerEnabled",)),
        ({"DicomAlwaysAllowGet": "no"}, {}, "connection", ("DicomAlwaysAllowGet",)),
        ({"DicomModalities": {"a b": CT1}}, {}, "connection", ("DicomModalities", "a b")),
        ({"DicomModalities": {"a": CT1 | {"Port": 0}}}, {}, "connection", ("DicomModalities", "a", "Port")),
        ({"DicomTlsEnabled": True}, {"tls": "trusted"}, "connection", ("DicomTlsCertificate",)),
        ({}, {"tls": "anonymous"}, "tls", ("DicomTlsEnabled",)),
        (TLS, {}, "tls", ("DicomTlsEnabled",)),
        (TLS, {"tls": "anonymous"}, "tls", ("DicomTlsRemoteCertificateRequired",)),
        (TLS, {"tls": "foreign"}, "tls", ("DicomTlsTrustedCertificates",)),
        ({"DicomCheckCalledAet": True}, {"called": "OTHER"}, "association", ("DicomCheckCalledAet",)),
        (closed(), {}, "association", ("DicomModalities",)),
        (closed(ct1=CT1) | {"DicomModalitiesInDatabase": True}, {}, "association", ("DicomModalitiesInDatabase",)),
        (closed(ct1=CT1) | {"DicomCheckModalityHost": True}, {"address": ELSEWHERE}, "association",
         ("DicomCheckModalityHost",)),
        (closed(ct1=CT1) | {"DicomCheckModalityHost": "true"}, {}, "association", ("DicomCheckModalityHost",)),
        (closed(ct1=CT1 | {"AllowStore": False}), {}, "command", ("DicomModalities", "ct1", "AllowStore")),
        (closed(ct1=CT1) | {"StrictAetComparison": True}, {"calling": "ct1"}, "association", ("DicomModalities",)),
        ({"DicomModalities": {"ct1": CT1}, "DicomAlwaysAllowStore": False, "DicomCheckModalityHost": True},
         {"address": ELSEWHERE}, "command", ("DicomCheckModalityHost",)),
    ],
)  # fmt: skip
def test_a_refusal_names_its_step_and_setting(
    configured: dict[str, Any], how: dict[str, Any], step: str, path: tuple[str, ...]
) -> None:
    decision = ask(configured, **how)
    assert (decision.allowed, decision.step) == (False, step)
    assert decision.decided_by[0] == path


def test_an_unknown_caller_is_refused_by_every_door_that_is_closed() -> None:
    assert ask(closed()).decided_by == (("DicomModalities",), *ALL_DOORS)


@pytest.mark.parametrize(
    ("version", "required", "kind", "allowed"),
    [
        (OLD, True, "trusted", True), (OLD, True, "foreign", False), (OLD, True, "anonymous", False),
        (OLD, False, "trusted", True), (OLD, False, "foreign", False), (OLD, False, "anonymous", True),
        (NEW, True, "foreign", False), (NEW, True, "anonymous", False), (NEW, True, "plain", False),
        (NEW, False, "foreign", True), (NEW, False, "anonymous", True), (NEW, False, "plain", False),
        (Version(1, 12, 3), False, "foreign", False), (Version(1, 12, 4), False, "foreign", True),
    ],
)  # fmt: skip
def test_certificates_by_version(version: Version, required: bool, kind: TlsKind, allowed: bool) -> None:
    configured = TLS | {"DicomTlsRemoteCertificateRequired": required}
    assert ask(configured, "echo", version=version, tls=kind).allowed is allowed


def test_the_short_form_of_a_modality_allows_everything() -> None:
    decision = ask(closed(ct1=["ct1", HERE, 104]), "storage_commitment")
    assert decision.allowed
    assert decision.modality == "ct1"
    assert decision.decided_by == (("DicomModalities", "ct1", "AllowNAction"),)


def test_storage_commitment_has_an_alias_that_decides() -> None:
    entry = CT1 | {"AllowNAction": True, "AllowStorageCommitment": False}
    decision = ask(closed(ct1=entry), "storage_commitment")
    assert decision.decided_by[0] == ("DicomModalities", "ct1", "AllowStorageCommitment")
    assert not decision.allowed


SHARED = {"a": CT1, "b": CT1 | {"Host": "192.0.2.2"}}


def test_a_shared_aet_is_refused_from_the_second_host_where_all_is_closed() -> None:
    configured = closed(**SHARED) | {"DicomCheckModalityHost": True}
    assert ask(configured).allowed
    refused = ask(configured, address="192.0.2.2")
    assert (refused.allowed, refused.step, refused.modality) == (False, "association", "a")


def test_a_shared_aet_is_accepted_from_any_address_where_one_command_is_open() -> None:
    configured = closed(**SHARED) | {"DicomCheckModalityHost": True, "DicomAlwaysAllowEcho": True}
    assert ask(configured, address=ELSEWHERE).allowed
    configured["DicomModalities"]["b"] = SHARED["b"] | {"AllowStore": False}
    assert not ask(configured, address=ELSEWHERE).allowed
    assert ask(configured, address=HERE).allowed


def test_names_are_looked_at_in_the_order_of_their_bytes() -> None:
    configured = closed(a=CT1 | {"Host": ELSEWHERE}, Z=CT1) | {"DicomCheckModalityHost": True}
    assert ask(configured).allowed


@pytest.mark.parametrize(
    ("configured_aet", "calling", "allowed"),
    [
        ("CT1", "ct1 ", (True, True)), ("CT1", " CT1", (False, True)), (" CT1", " CT1", (True, False)),
        ("CT1 ", "CT1", (False, False)), ("A\x01", "A\x01", (True, False)), ("A\\B", "A\\B", (True, False)),
        ("CT1", "CT1\0X", (True, True)), ("", "", (False, False)), ("É", "É", (True, True)), ("É", "é", (False, False)),
    ],
)  # fmt: skip
def test_titles_by_version(configured_aet: str, calling: str, allowed: tuple[bool, bool]) -> None:
    configured = closed(ct1=CT1 | {"AET": configured_aet})
    assert tuple(ask(configured, version=version, calling=calling).allowed for version in (OLD, NEW)) == allowed


def test_no_value_of_the_configuration_is_in_a_reason() -> None:
    configured = closed(ct1=CT1 | {"AllowStore": "hunter2"}) | {"DicomAet": "hunter2"}
    assert "hunter2" not in str(ask(configured))


# --- settings that are dead


def paths(configured: Mapping[str, Any], version: Version = NEW) -> set[tuple[str, ...]]:
    return {setting.path for setting in dead_settings(configured, version)}


@pytest.mark.parametrize(
    ("configured", "path"),
    [
        ({"DicomCheckCallingAet": True}, ("DicomCheckCallingAet",)),
        ({"dicomCheckCalledAet": True}, ("dicomCheckCalledAet",)),
        ({"DicomAlwaysAllowNAction": True}, ("DicomAlwaysAllowNAction",)),
        ({"DicomCheckModalityHost": True}, ("DicomCheckModalityHost",)),
        ({"DicomModalities": {"ct1": CT1 | {"AllowEcho": False}}}, ("DicomModalities", "ct1", "AllowEcho")),
        (closed(ct1=CT1 | {"AllowWorklist": False}), ("DicomModalities", "ct1", "AllowWorklist")),
        (closed(ct1=CT1) | {"DicomModalitiesInDatabase": True}, ("DicomModalities",)),
        (CREDENTIALS.settings(), ("DicomTlsTrustedCertificates",)),
        ({"DicomTlsRemoteCertificateRequired": True}, ("DicomTlsRemoteCertificateRequired",)),
        (TLS | {"DicomTlsRemoteCertificateRequired": False}, ("DicomTlsTrustedCertificates",)),
        ({"DicomServerEnabled": False, "DicomCheckCalledAet": True}, ("DicomCheckCalledAet",)),
        (closed(ct1=CT1 | {"AllowNAction": True, "AllowStorageCommitment": False}),
         ("DicomModalities", "ct1", "AllowNAction")),
        (closed(ct1=CT1 | {"AET": "CT1 "}), ("DicomModalities", "ct1", "AET")),
        (closed(ct1=CT1 | {"AET": "A" * 17}), ("DicomModalities", "ct1", "AET")),
        (closed(a=CT1, b=["ct1", "192.0.2.2", 104]), ("DicomModalities", "b", "AET")),
    ],
)  # fmt: skip
def test_a_dead_setting_is_named(configured: dict[str, Any], path: tuple[str, ...]) -> None:
    assert paths(configured) == {path} | ({p for p in paths(configured) if p[0].startswith("DicomTls")})
    assert path in paths(configured)


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("ct1.example.org", "the address that Orthanc sees"), ("192.0.2.0/24", "the address that Orthanc sees"),
        ("192.0.2.010", "write 192.0.2.10"), (" 192.0.2.1", "write 192.0.2.1"), ("2001:db8::1", "the address"),
    ],
)  # fmt: skip
def test_a_host_that_never_matches(host: str, hint: str) -> None:
    configured = closed(ct1=CT1 | {"Host": host})
    assert paths(configured) == set()
    [found] = dead_settings(configured | {"DicomCheckModalityHost": True}, NEW)
    assert found.path == ("DicomModalities", "ct1", "Host")
    assert hint in found.hint


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_nothing_is_dead_where_everything_counts(version: Version) -> None:
    strict = closed(ct1=CT1 | {"AllowGet": False}, mr1=CT1 | {"AET": "MR1"}) | {
        "DicomCheckCalledAet": True, "DicomCheckModalityHost": True, "StrictAetComparison": True,
    }  # fmt: skip
    assert dead_settings(strict | TLS, version) == ()
    calling_over_tls = closed(ct1=CT1 | {"UseDicomTls": True}) | CREDENTIALS.settings()
    assert dead_settings(calling_over_tls, version) == ()


def test_both_effects_of_a_shared_aet_are_said() -> None:
    wrongly_refused = closed(**SHARED) | {"DicomCheckModalityHost": True}
    [one] = dead_settings(wrongly_refused, NEW)
    assert "calls from the address of this one are refused" in one.message
    hole = dead_settings(wrongly_refused | {"DicomAlwaysAllowEcho": True}, NEW)[-1]
    assert "DicomCheckModalityHost does not hold for C-STORE, C-FIND" in hole.message
    assert paths(closed(a=CT1, b=CT1 | {"AET": "ct1"}) | {"StrictAetComparison": True}) == set()


def _grid(configured: Mapping[str, Any]) -> Iterator[Call]:
    """Calls by every AE title and near ones from every address."""
    entries = configured["DicomModalities"].values()
    aets = {entry[0] if isinstance(entry, list) else entry["AET"] for entry in entries} | {"NOBODY"}
    near = {form for aet in aets for form in (aet, aet.strip(), aet.swapcase(), f" {aet}")}
    tls: tuple[TlsKind, ...] = ("plain", "anonymous", "trusted", "foreign")
    for aet, called, address, command, kind in product(
        sorted(near), ("ORTHANC", "OTHER"), ADDRESSES, COMMANDS, tls if configured.get("DicomTlsEnabled") else tls[:2]
    ):
        yield Call(aet[:16], called, address, command, kind)


def _outcomes(configured: Mapping[str, Any], version: Version, asked: list[Call]) -> list[tuple[bool, str]]:
    decisions = (decide(configured, version, call) for call in asked)
    return [(decision.allowed, decision.step) for decision in decisions]


def _without_effect(configured: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any] | None:
    """The configuration with a dead setting the other way round; None where it is dead in part alone."""
    changed: dict[str, Any] = copy.deepcopy(dict(configured))
    holder: Any = changed
    for name in path[:-1]:
        holder = holder[name]
    if path[-1] in ("AET", "DicomCheckModalityHost"):
        return None
    if path == ("DicomModalities",):
        changed["DicomModalities"] = {name: ["OTHER", "127.0.0.1", 1] for name in changed["DicomModalities"]}
    elif isinstance(holder, list):
        holder[1] = "nobody.example"
    elif isinstance(holder[path[-1]], bool):
        holder[path[-1]] = not holder[path[-1]]
    elif path[-1] == "Host":
        holder["Host"] = "nobody.example"
    else:
        del holder[path[-1]]
    return changed


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_what_is_called_dead_changes_no_decision(version: Version) -> None:
    changed_count = 0
    for number in range(25):
        configured = configuration(Random(f"dead/{number}"), CREDENTIALS)
        asked = list(_grid(configured))
        before = _outcomes(configured, version, asked)
        for setting in dead_settings(configured, version):
            changed = _without_effect(configured, setting.path)
            if changed is None:
                continue
            changed_count += 1
            after = _outcomes(changed, version, asked)
            assert after == before, (setting, configured)
    assert changed_count > 25


@pytest.mark.parametrize("version", SUPPORTED, ids=str)
def test_what_is_not_called_dead_changes_a_decision(version: Version) -> None:
    """Of the modalities' Allow settings, where one modality alone has the AE title and callers can be taken for it."""
    allows = {
        "AllowEcho": "echo", "AllowStore": "store", "AllowFind": "find", "AllowFindWorklist": "find_worklist",
        "AllowGet": "get", "AllowMove": "move",
    }  # fmt: skip
    looked_at = 0
    for number in range(60):
        configured = configuration(Random(f"alive/{number}"), CREDENTIALS)
        dead = paths(configured, version)
        if configured.get("DicomModalitiesInDatabase") or configured.get("DicomServerEnabled") is False:
            continue
        for name, entry in configured["DicomModalities"].items():
            here = ("DicomModalities", name)
            aets = [e[0] if isinstance(e, list) else e["AET"] for e in configured["DicomModalities"].values()]
            shared = sum(aet.lower() == (entry[0] if isinstance(entry, list) else entry["AET"]).lower() for aet in aets)
            if isinstance(entry, list) or shared > 1 or (*here, "AET") in dead or (*here, "Host") in dead:
                continue
            for key, command in allows.items():
                if entry.get(key) is not False or (*here, key) in dead:
                    continue
                looked_at += 1
                tls: TlsKind = "trusted" if configured.get("DicomTlsEnabled") else "plain"
                own = configured.get("DicomAet", "ORTHANC")
                called = own.strip() if version == NEW else own
                call = Call(entry["AET"], called, entry["Host"], command, tls)  # type: ignore[arg-type]
                if configured.get("DicomCheckCalledAet") and called != called.rstrip():
                    continue  # an AE title that nobody can call
                changed = copy.deepcopy(configured)
                changed["DicomModalities"][name][key] = True
                assert decide(configured, version, call).allowed is False
                assert decide(changed, version, call).allowed is True, (call, configured)
    assert looked_at > 20


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
NAMES = (
    "DicomModalities", "DicomAet", "DicomCheckModalityHost", "DicomModalitiesInDatabase", "DicomTlsEnabled",
    "DicomAlwaysAllowStore", "DicomCheckCallingAet", "StrictAetComparison", "DicomTlsCertificate",
)  # fmt: skip
ENTRIES = st.dictionaries(
    st.sampled_from(("ct1", "a b")),
    st.dictionaries(st.sampled_from((*CT1, "AllowStore", "AllowStorageCommitment", "Manufacturer", "x")), JSON),
)


@settings(max_examples=300, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(
    configured=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=5),
    entries=st.none() | ENTRIES,
    calling=st.text(max_size=16),
    version=st.sampled_from(SUPPORTED),
)
def test_any_json_gets_an_answer(
    configured: dict[str, Any], entries: dict[str, Any] | None, calling: str, version: Version
) -> None:
    if entries is not None:
        configured["DicomModalities"] = entries
    decision = ask(configured, "store", version=version, calling=calling)
    assert decision.step == "command" or not decision.allowed
    json.dumps([setting.message + setting.hint for setting in dead_settings(configured, version)])


def test_the_generator_covers_what_it_is_for() -> None:
    """Every command is refused and allowed at least once, at each step, by the calls that real servers are asked."""
    seen = set()
    for number in range(40):
        random = Random(f"proof/{number}")
        configured = configuration(random, CREDENTIALS)
        for call in calls(random, configured, 28):
            decision = decide(configured, MIDDLE, call)
            seen.add((call.command, decision.step, decision.allowed))
    expected = {(command, "command", allowed) for command in COMMANDS for allowed in (True, False)}
    expected |= {(command, step, False) for command in COMMANDS for step in ("association", "tls")}
    assert expected <= seen, expected - seen
