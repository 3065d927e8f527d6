"""Which ciphers of TLS are weak, by OpenSSL's names: RFC 9325 section 4 and PS3.15 B.12."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_BROKEN: Final = ("NULL", "ANON", "ADH", "AECDH", "EXP", "RC4", "DES", "MD5", "SEED", "IDEA", "RC2", "LOW")
_GROUPS: Final = frozenset({"ALL", "COMPLEMENTOFALL", "DEFAULT", "HIGH", "MEDIUM", "AES", "AES128", "AES256", "RSA"})
_SECRET_FORWARD: Final = ("ECDHE", "EECDH", "DHE", "EDH")


def weakness(cipher: str) -> str:
    """Why a cipher, or a group of them, is not to be used any more, in words; "" where it is good."""
    name = cipher.strip().upper()
    if not name or name.startswith(("!", "-", "+", "@", "TLS_AES_", "TLS_CHACHA20_")):
        return ""
    if name in _GROUPS:
        return "names a group with weak ones in it"
    parts = name.replace("_", "-").replace("+", "-").split("-")
    if any(part.startswith(_BROKEN) or part == "3DES" for part in parts):
        return "is broken"
    if not any(part.startswith(_SECRET_FORWARD) for part in parts[:3]):
        return "has no forward secrecy"
    if not any(sign in name for sign in ("GCM", "CHACHA20", "CCM")):
        return "encrypts without authentication (CBC)"
    return ""


def weak(ciphers: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The weak ones of a list, or of a text with colons between them; each with the reason."""
    each = (one.strip() for text in ciphers for one in text.split(":"))
    return tuple((one, why) for one in each if (why := weakness(one)))
