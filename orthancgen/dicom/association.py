"""Opening an association, and saying in one value why it could not be opened or did not last."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ
from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation
from pynetdicom.presentation import PresentationContext

from orthancgen.dicom.connect import connect_to, no_delay, resolve, tls_failure, who
from orthancgen.dicom.outcome import Failure, Outcome, abort_text, rejection
from orthancgen.dicom.peer import Peer
from orthancgen.dicom.synthetic import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

# pynetdicom formats a log line for each PDU and message, even when nobody reads it, and among them are identifiers
# that hold patient data. It has no setting for one association alone.
_config.LOG_HANDLER_LEVEL = "none"
_config.LOG_REQUEST_IDENTIFIERS = False
_config.LOG_RESPONSE_IDENTIFIERS = False

ALERT_SECONDS = 1.0
"""How long a probe waits for the TLS alert with which a TLS 1.3 peer refuses our certificate after the handshake."""

Handlers = Sequence[tuple[Any, Callable[..., Any]]]


@dataclass
class _Witness:
    """What an association's events told, and the sockets it made."""

    opened: bool = False
    sockets: list[socket.socket] = field(default_factory=list)
    abort: tuple[int, int] | None = None
    rejected: tuple[int, int, int] | None = None
    started: float = field(default_factory=time.monotonic)


class _RecordingContext:
    """A TLS context that notes the sockets it makes: pynetdicom leaves one that failed to connect unclosed."""

    def __init__(self, context: ssl.SSLContext, witness: _Witness) -> None:
        self._context = context
        self._witness = witness

    def wrap_socket(self, sock: socket.socket, **options: Any) -> ssl.SSLSocket:
        wrapped = self._context.wrap_socket(sock, **options)
        self._witness.sockets.append(wrapped)
        return wrapped


class Link:
    """An established association with what is needed to explain its end."""

    def __init__(self, peer: Peer, association: Association, witness: _Witness) -> None:
        self.peer = peer
        self.association = association
        self._witness = witness

    def lost(self, since: float) -> Failure:
        """Why a command that was sent at `since` (`time.monotonic`) got no answer."""
        if self._witness.abort is not None:
            text = f"{who(self.peer)} aborted instead of answering: {abort_text(*self._witness.abort)}"
            return Failure(Outcome.ASSOCIATION_ABORTED, text)
        if time.monotonic() - since >= self.peer.timeouts.command:
            text = f"{who(self.peer)} did not answer the command in {self.peer.timeouts.command:g} s"
            return Failure(Outcome.COMMAND_TIMEOUT, text)
        return Failure(Outcome.CLOSED, f"{who(self.peer)} closed the connection in the middle of a command")


@contextmanager
def associate(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    *,
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
    handlers: Handlers = (),
    max_pdu: int = 16382,
) -> Iterator[Link | Failure]:
    """An association that is released at the end of the block, and aborted when the block raises.

    Args:
        peer: whom to call.
        contexts: at most 128 presentation contexts (PS3.8 section 9.3.2.2).
        roles: SCP/SCU role selections (PS3.7 annex D.3.3.4).
        handlers: more of pynetdicom's (event, function) pairs.
        max_pdu: the largest PDU that we receive, in bytes; 0 is no limit.
    """
    opened = _open(peer, contexts, roles, handlers, max_pdu)
    if isinstance(opened, Failure):
        yield opened
        return
    association = opened.association
    try:
        yield opened
    except BaseException:
        association.abort()
        raise
    association.release()


def _open(
    peer: Peer,
    contexts: Sequence[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation],
    handlers: Handlers,
    max_pdu: int,
) -> Link | Failure:
    addresses = resolve(peer)
    if isinstance(addresses, Failure):
        return addresses
    if peer.source_address is not None and (unusable := _unusable(peer.source_address)):
        return Failure(Outcome.UNREACHABLE, f"{who(peer)} cannot be called from {peer.source_address}: {unusable}")
    entity = _entity(peer, contexts)
    failure: Failure | None = None
    for family, address in addresses:
        witness = _Witness()
        host: Any = address[0] if family == socket.AF_INET else (address[0], *address[2:])
        association = entity.associate(
            host,
            peer.port,
            ae_title=peer.called_aet,
            max_pdu=max_pdu,
            ext_neg=list(roles),
            bind_address=(peer.source_address, 0) if peer.source_address is not None else None,
            tls_args=_tls_arguments(peer, witness),
            evt_handlers=[
                (evt.EVT_ACSE_SENT, _on_request, [witness]),
                (evt.EVT_CONN_OPEN, _on_open, [witness]),
                (evt.EVT_PDU_RECV, _on_pdu, [witness]),
                *handlers,
            ],
        )
        if association.is_established:
            return Link(peer, association, witness)
        for sock in witness.sockets:
            sock.close()
        failure = _explain(peer, association, witness, family, address)
        if witness.opened:
            break
    return failure or Failure(Outcome.NAME_UNKNOWN, f"{peer.host!r} has no address")


