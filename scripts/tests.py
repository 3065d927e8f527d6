"""Run the tests in several processes at once: most of them wait for containers, servers and time limits.

Beside each other run what is on a container engine, what starts servers of this host (in four parts), and the tests of
backend and viewer; the rest starts no server and takes what time these leave. The output of each follows when it has
ended. Exit 1 where one fails. Arguments go to pytest.
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

import psutil

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
SERVERS: Final[dict[str, tuple[str, ...]]] = {
    "tests on a container engine": (*PYTEST, "-m", "engine and not proof", *NO_CACHE, "tests/live"),
    "tests on servers of this host": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_SERVERS),
    "tests of the backend, then of the viewer on it": (sys.executable, "scripts/npm.py", "backend,viewer", "test"),
    "tests of what is reached and allowed": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_PROOFS),
    "tests of sites that are used and go wrong": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_SITES),
    "tests of what a site has besides": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_MORE),
}
"""Heading -> command; the longest first. One has the engine: two would share the chains of the packet filter."""
AT_ONCE: Final = 4
"""More of them at once are no sooner done on two cores, and servers then answer later than anywhere else."""
OTHERS: Final[dict[str, tuple[str, ...]]] = {
    "tests without servers": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, "--ignore=tests/live"),
    "tests of the analysis": (*ANALYSIS, "-q", "-p", "no:cacheprovider"),
}
"""One of them at a time beside the others, which wait for their servers more than half of the time."""
NICE: Final = 10
"""How far they stand back: nobody waits for what they do, and no limit of theirs is of time that goes by."""
SHARED_APPS: Final = "ORTHANCGEN_TEST_APPS"
"""As tests/live/conftest.py reads it: npm builds the programs once for all parts."""


@dataclass
class Part:
    """A process, and what it has printed."""

    heading: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]


def main() -> int:
    """Run them all; 1 where one fails."""
    with tempfile.TemporaryDirectory(prefix="ogn-apps-") as apps:
        Path(apps).chmod(0o755)  # the user orthanc reads what is built there
        os.environ.update({"ORTHANCGEN_REQUIRE_LIVE": "1", SHARED_APPS: apps})
        return run()


def run() -> int:
    """Start what may be started, and tell of each part that ends, until none is left."""
    began, idle = time.monotonic(), psutil.cpu_times().idle
    waiting, others, failed = list(SERVERS.items()), list(OTHERS.items()), False
    running: list[Part] = []
    try:
        while waiting or others or running:
            while waiting and sum(part.heading in SERVERS for part in running) < AT_ONCE:
                running.append(start(*waiting.pop(0)))
            if others and not any(part.heading in OTHERS for part in running):
                heading, command = others.pop(0)
                running.append(start(heading, ("nice", f"-n{NICE}", *command)))
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
    print(f"\n{time.monotonic() - began:.0f} s; the cores had nothing to do for {psutil.cpu_times().idle - idle:.0f} s")
    return 1 if failed else 0


def start(heading: str, command: tuple[str, ...]) -> Part:
    """Start a part; what it prints is kept until it has ended."""
    output = tempfile.TemporaryFile()  # noqa: SIM115  it outlives this block
    return Part(heading, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT), output)


if __name__ == "__main__":
    sys.exit(main())
