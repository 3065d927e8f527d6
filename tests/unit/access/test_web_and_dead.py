"""Accounts and routes of the web; and settings that do not do what they say."""

from __future__ import annotations

import re
from pathlib import Path

from orthancgen.access.http import ROUTES
from orthancgen.access.model import Finding, Report
from orthancgen.access.report import report
from orthancgen.orthanc.roles import PERMISSIONS
from orthancgen.plan.build import plan
from orthancgen.resources import locate
from tests.support.environments import MINIMAL, load_text

BASE = """\
environment: dev
kind: development
orthanc: {aet: ORTHANC, version: 1.13.0}
users:
  admin: {role: administrator, password: {secret: admin_password}}
  doc: {role: radiologist, password: {secret: doc_password}}
"""


def report_of(text: str, folder: Path) -> Report:
    loaded = load_text(text, folder)
    return report(loaded, plan(loaded.require(), loaded.version))


def test_routes_are_those_of_the_backend() -> None:
    """The table of http/access.ts, read as data: whatever in it is not understood fails here."""
    source = (locate("stack/backend") / "src/http/access.ts").read_text("utf-8")
    lists: dict[str, tuple[str, ...]] = {}
    for name, items in re.findall(r"^const (\w+): readonly Role\[\] = \[(.*)\];$", source, re.MULTILINE):
        lists[name] = tuple(_items(items, lists))
    table = re.search(r"^export const ACCESS = \{\n(.*?)^\} as const", source, re.MULTILINE | re.DOTALL)
    assert table is not None
    routes: dict[str, tuple[str, ...] | None] = {}
    for line in table[1].splitlines():
        matched = re.fullmatch(r"  '([A-Z]+ /\S*)': (?:(null)|(\w+)|\[(.*)\]),", line)
        assert matched is not None, line
        route, nobody, name, items = matched.groups()
        routes[route] = None if nobody else lists[name] if name else tuple(_items(items, lists))
    assert routes == dict(ROUTES)
    assert len(routes) >= 26


def _items(text: str, lists: dict[str, tuple[str, ...]]) -> list[str]:
    found: list[str] = []
    for item in text.split(", "):
        found += lists[item[3:]] if item.startswith("...") else [item.strip("'")]
    return found


def test_users_and_nobody_on_orthanc(tmp_path: Path) -> None:
    rows = {row.who: row for row in report_of(BASE, tmp_path).web if row.service.startswith("Orthanc")}
    assert rows["admin"].may == ("everything",)
    assert rows["doc"].may == tuple(f"{method} {path}" for method, path in PERMISSIONS["radiologist"])
    assert rows["orthancgen-backend"].role == "service"
    assert rows["nobody in particular"].may == ()
    assert {place.text for row in rows.values() for place in row.reached_from} == {
        "this host alone (127.0.0.1)", "backend, on this host",
    }  # fmt: skip
    assert not any(row.encrypted for row in rows.values())


def test_credentials_of_the_backend(tmp_path: Path) -> None:
    rows = {row.who: row for row in report_of(BASE, tmp_path).web if row.service == "the backend"}
    [may] = rows["operator token"].may
    assert may.startswith("everything but ")
    assert "POST /api/reports/:id/sign" in may
    assert "/api/audit" not in may
    everybody = ("GET /healthz", "GET /readyz", "POST /api/session", "GET /api/session")
    assert rows["orthanc token"].may == (*everybody, "POST /api/orthanc/webhook")
    assert rows["nobody in particular"].may == everybody
    without = report_of(f"{BASE}backend: {{enabled: false}}\nwebhook: {{enabled: false}}", tmp_path).web
    assert {row.service for row in without} == {"Orthanc's REST API and web page"}


def test_networks_are_let_in_where_rules_are_written(tmp_path: Path) -> None:
    text = f"{BASE}http: {{listen_on: 0.0.0.0}}\nnetwork: {{allowed_sources: [10.1.0.0/16], managed_from: [10.2.0.0/24]"
    open_to_all = report_of(f"{text}}}", tmp_path)
    places = {row.who: row.reached_from for row in open_to_all.web if row.port == 8042}
    assert [one.kind for one in places["doc"]] == ["anyone"]
    void = [one for one in said(open_to_all.findings) if one[0].startswith("network")]
    assert void == [("network.allowed_sources", None), ("network.managed_from", None)]
    with_rules = report_of(f"{text}, firewall: [nftables]}}", tmp_path)
    places = {row.who: row.reached_from for row in with_rules.web if row.port == 8042}
    assert [(one.kind, one.text) for one in places["doc"]] == [
        ("this_host", "this host"),
        ("users", "10.1.0.0/16 (network of the users)"),
        ("administrators", "10.2.0.0/24 (network of the administrators)"),
    ]
    assert [row.port for row in with_rules.web if row.service.startswith("management")] == [22]
    assert not any(one[0].startswith("network") for one in said(with_rules.findings))


def said(findings: tuple[Finding, ...]) -> list[tuple[str, tuple[str, ...] | None]]:
    return [(".".join(map(str, one.setting.path)) if one.setting else "", one.orthanc_key) for one in findings]


def test_what_checking_says_is_said_once(tmp_path: Path) -> None:
    text = f"{MINIMAL}modalities: {{ct1: {{aet: CT1, address: 192.0.2.10, may: [echo]}}}}\n"
    loaded = load_text(text, tmp_path)
    (warning,) = loaded.problems
    found = report(loaded, plan(loaded.require(), loaded.version)).findings
    (only,) = [one for one in found if one.setting and one.setting.path[0] == "modalities"]
    assert (only.message, only.hint) == (warning.message, warning.hint)


def test_what_only_orthanc_knows_is_told_by_the_key_of_the_model(tmp_path: Path) -> None:
    text = (
        f"{BASE}dicom: {{ae_checks: {{calling_aet: anyone, anyone_may: [echo, find_worklist]}}}}\n"
        "modalities: {ct1: {aet: CT1, address: 192.0.2.10, may: [echo, find_worklist]}}\n"
    )
    found = report_of(text, tmp_path).findings
    assert ("dicom.ae_checks.anyone_may", None) in said(found)
    assert ("modalities.ct1.may", None) in said(found)
    assert all(one.setting is None or one.setting.place is not None for one in found if "may" in one.message)
