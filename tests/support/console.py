"""The commands of a page of the documentation: read from its fences, run in one shell, compared with what is shown.

A fence ``console`` holds commands behind ``$ `` with what they print. ``# exit N`` behind a command is its exit code.
``...`` stands for the rest of a line, and alone on a line for any lines; the amount of white space does not count.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

_FENCE: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT: Final = re.compile(r"#\s*exit (\d+)$")
_MARK: Final = "\x1eexit:"
_ANYTHING: Final = r"(?:[^\n]*\n)*"


@dataclass(frozen=True, slots=True)
class Step:
    """A command as the page has it, what it prints there, and the line on which it stands."""

    command: str
    shown: str
    line: int

    @property
    def code(self) -> int:
        """The exit code that the page promises."""
        found = _EXIT.search(self.command)
        return int(found.group(1)) if found else 0

    def is_like(self, printed: str) -> bool:
        """Whether that is what the page shows."""
        pattern = "".join(_ANYTHING if line == "..." else _pattern(line) for line in _tidy(self.shown))
        return re.fullmatch(pattern, "".join(f"{line}\n" for line in _tidy(printed))) is not None


def _tidy(text: str) -> list[str]:
    """The lines that are not empty, each with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def _pattern(line: str) -> str:
    return r"[^\n]*".join(re.escape(part.strip()) for part in line.split("...")) + "\n"


def steps_of(page: Path) -> list[Step]:
    """Every command of a page, in its order."""
    text = page.read_text(encoding="utf-8")
    steps: list[Step] = []
    for fence in _FENCE.finditer(text):
        first = text.count("\n", 0, fence.start(1)) + 1
        for number, line in enumerate(fence.group(1).splitlines(keepends=True), first):
            if line.startswith("$ "):
                steps.append(Step(line[2:].rstrip("\n"), "", number))
            else:
                assert steps, f"{page.name}:{number}: output without a command"
                last = steps.pop()
                steps.append(Step(last.command, last.shown + line, last.line))
    return steps


class Shell:
    """One bash that runs command after command, as a reader would type them."""

    def __init__(self, process: subprocess.Popen[str], to: IO[str], out: IO[str]) -> None:
        self._process, self._to, self._out = process, to, out

    def run(self, command: str) -> tuple[int, str]:
        """Exit code of a command, and what it printed on both outputs."""
        self._to.write(f"{command}\nprintf '\\n{_MARK}%s\\n' $?\n")
        self._to.flush()
        printed: list[str] = []
        for line in self._out:
            if line.startswith(_MARK):
                return int(line.removeprefix(_MARK)), "".join(printed)
            printed.append(line)
        raise AssertionError(f"the shell ended during {command}: {''.join(printed)}")


@contextmanager
def shell(folder: Path, environment: Mapping[str, str], *before: str) -> Iterator[Shell]:
    """A bash in a folder, with no other variables than those; `before` are words of a command that starts it."""
    process = subprocess.Popen(
        [*before, "bash", "--noprofile", "--norc"],
        cwd=folder, env=dict(environment), text=True, errors="replace",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Shell(process, process.stdin, process.stdout)
    finally:
        process.stdin.close()
        process.wait(timeout=60)
        process.stdout.close()


def variables(**more: str) -> dict[str, str]:
    """A small environment: the search path and home of this process, and an unsurprising locale."""
    return {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8", **more}
