"""firewall.sh of every dialect of a host: a clean script of POSIX shells; it says what it does and refuses the rest."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from orthancgen.errors import RenderError
from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.render.quoting import line_comment, network, rule_text, rule_word, shell
from tests.support.policies import generated
from tests.support.servers import require_program

HOSTS = [
    dialect
    for dialect in DIALECTS.values()
    if dialect.where == "host" and "firewall.sh" in [f.path for f in dialect.files]
]
each = pytest.mark.parametrize("name", [dialect.name for dialect in HOSTS])


@pytest.fixture
def folder(name: str, tmp_path: Path) -> Path:
    """The files of a dialect, in a folder whose name a shell would take apart."""
    made = generated(5, tmp_path, firewall=name)
    written = tmp_path / "a $HOME folder; 'quoted'"
    written.mkdir()
    for file in DIALECTS[name].files:
        (written / file.path).parent.mkdir(parents=True, exist_ok=True)
        (written / file.path).write_text(file.build(made.plan, made.policy))
    return written


def run(folder: Path, *arguments: str, user: str | None = None, shell: str = "sh") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "ORTHANCGEN_FIREWALL_STATE": str(folder.parent / "state")}
    return subprocess.run(
        [shell, str(folder / "firewall.sh"), *arguments], capture_output=True, text=True, timeout=120, check=False,
        env=environment, user=user,
    )  # fmt: skip


@each
def test_shells_and_linters_take_it(name: str, folder: Path) -> None:
    script = str(folder / "firewall.sh")
    linted = subprocess.run(
        [require_program("shellcheck", "apt-get install shellcheck"), "--shell=sh", script], capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert linted.returncode == 0, linted.stdout
    for shell_name in ("dash", "bash"):
        subprocess.run([shell_name, "-n", script], check=True)


@each
def test_help_tells_all_and_needs_nothing(name: str, folder: Path) -> None:
    for arguments in (["-h"], ["--help"], ["apply", "-h"], ["status", "--help"]):
        done = run(folder, *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        for word in ("check", "apply", "--revert-after", "--replace", "confirm", "undo", "status", "Exit:"):
            assert word in done.stdout
    assert not (folder.parent / "state").exists()


@each
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["load"],
        ["check", "now"],
        ["undo", "--all"],
        ["apply", "now"],
        ["apply", "--revert-after"],
        ["apply", "--revert-after", "0"],
        ["apply", "--revert-after", "-1"],
        ["apply", "--revert-after", "1;id"],
        ["apply", "--revert-after", "86401"],
        ["apply", "--revert-after=ten"],
        ["apply", "--revert-after", "99999999999999999999"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_said_in_a_line(name: str, folder: Path, arguments: list[str]) -> None:
    done = run(folder, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("firewall.sh: ")
    assert done.stderr.count("\n") == 1
    assert not (folder.parent / "state").exists()


@each
@pytest.mark.skipif(os.geteuid() != 0, reason="becoming somebody else needs root")
@pytest.mark.parametrize("command", ["check", "apply", "confirm", "undo", "status"])
def test_only_root_may(name: str, folder: Path, command: str) -> None:
    for path in (folder, *folder.parents):
        if path.stat().st_uid == os.geteuid() and "pytest" in str(path):
            path.chmod(0o755)
    done = run(folder, command, user="nobody")
    assert done.returncode == 4
    assert "only root may do this" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (folder.parent / "state").exists()


@pytest.mark.parametrize(
    ("encoder", "taken", "refused"),
    [
        (shell, {"a b": "'a b'", "it's": "'it'\"'\"'s'", "$x": "'$x'"}, ["a\nb", "\x1b", "é", "\u202e"]),
        (
            rule_text,
            {"DICOM modality ct-1": '"DICOM modality ct-1"'},
            ['a"', "a\n", "a\\", "", "a" * 61, "é", "$", "#"],
        ),
        (rule_word, {"tcp": "tcp", "env-1": "env-1"}, ["", "-A", "a b", "tcp;", "a\n"]),
        (line_comment, {"modality ct1": "modality ct1"}, ["a\nb", "a\\", "é", "\r"]),
        (
            network,
            {"10.0.0.0/8": "10.0.0.0/8", "::/0": "::/0", "fd00::/8": "fd00::/8"},
            ["10.0.0.1/8", "10.0.0.0", "FD00::/8", "fe80::1%eth0/128", "", "a", "10.0.0.0/8 accept", "10.0.0.0/8\n"],
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_encoders(encoder, taken, refused) -> None:  # type: ignore[no-untyped-def]
    for value, written in taken.items():
        assert encoder(value) == written
    for value in refused:
        with pytest.raises(RenderError):
            encoder(value)
