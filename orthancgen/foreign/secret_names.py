"""What is called so that its value may be a secret: keys, variables, headers, options, misspelt ones included."""

from __future__ import annotations

import re
from typing import Final

_OWNERS: Final = (
    "api", "private", "access", "account", "shared", "auth", "master", "signing", "encryption", "storage", "license",
    "webhook",
)  # fmt: skip
# Each alternative begins with a letter and the text is in lower case: the search is ten times as fast so.
_SECRET: Final = re.compile(
    "|".join(
        (
            r"pas+w", r"pas+phrase", r"pwd", r"requirepass", r"token", r"secret", r"credential", r"pw\b", r"psk\b",
            # nginx passes requests on by directives of such names
            r"pass(?:\b|(?=[_0-9]))(?<!proxy_pass)(?<!grpc_pass)(?<!fastcgi_pass)(?<!uwsgi_pass)(?<!scgi_pass)",
            *(rf"{owner}[_.-]?key" for owner in _OWNERS),
            r"registered[_.-]?users", r"authorization", r"connection[_.-]?(?:string|uri)", r"basic[_.-]?auth",
            r"bearer", r"hmac", r"cookie", r"http[_.-]?headers", r"x-[a-z-]{0,40}key", r"licen[cs]e[_.-]?string",
            r"keytab", r"dsn\b", r"jwt", r"x-auth", r"presharedkey", r"sig=",
        )
    )
)  # fmt: skip
_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_FILE_NAME: Final = re.compile(r"(?:file|path|privatekey|certificates?)$")
_PATH: Final = re.compile(r"\.{0,2}/[\w./@-]{0,200}")
_PLAIN_WORDS: Final = frozenset({"true", "false", "null", "~", "yes", "no", "on", "off", "nil"})


def lowered(text: str) -> str:
    """The text with A to Z in lower case, and every character at its place."""
    return text.translate(_LOWER)


def find_secret_name(text: str, start: int, end: int) -> re.Match[str] | None:
    """The first such name in a span of a text that is `lowered`."""
    return _SECRET.search(text, start, end)


def is_secret_name(name: str) -> bool:
    """Whether the value of a key, a variable or a header of this name may be a secret."""
    return _SECRET.search(lowered(name[:500])) is not None


def value_may_show(name: str, value: str) -> bool:
    """Whether a value under such a name is none: a switch, or the path of a file where one is meant."""
    bare = value[:300].strip("\"' \t\r,;")
    if bare.lower() in _PLAIN_WORDS or not bare:
        return True
    return _FILE_NAME.search(lowered(name[-40:])) is not None and _PATH.fullmatch(bare) is not None
