"""`orthancgen audit` in real processes: exit codes, forms, mending, and never a traceback or a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.environments import MINIMAL
from tests.support.hostile import CORPUS

ROOT = Path(__file__).parents[2]
SECRET = "S3cret-of-Bob!"
OPEN = f"""\
{{
  // the archive of the department
  "RemoteAccessAllowed": true, /* for the doctors */
  "AuthenticationEnabled": false,
  "RegisteredUsers": {{"bob": "{SECRET}"}},  // {{"alice": "{SECRET}"}}
  "WebDavEnabled": true
}}
"""
FORMATS = ("text", "json", "sarif", "junit", "markdown", "html", "github")


def run(folder: Path, *arguments: str, code: int | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "orthancgen", "audit", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=240,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    assert SECRET not in done.stderr + done.stdout
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orthanc.json").write_text(OPEN)
    (tmp_path / "orthanc.json").chmod(0o600)
    (tmp_path / "broken.json").write_text('{"Name": "PACS",\n "WebDavEnabled": true,\n "RemoteAccessAllowed": tru\n}\n')
    (tmp_path / "dev.yaml").write_text(MINIMAL)
    return tmp_path


EXIT_CODES: list[tuple[list[str], int]] = [
    (["orthanc.json"], 1),
    (["orthanc.json", "--fail-on", "never"], 0),
    (["orthanc.json", "--rule", "web-dav-enabled"], 0),
    (["orthanc.json", "--rule", "web-dav-enabled", "--fail-on", "medium"], 1),
    (["orthanc.json", "--rule", "web-dav-enabled", "--fail-on", "critical"], 0),
    (["orthanc.json", "--rule", "web-dav-enabled", "--skip-rule", "web-dav-enabled", "--fail-on", "note"], 0),
    (["orthanc.json", "--rule", "web-dav-enabld"], 2),
    (["orthanc.json", "--skip-rule", "x\ny"], 2),
    (["broken.json"], 2),
    (["broken.json", "--fail-on", "never"], 2),
    (["orthanc.json", "gone.json"], 2),
    (["gone"], 2),
    (["x\ny"], 2),
    (["-"], 2),
    ([], 2),
    (["orthanc.json", "--format", "xml"], 2),
    (["orthanc.json", "--fail-on", "worst"], 2),
    (["orthanc.json", "--orthanc", "two"], 2),
    (["orthanc.json", "--orthanc-version", "1.10.1"], 1),
    (["orthanc.json", "--image", "orthancteam"], 1),
    (["orthanc.json", "--image", "somebody"], 2),
    (["orthanc.json", "--baseline", "gone"], 2),
    (["orthanc.json", "--baseline", "orthanc.json"], 2),
    (["orthanc.json", "--write-baseline", "/proc/x"], 2),
    (["orthanc.json", "-o", "/proc/x"], 2),
    (["orthanc.json", "--dry-run"], 2),
    (["--explain", "web-dav-enabled"], 0),
    (["--explain", "web-dav"], 2),
    (["--list-rules"], 0),
    (["--help"], 0),
]


@pytest.mark.parametrize(("arguments", "code"), EXIT_CODES, ids=lambda value: str(value))
def test_exit_codes(arguments: list[str], code: int, folder: Path) -> None:
    done = run(folder, *arguments, code=code)
    assert done.stdout or done.stderr


def test_the_text_of_a_finding(folder: Path) -> None:
    done = run(folder, "orthanc.json", "--rule", "web-dav-enabled", "--orthanc", "1.13.0")
    head, place, excerpt, carets, *_, summary = done.stdout.splitlines()
    assert head == "orthanc.json: Orthanc 1.13.0"
    assert place.startswith("orthanc.json:6:3: WebDavEnabled: medium: WebDavEnabled is true")
    assert place.endswith("[web-dav-enabled]")
    assert (excerpt, carets) == ('  6 |   "WebDavEnabled": true', "    |   ^^^^^^^^^^^^^^^")
    assert summary == "1 medium"


def test_a_file_with_errors_is_told_and_the_rest_audited(folder: Path) -> None:
    done = run(folder, "broken.json", code=2)
    assert "broken.json:3:25: RemoteAccessAllowed: error: this is no value of JSON" in done.stdout
    assert "[web-dav-enabled]" in done.stdout


def test_what_a_rule_says(folder: Path) -> None:
    told = run(folder, "--explain", "web-dav-enabled").stdout
    for part in (
        "web-dav-enabled\n",
        "severity:   medium\n",
        "why: ",
        "remedy: ",
        "https://orthanc.uclouvain.be/book/",
    ):
        assert part in told
    unknown = run(folder, "--explain", "webdav-enabled", code=2).stderr
    assert "there is no audit rule webdav-enabled" in unknown
    assert "did you mean web-dav-enabled?" in unknown
    listed = run(folder, "--list-rules").stdout.splitlines()
    rules = json.loads(run(folder, "--list-rules", "--format", "json").stdout)
    assert [line.split()[1] for line in listed] == [rule["id"] for rule in rules]
    assert len(rules) > 50


@pytest.mark.parametrize("form", FORMATS)
def test_no_form_shows_a_secret(form: str, folder: Path) -> None:
    run(folder, "orthanc.json", "--format", form, "-o", "out", code=1)
    written = (folder / "out").read_text("utf-8")
    assert SECRET not in written
    assert "WebDavEnabled" in written
    if form in {"json", "sarif"}:
        json.loads(written)
    if form == "junit":
        assert ElementTree.fromstring(written.encode()).tag == "testsuites"


def test_what_is_written_to_a_file_is_summed_up(folder: Path) -> None:
    arguments = ["orthanc.json", "--rule", "web-dav-enabled", "--format", "html"]
    done = run(folder, *arguments, "-o", "report.html", code=0)
    assert done.stdout == ""
    assert done.stderr == "report.html: 1 medium\n"
    assert (folder / "report.html").read_text("utf-8") == run(folder, *arguments, code=0).stdout


def test_a_baseline_lets_only_what_is_new_count(folder: Path) -> None:
    run(folder, "orthanc.json", "--write-baseline", "baseline.json", code=1)
    done = run(folder, "orthanc.json", "--baseline", "baseline.json", code=0)
    assert "nothing else found by" in done.stdout
    assert "accepted: web-dav-enabled at orthanc.json:6:3 (medium), baseline: in the baseline" in done.stdout
    hidden = run(folder, "orthanc.json", "--baseline", "baseline.json", "--hide-accepted", code=0).stdout
    assert "web-dav-enabled" not in hidden
    (folder / "orthanc.json").write_text("\n\n" + OPEN.replace("  //", '  "ExecuteLuaEnabled": true, //'))
    done = run(folder, "orthanc.json", "--baseline", "baseline.json", code=1)
    assert done.stdout.endswith("accepted\n")
    assert [line for line in done.stdout.splitlines() if line.endswith("[lua-over-rest]")]
    (folder / "orthanc.json").write_text(OPEN.replace('"WebDavEnabled": true', '"WebDavEnabled": false'))
    done = run(folder, "orthanc.json", "--baseline", "baseline.json", code=0)
    assert "warning: 1 finding of the baseline is gone\n  hint: write it anew with --write-baseline\n" in done.stdout
    run(folder, "orthanc.json", "--baseline", "baseline.json", "--write-baseline", "baseline.json", code=0)
    assert "web-dav-enabled" not in (folder / "baseline.json").read_text()


def test_mending_changes_the_values_alone(folder: Path) -> None:
    shown = run(folder, "orthanc.json", "--fix", "--dry-run", code=1)
    assert (folder / "orthanc.json").read_text() == OPEN
    assert '-  "WebDavEnabled": true\n' in shown.stdout
    assert '+  "WebDavEnabled": false' in shown.stdout
    assert '   "RegisteredUsers": {"bob": "[hidden]"}' in shown.stdout
    assert "orthanc.json: would set WebDavEnabled: false (web-dav-enabled)\n" in shown.stderr
    done = run(folder, "orthanc.json", "--fix", code=1)
    after = (folder / "orthanc.json").read_text()
    begin = OPEN.replace('"AuthenticationEnabled": false', '"AuthenticationEnabled": true')
    begin = begin.replace('"WebDavEnabled": true\n}\n', '"WebDavEnabled": false')
    assert after.startswith(begin)
    assert (folder / "orthanc.json").stat().st_mode & 0o777 == 0o600
    assert "orthanc.json: set WebDavEnabled: false (web-dav-enabled)\n" in done.stderr
    assert done.stderr.splitlines()[-1].endswith(" left for people")
    assert "[web-dav-enabled]" not in done.stdout
    again = run(folder, "orthanc.json", "--fix", code=1)
    assert again.stderr.startswith("0 findings mended, ")
    assert (folder / "orthanc.json").read_text() == after


def test_sarif_has_the_edits(folder: Path) -> None:
    done = run(folder, "orthanc.json", "--format", "sarif", "--rule", "web-dav-enabled")
    (result,) = json.loads(done.stdout)["runs"][0]["results"]
    (change,) = result["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"]["uri"] == "orthanc.json"
    assert change["replacements"] == [
        {
            "deletedRegion": {"startLine": 6, "startColumn": 20, "endLine": 6, "endColumn": 24},
            "insertedContent": {"text": "false"},
        }
    ]


def waiver(rule: str, until: str) -> str:
    return f'  - {{rule: {rule}, reason: replaced in spring, owner: PACS team, until: "{until}"}}\n'


def findings(folder: Path, *arguments: str) -> dict[str, str | None]:
    (target,) = json.loads(run(folder, *arguments, "--format", "json").stdout)["targets"]
    return {one["rule"]: (one["accepted"] or {}).get("kind") for one in target["findings"]}


def test_waivers_of_an_environment(folder: Path) -> None:
    found = findings(folder, "dev.yaml")
    assert set(found.values()) == {None}
    one, other, *_ = sorted(found)
    waivers = "waivers:\n" + waiver(one, "2999-12-31") + waiver(other, "2020-01-01")
    (folder / "dev.yaml").write_text(MINIMAL + waivers)
    accepted = findings(folder, "dev.yaml")
    assert accepted[one] == "waiver"
    assert {accepted[rule] for rule in found if rule != one} == {None}
    text = run(folder, "dev.yaml", "--fail-on", "never", code=0).stdout
    assert f"waivers[1].until: warning: the waiver for {other} ended on 2020-01-01" in text
    assert f"accepted: {one} at dev.yaml:" in text
    (folder / "dev.yaml").write_text(MINIMAL + "waivers:\n" + waiver("web-dav-enabld", "2999-12-31"))
    text = run(folder, "dev.yaml", "--fail-on", "never", code=2).stdout
    assert "waivers[0].rule: error: there is no audit rule web-dav-enabld to waive" in text
    assert "hint: did you mean web-dav-enabled?" in text


def test_an_environment_is_never_edited(folder: Path) -> None:
    (folder / "orthanc").mkdir()
    (folder / "orthanc" / "orthanc.json").write_text(OPEN)
    done = run(folder, "dev.yaml", "--fix")
    assert done.stderr.startswith("0 findings mended, ")
    assert (folder / "dev.yaml").read_text() == MINIMAL
    assert (folder / "orthanc" / "orthanc.json").read_text() == OPEN
    assert "(or --fix)" not in done.stdout


def test_an_invalid_environment(folder: Path) -> None:
    (folder / "bad.yaml").write_text(MINIMAL + "http: {port: 0}\n")
    assert "bad.yaml:6:14: http.port: error: 0 is out of range" in run(folder, "bad.yaml", code=2).stderr


def test_the_shipped_production_passes() -> None:
    run(ROOT, "prod", code=0)


def test_a_broken_rule_is_our_bug_and_no_pass(folder: Path) -> None:
    code = (
        "import dataclasses, sys\nimport orthancgen.audit.rules.web_dav_enabled as module\n"
        "module.RULE = dataclasses.replace(module.RULE, find=lambda subject: 1 / 0)\n"
        "from orthancgen.cli import main\nsys.argv = ['orthancgen', *sys.argv[1:]]\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "audit", "orthanc.json", "--fail-on", "never"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 70
    assert "the audit rule web-dav-enabled is broken" in done.stderr
    assert "This is a bug of orthancgen" in done.stderr
    assert done.stdout == ""
    assert SECRET not in done.stderr


@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_hostile_names_and_values(form: str, tmp_path: Path) -> None:
    modalities = {f"{text}{number}": [text, text, 104] for number, text in enumerate(CORPUS)}
    document = {"Name": CORPUS[-3], "RemoteAccessAllowed": True, "DicomModalities": modalities, "DicomAet": "\x1b[31m"}
    name = "a\x1b[31m\n%::error::.json"
    (tmp_path / name).write_text(json.dumps(document))
    done = run(tmp_path, name, "--format", form, "--fail-on", "never")
    assert done.returncode in {0, 2}
    assert "u:p@" not in done.stdout
    assert "\x1b" not in done.stdout
    if form in {"text", "github"}:
        assert all(line.isprintable() for line in done.stdout.split("\n"))
    if form == "github":
        assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in done.stdout.splitlines())


@pytest.mark.parametrize("form", ["json", "junit", "markdown", "html"])
def test_a_terminal_of_another_encoding(form: str, folder: Path) -> None:
    (folder / "é.json").write_text('{"WebDavEnabled": true, "Name": "é"}', encoding="utf-8")
    done = run(folder, "é.json", "--format", form, "--fail-on", "never", code=0, PYTHONIOENCODING="latin-1")
    if form != "json":
        assert "é.json" in done.stdout  # as UTF-8, which these forms say that they are


def test_a_terminal_of_ascii(folder: Path) -> None:
    (folder / "é.json").write_text('{"WebDavEnabled": true}', encoding="utf-8")
    done = run(folder, "é.json", "--fail-on", "never", code=0, PYTHONIOENCODING="ascii")
    assert "\\xe9.json:1:2: WebDavEnabled: " in done.stdout


def test_an_output_that_is_closed(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "orthancgen", "audit", "--list-rules", "--format", "json"]
        done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, cwd=folder, text=True)
    finally:
        os.close(writer)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
