"""JUnit XML: well-formed whatever it has to say, its counts true, no two cases alike."""

from __future__ import annotations

from xml.etree import ElementTree

from orthancgen.audit.output.junit import as_junit
from orthancgen.audit.run import Report
from orthancgen.site.problems import HIDDEN, Mark, Problem
from tests.unit.audit.reports import OPEN, TOUR, finding, hostile, many, report


def read(*reports: Report) -> ElementTree.Element:
    """The document, after what holds of every one: each count is that of its elements, and no case is there twice."""
    root = ElementTree.fromstring(as_junit(reports).encode("utf-8"))
    assert root.tag == "testsuites"
    for suite in (root, *root):
        cases = list(suite.iter("testcase"))
        for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(count) == str(sum(case.find(tag) is not None for case in cases))
        assert suite.get("tests") == str(len(cases))
        assert all(len(case) <= 1 for case in cases)
    for suite in root:
        names = [(case.get("classname"), case.get("name")) for case in suite.iter("testcase")]
        assert len(set(names)) == len(names)
    return root


def test_the_whole_document() -> None:
    assert (
        as_junit([TOUR])
        == """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="orthancgen audit" tests="4" failures="2" errors="0" skipped="1">
  <testsuite name="orthanc.json" tests="4" failures="2" errors="0" skipped="1">
    <properties>
      <property name="orthanc" value="orthanc.json: Orthanc 1.13.0" />
    </properties>
    <testcase classname="orthanc.json" name="door-open: RemoteAccessAllowed" time="0" file="orthanc.json">
      <failure type="critical" message="critical: anyone may log in">critical: anyone may log in
orthanc.json:2:3
2 |   "RemoteAccessAllowed": true,
  |   ^^^^^^^^^^^^^^^^^^^^^
remedy: close it
why: whoever reaches it gets in</failure>
    </testcase>
    <testcase classname="orthanc.json" name="web-dav-enabled: WebDavEnabled" time="0" file="orthanc.json">
      <failure type="medium" message="medium: WebDAV answers">medium: WebDAV answers
orthanc.json:4:3
4 |   "WebDavEnabled": true
  |   ^^^^^^^^^^^^^^^
remedy: close it
why: whoever reaches it gets in</failure>
    </testcase>
    <testcase classname="orthanc.json" name="old-version" time="0" file="orthanc.json">
      <skipped message="low: version 1.10.1: accepted, waiver until 2027-06-30, PACS team: replaced in spring" />
    </testcase>
    <testcase classname="orthanc.json" name="nothing-wrong" time="0" />
  </testsuite>
</testsuites>
"""
    )


def test_each_finding_is_a_case_and_so_is_each_silent_rule() -> None:
    root = read(report(finding(), finding(), finding(OPEN, path=("a", 0))))
    names = [case.get("name") for case in root.iter("testcase")]
    assert names == [
        "door-open: RemoteAccessAllowed",
        "door-open: RemoteAccessAllowed (2)",
        "door-open: a[0]",
        "web-dav-enabled",
        "old-version",
        "nothing-wrong",
    ]


def test_a_file_that_cannot_be_read_is_an_error() -> None:
    problems = [Problem("the text is not closed", Mark("orthanc.json", 2, 3, 4)), Problem("no file")]
    root = read(report(problems=problems))
    errors = [(case.get("classname"), case.findtext("error")) for case in root.iter("testcase") if len(case)]
    assert errors == [
        ("orthanc.json", "orthanc.json:2:3\nthe text is not closed"),
        ("orthanc.json", "no file"),
    ]


def test_any_number_of_findings_and_targets() -> None:
    root = read(many(60), report(), many(3))
    assert [suite.get("tests") for suite in root] == [
        str(60 + sum(not any(one.rule is rule for one in many(60).findings) for rule in many(60).rules)),
        "4",
        str(3 + sum(not any(one.rule is rule for one in many(3).findings) for rule in many(3).rules)),
    ]


def test_hostile_strings_stay_in_their_element() -> None:
    for text, one in hostile():
        root = read(one)
        assert len(list(root.iter("testcase"))) == 2 + 1 + 2, text
        assert len(list(root.iter("failure"))) == 1
        assert HIDDEN not in as_junit([one])
