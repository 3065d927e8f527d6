"""Sheets from small vendors' data; the set of a site; the verb that writes them."""

from __future__ import annotations

import copy
import dataclasses
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orthancgen.cli import cli
from orthancgen.cli.output import load_plan
from orthancgen.errors import InputError
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.release.model import Draft, Release, Source, Who
from orthancgen.release.store import ReleaseStore
from orthancgen.render.catalogue import render
from orthancgen.sheets.build import facts
from orthancgen.sheets.compose import compose
from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.load import read_vendor, vendor
from orthancgen.sheets.sheet import Message, Row, Sheet
from orthancgen.sheets.vendor import Vendor
from orthancgen.sheets.wanted import Wanted, sheet_set
from tests.support.environments import MINIMAL, PRODUCTION, document, load_text

HEAD = """\
id: acme
name: Acme
kind: modality
about: Scanners of Acme.
sources:
  manual: {title: Manual, url: "https://acme.example/manual", read_on: "2026-11-27"}
  tls: {title: TLS guide, url: "https://acme.example/tls", read_on: "2026-11-27"}
"""
TWO = {
    "modalities": {
        "ct1": {"aet": "CT ONE", "address": "192.0.2.10", "port": 11112, "may": ["echo", "store", "find", "move"]},
        "ws": {"aet": "WS", "address": "192.0.2.11", "vendor": "dcmtk", "may": ["echo"]},
    },
    "dicom/ae_checks": {"calling_aet": "registered_from_own_address"},
    "contact": {"name": "PACS team", "phone": "1234"},
}


def made(text: str) -> Vendor:
    found, problems = read_vendor(HEAD + text, "acme.yaml")
    assert found is not None, problems
    return found


def planned(tmp_path: Path, text: str = MINIMAL, changes: dict[str, Any] | None = None) -> tuple[Plan, SiteFacts]:
    plan = build_plan(load_text(document(text, copy.deepcopy(TWO) if changes is None else changes), tmp_path).require())
    return plan, facts(plan, hosts=("pacs.example", "192.0.2.5"), release=7, date="2026-11-27")


def sheet_of(site: SiteFacts, data: Vendor, name: str | None = "ct1") -> Sheet:
    return compose(data, of(site, name), site)


def of(site: SiteFacts, name: str | None) -> Connection:
    return next(one for one in site.connections if one.modality == name)


def test_rows_are_the_vendors_fields_with_this_sites_values(tmp_path: Path) -> None:
    _, site = planned(tmp_path)
    data = made("""\
fields:
  - {label: AE Title, value: called_aet, source: manual}
  - {label: IP, value: host, source: manual}
  - {label: Port, value: port, source: manual, note: Below the title.}
  - {label: My AE, value: own_aet, source: manual}
  - {label: Protocol, literal: DICOM 3, source: manual}
  - {label: Secure, value: tls, source: tls}
  - {label: Certificate, value: device_certificate, when: tls, source: tls}
""")
    also = Message("The same server is also reached as {others}.", {"others": "192.0.2.5"})
    assert sheet_of(site, data).rows == (
        Row("AE Title", "ORTHANC", source="manual"),
        Row("IP", "pacs.example", note=also, source="manual"),
        Row("Port", "4242", note=Message("Below the title."), source="manual"),
        Row("My AE", "CT ONE", source="manual"),
        Row("Protocol", "DICOM 3", source="manual"),
        Row("Secure", None, words=Message("Off"), source="tls"),
    )


def test_what_the_engineer_chooses_has_no_value_but_words(tmp_path: Path) -> None:
    _, site = planned(tmp_path)
    data = made("""\
fields:
  - {label: My AE, value: own_aet, source: manual}
tls: {supported: "no", note: None., source: tls}
""")
    sheet = sheet_of(site, data, None)
    assert [row.value for row in (*sheet.rows, *sheet.send_back)] == [None] * 4
    assert all(row.words is not None for row in (*sheet.rows, *sheet.send_back))
    assert [row.value for row in sheet_of(site, data).send_back] == ["CT ONE", "192.0.2.10", "11112"]


