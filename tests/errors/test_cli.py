"""The command line in real processes: formats for machines, exit codes, and never a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.environments import MINIMAL

ROOT = Path(__file__).parents[2]
BAD = MINIMAL + "http: {port: 0}\n"


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "orthancgen", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert "Traceback" not in done.stderr + done.stdout
    assert done.returncode != 70
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.yaml").write_text(MINIMAL)
    (tmp_path / "bad.yaml").write_text(BAD)
    return tmp_path


EXIT_CODES: list[tuple[list[str], int]] = [
    (["validate", "good.yaml"], 0),
    (["validate", "bad.yaml"], 2),
    (["validate", "good.yaml", "bad.yaml"], 2),
    (["validate", "gone.yaml"], 2),
    (["validate"], 2),
    (["validate", "--format", "xml", "good.yaml"], 2),
    (["validate", "x\ny"], 2),
    (["render", "bad.yaml"], 2),
    (["render", "gone"], 2),
    (["render", "good.yaml", "-o", "good.yaml"], 2),
    (["render", "good.yaml", "-o", "/proc/x"], 3),
    (["render", "good.yaml", "-o", "good.yaml/x"], 3),
    (["render", "good.yaml", "--check", "-o", "gone"], 1),
    (["render", "good.yaml", "-o", "out"], 0),
    (["render"], 2),
    (["schema"], 0),
    (["--help"], 0),
    (["--version"], 0),
    (["valdate"], 2),
    (["--nonsense"], 2),
]


@pytest.mark.parametrize(("arguments", "code"), EXIT_CODES, ids=lambda value: str(value))
def test_exit_codes(arguments: list[str], code: int, folder: Path) -> None:
    done = run(folder, *arguments)
    assert done.returncode == code, done.stderr
    assert code == 0 or done.stdout or done.stderr


def test_a_wrong_verb_gets_a_suggestion(folder: Path) -> None:
    assert "Did you mean 'validate'?" in run(folder, "valdate").stderr


def test_render_writes_nothing_of_an_invalid_environment(folder: Path) -> None:
    done = run(folder, "render", "bad.yaml", "-o", "out")
    assert done.returncode == 2
    assert not (folder / "out").exists()
    assert "bad.yaml:6:14: http.port: error: 0 is out of range" in done.stderr
    assert "  6 | http: {port: 0}" in done.stderr
    assert "error: 1 error in bad.yaml" in done.stderr


def test_render_checks_and_changes_only_what_differs(folder: Path) -> None:
    assert run(folder, "render", "good.yaml", "-o", "out").returncode == 0
    assert run(folder, "render", "good.yaml", "-o", "out", "--check").returncode == 0
    (folder / "out/orthanc/orthanc.json").write_text("{}")
    done = run(folder, "render", "good.yaml", "-o", "out", "--check", "--json")
    assert done.returncode == 1
    states = json.loads(done.stdout)["files"]
    assert states.pop("orthanc/orthanc.json") == "change"
    assert set(states.values()) == {"identical"}
    assert (folder / "out/orthanc/orthanc.json").read_text() == "{}"


def test_text_ends_with_the_count(folder: Path) -> None:
    done = run(folder, "validate", "good.yaml", "bad.yaml")
    assert done.stdout.splitlines() == [
        "bad.yaml:6:14: http.port: error: 0 is out of range: the smallest value is 1",
        "  6 | http: {port: 0}",
        "    |              ^",
        "good.yaml: valid for Orthanc 1.13.0",
        "1 error",
    ]


def test_json(folder: Path) -> None:
    done = run(folder, "validate", "--format", "json", "bad.yaml", "gone.yaml")
    document = json.loads(done.stdout)
    assert (document["errors"], document["warnings"]) == (2, 0)
    assert document["problems"][0] == {
        "severity": "error",
        "file": "bad.yaml",
        "line": 6,
        "column": 14,
        "end_column": 15,
        "path": "http.port",
        "message": "0 is out of range: the smallest value is 1",
        "hint": None,
    }
    assert document["problems"][1]["file"] is None
    assert json.loads(run(folder, "validate", "--format", "json", "good.yaml").stdout)["problems"] == []


HOSTILE_KEYS = [
    "a\nb",
    "::error file=x::y",
    "%0A::warning::x",
    "a,b=c:d%",
    "\x1b[31mred",
    "x\r::stop-commands::t",
    "\u202ex",
    "é",
]


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_github_commands_cannot_be_forged(key: str, folder: Path) -> None:
    (folder / "hostile.yaml").write_text(MINIMAL + f"{json.dumps(key)}: 1\n", encoding="utf-8")
    done = run(folder, "validate", "--format", "github", "hostile.yaml")
    assert done.returncode == 2
    (line,) = done.stdout.splitlines()
    properties, _, message = line.removeprefix("::error ").partition("::")
    assert re.fullmatch(r"file=hostile\.yaml,line=6,col=1,endColumn=\d+,title=[^,:\n\r]*", properties)
    assert line.startswith("::error file=")
    assert message.startswith("unknown key ")
    assert line.isprintable()


def test_github_message_holds_its_hint_in_one_line(folder: Path) -> None:
    (folder / "b.yaml").write_text(MINIMAL + "htpp: {}\n")
    assert run(folder, "validate", "--format", "github", "b.yaml").stdout == (
        "::error file=b.yaml,line=6,col=1,endColumn=5,title=htpp::unknown key htpp%0Ahint: did you mean http?\n"
    )
    (folder / "100%,a:b.yaml").write_text(MINIMAL + "htpp: {}\n")
    assert run(folder, "validate", "--format", "github", "100%,a:b.yaml").stdout.startswith(
        "::error file=100%25%2Ca%3Ab.yaml,line=6,"
    )


@pytest.mark.parametrize("name", [b"\xff.yaml", "é\n.yaml".encode(), b"\x1b[31m.yaml"])
@pytest.mark.parametrize("form", ["text", "json", "github"])
def test_file_names_that_no_terminal_shows(name: bytes, form: str, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text(BAD)
    done = run(tmp_path, "validate", "--format", form, os.fsdecode(name))
    assert done.returncode == 2
    assert "\x1b" not in done.stdout
    assert form == "json" or all(line.isprintable() for line in done.stdout.splitlines())


def test_an_output_that_is_ascii_only(folder: Path) -> None:
    (folder / "é.yaml").write_text(BAD + "description: [é]\n", encoding="utf-8")
    done = run(folder, "validate", "é.yaml", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert "\\xe9.yaml:6:14" in done.stdout


def test_an_output_that_is_closed(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "orthancgen", "schema"], stdout=writer, stderr=subprocess.PIPE, cwd=folder, text=True
        )
    finally:
        os.close(writer)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["schema"], ["validate", "good.yaml"], ["audit", "good.yaml"], ["--help"]])
def test_an_output_without_room(arguments: list[str], folder: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "orthancgen", *arguments],
            stdout=full, stderr=subprocess.PIPE, cwd=folder, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.startswith("error: what the command prints or writes: No space left on device\n  hint: ")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize(
    ("closed", "code"), [(">&-", 0), ("2>&-", 0), (">&- 2>&- <&-", 0), (">/dev/full 2>&1", 3), ("2>/dev/full", 0)]
)
def test_streams_that_are_closed(closed: str, code: int, folder: Path) -> None:
    command = f'"{sys.executable}" -m orthancgen validate good.yaml {closed}'
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    command = f'"{sys.executable}" -m orthancgen render good.yaml -o out {closed}'
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
    # What is printed goes nowhere, and least of all into a file that is written.
    assert "create" not in "".join(path.read_text() for path in (folder / "out").rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "arguments", [["validate"], ["audit", "good.yaml"], ["access", "good.yaml"], ["secrets", "scan", "good.yaml"]]
)
def test_json_has_one_name_everywhere(arguments: list[str], folder: Path) -> None:
    (folder / "environments").mkdir()
    (folder / "environments" / "dev.yaml").write_text(MINIMAL)
    short, long = run(folder, *arguments, "--json"), run(folder, *arguments, "--format", "json")
    assert (short.returncode, short.stdout) == (long.returncode, long.stdout)
    assert json.loads(short.stdout)


def test_what_is_not_deployed_cannot_be_proven(folder: Path) -> None:
    done = run(folder, "verify", "good.yaml", "--state", str(folder / "state"))
    assert done.returncode == 5
    assert "hint: orthancgen deploy" in done.stderr


def test_status_says_where_it_looked(folder: Path) -> None:
    done = run(folder, "status", "good.yaml", "--state", str(folder / "state"))
    assert done.returncode == 1
    assert f"was not deployed into {folder / 'state' / 'dev'}" in done.stderr
    assert "not running" in done.stdout


@pytest.mark.parametrize("columns", ["", "0", "-1", "3", "abc", "٣", "60"])
def test_any_width_is_one_to_read_in(columns: str, folder: Path) -> None:
    done = run(folder, "validate", "good.yaml", COLUMNS=columns)
    assert (done.returncode, done.stdout) == (0, "good.yaml: valid for Orthanc 1.13.0\n")


def test_init_says_where_to_go_on(tmp_path: Path) -> None:
    assert run(tmp_path, "init", "my site").stdout.endswith(
        "next: cd 'my site', orthancgen validate, orthancgen deploy dev\n"
    )
    assert run(tmp_path / "my site", "init", ".", "--ci", "gitlab").returncode == 0
    here = tmp_path / "here"
    here.mkdir()
    assert run(here, "init").stdout.endswith("next: orthancgen validate, orthancgen deploy dev\n")


def test_init_writes_what_validates_and_never_over_it(tmp_path: Path) -> None:
    assert run(tmp_path, "init").returncode == 0
    there = {path.name: path.read_bytes() for path in (tmp_path / "environments").iterdir()}
    assert set(there) == {"base.yaml", "dev.yaml", "staging.yaml", "prod.yaml", "schema.json"}
    assert run(tmp_path, "validate").returncode == 0
    again = run(tmp_path, "init")
    assert again.returncode == 2
    assert "nothing was written" in again.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "environments").iterdir()} == there
    assert run(tmp_path, "init", "/proc/x").returncode == 3
