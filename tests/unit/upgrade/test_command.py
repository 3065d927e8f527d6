"""`orthancgen upgrade`: environments as they are shipped, exit codes, and what is said of a wrong argument."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import orthancgen.cli.upgrade
from orthancgen.cli import cli
from orthancgen.errors import InputError
from orthancgen.orthanc.keys import Version

NEWS = "https://orthanc.uclouvain.be/hg/orthanc/file/Orthanc-1.13.0/NEWS"
FIXED = """\
Vulnerabilities fixed on the way
  critical CVE-2026-5442: Orthanc 1.12.7: access out of bounds through oversized dimensions of an image
  high CVE-2025-55763: Orthanc 1.12.7: overflow in CivetWeb, the HTTP server in Orthanc
  high CVE-2026-5437: Orthanc 1.12.7: read out of bounds while the header of a DICOM file is read
  high CVE-2026-5438: Orthanc 1.12.7: a forged gzip body takes all memory
  high CVE-2026-5439: Orthanc 1.12.7: a forged ZIP archive takes all memory
  high CVE-2026-5440: Orthanc 1.12.7: a forged Content-Length takes all memory
  high CVE-2026-5441: Orthanc 1.12.7: read out of bounds in PMSCT_RLE1 decompression
  high CVE-2026-5443: Orthanc 1.12.7: access out of bounds through a palette of the wrong size
  high CVE-2026-5444: Orthanc 1.12.7: write out of bounds through a forged PAM image given to /tools/create-dicom
  high CVE-2026-5445: Orthanc 1.12.7: read out of bounds through wrong indexes into a palette
  high CVE-2026-87020: Orthanc 1.12.7: write out of bounds while a PNG or JPEG is decoded, by whoever may log in
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["upgrade", *arguments])


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orthancgen.cli.upgrade, "installed_version", lambda: Version.parse("1.12.7"))


@pytest.fixture
def prod(tmp_path: Path) -> Path:
    """The shipped production, one version earlier."""
    for name in ("base", "prod"):
        text = Path(f"environments/{name}.yaml").read_text("utf-8")
        text = text.replace("version: 1.13.0", "version: 1.12.7").replace("orthanc:26.8.1", "orthanc:25.4.0")
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    return tmp_path / "prod.yaml"


def test_production_goes_up(prod: Path) -> None:
    result = run(str(prod))
    file, base = prod, prod.with_name("base.yaml")
    assert result.exit_code == 1
    shown = result.stdout
    assert shown.startswith(
        f"{file}: Orthanc 1.12.7 -> 1.13.0, an upgrade\n"
        "\n"
        "What changes its meaning\n"
        "  key:OverwriteInstances: OverwriteInstances takes a text or true or false, no longer true or false, "
        'can be "Never" or "Always" or "IfChanged", is "Never" by default, no longer false. '
        'A boolean before 1.13.0, where a string stops the start. orthancgen writes "Never" from now on\n'
        f"    {file}:13:5: orthanc.storage.same_instance_again\n"
        f"    source: {NEWS} (read)\n"
        "  find-limits-not-applied: Orthanc 1.13.0 applies LimitFindResults and LimitFindInstances to C-FIND: "
        "whoever queries gets no more answers than that\n"
        f"    {base}:13:19: orthanc.limits.find_results\n"
        f"    source: {NEWS} (run)\n"
        "  find-answers-sequences: Orthanc 1.13.0 answers a C-FIND that asks for a sequence with its content, "
        "and finds resources that lack a private tag which was only asked for; before, the sequence came empty "
        "or not at all\n"
        f"    {file}:39:5: modalities.workstation1\n"
        f"    source: {NEWS} (read)\n"
        "  memory-in-parts: "
    )
    assert f"\n\n{FIXED}" in shown
    ending = shown.rpartition("\n\n")
    assert ending[0].endswith(
        "  key:HttpBindAddresses: orthancgen writes HttpBindAddresses from now on, "
        '["0.0.0.0"]: IP addresses that the HTTP server listens on; absent, all of them\n'
        f"    {file}:48:14: http.listen_on\n"
        "\n"
        "The index\n"
        "  schema 6 in both versions. What a newer Orthanc adds to the index stays in it: it is upgraded one way.\n"
        "\n"
        "How to do it\n"
        "  1. name a repository under backup, and make a backup\n"
        f"     orthancgen backup {file}\n"
        f"  2. {file}:10:12: write orthanc.version: 1.13.0, in place of 1.12.7\n"
        f"  3. {file}:66:12: write images.orthanc: orthancteam/orthanc:26.8.2, in place of orthancteam/orthanc:25.4.0\n"
        "  4. write down the digest of the image\n"
        f"     orthancgen pin {file}\n"
        "  5. see what a deploy would change\n"
        f"     orthancgen plan {file}\n"
        "  6. deploy; a deploy that fails is taken back\n"
        f"     orthancgen deploy {file} --reason 'Orthanc 1.13.0'"
    )
    assert re.fullmatch(
        "[0-9]{2} more that no setting here makes matter, among them what concerns DICOM peers, REST API, plugins, "
        "readers of the log: --all shows them\n",
        ending[2],
    )
    assert "\x1b" not in shown


