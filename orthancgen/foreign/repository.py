"""What the file system and git say of files with secrets: modes, tracked or not, ignored or not."""

from __future__ import annotations

import datetime
import os
import stat
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from orthancgen.foreign.model import SecretFile
from orthancgen.site.load import display_name

TIMEOUT_SECONDS: Final = 20.0
# A checkout of somebody else must not start programs: none of its settings that name one is heeded.
_GIT: Final = ("git", "--no-pager", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


def secret_files(paths: Sequence[Path], root: Path, today: datetime.date | None) -> tuple[SecretFile, ...]:
    """The facts of files, by their names.

    Args:
        paths: files that hold secrets, or seem to.
        root: the folder whose checkout is asked; one call of git for what is tracked, one for what is ignored.
        today: the day by which their age is counted; None: it is not.
    """
    unique = sorted({path.absolute() for path in paths})
    tracked, ignored = git_facts(unique, root)
    found = []
    for path in unique:
        facts = _facts(path)
        if facts is None:
            continue
        in_git = tracked.get(path)
        found.append(
            SecretFile(
                display_name(path),
                _mode(facts),
                _mode(_facts(path.parent)),
                in_git,
                ignored.get(path),
                # A checkout gives every file the time at which it was made.
                None if today is None or in_git else _age(facts, today),
            )
        )
    return tuple(found)


def git_facts(paths: Sequence[Path], root: Path) -> tuple[Mapping[Path, bool], Mapping[Path, bool]]:
    """For each path whether git tracks it and whether it ignores it; nothing of those outside of a checkout."""
    if not paths or _git(root, ["rev-parse", "--is-inside-work-tree"]) != b"true\n":
        return {}, {}
    top = _git(root, ["rev-parse", "--show-toplevel"])
    if top is None:
        return {}, {}
    checkout = Path(os.fsdecode(top.rstrip(b"\n"))).resolve()
    inside = {path: path.parent.resolve() / path.name for path in paths}
    inside = {path: real for path, real in inside.items() if real.is_relative_to(checkout)}
    names = {path: os.fsencode(real.relative_to(checkout)) for path, real in inside.items()}
    if not names:
        return {}, {}
    listed = _git(checkout, ["ls-files", "-z", "--cached", "--", *(b":(literal)" + name for name in names.values())])
    checked = _git(checkout, ["check-ignore", "-z", "--stdin", "--no-index"], b"\0".join(names.values()))
    known, refused = set((listed or b"").split(b"\0")), set((checked or b"").split(b"\0"))
    return (
        {path: name in known for path, name in names.items()} if listed is not None else {},
        {path: name in refused for path, name in names.items()} if checked is not None else {},
    )


def _git(folder: Path, arguments: Iterable[str | bytes], given: bytes | None = None) -> bytes | None:
    """What git answers; None where there is no git, or it fails (1 of check-ignore: nothing is ignored)."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    words = [os.fsencode(word) for word in (*_GIT, "-C", str(folder))] + [
        word if isinstance(word, bytes) else os.fsencode(word) for word in arguments
    ]
    try:
        answer = subprocess.run(
            words, input=given or b"", capture_output=True, timeout=TIMEOUT_SECONDS, check=False, env=environment
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode in (0, 1) else None


def _facts(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None


def _mode(facts: os.stat_result | None) -> int | None:
    return stat.S_IMODE(facts.st_mode) if facts is not None and os.name == "posix" else None


def _age(facts: os.stat_result, today: datetime.date) -> float:
    changed = datetime.datetime.fromtimestamp(facts.st_mtime, datetime.UTC)
    noon = datetime.datetime.combine(today, datetime.time(12), datetime.UTC)
    return max((noon - changed).total_seconds() / 86_400, 0.0)
