from __future__ import annotations

from itertools import pairwise

import pytest

from orthancgen.orthanc.keys import MAINLINE, Version
from orthancgen.orthanc.vulnerabilities import components, known, static_dcmtk, vulnerabilities

SEVERITIES = {"low", "medium", "high", "critical"}


@pytest.mark.parametrize(
    ("component", "version", "some", "none"),
    [
        ("orthanc", "1.5.7", {"CVE-2025-0896"}, set()),
        ("orthanc", "1.5.8", {"CVE-2023-33466"}, {"CVE-2025-0896"}),
        ("orthanc", "1.10.1", {"CVE-2023-33466"}, {"orthanc-filename-header"}),
        ("orthanc", "1.11.0", {"orthanc-filename-header"}, set()),
        ("orthanc", "1.12.10", {"CVE-2026-5437", "CVE-2026-5445"}, {"CVE-2025-55763", "orthanc-252"}),
        ("orthanc", "1.12.11", {"CVE-2026-10528", "CVE-2026-87020"}, {"CVE-2026-5437"}),
        ("mongo", "8.0.16", {"CVE-2025-14847"}, set()),
        ("mongo", "8.0.17", {"CVE-2026-6914"}, {"CVE-2025-14847"}),
        ("mongo", "8.2.2", {"CVE-2025-14847"}, set()),
        ("mongo", "3.6.1", {"CVE-2025-14847"}, set()),
        ("dcmtk", "3.6.6", {"CVE-2022-2119", "CVE-2024-28130"}, set()),
        ("dcmtk", "3.6.9", {"CVE-2026-50003"}, {"CVE-2024-28130"}),
        ("orthanc-explorer-2", "1.12.0", {"CVE-2026-10173"}, set()),
    ],
)
def test_a_version_has_its_vulnerabilities(component: str, version: str, some: set[str], none: set[str]) -> None:
    found = {one.id for one in known(component, version)}
    assert some <= found
    assert not none & found
    assert {one.id for one in known(component, Version.parse(version))} == found


@pytest.mark.parametrize(
    ("component", "version"),
    [("orthanc", "1.13.0"), ("orthanc", "mainline"), ("mongo", "8.0.24"), ("nothing", "1.0.0")],
)
def test_of_some_versions_nothing_is_known(component: str, version: str) -> None:
    assert known(component, version) == ()


def test_a_text_that_is_no_version_is_refused() -> None:
    with pytest.raises(ValueError, match="no version"):
        known("orthanc", "newest")


def test_each_entry_is_whole() -> None:
    every = vulnerabilities()
    assert len({one.id for one in every}) == len(every) >= 30
    for one in every:
        assert one.severity in SEVERITIES, one.id
        assert one.source.startswith("https://"), one.id
        assert one.component in components()
        assert one.what[0].islower() or one.what.startswith(("REST", "MongoBleed")), one.id
        assert not one.what.endswith("."), one.id
        for older, newer in pairwise(one.affected):
            assert newer.first is not None, one.id
            assert older.before <= newer.first, one.id


def test_each_fix_is_the_first_version_without_it() -> None:
    for one in vulnerabilities():
        for fixed in one.fixed_in:
            assert not one.affects(fixed), one.id
            assert any(series.before == fixed for series in one.affected), one.id
        for series in one.affected:
            assert not one.fixed_in or series.before in one.fixed_in, one.id
            assert series.first is None or one.affects(series.first), one.id
            assert series.first is None or series.first < series.before, one.id


def test_the_fix_is_of_the_nearest_series() -> None:
    bleed = next(one for one in vulnerabilities() if one.id == "CVE-2025-14847")
    assert bleed.exploited
    assert str(bleed.fix_for(Version.parse("7.0.3"))) == "7.0.28"
    assert str(bleed.fix_for(Version.parse("4.2.0"))) == "4.4.30"
    assert bleed.fix_for(Version.parse("9.0.0")) is None


@pytest.mark.parametrize(
    ("orthanc", "dcmtk"),
    [
        ("1.8.2", None),
        ("1.10.1", "3.6.6"),
        ("1.11.2", "3.6.7"),
        ("1.12.2", "3.6.7"),
        ("1.12.7", "3.6.9"),
        ("1.13.0", "3.7.0"),
    ],
)
def test_static_builds_bring_a_dcmtk(orthanc: str, dcmtk: str | None) -> None:
    found = static_dcmtk(Version.parse(orthanc))
    assert (str(found) if found else None) == dcmtk
    assert static_dcmtk(MAINLINE) is not None
