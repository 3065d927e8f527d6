"""The full counts of what the viewer's own tests sample, in a real Chromium: for `make proof`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.proof import ProofFigures

pytestmark = [pytest.mark.live, pytest.mark.proof, pytest.mark.timeout(7200)]

ROOT = Path(__file__).parents[2]
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def said(file: str, **variables: str) -> str:
    """What a file of the viewer's tests prints; it must pass."""
    npm = [sys.executable, "scripts/npm.py"]
    subprocess.run([*npm, "backend", "build"], cwd=ROOT, check=True, capture_output=True)
    done = subprocess.run(
        [*npm, "viewer", "test", "--", f"tests/live/{file}.test.ts"], cwd=ROOT, env=os.environ | variables,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return COLOURS.sub("", done.stdout)


def test_arrivals(proof_figures: ProofFigures) -> None:
    printed = said("arrivals", ORTHANCGEN_ARRIVALS="20", ORTHANCGEN_PROOF="1")
    found = re.search(r"from C-STORE to an open page: 20 arrivals, (.+)", printed)
    assert found, printed
    proof_figures("studies stored by C-STORE, until an open page shows them without reloading", 20, found[1])


def test_real_images(proof_figures: ProofFigures) -> None:
    printed = said("archive", ORTHANCGEN_IMAGES="0")
    rows = {line.partition(" | ")[0]: line.rpartition(" | ")[2] for line in printed.splitlines() if " | " in line}
    compared = sum(text.startswith("drawn, off") for text in rows.values())
    drawn = sum(text.startswith("drawn") for text in rows.values())
    refused = sum(text.startswith("refused") for text in rows.values())
    result = f"drawn {drawn}, of which {compared} compared with pydicom; refused by Orthanc {refused}; "
    proof_figures(
        "real images opened in OHIF", len(rows), f"{result}known not to be shown {len(rows) - drawn - refused}"
    )


def test_hostile_files(proof_figures: ProofFigures) -> None:
    printed = said("hostile", ORTHANCGEN_HOSTILE="all")
    rows = re.findall(r"^(?!most memory)(.+): (?:not drawn|drawn), ", printed, re.MULTILINE)
    memory = re.findall(r"most memory in MiB: (.+)", printed)
    proof_figures("hostile files opened in OHIF", len(rows), f"nothing ran; most memory in MiB {memory[-1]}")