ECHO = """\
tls: {supported: "yes", note: All of them., source: tls}
commands:
  - id: echo
    purpose: Test
    argv:
      - echoscu
      - "-aet={own_aet}"
      - when: client_certificate
        args: [+tls, "{device_key}", "{device_certificate}"]
      - when: plain
        args: [--plain]
      - "{called_aet}@{host}:{port}"
    success: It says so.
    expect_output: "{called_aet} answers"
    source: manual
  - {id: move, purpose: Fetch, needs: move, when: plain, argv: [move, "{port_back}", "{study_uid}"], success: S., \
source: manual}
  - {id: get, purpose: Fetch, needs: get, argv: [get], success: S., source: manual}
"""


def test_commands_are_quoted_and_of_what_the_caller_may(tmp_path: Path) -> None:
    _, site = planned(tmp_path)
    commands = {one.id: one for one in sheet_of(site, made(ECHO)).commands}
    assert list(commands) == ["echo", "move"]
    echo = commands["echo"]
    assert echo.text == "echoscu '-aet=CT ONE' --plain ORTHANC@pacs.example:4242"
    assert shlex.split(echo.text) == list(echo.argv)
    assert echo.expect_output == "ORTHANC answers"
    assert echo.replace == {}
    assert commands["move"].text == "move 11112 STUDY_UID"
    assert list(commands["move"].replace) == ["STUDY_UID"]


def test_commands_of_a_newcomer_have_placeholders(tmp_path: Path) -> None:
    _, site = planned(tmp_path, PRODUCTION, {})
    [echo] = sheet_of(site, made(ECHO), None).commands
    assert echo.text == "echoscu -aet=YOUR_AET +tls DEVICE.key.pem DEVICE.crt.pem ORTHANC@pacs.example:2762"
    assert list(echo.replace) == ["YOUR_AET", "DEVICE.crt.pem", "DEVICE.key.pem"]


def test_with_tls_the_files_of_the_bundle_stand_in_the_command(tmp_path: Path) -> None:
    _, site = planned(tmp_path, PRODUCTION, {})
    [echo] = sheet_of(site, made(ECHO)).commands
    assert echo.text == "echoscu -aet=CT1 +tls ct1.key.pem ct1.crt.pem ORTHANC@pacs.example:2762"


@pytest.mark.parametrize("own", ["A'B", 'A"B', "$(id)", "`id`", "A;B", "A B", "~", "*", "a{b}", "{host}", "%s", "#"])
def test_hostile_titles_stay_one_word(tmp_path: Path, own: str) -> None:
    _, site = planned(tmp_path, MINIMAL, {"modalities": {"ct1": {"aet": own, "address": "192.0.2.10"}}})
    for name in ("dcmtk", "rest"):
        for command in sheet_of(site, vendor(name)).commands:
            if command.language == "sh":
                subprocess.run(["sh", "-n", "-c", command.text], check=True)
            else:
                compile(command.text, command.id, "exec")
            if command.argv and "-aet" in command.argv:
                said = subprocess.run(
                    ["sh", "-c", f"set -- {command.text}; printf '%s\\n' \"$@\""], capture_output=True, text=True
                )
                assert said.stdout.splitlines() == list(command.argv)
                assert own in command.argv


def test_a_vendors_tests_are_of_what_the_caller_may(tmp_path: Path) -> None:
    _, site = planned(tmp_path)
    one = '  - {{what: {0}, action: Press "{0}"., success: It beeps., failure: [It burns.], source: manual}}\n'
    data = made("tests:\n" + "".join(map(one.format, ["echo", "store", "worklist", "move"])) + ECHO)
    tests = sheet_of(site, data).tests
    assert [test.action.text for test in tests] == ['Press "echo".', 'Press "store".', 'Press "move".']
    assert [one.text for one in tests[0].failures] == ["It burns."]


def test_sources_are_those_that_the_sheet_refers_to(tmp_path: Path) -> None:
    _, site = planned(tmp_path)
    data = made("""\
fields:
  - {label: AE, value: called_aet, source: manual}
  - {label: Certificate, value: authority, when: tls, source: tls}
""")
    assert list(sheet_of(site, data).sources) == ["manual"]


