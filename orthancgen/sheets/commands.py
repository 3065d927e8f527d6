"""The commands and scripts of a vendor's sheet, with the site's values, quoted for the language they are in. Pure."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from markupsafe import Markup

from orthancgen.errors import RenderError
from orthancgen.render.engine import render_template
from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.load import SCRIPTS
from orthancgen.sheets.sheet import Command, Message
from orthancgen.sheets.values import REPLACE, in_commands, rest_url, web_authority, web_user
from orthancgen.sheets.vendor import CommandSheet, Line, ScriptSheet, Vendor
from orthancgen.site.problems import printable

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")


def commands(vendor: Vendor, connection: Connection, site: SiteFacts) -> tuple[Command, ...]:
    """The vendor's commands and scripts that this caller may use and that work with this connection."""
    return (
        *(_command(one, connection, site) for one in vendor.commands if _works(one, connection, site)),
        *(_script(one, connection, site) for one in vendor.scripts if _permitted(one.needs, connection, site)),
    )


def _permitted(needs: str, connection: Connection, site: SiteFacts) -> bool:
    if needs == "web":
        return bool(site.web.users)
    if needs == "dicomweb":
        return bool(site.web.users) and site.web.dicomweb
    return needs in connection.may


def _works(command: CommandSheet, connection: Connection, site: SiteFacts) -> bool:
    return _permitted(command.needs, connection, site) and _applies(command.when, connection, site)


def _applies(when: str, connection: Connection, site: SiteFacts) -> bool:
    tls = connection.tls
    return {
        "always": True,
        "plain": tls is None,
        "tls": tls is not None,
        "client_certificate": tls is not None and tls.client_certificate,
        "no_client_certificate": tls is not None and not tls.client_certificate,
        "https": site.web.https,
    }[when]


def _command(command: CommandSheet, connection: Connection, site: SiteFacts) -> Command:
    values = in_commands(connection, site)
    argv = tuple(_put_in(one, values) for one in _arguments(command, connection, site))
    expected = None if command.expect_output is None else _put_in(command.expect_output, values)
    return Command(
        id=command.id,
        purpose=Message(command.purpose),
        language="sh",
        text=shlex.join(argv),
        argv=argv,
        success=Message(command.success),
        expect_exit=command.expect_exit,
        expect_output=expected,
        replace=_replaced(" ".join(argv), site),
        source=command.source,
        note=Message(command.note) if command.note else None,
    )


def _arguments(command: CommandSheet, connection: Connection, site: SiteFacts) -> Iterator[str]:
    for one in command.argv:
        if not isinstance(one, Line):
            yield one
        elif _applies(one.when, connection, site):
            yield from one.args


def _put_in(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)


def _script(script: ScriptSheet, connection: Connection, site: SiteFacts) -> Command:
    values = in_commands(connection, site)
    tls = connection.tls
    shows = tls is not None and tls.client_certificate
    quote = {"sh": _as_is, "powershell": _as_is, "python": python}[script.language]
    rendered = render_template(
        f"{SCRIPTS}/{script.id}",
        url=quote(f"{rest_url(site)}/instances"),
        user=quote(web_user(site) or "LOGIN"),
        authority=quote(site.web.authority) if site.web.authority else "",
        host=quote(connection.hosts[0]),
        port=connection.port,
        called_aet=quote(connection.called_aet),
        own_aet=quote(values["own_aet"]),
        tls=tls is not None,
        ca=quote(values["authority"]),
        certificate=quote(values["device_certificate"]) if shows else "",
        key=quote(values["device_key"]) if shows else "",
    )
    text = rendered.rstrip("\n")
    return Command(
        id=script.id,
        purpose=Message(script.purpose),
        language=script.language,
        text=text,
        argv=(),
        success=Message(script.success),
        expect_exit=0,
        expect_output=script.expect_output,
        replace=_replaced(text, site),
        source=script.source,
    )


def _as_is(value: str) -> str:
    """A value that the template's own filter quotes."""
    return value


def python(value: str) -> Markup:
    """A string of Python; those of JSON are written alike, as long as they are ASCII.

    Raises:
        RenderError: the value has a character other than printable ASCII.
    """
    if not value.isascii() or not value.isprintable():
        raise RenderError(f"a Python script cannot carry {printable(value)!r}")
    return Markup(json.dumps(value))  # noqa: S704  this is the encoder


def _replaced(text: str, site: SiteFacts) -> Mapping[str, Message]:
    """The placeholders that stand in a command as words of their own, and the file that it needs besides."""
    words = REPLACE if site.web.authority is None else {**REPLACE, site.web.authority: web_authority(site)}
    return {word: what for word, what in words.items() if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text)}
