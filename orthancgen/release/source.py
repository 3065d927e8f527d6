"""Which commit an environment file comes from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from orthancgen.release.model import Source

_SECONDS: Final = 10


def source_of(environment_file: Path, others: Iterable[Path] = ()) -> Source:
    """Where an environment file comes from; without git, or outside a repository, only its path.

    Args:
        environment_file: the file.
        others: the files that it extends; they count for ``dirty``.
    """
    file = environment_file.absolute()
    # git refuses a repository of another user because its configuration names programs that git runs (git-config(1),
    # safe.directory). `rev-parse` runs none of them, so it may read such a repository.
    top = _git(file.parent, "-c", "safe.directory=*", "rev-parse", "--show-toplevel")
    if not top:
        return Source(str(environment_file))
    commit = _git(file.parent, "-c", "safe.directory=*", "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    try:
        path = str(file.resolve().relative_to(top))
    except ValueError:
        path = str(environment_file)
    return Source(path, commit or None, _dirty(file.parent, [file, *others]) if commit else True)


def _dirty(folder: Path, files: Iterable[Path]) -> bool | None:
    """Whether files differ from the commit. Here git has the last word on whose repository it trusts."""
    names = [str(file.resolve()) for file in files]
    status = _git(folder, "status", "--porcelain", "--ignored", "--untracked-files=all", "--", *names)
    return None if status is None else bool(status)


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None where it fails or is not there."""
    # A hook of git exports GIT_DIR and others, which would name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        run = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return os.fsdecode(run.stdout).strip() if run.returncode == 0 else None
