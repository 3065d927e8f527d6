"""The files that hold secrets, a folder a service, for whoever brings them into a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError
from orthancgen.plan.model import Plan
from orthancgen.render.container_files import mounts
from orthancgen.render.write import place
from orthancgen.runtimes.compose.folders import secret_contents
from orthancgen.secrets.value import SecretValue

_MODE: Final = 0o600


def place_files(plan: Plan, secrets: Mapping[str, SecretValue], folder: Path) -> list[Path]:
    """Write `FOLDER/SERVICE/FILE` for each file of `container_files.mounts`; returns their paths.

    Raises:
        DeployError: the folder cannot be made for this user alone.
        RenderError: it cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise DeployError(f"cannot make {folder}: {error.strerror}", hint="name another folder") from None
    files = [
        (folder / service / name, content, _MODE)
        for service, wanted in mounts(plan).items()
        for name, content in secret_contents(plan, wanted, secrets).items()
    ]
    place([(folder / ".gitignore", b"*\n", _MODE), *files], folder)
    return [path for path, _, _ in files]
