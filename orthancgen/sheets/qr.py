"""QR codes (ISO/IEC 18004) as SVG, to stand in a page."""

from __future__ import annotations

from typing import Final

import segno

_LEVELS: Final = ("m", "l")
"""Error correction: 15 % for paper that hangs on a wall; 7 % where the text is too long for that."""

_LARGEST: Final = 20
"""Version of 97 modules a side: on 30 mm of paper, each is 0.3 mm wide, which a telephone's camera still reads."""


def qr_svg(text: str) -> str | None:
    """The code as an SVG element without a size of its own; None where it would be too fine for paper.

    Dark modules on a white ground with the quiet zone of four modules, whatever the page's colours are: readers want
    dark on light (ISO/IEC 18004, 5.3.8 and 6.1).
    """
    for level in _LEVELS:
        try:
            code = segno.make_qr(text, error=level, encoding="utf-8", boost_error=True)
        except segno.DataOverflowError:
            continue
        if isinstance(code.version, int) and code.version <= _LARGEST:
            return code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass="qr", lineclass=None)
    return None
