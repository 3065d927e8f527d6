"""Load the rules of an environment on this host, by the script that is written with them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from orthancgen.errors import DeployError, InputError
from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.dialect import SCRIPT
from orthancgen.plan.model import Plan


def host_dialect(plan: Plan, chosen: str | None = None) -> str:
    """The firewall of this host that is meant.

    Raises:
        InputError: none is listed that this host can load, or several are and none is named.
    """
    loadable = [
        name
        for name in dict.fromkeys(plan.site.network.firewall)
        if any(file.path == SCRIPT for file in DIALECTS[name].files)
    ]
    if chosen is None and len(loadable) == 1:
        return loadable[0]
    if chosen in loadable:
        return chosen
    if not loadable:
        raise InputError(
            f"{plan.site.environment} lists no firewall that is loaded on a host of Linux",
            hint="network: {firewall: [nftables]}",
        )
    raise InputError(
        f"{chosen} is not one of them: {', '.join(loadable)}" if chosen else f"which one: {', '.join(loadable)}?",
        hint=f"--dialect {loadable[0]}",
    )


_LOOKING: Final = frozenset({"check", "status"})
"""Verbs of the script that change nothing: they are run beside the rules, and leave the state folder alone."""


def run_script(plan: Plan, dialect: str, folder: Path, arguments: Sequence[str], *, named: str) -> int:
    """Write the rules into a folder, and run their script; its output goes where this program's goes.

    To check them, or to ask whether they are in force, they lie in a folder that is gone again.

    Args:
        plan: of the environment.
        dialect: of this host, from :func:`host_dialect`.
        folder: where the rules are kept.
        arguments: of the script, its verb first.
        named: how the environment is named on a command line, for the hint.

    Returns:
        The script's exit code: 0 good, 1 something to see, others failed and left what was there.

    Raises:
        DeployError: this is not root.
        OSError: the folder cannot be written.
    """
    from orthancgen.render.artifact import Bundle
    from orthancgen.render.catalogue import render
    from orthancgen.render.write import write

    if os.geteuid() != 0:
        raise DeployError(
            "the rules of this host are its administrator's: root is needed",
            hint=f"sudo orthancgen firewall {arguments[0]} {named}",
        )
    start = f"firewall/{dialect}/"
    rules = (file for file in render(plan).files if file.path.startswith(start))
    bundle = Bundle(tuple(replace(file, path=file.path.removeprefix(start)) for file in rules))
    shell = shutil.which("sh") or "/bin/sh"
    with ExitStack() as stack:
        if arguments[0] in _LOOKING:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="orthancgen-firewall-")))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(bundle, folder)
        return subprocess.run([shell, str(folder / SCRIPT), *arguments], check=False).returncode
