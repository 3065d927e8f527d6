"""The connection below an association: names, TCP and TLS, with each failure in words."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from orthancgen.dicom.outcome import Failure, Outcome
from orthancgen.dicom.peer import Peer

Address = tuple[int, Any]
"""(address family, socket address), as `socket` takes them."""


def who(peer: Peer) -> str:
    """The peer in words: AE title, host and port."""
    return f"{peer.called_aet} at {peer.host}:{peer.port}"


def resolve(peer: Peer) -> list[Address] | Failure:
    """The addresses of the peer's host, in the order in which to try them."""
    try:
        found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        return Failure(Outcome.NAME_UNKNOWN, f"{peer.host!r} is not known by name: {_words(error)}")
    return [(family, address) for family, _, _, _, address in found]


def connect(peer: Peer) -> socket.socket | Failure:
    """A connection to the first address of the peer that answers, TLS included where the peer has it."""
    addresses = resolve(peer)
    if isinstance(addresses, Failure):
        return addresses
    result: socket.socket | Failure = Failure(Outcome.NAME_UNKNOWN, f"{peer.host!r} has no address")
    for family, address in addresses:
        result = connect_to(peer, family, address)
        if isinstance(result, socket.socket) or result.outcome is Outcome.TLS_FAILED:
            break
    return result


def connect_to(peer: Peer, family: int, address: Any) -> socket.socket | Failure:
    """A connection to one address of the peer."""
    place = f"{peer.host}:{peer.port}"
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(peer.timeouts.connect)
        if peer.source_address is not None:
            sock.bind((peer.source_address, 0))
        sock.connect(address)
        no_delay(sock)
    except OSError as error:
        sock.close()
        if isinstance(error, ConnectionRefusedError):
            return Failure(Outcome.CONNECTION_REFUSED, f"{place} refuses the connection: nothing listens there")
        if isinstance(error, TimeoutError):
            seconds = f"{peer.timeouts.connect:g} s"
            text = f"{place} did not answer the connection in {seconds}: a firewall, or a wrong address"
            return Failure(Outcome.CONNECTION_TIMEOUT, text)
        return Failure(Outcome.UNREACHABLE, f"{place} cannot be reached: {_words(error)}")
    if peer.tls is None:
        return sock
    try:
        return peer.tls.wrap_socket(sock, server_hostname=peer.server_name or peer.host)
    except OSError as error:
        sock.close()
        return tls_failure(peer, error)


def tls_failure(peer: Peer, error: OSError) -> Failure:
    """What an error in or right after a TLS handshake means."""
    place = f"{peer.host}:{peer.port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        text = f"{place}: its certificate is not accepted: {error.verify_message}"
    elif isinstance(error, ssl.SSLError):
        reason = (error.reason or "").replace("_", " ").lower() or _words(error)
        text = f"{place}: TLS failed: {reason}"
    elif isinstance(error, TimeoutError):
        text = f"{place} did not answer the TLS handshake: it may not speak TLS"
    else:
        text = f"{place} closed the connection during the TLS handshake: {_words(error)}"
    return Failure(Outcome.TLS_FAILED, text)


def no_delay(sock: socket.socket) -> None:
    """Turns Nagle's algorithm off.

    A DIMSE message is several small writes, each of which Nagle's algorithm would hold back until the peer's delayed
    acknowledgement: 40 ms an instance on loopback.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
