"""The five DIMSE-C operations as functions: each takes a peer and returns an `ScuResult`, whatever the network does."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import UID, CTImageStorage, SecondaryCaptureImageStorage
from pynetdicom import build_context, build_role, evt
from pynetdicom.presentation import PresentationContext

from orthancgen.dicom.association import Link, associate
from orthancgen.dicom.connect import who
from orthancgen.dicom.outcome import (
    Failure,
    Outcome,
    ScuResult,
    Suboperations,
    echo_meaning,
    query_meaning,
    status_outcome,
    storage_meaning,
)
from orthancgen.dicom.peer import Peer

# PS3.6 table A-1.
VERIFICATION = UID("1.2.840.10008.1.1")
STUDY_ROOT_FIND = UID("1.2.840.10008.5.1.4.1.2.2.1")
STUDY_ROOT_MOVE = UID("1.2.840.10008.5.1.4.1.2.2.2")
STUDY_ROOT_GET = UID("1.2.840.10008.5.1.4.1.2.2.3")
WORKLIST = UID("1.2.840.10008.5.1.4.31")

_PENDING = (0xFF00, 0xFF01)


def echo(peer: Peer) -> ScuResult:
    """C-ECHO (PS3.7 section 9.1.5)."""
    started = time.monotonic()
    with associate(peer, [build_context(VERIFICATION)]) as link:
        if isinstance(link, Failure):
            return _failed(link, started)
        sent = time.monotonic()
        answer = link.association.send_c_echo()
        return _answered(link, answer, sent, started, "C-ECHO", echo_meaning(answer.get("Status", 0)))


def store(peer: Peer, data: bytes) -> ScuResult:
    """C-STORE of one instance (PS3.7 section 9.1.1); many files are the business of `orthancgen.dicom.send`.

    Args:
        peer: whom to send to.
        data: a DICOM Part 10 file. It is sent in the transfer syntax that it has.

    Raises:
        pydicom.errors.InvalidDicomError: `data` is not a DICOM Part 10 file.
    """
    started = time.monotonic()
    dataset = dcmread(BytesIO(data))
    context = build_context(dataset.SOPClassUID, dataset.file_meta.TransferSyntaxUID)
    with associate(peer, [context]) as link:
        if isinstance(link, Failure):
            return _failed(link, started)
        sent = time.monotonic()
        answer = link.association.send_c_store(dataset)
        return _answered(link, answer, sent, started, "C-STORE", storage_meaning(answer.get("Status", 0)))


def find(peer: Peer, query: Dataset, *, model: UID = STUDY_ROOT_FIND) -> ScuResult:
    """C-FIND (PS3.4 annex C.4.1); `WORKLIST` as the model asks for a modality worklist. The matches are `datasets`."""
    started = time.monotonic()
    with associate(peer, [build_context(model)]) as link:
        if isinstance(link, Failure):
            return _failed(link, started)
        result = _collect(link, link.association.send_c_find(query, model), started, "C-FIND")
        return replace(result, suboperations=None)


def move(peer: Peer, query: Dataset, destination_aet: str, *, model: UID = STUDY_ROOT_MOVE) -> ScuResult:
    """C-MOVE (PS3.4 annex C.4.2): asks the peer to send what matches `query` to the AE title `destination_aet`."""
    started = time.monotonic()
    with associate(peer, [build_context(model)]) as link:
        if isinstance(link, Failure):
            return _failed(link, started)
        responses = link.association.send_c_move(query, destination_aet, model)
        return replace(_collect(link, responses, started, "C-MOVE"), datasets=())


def get(
    peer: Peer,
    query: Dataset,
    *,
    model: UID = STUDY_ROOT_GET,
    storage_classes: Sequence[UID] = (CTImageStorage, SecondaryCaptureImageStorage),
) -> ScuResult:
    """C-GET (PS3.4 annex C.4.3): what the peer sent back is in `datasets`, wholly in memory.

    Args:
        peer: whom to ask.
        query: keys with their values, QueryRetrieveLevel among them.
        model: the information model.
        storage_classes: the SOP classes that we offer to receive, at most 127.
    """
    started = time.monotonic()
    received: list[Dataset] = []

    def on_store(event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        received.append(dataset)
        return 0x0000

    contexts: list[PresentationContext] = [build_context(model), *(build_context(uid) for uid in storage_classes)]
    roles = [build_role(uid, scp_role=True) for uid in storage_classes]
    with associate(peer, contexts, roles=roles, handlers=[(evt.EVT_C_STORE, on_store)]) as link:
        if isinstance(link, Failure):
            return _failed(link, started)
        result = _collect(link, link.association.send_c_get(query, model), started, "C-GET")
        return replace(result, datasets=tuple(received))


def _collect(
    link: Link, responses: Iterator[tuple[Dataset, Dataset | None]], started: float, command: str
) -> ScuResult:
    """Reads the responses to the last; each may take as long as the command's timeout."""
    matches: list[Dataset] = []
    answer = Dataset()
    sent = time.monotonic()
    for answer, identifier in responses:
        if answer.get("Status") in _PENDING:
            sent = time.monotonic()
            if identifier is not None:
                matches.append(identifier)
    result = _answered(link, answer, sent, started, command, query_meaning(answer.get("Status", 0)))
    counts = Suboperations(
        remaining=_count(answer, "NumberOfRemainingSuboperations"),
        completed=_count(answer, "NumberOfCompletedSuboperations"),
        failed=_count(answer, "NumberOfFailedSuboperations"),
        warning=_count(answer, "NumberOfWarningSuboperations"),
    )
    return replace(result, datasets=tuple(matches), suboperations=counts)


def _count(answer: Dataset, keyword: str) -> int:
    value: Any = answer.get(keyword)
    return int(value or 0)


def _failed(failure: Failure, started: float) -> ScuResult:
    return ScuResult(failure.outcome, failure.text, rejection=failure.rejection, seconds=time.monotonic() - started)


def _answered(link: Link, answer: Dataset, sent: float, started: float, command: str, meaning: str) -> ScuResult:
    if "Status" not in answer:
        return _failed(link.lost(sent), started)
    status = int(answer.Status)
    outcome = status_outcome(status)
    comment = str(answer.get("ErrorComment", "") or "")
    text = f"{who(link.peer)} answered {command} with status 0x{status:04X} ({meaning})" + (
        f": {comment}" if comment else ""
    )
    if outcome is Outcome.SUCCESS:
        text = f"{who(link.peer)} answered {command}: success"
    return ScuResult(outcome, text, status=status, seconds=time.monotonic() - started)
