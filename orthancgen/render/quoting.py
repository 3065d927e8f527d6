"""One encoder a syntax. Each returns marked text, or refuses what the syntax cannot carry; it never mends a value."""

from __future__ import annotations

import ipaddress
import json
import re
import shlex
import unicodedata
from typing import Any

from markupsafe import Markup, escape

from orthancgen.errors import RenderError
from orthancgen.site.problems import printable


def json_document(value: Any) -> str:
    r"""A JSON document in ASCII, with ``$`` as ``\u0024``.

    Orthanc replaces ``${NAME}`` in its configuration by environment variables, and the orthancteam image runs envsubst
    over it; neither sees the escape, and every JSON parser gives the ``$`` back.

    Raises:
        RenderError: the value holds NaN, an infinity or half a surrogate pair.
    """
    try:
        text = json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)
        if "\\ud" in text:  # a surrogate: one of a pair, or half of one
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, UnicodeEncodeError) as error:
        raise RenderError(f"JSON cannot carry a value: {printable(str(error))}") from None
    return text.replace("$", "\\u0024") + "\n"


def ini(value: object) -> Markup:
    """A value of supervisor's configuration: ``%`` doubled; no control characters, quotes, semicolons or backslashes.

    http://supervisord.org/configuration.html: ``%`` starts an expansion, `` ;`` a comment.

    Raises:
        RenderError: the value has such a character.
    """
    text = str(value)
    if not text.isprintable() or any(character in "\"';\\" for character in text):
        raise RenderError(f"supervisor's configuration cannot carry {printable(text)!r}")
    return Markup(text.replace("%", "%%"))  # noqa: S704  this is the encoder


def compose(value: str) -> str:
    """A value of a compose file: ``$`` doubled, or Compose would put the variable of that name in its place.

    https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md

    Raises:
        RenderError: the value has a control or invisible character.
    """
    if not value.isprintable():
        raise RenderError(f"a compose file cannot carry {printable(value)!r}")
    return value.replace("$", "$$")


def comment(value: str) -> str:
    """The text of a comment of one line.

    Raises:
        RenderError: the value has a control or invisible character, which could end the line.
    """
    if not value.isprintable():
        raise RenderError(f"a comment cannot carry {printable(value)!r}")
    return value


def haproxy(value: str) -> Markup:
    r"""A word of haproxy's configuration in strong quotes, in which nothing has a meaning but the quote itself.

    https://docs.haproxy.org/3.0/configuration.html#2.2: a quote is written outside of the quotes, as ``\'``.

    Raises:
        RenderError: the value is empty, or has a character other than printable ASCII.
    """
    if not value or not value.isascii() or not value.isprintable():
        raise RenderError(f"haproxy's configuration cannot carry {printable(value)!r}")
    return Markup("'" + value.replace("'", "'\\''") + "'")  # noqa: S704  this is the encoder


def haproxy_word(value: str) -> Markup:
    """A name or an address in haproxy's configuration, or a part of one.

    Raises:
        RenderError: the value has a character other than letters, digits, ``.``, ``:``, ``_`` and ``-``.
    """
    if not _WORD.fullmatch(value):
        raise RenderError(f"{printable(value)!r} is no word of haproxy's configuration")
    return Markup(value)  # noqa: S704  this is the encoder


def powershell(value: str) -> Markup:
    """A string of PowerShell in single quotes, in which nothing has a meaning but the quote, which is doubled.

    https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules. PowerShell takes
    the typographic quotes for quotes as well, and Windows PowerShell reads a file without a mark as of the local code
    page: other characters than those of printable ASCII are refused.

    Raises:
        RenderError: the value has a character other than printable ASCII.
    """
    if not value.isascii() or not value.isprintable():
        raise RenderError(f"a PowerShell script cannot carry {printable(value)!r}")
    return Markup("'" + value.replace("'", "''") + "'")  # noqa: S704  this is the encoder


def cmd(value: str) -> Markup:
    """A value of netsh in a command file, in double quotes; there is no escape for what has a meaning even in them.

    https://learn.microsoft.com/windows-server/administration/windows-commands/cmd: ``%`` and ``!`` begin variables, a
    backslash before the closing quote makes it a character, and a comma begins the next element of netsh's lists.

    Raises:
        RenderError: the value is empty, or has a character other than letters, digits, space and ``._:/-``.
    """
    if not _CMD.fullmatch(value):
        raise RenderError(f"a command file cannot carry {printable(value)!r}")
    return Markup(f'"{value}"')  # noqa: S704  this is the encoder


def hcl(value: str) -> str:
    """A string of Terraform's JSON syntax, which Terraform reads as a template: ``${`` and ``%{`` are escaped.

    https://developer.hashicorp.com/terraform/language/syntax/json#string-template-parsing

    Raises:
        RenderError: the value has a control or invisible character, or is not in the composed form of Unicode (NFC),
            into which Terraform turns every string.
    """
    if not value.isprintable() or not unicodedata.is_normalized("NFC", value):
        raise RenderError(f"Terraform's configuration cannot carry {printable(value)!r}")
    return value.replace("${", "$${").replace("%{", "%%{")


_WORD = re.compile(r"[A-Za-z0-9._:-]+", re.ASCII)
_CMD = re.compile(r"[A-Za-z0-9 ._:/-]+", re.ASCII)