def _unusable(source_address: str) -> str | None:
    """Why this host cannot call from an address, or None: pynetdicom would raise."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in source_address else socket.AF_INET) as sock:
            sock.bind((source_address, 0))
    except OSError as error:
        return error.strerror or str(error)
    return None


def _entity(peer: Peer, contexts: Sequence[PresentationContext]) -> AE:
    entity = AE(ae_title=peer.calling_aet)
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    entity.connection_timeout = peer.timeouts.connect
    entity.acse_timeout = peer.timeouts.association
    entity.dimse_timeout = peer.timeouts.command
    # It would otherwise end an association that waits longer for an answer than this.
    entity.network_timeout = None
    entity.requested_contexts = list(contexts)
    return entity


def _tls_arguments(peer: Peer, witness: _Witness) -> Any:
    return (_RecordingContext(peer.tls, witness), peer.server_name or peer.host) if peer.tls else None


def _on_request(event: evt.Event, witness: _Witness) -> None:
    """Before the connection: the request is about to be handed to the thread that connects."""
    transport = event.assoc.dul.socket
    if not witness.sockets and transport is not None and transport.socket is not None:
        witness.sockets.append(transport.socket)


def _on_open(event: evt.Event, witness: _Witness) -> None:
    witness.opened = True
    transport = event.assoc.dul.socket
    if transport is not None and transport.socket is not None:
        no_delay(transport.socket)


def _on_pdu(event: evt.Event, witness: _Witness) -> None:
    pdu = event.pdu
    if isinstance(pdu, A_ABORT_RQ):
        witness.abort = (int(pdu.source or 0), int(pdu.reason_diagnostic or 0))
    elif isinstance(pdu, A_ASSOCIATE_RJ):
        witness.rejected = (int(pdu.result or 0), int(pdu.source or 0), int(pdu.reason_diagnostic or 0))


def _explain(peer: Peer, association: Association, witness: _Witness, family: int, address: Any) -> Failure:
    name = who(peer)
    if not witness.opened:
        return _probe(peer, family, address) or Failure(
            Outcome.UNREACHABLE, f"{name}: the connection failed, but a second attempt was answered; try again"
        )
    answer = association.acceptor.primitive
    if witness.rejected is not None:
        # Not from the association: a quick rejection is lost there, when the socket is closed again before it looks.
        reason = rejection(*witness.rejected)
        return Failure(Outcome.ASSOCIATION_REJECTED, f"{name} rejected the association: {reason.text}", reason)
    if witness.abort is not None:
        return Failure(Outcome.ASSOCIATION_ABORTED, f"{name}: {abort_text(*witness.abort)}")
    if answer is not None:
        return Failure(Outcome.CONTEXT_REJECTED, f"{name} accepted none of the presentation contexts")
    if time.monotonic() - witness.started >= peer.timeouts.association:
        text = f"{name} did not answer the association request in {peer.timeouts.association:g} s"
        return Failure(Outcome.ASSOCIATION_TIMEOUT, text)
    refused = _probe(peer, family, address) if peer.tls else None
    hint = "" if peer.tls else "; does it expect TLS?"
    return refused or Failure(Outcome.CLOSED, f"{name} closed the connection without an answer{hint}")


def _probe(peer: Peer, family: int, address: Any) -> Failure | None:
    """Connects once more, to learn why a connection failed; None when this time nothing is wrong.

    pynetdicom only logs the reason of a failed connection.
    """
    connected = connect_to(peer, family, address)
    if isinstance(connected, Failure):
        return connected
    with connected:
        if peer.tls is None:
            return None
        # A TLS 1.3 peer refuses our certificate after the handshake, with an alert.
        connected.settimeout(ALERT_SECONDS)
        try:
            connected.recv(1)
        except TimeoutError:
            return None
        except OSError as error:
            return tls_failure(peer, error)
    return None
