from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from pynetdicom.pdu import A_ASSOCIATE_RQ, P_DATA_TF

from orthancgen.doctor.remote import script
from orthancgen.doctor.remote_causes import CAUSES
from orthancgen.doctor.remote_wire import echo
from orthancgen.errors import InputError
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.model import Plan
from orthancgen.resources import locate
from tests.support.environments import NEWEST, site_of
from tests.support.servers import require_program

TEXT = """\
environment: here
kind: development
orthanc: {aet: ORTHANC, version: 1.13.0}
modalities: {ct1: {aet: CT1, address: 192.0.2.10}}
users: {admin: {role: administrator, password: {secret: admin_password}}}
"""
HOSTILE_AET = "A'$(id)`x`%s \"!;"


def made(changes: dict[str, object] | None = None) -> Plan:
    return build_plan(site_of(TEXT, dict(changes or {})), NEWEST)


@pytest.mark.parametrize(("called", "calling"), [("ORTHANC", "CT1"), ("A" * 16, "B" * 16), (HOSTILE_AET, "x y")])
def test_the_bytes_are_a_c_echo(called: str, calling: str) -> None:
    said = echo(called, calling)
    request = A_ASSOCIATE_RQ()
    request.decode(said.associate)
    assert (request.called_ae_title, request.calling_ae_title) == (called, calling)
    assert [one.abstract_syntax for one in request.presentation_context] == ["1.2.840.10008.1.1"]
    assert said.associate[:2] == b"\x01\x00"
    message = P_DATA_TF()
    message.decode(said.echo)
    assert b"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x00" in said.echo  # (0000,0100) C-ECHO-RQ: PS3.7 table 9.3-12
    assert said.release == b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"
    assert b"\xff" not in said.associate + said.echo + said.release


@pytest.mark.parametrize("shell", ["sh", "powershell"])
def test_the_same_environment_gives_the_same_script_in_ascii(shell: str) -> None:
    changes: dict[str, object] = {"contact/name": "Klinik M\u00fcller \u2014 PACS", "contact/phone": "+00 0"}
    first = script(made(changes), "ct1", shell, ("pacs.example",))
    assert first == script(made(changes), "ct1", shell, ("pacs.example",))
    assert first.isascii()
    assert "Klinik Muller  PACS +00 0" in first
    assert (first.count("\r\n") == first.count("\n")) is (shell == "powershell")


def test_the_sh_script_is_clean_for_shellcheck_and_every_shell(tmp_path: Path) -> None:
    shellcheck = require_program("shellcheck", "apt-get install shellcheck")
    variants: tuple[dict[str, object], ...] = (
        {},
        {"dicom/tls": {"enabled": True}, "modalities/ct1/tls": True},
        {"http/listen_on": "0.0.0.0", "orthanc/aet": HOSTILE_AET, "modalities/ct1/aet": HOSTILE_AET},
    )
    for number, changes in enumerate(variants):
        file = tmp_path / f"{number}.sh"
        file.write_text(script(made(changes), "ct1", "sh", ("2001:db8::5",)))
        options = ["-e", "SC2016"] if number == 2 else []  # hostile values look like expressions that do not expand
        done = subprocess.run([shellcheck, "--shell=sh", *options, file], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")
        for shell in (["dash"], ["bash", "--posix"], [require_program("busybox"), "sh"]):
            subprocess.run([*shell, "-n", file], check=True, capture_output=True)


def test_values_stand_quoted_and_do_nothing(tmp_path: Path) -> None:
    text = script(made({"orthanc/aet": HOSTILE_AET, "modalities/ct1/aet": "$(echo hi)"}), "ct1", "sh", ("127.0.0.1",))
    head = text.split("CA=''")[0] + 'printf \'%s|%s\' "$CALLED" "$CALLING"\nsay_associate | wc -c'
    done = subprocess.run(["dash", "-c", head], capture_output=True, text=True, check=True, cwd=tmp_path)
    size = len(echo(HOSTILE_AET, "$(echo hi)").associate)
    assert done.stdout.replace(" ", "") == f"{HOSTILE_AET}|$(echo hi){size}\n".replace(" ", "")
    windows = script(made({"orthanc/aet": HOSTILE_AET}), "ct1", "powershell", ("127.0.0.1",))
    assert "$Called = '" + HOSTILE_AET.replace("'", "''") + "'\r\n" in windows


def test_every_cause_of_the_scripts_is_in_the_table_and_the_other_way_round() -> None:
    known = {one.id for one in CAUSES}
    assert len(known) == len(CAUSES)
    for name, pattern in (("from.sh.j2", r"\bcause ([a-z]+-[a-z-]+) "), ("from.ps1.j2", r"Exit-Cause '([a-z-]+)'")):
        text = (locate("templates") / "doctor" / name).read_text()
        assert set(re.findall(pattern, text)) == known, name


def test_ports_of_the_web_side_are_compared_only_where_they_can_be_reached() -> None:
    assert "\nWEB_PORTS=''\n" in script(made(), "ct1", "sh", ("pacs.example",))
    reachable = script(made({"http/listen_on": "0.0.0.0"}), "ct1", "sh", ("pacs.example",))
    assert "\nWEB_PORTS='8042/no'\n" in reachable
    assert "\nWEB_PORTS='8042/no 8001/no'\n" in script(made(), "ct1", "sh", ("127.0.0.1",))


def test_how_the_site_is_reached_comes_from_the_environment() -> None:
    text = script(made({"certificates": {"names": ["pacs.example"]}}), "ct1", "sh", ())
    assert "\nHOST=pacs.example\n" in text
    with pytest.raises(InputError) as caught:
        script(made(), "ct1", "sh", ())
    assert "--host" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "host", ["", "a b", "$(id)", "-oProxy", "x;y", "a\nb", "\u00e9.example", "'", "a" * 300, "fe80::1%eth0", "\ud800"]
)
def test_a_host_that_is_none_is_refused(host: str) -> None:
    with pytest.raises(InputError):
        script(made(), "ct1", "sh", (host,))


def test_an_unknown_modality_or_shell_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        script(made(), "ct9", "sh", ("127.0.0.1",))
    assert "ct1" in (caught.value.hint or "")
    with pytest.raises(InputError):
        script(made(), "ct1", "fish", ("127.0.0.1",))


def test_no_secret_is_in_it() -> None:
    for shell in ("sh", "powershell"):
        text = script(made(), "ct1", shell, ("127.0.0.1",))
        assert "admin" not in text.replace("administrator", "")
