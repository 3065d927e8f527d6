"""What names this machine's programs in supervisor's configuration, which is the same on every machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orthancgen.plan.model import ServiceName
from orthancgen.runtimes.native import orphans
from orthancgen.runtimes.native.account import Account
from orthancgen.runtimes.native.apps import AppName, main_file
from orthancgen.runtimes.native.programs import Programs
from orthancgen.runtimes.state import State

UNIT: Final = "ORTHANCGEN_UNIT"
"""Digest of the unit of systemd under which the supervisor runs, and of its secrets; empty where it runs under none."""


def supervisor_variables(state: State, programs: Programs, account: Account | None, unit: str) -> dict[str, str]:
    """The supervisor's environment variables; it is started anew where one of them changes. No secret is among them.

    Args:
        state: of the environment.
        programs: what it starts.
        account: whom Orthanc runs as.
        unit: `systemd.unit_digest`; empty where there is to be no unit.
    """
    return {
        orphans.MARK: str(state.socket),
        "ORTHANCGEN_AS_ORTHANC": " ".join(account.command) if account else "",
        "ORTHANCGEN_ORTHANC": str(programs.orthanc),
        "ORTHANCGEN_SECANTUSD": str(programs.secantusd or ""),
        "ORTHANCGEN_NODE": str(programs.node or ""),
        # When the host starts, nobody is there who would start the services in their order.
        "ORTHANCGEN_AUTOSTART": "true" if unit else "false",
        UNIT: unit,
    }


def service_programs(programs: Programs, built: Mapping[AppName, Path]) -> dict[ServiceName, Path]:
    """The program of each service."""
    files: dict[ServiceName, Path] = {"orthanc": programs.orthanc}
    if programs.secantusd:
        files["database"] = programs.secantusd
    return {**files, **{name: main_file(name, app) for name, app in built.items()}}
