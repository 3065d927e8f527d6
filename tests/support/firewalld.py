"""firewalld on the host of the rig of packets, with a message bus of its own, to which the engine listens as well."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.packets import Rig, running_rig, with_engine
from tests.support.servers import require_program, wait_until

_SECONDS: Final = 20.0
_SOCKET: Final = "/run/dbus/system_bus_socket"
_BUS: Final = f"""<busconfig>
  <type>system</type>
  <listen>unix:path={_SOCKET}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""
"""A bus for one purpose: it starts no programs by itself."""


@contextmanager
def rig_with_firewalld(*, engine: bool = True) -> Iterator[Rig]:
    """A rig on whose host firewalld runs, until the end of the block; with an engine that knows it, or without one.

    Docker puts its own rules back when firewalld tells it, by the bus, that it has loaded anew.
    """
    with running_rig(engine=False) as rig, _running(rig):
        if not engine:
            yield rig
            return
        # The engine has the host's network, but not its view of /run.
        with with_engine(rig, f"unix:path=/proc/{rig.init}/root{_SOCKET}") as whole:
            yield whole


@contextmanager
def _running(rig: Rig) -> Iterator[None]:
    for program, package in (("firewalld", "firewalld"), ("firewall-cmd", "firewalld"), ("dbus-daemon", "dbus")):
        require_program(program, f"apt-get install {package}")
    config = rig.folder / "bus.conf"
    config.write_text(_BUS)
    rig.do("mkdir", "-p", str(Path(_SOCKET).parent))
    bus = _start(rig, ["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"], rig.folder / "bus.log")
    started: subprocess.Popen[bytes] | None = None
    try:
        wait_until(lambda: rig.run("test", "-S", _SOCKET).returncode == 0, seconds=_SECONDS, what="the bus listens")
        log = "/run/firewalld.log"
        command = ["firewalld", "--nofork", "--nopid", "--log-target", "file", "--log-file", log]
        started = _start(rig, command, rig.folder / "firewalld.log")
        wait_until(lambda: is_running(rig), seconds=_SECONDS, what="firewalld answers")
        yield
    finally:
        for process in (started, bus):
            if process is not None:
                process.terminate()
                process.wait(_SECONDS)


def is_running(rig: Rig) -> bool:
    """Whether firewalld answers."""
    return rig.run("firewall-cmd", "--state").stdout.strip() == "running"


def _start(rig: Rig, command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as written:
        return subprocess.Popen(
            ["nsenter", "-t", str(rig.init), "--mount", "--net", "--wd=/", *command],
            stdin=subprocess.DEVNULL, stdout=written, stderr=subprocess.STDOUT,
        )  # fmt: skip
