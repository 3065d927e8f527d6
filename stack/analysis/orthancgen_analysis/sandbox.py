"""Runs the worker process, watches it, and goes on without the file that it died of."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import RefusedError, ServiceError, TooLongError

if TYPE_CHECKING:
    from .config import Limits

#: After so many deaths the study as a whole is given up.
DEATHS = 5
_LINE_BYTES = 8 * 1024**2
_START_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """What the worker is to do."""

    files: tuple[tuple[Path, str, str], ...]
    limits: Limits
    card: Path | None = None
    digest: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the worker gave; `failed` tells by the file's number why it could not be examined."""

    findings: list[dict[str, Any]]
    measurements: list[dict[str, Any]]
    parameters: dict[str, Any]
    failed: dict[int, str]


async def run(job: Job) -> Answer:
    """Examines the files.

    Raises:
        RefusedError: where the worker cannot do it at all.
        TooLongError: where all of it takes longer than it may.
    """
    skip: dict[int, str] = {}
    try:
        async with asyncio.timeout(job.limits.seconds):
            for _ in range(DEATHS):
                outcome = await _attempt(job, skip)
                if isinstance(outcome, Answer):
                    return outcome
                skip |= outcome
    except TimeoutError as error:
        raise TooLongError(f"the analysis took longer than {job.limits.seconds:g} s") from error
    raise RefusedError(f"{DEATHS} of the images could not be decoded within the limits: {next(iter(skip.values()))}")


async def _attempt(job: Job, skip: dict[int, str]) -> Answer | dict[int, str]:
    """One process: its answer, or the number of the file that it died of, with why."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "orthancgen_analysis.worker",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        limit=_LINE_BYTES,
        # Threads of a library of mathematics each take address space, which is bounded.
        env={
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join(it for it in sys.path if it),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MALLOC_ARENA_MAX": "1",
        },
    )
    if process.stdin is None or process.stdout is None:
        raise ServiceError("no pipe to the worker")
    content = {
        "limits": job.limits.model_dump(),
        "card": None if job.card is None else str(job.card),
        "digest": job.digest,
        "files": [{"path": str(path), "series": series, "instance": it} for path, series, it in job.files],
        "skip": skip,
    }
    at: int | None = None
    why = "the decoder failed on it, or needed more memory than there is for it"
    try:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(json.dumps(content).encode())
            await process.stdin.drain()
        process.stdin.close()
        while True:
            seconds = _START_SECONDS if at is None else job.limits.instance_seconds
            try:
                line = await asyncio.wait_for(process.stdout.readline(), seconds)
            except TimeoutError:
                why = f"it took longer than {seconds:g} s"
                break
            if not line:
                break
            said = json.loads(line)
            if "refused" in said:
                raise RefusedError(said["refused"])
            if "done" in said:
                done = said["done"]
                failed = {int(index): text for index, text in done.pop("failed").items()}
                return Answer(**done, failed=failed)
            at = int(said["at"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    if at is None:
        raise ServiceError("the worker ended before it began: is limits.memory_bytes too small?")
    return {at: why}
