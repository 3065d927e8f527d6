"""The process in which images are decoded: bounded in memory and time, without the network's secrets.

Reads one job as JSON from standard input. Writes lines of JSON: `{"at": n}` before it looks at file n, and `{"done":
...}` at the end. Whoever started it learns so which file it died of.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1


def bound(memory_bytes: int, seconds: int) -> None:
    """Limits this process for good, and ends it with its parent."""
    # setrlimit(2): more memory is refused, more time of the processor is SIGKILL, and no file is written.
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main() -> None:
    """Does the job."""
    job: dict[str, Any] = json.load(sys.stdin)
    bound(job["limits"]["memory_bytes"], int(job["limits"]["seconds"]) + 1)
    # What decoders print must not get between the lines.
    lines = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)

    def say(content: dict[str, Any]) -> None:
        lines.write(json.dumps(content, allow_nan=False) + "\n")
        lines.flush()

    try:
        _work(job, say)
    except MemoryError:
        say({"refused": "it needs more memory than there is for it"})


def _work(job: dict[str, Any], say: Any) -> None:
    from .config import Limits, load_model
    from .errors import ConfigError, RefusedError, UnreadableError
    from .image_quality import QualityExaminer
    from .outcome import Examiner
    from .reading import open_instance

    limits = Limits.model_validate(job["limits"])
    try:
        examiner: Examiner
        if job["card"] is None:
            examiner = QualityExaminer(limits)
        else:
            from .onnx_model import OnnxExaminer

            examiner = OnnxExaminer(load_model(Path(job["card"])), limits, job["digest"])
    except (ConfigError, RefusedError) as error:
        say({"refused": str(error) if isinstance(error, RefusedError) else "the model's card cannot be used any more"})
        return
    failed: dict[str, str] = dict(job["skip"])
    for index, it in enumerate(job["files"]):
        if str(index) in failed:
            continue
        say({"at": index})
        try:
            examiner.examine(open_instance(Path(it["path"]), limits), it["series"], it["instance"])
        except UnreadableError as error:
            failed[str(index)] = str(error)
        except MemoryError:
            failed[str(index)] = "it needs more memory than there is for it"
        except RecursionError:
            failed[str(index)] = "its sequences are nested too deeply"
        except Exception as error:
            failed[str(index)] = f"it cannot be examined ({type(error).__name__})"
    outcome = examiner.finish().bounded()
    say(
        {
            "done": {
                "findings": [it.model_dump(mode="json") for it in outcome.findings],
                "measurements": [it.model_dump(mode="json") for it in outcome.measurements],
                "parameters": outcome.parameters,
                "failed": failed,
            }
        }
    )


if __name__ == "__main__":
    main()
