"""Which parts of JSON, or of what was meant to be it, may be secrets: values under such names, remarks on them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orthancgen.foreign.masking_lines import Span, inline_spans
from orthancgen.foreign.secret_names import find_secret_name, is_secret_name, lowered, value_may_show

_POSITIONAL = frozenset({"OrthancPeers", "Servers"})
"""Keys of Orthanc whose entries may be lists of URL, user name and password."""
_TOKEN = re.compile(
    r"""(?P<comment>//[^\r\n]*+|/\*)|(?P<string>"(?:[^"\\\r\n]|\\.)*+"?)|(?P<sign>[{}\[\],])|(?P<word>[^\s"{}\[\],:/]++)"""
)
_CLOSING = re.compile(r"[}\]]")
_MAXIMUM_DEPTH = 200
_COLON = re.compile(r"\s{0,200}:")


class _Container:
    """An object or a list that is open: whether all in it is secret, and the key that it stands under."""

    __slots__ = ("index", "is_list", "key", "positional", "secret")

    def __init__(self, key: str, *, is_list: bool = False, secret: bool = False, positional: bool = False) -> None:
        self.key = key
        self.is_list = is_list
        self.secret = secret
        self.positional = positional
        self.index = 0


def json_spans(text: str) -> Iterator[Span]:
    """Values under secret names, in JSON or what was meant to be."""
    return _Reader(text).spans()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.low = lowered(text)
        self.stack = [_Container("")]
        self.too_deep = 0
        self.key = ""
        self.key_is_secret = False
        self.in_remark = False  # a secret's section is open in the remarks: {...} that was commented out

    def spans(self) -> Iterator[Span]:
        at = 0
        while (token := _TOKEN.search(self.text, at)) is not None:
            at = token.end()
            if token.lastgroup == "comment":
                if token[0] == "/*":
                    close = self.text.find("*/", at)
                    at = close + 2 if close >= 0 else len(self.text)
                yield from self._remark(token.start(), at)
                continue
            self.in_remark = False
            if token.lastgroup == "sign":
                self._sign(token[0])
            elif _COLON.match(self.text, at):
                self._key(token[0].strip('"'))
            elif self._hides(token[0]):
                closed = len(token[0]) >= 2 and token[0][0] == token[0][-1] == '"'
                yield (token.start() + 1, at - 1) if closed else token.span()

    def _key(self, key: str) -> None:
        self.key, self.key_is_secret = key, key != "" and is_secret_name(key)

    def _hides(self, token: str) -> bool:
        top = self.stack[-1]
        if top.positional and top.is_list and top.index > 0:
            return True
        return (top.secret or self.key_is_secret) and not value_may_show(self.key or top.key, token)

    def _sign(self, sign: str) -> None:
        top = self.stack[-1]
        if sign in "{[":
            if len(self.stack) >= _MAXIMUM_DEPTH:
                self.too_deep += 1
            else:
                secret = top.secret or self.key_is_secret
                positional = top.positional or self.key in _POSITIONAL
                key = self.key or top.key
                self.stack.append(_Container(key, is_list=sign == "[", secret=secret, positional=positional))
        elif sign == ",":
            top.index += 1
        elif self.too_deep:
            self.too_deep -= 1
        elif len(self.stack) > 1:
            self.stack.pop()
        self._key("")

    def _remark(self, start: int, end: int) -> Iterator[Span]:
        if self.in_remark or self.stack[-1].secret:
            yield start + 2, end
            self.in_remark = self.in_remark and _CLOSING.search(self.text, start, end) is None
            return
        named = find_secret_name(self.low, start, end)
        if named is None:
            return
        if self.text.startswith("/*", start):  # what it names may go on over its lines
            yield named.end(), end
            return
        spans = list(inline_spans(self.low, start, end))
        yield from spans
        first = spans[0][0] if spans else named.end()
        rest = self.text[first:end].strip("\"': \t")
        self.in_remark = not rest or (rest[0] in "{[" and _CLOSING.search(rest) is None)
