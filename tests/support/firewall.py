"""The packet filter rules that engines share: a second engine's start empties the chains of the first."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FORWARDING: Final = Path("/proc/sys/net/ipv4/ip_forward")
_TABLES: Final = ("filter", "nat")
Rules = dict[str, list[str]]
"""Table -> its chains and rules, as ``iptables-save`` prints them without counters."""


def rules() -> Rules:
    """Every rule and chain now; empty without iptables."""
    return {table: _saved(table) for table in _TABLES}


def _saved(table: str) -> list[str]:
    done = subprocess.run(["iptables-save", "-t", table], capture_output=True, text=True, check=False)
    return [line for line in done.stdout.splitlines() if line.startswith("-A")] if done.returncode == 0 else []


def put_back(before: Rules) -> None:
    """Add what was there before and is not now, in the chains of the engines (``DOCKER...``).

    Each of those chains ends in a RETURN, or has no order that matters, so a rule goes to its head, the last one first.
    """
    for table, lines in before.items():
        now = set(_saved(table))
        for line in reversed([one for one in lines if one not in now]):
            chain, rest = _split(line)
            if chain.startswith("DOCKER"):
                _iptables(table, "-I", chain, *rest)


def remove(is_ours: Callable[[str], bool]) -> None:
    """Remove the rules that are ours."""
    for table in _TABLES:
        for line in _saved(table):
            if is_ours(line):
                chain, rest = _split(line)
                _iptables(table, "-D", chain, *rest)


@dataclass(frozen=True)
class Machine:
    """What an engine's start changes for the whole machine, where none was there before.

    Attributes:
        has_engine: whether an engine is, or was, at work here: then nothing of this is taken back.
        policy: of the chain FORWARD.
        forwarding: whether this machine forwards packets.
    """

    has_engine: bool
    policy: str
    forwarding: str


def machine() -> Machine:
    """How it is now."""
    policy = next((line.split()[2] for line in _listed("filter") if line.startswith("-P FORWARD ")), "ACCEPT")
    return Machine(any("-N DOCKER" in line for line in _listed("nat")), policy, _FORWARDING.read_text())


def restore(before: Machine) -> None:
    """Take back what the start of an engine changed on a machine that had none."""
    if before.has_engine:
        return
    for table in _TABLES:
        for line in _saved(table):
            chain, rest = _split(line)
            if not chain.startswith("DOCKER") and any(word.startswith("DOCKER") for word in rest):
                _iptables(table, "-D", chain, *rest)
        chains = [line.split()[1] for line in _listed(table) if line.startswith("-N DOCKER")]
        for action in ("-F", "-X"):
            for chain in chains:
                _iptables(table, action, chain)
    _iptables("filter", "-P", "FORWARD", before.policy)
    if _FORWARDING.read_text() != before.forwarding:
        _FORWARDING.write_text(before.forwarding)


def _listed(table: str) -> list[str]:
    done = subprocess.run(["iptables", "-w", "-t", table, "-S"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()


def _split(line: str) -> tuple[str, list[str]]:
    _, chain, *rest = shlex.split(line)
    return chain, rest


def _iptables(table: str, *arguments: str) -> None:
    subprocess.run(["iptables", "-w", "-t", table, *arguments], capture_output=True, check=False)


def without_empty_tables(saved: str) -> str:
    """What iptables-save prints, without the tables that are there since somebody looked: they let everything pass."""
    kept: list[str] = []
    table: list[str] | None = None
    for line in saved.splitlines():
        if line.startswith("*"):
            table = [line]
        elif table is None:
            kept.append(line)
        elif line == "COMMIT":
            kept += [*table, line] if len(table) > 1 else []
            table = None
        elif not re.fullmatch(r":[A-Z]+ ACCEPT *", line):
            table.append(line)
    return "".join(f"{line}\n" for line in kept)
