from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from orthancgen.foreign.model import OrthancPart
from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import Mark
from orthancgen.site.tree import Node
from orthancgen.upgrade.advice import Advice, Kind, Report, Step
from orthancgen.upgrade.advise import advise
from orthancgen.upgrade.change import changes
from orthancgen.upgrade.subject import of_part, of_settings
from orthancgen.upgrade.text import as_document, as_text

V = Version.parse
REMOTE = {"RemoteAccessAllowed": True, "Name": "x"}
TLS = {"DicomTlsEnabled": True, "DicomTlsRemoteCertificateRequired": False}
POSTGRESQL = {"PostgreSQL": {"EnableIndex": True}}


def report(settings: dict[str, Any], old: str, new: str, **changed: Any) -> Report:
    return advise(replace(of_settings("x", settings), **changed), V(old), V(new))


def told(found: Report, id_: str) -> Advice:
    return next(one for one in found.advice if one.id == id_)


@pytest.mark.parametrize(
    ("id_", "settings", "old", "new", "kind"),
    [
        ("no-user-refused", REMOTE, "1.12.7", "1.13.0", Kind.BREAKS),
        ("no-user-refused", REMOTE, "1.13.0", "1.12.7", Kind.MEANING),
        ("empty-users-mean-nobody", REMOTE | {"RegisteredUsers": {}}, "1.12.8", "1.12.9", Kind.MEANING),
        ("colon-in-user-refused", {"RegisteredUsers": {"a:b": "x"}}, "1.12.7", "1.13.0", Kind.BREAKS),
        ("password-must-be-text", {"RegisteredUsers": {"a": 12345678}}, "1.12.7", "1.13.0", Kind.BREAKS),
        ("missing-plugin-refused", {"Plugins": ["/x.so"]}, "1.10.1", "1.12.7", Kind.BREAKS),
        ("own-aet-characters", {"DicomAet": "A\\B"}, "1.12.7", "1.13.0", Kind.BREAKS),
        ("own-aet-characters", {"DicomAet": "  "}, "1.12.7", "1.13.0", Kind.BREAKS),
        ("storage-limits-must-be-numbers", {"MaximumPatientCount": "5"}, "1.10.1", "1.13.0", Kind.BREAKS),
        ("certificates-not-asked", TLS, "1.12.3", "1.12.4", Kind.MEANING),
        ("trusted-may-be-left-out", TLS, "1.12.4", "1.10.1", Kind.BREAKS),
        ("find-limits-not-applied", {"LimitFindResults": 5}, "1.12.7", "1.13.0", Kind.MEANING),
        ("caller-aet-characters", {"DicomModalities": {"a": ["A\tB", "h", 1]}}, "1.12.7", "1.13.0", Kind.BREAKS),
        ("aet-spaces-ignored", {"DicomModalities": {"a": {"AET": "A "}}}, "1.12.7", "1.13.0", Kind.MEANING),
        ("find-answers-sequences", {"DicomAlwaysAllowFind": True}, "1.12.7", "1.13.0", Kind.MEANING),
        ("pixels-alone-transcoded", {"IngestTranscoding": "1.2.840.10008.1.2.4.90"}, "1.12.7", "1.13.0", Kind.MEANING),
        ("memory-in-parts", {}, "1.12.11", "1.13.0", Kind.MEANING),
        ("storage-cache-zero", {"MaximumStorageCacheSize": 0}, "1.12.9", "1.12.10", Kind.MEANING),
        ("loader-threads-old", {"ZipLoaderThreads": 4}, "1.12.7", "1.13.0", Kind.MEANING),
        ("more-tags-in-index", {"DicomWeb": {}}, "1.12.4", "1.12.5", Kind.MEANING),
        ("sqlite-columns-added", {}, "1.13.0", "1.10.1", Kind.BREAKS),
        ("name-by-default", {}, "1.12.7", "1.13.0", Kind.MEANING),
        ("compression-of-text", {"HttpCompressionEnabled": True}, "1.12.1", "1.12.2", Kind.MEANING),
        ("authorities-of-system", {"OrthancPeers": {}}, "1.12.5", "1.12.6", Kind.MEANING),
        ("bodies-limited", {}, "1.12.10", "1.12.11", Kind.MEANING),
        ("addresses-to-listen-on", REMOTE, "1.12.9", "1.12.10", Kind.NEW),
        ("storage-can-refuse", {"MaximumStorageSize": 5}, "1.11.1", "1.11.2", Kind.NEW),
        ("decimals-as-text", {"DicomWeb": {}}, "1.12.4", "1.12.5", Kind.MEANING),
    ],
)
def test_what_concerns_these_settings(id_: str, settings: dict[str, Any], old: str, new: str, kind: Kind) -> None:
    one = told(report(settings, old, new), id_)
    assert (one.kind, one.concerns) == (kind, True)
    assert f" {new} " in one.what