def test_a_title_that_is_too_long_for_the_device_is_a_warning(tmp_path: Path) -> None:
    _, site = planned(tmp_path, MINIMAL, {**TWO, "orthanc/aet": "ORTHANC_SIXTEEN1"})
    data = made("aet_longest: 12\ntls: {supported: some, note: Some., source: tls}\n" + ECHO.partition("\n")[2])
    (warning, source), *rest = sheet_of(site, data).quirks
    assert rest == []
    assert source is None
    assert warning.values == {"aet": "ORTHANC_SIXTEEN1", "length": "16", "longest": "12"}


def test_a_device_that_cannot_do_tls_is_a_warning(tmp_path: Path) -> None:
    _, site = planned(tmp_path, PRODUCTION, {})
    data = made(
        'fields: [{label: AE, value: called_aet, source: manual}]\ntls: {supported: "no", note: N., source: tls}'
    )
    assert [message.text for message, _ in sheet_of(site, data).quirks] == [
        "The site wants TLS, which these devices cannot do. Ask the site for a way without it."
    ]


def test_the_qr_code_has_the_settings_and_no_secret(tmp_path: Path) -> None:
    _, site = planned(tmp_path)
    assert sheet_of(site, vendor("dcmtk")).qr == (
        "SITE=dev\nCALLED_AET=ORTHANC\nHOST=pacs.example\nPORT=4242\nTLS=off\nAET=CT ONE\nADDRESS=192.0.2.10\n"
        "LISTENS_ON=11112\nMAY=echo,store,find,move\nRELEASE=7\nDATE=2026-11-27\n"
        f"FINGERPRINT={site.issue.fingerprint}"
    )


def test_ticks_are_of_what_the_caller_may(tmp_path: Path) -> None:
    _, site = planned(tmp_path)
    texts = [message.text for message in sheet_of(site, vendor("siemens")).checks]
    assert any("C-MOVE" in text for text in texts)
    assert not any("commitment" in text or "worklist" in text or "TLS" in text for text in texts)
    only_echo = [message.text for message in sheet_of(site, vendor("siemens"), "ws").checks]
    assert not any("C-STORE" in text or "C-MOVE" in text or "test image" in text for text in only_echo)
    newcomer = [message.text for message in sheet_of(site, vendor("siemens"), None).checks]
    assert "The site says that the device is registered. Before that, every call is refused." in newcomer


def test_every_value_of_a_message_has_its_place(tmp_path: Path) -> None:
    for text in (MINIMAL, PRODUCTION):
        plan, site = planned(tmp_path, text, TWO if text == MINIMAL else {})
        every = sheet_set(plan, site, Wanted(all_vendors=True))
        for message in messages(every):
            message.text.format(**message.values)
            assert all(f"{{{name}}}" in message.text for name in message.values), message


def messages(value: object) -> list[Message]:
    """Every message within a value."""
    if isinstance(value, Message):
        return [value]
    if isinstance(value, tuple):
        return [message for one in value for message in messages(one)]
    if isinstance(value, dict):
        return [message for one in value.values() for message in messages(one)]
    if dataclasses.is_dataclass(value):
        return [m for field in dataclasses.fields(value) for m in messages(getattr(value, field.name))]
    return []


def test_the_set_of_a_site(tmp_path: Path) -> None:
    plan, site = planned(tmp_path)
    every = sheet_set(plan, site, Wanted())
    assert [(one.id, one.vendor.id) for one in every.sheets] == [("ct1", "generic"), ("ws", "dcmtk")]
    assert [one.id for one in every.card.tests] == ["echo", "store", "system"]
    assert [message.text for message in every.card.contact] == ["{name}", "Telephone: {phone}"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(modalities=["ws"]), ["ws"]),
        (Wanted(modalities=["ct1", "ws"], vendors=["dcmtk", "rest"]), ["ct1-dcmtk", "ct1-rest", "ws", "ws-rest"]),
        (Wanted(vendors=["siemens"]), ["vendor-siemens"]),
        (Wanted(vendors=["siemens", "siemens"]), ["vendor-siemens"]),
    ],
)
def test_what_is_asked_for(tmp_path: Path, wanted: Wanted, expected: list[str]) -> None:
    plan, site = planned(tmp_path)
    assert [one.id for one in sheet_set(plan, site, wanted).sheets] == expected


