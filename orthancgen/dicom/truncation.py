"""Whether a dataset ends before its last element does, seen from the lengths of its elements alone.

A peer that gets a truncated dataset cannot answer well: Orthanc 1.10.1 leaves such a C-STORE without any response, so
that the sender waits for its timeout. Nothing is decoded here, and values are passed over unread.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import BinaryIO

from pydicom.uid import UID

_UNDEFINED = 0xFFFFFFFF
_FIRST_WINDOW = 8192
_WINDOW = 512
# PS3.5 table 7.1-1: VRs with a length of four bytes.
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})


def missing_bytes(file: BinaryIO, offset: int, size: int, transfer_syntax_uid: str) -> int:
    """How many bytes a dataset lacks at its end at least; 0 when it is whole, or when that cannot be told.

    It cannot be told of a deflated dataset, of private transfer syntaxes, and of anything that is not a plain sequence
    of elements: the peer may judge those.

    Args:
        file: a seekable binary file, best a buffered one.
        offset: where the dataset begins.
        size: bytes of the whole file.
        transfer_syntax_uid: how it is encoded.
    """
    layout = _layout(transfer_syntax_uid)
    if layout is None:
        return 0
    explicit, head, long = layout
    depth = 0
    position = start = offset
    file.seek(offset)
    window = file.read(_FIRST_WINDOW)
    while position < size:
        at = position - start
        if at + 12 > len(window):
            file.seek(position)
            start, at, window = position, 0, file.read(_WINDOW)
            if len(window) < 8:
                # Fewer bytes than a header, behind everything: padding that some writers leave.
                return 8 - len(window) if depth else 0
        group, element, vr, short_length = head.unpack_from(window, at)
        if group == 0:
            return 0
        position += 8
        if not explicit or group == 0xFFFE:
            length = long.unpack_from(window, at + 4)[0]
            if group == 0xFFFE and element != 0xE000:
                depth -= 1  # the end of an item or of a sequence
                continue
        elif vr in _LONG_VRS:
            if at + 12 > len(window):
                return at + 12 - len(window)
            length = long.unpack_from(window, at + 8)[0]
            position += 4
            if vr == b"UN" and length == _UNDEFINED:
                return 0  # its content is Implicit VR (PS3.5 section 6.2.2)
        elif vr.isalpha() and vr.isupper():
            length = short_length
        else:
            return 0
        if length == _UNDEFINED:
            depth += 1
            continue
        position += length
        if position > size:
            return int(position - size)
    return 8 * depth if depth > 0 else 0


@cache
def _layout(transfer_syntax_uid: str) -> tuple[bool, struct.Struct, struct.Struct] | None:
    """(explicit VR, tag with VR and short length, long length) of a transfer syntax; None where it cannot be told."""
    uid = UID(transfer_syntax_uid)
    if not uid.is_transfer_syntax or uid.is_private or uid.is_deflated:
        return None
    order = "<" if uid.is_little_endian else ">"
    return not uid.is_implicit_VR, struct.Struct(f"{order}HH2sH"), struct.Struct(f"{order}I")
