"""An association for C-STORE alone, which sends a file's bytes as they lie on disk.

pynetdicom encodes and decodes the association's PDUs. The messages themselves are written here: its reactor polls, and
spends 2.5 ms of processor time on an instance of 128 KiB, which bounds every sender built on it by the interpreter's
lock (2,000 CT slices of 256 x 256 to Orthanc 1.10.1: 140 a second over one association, 300 over eight).

PS3.8 section 9.3 (PDUs), annex E (fragments), PS3.7 section 9.3.1 (C-STORE).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Self

from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext, build_context

from orthancgen.dicom.connect import connect, tls_failure, who
from orthancgen.dicom.outcome import Failure, Outcome, abort_text, rejection
from orthancgen.dicom.peer import Peer
from orthancgen.dicom.synthetic import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

MAX_CONTEXTS = 128
"""Context IDs are the odd numbers from 1 to 255 (PS3.8 section 9.3.2.2)."""

OUR_MAX_PDU = 16382
"""What we announce to receive: only answers, which are short."""

BLOCK_BYTES = 256 * 1024
"""How much of a file is in memory at once, for each association."""

_LARGEST_FRAGMENT = 128 * 1024
_LARGEST_ANSWER = 1024 * 1024
_MOST_BUFFERS = 1000  # Linux takes 1024 in one sendmsg (IOV_MAX)
_DRAIN_SECONDS = 0.5

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_C_STORE_RQ, _C_STORE_RSP = 0x0001, 0x8001
_ASSOCIATE_AC, _ASSOCIATE_RJ, _P_DATA, _RELEASE_RQ, _RELEASE_RP, _ABORT = 0x02, 0x03, 0x04, 0x05, 0x06, 0x07
_COMMAND, _LAST = 0x01, 0x02

Pair = tuple[str, str]
"""(SOP class UID, transfer syntax UID)."""


class LinkLostError(Exception):
    """The association ended in the middle of a message; nothing can be said of that message."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure


class SourceError(Exception):
    """The file ended or failed in the middle of a message; the association was aborted."""


@dataclass(frozen=True)
class Answer:
    """A C-STORE response: its status, and the peer's comment if it made one (it may hold patient data)."""

    status: int
    comment: str


