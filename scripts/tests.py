"""Run the tests in several processes at once: most of them wait for containers, servers and time limits.

Beside each other run what is on a container engine, what starts servers of this host (in four parts), everything else,
and the tests of the backend and of the viewer. The output of each follows when it has ended. Exit 1 where one fails.
Arguments go to pytest.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

NO_CACHE: Final = ("-p", "no:cacheprovider")
PYTEST: Final = (sys.executable, "-m", "pytest", *sys.argv[1:])
PROOFS: Final = ("test_access", "test_arrival", "test_firewall", "test_verify", "test_wireguard")
LIVE: Final = sorted(str(path) for path in Path("tests/live").glob("test_*.py"))
OF_PROOFS: Final = tuple(path for path in LIVE if Path(path).name.startswith(PROOFS))
OF_SITES: Final = tuple(
    path
    for path in LIVE
    if Path(path).name.startswith(("test_doctor", "test_modalities", "test_sheets", "test_viewer"))
)
OF_MORE: Final = tuple(
    path
    for path in LIVE
    if Path(path).name.startswith(("test_analysis", "test_balancing", "test_monitoring", "test_scale", "test_tutorial"))
)
OF_SERVERS: Final = tuple(path for path in LIVE if path not in (*OF_PROOFS, *OF_SITES, *OF_MORE))
ANALYSIS: Final = (
    "stack/analysis/.venv/bin/python",
    "-m",
    "pytest",
    "-c",
    "stack/analysis/pyproject.toml",
    "stack/analysis/tests",
)
PARTS: Final[dict[str, tuple[str, ...]]] = {
    "tests of the backend, then of the viewer on it": (sys.executable, "scripts/npm.py", "backend,viewer", "test"),
    "tests of the analysis": (*ANALYSIS, "-q", "-p", "no:cacheprovider"),
    "tests without servers": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, "--ignore=tests/live"),
    "tests of what is reached and allowed": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_PROOFS),
    "tests of sites that are used and go wrong": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_SITES),
    "tests of what a site has besides": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_MORE),
    "tests on servers of this host": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_SERVERS),
    "tests on a container engine": (*PYTEST, "-m", "engine and not proof", *NO_CACHE),
}
"""Heading -> command; in the order of their ends, as a rule."""


@dataclass
class Part:
    """A process, and what it has printed."""

    heading: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]


def main() -> int:
    """Run them all."""
    began = time.monotonic()
    parts = []
    try:
        for heading, command in PARTS.items():
            output = tempfile.TemporaryFile()  # noqa: SIM115  it outlives this block
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, "ORTHANCGEN_REQUIRE_LIVE": "1"}
            )
            parts.append(Part(heading, process, output))
        for part in parts:
            code = part.process.wait()
            print(f"\n{part.heading}: {'passed' if code == 0 else 'FAILED'}, at {time.monotonic() - began:.0f} s\n")
            part.output.seek(0)
            for line in part.output:
                sys.stdout.write(line.decode(errors="replace"))
            sys.stdout.flush()
    except BaseException:
        for part in parts:
            part.process.terminate()
        for part in parts:
            part.process.wait()
        raise
    return 1 if any(part.process.returncode for part in parts) else 0


if __name__ == "__main__":
    sys.exit(main())