def test_production_goes_back() -> None:
    shown = run("prod", "--to", "1.12.7").stdout
    assert shown.startswith(
        "environments/prod.yaml: Orthanc 1.13.0 -> 1.12.7, a way back\n"
        "\n"
        "What breaks\n"
        "  model: Orthanc 1.12.7 has known critical faults (CVE-2026-5437 to 5445, CVE-2026-87020 and others)\n"
        "    environments/prod.yaml:10:12: orthanc.version\n"
    )
    assert (
        "  find-limits-not-applied: Orthanc 1.12.7 does not apply LimitFindResults and LimitFindInstances to C-FIND\n"
        "    environments/base.yaml:13:19: orthanc.limits.find_results\n"
        "    do: go on to 1.12.11 or newer\n"
    ) in shown
    assert "\nVulnerabilities that come back\n  critical CVE-2026-5442: " in shown
    assert (
        "What is lost\n"
        "  key:MaximumRequestBodySizeMB: orthancgen writes MaximumRequestBodySizeMB no longer, which Orthanc 1.12.7 "
        "does not know: Largest body of an HTTP request, in MB; 0 is no limit\n"
        "    environments/base.yaml:13:5: orthanc.limits.request_megabytes\n"
        "    do: limit it in a reverse proxy, or use Orthanc 1.12.11 or newer\n"
    ) in shown
    assert "write images.orthanc: orthancteam/orthanc:25.4.0, in place of orthancteam/orthanc:26.8.1\n" in shown


def test_what_the_model_refuses_in_an_older_version_breaks() -> None:
    shown = run("prod", "--to", "1.10.1").stdout
    assert (
        "  model: Orthanc 1.10.1 cannot refuse images at the limit: it deletes the oldest patients\n"
        "    environments/base.yaml:11:16: orthanc.storage.when_full\n"
    ) in shown
    assert "  sqlite-columns-added: Orthanc 1.10.1 cannot store anything in an index that 1.12.8 or newer" in shown


def test_the_installed_orthanc_goes_up() -> None:
    result = run("dev")
    assert result.exit_code == 1
    assert result.stdout.startswith("environments/dev.yaml: Orthanc 1.12.7 -> 1.13.0, an upgrade\n")
    assert (
        "How to do it\n"
        "  1. stop it, and copy the folders of its images and of its index\n"
        "     orthancgen down dev\n"
        "  2. install Orthanc 1.13.0 on this host, in place of 1.12.7\n"
        "  3. see what a deploy would change\n"
        "     orthancgen plan dev\n"
        "  4. deploy; a deploy that fails is taken back\n"
        "     orthancgen deploy dev --reason 'Orthanc 1.13.0'\n"
    ) in result.stdout
    assert run("staging").stdout.startswith("environments/staging.yaml: Orthanc 1.12.7 -> 1.13.0, an upgrade\n")


def test_everything_is_shown_on_demand() -> None:
    few, all_ = run("staging", "--json").stdout, run("staging", "--all", "--json").stdout
    (short,), (whole,) = (json.loads(text)["reports"] for text in (few, all_))
    assert short["left_out"] > 30
    assert whole["left_out"] == 0
    assert len(whole["advice"]) == len(short["advice"]) + short["left_out"]
    assert all(row["concerns"] for row in short["advice"])
    assert "limit-zero" not in {row["id"] for row in whole["advice"]}
    assert {"DicomParserThreadsCount", "no-label"} <= {row["id"].removeprefix("key:") for row in whole["advice"]}
    assert " [REST API]\n" in run("staging", "--all").stdout


def test_each_advice_has_its_source() -> None:
    (document,) = json.loads(run("prod", "--from", "1.10.1", "--all", "--json").stdout)["reports"]
    assert document["direction"] == "upgrade"
    assert (document["from"], document["to"]) == ("1.10.1", "1.13.0")
    assert len(document["advice"]) > 100
    for row in document["advice"]:
        assert row["source"], row["id"]
        assert row["certainty"] in {"read", "run"}
        assert (row["file"] is None) == (row["line"] is None)


def test_the_newest_version_leaves_nothing_to_do() -> None:
    result = run("prod")
    assert (result.exit_code, result.stdout) == (0, "environments/prod.yaml: Orthanc 1.13.0\nnothing to do\n")


