"""A program for one network namespace: it opens connections from chosen addresses, and listens.

Each line of its input is a JSON document, answered by one line: ``{"seconds": 0.3, "probes": [[source, address, port,
protocol], ...]}`` gives a list with ``open``, ``refused``, ``silent`` or the name of another error for each probe;
``{"listen": [[address, port, protocol], ...]}`` gives ``null``; ``{"hold": [source, address, port]}`` opens a
connection that stays, and gives its number; ``{"talk": number}`` says whether the other side still answers on it.
Protocols: tcp, udp, ping. Only Python's own library is used.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import struct
import sys
from typing import Any


def _socket(address: str, kind: socket.SocketKind, protocol: int = 0) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind, protocol)
    made.setblocking(False)
    return made


async def _tcp(source: str, address: str, port: int) -> None:
    with _socket(source, socket.SOCK_STREAM) as one:
        # No TIME_WAIT: thousands of connections follow one another.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(one, (address, port))


async def _udp(source: str, address: str, port: int) -> None:
    with _socket(source, socket.SOCK_DGRAM) as one:
        one.bind((source, 0))
        await _asked(one, address, port, b"anybody there?")


async def _ping(source: str, address: str, _: int) -> None:
    version_6 = ":" in source
    protocol = socket.IPPROTO_ICMPV6 if version_6 else socket.IPPROTO_ICMP
    with _socket(source, socket.SOCK_DGRAM, protocol) as one:
        one.bind((source, 0))
        # The kernel fills in the identifier and the checksum.
        await _asked(one, address, 0, struct.pack("!BBHHH", 128 if version_6 else 8, 0, 0, 0, 1))


async def _asked(one: socket.socket, address: str, port: int, question: bytes) -> None:
    loop = asyncio.get_running_loop()
    one.connect((address, port))  # of datagrams: nothing is sent, nothing is waited for
    await loop.sock_sendall(one, question)
    await loop.sock_recv(one, 100)


_WAYS = {"tcp": _tcp, "udp": _udp, "ping": _ping}


async def _probe(source: str, address: str, port: int, protocol: str, *, seconds: float) -> str:
    try:
        await asyncio.wait_for(_WAYS[protocol](source, address, port), seconds)
    except TimeoutError:
        return "silent"
    except ConnectionRefusedError:
        return "refused"
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    return "open"


class _Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._transport.sendto(data, addr)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(100):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


_held: list[socket.socket] = []
_kept: list[Any] = []


async def _answer(question: dict[str, Any]) -> Any:
    loop = asyncio.get_running_loop()
    if "probes" in question:
        return await asyncio.gather(*(_probe(*one, seconds=question["seconds"]) for one in question["probes"]))
    if "listen" in question:
        for address, port, protocol in question["listen"]:
            if protocol == "udp":
                one = _socket(address, socket.SOCK_DGRAM)
                if ":" in address:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((address, port))
                _kept.append(await loop.create_datagram_endpoint(_Echo, sock=one))
            else:
                _kept.append(await asyncio.start_server(_echo, address, port, backlog=1024))
        return None
    if "hold" in question:
        source, address, port = question["hold"]
        one = _socket(source, socket.SOCK_STREAM)
        one.bind((source, 0))
        await asyncio.wait_for(loop.sock_connect(one, (address, port)), 5)
        _held.append(one)
        return len(_held) - 1
    one = _held[question["talk"]]
    try:
        await loop.sock_sendall(one, b"GET / HTTP/1.0\r\n\r\n")
        return bool(await asyncio.wait_for(loop.sock_recv(one, 100), 3))
    except OSError:
        return False


async def _main() -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        sys.stdout.write(json.dumps(await _answer(json.loads(line))) + "\n")
        sys.stdout.flush()
    os._exit(0)  # connections that are open are nobody's loss


if __name__ == "__main__":
    asyncio.run(_main())
