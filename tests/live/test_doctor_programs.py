"""Faults of an Orthanc that is started by a program of its own: it crashes, and its clock is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.breaking import SETTINGS, again
from tests.support.doctor import assert_healthy, assert_named
from tests.support.native import Native
from tests.support.servers import cannot_run, wait_until

pytestmark = pytest.mark.live

PLAIN = '#!/bin/sh\nexec /usr/sbin/Orthanc "$@"\n'
CRASHES = '#!/bin/sh\n[ "$1" = --version ] && exec /usr/sbin/Orthanc "$@"\nkill -SEGV $$\n'
AHEAD = """#!/bin/sh
[ "$1" = --version ] && exec /usr/sbin/Orthanc "$@"
FAKETIME=+2h FAKETIME_DONT_FAKE_MONOTONIC=1 LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1
export FAKETIME FAKETIME_DONT_FAKE_MONOTONIC LD_PRELOAD
exec /usr/sbin/Orthanc "$@"
"""


@pytest.fixture(scope="module")
def wrapped(native_apps: Path) -> Iterator[Native]:
    """A site without a backend, whose Orthanc is started by `wrapped.root / "Orthanc"`."""
    native = Native(native_apps.parent / "doctor-wrapped", apps=native_apps)
    native.write({**SETTINGS, "backend.enabled": False, "webhook.enabled": False})
    program(native, PLAIN)
    try:
        native.deploy(environ={"ORTHANCGEN_ORTHANC": str(native.root / "Orthanc")})
        yield native
    finally:
        native.end()


def program(native: Native, text: str) -> None:
    """What starts Orthanc from now on."""
    (native.root / "Orthanc").write_text(text)
    (native.root / "Orthanc").chmod(0o755)


def test_orthanc_crashes(wrapped: Native) -> None:
    assert_healthy(wrapped.file, wrapped.state)
    program(wrapped, CRASHES)
    again(wrapped, well=False)
    found = assert_named("Orthanc crashes, native", wrapped.file, wrapped.state, "orthanc-ends-again-and-again")
    assert "SIGSEGV" in str(found["orthanc-ends-again-and-again"].evidence)
    program(wrapped, PLAIN)
    wait_until(lambda: wrapped.unhealthy() == {}, what="health")
    assert_healthy(wrapped.file, wrapped.state)


def test_clock_of_orthanc_is_wrong(wrapped: Native) -> None:
    if not Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1").exists():
        cannot_run("no libfaketime")
    program(wrapped, AHEAD)
    again(wrapped)
    found = assert_named("Orthanc's clock ahead, native", wrapped.file, wrapped.state, "clock-skew")
    assert found["clock-skew"].title.startswith("the clock of orthanc is 2 hours ahead of this host's")
    program(wrapped, PLAIN)
    again(wrapped)
    assert_healthy(wrapped.file, wrapped.state)
