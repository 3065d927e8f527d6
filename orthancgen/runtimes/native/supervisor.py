"""Talk to supervisor over its socket: start, stop, ask. https://supervisord.org/api.html"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from supervisor.xmlrpc import SupervisorTransport

from orthancgen.errors import StartError
from orthancgen.runtimes.native.state import State

_WAIT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Process:
    """A supervised process: supervisor's state name, its process id (0 where it does not run), seconds since its start."""

    name: str
    state: str
    pid: int
    uptime_seconds: int


class Supervisor:
    """The supervisor of one environment."""

    def __init__(self, state: State) -> None:
        self._state = state

    def _call(self, method: str, *arguments: object) -> Any:
        """One call over its own connection: supervisor's transport cannot be used again after a refused one."""
        transport = SupervisorTransport(None, None, f"unix://{self._state.socket}")
        try:
            proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
            return getattr(proxy.supervisor, method)(*arguments)
        finally:
            transport.close()

    def running(self) -> bool:
        """Whether the supervisor answers."""
        try:
            self._call("getPID")
        except (OSError, http.client.HTTPException, xmlrpc.client.Error):
            return False
        return True

    def pid(self) -> int:
        """Process id of the supervisor itself."""
        return cast("int", self._call("getPID"))

    def start(self, variables: Mapping[str, str]) -> None:
        """Start the supervisor; it starts no service by itself.

        Raises:
            StartError: it does not answer.
        """
        self._state.socket.unlink(missing_ok=True)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._state.config / "supervisord.conf")]
        result = subprocess.run(
            command, env={**os.environ, **variables}, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
            cwd=self._state.root,
        )  # fmt: skip
        if result.returncode != 0:
            raise StartError(f"supervisor refuses its configuration: {result.stderr.strip().splitlines()[-1:]}")
        deadline = time.monotonic() + _WAIT_SECONDS
        while not self.running():
            if time.monotonic() > deadline:
                raise StartError("supervisor does not answer", hint=f"see {self._state.logs / 'supervisord.log'}")
            time.sleep(0.05)

    def shutdown(self) -> None:
        """Stop every service and the supervisor; wait until they are gone.

        Raises:
            StartError: they do not end.
        """
        pid = self.pid()
        self._call("shutdown")
        deadline = time.monotonic() + 90
        while Path(f"/proc/{pid}").exists():
            if time.monotonic() > deadline:
                raise StartError(f"supervisor (process {pid}) does not end")
            time.sleep(0.05)

    def reload(self) -> None:
        """Take over a changed configuration: groups that changed or went are stopped and removed, new ones added."""
        [[added, changed, removed]] = self._call("reloadConfig")
        for group in (*changed, *removed):
            self._call("stopProcessGroup", group)
            self._call("removeProcessGroup", group)
        for group in (*added, *changed):
            self._call("addProcessGroup", group)

    def processes(self) -> dict[str, Process]:
        """Every service by name."""
        return {
            row["name"]: Process(row["name"], row["statename"], row["pid"], max(0, row["now"] - row["start"]) if row["pid"] else 0)
            for row in self._call("getAllProcessInfo")
        }

    def start_service(self, name: str) -> None:
        """Start a service; its health is waited for elsewhere."""
        self._call("startProcess", name, False)  # wait

    def stop_service(self, name: str) -> None:
        """Stop a service and wait for its end; one that does not run is no error."""
        process = self.processes().get(name)
        if process is None or process.state in {"STOPPED", "EXITED", "FATAL"}:
            return
        self._call("stopProcess", name)
