"""Take a failed run back: what it started is stopped, and what was there before is there again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from orthancgen.errors import StartError
from orthancgen.runtimes.attempts import Attempts
from orthancgen.runtimes.interrupts import ignored
from orthancgen.runtimes.native.record import Record
from orthancgen.runtimes.native.running import START_ORDER, Running, end_orphans, look, stop_services
from orthancgen.runtimes.native.snapshot import Snapshot
from orthancgen.runtimes.native.supervisor import Supervisor
from orthancgen.secrets.store import SecretStore

_RUNNING_SECONDS: Final = 30


@dataclass(frozen=True, slots=True)
class Undo:
    """What is needed to go back.

    Attributes:
        before: what ran.
        record: of the last good deploy.
        snapshot: its configuration and secrets.
        protect: sets owners and modes.
        new_supervisor: the supervisor was, or was to be, replaced.
        set_password: sets the database's password to the value of a store; None where it was not touched.
    """

    before: Running
    record: Record
    snapshot: Snapshot
    protect: Callable[[], None]
    new_supervisor: bool
    set_password: Callable[[SecretStore], None] | None


def take_back(undo: Undo, started: Collection[str]) -> list[str]:
    """Go back as far as possible; signals wait meanwhile.

    Returns:
        What could not be done, and why; empty when all is as it was.
    """
    attempt = Attempts()

    with ignored():
        attempt("stop what was started", lambda: _stop(undo, started))
        attempt("put the earlier configuration back", undo.snapshot.restore)
        attempt("set its owners", undo.protect)
        if undo.before.services and undo.record.variables:
            if undo.set_password:
                attempt("set the database's earlier password", lambda: _reset_password(undo))
            attempt("start the earlier services", lambda: _start(undo))
    return attempt.failures


def _stop(undo: Undo, started: Collection[str]) -> None:
    supervisor = undo.before.supervisor
    end_orphans(look(undo.before.state))
    if not supervisor.running():
        return
    if undo.new_supervisor or not undo.before.services:
        stop_services(supervisor, supervisor.processes())
        supervisor.shutdown()
    else:
        stop_services(supervisor, [*started, "database"] if undo.set_password else started)


def _reset_password(undo: Undo) -> None:
    if undo.set_password:
        undo.set_password(SecretStore(undo.before.state.secrets))


def _start(undo: Undo) -> None:
    supervisor = undo.before.supervisor
    if supervisor.running():
        supervisor.reload()
    else:
        supervisor.start(undo.record.variables)
    names = [name for name in START_ORDER if name in undo.before.services]
    for name in names:
        supervisor.start_service(name)
    _wait_running(supervisor, names)


def _wait_running(supervisor: Supervisor, names: Collection[str]) -> None:
    deadline = time.monotonic() + _RUNNING_SECONDS
    while left := [name for name, one in supervisor.processes().items() if name in names and one.state != "RUNNING"]:
        if time.monotonic() > deadline:
            raise StartError(f"{', '.join(left)} did not start")
        time.sleep(0.1)
