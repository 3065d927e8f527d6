"""A name that announces a secret, and a literal behind it: ``DB_PASSWORD=...``, ``"token": "..."``, ``--password ...``.

Each name is found by one regular expression; what stands around it is read in bounded steps, so that the time is linear
in the size of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orthancgen.secrets.scan.judge import Verdict, judge
from orthancgen.secrets.scan.leak import DEFAULT, LITERAL, Span
from orthancgen.secrets.scan.text import Kind
from orthancgen.site.problems import printable


def _any_case(word: str) -> str:
    """A pattern of a word in any case. The flag for it would make the search four times slower."""
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else "[-_ ]?" if c == "-" else c for c in word)


_WORDS: Final = (
    *("password", "passwort", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "credential"),
    *("api-key", "access-key", "private-key", "secret-key", "auth-key", "account-key", "encryption-key", "signing-key"),
    *("master-key", "preshared-key", "shared-key", "webhook-key"),
)
_ALONE: Final = ("pass", "psk")
"""Words that are parts of others."""
_NAME: Final = re.compile(
    "|".join(map(_any_case, _WORDS)) + f"|(?<![a-zA-Z])(?:{'|'.join(map(_any_case, _ALONE))})(?![a-zA-Z])"
)
_BEFORE: Final = re.compile(r"[\w.$-]{0,64}\Z", re.ASCII)
_AFTER: Final = re.compile(
    r"(?P<rest>[\w.-]{0,48})(?P<quote>\\?[\"'`]?)\]?[ \t]{0,32}(?P<sign>=>|:=|::?|={1,3}|>)[ \t]{0,32}", re.ASCII
)
_OPTION: Final = re.compile(r"(?P<rest>)(?P<quote>)(?P<sign>[ \t]+)(?=[^\s-])")
_QUOTED: Final = re.compile(
    r"""\\?(?:[rbuf@$]{0,2})(?P<quote>["'`])(?P<value>(?:(?!\\?(?P=quote))[^\n\\]|\\.){0,512})\\?(?P=quote)"""
)
_BARE: Final = re.compile(r"[^\s#,;\"'`<>][^\n\"'`<>]{0,511}")
_END_OF_VALUE: Final = re.compile(r"[ \t]#|[ \t]//|[,;}\]]+(?:[ \t]|$)|\\$")
_END_OF_WORD: Final = re.compile(r"[ \t]|[,;}\]]+(?:[ \t]|$)|\\$")
_LONG: Final = 128
_HARMLESS_REST: Final = re.compile(
    r"(?:.*[._-])?(?:s|file|files|path|name|names|field|label|hint|policy|length|len|min|max|type|kind|header|prefix|suffix"
    r"|hash|ttl|expir\w*|enabled|required|days|count|limit|regex|pattern|env|ref|store|manager|provider|url|uri|endpoint|id"
    r"|source|age|key|format|description|title|error|message|text|mode|check|valid\w*|rotat\w*|reset|forgot\w*|less|ize\w*)",
    flags=re.IGNORECASE,
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLAIN_REST: Final = re.compile(r"(?:[-_.]?(?:value|plain|text|b64|base64|\d{1,3}))?", re.IGNORECASE)
_STRONG: Final = re.compile(r"(?:pass(?:word|wort|wd|phrase|code)?|passwd|pwd)\Z", re.IGNORECASE)
_STRONG_VARIABLE: Final = re.compile(r"[A-Z0-9_]*(?:PASS(?:WORD|WD|PHRASE)?|PWD|SECRET|TOKEN|_KEY)\Z")


def assignments(text: str, kind: Kind) -> Iterator[Span]:
    """Every literal behind a name that announces a secret.

    Args:
        text: of the file.
        kind: in configuration a value may stand without quotes, and a known default counts; elsewhere it is quoted, and
            has to look generated.
    """
    read_to = 0
    for name in _NAME.finditer(text):
        found = _value(text, name, kind) if name.start() >= read_to else None
        if found is None:
            continue
        start, value, quoted, key = found
        if len(value) > _LONG:  # names in it are no names: a line of them would be read again for each
            read_to = start + len(value)
        strong = kind == "configuration" and bool(_STRONG.search(key) or _STRONG_VARIABLE.match(key))
        verdict = judge(value, quoted=quoted, strong=strong)
        shown = printable(key, 64)
        if verdict is Verdict.SECRET:
            yield Span(LITERAL, start, start + len(value), f"a literal value of {shown}")
        elif verdict is Verdict.DEFAULT and kind == "configuration":
            yield Span(DEFAULT, start, start + len(value), f"{shown} has a value that everybody knows")


def _value(text: str, name: re.Match[str], kind: Kind) -> tuple[int, str, bool, str] | None:
    """Start of the value, the value, whether it is quoted, and the whole name; None where no value follows."""
    before = _BEFORE.search(text, max(0, name.start() - 64), name.start())
    head = before[0] if before else ""
    begin = name.start() - len(head)
    if text[begin - 2 : begin] == "${":  # ${PASSWORD:-default}
        return None
    option = head.startswith("--")
    after = _AFTER.match(text, name.end()) or (_OPTION.match(text, name.end()) if option else None)
    if after is None or _HARMLESS_REST.fullmatch(_CAMEL.sub("_", after["rest"])):
        return None
    if after["sign"] == ">" and text[begin - 1 : begin] != "<":
        return None
    key = f"{head}{name[0]}{after['rest'] if not _PLAIN_REST.fullmatch(after['rest']) else ''}".lstrip("-$.")
    quoted = _QUOTED.match(text, after.end())
    if quoted is not None:
        return quoted.start("value"), quoted["value"], True, key
    bare = _BARE.match(text, after.end())
    if bare is None or kind != "configuration" or after["sign"] in {"==", "==="}:
        return None
    one_word = option or text[after.end() - 1] == "="
    return bare.start(), _end_of_bare(bare[0], one_word=one_word), False, key


def _end_of_bare(value: str, *, one_word: bool) -> str:
    """A value without quotes ends at a comment, at the end of its list or command, or with its line."""
    cut = (_END_OF_WORD if one_word else _END_OF_VALUE).search(value)
    return (value[: cut.start()] if cut else value).rstrip()
