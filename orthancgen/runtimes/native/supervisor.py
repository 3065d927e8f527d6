"""Talk to supervisor over its socket: start, stop, ask (https://supervisord.org/api.html)."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from xml.parsers.expat import ExpatError

from supervisor.xmlrpc import Faults, SupervisorTransport

from orthancgen.errors import DeployError, StartError
from orthancgen.runtimes.interrupts import held
from orthancgen.runtimes.native import orphans, systemd
from orthancgen.runtimes.native.environ import inherited
from orthancgen.runtimes.state import State

_WAIT_SECONDS: Final = 30
_STOP_SECONDS: Final = 90
_DOWN: Final = frozenset({"STOPPED", "EXITED", "FATAL"})
_NO_ANSWER: Final = (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError, ExpatError)


@dataclass(frozen=True, slots=True)
class Process:
    """A supervised process.

    Attributes:
        name: of the service.
        state: supervisor's name of it, https://supervisord.org/subprocess.html#process-states.
        pid: process id, 0 where it does not run.
        uptime_seconds: since its start.
        ended_at: when it ended last, in seconds since 1970; 0 where it never did.
    """

    name: str
    state: str
    pid: int
    uptime_seconds: int
    ended_at: int


class Supervisor:
    """The supervisor of one environment."""

    def __init__(self, state: State) -> None:
        self._state = state

    def _ask(self, method: str, *arguments: object) -> Any:
        """Call it, over a connection of its own: supervisor's transport cannot be used again after a refused one.

        Raises:
            xmlrpc.client.Fault: supervisor refuses.
            OSError, HTTPException, ProtocolError, ExpatError: it does not answer.
        """
        transport = SupervisorTransport(None, None, f"unix://{self._state.socket}")
        try:
            return getattr(xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport).supervisor, method)(
                *arguments
            )
        finally:
            transport.close()

    def _call(self, method: str, *arguments: object, accept: Collection[int] = ()) -> Any:
        """Call it; refusals whose code is in ``accept`` are as good as done.

        Raises:
            StartError: it refuses, or does not answer.
        """
        try:
            return self._ask(method, *arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode in accept:
                return None
            raise StartError(f"supervisor refuses {method}: {fault.faultString}", hint=self._see_log) from None
        except _NO_ANSWER as error:
            raise StartError(f"supervisor does not answer: {type(error).__name__}", hint=self._see_log) from None

    @property
    def _see_log(self) -> str:
        return f"see {self._state.logs / 'supervisord.log'}"

    def running(self) -> bool:
        """Whether the supervisor answers.

        Raises:
            DeployError: it belongs to another user.
        """
        try:
            self._ask("getPID")
        except PermissionError:
            raise DeployError(
                f"the environment in {self._state.root} belongs to another user", hint="run as the user who deployed it"
            ) from None
        except (*_NO_ANSWER, xmlrpc.client.Fault):
            return False
        return True

    def pid(self) -> int:
        """Process id of the supervisor itself."""
        return cast("int", self._call("getPID"))

    def start(self, variables: Mapping[str, str]) -> None:
        """Start the supervisor; it starts no service by itself. It inherits no variable that may hold a credential.

        Raises:
            StartError: it does not answer.
        """
        with held():
            self._start(variables)

    def _start(self, variables: Mapping[str, str]) -> None:
        self._state.socket.unlink(missing_ok=True)
        if systemd.file_of(self._state).is_file():
            systemd.start(self._state, {**inherited(), **variables})
        else:
            systemd.forget(self._state)
            self._start_alone(variables)
        deadline = time.monotonic() + _WAIT_SECONDS
        while not self.running():
            if time.monotonic() > deadline:
                raise StartError("supervisor does not answer", hint=self._see_log)
            time.sleep(0.05)

    def _start_alone(self, variables: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self._state.config / "supervisord.conf")]
        try:
            result = subprocess.run(
                command,
                env={**inherited(), **variables},
                cwd=self._state.root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except OSError as error:
            raise StartError(
                f"cannot start {command[0]}: {error.strerror}", hint="install orthancgen where this user may run it"
            ) from None
        if result.returncode != 0:
            said = (result.stderr or result.stdout).strip().splitlines()[-3:]
            raise StartError("supervisor does not start:\n  " + "\n  ".join(said), hint=self._see_log)

    def shutdown(self) -> None:
        """Stop every service and the supervisor; wait until they are gone.

        Raises:
            StartError: they do not end.
        """
        pid = self.pid()
        self._call("shutdown", accept=[Faults.SHUTDOWN_STATE])
        deadline = time.monotonic() + _STOP_SECONDS
        while not orphans.ended(pid):
            if time.monotonic() > deadline:
                raise StartError(f"supervisor (process {pid}) does not end", hint=self._see_log)
            time.sleep(0.05)

    def reload(self) -> None:
        """Take over a changed configuration: groups that changed or went are stopped and removed, new ones added.

        Raises:
            StartError: supervisor refuses it.
        """
        [[added, changed, removed]] = self._call("reloadConfig")
        for group in (*changed, *removed):
            self._call("stopProcessGroup", group)
            self._call("removeProcessGroup", group)
        for group in (*added, *changed):
            self._call("addProcessGroup", group, accept=[Faults.ALREADY_ADDED])

    def processes(self) -> dict[str, Process]:
        """Every service by name.

        Raises:
            StartError: supervisor does not answer.
        """
        return {
            row["name"]: Process(
                row["name"],
                row["statename"],
                row["pid"],
                max(0, row["now"] - row["start"]) if row["pid"] else 0,
                row["stop"],
            )
            for row in self._call("getAllProcessInfo")
        }

    def start_service(self, name: str) -> None:
        """Start a service; its health is waited for elsewhere. One that runs already is no error.

        One that is just being stopped, by a run that was interrupted, is waited for: supervisor cannot start it before.

        Raises:
            StartError: supervisor cannot start it.
        """
        self._wait_stopped([name], frozenset({"STOPPING"}))
        self._call("startProcess", name, False, accept=[Faults.ALREADY_STARTED])

    def stop_services(self, names: Collection[str]) -> None:
        """Stop services, all at once, and wait for their end; those that do not run are no error.

        Raises:
            StartError: one of them does not end.
        """
        known = self.processes()
        for name in names:
            if name in known and known[name].state not in _DOWN:
                self._call("stopProcess", name, False, accept=[Faults.NOT_RUNNING])
        self._wait_stopped(names, frozenset({"STARTING", "RUNNING", "BACKOFF", "STOPPING"}))

    def _wait_stopped(self, names: Collection[str], states: Collection[str]) -> None:
        deadline = time.monotonic() + _STOP_SECONDS
        while left := [name for name, one in self.processes().items() if name in names and one.state in states]:
            if time.monotonic() > deadline:
                raise StartError(f"{', '.join(left)} did not stop", hint=self._see_log)
            time.sleep(0.05)
