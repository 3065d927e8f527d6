"""Are the rules that the environment lists loaded on this host, as they are written?"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import engine as observed
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network.words import env, line
from orthancgen.errors import Exit, OrthancgenError
from orthancgen.firewall.catalogue import wanted
from orthancgen.firewall.dialect import SCRIPT, Dialect

_SECONDS: Final = 30
_NOTHING_LOADED: Final = "no rules of orthancgen are in force"
"""How the scripts say that there are none: templates/firewall/frame.sh.j2, `status`."""


def status_of(case: Case) -> str | None:
    """What is not as it should be of the rules that the environment lists; None where all is well, or none is listed.

    Of several firewalls that this host could have, one is enough.
    """

    def look() -> str | None:
        found = [_status(case, one) for one in _loadable(case)]
        if not found or None in found:
            return None
        return next((said for said in found if said and _NOTHING_LOADED not in said), found[0])

    return case.once("firewall status", look)


def _loadable(case: Case) -> tuple[Dialect, ...]:
    """The firewalls that are loaded on a host of Linux by their script, and whose programs are here."""
    return tuple(
        one for one in wanted(case.plan) if any(file.path == SCRIPT for file in one.files) and _is_here(one.name)
    )


def _is_here(dialect: str) -> bool:
    program = {"nftables": "nft", "iptables": "iptables", "ufw": "ufw", "firewalld": "firewall-cmd"}[dialect]
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


def _status(case: Case, dialect: Dialect) -> str | None:
    """What the script of a firewall says of what is loaded; it changes nothing."""
    from orthancgen.render.artifact import Bundle
    from orthancgen.render.catalogue import render
    from orthancgen.render.write import write

    start = f"firewall/{dialect.name}/"
    try:
        rules = [file for file in render(case.plan).files if file.path.startswith(start)]
        with tempfile.TemporaryDirectory(prefix="orthancgen-") as folder:
            write(Bundle(tuple(replace(file, path=file.path.removeprefix(start)) for file in rules)), Path(folder))
            done = subprocess.run(
                [shutil.which("sh") or "/bin/sh", f"{folder}/{SCRIPT}", "status"], capture_output=True, text=True,
                timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL, errors="replace",
            )  # fmt: skip
    except (OrthancgenError, OSError, subprocess.SubprocessError):
        return None  # it cannot be asked
    if done.returncode != Exit.SOMETHING_TO_SEE:
        return None
    return done.stdout.strip().removeprefix("firewall.sh: ")[:400]


def _loaded(case: Case) -> Iterator[Finding]:
    said = status_of(case)
    if said is None:
        return
    names = ", ".join(one.title for one in _loadable(case))
    missing = _NOTHING_LOADED in said
    title = (
        f"the environment lists rules for {names}, and they are not loaded on this host: whoever reaches it is let in"
        if missing
        else f"the rules of {names} that are loaded on this host are not those of the environment"
    )
    yield Diagnosis(
        "firewall-not-loaded" if missing else "firewall-differs",
        title,
        "firewall of this host",
        (Evidence(line(said), "orthancgen firewall status"),),
        (
            Remedy(
                "load them; they are taken back by themselves, unless you confirm from a new login",
                f"orthancgen firewall apply {env(case)} --revert-after 120",
            ),
            Remedy("then keep them", f"orthancgen firewall confirm {env(case)}"),
        ),
        Fix("load_firewall"),
    )


def _can_be_asked(case: Case) -> bool:
    return os.geteuid() == 0 and observed.on_this_host(case) and bool(_loadable(case))


QUESTIONS: Final = (
    Question(
        "firewall-loaded", "Are the firewall rules of the environment loaded?", "way_in", _loaded,
        ("firewall-not-loaded", "firewall-differs"), applies=_can_be_asked,
    ),
)  # fmt: skip