@pytest.mark.parametrize(
    ("id_", "settings", "old", "new"),
    [
        ("no-user-refused", REMOTE | {"RegisteredUsers": {"a": "x"}}, "1.12.7", "1.13.0"),
        ("no-user-refused", REMOTE | {"AuthenticationEnabled": False}, "1.12.7", "1.13.0"),
        ("no-user-refused", {}, "1.12.7", "1.13.0"),
        ("empty-users-mean-nobody", REMOTE, "1.12.8", "1.12.9"),
        ("colon-in-user-refused", {"RegisteredUsers": {"a": "x:y"}}, "1.12.7", "1.13.0"),
        ("own-aet-characters", {"DicomAet": "A B"}, "1.12.7", "1.13.0"),
        ("certificates-not-asked", {"DicomTlsEnabled": True}, "1.12.3", "1.12.4"),
        ("trusted-may-be-left-out", TLS | {"DicomTlsTrustedCertificates": "x"}, "1.12.4", "1.10.1"),
        ("find-limits-not-applied", {}, "1.12.7", "1.13.0"),
        ("caller-aet-characters", {"DicomModalities": {"a": ["A B", "h", 1]}}, "1.12.7", "1.13.0"),
        ("find-answers-sequences", {"DicomModalities": {"a": {"AllowFind": False}}}, "1.12.7", "1.13.0"),
        ("sqlite-columns-added", {}, "1.13.0", "1.12.7"),
        ("name-by-default", {"Name": "x"}, "1.12.7", "1.13.0"),
        ("limit-zero", {}, "1.10.1", "1.13.0"),
    ],
)
def test_what_does_not(id_: str, settings: dict[str, Any], old: str, new: str) -> None:
    found = report(settings, old, new)
    assert id_ not in {one.id for one in found.concerning}
    assert id_ in {one.id for one in found.advice} | {"sqlite-columns-added"}


def test_each_change_concerns_somebody() -> None:
    """Those that no test above names are told of scripts, images, plugins or people outside."""
    named = {"lua", "variables", "outside", "image"}
    for one in changes():
        text = json.dumps(one.applies or {})
        if one.component in {"orthanc", "index"} and not any(f'"{form}"' in text for form in named):
            source = test_what_concerns_these_settings.pytestmark[0].args[1]
            assert one.id in {row[0] for row in source}, one.id


@pytest.mark.parametrize(
    ("id_", "changed", "settings", "images"),
    [
        ("store-filter-obeyed", {"lua": frozenset({"ReceivedCStoreInstanceFilter"})}, {}, ("", "")),
        ("image-old-variables", {"variables": frozenset({"DICOM_AET"})}, {}, ("26.6.0", "26.8.2")),
        ("image-no-user", {}, {}, ("26.6.0", "26.8.2")),
        ("image-python-3.12", {}, {"PythonScript": "x.py"}, ("24.6.1", "26.8.2")),
        ("postgresql-revision-6", {}, POSTGRESQL, ("24.6.1", "26.8.2")),
        ("postgresql-long-upgrade", {}, POSTGRESQL, ("24.6.1", "26.8.2")),
    ],
)
def test_what_runs_it_matters(
    id_: str, changed: dict[str, Any], settings: dict[str, Any], images: tuple[str, str]
) -> None:
    before, after = (f"orthancteam/orthanc:{tag}" if tag else "" for tag in images)
    found = report(settings, "1.12.4", "1.13.0", image=before, image_after=after, **changed)
    assert told(found, id_).concerns
    assert id_ not in {one.id for one in report(settings, "1.12.4", "1.13.0").concerning}


def test_an_image_that_creates_its_user_from_a_variable_starts() -> None:
    team = {"image": "orthancteam/orthanc:26.6.0", "image_after": "orthancteam/orthanc:26.8.2"}
    found = report({}, "1.12.11", "1.13.0", variables=frozenset({"ORTHANC_PASSWORD"}), **team)
    assert "image-no-user" not in {one.id for one in found.concerning}


def test_of_a_series_the_newest_alone_is_told() -> None:
    team = {"image": "orthancteam/orthanc:24.6.1", "image_after": "orthancteam/orthanc:25.10.0"}
    up = report(POSTGRESQL, "1.12.4", "1.12.9", **team)
    assert [one.id for one in up.advice if one.id.startswith("postgresql-rev")] == ["postgresql-revision-6"]
    down = report(POSTGRESQL, "1.12.9", "1.12.4", image=team["image_after"], image_after=team["image"])
    assert told(down, "postgresql-revision-6").kind is Kind.BREAKS
    assert told(down, "postgresql-revision-6").what.startswith("orthanc-postgresql 6.2.0 does not open a database")


@pytest.mark.parametrize("old", ["1.12.7", "1.13.0"])
def test_vulnerabilities_are_fixed_and_come_back(old: str) -> None:
    new = {"1.12.7": "1.13.0", "1.13.0": "1.12.7"}[old]
    one = told(report({}, old, new), "CVE-2026-5437")
    assert one.kind is (Kind.FIXED if old == "1.12.7" else Kind.RETURNS)
    assert told(report({}, "1.12.7", "1.12.11"), "CVE-2026-87020").kind is Kind.OPEN
    assert told(report({}, "1.12.7", "1.12.11"), "CVE-2026-87020").remedy == "1.13.0 or newer is without it"


