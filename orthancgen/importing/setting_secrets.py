"""Secrets inside of settings: they stay out of the environment, which is no place for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from orthancgen.importing.draft import Draft
from orthancgen.importing.notes import Outcome
from orthancgen.orthanc.keys import MAINLINE, keys_for, sections
from orthancgen.site.problems import KeyPath

_CREDENTIAL: Final = re.compile(
    r"pas+w|pas+phrase|pwd|token|secret|credential|private_?key|api_?key|access_?key|connection_?(?:string|uri)|sas",
    re.IGNORECASE,
)
"""Names of keys that hold a secret in sections that are not described."""
_NO_SECRET: Final = re.compile(r"(?:File|Path|Enabled|Arguments|Headers?|Duration|Validity|Type)$")
_LOGIN: Final = re.compile(r"(?<=://)[^/\s@?#]+@")
_LONG_OF_LIST: Final = ("Url", "Username", "Password")
"""A peer or a DICOMweb server in its short form (OrthancConfiguration::WebServiceParameters)."""


def _described() -> frozenset[str]:
    return frozenset(name for section in sections() for name, key in keys_for(MAINLINE, section).items() if key.secret)


_SECRET_KEYS: Final = _described()


def without_secrets(draft: Draft, name: str, value: Any) -> Any:
    """The value of a setting without passwords, tokens and logins; each of them is noted, none is shown."""
    if name in ("OrthancPeers", "DicomWeb"):
        value = long_forms(name, value)
    if isinstance(value, str):
        return _text(draft, (name,), value) if name != "HttpProxy" else _proxy(draft, value)
    for path, holder, key in list(_secrets(value, (name,))):
        hint = "orthancgen gives Orthanc no secrets but those of its users and certificates"
        short = (*path[:-1], _LONG_OF_LIST.index(key)) if key in _LONG_OF_LIST else path
        place = path if draft.original.mark(*path) is not None else short
        draft.note(place, Outcome.LOST, "a secret is no part of an environment", hint=hint)
        del holder[key]
    for path, holder, at in list(_texts(value, (name,))):
        holder[at] = _text(draft, path, holder[at])
    return value


def long_forms(name: str, value: Any) -> Any:
    """Peers, or the DICOMweb servers in their section, each in the long form; changed in place."""
    servers = value.get("Servers") if name == "DicomWeb" and isinstance(value, dict) else value
    if isinstance(servers, dict):
        for key, entry in servers.items():
            if isinstance(entry, list) and len(entry) == 3:
                servers[key] = dict(zip(_LONG_OF_LIST, entry, strict=True))
            elif isinstance(entry, list) and len(entry) == 1:
                servers[key] = {"Url": entry[0]}
    return value


def _secrets(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, dict[str, Any], str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if item not in ("", None, {}, []) and not isinstance(item, bool) and is_secret(key):
                yield (*path, key), value, key
            else:
                yield from _secrets(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _secrets(item, (*path, index))


def is_secret(key: str) -> bool:
    """Whether what stands under a key of a section is a secret, by the table of keys or by its name."""
    return key in _SECRET_KEYS or (_CREDENTIAL.search(key) is not None and _NO_SECRET.search(key) is None)


def _texts(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any, str | int]]:
    items: Any = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if isinstance(item, str):
            yield (*path, key), value, key
        else:
            yield from _texts(item, (*path, key))


def _text(draft: Draft, path: KeyPath, text: str) -> str:
    """The text without the login of a URL."""
    shown = _LOGIN.sub("", text)
    if shown != text:
        draft.note(path, Outcome.LOST, "the login in the address is no part of an environment")
    return shown


def _proxy(draft: Draft, text: str) -> str:
    """`HttpProxy`: ``user:password@host:port``, with or without a scheme."""
    shown = text.rpartition("@")[2]
    if shown != text:
        draft.note("HttpProxy", Outcome.LOST, "the login of the proxy is no part of an environment")
    return shown
