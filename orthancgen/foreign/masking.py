"""Other people's files for excerpts: every character that may belong to a secret is replaced by `HIDDEN`.

Nothing here knows what a secret is, only what it is called and how it looks; where it is not sure, it hides. Lines and
columns stay. A file that can be read is masked value by value, any other line by line.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from orthancgen.foreign.masking_json import json_spans
from orthancgen.foreign.masking_lines import Span, line_spans
from orthancgen.foreign.masking_yaml import yaml_spans
from orthancgen.foreign.secret_names import is_secret_name, lowered
from orthancgen.site.problems import HIDDEN

__all__ = ["Kind", "MaskedTexts", "is_secret_name", "mask", "worth_hiding"]

Kind = Literal["json", "yaml", "lines", "secret"]
"""How a file is masked: as JSON with comments, as YAML, line by line (scripts, rules, nginx, .env), or all of it."""

_URL = re.compile(r"://([^\s\"'<>]++)")
_SCHEME = re.compile(r"b(?:asic|earer)[ \t]++([^\s\"',;)\]}]++)")
_USER = re.compile(r"(?<![\w-])(?:-u|--user|--userpwd|-p|--pass)(?:[ =]|[\"'],[ ]?[\"'])([^\s\"',\]]++)")
_CALL = re.compile(r"sethttpcredentials\s*+\(([^)]{0,4000})")
_PEER = re.compile(r"\[[ \t]*+[\"']https?://[^\"'\s]*+[\"'][ \t]*+,([^\]\n]*+)")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----(.*?)(?:-----END|\Z)", re.DOTALL)
_NOT_END = re.compile(r"[^\r\n]")


def mask(text: str, kind: Kind, known: Collection[str] = ()) -> str:
    """The text with everything hidden that may be a secret.

    Args:
        text: the file.
        kind: how it is read.
        known: secrets that were found elsewhere and must not be seen here either.
    """
    if kind == "secret":
        return _NOT_END.sub(HIDDEN, text)
    text = text.removeprefix("\ufeff")
    low = lowered(text)
    if kind == "json":
        is_json = text.lstrip()[:1] in ("", "{", "[", "/", '"')
        spans = list(json_spans(text) if is_json else line_spans(text, low))
        text = re.sub("[\x85\u2028\u2029]", " ", text)  # no ends of lines in JSON
    else:
        found = yaml_spans(text, low) if kind == "yaml" else None
        spans = found if found is not None else list(line_spans(text, low))
    return _hide(text, [*spans, *_everywhere(text, low, known)])


class MaskedTexts(Mapping[str, str]):
    """Texts of files with everything hidden that may be a secret; each is masked when it is first asked for.

    Args:
        raw: file -> its text as it is.
        kinds: file -> how it is masked; line by line where nothing is said.
        known: secrets that must be seen in none of them.
    """

    def __init__(self, raw: Mapping[str, str], kinds: Mapping[str, Kind], known: Collection[str]) -> None:
        self._raw = raw
        self._kinds = kinds
        self._known = frozenset(value for value in known if worth_hiding(value))
        self._masked: dict[str, str] = {}

    def __getitem__(self, file: str) -> str:
        if file not in self._masked:
            self._masked[file] = mask(self._raw[file], self._kinds.get(file, "lines"), self._known)
        return self._masked[file]

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)


def worth_hiding(value: str) -> bool:
    """Whether a secret may be looked for in other files: a word that people also write elsewhere may not."""
    return 8 <= len(value) <= 4096 and not value.isalpha()


def _hide(text: str, spans: list[Span]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end in sorted(spans):
        if end > at:
            start = max(start, at)
            pieces += [text[at:start], _NOT_END.sub(HIDDEN, text[start:end])]
            at = end
    pieces.append(text[at:])
    return "".join(pieces)


def _everywhere(text: str, low: str, known: Collection[str]) -> Iterator[Span]:
    for found in _URL.finditer(text):
        at = found[1].rfind("@")  # a password may hold an @ that should have been escaped
        if at > 0:
            yield found.start(1), found.start(1) + at
    for pattern in (_SCHEME, _USER, _CALL, _PEER):
        yield from (found.span(1) for found in pattern.finditer(low))
    if "PRIVATE KEY" in text:
        yield from (found.span(1) for found in _PEM.finditer(text))
    values = sorted({value for value in known if worth_hiding(value)}, key=len, reverse=True)[:500]
    if values:
        pattern = re.compile("|".join(re.escape(value) for value in values))
        yield from (found.span() for found in pattern.finditer(text))