def test_a_site_without_modalities_gets_sheets_for_newcomers(tmp_path: Path) -> None:
    plan, site = planned(tmp_path, MINIMAL, {})
    assert [one.id for one in sheet_set(plan, site, Wanted()).sheets] == ["vendor-generic", "vendor-dcmtk"]


def test_file_names_differ_on_every_file_system(tmp_path: Path) -> None:
    modalities = {
        name: {"aet": f"AE{number}", "address": f"192.0.2.{number + 1}"}
        for number, name in enumerate(["ct1", "CT1", "index", "Card", "network", "ct1-2"])
    }
    plan, site = planned(tmp_path, MINIMAL, {"modalities": modalities})
    names = [one.id for one in sheet_set(plan, site, Wanted()).sheets]
    assert names == ["ct1", "CT1-2", "index-2", "Card-2", "network-2", "ct1-2-2"]


@pytest.mark.parametrize(
    ("wanted", "message", "hint"),
    [
        (Wanted(modalities=["ct2"]), "there is no modality ct2", "did you mean ct1? there are: ct1, ws"),
        (Wanted(modalities=["\x1b[2J"]), "there is no modality \\x1b[2J", "there are: ct1, ws"),
        (Wanted(vendors=["simens"]), "there is no vendor simens", "did you mean siemens? there are: canon,"),
    ],
)
def test_what_is_not_there(tmp_path: Path, wanted: Wanted, message: str, hint: str) -> None:
    plan, site = planned(tmp_path)
    with pytest.raises(InputError) as caught:
        sheet_set(plan, site, wanted)
    assert caught.value.message == message
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


def test_no_secret_is_on_any_page(tmp_path: Path) -> None:
    (tmp_path / "state/dev/secrets").mkdir(parents=True)
    (tmp_path / "state/dev/secrets/admin_password").write_text("hunter2hunter2")
    said = run(tmp_path, "--all-vendors", "--format", "md", "--format", "html", "-o", str(tmp_path / "out"))
    assert said.exit_code == 0
    pages = list((tmp_path / "out").iterdir())
    assert len(pages) > 20
    assert not any(b"hunter2" in page.read_bytes() for page in pages)


def run(tmp_path: Path, *options: str, changes: dict[str, Any] | None = None) -> Result:
    file = tmp_path / "dev.yaml"
    file.write_text(
        document(MINIMAL, {**copy.deepcopy(TWO), "certificates/names": ["pacs.example"], **(changes or {})})
    )
    state = ["--state", str(tmp_path / "state")]
    return CliRunner().invoke(cli, ["sheet", str(file), *state, *options], catch_exceptions=True)


def test_the_verb_writes_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = run(tmp_path)
    assert said.exit_code == 0, said.output
    names = ["ct1.html", "ws.html", "card.html", "network.html", "index.html"]
    assert said.stdout.splitlines() == [f"sheets-dev/{name}" for name in names]
    assert sorted(path.name for path in Path("sheets-dev").iterdir()) == sorted([*names, "sheets.json"])
    index = Path("sheets-dev/index.html").read_text()
    assert all(f'href="./{name}"' in index for name in names[:-1])


def test_a_sheet_of_a_modality_that_is_gone_is_removed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(tmp_path, "-o", str(out), "--format", "md", "--format", "html")
    (out / "mine.html").write_text("kept")
    said = run(tmp_path, "-o", str(out), "--json", changes={"modalities/ws": None})
    assert json.loads(said.stdout)["removed"] == ["ws.html"]
    assert not (out / "ws.html").exists()
    assert (out / "ws.md").exists()
    assert (out / "mine.html").exists()
    again = run(tmp_path, "-o", str(out), "--format", "md", "--json", changes={"modalities/ws": None})
    assert json.loads(again.stdout)["removed"] == ["ws.md"]


def test_a_list_that_was_tampered_with_removes_nothing_elsewhere(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "precious.html").write_text("kept")
    (out / "sheets.json").write_text(json.dumps({"files": ["../precious.html", "..", ".", "", 7, None]}))
    assert run(tmp_path, "-o", str(out)).exit_code == 0
    assert (tmp_path / "precious.html").exists()


