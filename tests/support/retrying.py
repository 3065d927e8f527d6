"""A sender that gives up nothing: what was not confirmed by one address is sent to the next, until all is confirmed."""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from orthancgen.dicom.outcome import Failure, Outcome, status_outcome
from orthancgen.dicom.peer import Peer
from orthancgen.dicom.scan import DicomFile, scan
from orthancgen.dicom.wire import LinkLostError, StoreLink

_PAUSE_SECONDS = 0.2


class RetryingSender(threading.Thread):
    """One device with a queue.

    Args:
        files: what it has to send.
        peers: whom it may send to; after a failure it turns to the next.
        first: the peer with which it begins.

    Attributes:
        confirmed: when (`time.monotonic`) and by which address each instance was confirmed.
        associations: how many were opened.
        failures: what went wrong, in words.
    """

    def __init__(self, files: Sequence[Path], peers: Sequence[Peer], first: int = 0) -> None:
        super().__init__(daemon=True)
        self._waiting: deque[DicomFile] = deque(scan(files).files)
        self._peers = itertools.islice(itertools.cycle(peers), first, None)
        self._ended = threading.Event()
        self.confirmed: list[tuple[float, str]] = []
        self.associations = 0
        self.failures: list[str] = []

    def run(self) -> None:
        while self._waiting and not self._ended.is_set():
            peer = next(self._peers)
            pairs = sorted({(file.sop_class_uid, file.transfer_syntax_uid) for file in self._waiting})
            link = StoreLink.open(peer, pairs)
            if isinstance(link, Failure):
                self.failures.append(link.text)
                self._ended.wait(_PAUSE_SECONDS)
                continue
            self.associations += 1
            try:
                self._send(link)
            except LinkLostError as lost:
                self.failures.append(lost.failure.text)

    def _send(self, link: StoreLink) -> None:
        """Send until nothing is left, or the peer refuses one."""
        while self._waiting and not self._ended.is_set():
            file = self._waiting[0]
            with file.path.open("rb", buffering=0) as source:
                source.seek(file.offset)
                pair = file.sop_class_uid, file.transfer_syntax_uid
                answer = link.store(pair, file.sop_instance_uid, source, file.dataset_bytes, lambda _: None)
            if status_outcome(answer.status) is not Outcome.SUCCESS:
                self.failures.append(f"{link.peer.host} answered C-STORE with 0x{answer.status:04X}")
                break
            self._waiting.popleft()
            self.confirmed.append((time.monotonic(), link.peer.host))
        link.release()

    def stop(self) -> None:
        """End it, whatever is left."""
        self._ended.set()
        self.join()