def test_the_database_is_looked_at_too(tmp_path: Path) -> None:
    text = Path("environments/prod.yaml").read_text("utf-8").replace("mongo:8.0.24", "mongo:8.0.23")
    (tmp_path / "base.yaml").write_text(Path("environments/base.yaml").read_text("utf-8"), "utf-8")
    path = tmp_path / "prod.yaml"
    path.write_text(text, "utf-8")
    assert run(str(path)).stdout == (
        f"{path}: Orthanc 1.13.0\n"
        "\n"
        "Known vulnerabilities that stay\n"
        "  high CVE-2026-9740: MongoDB 8.0.23: anyone who reaches the port ends the server, by a message of nested "
        "binary data; MongoDB 8.0.24 or newer is without it\n"
        f"    {path}:67:10: images.mongo\n"
    )
    shown = run(str(path), "--mongo", "8.0.24").stdout
    assert "Vulnerabilities fixed on the way\n  high CVE-2026-9740: MongoDB 8.0.23: " in shown
    assert "  2. write images.mongo: mongo:8.0.24, in place of mongo:8.0.23\n" in shown
    assert "--reason 'MongoDB 8.0.24'\n" in shown


@pytest.mark.parametrize(
    ("change", "id_", "what"),
    [
        ("orthanc:24.6.1", "image-of-other-version", "the image brings Orthanc 1.12.4, and 1.12.7 is said to run"),
        (
            "orthanc:26.8.1",
            "image-of-other-version",
            "the image brings Orthanc 1.13.0 already: what runs is no longer 1.12.7 once it is deployed",
        ),
        ("orthanc:blue", "image-unknown", "which Orthanc the image brings is not known by its tag blue"),
        (
            "orthanc:26.9.1",
            "image-newer-than-known",
            "the tag 26.9.1 is newer than 26.8.2, the newest one of which something is known",
        ),
    ],
)
def test_the_image_is_compared(prod: Path, change: str, id_: str, what: str) -> None:
    prod.write_text(prod.read_text("utf-8").replace("orthanc:25.4.0", change), "utf-8")
    (document,) = json.loads(run(str(prod), "--json").stdout)["reports"]
    assert what in [row["what"] for row in document["advice"] if row["id"] == id_]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("prod", "--to", "1.14.0"), "--to: Orthanc 1.14.0 is newer than 1.13.0, where the", "look for a newer"),
        (("prod", "--to", "mainline"), "--to: Orthanc mainline is newer than 1.13.0", "look for a newer"),
        (("prod", "--to", "1.9.7"), "--to: Orthanc 1.9.7 is older than 1.10.1", "go to 1.10.1 first"),
        (("prod", "--to", "1.12.12"), "--to: there is no release 1.12.12 of Orthanc", "did you mean 1.12."),
        (("prod", "--to", "1.13.0x"), "--to: 1.13.0x is no version of Orthanc", "did you mean 1.13.0?"),
        (("prod", "--to", "\x1b"), "--to: \\x1b is no version of Orthanc", "such as 1.13.0"),
        (("prod", "--to", "1.13.0"), "--to: environments/prod.yaml runs Orthanc 1.13.0", "name another"),
        (("prod", "--from", "1.5.0"), "--from: Orthanc 1.5.0 is older than 1.10.1", "go to 1.10.1 first"),
        (("prod", "--mongo", "new"), "--mongo: new is no version of MongoDB", "such as 8.0.21"),
        (("dev", "--mongo", "8.0.21"), "--mongo: which MongoDB runs is not known here", "it is told by the tag"),
        (("nowhere",), "no environment nowhere", "there are: "),
        (("./nowhere.json",), "", ""),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_an_error_with_a_remedy(arguments: tuple[str, ...], message: str, hint: str) -> None:
    error = run(*arguments).exception
    assert isinstance(error, InputError)
    assert error.message.startswith(message)
    assert (error.hint or "").startswith(hint)


def test_auto_without_an_installed_orthanc_asks_for_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orthancgen.cli.upgrade, "installed_version", lambda: None)
    error = run("dev").exception
    assert isinstance(error, InputError)
    assert error.message == "environments/dev.yaml says orthanc.version: auto, and no Orthanc is installed"
    assert run("dev", "--from", "1.12.7").exit_code == 1


def test_an_environment_newer_than_known_is_an_error(prod: Path) -> None:
    text = prod.read_text("utf-8").replace("kind: production", "kind: staging")
    prod.write_text(text.replace("version: 1.12.7", "version: 1.14.0"), "utf-8")
    error = run(str(prod)).exception
    assert isinstance(error, InputError)
    assert "orthanc.version: Orthanc 1.14.0 is newer than 1.13.0" in error.message


