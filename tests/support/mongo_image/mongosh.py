#!/usr/bin/python3 -IS
"""The one use of mongosh that a health check makes: ``mongosh [OPTIONS] --eval "db.adminCommand('ping').ok"``.

Speaks the wire protocol itself, so that a check costs no import of a driver.
OP_MSG: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/#op_msg
"""

# ruff: noqa: T201

import re
import socket
import struct
import sys

_PING = re.compile(
    r"""^\s*db\.(adminCommand|runCommand)\(\s*(['"]ping['"]|\{\s*['"]?ping['"]?\s*:\s*1\s*\})\s*\)(\.ok)?;?\s*$"""
)


def _command() -> bytes:
    elements = b"\x10ping\0" + struct.pack("<i", 1) + b"\x02$db\0" + struct.pack("<i", 6) + b"admin\0"
    document = struct.pack("<i", len(elements) + 5) + elements + b"\0"
    body = struct.pack("<i", 0) + b"\0" + document  # flags, then one section of kind 0
    return struct.pack("<iiii", 16 + len(body), 1, 0, 2013) + body


def main(arguments: list[str]) -> int:
    """0 and ``1`` on standard output when the server answers the ping."""
    port = 27017
    expression = ""
    rest = iter(arguments)
    for argument in rest:
        if argument == "--eval":
            expression = next(rest, "")
        elif argument == "--port":
            port = int(next(rest, ""))
        elif argument not in ("--quiet", "--norc"):
            print(f"mongosh of the tests: no such option: {argument}", file=sys.stderr)
            return 2
    if not _PING.fullmatch(expression):
        print(f"mongosh of the tests: only a ping can be evaluated, not: {expression}", file=sys.stderr)
        return 2
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(_command())
            answer = connection.recv(65536)
    except OSError as error:
        print(f"MongoNetworkError: connect 127.0.0.1:{port}: {error}", file=sys.stderr)
        return 1
    if b"\x01ok\0" + struct.pack("<d", 1.0) not in answer:
        print("MongoServerError: the ping was refused", file=sys.stderr)
        return 1
    print(1)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