def wireguard(value: str) -> Markup:
    """A value of WireGuard's configuration: a word, an address, a network, `HOST:PORT` or a key in base64.

    wg(8), CONFIGURATION FILE FORMAT, has no quotes; `#` starts a comment wherever it stands, `,` separates.

    Raises:
        RenderError: the value has a character other than letters, digits, ``_``, ``.``, ``:``, ``/``, ``+``, ``=``,
            ``[``, ``]`` and ``-``. It is not named: it could be a key.
    """
    if not _WIREGUARD.fullmatch(value):
        raise RenderError("WireGuard's configuration cannot carry a value of the environment")
    return Markup(value)  # noqa: S704  this is the encoder


_WIREGUARD = re.compile(r"[A-Za-z0-9_.:/+=\[\]-]+", re.ASCII)


def shell(value: str) -> Markup:
    """One word of a POSIX shell.

    Raises:
        RenderError: the value has a character other than printable ASCII.
    """
    if not value.isascii() or not value.isprintable():
        raise RenderError(f"a shell script cannot carry {printable(value)!r}")
    return Markup(shlex.quote(value))  # noqa: S704  this is the encoder


def line_comment(value: str) -> Markup:
    """The text after the ``#`` of a comment of one line, in shell, nft, iptables-restore or ufw.

    Raises:
        RenderError: the value has a character other than printable ASCII, or a backslash, which could join two lines.
    """
    if not value.isascii() or not value.isprintable() or "\\" in value:
        raise RenderError(f"a comment cannot carry {printable(value)!r}")
    return Markup(value)  # noqa: S704  this is the encoder


def rule_word(value: str) -> Markup:
    """A word of a packet filter's rule, such as the name of a protocol or of a chain.

    Raises:
        RenderError: the value has a character other than letters, digits, ``_`` and ``-``.
    """
    if not _RULE_WORD.fullmatch(value):
        raise RenderError(f"{printable(value)!r} is no word of a packet filter's rule")
    return Markup(value)  # noqa: S704  this is the encoder


_RULE_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*", re.ASCII)


def rule_text(value: str) -> Markup:
    """A comment in a rule of nftables or iptables, in double quotes: nft knows no escape inside of them.

    Raises:
        RenderError: the value is empty, longer than 60 characters (nft takes 128 bytes, iptables 255), or has a
            character other than letters, digits, a space, ``.``, ``_``, ``:``, ``/`` and ``-``.
    """
    if len(value) > 60 or not _CMD.fullmatch(value):
        raise RenderError(f"a comment of a packet filter's rule cannot carry {printable(value)!r}")
    return Markup(f'"{value}"')  # noqa: S704  this is the encoder


def network(value: str) -> Markup:
    """An IPv4 or IPv6 network in CIDR notation, as every firewall reads it.

    Raises:
        RenderError: the value is none, or not in its canonical writing.
    """
    try:
        canonical: str | None = str(ipaddress.ip_network(value))
    except ValueError:
        canonical = None
    if value != canonical or "%" in value:
        raise RenderError(f"{printable(value)!r} is no network in canonical writing")
    return Markup(value)  # noqa: S704  this is the encoder


_UNIT_WORD = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


def unit_word(value: str) -> Markup:
    """A word of a unit of systemd (systemd.service(5), "Command lines"): ``%`` doubled; nothing that needs quotes.

    Raises:
        RenderError: the value has another character than letters, digits and ``_@%+=:,./-``.
    """
    if not _UNIT_WORD.fullmatch(value):
        raise RenderError(f"a unit of systemd cannot carry {printable(value)!r}")
    return Markup(value.replace("%", "%%"))  # noqa: S704  this is the encoder


def html(value: str) -> Markup:
    """A text in HTML or SVG, between tags or in a quoted attribute.

    Raises:
        RenderError: the value has a character that HTML cannot carry: a control character, or half a surrogate pair
            (https://html.spec.whatwg.org/multipage/parsing.html#preprocessing-the-input-stream).
    """
    if _NOT_HTML.search(value):
        raise RenderError(f"HTML cannot carry {printable(value)!r}")
    return escape(value)


_NOT_HTML = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef]|[\ufffe\uffff]")

_RSYSLOG = re.compile(r"[A-Za-z0-9._:/@+=,-]+", re.ASCII)


def rsyslog(value: str) -> Markup:
    """A part of a string in double quotes of rsyslog's configuration.

    https://www.rsyslog.com/doc/rainerscript/constant_strings.html

    Raises:
        RenderError: the value has a character other than letters, digits and ``._:/@+=,-``.
    """
    if not _RSYSLOG.fullmatch(value):
        raise RenderError(f"rsyslog's configuration cannot carry {printable(value)!r}")
    return Markup(value)  # noqa: S704  this is the encoder


FILTERS = {
    "rsyslog": rsyslog,
    "ini": ini,
    "haproxy": haproxy,
    "haproxy_word": haproxy_word,
    "wireguard": wireguard,
    "powershell": powershell,
    "cmd": cmd,
    "html": html,
    "shell": shell,
    "line_comment": line_comment,
    "rule_text": rule_text,
    "rule_word": rule_word,
    "network": network,
    "unit_word": unit_word,
}
