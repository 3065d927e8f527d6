"""Run the tests in several processes at once: most of them wait for containers, servers and time limits.

Beside each other run what is on a container engine, what starts servers of this host (in four parts), everything else,
and the tests of backend, viewer and analysis. The output of each follows when it has ended. Exit 1 where one fails.
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
    "tests on a container engine": (*PYTEST, "-m", "engine and not proof", *NO_CACHE),
    "tests of the backend, then of the viewer on it": (sys.executable, "scripts/npm.py", "backend,viewer", "test"),
    "tests of what is reached and allowed": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_PROOFS),
    "tests on servers of this host": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_SERVERS),
    "tests of sites that are used and go wrong": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_SITES),
    "tests without servers": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, "--ignore=tests/live"),
    "tests of what a site has besides": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_MORE),
    "tests of the analysis": (*ANALYSIS, "-q", "-p", "no:cacheprovider"),
}
"""Heading -> command; the longest first. One has the engine: two would share the chains of the packet filter."""
AT_ONCE: Final = 4
"""More of them at once are no sooner done on two cores, and servers then answer later than anywhere else."""


@dataclass
class Part:
    """A process, and what it has printed."""

    heading: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]


def main() -> int:
    """Run them all; 1 where one fails."""
    began = time.monotonic()
    waiting, failed = list(PARTS.items()), False
    running: list[Part] = []
    try:
        while waiting or running:
            while waiting and len(running) < AT_ONCE:
                running.append(start(*waiting.pop(0)))
            pid, status, usage = os.wait4(-1, 0)
            part = next(one for one in running if one.process.pid == pid)
            running.remove(part)
            part.process.returncode = os.waitstatus_to_exitcode(status)
            failed |= part.process.returncode != 0
            outcome = "passed" if part.process.returncode == 0 else "FAILED"
            seconds = f"at {time.monotonic() - began:.0f} s, {usage.ru_utime + usage.ru_stime:.0f} s of CPU"
            print(f"\n{part.heading}: {outcome}, {seconds}\n")
            part.output.seek(0)
            for line in part.output:
                sys.stdout.write(line.decode(errors="replace"))
            sys.stdout.flush()
    except BaseException:
        for part in running:
            part.process.terminate()
        for part in running:
            part.process.wait()
        raise
    return 1 if failed else 0


def start(heading: str, command: tuple[str, ...]) -> Part:
    """Start a part; what it prints is kept until it has ended."""
    output = tempfile.TemporaryFile()  # noqa: SIM115  it outlives this block
    environment = {**os.environ, "ORTHANCGEN_REQUIRE_LIVE": "1"}
    return Part(heading, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment), output)


if __name__ == "__main__":
    sys.exit(main())
