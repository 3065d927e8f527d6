"""Whom we talk to, and how long we wait."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect: for the TCP connection, and for the TLS handshake.
        association: for the answer to an association request or release (pynetdicom's `acse_timeout`).
        command: for the answer to a command (pynetdicom's `dimse_timeout`).
    """

    connect: float = 10.0
    association: float = 15.0
    command: float = 60.0


@dataclass(frozen=True)
class Peer:
    """An application entity to talk to, and who we say we are.

    Attributes:
        host: IP address or host name.
        port: TCP port.
        called_aet: the peer's AE title.
        calling_aet: our own AE title.
        tls: the context for DICOM over TLS (PS3.15 annex B), or None for plain TCP. It is not shown in `repr`.
        server_name: the name that the peer's certificate must carry; `host` where it is None.
        source_address: the address of this host to call from, an IP literal; None leaves it to the system.
        timeouts: how long to wait.

    Raises:
        ValueError: an AE title that PS3.5 table 6.2-1 (VR AE) does not allow, or a port out of range.
    """

    host: str
    port: int
    called_aet: str
    calling_aet: str
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    server_name: str | None = None
    source_address: str | None = None
    timeouts: Timeouts = Timeouts()

    def __post_init__(self) -> None:
        for name, value in (("called_aet", self.called_aet), ("calling_aet", self.calling_aet)):
            if not is_ae_title(value):
                raise ValueError(f"{name} is {value!r}, not an AE title: 1 to 16 ASCII characters, no backslash")
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port is {self.port}, not between 1 and 65535")


def is_ae_title(value: str) -> bool:
    """Whether PS3.5 table 6.2-1 allows it as AE.

    That is: 1 to 16 characters of ISO 646 without control characters or backslash, and not spaces alone.
    """
    return 1 <= len(value) <= 16 and value.strip(" ") != "" and all(" " <= c <= "~" and c != "\\" for c in value)
