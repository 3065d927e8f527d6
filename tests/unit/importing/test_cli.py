"""The verb in real processes: what is written where, exit codes, and never a traceback or a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orthancgen.site.load import load

SECRET = "correct-horse-battery"
ORIGINAL = f'{{"DicomAet": "PACS", "RegisteredUsers": {{"anna": "{SECRET}"}}, "StableAge": 90}}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orthanc.json").write_text(ORIGINAL)
    return tmp_path


def run(folder: Path, *arguments: str, expected: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "orthancgen", "import", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "ORTHANCGEN_STATE": str(folder / "state")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "Traceback" not in done.stderr + done.stdout
    assert SECRET not in done.stderr + done.stdout
    assert done.returncode == expected, done.stdout + done.stderr
    return done


def test_it_writes_the_environment_and_its_secrets(folder: Path) -> None:
    done = run(folder, "orthanc.json", "--orthanc", "1.10.1")
    loaded = load(folder / "environments" / "orthanc.yaml")
    assert loaded.require().orthanc.aet == "PACS"
    secret = folder / "state" / "orthanc" / "secrets" / "anna_password"
    assert secret.read_text() == SECRET
    assert secret.stat().st_mode & 0o777 == 0o600
    assert SECRET not in (folder / "environments" / "orthanc.yaml").read_text()
    assert "What became of the keys" in done.stdout
    assert "   1  kept as a setting" in done.stdout
    assert "environments/orthanc.yaml: written" in done.stdout
    assert done.stdout.endswith(
        "next: orthancgen validate orthanc; orthancgen audit orthanc; orthancgen render orthanc -o bundle\n"
    )


def test_the_result_is_valid_for_the_other_verbs(folder: Path) -> None:
    run(folder, "orthanc.json", "--name", "pacs", "--orthanc", "1.10.1")
    for arguments in (["validate", "pacs"], ["render", "pacs", "-o", "bundle"]):
        done = subprocess.run(
            [sys.executable, "-m", "orthancgen", *arguments], cwd=folder, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, done.stderr
    rendered = json.loads((folder / "bundle/orthanc/orthanc.json").read_text())
    assert rendered["StableAge"] == 90
    run(folder, "bundle", "--name", "again")
    again = load(folder / "environments/again.yaml").require()
    assert again == load(folder / "environments/pacs.yaml").require().model_copy(update={"environment": "again"})


def test_every_key_is_told_when_it_is_asked_for(folder: Path) -> None:
    done = run(folder, "orthanc.json", "-v", "--orthanc", "1.10.1")
    assert "orthanc.json:1:2: DicomAet carried -> orthanc.aet" in done.stdout
    assert "StableAge kept as a setting -> orthanc.settings.StableAge" in done.stdout
    assert "RegisteredUsers.anna moved to a secret -> users.anna.password: the secret anna_password" in done.stdout
    assert "WebDavEnabled default spelled out -> orthanc.web_dav" in done.stdout


def test_nothing_is_overwritten_without_being_told_to(folder: Path) -> None:
    run(folder, "orthanc.json")
    before = (folder / "environments/orthanc.yaml").read_text()
    (folder / "orthanc.json").write_text(ORIGINAL.replace("PACS", "OTHER").replace(SECRET, "another-password"))
    done = run(folder, "orthanc.json", expected=2)
    assert "environments/orthanc.yaml is there already; nothing was written" in done.stderr
    done = run(folder, "orthanc.json", "-o", "other.yaml", "--name", "orthanc", expected=2)
    assert "has other values of anna_password already; nothing was written" in done.stderr
    assert "another-password" not in done.stdout + done.stderr
    assert (folder / "environments/orthanc.yaml").read_text() == before
    assert (folder / "state/orthanc/secrets/anna_password").read_text() == SECRET
    run(folder, "orthanc.json", "--force")
    assert load(folder / "environments/orthanc.yaml").require().orthanc.aet == "OTHER"
    assert (folder / "state/orthanc/secrets/anna_password").read_text() == "another-password"


def test_a_dry_run_writes_nothing_and_prints_the_environment(folder: Path) -> None:
    done = run(folder, "orthanc.json", "--dry-run")
    assert sorted(path.name for path in folder.iterdir()) == ["orthanc.json"]
    assert done.stdout.startswith("# yaml-language-server")
    assert done.stdout.rstrip().endswith("runtime: native")
    assert "What became of the keys" in done.stderr


def test_secrets_may_lie_in_a_folder_of_the_callers_choice(folder: Path) -> None:
    run(folder, "orthanc.json", "--secrets", "private")
    assert (folder / "private/anna_password").read_text() == SECRET
    assert (folder / "private").stat().st_mode & 0o777 == 0o700
    site = load(folder / "environments/orthanc.yaml").require()
    assert site.secrets["anna_password"].file == str(folder / "private/anna_password")
    assert not (folder / "state").exists()


def test_json(folder: Path) -> None:
    document = json.loads(run(folder, "orthanc.json", "--json", "--orthanc", "1.10.1").stdout)
    assert document["environment"] == "orthanc"
    assert document["file"] == "environments/orthanc.yaml"
    assert document["complete"] is True
    assert document["orthanc"] == "1.10.1"
    assert document["secrets"] == ["anna_password"]
    assert document["text"] == (folder / "environments/orthanc.yaml").read_text()
    (note,) = [one for one in document["notes"] if one["path"] == ["DicomAet"]]
    assert note == {
        "path": ["DicomAet"], "outcome": "carried", "message": "", "file": "orthanc.json", "line": 1, "column": 2,
        "to": ["orthanc", "aet"], "hint": None, "counts": False,
    }  # fmt: skip
    assert {"path": ["LuaScripts"], "original": [], "ours": ["orthancgen.lua"]}.items() <= next(
        one for one in document["differences"] if one["path"] == ["LuaScripts"]
    ).items()
    assert [problem["path"] for problem in document["refused_in_production"]] == ["orthanc.version"]


def test_something_that_was_not_carried_over(folder: Path) -> None:
    (folder / "orthanc.json").write_text('{"DicomCheckCallingAet": true, "LuaScripts": ["x.lua"]}')
    done = run(folder, "orthanc.json", "--orthanc", "1.13.0", expected=1)
    assert "orthanc.json:1:2: DicomCheckCallingAet never existed" in done.stdout
    assert "hint: write `dicom: {ae_checks: {calling_aet: registered}}`" in done.stdout
    assert (folder / "environments/orthanc.yaml").exists()


def test_a_production_environment_that_is_refused_is_written_and_told(folder: Path) -> None:
    done = run(folder, "orthanc.json", "--kind", "production", "--orthanc", "1.10.1", expected=1)
    assert (
        "environments/orthanc.yaml:9:12: orthanc.version: error: Orthanc 1.10.1 has known critical faults"
        in done.stderr
    )
    assert load(folder / "environments/orthanc.yaml").errors


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["gone.json"], "there is no gone.json"),
        (["broken.json"], "nothing was written"),
        (["empty"], "there is no configuration of Orthanc"),
        (["two.yaml"], "there are 2 Orthancs"),
        (["two.yaml", "--service", "c"], "there is no Orthanc of the service c"),
        (["orthanc.json", "--orthanc", "latest"], "no version of Orthanc"),
        (["orthanc.json", "--name", "Not A Name"], "--name: an environment's name"),
        (["orthanc.json", "--kind", "live"], "Invalid value for '--kind'"),
        ([], "Missing argument"),
    ],
)
def test_bad_input(folder: Path, arguments: list[str], words: str) -> None:
    (folder / "broken.json").write_text('{"Name": ')
    (folder / "empty").mkdir()
    (folder / "two.yaml").write_text("services: {a: {image: jodogne/orthanc}, b: {image: jodogne/orthanc}}")
    done = run(folder, *arguments, expected=2)
    assert words in done.stderr
    assert not (folder / "environments").exists()


def test_one_of_two_services(folder: Path) -> None:
    (folder / "two.yaml").write_text(
        "services: {a: {image: 'jodogne/orthanc:1.12.7'}, b: {image: 'orthancteam/orthanc:25.4.2'}}"
    )
    run(folder, "two.yaml", "--service", "b", expected=1)
    assert load(folder / "environments/b.yaml").require().images.orthanc == "orthancteam/orthanc:25.4.2"


def test_places_that_cannot_be_written(folder: Path) -> None:
    done = run(folder, "orthanc.json", "-o", "/proc/x.yaml", expected=3)
    assert "nothing was written" in done.stderr
    assert not (folder / "state").exists()