def test_one_page_goes_to_standard_output_or_a_file(tmp_path: Path) -> None:
    said = run(tmp_path, "--modality", "ct1", "--format", "md")
    assert said.stdout.startswith("# ct1")
    target = tmp_path / "deep" / "one.html"
    assert run(tmp_path, "--modality", "ct1", "-o", str(target)).stdout == f"{target}\n"
    assert target.read_bytes() == run(tmp_path, "--modality", "ct1", "-o", "-").stdout_bytes
    assert run(tmp_path, "--card", "--format", "md").stdout_bytes.decode().count("# ") > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "-"], "standard output takes one page"),
        (["--modality", "ct1", "--json", "-o", "-"], "standard output takes one page"),
        (["--language", "xx"], "there are no sheets in this language"),
        (["--host", "a b"], "--host a b: a host name has labels"),
        (["--host", "10.1"], "--host 10.1: not an IP address"),
        (["--modality", "nobody"], "there is no modality nobody"),
    ],
)
def test_what_cannot_be_asked_for(tmp_path: Path, options: list[str], message: str) -> None:
    said = run(tmp_path, *options)
    assert isinstance(said.exception, InputError)
    assert message in said.exception.message


def test_a_host_that_is_given_comes_before_the_environments(tmp_path: Path) -> None:
    said = run(tmp_path, "--modality", "ct1", "--format", "md", "--host", "other.example")
    assert "other.example" in said.stdout
    assert "pacs.example" not in said.stdout


def test_without_any_host_this_ones_addresses_are_shown_with_a_warning(tmp_path: Path) -> None:
    said = run(tmp_path, "--modality", "ct1", "--format", "md", changes={"certificates/names": None})
    assert said.exit_code == 0
    assert "certificates: {names: [...]}" in said.stderr
    assert "warning" not in said.stdout


def test_lists_what_there_is(tmp_path: Path) -> None:
    said = json.loads(run(tmp_path, "--list", "--json").stdout)
    assert said["modalities"] == {"ct1": "generic", "ws": "dcmtk"}
    assert said["vendors"]["dcmtk"] == "DCMTK"


CONTAINERS = {
    "runtime": "compose",
    "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.24"},
    "network": {"managed_from": ["192.0.2.0/24"]},
}


def release(tmp_path: Path, changes: dict[str, Any]) -> Release:
    """A release of the environment with those changes, as a deploy leaves it."""
    run(tmp_path, "--list", changes=changes)  # writes the file
    _, plan = load_plan(str(tmp_path / "dev.yaml"))
    store = ReleaseStore(tmp_path / "state/dev")
    draft = Draft("dev", Who("somebody", "host"), Source("dev.yaml"), "", "1.0.0", "1.13.0", "compose")
    return store.complete(store.begin(draft, render(plan)))


def test_the_release_that_runs_is_on_the_sheet(tmp_path: Path) -> None:
    made = release(tmp_path, CONTAINERS)
    said = json.loads(run(tmp_path, "-o", str(tmp_path / "out"), "--json", changes=CONTAINERS).stdout)
    assert (said["release"], said["date"]) == (1, made.created[:10])


def test_an_environment_that_was_changed_since_is_of_no_release(tmp_path: Path) -> None:
    release(tmp_path, CONTAINERS)
    changed = {**CONTAINERS, "modalities/ws/port": 999}
    said = run(tmp_path, "-o", str(tmp_path / "out"), "--json", changes=changed)
    assert json.loads(said.stdout)["release"] is None
    assert "release 1 runs, and the environment says something else" in said.stderr


def test_a_damaged_release_is_a_warning(tmp_path: Path) -> None:
    release(tmp_path, CONTAINERS)
    for file in (tmp_path / "state/dev/releases/0001/bundle").rglob("*.json"):
        file.unlink()
    said = run(tmp_path, "-o", str(tmp_path / "out"), "--json", changes=CONTAINERS)
    assert said.exit_code == 0
    assert json.loads(said.stdout)["release"] is None
    assert "the release that runs is not known: a file of release 1 is not as it was deployed" in said.stderr
