"""`orthancgen modalities`: files as they are afterwards, exit codes, and what is said."""

from __future__ import annotations

import json
import stat
import textwrap
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import orthancgen.cli.modalities
from orthancgen.cli import cli
from orthancgen.site.load import load
from tests.support.environments import MINIMAL, PRODUCTION

BASE = """\
# shared
modalities:
  xa1: {aet: XA1, address: 192.0.2.7, vendor: canon}
  us1: {aet: US1, address: 192.0.2.8}
"""
SITE = """\
extends: base.yaml  # what is shared
environment: main
kind: staging
orthanc: {aet: ORTHANC, version: 1.13.0}

modalities:
  # the big one
  ct1:
    aet:     CT1
    address: "192.0.2.1"   # room 1
users: {admin: {role: administrator, password: {secret: admin_password}}}
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "base.yaml").write_text(BASE, "utf-8")
    file = tmp_path / "main.yaml"
    file.write_text(SITE, "utf-8")
    monkeypatch.chdir(tmp_path)
    return file


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, ["modalities", *arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result


def refused(*arguments: str) -> str:
    """What is said of wrong input; errors come out of the command as values."""
    from orthancgen.cli.output import show_error
    from orthancgen.errors import InputError

    result = CliRunner().invoke(cli, ["modalities", *arguments])
    assert isinstance(result.exception, InputError), result.output
    with pytest.MonkeyPatch.context() as patched:
        said: list[str] = []
        patched.setattr("sys.stderr.write", said.append)
        show_error(result.exception)
    return "".join(said)


def test_list_says_where_each_is_defined(site: Path) -> None:
    out = run("list", "./main.yaml").stdout
    rows = [line.split() for line in out.splitlines()]
    assert rows[0][:3] == ["name", "AET", "address"]
    assert [(row[0], row[-1]) for row in rows[1:]] == [
        ("xa1", "base.yaml:3"), ("us1", "base.yaml:4"), ("ct1", "main.yaml:8"),
    ]  # fmt: skip
    found = json.loads(run("list", "./main.yaml", "--json").stdout)["modalities"]
    assert found[0] == {
        "name": "xa1", "aet": "XA1", "address": "192.0.2.7", "port": 104, "tls": False, "may": ["echo", "store"],
        "vendor": "canon", "description": None, "file": "base.yaml", "line": 3,
    }  # fmt: skip


def test_add_change_and_remove_leave_all_else_as_it_was(site: Path) -> None:
    site.chmod(0o640)
    result = run(
        "add", "./main.yaml", "mr1", "--aet", "MR1", "--address", "192.0.2.2", "--port", "105", "--may", "echo, find"
    )
    entry = "  mr1:\n    aet: MR1\n    address: 192.0.2.2\n    port: 105\n    may: [echo, find]\n"
    assert site.read_text("utf-8") == SITE.replace("# room 1\n", f"# room 1\n{entry}")
    assert stat.S_IMODE(site.stat().st_mode) == 0o640
    assert textwrap.indent(entry, "+") in result.stdout
    assert result.stdout.endswith("main.yaml: mr1 added\nnext: orthancgen deploy ./main.yaml\n")
    run("change", "./main.yaml", "ct1", "--aet", "CT 1", "--no-tls", "--description", "x: y")
    changed = site.read_text("utf-8")
    assert changed == SITE.replace("aet:     CT1", "aet:     CT 1").replace(
        "# room 1\n", f'# room 1\n    tls: false\n    description: "x: y"\n{entry}'
    )
    assert run("change", "./main.yaml", "ct1", "--aet", "CT 1").stdout == "ct1 is so already\n"
    run("remove", "./main.yaml", "ct1")
    assert site.read_text("utf-8") == changed[: changed.index("  ct1:")] + changed[changed.index("  mr1:") :]
    assert (site.parent / "base.yaml").read_text("utf-8") == BASE
    assert {path.name for path in site.parent.iterdir()} == {"base.yaml", "main.yaml"}


def test_what_is_to_be_done_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    vpn = "{network: 10.8.0.0/24, endpoint: v.example}"
    network = f"network: {{managed_from: [192.0.2.0/24], firewall: [nftables, wireguard], vpn: {vpn}}}\n"
    (tmp_path / "prod.yaml").write_text(PRODUCTION + network, "utf-8")
    result = run("add", "./prod.yaml", "far", "--aet", "FAR", "--address", "10.8.0.2", "--tls")
    assert [line for line in result.stdout.splitlines() if line.startswith("next: ")] == [
        "next: orthancgen deploy ./prod.yaml",
        "next: load the firewall's rules anew, as with orthancgen firewall apply ./prod.yaml --revert-after 120",
        "next: orthancgen firewall vpn ./prod.yaml -o vpn, for the keys of the VPN",
        "next: orthancgen certs bundle ./prod.yaml far -o far-files, for its vendor",
    ]


def test_what_is_inherited_is_changed_and_removed_in_the_environment_s_own_file(site: Path) -> None:
    result = run("change", "./main.yaml", "xa1", "--port", "11112")
    assert "xa1: defined in base.yaml, which stays; what differs is in main.yaml\n" in result.stdout
    assert "  xa1:\n    port: 11112\n" in site.read_text("utf-8")
    result = run("remove", "./main.yaml", "us1")
    assert (
        "us1: defined in base.yaml, which stays; a key without a value, which takes it out, is in main.yaml"
        in result.stdout
    )
    run("remove", "./main.yaml", "xa1")
    loaded = load(site)
    assert list(loaded.require().modalities) == ["ct1"]
    assert site.read_text("utf-8").endswith("  xa1:\n  us1:\n" + SITE[SITE.index("users:") :])
    assert (site.parent / "base.yaml").read_text("utf-8") == BASE


def test_what_had_been_taken_out_does_not_come_back_by_itself(site: Path) -> None:
    site.write_text(SITE[: SITE.index("modalities:")] + "modalities:\n" + SITE[SITE.index("users:") :], "utf-8")
    before = site.read_bytes()
    said = refused("add", "./main.yaml", "ct9", "--aet", "CT9", "--address", "192.0.2.9")
    assert "what main.yaml had taken out of the file it extends would be back: us1, xa1" in said
    assert site.read_bytes() == before


def test_a_dry_run_writes_nothing(site: Path) -> None:
    before = site.stat()
    result = run("remove", "./main.yaml", "ct1", "--dry-run")
    assert "-    aet:     CT1\n" in result.stdout
    assert result.stdout.endswith("main.yaml: nothing was written (ct1 removed)\n")
    assert site.stat() == before


def test_an_invalid_result_is_not_written_and_told_as_validate_does(site: Path) -> None:
    said = refused("add", "./main.yaml", "ct2", "--aet", "ct1", "--address", "ct2.example")
    assert "main.yaml:12:10: modalities.ct2.aet: error: ct1 is the AE title of ct1 too\n  12 |     aet: ct1\n" in said
    assert "main.yaml:13:14: modalities.ct2.address: error: ct2.example is a name, and Orthanc compares" in said
    assert said.endswith("error: 2 errors in main.yaml\n")
    assert site.read_text("utf-8") == SITE


def test_wrong_values_are_told_all_at_once(site: Path) -> None:
    said = refused(
        "add", "./main.yaml", "ct 2", "--aet", "CT\n2", "--address", "192.0.2.300", "--port", "1_0", "--may", "stor",
        "--vendor", "simens", "--description", "\x1b[2J",
    )  # fmt: skip
    assert "error: 7 values are wrong; nothing was written" in said
    assert "did you mean store?" in said
    assert "\x1b" not in said
    assert site.read_text("utf-8") == SITE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("add", "./main.yaml", "xa1", "--aet", "X", "--address", "192.0.2.9"),
            "xa1 is in the environment already (base.yaml:3)",
        ),
        (("change", "./main.yaml", "ct2", "--port", "1"), "no modality ct2 in main.yaml\n  hint: did you mean ct1?"),
        (("change", "./main.yaml", "ct1"), "nothing to change was named"),
        (("remove", "./main.yaml", "ct2"), "no modality ct2"),
        (("import", "./main.yaml", "none.csv"), "cannot read none.csv: No such file or directory"),
        (("check", "./main.yaml", "ct2", "mr\n2"), "no modality ct2, mr\\n2"),
        (("list", "./none.yaml"), "no environment ./none.yaml"),
    ],
)
def test_wrong_arguments(site: Path, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(*arguments)


def test_an_environment_with_an_error_elsewhere_is_told_and_one_here_is_mended(site: Path) -> None:
    site.write_text(SITE.replace('"192.0.2.1"', '"192.0.2.300"'), "utf-8")
    run("change", "./main.yaml", "ct1", "--address", "192.0.2.3")
    assert "address: 192.0.2.3   # room 1" in site.read_text("utf-8")
    site.write_text(SITE.replace("kind: staging", "kind: stagin"), "utf-8")
    assert "main.yaml:3:7: kind: error:" in refused("remove", "./main.yaml", "ct1")
    for entry in ("modalities: [ct1]", "modalities: x", "modalities: {ct1: 5, a: {}}", "modalities: {ct1: [a]}"):
        site.write_text(SITE[: SITE.index("modalities:")] + entry + "\n" + SITE[SITE.index("users:") :], "utf-8")
        assert "error: a section with keys is wanted here" in refused("remove", "./main.yaml", "ct1")
    site.write_text("a: [", "utf-8")
    assert "not YAML" in refused("remove", "./main.yaml", "ct1")
    site.write_text(SITE, "utf-8")
    (site.parent / "base.yaml").write_text("a: &b c", "utf-8")
    assert "base.yaml:1:4: error: an anchor" in refused("remove", "./main.yaml", "ct1")


def test_a_file_that_was_changed_meanwhile_is_left_alone(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orthancgen.modalities import prepare

    real, other = prepare.save, SITE.replace("room 1", "room 2")

    def late(prepared: prepare.Prepared) -> None:
        site.write_text(other, "utf-8")
        real(prepared)

    monkeypatch.setattr(prepare, "save", late)
    assert "main.yaml was changed meanwhile" in refused("remove", "./main.yaml", "ct1")
    assert site.read_text("utf-8") == other


def test_bytes_that_are_no_business_of_ours_stay(site: Path) -> None:
    text = ("\ufeff" + SITE).replace("\n", "\r\n")
    site.write_bytes(text.encode("utf-8"))
    run("change", "./main.yaml", "ct1", "--port", "105")
    assert site.read_bytes() == text.replace("# room 1\r\n", "# room 1\r\n    port: 105\r\n").encode("utf-8")


def test_a_link_stays_a_link(site: Path) -> None:
    real = site.with_name("real.yaml")
    site.rename(real)
    site.symlink_to("real.yaml")
    run("change", "./main.yaml", "ct1", "--port", "105")
    assert site.is_symlink()
    assert "port: 105" in real.read_text("utf-8")


def test_secrets_do_not_stand_in_the_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dev.yaml").write_text(
        MINIMAL.replace("{secret: admin_password}", "hunter2") + "modalities: {}\n", "utf-8"
    )
    result = CliRunner().invoke(cli, ["modalities", "add", "./dev.yaml", "a", "--aet", "A", "--address", "192.0.2.1"])
    assert "hunter2" not in result.output + str(result.exception)


def test_import_adds_all_or_nothing(site: Path) -> None:
    rows = site.with_name("rows.csv")
    rows.write_bytes("AE Title;IP;Raum\r\nMR2;192.0.2.2;Röntgen, 2\r\nXA1;192.0.2.70;\r\n".encode("cp1252"))
    said = refused("import", "./main.yaml", "rows.csv")
    assert "rows.csv:3:1: error: xa1 is in the environment already\n  3 | XA1;192.0.2.70;\n" in said
    assert "rows.csv:2:16: warning: the file is no UTF-8" in said
    assert site.read_text("utf-8") == SITE
    result = run("import", "./main.yaml", "rows.csv", "--update")
    entries = (
        '  mr2:\n    aet: MR2\n    address: 192.0.2.2\n    description: "Röntgen, 2"\n  xa1:\n    address: 192.0.2.70\n'
    )
    assert site.read_text("utf-8") == SITE.replace("# room 1\n", f"# room 1\n{entries}")
    assert "main.yaml: 1 added, 1 changed\n" in result.stdout
    assert run("import", "./main.yaml", "rows.csv", "--update").stdout == "all of it is in the environment already\n"


def test_import_of_what_is_invalid_in_the_environment(site: Path) -> None:
    site.with_name("rows.csv").write_text("name,aet,ip\northancgen-x,OX,192.0.2.5\nus2,ORTHANC,192.0.2.8\n", "utf-8")
    result = run("import", "./main.yaml", "rows.csv")
    assert "\n+  x:\n" in result.stdout
    assert "modalities.us2.aet: warning: ORTHANC is the AE title of Orthanc itself" in result.stderr
    assert "modalities.us2.address: warning: 192.0.2.8, port 104, is us1 too" in result.stderr


def test_only_new_warnings_are_told(site: Path) -> None:
    site.write_text(SITE + "secrets: {unused: {file: /run/unused}}\n", "utf-8")
    assert run("change", "./main.yaml", "ct1", "--port", "105").stderr == ""
    assert (
        "main.yaml:10:14: modalities.ct1.address: warning"
        in run("change", "./main.yaml", "ct1", "--address", "192.0.2.7").stderr
    )


def test_two_thousand_are_imported_in_seconds(site: Path) -> None:
    rows = "".join(f"M{n},192.0.{n // 250}.{n % 250 + 1}\n" for n in range(500, 2450))
    site.with_name("rows.csv").write_text(f"aet,ip\n{rows}", "utf-8")
    started = time.process_time()
    result = run("import", "./main.yaml", "rows.csv")
    assert time.process_time() - started < 60
    assert "... and more\n" in result.stdout
    assert "main.yaml: 1950 added, 0 changed\n" in result.stdout


def test_the_template_is_printed() -> None:
    assert run("import", "--template").stdout.splitlines()[0] == "name,aet,address,port,vendor,tls,may,description"


def test_the_installed_version_is_asked_for_only_where_the_environment_says_auto(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> None:
        raise AssertionError("asked")

    monkeypatch.setattr(orthancgen.cli.modalities, "installed_version", never)
    run("change", "./main.yaml", "ct1", "--port", "105")
