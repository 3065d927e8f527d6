"""A model of a site's own, and its card, made where they are needed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from orthancgen.resources import locate

SOURCES = locate("stack/analysis")
MAKER = Path(os.environ.get("ORTHANCGEN_ANALYSIS_PYTHON") or SOURCES / ".venv/bin/python")
"""A Python with the package onnx, which makes the model."""
MAKE = (
    "import sys, pathlib, test_onnx as t; p = pathlib.Path(sys.argv[1]); "
    "t.write_model(p, *map(int, sys.argv[2:4])); t.write_card(p, input__size=[*map(int, sys.argv[2:4])])"
)


def make_model(folder: Path, rows: int, *, with_card: bool = True) -> None:
    """A model that says bright or dark; without its card, the card that lies there is of another one."""
    folder.mkdir(exist_ok=True)
    kept = None if with_card else (folder / "card.yaml").read_bytes()
    path = os.pathsep.join((str(SOURCES), str(SOURCES / "tests")))
    command = [str(MAKER), "-c", MAKE, str(folder), str(rows), str(rows)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True, timeout=240)
    if kept is not None:
        (folder / "card.yaml").write_bytes(kept)
