"""Set-ups of Orthanc in the many styles that are found in the wild, each with what an import of it is to give.

A folder a set-up. Its ``expect.yaml`` says what is imported (``files``, ``options``), the exit code, how many keys
became what (``outcomes``), everything that somebody should look at (``attention``), how many differences there are,
whether Orthanc 1.10.1 starts on it (``starts``), and who is let in after the import: the ``same``, ``fewer``,
or ``more`` where a mistake is mended.
The default file that Orthanc prints is edited as ``edits.yaml`` says: it is Orthanc's own text, and not kept here.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import yaml

from tests.support.servers import require_program

FOLDER: Final = Path(__file__).parent
EDITS: Final = "edits.yaml"


@dataclass(frozen=True)
class Sample:
    """One set-up, and what is expected of its import."""

    name: str
    files: tuple[str, ...]
    options: tuple[str, ...]
    exit: int
    outcomes: Mapping[str, int]
    attention: tuple[str, ...]
    differences: int
    starts: bool
    admits: Literal["same", "fewer", "more"]
    environment: Mapping[str, str]
    """Variables with which the original runs; the import does not know them."""
    secrets: tuple[str, ...]
    """Words that nothing may show."""

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return FOLDER / self.name

    @property
    def contained(self) -> bool:
        """Whether it is a compose file."""
        return self.files[0].endswith((".yml", ".yaml"))

    def copied(self, folder: Path) -> list[Path]:
        """The set-up in a folder of its own, and the paths to import."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("expect.yaml", EDITS))
        if (self.folder / EDITS).is_file():
            (folder / self.files[0]).write_text(edited(self.folder / EDITS), encoding="utf-8")
        return [folder / file for file in self.files]


def edited(edits: Path) -> str:
    """The default file of the installed Orthanc with some places changed."""
    command = [require_program("Orthanc"), "--config=-"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=240).stdout
    for before, after in yaml.safe_load(edits.read_text(encoding="utf-8")):
        assert before in text, before
        text = text.replace(before, after, 1)
    return text


def samples() -> list[Sample]:
    """All set-ups, by name."""
    return [_sample(path) for path in sorted(FOLDER.glob("[0-9]*")) if path.is_dir()]


def _sample(folder: Path) -> Sample:
    said: dict[str, Any] = yaml.safe_load((folder / "expect.yaml").read_text(encoding="utf-8"))
    return Sample(
        folder.name,
        tuple(said["files"]),
        tuple(said.get("options", ())),
        said["exit"],
        said.get("outcomes", {}),
        tuple(said.get("attention", ())),
        said.get("differences", 0),
        said.get("starts", False),
        said.get("admits", "same"),
        said.get("environment", {}),
        tuple(said.get("secrets", ())),
    )