class StoreLink:
    """An open association; `open` makes it, `release` or `abort` ends it. For one thread, `shutdown` aside."""

    def __init__(self, peer: Peer, sock: socket.socket) -> None:
        self.peer = peer
        self.accepted: dict[Pair, int] = {}
        self.refused: dict[Pair, str] = {}
        self._socket = sock
        self._received = bytearray()
        self._message_id = 0
        self._fragment = OUR_MAX_PDU - 6
        self._block = memoryview(bytearray())

    @classmethod
    def open(cls, peer: Peer, pairs: Sequence[Pair]) -> Self | Failure:
        """Associates, with a presentation context for each pair, so that the peer cannot choose another syntax.

        Raises:
            ValueError: more than MAX_CONTEXTS pairs.
        """
        if len(pairs) > MAX_CONTEXTS:
            raise ValueError(f"{len(pairs)} presentation contexts, more than {MAX_CONTEXTS}")
        connected = connect(peer)
        if isinstance(connected, Failure):
            return connected
        link = cls(peer, connected)
        failure = link._associate(pairs)
        if failure is not None:
            link.abort()
            return failure
        return link

    def _associate(self, pairs: Sequence[Pair]) -> Failure | None:
        contexts = _contexts(pairs)
        self._socket.settimeout(self.peer.timeouts.association)
        try:
            self._socket.sendall(_associate_rq(self.peer, contexts))
            kind, body = self._read_pdu()
        except TimeoutError:
            seconds = f"{self.peer.timeouts.association:g} s"
            text = f"{who(self.peer)} did not answer the association request in {seconds}"
            return Failure(Outcome.ASSOCIATION_TIMEOUT, text)
        except OSError as error:
            if isinstance(error, ssl.SSLError):
                return tls_failure(self.peer, error)
            hint = "" if self.peer.tls else "; does it expect TLS?"
            return Failure(Outcome.CLOSED, f"{who(self.peer)} closed the connection without an answer{hint}")
        except LinkLostError as lost:
            return lost.failure
        header = struct.pack(">BxI", kind, len(body))
        try:
            if kind == _ASSOCIATE_RJ:
                reason = _decode_rejection(header + body)
                text = f"{who(self.peer)} rejected the association: {rejection(*reason).text}"
                return Failure(Outcome.ASSOCIATION_REJECTED, text, rejection(*reason))
            if kind != _ASSOCIATE_AC:
                return self._unexpected(kind, body)
            self._accept(header + body, contexts)
        except Exception as error:  # its decoders raise whatever a malformed PDU provokes
            text = f"{who(self.peer)} answered the association request with what is no DICOM: {type(error).__name__}"
            return Failure(Outcome.CLOSED, text)
        if not self.accepted:
            return Failure(Outcome.CONTEXT_REJECTED, f"{who(self.peer)} accepted none of the presentation contexts")
        self._socket.settimeout(self.peer.timeouts.command)
        return None

    def _accept(self, pdu: bytes, contexts: Sequence[PresentationContext]) -> None:
        answer = A_ASSOCIATE_AC()
        answer.decode(pdu)
        primitive = answer.to_primitive()
        results = {context.context_id: context for context in primitive.presentation_context_definition_results_list}
        for context in contexts:
            pair = (str(context.abstract_syntax), str(context.transfer_syntax[0]))
            result = results.get(context.context_id)
            if result is not None and result.result == 0 and context.context_id is not None:
                self.accepted[pair] = context.context_id
            else:
                self.refused[pair] = _CONTEXT_RESULTS.get(result.result if result else None, "not answered")
        # 0 is no limit (PS3.8 annex D.1). A fragment has an even number of bytes (PS3.8 annex E.2).
        limit = primitive.maximum_length_received or _LARGEST_FRAGMENT
        self._fragment = max(2, (min(limit, _LARGEST_FRAGMENT) - 6) & ~1)
        fragments = max(1, min(BLOCK_BYTES // self._fragment, _MOST_BUFFERS // 2))
        self._block = memoryview(bytearray(fragments * self._fragment))

    def store(
        self, pair: Pair, instance_uid: str, source: BinaryIO, length: int, sent: Callable[[int], None]
    ) -> Answer:
        """Sends one dataset and waits for the answer.

        Args:
            pair: SOP class and transfer syntax; one of `accepted`.
            instance_uid: the SOP Instance UID.
            source: where the encoded dataset begins.
            length: bytes of the dataset; an odd number gets a NUL byte behind it (PS3.5 annex A.5).
            sent: called with the number of bytes of each block that the system took.

        Raises:
            LinkLostError: the association ended, or the peer did not answer in time; the link is closed.
            SourceError: `source` ended early or could not be read; the link is closed.
        """
        context_id = self.accepted[pair]
        self._message_id = self._message_id % 0xFFFF + 1
        command = _c_store_rq(pair[0], instance_uid, self._message_id)
        started = time.monotonic()
        try:
            pending = _fragments(context_id, command, self._fragment, _COMMAND, last=True)
            left = length
            while left > 0:
                count = min(left, len(self._block))
                self._fill(source, count)
                left -= count
                padding = count % 2
                if padding:
                    self._block[count] = 0
                data = self._block[: count + padding]
                self._send(pending + _fragments(context_id, data, self._fragment, 0, last=left == 0))
                pending = []
                sent(count)
            return self._answer()
        except OSError as error:
            failure = self._lost(error, started)
            self.abort()
            raise LinkLostError(failure) from error
        except (LinkLostError, SourceError):
            self.abort()
            raise

    def _fill(self, source: BinaryIO, count: int) -> None:
        filled = 0
        while filled < count:
            try:
                read = source.readinto(self._block[filled:count])  # type: ignore[attr-defined]
            except OSError as error:
                raise SourceError(f"cannot be read: {error.strerror}") from error
            if not read:
                raise SourceError("it got shorter while it was sent")
            filled += read

    def _send(self, buffers: list[bytes | memoryview]) -> None:
        if isinstance(self._socket, ssl.SSLSocket):
            self._socket.sendall(b"".join(buffers))
            return
        while buffers:
            count = self._socket.sendmsg(buffers[:_MOST_BUFFERS])
            done = 0
            while done < len(buffers) and count >= len(buffers[done]):
                count -= len(buffers[done])
                done += 1
            buffers = buffers[done:]
            if count:
                buffers[0] = memoryview(buffers[0])[count:]

    def _answer(self) -> Answer:
        command = bytearray()
        while True:
            kind, body = self._read_pdu()
            if kind != _P_DATA:
                raise LinkLostError(self._unexpected(kind, body))
            try:
                finished = _collect_command(body, command)
                answer = _c_store_rsp(bytes(command)) if finished else None
            except (struct.error, ValueError) as error:
                text = f"{who(self.peer)} sent an answer that is no DICOM: {error}"
                raise LinkLostError(Failure(Outcome.CLOSED, text)) from error
            if answer is None:
                continue
            field, message_id, status, comment = answer
            if field != _C_STORE_RSP or message_id != self._message_id:
                text = f"{who(self.peer)} answered message {self._message_id} with something else"
                raise LinkLostError(Failure(Outcome.CLOSED, text))
            return Answer(status, comment)

    def _read_pdu(self) -> tuple[int, bytes]:
        head = self._read(6)
        kind, length = struct.unpack(">BxI", head)
        if not _ASSOCIATE_AC <= kind <= _ABORT or length > _LARGEST_ANSWER:
            text = f"{who(self.peer)} answered with what is no DICOM"
            raise LinkLostError(Failure(Outcome.CLOSED, text))
        return kind, self._read(length)

    def _read(self, count: int) -> bytes:
        while len(self._received) < count:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionResetError
            self._received += data
        result = bytes(self._received[:count])
        del self._received[:count]
        return result

    def _unexpected(self, kind: int, body: bytes) -> Failure:
        if kind == _ABORT and len(body) >= 4:
            return Failure(Outcome.ASSOCIATION_ABORTED, f"{who(self.peer)}: {abort_text(body[2], body[3])}")
        if kind == _RELEASE_RQ:
            return Failure(Outcome.CLOSED, f"{who(self.peer)} asked for the release of the association")
        return Failure(Outcome.CLOSED, f"{who(self.peer)} sent an unexpected PDU of type {kind}")

    def _lost(self, error: OSError, started: float) -> Failure:
        if isinstance(error, TimeoutError):
            seconds = f"{time.monotonic() - started:.0f} s"
            return Failure(Outcome.COMMAND_TIMEOUT, f"{who(self.peer)} did not answer the command in {seconds}")
        # A peer that aborts while we send has its A-ABORT waiting behind the broken pipe.
        with contextlib.suppress(OSError, LinkLostError):
            self._socket.settimeout(_DRAIN_SECONDS)
            kind, body = self._read_pdu()
            if kind == _ABORT:
                return self._unexpected(kind, body)
        return Failure(Outcome.CLOSED, f"{who(self.peer)} closed the connection in the middle of a command")

    def release(self) -> None:
        """Ends the association in order (PS3.8 section 7.2); never raises for what the network does."""
        with contextlib.suppress(OSError, LinkLostError):
            self._socket.settimeout(self.peer.timeouts.association)
            self._socket.sendall(struct.pack(">BxII", _RELEASE_RQ, 4, 0))
            while self._read_pdu()[0] not in (_RELEASE_RP, _ABORT):
                pass
        self.close()

    def abort(self) -> None:
        """Ends the association at once (PS3.8 section 7.3); never raises for what the network does."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(1.0)
            self._socket.sendall(struct.pack(">BxI4x", _ABORT, 4))
        self.close()

    def shutdown(self) -> None:
        """Breaks the connection from another thread, so that the thread that waits on it goes on."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the connection."""
        with contextlib.suppress(OSError):
            self._socket.close()


# PS3.8 table 9-18.
_CONTEXT_RESULTS: dict[int | None, str] = {
    1: "rejected by the peer's user",
    2: "rejected without a reason",
    3: "the peer does not support this SOP class",
    4: "the peer does not support this transfer syntax for this SOP class",
}


def _contexts(pairs: Sequence[Pair]) -> list[PresentationContext]:
    contexts = []
    for number, (sop_class, transfer_syntax) in enumerate(pairs):
        context = build_context(sop_class, transfer_syntax)
        context.context_id = 2 * number + 1
        contexts.append(context)
    return contexts


def _associate_rq(peer: Peer, contexts: list[PresentationContext]) -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = _APPLICATION_CONTEXT
    primitive.calling_ae_title = peer.calling_aet
    primitive.called_ae_title = peer.called_aet
    primitive.presentation_context_definition_list = contexts
    length = MaximumLengthNotification()
    length.maximum_length_received = OUR_MAX_PDU
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    primitive.user_information = [length, implementation, version]
    request = A_ASSOCIATE_RQ()
    request.from_primitive(primitive)
    return bytes(request.encode())


def _decode_rejection(pdu: bytes) -> tuple[int, int, int]:
    answer = A_ASSOCIATE_RJ()
    answer.decode(pdu)
    return int(answer.result or 0), int(answer.source or 0), int(answer.reason_diagnostic or 0)


def _element(tag: int, value: bytes) -> bytes:
    # Implicit VR Little Endian, group 0000 (PS3.7 section 6.3.1).
    return struct.pack("<HHI", 0x0000, tag, len(value)) + value


def _uid_value(uid: str) -> bytes:
    value = uid.encode("ascii")
    return value + b"\0" if len(value) % 2 else value


def _c_store_rq(sop_class: str, instance_uid: str, message_id: int) -> bytes:
    # PS3.7 table 9.3-1; priority medium, and a command data set type that says: a dataset follows.
    elements = (
        _element(0x0002, _uid_value(sop_class))
        + _element(0x0100, struct.pack("<H", _C_STORE_RQ))
        + _element(0x0110, struct.pack("<H", message_id))
        + _element(0x0700, struct.pack("<H", 0x0000))
        + _element(0x0800, struct.pack("<H", 0x0001))
        + _element(0x1000, _uid_value(instance_uid))
    )
    return _element(0x0000, struct.pack("<I", len(elements))) + elements


def _c_store_rsp(command: bytes) -> tuple[int, int, int, str]:
    """(command field, message id being responded to, status, error comment); ValueError for what is missing."""
    values: dict[int, bytes] = {}
    position = 0
    while position < len(command):
        _, tag, length = struct.unpack_from("<HHI", command, position)
        position += 8
        values[tag] = command[position : position + length]
        position += length
    try:
        numbers = [struct.unpack("<H", values[tag])[0] for tag in (0x0100, 0x0120, 0x0900)]
    except KeyError as error:
        raise ValueError("an element of the response is missing") from error
    comment = values.get(0x0902, b"").decode("ascii", "replace").rstrip(" \0")
    return numbers[0], numbers[1], numbers[2], comment


def _collect_command(body: bytes, command: bytearray) -> bool:
    """Appends the command fragments of a P-DATA-TF to `command`; whether the last one was among them."""
    position = 0
    finished = False
    while position < len(body):
        length, _, control = struct.unpack_from(">IBB", body, position)
        if length < 2 or position + 4 + length > len(body):
            raise ValueError("a fragment is longer than its PDU")
        if control & _COMMAND:
            command += body[position + 6 : position + 4 + length]
            finished = finished or bool(control & _LAST)
        position += 4 + length
    return finished


def _fragments(
    context_id: int, data: bytes | memoryview, size: int, kind: int, *, last: bool
) -> list[bytes | memoryview]:
    """`data` as P-DATA-TF PDUs of one fragment each, as buffers: header, fragment, header, fragment ..."""
    buffers: list[bytes | memoryview] = []
    view = memoryview(data)
    full = struct.pack(">BxIIBB", _P_DATA, size + 6, size + 2, context_id, kind)
    position = 0
    while position + size < len(view) or (position + size == len(view) and not last):
        buffers += (full, view[position : position + size])
        position += size
    rest = len(view) - position
    if rest:
        control = kind | _LAST if last else kind
        buffers += (struct.pack(">BxIIBB", _P_DATA, rest + 6, rest + 2, context_id, control), view[position:])
    return buffers
