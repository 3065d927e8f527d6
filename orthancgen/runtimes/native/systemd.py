"""The supervisor of the native runtime as a hardened unit of systemd, which comes back when the host starts.

The unit's text lies beside the configuration, in ``config/``, and goes back with it when a deploy is taken back; what
systemd reads is a copy of it in ``/etc/systemd/system``.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError, StartError
from orthancgen.plan.model import Plan
from orthancgen.render.credentials import handed_over, of_orthanc
from orthancgen.render.engine import render_template
from orthancgen.render.layout import credentials_folder, unit_of
from orthancgen.render.write import stage
from orthancgen.runtimes.native.record import fingerprint_secret
from orthancgen.runtimes.state import State
from orthancgen.secrets.value import SecretValue

UNIT_FOLDER: Final = Path("/etc/systemd/system")
_RUNNING: Final = Path("/run/systemd/system")
"""There where systemd is the init of this host (sd_booted(3))."""
_SECONDS: Final = 120


def is_wanted(plan: Plan) -> bool:
    """Whether the environment wants the unit."""
    return plan.site.deployment.supervisor_under == "systemd"


def require(plan: Plan) -> None:
    """Make sure that there is a systemd, and that this user may tell it something.

    Raises:
        DeployError: it is not so.
    """
    if not is_wanted(plan):
        return
    if not _RUNNING.is_dir():
        raise DeployError(
            "deployment.supervisor_under: this host has no systemd",
            hint="write nothing, or deploy on a host that has it",
        )
    if os.geteuid() != 0:
        raise DeployError("deployment.supervisor_under: only root makes units of systemd", hint="run as root")


def file_of(state: State) -> Path:
    """The unit's text beside the configuration; there where the supervisor runs under systemd."""
    return state.config / "supervisor.service"


def name_of(state: State) -> str:
    """Name of the unit."""
    return unit_of(state.root.name)


def unit_text(plan: Plan, state: State) -> str:
    """The unit.

    Raises:
        RenderError: a path has a character that a unit cannot carry.
    """
    storage = plan.site.orthanc.storage
    own = [str(folder) for folder in (state.data, state.logs, state.run)]
    return render_template(
        "systemd/environment.service",
        environment=plan.site.environment,
        root=str(state.root),
        python=sys.executable,
        writable=[*own, *(path for path in (storage.path, storage.index_path) if path)],
        handed=handed_over(plan),
        shown=of_orthanc(plan),
    )


def unit_digest(plan: Plan, text: str, secrets: Mapping[str, SecretValue]) -> str:
    """A digest that changes with the unit, and with each secret of which the unit keeps what it was when it started."""
    digest = hashlib.sha256(text.encode())
    for name in (*handed_over(plan), *of_orthanc(plan)):
        digest.update(f"\0{name}\0{fingerprint_secret(secrets[name])}".encode())
    return digest.hexdigest()[:16]


def start(state: State, variables: Mapping[str, str]) -> None:
    """Have systemd start the supervisor, now and whenever the host starts.

    Raises:
        StartError: systemd refuses.
        DeployError: the unit's name is another environment's.
        OSError: as the file system says.
    """
    unit, text = UNIT_FOLDER / name_of(state), file_of(state).read_bytes()
    stage(_environment(variables).encode(), state.run / "supervisor.env", 0o600).replace(state.run / "supervisor.env")
    if unit.is_file() and not _is_ours(unit, state):
        raise DeployError(f"{unit} is of another state folder", hint="stop that environment first: orthancgen down")
    if not (unit.is_file() and unit.read_bytes() == text):
        stage(text, unit, 0o644).replace(unit)
    _systemctl("daemon-reload")
    _systemctl("enable", "--quiet", unit.name)
    _systemctl("restart", unit.name)
    if b"\nLoadCredential=" in text and not Path(credentials_folder(state.root.name)).is_dir():
        raise StartError(
            "systemd handed no secrets over to the unit",
            hint="in a container whose mounts do not propagate: mount --make-rshared / before its systemd starts",
        )


def forget(state: State) -> None:
    """Stop the unit, and have systemd start it no more; one of another state folder is left alone.

    Raises:
        StartError: systemd refuses.
        OSError: as the file system says.
    """
    unit = UNIT_FOLDER / name_of(state)
    if not (unit.is_file() and _is_ours(unit, state)):
        return
    if _RUNNING.is_dir():
        _systemctl("disable", "--quiet", "--now", unit.name)
    unit.unlink(missing_ok=True)
    if _RUNNING.is_dir():
        _systemctl("daemon-reload")


def _is_ours(unit: Path, state: State) -> bool:
    return f"{state.run / 'supervisor.env'}\n" in unit.read_text(encoding="utf-8", errors="replace")


def _environment(variables: Mapping[str, str]) -> str:
    """An EnvironmentFile (systemd.exec(5)): values in double quotes, in which only backslash and quote mean something.

    Raises:
        StartError: a value has a control character.
    """
    lines = []
    for name, value in sorted(variables.items()):
        if not value.isprintable():
            raise StartError(f"systemd cannot carry the variable {name}: it has a control character")
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'{name}="{escaped}"\n')
    return "".join(lines)


def _systemctl(*arguments: str) -> None:
    try:
        done = subprocess.run(
            ["systemctl", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StartError(f"systemctl {arguments[0]}: {type(error).__name__}") from None
    if done.returncode != 0:
        said = "\n  ".join(done.stderr.strip().splitlines()[-4:])
        raise StartError(f"systemctl {' '.join(arguments)} failed:\n  {said}", hint=f"journalctl -u {arguments[-1]}")
