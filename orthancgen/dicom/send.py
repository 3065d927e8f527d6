"""The engine of `orthancgen send`: files and folders over C-STORE, as they lie, with several associations at once.

A thread an association takes files from one queue. A file counts as sent when the peer confirmed it, and not before:
when an association breaks, the file in flight goes back into the queue and a new association takes over.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from orthancgen.dicom.outcome import Failure, Outcome, status_outcome, storage_meaning
from orthancgen.dicom.peer import Peer
from orthancgen.dicom.scan import DicomFile, Skipped, scan
from orthancgen.dicom.wire import MAX_CONTEXTS, LinkLostError, Pair, SourceError, StoreLink

DEFAULT_ASSOCIATIONS = 4
"""Orthanc serves four associations at a time unless DicomThreadsCount says otherwise."""

FILES_AN_ASSOCIATION = 8
"""No more associations are opened than have this many files each."""

MOST_TIMEOUT_RETRIES = 1
"""How often a file is tried again over which the peer fell silent: each time costs the whole timeout of a command."""

LONGEST_PAUSE_SECONDS = 30.0
GRACE_SECONDS = 5.0
"""How long after an interruption the files in flight may still be confirmed."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is. `bytes_sent` counts what the network took; a broken association takes back what was not confirmed.

    A progress bar has `bytes_total` as its length and `bytes_sent` as its position, and shows `done` of `instances`.
    """

    instances: int
    done: int
    failed: int
    bytes_total: int
    bytes_sent: int


@dataclass(frozen=True, slots=True)
class FileReport:
    """A file with something to say about it: a failure, or a warning of the peer.

    Attributes:
        path: the file.
        text: what happened, for a reader; without patient data.
        status: the peer's status, when it gave one.
        outcome: how the association ended, when that was the reason.
    """

    path: Path
    text: str
    status: int | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True)
class SendResult:
    """What came of it. Every file that was found is in exactly one place: sent, failed or skipped.

    Attributes:
        instances: how many files were to be sent.
        sent: how many the peer confirmed, those with warnings included.
        warnings: the files that it confirmed with a warning status (0xB000 and the like).
        failed: the files that it refused, or that could not be sent.
        skipped: the files that were not tried: not DICOM, DICOMDIR, damaged, duplicates ...
        bytes_sent: bytes of the confirmed datasets.
        seconds: from the first look at the paths to the end.
        associations: how many associations were opened, those after a break included.
        breaks: how many associations broke.
        interrupted: whether the user ended it; what was not sent by then is in `failed`.
    """

    instances: int
    sent: int
    warnings: tuple[FileReport, ...]
    failed: tuple[FileReport, ...]
    skipped: tuple[Skipped, ...]
    bytes_sent: int
    seconds: float
    associations: int
    breaks: int
    interrupted: bool

    @property
    def ok(self) -> bool:
        """Whether the peer confirmed every file that was to be sent, and there was one."""
        return self.sent == self.instances > 0

    @property
    def instances_per_second(self) -> float:
        """Confirmed instances a second."""
        return self.sent / self.seconds if self.seconds else 0.0

    @property
    def bytes_per_second(self) -> float:
        """Confirmed bytes a second."""
        return self.bytes_sent / self.seconds if self.seconds else 0.0

    def failure_counts(self) -> list[tuple[str, int]]:
        """(what happened, how many files), the most frequent first."""
        return Counter(report.text for report in self.failed).most_common()

    def skip_counts(self) -> list[tuple[str, int]]:
        """(why, how many files), the most frequent first."""
        return Counter(str(skipped.why) for skipped in self.skipped).most_common()


def send_files(
    paths: Iterable[Path | str],
    peer: Peer,
    *,
    associations: int = DEFAULT_ASSOCIATIONS,
    retries: int = 5,
    backoff_seconds: float = 0.5,
    progress: Callable[[Progress], None] | None = None,
) -> SendResult:
    """Sends files and folders to a peer; each file as it lies, without transcoding.

    Nothing on disk or on the network makes it raise. Ctrl-C ends it in order: files in flight may finish, the rest is
    reported.

    Args:
        paths: files and folders (recursive).
        peer: whom to send to.
        associations: how many associations at once, at most.
        retries: how often in a row an association may break or fail to open without a file confirmed in between, and
            how often one file is tried again. A peer that was never reached is not tried again.
        backoff_seconds: the pause before the first retry; each further one is twice as long.
        progress: called after each block that was sent, from one thread at a time (not the caller's). What it raises
            ends the sending and is raised here.

    Raises:
        ValueError: `associations` is below 1, or `retries` or `backoff_seconds` below 0.
    """
    if associations < 1 or retries < 0 or backoff_seconds < 0:
        raise ValueError("associations must be at least 1, retries and backoff_seconds at least 0")
    started = time.monotonic()
    found = scan(paths)
    run = _Run(found.files, peer, retries, backoff_seconds, progress)
    for batch in _batches(found.files):
        run.send(batch, associations)
    return SendResult(
        instances=len(found.files),
        sent=run.sent,
        warnings=tuple(run.warnings),
        failed=tuple(run.failed),
        skipped=found.skipped,
        bytes_sent=run.bytes_confirmed,
        seconds=time.monotonic() - started,
        associations=run.associations,
        breaks=run.breaks,
        interrupted=run.interrupted,
    )


@dataclass(frozen=True)
class _Batch:
    """Files whose pairs fit into one association."""

    pairs: tuple[Pair, ...]
    files: tuple[DicomFile, ...]


def _pair(file: DicomFile) -> Pair:
    return file.sop_class_uid, file.transfer_syntax_uid


def _batches(files: Iterable[DicomFile]) -> list[_Batch]:
    """Groups files into batches of at most MAX_CONTEXTS pairs, in the order in which the pairs first occur."""
    by_pair: dict[Pair, int] = {}
    batches: list[list[DicomFile]] = []
    for file in files:
        number = by_pair.setdefault(_pair(file), len(by_pair)) // MAX_CONTEXTS
        if number == len(batches):
            batches.append([])
        batches[number].append(file)
    pairs = list(by_pair)
    return [
        _Batch(tuple(pairs[number * MAX_CONTEXTS : (number + 1) * MAX_CONTEXTS]), tuple(batch))
        for number, batch in enumerate(batches)
    ]


@dataclass(slots=True)
class _Item:
    """A file in the queue, with how often an association broke over it."""

    file: DicomFile
    breaks: int = 0


@dataclass
class _Run:
    """What the threads of one `send_files` share. `lock` guards all that changes."""

    files: tuple[DicomFile, ...]
    peer: Peer
    retries: int
    backoff_seconds: float
    progress: Callable[[Progress], None] | None
    lock: threading.Lock = field(default_factory=threading.Lock)
    stop: threading.Event = field(default_factory=threading.Event)
    queue: deque[_Item] = field(default_factory=deque)
    links: set[StoreLink] = field(default_factory=set)
    warnings: list[FileReport] = field(default_factory=list)
    failed: list[FileReport] = field(default_factory=list)
    sent: int = 0
    bytes_on_wire: int = 0
    bytes_confirmed: int = 0
    associations: int = 0
    breaks: int = 0
    interrupted: bool = False
    given_up: Failure | None = None
    crash: BaseException | None = None

    def send(self, batch: _Batch, associations: int) -> None:
        """Sends one batch; returns when each of its files is confirmed or reported."""
        self.queue = deque(_Item(file) for file in batch.files)
        if not self.stop.is_set() and self._worth_trying():
            count = min(associations, -(-len(batch.files) // FILES_AN_ASSOCIATION))
            self._work(batch.pairs, count)
        self._report_rest()
        if self.crash is not None:
            raise self.crash

    def _worth_trying(self) -> bool:
        # A peer that refused one batch for good would refuse the next.
        return self.given_up is None or self.given_up.outcome is Outcome.CONTEXT_REJECTED

    def _work(self, pairs: tuple[Pair, ...], count: int) -> None:
        threads = [
            threading.Thread(target=self._worker, args=(pairs,), name=f"send-{number}", daemon=True)
            for number in range(count)
        ]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except KeyboardInterrupt:
            self.interrupted = True
            self.stop.set()
            self._finish(threads)

    def _finish(self, threads: list[threading.Thread]) -> None:
        deadline = time.monotonic() + GRACE_SECONDS
        try:
            for thread in threads:
                if thread.ident is not None:
                    thread.join(max(0.0, deadline - time.monotonic()))
        except KeyboardInterrupt:
            pass  # the second one: no more grace
        with self.lock:
            for link in self.links:
                link.shutdown()
        for thread in threads:
            if thread.ident is not None:
                thread.join(GRACE_SECONDS)

    def _report_rest(self) -> None:
        if self.interrupted:
            text, outcome = "not sent: interrupted", None
        elif self.given_up is not None:
            text, outcome = f"not sent: {self.given_up.text}", self.given_up.outcome
        else:
            text, outcome = "not sent", None
        self.failed += [FileReport(item.file.path, text, outcome=outcome) for item in self.queue]
        self.queue.clear()

    def _worker(self, pairs: tuple[Pair, ...]) -> None:
        try:
            self._serve(pairs)
        except BaseException as error:
            with self.lock:
                self.crash = self.crash or error
            self.stop.set()

    def _serve(self, pairs: tuple[Pair, ...]) -> None:
        """One thread's work: associate, send until the queue is empty, and start again when the association breaks."""
        in_a_row = 0
        while self.queue and not self.stop.is_set():
            confirmed_before = self.sent
            link = StoreLink.open(self.peer, pairs)
            if isinstance(link, Failure):
                in_a_row += 1
                if self._hopeless(link) or in_a_row > self.retries:
                    with self.lock:
                        self.given_up = link
                    return
            else:
                with self.lock:
                    self.links.add(link)
                    self.associations += 1
                try:
                    intact = self._send_over(link)
                finally:
                    with self.lock:
                        self.links.discard(link)
                if intact:
                    continue
                in_a_row = 1 if self.sent > confirmed_before else in_a_row + 1
                with self.lock:
                    self.breaks += 1
                if in_a_row > self.retries:
                    with self.lock:
                        self.given_up = self.given_up or Failure(Outcome.CLOSED, "the associations broke too often")
                    return
            self.stop.wait(min(self.backoff_seconds * 2 ** (in_a_row - 1), LONGEST_PAUSE_SECONDS))

    def _hopeless(self, failure: Failure) -> bool:
        if failure.rejection is not None:
            return failure.rejection.result == 1  # rejected-permanent (PS3.8 table 9-21)
        return self.associations == 0 or failure.outcome in (Outcome.NAME_UNKNOWN, Outcome.CONTEXT_REJECTED)

    def _send_over(self, link: StoreLink) -> bool:
        """Sends from the queue until it is empty; False when the association broke and is closed."""
        while not self.stop.is_set():
            try:
                item = self.queue.popleft()
            except IndexError:
                break
            try:
                self._send_one(link, item)
            except SourceError as error:
                self._fail(item, FileReport(item.file.path, f"not sent: {error}"))
                return False
            except LinkLostError as lost:
                item.breaks += 1
                silent = lost.failure.outcome is Outcome.COMMAND_TIMEOUT
                most = min(self.retries, MOST_TIMEOUT_RETRIES) if silent else self.retries
                if item.breaks > most and not self.stop.is_set():
                    text = f"the association broke {item.breaks} times at this file: {lost.failure.text}"
                    self._fail(item, FileReport(item.file.path, text, outcome=lost.failure.outcome))
                else:
                    self.queue.appendleft(item)
                return False
            except BaseException:
                link.abort()
                raise
        link.release()
        return True

    def _send_one(self, link: StoreLink, item: _Item) -> None:
        file = item.file
        pair = _pair(file)
        if pair not in link.accepted:
            text = f"not sent: {link.refused.get(pair, 'no presentation context')}"
            self._fail(item, FileReport(file.path, text, outcome=Outcome.CONTEXT_REJECTED))
            return
        taken = 0

        def on_block(count: int) -> None:
            nonlocal taken
            taken += count
            self._advance(count)

        try:
            with file.path.open("rb", buffering=0) as source:
                status = os.fstat(source.fileno())
                if (status.st_size, status.st_mtime_ns) != (file.size, file.modified_ns):
                    self._fail(item, FileReport(file.path, "not sent: it changed after it was scanned"))
                    return
                source.seek(file.offset)
                answer = link.store(pair, file.sop_instance_uid, source, file.dataset_bytes, on_block)
        except (LinkLostError, SourceError):
            self._advance(-taken)
            raise
        except OSError as error:
            self._fail(item, FileReport(file.path, f"not sent: it can no longer be read: {error.strerror}"))
            return
        self._confirm(item, answer.status)

    def _confirm(self, item: _Item, status: int) -> None:
        outcome = status_outcome(status)
        report = FileReport(item.file.path, f"status 0x{status:04X}: {storage_meaning(status)}", status)
        with self.lock:
            if outcome in (Outcome.SUCCESS, Outcome.WARNING):
                self.sent += 1
                self.bytes_confirmed += item.file.dataset_bytes
                if outcome is Outcome.WARNING:
                    self.warnings.append(report)
                self._tell()
                return
        self._fail(item, report)

    def _fail(self, item: _Item, report: FileReport) -> None:
        with self.lock:
            self.failed.append(report)
            self._tell()

    def _advance(self, count: int) -> None:
        with self.lock:
            self.bytes_on_wire += count
            self._tell()

    def _tell(self) -> None:
        if self.progress is not None:
            self.progress(
                Progress(
                    instances=len(self.files),
                    done=self.sent + len(self.failed),
                    failed=len(self.failed),
                    bytes_total=self._bytes_total,
                    bytes_sent=self.bytes_on_wire,
                )
            )

    def __post_init__(self) -> None:
        self._bytes_total = sum(file.dataset_bytes for file in self.files)
