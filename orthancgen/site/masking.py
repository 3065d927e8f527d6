"""Which values of an environment file may be secrets, so that no excerpt shows one in a terminal or a CI log.

A password written where a reference belongs is refused, and the line with it would be shown. So each character of such
a value is replaced by :data:`HIDDEN` in the text that excerpts are cut from.
"""

from __future__ import annotations

import re

from orthancgen.site.explain import reaches
from orthancgen.site.model import Site
from orthancgen.site.problems import HIDDEN, KeyPath
from orthancgen.site.types import SecretRef

_CREDENTIAL = re.compile(
    r"pas+w|pas+phrase|pwd|token|secret|credential|private_?key|registered_?users", flags=re.IGNORECASE
)
"""Keys that hold a secret, misspelt ones included."""
_NAMES = frozenset({"users", "modalities"})
"""Sections whose keys are names that people choose."""
_URL_LOGIN = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_HARMLESS = {
    "secret": re.compile(r"[a-z][a-z0-9_]{0,62}"),
    "file": re.compile(r"/[^\n]*"),
    "env": re.compile(r"[A-Z_][A-Z0-9_]*"),
}
"""Keys of a reference or a source, and what they look like when they are one: a name, a path, a variable."""
_LINE = re.compile(rf"(?P<head>.*?(?:{_CREDENTIAL.pattern})[^:=]*[:=])(?P<rest>.*)", flags=re.IGNORECASE)


def may_be_secret(path: KeyPath, value: str) -> bool:
    """Whether the scalar at a key path may be a secret itself."""
    last = path[-1] if path else ""
    harmless = _HARMLESS.get(str(last))
    if harmless is not None and harmless.fullmatch(value):
        return False
    if path[:1] == ("secrets",):
        return len(path) > 1
    keys = [part for index, part in enumerate(path) if not (index == 1 and path[0] in _NAMES)]
    return any(isinstance(key, str) and _CREDENTIAL.search(key) for key in keys) or reaches(Site, path, SecretRef)


def mask_lines(text: str) -> str:
    """The text of a file that is no YAML: what follows a key that may hold a secret is hidden, with its block."""
    shown: list[str] = []
    block: int | None = None
    for line in text.split("\n"):
        indent = len(line) - len(line.lstrip())
        if block is not None and line.strip() and indent <= block:
            block = None
        found = _LINE.match(line)
        if block is not None:
            shown.append(line[:indent] + HIDDEN * (len(line) - indent))
        elif found is not None:
            block = indent
            rest = found["rest"]
            kept = len(rest) - len(rest.lstrip())
            shown.append(found["head"] + rest[:kept] + HIDDEN * (len(rest) - kept))
        else:
            shown.append(line)
    return mask_logins("\n".join(shown))


def mask_logins(text: str) -> str:
    """The text with the user name and password of each URL hidden."""
    return _URL_LOGIN.sub(lambda found: HIDDEN * len(found[0]), text)