def test_auto_in_a_container_is_what_its_image_brings(prod: Path) -> None:
    text = prod.read_text("utf-8").replace("kind: production", "kind: staging")
    prod.write_text(text.replace("version: 1.12.7", "version: auto"), "utf-8")
    assert ": Orthanc 1.12.7 -> 1.13.0, an upgrade\n" in run(str(prod)).stdout
    prod.write_text(prod.read_text("utf-8").replace("orthanc:25.4.0", "orthanc:25.8.2"), "utf-8")
    error = run(str(prod)).exception
    assert isinstance(error, InputError)
    assert error.message.endswith("says orthanc.version: auto, and its image's tag does not tell the version")


def test_an_environment_with_other_errors_is_refused(prod: Path) -> None:
    prod.write_text(prod.read_text("utf-8").replace("aet: CT1", 'aet: "C\\\\T"'), "utf-8")
    error = run(str(prod)).exception
    assert isinstance(error, InputError)
    assert error.message.endswith(f"errors in {prod}")


def test_settings_of_the_environment_are_pointed_at(prod: Path) -> None:
    text = prod.read_text("utf-8").replace(
        "    StableAge: 60", "    HttpCompressionEnabled: true\n    ZipLoaderThreads: 2"
    )
    prod.write_text(text, "utf-8")
    shown = run(str(prod), "--from", "1.12.1").stdout
    assert f"    {prod}:16:23: orthanc.settings.ZipLoaderThreads\n    do: use StorageLoaderThreadsCount\n" in shown
    assert f"What is set holds: true\n    {prod}:15:29: orthanc.settings.HttpCompressionEnabled\n" in shown


def test_a_setting_that_is_gone_is_told_once(prod: Path) -> None:
    text = Path("environments/prod.yaml").read_text("utf-8").replace("StableAge: 60", "ZipUseUtf8: true")
    prod.write_text(text, "utf-8")
    (document,) = json.loads(run(str(prod), "--to", "1.12.10", "--json").stdout)["reports"]
    gone = [row for row in document["advice"] if row["path"] == "orthanc.settings.ZipUseUtf8"]
    assert [(row["kind"], row["id"], row["line"]) for row in gone] == [("breaks", "key:ZipUseUtf8", 15)]


def test_only_what_is_to_be_written_is_a_step() -> None:
    (document,) = json.loads(run("prod", "--from", "1.12.7", "--json").stdout)["reports"]
    assert [step["command"] for step in document["steps"]] == [
        "orthancgen backup prod",
        "orthancgen plan prod",
        "orthancgen deploy prod --reason 'Orthanc 1.13.0'",
    ]


COMPOSE = """\
services:
  orthanc:
    image: orthancteam/orthanc:24.6.1
    environment:
      DICOM_AET: "PACS"
      ORTHANC__NAME: "x"
  db:
    image: mongo:8.0.16
"""


def test_anybodys_compose_file(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE, "utf-8")
    result = run(str(file))
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{file}: orthanc: Orthanc 1.12.4 -> 1.13.0, an upgrade\n\nWhat breaks\n")
    (document,) = json.loads(run(str(file), "--json").stdout)["reports"]
    breaks = {row["id"] for row in document["advice"] if row["kind"] == "breaks"}
    assert breaks == {"no-user-refused", "image-no-user", "image-old-variables"}
    assert "CVE-2025-14847" in {row["id"] for row in document["advice"] if row["kind"] == "open"}
    assert [(step["what"], step["line"]) for step in document["steps"]][1] == (
        "write orthancteam/orthanc:26.8.2, in place of orthancteam/orthanc:24.6.1",
        3,
    )


def test_the_tag_of_anybodys_image_tells_the_version(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(COMPOSE.replace("24.6.1", "26.6.0"), "utf-8")
    assert run(str(file)).stdout.startswith(f"{file}: orthanc: Orthanc 1.12.11 -> 1.13.0, an upgrade\n")
    assert run(str(file), "--from", "1.12.9").stdout.startswith(f"{file}: orthanc: Orthanc 1.12.9 -> 1.13.0")


def test_anybodys_orthanc_json(tmp_path: Path) -> None:
    file = tmp_path / "orthanc.json"
    file.write_text(
        '{ // mine\n "Name": "x", "DicomAet": "a\\\\b",\n "RegisteredUsers": {"a:b": "s3cret-pass"}}', "utf-8"
    )
    error = run(str(file)).exception
    assert isinstance(error, InputError)
    assert error.message == f"{file} does not tell which version of Orthanc reads it"
    shown = run(str(file), "--from", "1.12.7").stdout
    assert f"    {file}:2:15: DicomAet\n" in shown
    assert f"    {file}:3:22: RegisteredUsers.a:b\n    do: choose a name without a colon\n" in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize("text", ["{", "", "[]", "[" * 100_000])
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "orthanc.json"
    file.write_text(text, "utf-8")
    assert isinstance(run(str(file), "--from", "1.12.7").exception, InputError)
