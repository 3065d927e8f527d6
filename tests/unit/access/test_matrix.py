"""The rows of `access`: each says what comes of its calls, none is missing, none is there twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orthancgen.access.boxes import merged
from orthancgen.access.callers import callers, entries, places
from orthancgen.access.matrix import Matrix
from orthancgen.access.model import Row
from orthancgen.access.report import report
from orthancgen.access.settings import Settings
from orthancgen.access.table import as_text
from orthancgen.access.words import summary
from orthancgen.firewall.policy import policy
from orthancgen.plan.build import plan
from orthancgen.render.orthanc_json import configuration
from orthancgen.site.load import load
from orthancgen.site.types import is_ip
from tests.support.environments import load_text
from tests.unit.access.sites import CALLED, Cell, Oracle, cells_of, valid_sites

GOLDEN = Path(__file__).parent / "golden"
SITES = 60


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_shipped_environments(name: str, update_golden: bool) -> None:
    loaded = load(Path(f"environments/{name}.yaml"))
    shown = as_text(report(loaded, plan(loaded.require(), loaded.version)))
    file = GOLDEN / f"{name}.txt"
    if update_golden:
        file.write_text(shown, encoding="utf-8")
    assert shown == file.read_text(encoding="utf-8")
    assert max(map(len, shown.splitlines())) <= 100
    assert not any(line.endswith(" ") for line in shown.splitlines())


def test_each_call_is_in_one_row_that_says_what_comes_of_it(tmp_path: Path) -> None:
    steps: set[str] = set()
    count = 0
    for loaded, built in valid_sites(20261124, SITES, tmp_path):
        oracle = Oracle(built)
        told: dict[Cell, Row] = {}
        for row in report(loaded, built).rows:
            for cell in cells_of(row, oracle):
                assert cell not in told, f"{cell} twice: {told[cell]} and {row}"
                told[cell] = row
        for caller, cell in oracle.cells():
            row = told.pop(cell)
            allowed, step = oracle.decision(caller, cell)
            assert (row.allowed, row.step) == (allowed, step), f"{cell}: {row}"
            steps.add(f"{step} {allowed}")
            count += 1
        assert told == {}
    assert steps == {
        "command True", "command False", "association False", "tls False", "gateway False", "connection False",
        "firewall False",
    }  # fmt: skip
    assert count > 20_000


def test_the_address_of_every_other_modality_comes_to_what_that_of_the_one_shown_does(tmp_path: Path) -> None:
    compared = 0
    for loaded, built in valid_sites(7, SITES, tmp_path):
        site, whole = built.site, policy(built)
        matrix = Matrix(built, whole, configuration(built), Settings(loaded, site))
        for caller in callers(site):
            for entry in entries(built):
                shown = [p for p in places(site, whole, entry, caller) if p.kind in ("another_modality", "elsewhere")]
                for one in site.modalities.values():
                    own = caller.own.address if caller.own else None
                    if not is_ip(one.address) or one.address in (own, "127.0.0.1") or entry.gateway:
                        continue
                    other = next(p for c in callers(site) if c.own and (p := c.own).address == one.address)
                    for called in CALLED:
                        got = matrix.verdict(caller, other, called, entry, "plain", "store")
                        of_shown = [matrix.verdict(caller, p, called, entry, "plain", "store") for p in shown]
                        assert (got.allowed, got.step) in [(v.allowed, v.step) for v in of_shown]
                        compared += 1
    assert compared > 200


def test_a_setting_is_named_with_its_line(tmp_path: Path) -> None:
    loaded = load_text(
        "environment: dev\nkind: development\northanc: {aet: ORTHANC, version: 1.13.0}\nmodalities:\n  ct1:\n"
        "    aet: CT1\n    address: 192.0.2.10\n    may: [store]\nverification: {enabled: true}\n"
        "users: {admin: {role: administrator, password: {secret: admin_password}}}\n",
        tmp_path,
    )
    rows = report(loaded, plan(loaded.require(), loaded.version)).rows
    file = f"{tmp_path}/dev.yaml"
    said = {(row.caller, row.step, row.allowed): [(s.path, s.place) for s in row.settings] for row in rows}
    assert said["ct1", "command", True] == [(("modalities", "ct1", "may"), f"{file}:8")]
    assert said["ct1", "association", False] == [
        (("dicom", "ae_checks", "calling_aet"), None),
        (("modalities", "ct1", "address"), f"{file}:7"),
        (("dicom", "ae_checks", "anyone_may"), None),
    ]
    assert said["orthancgen-verify", "command", True] == [(("verification", "may"), None)]
    assert said["anyone else", "association", False][0] == (("modalities",), f"{file}:4")


def test_filters_of_the_report(tmp_path: Path) -> None:
    loaded, built = next(valid_sites(3, 1, tmp_path))
    whole = report(loaded, built)
    some = whole.filtered(["ANYONE ELSE"], ["store"], allowed=False)
    assert {row.caller for row in some.rows} <= {"anyone else", "everybody"}
    assert {row.commands for row in some.rows} == {("store",)}
    assert some.web == ()
    assert some.whole == whole
    assert replace(whole.filtered(), unfiltered=None) == whole


def test_a_filter_changes_nothing_of_what_is_left() -> None:
    loaded = load(Path("tests/golden/prod-1.13.0.yaml"))
    whole = report(loaded, plan(loaded.require(), loaded.version))
    refused = whole.filtered(["ct1"], ["store", "find"], allowed=False)
    assert summary(refused) == {"ct1": {"store": True, "find": False}}
    (row,) = [row for row in refused.rows if row.step == "command"]
    assert (row.commands, row.reason) == (("find",), "the modality may not use C-FIND")


def test_boxes_are_merged_without_loss() -> None:
    cells = [(a, b) for a in range(4) for b in range(3) if (a, b) != (1, 1)]
    boxes = merged((frozenset([a]), frozenset([b])) for a, b in cells)
    assert sorted((a, b) for one, other in boxes for a in one for b in other) == cells
    assert len(boxes) < 5
    assert merged([]) == []


CONTAINERS = """\
environment: dev
kind: development
orthanc: {aet: ORTHANC, version: 1.13.0}
runtime: compose
images: {orthanc: "orthancteam/orthanc:26.8.1", mongo: "mongo:8.0.17"}
dicom: {tls: {enabled: true}, ae_checks: {calling_aet: registered}}
modalities: {ct1: {aet: CT1, address: 192.0.2.10, tls: true}, near: {aet: NEAR, address: 127.0.0.1, tls: true}}
users: {admin: {role: administrator, password: {secret: admin_password}}}
"""


@pytest.mark.parametrize(
    ("network", "at_firewall", "at_orthanc"),
    [
        ("", "192.0.2.10", "192.0.2.10"),
        ("network: {callers_arrive: by_userland_proxy}", "192.0.2.10", "172.30.242.1"),
        ("network: {callers_arrive: by_tcp_proxy, seen_address: 192.0.2.1}", "192.0.2.1", "192.0.2.1"),
        ("network: {callers_arrive: by_source_nat, seen_address: 192.0.2.1}", "192.0.2.1", "192.0.2.1"),
    ],
)
def test_who_sees_which_address(network: str, at_firewall: str, at_orthanc: str, tmp_path: Path) -> None:
    loaded = load_text(CONTAINERS + network, tmp_path)
    own = {caller.name: caller.own for caller in callers(loaded.require())}
    assert own["ct1"] is not None
    assert (own["ct1"].firewall_sees, own["ct1"].orthanc_sees) == (at_firewall, at_orthanc)
    assert own["near"] is not None
    assert (own["near"].firewall_sees, own["near"].orthanc_sees) == (None, "172.30.242.1")


def test_without_rules_the_report_says_what_is_reached(tmp_path: Path) -> None:
    loaded = load_text(CONTAINERS, tmp_path)
    notices = report(loaded, plan(loaded.require(), loaded.version)).notices
    assert [one.text for one in notices] == [
        "no firewall rules are written for this environment: whoever reaches this host reaches DICOM 4242"
    ]
    hidden = load_text(f"{CONTAINERS}network: {{callers_arrive: by_userland_proxy}}", tmp_path)
    texts = [one.text for one in report(hidden, plan(hidden.require(), hidden.version)).notices]
    assert texts[1:] == [
        "Orthanc sees every call of other hosts come from 172.30.242.1: the engine's own proxy stands between"
    ]


def test_an_orthanc_that_does_not_start_is_said_first(tmp_path: Path) -> None:
    text = (
        "environment: dev\nkind: development\northanc: {aet: ORTHANC, version: 1.10.1}\n"
        "dicom: {tls: {enabled: true, client_certificates: not_asked}, ae_checks: {calling_aet: registered}}\n"
        "modalities: {ct1: {aet: CT1, address: 192.0.2.10, tls: true}}\n"
        "users: {admin: {role: administrator, password: {secret: admin_password}}}\n"
    )
    loaded = load_text(text, tmp_path)
    if loaded.site is None:
        assert any("client_certificates" in problem.key_path for problem in loaded.errors)
        return
    told = report(loaded, plan(loaded.site, loaded.version))
    assert told.notices[0].text.startswith("no DICOM caller is served: ")
    assert not any(row.allowed for row in told.rows)


def test_a_native_orthanc_is_not_called_by_ipv6(tmp_path: Path) -> None:
    text = (
        "environment: dev\nkind: development\northanc: {aet: ORTHANC, version: 1.13.0}\n"
        "modalities: {ct1: {aet: CT1, address: 2001:db8::7}}\n"
        "users: {admin: {role: administrator, password: {secret: admin_password}}}\n"
    ).replace("2001:db8::7", '"2001:db8::7"')
    loaded = load_text(text, tmp_path)
    told = report(loaded, plan(loaded.require(), loaded.version))
    own = [row for row in told.rows if row.caller == "ct1" and any(place.kind == "own" for place in row.places)]
    assert [(row.allowed, row.step, len(row.commands)) for row in own] == [(False, "connection", 7)]
    assert own[0].settings[0].path == ("modalities", "ct1", "address")
    (finding,) = [one for one in told.findings if one.setting == own[0].settings[0]]
    assert "IPv4 alone" in finding.message
