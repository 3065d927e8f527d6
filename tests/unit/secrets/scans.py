"""What the tests of the scan share: a value that is a secret, and repositories of git."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from orthancgen.secrets.scan.known import KnownValues
from orthancgen.secrets.scan.run import apart

SECRET = "Kq7-vR2_mXz5TbNw"  # orthancgen: allow-secret made up for the tests


def rules(text: str, name: str = "prod.yaml") -> list[str]:
    """Rules that hold in a text, in which ``@@`` stands for a secret."""
    return [span.rule.id for span in apart(text.replace("@@", SECRET), name, KnownValues())]


def git(folder: Path, *arguments: str | bytes, given: bytes = b"") -> str:
    """What git prints; nothing of this machine's configuration is read."""
    run = subprocess.run(
        ["git", "-c", "protocol.file.allow=always", *arguments],
        cwd=folder, env=variables(folder), input=given, capture_output=True, check=True,
    )  # fmt: skip
    return os.fsdecode(run.stdout).strip()


def orthancgen(folder: Path, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a program of its own."""
    return subprocess.run(
        [sys.executable, "-m", "orthancgen", *map(str, arguments)],
        cwd=folder, env={**variables(folder), **more}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def variables(folder: Path) -> dict[str, str]:
    """The variables of a program that is run in a folder."""
    who = {f"GIT_{role}_{what}": "x@example.org" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    home = {"HOME": str(folder.parent), "ORTHANCGEN_STATE": str(folder.parent / "state")}
    return {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", **home, **who}
