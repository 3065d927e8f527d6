"""A TLS ClientHello made by hand, and what the server says to it: no library's own policy stands in between.

A library of today refuses to offer what a server must refuse, so a proof made with it would be one of the library.
Structures of RFC 5246 (TLS 1.2) sections 6.2.1, 7.2 and 7.4.1, which TLS 1.0 and 1.1 share; extensions of RFC 8422 and
RFC 5746.
"""

from __future__ import annotations

import secrets as random_source
import socket
import struct
from dataclasses import dataclass
from typing import Final, Literal

VERSIONS: Final = {"TLS 1.0": 0x0301, "TLS 1.1": 0x0302, "TLS 1.2": 0x0303}
_NAMES: Final = {number: name for name, number in VERSIONS.items()} | {0x0300: "SSL 3.0", 0x0304: "TLS 1.3"}

STRONG: Final = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": 0xC02B,
    "ECDHE-ECDSA-AES256-GCM-SHA384": 0xC02C,
    "ECDHE-RSA-AES128-GCM-SHA256": 0xC02F,
    "ECDHE-RSA-AES256-GCM-SHA384": 0xC030,
    "DHE-RSA-AES128-GCM-SHA256": 0x009E,
    "DHE-RSA-AES256-GCM-SHA384": 0x009F,
    "ECDHE-ECDSA-CHACHA20-POLY1305": 0xCCA9,
    "ECDHE-RSA-CHACHA20-POLY1305": 0xCCA8,
}
"""Forward secrecy and authenticated encryption (RFC 9325 section 4.2; PS3.15 B.12), by OpenSSL's names."""
WEAK: Final = {
    "AES128-SHA": 0x002F,
    "AES256-SHA": 0x0035,
    "AES128-SHA256": 0x003C,
    "AES256-SHA256": 0x003D,
    "AES128-GCM-SHA256": 0x009C,
    "AES256-GCM-SHA384": 0x009D,
    "DES-CBC3-SHA": 0x000A,
    "RC4-SHA": 0x0005,
    "DHE-RSA-AES128-SHA": 0x0033,
    "DHE-RSA-AES256-SHA": 0x0039,
    "ECDHE-RSA-AES128-SHA": 0xC013,
    "ECDHE-RSA-AES256-SHA": 0xC014,
    "ECDHE-ECDSA-AES128-SHA": 0xC009,
    "ECDHE-ECDSA-AES256-SHA": 0xC00A,
    "ECDHE-RSA-AES128-SHA256": 0xC027,
    "ECDHE-ECDSA-AES128-SHA256": 0xC023,
}
"""RSA key exchange, CBC, 3DES or RC4: what RFC 9325 section 4.1 and 4.2 advise against or forbid."""
_SUITES: Final = {number: name for name, number in {**STRONG, **WEAK}.items()}
_RENEGOTIATION_SCSV: Final = 0x00FF  # RFC 5746 section 3.3

_ALERTS: Final = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    40: "handshake_failure",
    47: "illegal_parameter",
    50: "decode_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    109: "missing_extension",
    112: "unrecognized_name",
}
"""RFC 5246 section 7.2 and RFC 8446 section 6."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said.

    Attributes:
        kind: `hello` where it goes on with the handshake; `alert`; `closed` without a word; `silent` until the time
            was over; `unreachable`; `other` where it was no TLS.
        text: the same for a reader.
        alert: the number of the alert, where it was one.
    """

    kind: Literal["hello", "alert", "closed", "silent", "unreachable", "other"]
    text: str
    alert: int | None = None

    @property
    def refused(self) -> bool:
        """Whether the server ended the handshake."""
        return self.kind in {"alert", "closed"}


def client_hello(version: int, suites: list[int], random: bytes, server_name: str | None = None) -> bytes:
    """One record with a ClientHello.

    Args:
        version: the newest version that is offered, such as 0x0302 for TLS 1.1; without `supported_versions`, no newer.
        suites: cipher suites in the order of preference.
        random: 32 bytes.
        server_name: a DNS name for the extension of RFC 6066 section 3, or None.
    """
    groups, formats = (0x001D, 0x0017, 0x0018, 0x0019), b"\x00"
    # rsa_pss_rsae, ecdsa and rsa_pkcs1 with SHA-256 to SHA-512; with SHA-1 too, which old servers alone need.
    signatures = (0x0804, 0x0805, 0x0806, 0x0403, 0x0503, 0x0603, 0x0401, 0x0501, 0x0601, 0x0203, 0x0201)
    extensions = _extension(10, _vector16(b"".join(struct.pack(">H", group) for group in groups)))
    extensions += _extension(11, bytes([len(formats)]) + formats)
    if version >= VERSIONS["TLS 1.2"]:
        extensions += _extension(13, _vector16(b"".join(struct.pack(">H", one) for one in signatures)))
    if server_name:
        extensions += _extension(0, _vector16(b"\x00" + _vector16(server_name.encode("ascii"))))
    offered = b"".join(struct.pack(">H", suite) for suite in (*suites, _RENEGOTIATION_SCSV))
    body = struct.pack(">H", version) + random + b"\x00" + _vector16(offered) + b"\x01\x00" + _vector16(extensions)
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    # RFC 5246 appendix E.1: a record of the first message is of version {3,1} for compatibility.
    return b"\x16" + struct.pack(">H", VERSIONS["TLS 1.0"]) + _vector16(message)


def _vector16(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def _extension(number: int, data: bytes) -> bytes:
    return struct.pack(">H", number) + _vector16(data)


def say_hello(
    address: tuple[str, int],
    version: int,
    suites: list[int],
    *,
    server_name: str | None = None,
    source: str | None = None,
    seconds: float = 5.0,
) -> Reply:
    """Offer a version and suites, and read the first answer."""
    bind = (source, 0) if source else None
    try:
        with socket.create_connection(address, timeout=seconds, source_address=bind) as sock:
            try:
                sock.sendall(client_hello(version, suites, random_source.token_bytes(32), server_name))
                return _read(sock)
            except TimeoutError:
                return Reply("silent", f"no answer in {seconds:g} s")
            except OSError:
                return Reply("closed", "the connection is reset")
    except OSError as error:
        return Reply("unreachable", f"the connection fails: {error.strerror or type(error).__name__}")


def _read(sock: socket.socket) -> Reply:
    header = _exactly(sock, 5)
    if not header:
        return Reply("closed", "the connection is closed")
    if len(header) < 5 or header[0] not in {0x15, 0x16} or header[1] != 3:
        return Reply("other", "an answer that is no TLS")
    body = _exactly(sock, min(int.from_bytes(header[3:5], "big"), 2**14 + 2048))
    if header[0] == 0x15 and len(body) >= 2:
        return Reply("alert", f"alert {_ALERTS.get(body[1], body[1])}", body[1])
    if header[0] == 0x16 and len(body) >= 39 and body[0] == 2:
        version, after = int.from_bytes(body[4:6], "big"), 39 + body[38]
        suite = int.from_bytes(body[after : after + 2], "big")
        return Reply("hello", f"{_NAMES.get(version, hex(version))} with {_SUITES.get(suite, hex(suite))}")
    return Reply("other", "an answer that is no ServerHello")


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := sock.recv(count - len(data))):
        data += more
    return data
