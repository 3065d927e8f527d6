from __future__ import annotations

from orthancgen.audit.looking_versions import newest_fix, severity_of, shown
from orthancgen.audit.rule import Severity
from orthancgen.orthanc.keys import Version
from orthancgen.orthanc.vulnerabilities import Range, Vulnerability
from orthancgen.orthanc.vulnerabilities import Severity as Severity_


def fault(name: str, severity: Severity_, *, fixed: str = "1.2.0", exploited: bool = False) -> Vulnerability:
    affected = (Range(None, Version.parse("9.0.0")),)
    mended = (Version.parse(fixed),) if fixed else ()
    return Vulnerability(
        name, "orthanc", severity, f"what {name} does", affected, mended, "https://a", exploited=exploited
    )


A, B, C = fault("A", "medium"), fault("B", "critical", fixed="1.3.0"), fault("C", "low", exploited=True)


def test_the_worst_is_told_first_and_what_attackers_use_before_it() -> None:
    assert shown([A]) == "A (what A does)"
    assert shown([A, B]) == "B (what B does); also A"
    assert shown([A, B, C]) == "C (what C does); also B, A"
    assert shown([A, B, C, fault("D", "low"), fault("E", "low")]).endswith("; also B, A and 2 more")


def test_as_bad_as_the_worst_and_critical_where_attackers_use_it() -> None:
    assert severity_of([A]) is Severity.MEDIUM
    assert severity_of([A, B]) is Severity.CRITICAL
    assert severity_of([C]) is Severity.CRITICAL


def test_the_version_without_any_of_them() -> None:
    now = Version.parse("1.0.0")
    assert newest_fix([A, B], now) == Version.parse("1.3.0")
    assert newest_fix([A, fault("F", "low", fixed="")], now) == Version.parse("1.2.0")
    assert newest_fix([fault("F", "low", fixed="")], now) is None
