"""What is a secret by its shape alone: private keys, logins in addresses and headers, Orthanc's own passwords."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Final

from orthancgen.secrets.scan.judge import SHORTEST, Verdict, is_random, judge
from orthancgen.secrets.scan.leak import (
    DATABASE_LOGIN,
    DEFAULT,
    HEADER_LOGIN,
    PRIVATE_KEY,
    REGISTERED_USER,
    URL_LOGIN,
    LeakRule,
    Span,
)
from orthancgen.secrets.scan.text import Kind
from orthancgen.site.problems import printable

_PEM: Final = re.compile(
    r"(?P<marker>-----BEGIN (?P<kind>(?:[A-Z0-9]{2,12} ){0,2})PRIVATE KEY(?: BLOCK)?-----)"
    # A key follows, not a sentence about keys: also on one line, with \n written out, or behind PEM's own headers.
    r"(?:\s|\\[nr]|[A-Za-z-]{1,20}:[ \t][^\n]{1,80}\n|[\"'+#>|*]){1,200}[A-Za-z0-9+/]{24,}"
)
_PUTTY: Final = re.compile(r"PuTTY-User-Key-File-[0-9]: [a-z0-9-]{4,40}")
_URL: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{1,20})://(?P<user>[^\s:/?#@\"'<>`]{0,64}):(?P<login>[^\s/?#@\"'<>`]{1,200})@(?=[\w\[$.{-])"
)
_DATABASES: Final = frozenset(
    {"mongodb", "mongodb+srv", "postgres", "postgresql", "mysql", "mariadb", "redis", "rediss", "amqp"}
)
_EXAMPLE_USER: Final = re.compile(r"(?:u|us|user|username|me|name|login)", re.IGNORECASE)
_EXAMPLE_LOGIN: Final = re.compile(r"(?:p|pw|pwd|pass|passw|password|passwort|secret|token)", re.IGNORECASE)
_HEADER: Final = re.compile(r"\b(?P<scheme>Basic|Bearer)[ ]{1,4}(?P<value>[A-Za-z0-9+/=_.~-]{8,1024})")
_CURL: Final = re.compile(
    r"\bcurl(?:\.exe)?\b[^\n]{0,300}?[ \t](?:-u|--user)[ \t=]{1,3}[\"']?[\w.@-]{1,64}:(?P<value>[^\s\"'\\]{1,200})"
)
_CREDENTIALS: Final = re.compile(
    r"SetHttpCredentials\s{0,8}\(\s{0,8}([\"'])[^\"'\n]{0,128}\1\s{0,8},\s{0,8}([\"'])(?P<value>[^\"'\n]{1,256})\2"
)
_REMOTE: Final = re.compile(
    r"\[\s{0,80}\"https?://[^\"\n]{1,300}\"\s{0,80},\s{0,80}\"[^\"\n]{1,128}\"\s{0,80},\s{0,80}\"(?P<value>[^\"\n]{1,256})\""
)
_USERS: Final = re.compile(r"RegisteredUsers|REGISTERED_USERS")
_OPEN: Final = re.compile(r"[\s\"'=:|>\\+-]{0,80}\{")
_PAIR: Final = re.compile(
    r"(?:\s|//[^\n]{0,400}\n|/\*(?:[^*]|\*(?!/)){0,2000}\*/|\\[nrt]){0,400}"
    r"\\?\"(?P<user>(?:[^\"\\\n]){0,128})\\?\"\s{0,40}:\s{0,40}\\?\"(?P<value>(?:[^\"\\\n]|\\(?!\").){0,256})\\?\"\s{0,40},?"
)
_MOST_USERS: Final = 500
_YAML_SECTION: Final = re.compile(r"[\"']?:[ \t]{0,40}(?:#[^\n]{0,400})?(?=\n)")
_YAML_USER: Final = re.compile(
    r"\n(?P<indent>[ ]{1,40})(?P<user>[\w.@-]{1,64}|\"[^\"\n]{1,64}\"):[ ]{1,40}"
    r"(?P<quote>[\"']?)(?P<value>[^\n\"'{}|>#]{1,256})(?P=quote)"
)


def shapes(text: str, kind: Kind) -> Iterator[Span]:
    """Every private key, login and password of Orthanc in a text."""
    for found in _PEM.finditer(text):
        yield Span(PRIVATE_KEY, *found.span("marker"), f"a private key ({found['kind'].strip() or 'PKCS #8'})")
    for found in _PUTTY.finditer(text):
        yield Span(PRIVATE_KEY, found.start(), found.end(), "a private key (PuTTY)")
    yield from _registered_users(text, kind)
    yield from _logins(text, kind)
    yield from _headers(text)
    for found in _CURL.finditer(text):
        verdict = judge(found["value"], quoted=False, strong=True)
        if verdict is Verdict.SECRET and (kind == "configuration" or is_random(found["value"])):
            yield Span(HEADER_LOGIN, *found.span("value"), "a password that curl is given")


def _registered_users(text: str, kind: Kind) -> Iterator[Span]:
    """Passwords of Orthanc's users and of the servers that it calls, in JSON, in YAML and in variables.

    https://orthanc.uclouvain.be/book/faq/security.html: ``RegisteredUsers`` holds them in plain text.
    """
    for key in _USERS.finditer(text):
        opened = _OPEN.match(text, key.end())
        if opened is not None:
            yield from _pairs(text, opened.end(), kind)
        elif kind == "configuration":
            yield from _yaml_users(text, key)
    for found in _REMOTE.finditer(text):
        yield from _password(found, kind, "the password of a server that Orthanc calls")
    for found in _CREDENTIALS.finditer(text):
        yield from _password(found, kind, "a password that a Lua script sends")


def _pairs(text: str, at: int, kind: Kind) -> Iterator[Span]:
    for _ in range(_MOST_USERS):
        pair = _PAIR.match(text, at)
        if pair is None:
            return
        yield from _password(pair, kind, f"the password of {printable(pair['user'], 64)} on Orthanc")
        at = pair.end()


def _yaml_users(text: str, key: re.Match[str]) -> Iterator[Span]:
    line = text.rfind("\n", 0, key.start()) + 1
    outer = len(text[line : key.start()]) - len(text[line : key.start()].lstrip(" -"))
    at = key.end()
    if not _YAML_SECTION.match(text, at):
        return
    at = text.find("\n", at)
    for _ in range(_MOST_USERS):
        pair = _YAML_USER.match(text, at)
        if pair is None or len(pair["indent"]) <= outer:
            return
        yield from _password(pair, "configuration", f"the password of {printable(pair['user'], 64)} on Orthanc")
        at = text.find("\n", pair.end() - 1)
        if at < 0:
            return


def _password(found: re.Match[str], kind: Kind, what: str) -> Iterator[Span]:
    """A span where the value is no reference; in prose and code only what is no known default."""
    verdict = judge(found["value"], quoted=True, strong=True)
    start = found.start("value")
    end = start + len(found["value"].rstrip())
    if verdict is Verdict.SECRET and (kind == "configuration" or is_random(found["value"])):
        yield Span(REGISTERED_USER, start, end, what)
    elif verdict is Verdict.DEFAULT and kind == "configuration":
        yield Span(DEFAULT, start, end, f"{what} is one that everybody knows")


def _logins(text: str, kind: Kind) -> Iterator[Span]:
    for found in _URL.finditer(text):
        user, password = found["user"], found["login"]
        if len(password) < SHORTEST or (_EXAMPLE_USER.fullmatch(user) and _EXAMPLE_LOGIN.fullmatch(password)):
            continue
        rule: LeakRule = DATABASE_LOGIN if found["scheme"].lower() in _DATABASES else URL_LOGIN
        verdict = judge(password, quoted=False, strong=True)
        if verdict is Verdict.DEFAULT and kind == "configuration":
            yield Span(DEFAULT, *found.span("login"), "an address with a password that everybody knows")
        elif verdict is Verdict.SECRET and (kind == "configuration" or is_random(password)):
            yield Span(rule, *found.span("login"), f"an address ({found['scheme'].lower()}) with its password")


def _headers(text: str) -> Iterator[Span]:
    for found in _HEADER.finditer(text):
        value = found["value"]
        if found["scheme"] == "Basic":
            if _is_login(value):
                yield Span(HEADER_LOGIN, *found.span("value"), "a user and a password in base64 (Basic authentication)")
        elif len(value) >= 16 and is_random(value) and judge(value, quoted=True, strong=False) is Verdict.SECRET:
            yield Span(HEADER_LOGIN, *found.span("value"), "a bearer token")


def _is_login(value: str) -> bool:
    """Whether base64 holds USER:PASSWORD as RFC 7617 says."""
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return False
    printables = user.isprintable() and password.isprintable()
    return bool(colon) and printables and judge(password, quoted=True, strong=True) is Verdict.SECRET
