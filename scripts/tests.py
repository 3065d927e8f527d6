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
from collections.abc import Iterator
from contextlib import contextmanager
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
ON_ENGINE: Final = "tests on a container engine"
SERVERS: Final[dict[str, tuple[str, ...]]] = {
    ON_ENGINE: (*PYTEST, "-m", "engine and not proof", *NO_CACHE, "tests/live"),
    "tests on servers of this host": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_SERVERS),
    "tests of the backend, then of the viewer on it": (sys.executable, "scripts/npm.py", "backend,viewer", "test"),
    "tests of what is reached and allowed": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_PROOFS),
    "tests of sites that are used and go wrong": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_SITES),
    "tests of what a site has besides": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, *OF_MORE),
}
"""Heading -> command; the longest first. One has the engine: two would share the chains of the packet filter."""
AT_ONCE: Final = 5
"""Five take 1.7 of two cores: the first most of one, each other a quarter. With more, servers answer too late."""
OTHERS: Final[dict[str, tuple[str, ...]]] = {
    "tests without servers": (*PYTEST, "-m", "not engine and not proof", *NO_CACHE, "--ignore=tests/live"),
    "tests of the analysis": (*ANALYSIS, "-q", "-p", "no:cacheprovider"),
}
"""One of them at a time beside the others, which wait for their servers more than half of the time."""
NICE: Final = 10
"""How far these stand back: nobody waits for what they do, and no limit of theirs is of time that goes by."""
NICE_BESIDE_THE_LONGEST: Final = 3
"""How far those with servers stand back behind the first, after which nothing is left to do."""
MEMORY_BYTES: Final = 14 << 30
"""With so much to spare, what the tests write is kept in memory: no test has to wait until it is on a disk."""
SCRATCH_BYTES: Final = 4 << 30
SCRATCH: Final = "TMPDIR"
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
    with scratch() as folder:
        apps = folder / "apps"
        apps.mkdir()
        apps.chmod(0o755)  # the user orthanc reads what is built there
        os.environ.update({"ORTHANCGEN_REQUIRE_LIVE": "1", SHARED_APPS: str(apps), SCRATCH: str(folder)})
        return run()


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for everything that the tests write, with a short path: names of sockets have 107 bytes at most."""
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder, mounted = Path(name), False
        if psutil.virtual_memory().available >= MEMORY_BYTES:
            command = ["mount", "-t", "tmpfs", "-o", f"size={SCRATCH_BYTES},mode=1777", "orthancgen-tests", name]
            mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
        folder.chmod(0o1777)
        try:
            yield folder
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", name], check=False)


def run() -> int:
    """Start what may be started, and tell of each part that ends, until none is left."""
    began, idle = time.monotonic(), psutil.cpu_times().idle
    waiting, others, failed = list(SERVERS.items()), list(OTHERS.items()), False
    running: list[Part] = []
    try:
        while waiting or others or running:
            while waiting and sum(part.heading in SERVERS for part in running) < AT_ONCE:
                running.append(start(*waiting.pop(0), nice=NICE_BESIDE_THE_LONGEST if running else 0))
            if others and not any(part.heading in OTHERS for part in running):
                running.append(start(*others.pop(0), nice=NICE))
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


def start(heading: str, command: tuple[str, ...], *, nice: int) -> Part:
    """Start a part with a lower priority; what it prints is kept until it has ended."""
    output = tempfile.TemporaryFile()  # noqa: SIM115  it outlives this block
    behind = ("nice", f"--adjustment={nice}", *command)
    environment = dict(os.environ)
    if heading == ON_ENGINE:  # the engine of the tests has memory of its own, and its host is one with a disk
        del environment[SCRATCH]
    process = subprocess.Popen(behind, stdout=output, stderr=subprocess.STDOUT, env=environment)
    return Part(heading, process, output)


if __name__ == "__main__":
    sys.exit(main())
