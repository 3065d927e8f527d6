"""The complete text of a report, and the workflow commands of one."""

# ruff: noqa: E501  lines of the output are as long as they are
from __future__ import annotations

import re

from rich.console import Console

from orthancgen.audit.output import FORMATS
from orthancgen.audit.output.explain import as_documents, explained, listed
from orthancgen.audit.output.github import as_github
from orthancgen.audit.output.text import coloured, plain
from orthancgen.cli.audit import FORMATS as OFFERED
from orthancgen.site.problems import HIDDEN, Mark
from tests.unit.audit.reports import DAV, OPEN, RULES, TOUR, WAIVED, finding, hostile, many, report


def test_the_whole_text() -> None:
    assert (
        plain([TOUR])
        == """\
orthanc.json: Orthanc 1.13.0
orthanc.json:4:24: warning: a comma behind the last one
  4 |   "WebDavEnabled": true
    |                        ^
  hint: remove it
orthanc.json:2:3: RemoteAccessAllowed: critical: anyone may log in [door-open]
  2 |   "RemoteAccessAllowed": true,
    |   ^^^^^^^^^^^^^^^^^^^^^
  remedy: close it
  why: whoever reaches it gets in

orthanc.json:4:3: WebDavEnabled: medium: WebDAV answers [web-dav-enabled]
  4 |   "WebDavEnabled": true
    |   ^^^^^^^^^^^^^^^
  remedy: close it (or --fix)
  why: whoever reaches it gets in

accepted: old-version at orthanc.json (low), waiver until 2027-06-30, PACS team: replaced in spring
1 critical, 1 medium, 1 accepted
"""
    )


def test_nothing_found_is_said_with_the_number_of_rules() -> None:
    assert plain([report()]) == "orthanc.json: Orthanc 1.13.0\nnothing found by 4 rules\n"


def test_what_is_accepted_is_nothing_to_see() -> None:
    assert plain([report(finding(suppression=WAIVED))]).endswith("\n1 accepted, nothing else found by 4 rules\n")


def test_a_place_that_says_nothing_is_not_shown() -> None:
    text = plain([report(finding(line=1, columns=(1, 2)))])
    assert "orthanc.json:1:1: " in text
    assert "1 | {" not in text


def test_several_targets_have_one_summary() -> None:
    text = plain([TOUR, report(finding(DAV), target="prod")])
    assert text.endswith("\n1 critical, 2 medium, 1 accepted\n")
    assert text.count("accepted\n") == 1


def test_secrets_stay_hidden() -> None:
    text = plain([report(finding(line=3, columns=(4, 19)))])
    assert '  3 |   "RegisteredUsers": {"orthanc": [hidden]},  // [hidden]\n' in text
    assert HIDDEN not in text


def test_colours_on_a_console_only() -> None:
    def printed(*, colour: bool) -> str:
        console = Console(
            force_terminal=colour, color_system="standard" if colour else None, width=200, highlight=False
        )
        with console.capture() as captured:
            console.print(coloured([TOUR]), end="", soft_wrap=True)
        return captured.get()

    assert "\x1b[1;37;41mcritical" in printed(colour=True)
    assert printed(colour=False) == plain([TOUR])


def test_hostile_strings_stay_on_their_lines() -> None:
    for text, one in hostile():
        shown = plain([one])
        assert all(line.isprintable() for line in shown.split("\n")), text
        assert shown.count("[door-open]\n") == 1
        commands = as_github([one])
        assert all(line.isprintable() for line in commands.split("\n")), text
        assert len(commands.splitlines()) == 3
        for line in commands.splitlines():
            pattern = r"::(error|warning|notice) (file=[^,:]+,line=1,col=1,endColumn=[0-9]+,)?title=[^,:]*::.*"
            assert re.fullmatch(pattern, line), text


def test_workflow_commands() -> None:
    assert (
        as_github([TOUR, report(finding(OPEN, line=None, path=()))])
        == """\
::warning file=orthanc.json,line=4,col=24,endColumn=25,title=audit::a comma behind the last one%0Ahint: remove it
::error file=orthanc.json,line=2,col=3,endColumn=24,title=critical%3A door-open (RemoteAccessAllowed)::anyone may log in%0Aremedy: close it%0Awhy: whoever reaches it gets in
::warning file=orthanc.json,line=4,col=3,endColumn=18,title=medium%3A web-dav-enabled (WebDavEnabled)::WebDAV answers%0Aremedy: close it%0Awhy: whoever reaches it gets in
::error file=orthanc.json,line=1,col=1,endColumn=1,title=critical%3A door-open::anyone may log in%0Aremedy: close it%0Awhy: whoever reaches it gets in
"""
    )
    assert as_github([report()]) == ""


def test_a_place_behind_the_end_of_its_file() -> None:
    one = finding(line=99)
    assert "orthanc.json:99:3: " in plain([report(one)])
    assert one.mark == Mark("orthanc.json", 99, 3, 24)


def test_every_form_takes_every_report() -> None:
    assert tuple(FORMATS) == OFFERED
    for write in FORMATS.values():
        for reports in ([], [report()], [TOUR], [many(60), TOUR]):
            assert write(reports).isascii() or write is FORMATS["html"]


def test_what_a_rule_says() -> None:
    assert (
        explained(DAV).plain
        == """\
web-dav-enabled
WebDAV is on

severity:   medium
confidence: likely

why: whoever reaches it gets in

remedy: close it

in an environment: Write `orthanc: {web_dav: false}` unless somebody uses it.

references:
  HIPAA 45 CFR 164.312, (a)(1)
    https://www.ecfr.gov/current/title-45/section-164.312
  CVE-2023-33466
    https://nvd.nist.gov/vuln/detail/CVE-2023-33466
  RFC 9325, 4.1
    https://www.rfc-editor.org/rfc/rfc9325
  A page
    https://example.org/a
"""
    )
    assert (
        listed(RULES).plain
        == """\
critical door-open        the door is open
medium   web-dav-enabled  WebDAV is on
low      old-version      the version is old
note     nothing-wrong    nothing is wrong
"""
    )
    assert [one["id"] for one in as_documents(RULES)] == [rule.id for rule in RULES]