def test_dcmtk_is_told_of_builds_that_bring_their_own() -> None:
    team = {"image": "jodogne/orthanc:1.12.4", "image_after": "jodogne/orthanc:1.13.0"}
    assert told(report({}, "1.12.4", "1.13.0", **team), "CVE-2024-28130").kind is Kind.FIXED
    assert "CVE-2024-28130" not in {one.id for one in report({}, "1.12.4", "1.13.0").advice}


def test_the_index_has_a_way_back_or_not() -> None:
    assert report({}, "1.12.7", "1.13.0").index.way_back == ()
    closed = report({}, "1.10.1", "1.13.0").index
    assert closed.usable
    assert len(closed.way_back) == 1
    assert closed.way_back[0].startswith("Orthanc 1.10.1 cannot store anything in an index")
    assert not report({}, "1.13.0", "1.10.1").index.usable
    assert report({}, "1.13.0", "1.12.7").index.usable
    assert report({}, "1.12.7", "1.10.1").index.way_back == ()


def test_the_report_is_ordered_and_holds_everything_once() -> None:
    found = report({"LimitFindResults": 5}, "1.10.1", "1.13.0")
    kinds = [list(Kind).index(one.kind) for one in found.advice]
    assert kinds == sorted(kinds)
    assert len(set(found.advice)) == len(found.advice)
    fixed = [one.severity for one in found.advice if one.kind is Kind.FIXED]
    assert fixed == sorted(fixed, key=["critical", "high", "medium", "low"].index)


SECRET = "pRivate-5ecret"


@pytest.mark.parametrize(("old", "new"), [("1.10.1", "1.13.0"), ("1.13.0", "1.10.1"), ("1.12.7", "1.13.0")])
def test_no_secret_is_told(old: str, new: str) -> None:
    settings = {
        "RegisteredUsers": {"a:b": SECRET},
        "OrthancPeers": {"p": ["https://p/", "user", SECRET]},
        "PostgreSQL": {"EnableIndex": True, "Password": SECRET},
        "DeidentifyLogsDicomVersion": "2021b",
        "HttpProxy": f"http://u:{SECRET}@proxy/",
        "OrthancGenSecrets": {"Token": SECRET},
    }
    found = report(settings, old, new)
    assert SECRET not in json.dumps(as_document(found, everything=True))
    assert SECRET not in as_text(found, everything=True).plain


HOSTILE = ["\ud800", "a\x1b[31m", "A" * 100_000, "x\n\r\t", "\u202e", "${HOME}", "]]", "..", "*", ""]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_and_values_are_told_on_one_line(text: str) -> None:
    settings = {
        text: text,
        "DicomAet": text,
        "DicomModalities": {text: {"AET": text, text: text}, "list": [text, text, text]},
        "RegisteredUsers": {f"{text}:": 5},
        "Plugins": [text],
        "Warnings": {text: text},
        "OverwriteInstances": text,
    }
    for old, new in (("1.12.7", "1.13.0"), ("1.13.0", "1.10.1")):
        shown = as_text(report(settings, old, new), everything=True).plain
        assert not [c for c in shown if not (c.isprintable() or c == "\n")]
        assert max(map(len, shown.splitlines())) < 5000
        json.dumps(as_document(report(settings, old, new), everything=True))


@pytest.mark.parametrize("value", [None, 5, True, "x", [], {}, [[]], {"a": None}, 1e300])
def test_any_value_anywhere_is_taken(value: Any) -> None:
    for key in ("DicomModalities", "OrthancPeers", "RegisteredUsers", "Plugins", "PostgreSQL", "DicomWeb", "Name"):
        for old, new in (("1.10.1", "1.13.0"), ("1.13.0", "1.10.1")):
            as_text(report({key: value}, old, new), everything=True)
            as_text(report({key: {"a": value}}, old, new), everything=True)


def test_many_modalities_take_their_time_once() -> None:
    import time

    settings = {"DicomModalities": {f"m{n}": [f"A{n}", "10.0.0.1", 104] for n in range(20_000)}}
    begun = time.process_time()
    report(settings, "1.10.1", "1.13.0")
    assert time.process_time() - begun < 20


def test_a_hostile_name_is_told_on_one_line() -> None:
    found = replace(report({}, "1.12.7", "1.13.0"), name="x\x1b[2J\ny", steps=(Step("write \x1b[2J"),))
    shown = as_text(found).plain
    assert shown.startswith("x\\x1b[2J\\ny: Orthanc 1.12.7 -> 1.13.0, an upgrade\n")
    assert "  1. write \\x1b[2J\n" in shown


def test_users_of_a_secret_are_users() -> None:
    mark = Mark("orthanc.json", 1, 1, 1)
    tree = Node({"RemoteAccessAllowed": Node(True, mark, mark)}, mark)
    for elsewhere in (False, True):
        part = OrthancPart("orthanc.json", tree, V("1.12.7"), users_elsewhere=elsewhere)
        found = advise(of_part(part), V("1.12.7"), V("1.13.0"))
        assert ("no-user-refused" in {one.id for one in found.concerning}) is not elsewhere
        assert told(found, "no-user-refused").mark == (None if elsewhere else mark)
