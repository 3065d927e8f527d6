"""A program in a network namespace that listens, calls and tells what came of it, as it is asked."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

_PROBER: Final = Path(__file__).with_name("prober.py")


class Prober:
    """The program `prober.py` in one namespace."""

    def __init__(self, enter: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*enter, sys.executable, "-I", str(_PROBER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()

    def ask(self, **question: Any) -> Any:
        """One question, one answer."""
        with self._lock:
            self.begin(**question)
            return self.end()

    def begin(self, **question: Any) -> None:
        """Ask, and do not wait for the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()

    def end(self) -> Any:
        """The answer to what was asked by `begin`."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the prober ended"
        return json.loads(line)

    def close(self) -> None:
        """End it."""
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
