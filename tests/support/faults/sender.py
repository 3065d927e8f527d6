"""A sender that goes on until everything is confirmed."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from orthancgen.dicom.peer import Peer
from orthancgen.dicom.send import Progress, send_files
from orthancgen.dicom.synthetic import ct_series
from tests.support.faults.stack import MOMENT


def write_studies(folder: Path, run: str, studies: int, series: int, slices: int, *, size: int = 64) -> dict[Path, str]:
    """Writes CT files of `studies` patients; {path: SOPInstanceUID} in the order of sending."""
    folder.mkdir(parents=True)
    files = {}
    for study in range(studies):
        for number in range(1, series + 1):
            slices_of = ct_series(f"{run}-{study}", MOMENT, slices, rows=size, columns=size, series=number)
            for one in slices_of:
                path = folder / f"{study:03}-{number:03}-{one.index:06}.dcm"
                path.write_bytes(one.data)
                files[path] = one.sop_instance_uid
    return files


class Sender:
    """A modality that sends again what was not confirmed, until everything is; runs in a thread of its own.

    Attributes:
        confirmed: SOPInstanceUIDs of files that Orthanc confirmed.
        reached: how many were confirmed by now, those of the call at work included.
        calls: how often `send_files` was called.
        breaks: how many associations broke.
        failures: why files were not confirmed, with how often.
        seconds: how long it took.
    """

    def __init__(
        self, files: Mapping[Path, str], peer: Peer, *, associations: int = 4, most_per_second: float = math.inf
    ) -> None:
        self._files = dict(files)
        self._peer = peer
        self._associations = associations
        self._pause_seconds = 1 / most_per_second
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._error: BaseException | None = None
        self.confirmed: set[str] = set()
        self.reached = 0
        self.calls = 0
        self.breaks = 0
        self.failures: Counter[str] = Counter()
        self.seconds = 0.0

    def start(self) -> Self:
        """Begins to send."""
        self._thread.start()
        return self

    @property
    def done(self) -> bool:
        """Whether everything is confirmed; raises what ended it early."""
        if self._error is not None:
            raise self._error
        return len(self.confirmed) == len(self._files)

    def reaches(self, count: int) -> bool:
        """Whether so many are confirmed by now."""
        return self.reached >= count or self.done

    def join(self, seconds: float) -> None:
        """Waits until everything is confirmed; AssertionError after so long."""
        self._thread.join(seconds)
        assert self.done, f"{len(self.confirmed)} of {len(self._files)} confirmed after {seconds:g} s: {self.failures}"

    def _run(self) -> None:
        started = time.monotonic()
        try:
            while remaining := [path for path, uid in self._files.items() if uid not in self.confirmed]:
                self._send(remaining)
                time.sleep(0.1)
        except BaseException as error:
            self._error = error
        self.seconds = time.monotonic() - started

    def _send(self, paths: Sequence[Path]) -> None:
        before = len(self.confirmed)

        def note(progress: Progress) -> None:
            fresh = before + progress.done - progress.failed - self.reached
            self.reached += fresh
            if fresh > 0:
                time.sleep(fresh * self._pause_seconds)  # holds up every association: the sender's lock is held

        result = send_files(paths, self._peer, associations=self._associations, backoff_seconds=0.1, progress=note)
        assert not result.skipped, result.skip_counts()
        self.calls += 1
        self.breaks += result.breaks
        self.failures.update(dict(result.failure_counts()))
        failed = {report.path for report in result.failed}
        self.confirmed |= {self._files[path] for path in paths if path not in failed}
        self.reached = len(self.confirmed)
