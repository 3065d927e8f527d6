"""Ports of this host: who listens on them, and what seems to answer there."""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.site.problems import printable

_CONNECT_SECONDS: Final = 2.0
_BANNER_SECONDS: Final = 0.7
_ANSWER_SECONDS: Final = 2.0
_MOST_BYTES: Final = 256
_LONGEST_NAME: Final = 60
_BANNERS: Final = (
    (re.compile(rb"SSH-[0-9.]+-"), "SSH"),
    (re.compile(rb"220[ -].*(?:ESMTP|SMTP)", re.DOTALL), "a mail server"),
    (re.compile(rb"220[ -]"), "FTP or mail"),
    (re.compile(rb"RFB [0-9.]+"), "VNC, a remote desktop"),
    (re.compile(rb".\x00\x00\x00\x0a[0-9]", re.DOTALL), "MySQL or MariaDB"),
)
"""What services say before they are asked. RFC 4253 section 4.2 (SSH), RFC 5321 section 4.2 (SMTP), RFC 6143 section
7.1.1 (VNC), https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html (MySQL)."""
_HTTP: Final = re.compile(rb"HTTP/1\.[01] [0-9]{3}")
_SERVER: Final = re.compile(rb"^server:[ \t]*([!-~][ -~]{0,60})", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Listening:
    """A program that listens on a TCP port of this host.

    Attributes:
        address: `0.0.0.0` or `::` for every one.
        pid: of the process; 0 where the system does not tell whose it is.
        program: its name; empty where it is not told.
    """

    address: str
    port: int
    pid: int
    program: str

    @property
    def everywhere(self) -> bool:
        """Whether it listens on every address."""
        return ipaddress.ip_address(self.address).is_unspecified

    @property
    def on_loopback_only(self) -> bool:
        """Whether only this host reaches it."""
        return ipaddress.ip_address(self.address).is_loopback

    def covers(self, address: str) -> bool:
        """Whether it is reached at an address."""
        return self.everywhere or ipaddress.ip_address(self.address) == ipaddress.ip_address(address)

    def __str__(self) -> str:
        who = f"{self.program} (process {self.pid})" if self.pid else "a program of another user"
        return f"{who} listens on {self.address}:{self.port}"


def listening(case: Case) -> tuple[Listening, ...]:
    """Everything that listens for TCP on this host; empty where the system does not tell."""

    def look() -> tuple[Listening, ...]:
        import psutil

        try:
            found = psutil.net_connections(kind="tcp")
        except (psutil.Error, OSError):
            return ()
        names: dict[int, str] = {}
        rows = []
        for one in found:
            if one.status != psutil.CONN_LISTEN or not one.laddr:
                continue
            pid = one.pid or 0
            if pid not in names:
                names[pid] = _program(pid)
            address = one.laddr.ip.partition("%")[0].removeprefix("::ffff:")
            rows.append(Listening(address, one.laddr.port, pid, names[pid]))
        return tuple(rows)

    return case.once("listening", look)


def _program(pid: int) -> str:
    import psutil

    try:
        return printable(psutil.Process(pid).name(), _LONGEST_NAME) if pid else ""
    except psutil.Error:
        return ""


def on_port(case: Case, port: int) -> tuple[Listening, ...]:
    """Who listens on a port."""
    return tuple(one for one in listening(case) if one.port == port)


def of_processes(case: Case, pids: Iterable[int]) -> tuple[Listening, ...]:
    """What processes listen on."""
    wanted = set(pids)
    return tuple(one for one in listening(case) if one.pid in wanted)


def family_of(pid: int) -> frozenset[int]:
    """A process and those that it started."""
    import psutil

    try:
        return frozenset({pid, *(one.pid for one in psutil.Process(pid).children(recursive=True))})
    except psutil.Error:
        return frozenset({pid})


def connects(address: str, port: int) -> str | None:
    """Why a TCP connection cannot be opened; None where it can. For ports whose service does not mind."""
    try:
        with socket.create_connection((address, port), timeout=_CONNECT_SECONDS):
            return None
    except TimeoutError:
        return f"no answer within {_CONNECT_SECONDS:g} s"
    except OSError as error:
        return error.strerror or type(error).__name__


def seems(address: str, port: int) -> str:
    """What answers on a port, by what it says unasked, then to a request of HTTP, then to one of TLS."""
    spoken = _said(address, port, b"", _BANNER_SECONDS)
    if spoken is None:
        return "nothing that accepts connections"
    for pattern, name in _BANNERS:
        if pattern.match(spoken):
            return f"{name} ({_printable(spoken)})"
    if spoken:
        return f"a service that greets with {_printable(spoken)}"
    answer = _said(address, port, b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n", _ANSWER_SECONDS) or b""
    if _HTTP.match(answer):
        server = _SERVER.search(answer)
        return f"a web server ({_printable(server[1])})" if server else "a web server"
    if _speaks_tls(address, port):
        return "a service that speaks TLS"
    return f"a service that answers {_printable(answer)}" if answer else "a service that says nothing"


def _said(address: str, port: int, request: bytes, seconds: float) -> bytes | None:
    """The first bytes that a service says; None where it takes no connection."""
    try:
        with socket.create_connection((address, port), timeout=_CONNECT_SECONDS) as opened:
            opened.settimeout(seconds)
            try:
                if request:
                    opened.sendall(request)
                return opened.recv(_MOST_BYTES)
            except OSError:
                return b""
    except OSError:
        return None


def _speaks_tls(address: str, port: int) -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # it is asked what it speaks, and told nothing
    try:
        with (
            socket.create_connection((address, port), timeout=_CONNECT_SECONDS) as opened,
            context.wrap_socket(opened, server_hostname="localhost"),
        ):
            return True
    except ssl.SSLError as error:
        # An alert is an answer in TLS; what is no TLS at all gives another error.
        return "ALERT" in (error.reason or "")
    except OSError:
        return False


def _printable(text: bytes) -> str:
    shown = "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in text.split(b"\n")[0][:60].strip())
    return f"`{shown}`"
