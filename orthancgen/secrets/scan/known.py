"""Values of secrets that environments of this machine use, in every form in which a file may hold them."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from orthancgen.secrets.scan.leak import KNOWN, Span
from orthancgen.secrets.store import KNOWN_DEFAULTS, SecretStore

_SHORTEST: Final = 8
"""Shorter values stand in texts by chance; so do the customary ones, which have a rule of their own."""
_LARGEST_FILE: Final = 64 * 1024
_DEFAULTS: Final = frozenset(value.casefold() for value in KNOWN_DEFAULTS)


@dataclass(frozen=True, slots=True)
class Form:
    """One form of one value, and what it is a form of."""

    text: str
    name: str
    environment: str
    how: str


@dataclass(frozen=True, slots=True)
class KnownValues:
    """What is looked for, and what could not be read.

    Attributes:
        values: how many values are looked for.
        environments: those that they are of.
        unreadable: folders that this user may not read.
    """

    forms: tuple[Form, ...] = field(default=(), repr=False)
    values: int = 0
    environments: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()

    def find(self, text: str) -> Iterator[Span]:
        """Every place in a text that holds a value."""
        for form in self.forms:
            at = text.find(form.text)
            while at >= 0:
                what = f"the value of the secret {form.name} of the environment {form.environment}{form.how}"
                yield Span(KNOWN, at, at + len(form.text), what)
                at = text.find(form.text, at + len(form.text))

    def find_in_bytes(self, content: bytes) -> Iterator[Span]:
        """As `find`, in a binary file; the place is the offset of a byte."""
        yield from self.find(content.decode("latin-1"))


def known_values(state_root: Path) -> KnownValues:
    """Read the secrets of every environment below a folder of state folders, as far as this user may.

    Reads nothing else, and fails on nothing: what cannot be read is told by `unreadable`.
    """
    forms: dict[str, Form] = {}
    environments: list[str] = []
    unreadable: list[str] = []
    values = 0
    for folder in _children(state_root, unreadable):
        found = list(_of_environment(folder, unreadable))
        if found:
            environments.append(folder.name)
        for name, value in found:
            if len(value) < _SHORTEST or value.casefold() in _DEFAULTS:
                continue
            values += 1
            for text, how in forms_of(value):
                forms.setdefault(text, Form(text, name, folder.name, how))
    return KnownValues(tuple(forms.values()), values, tuple(environments), tuple(unreadable))


def _of_environment(folder: Path, unreadable: list[str]) -> Iterator[tuple[str, str]]:
    store = SecretStore(folder / "secrets")
    files = [*_children(store.folder, unreadable), *_children(store.next_folder, unreadable)]
    for parent in (store.authorities, *_children(store.authorities, unreadable)):
        files += [path for path in _children(parent, unreadable) if path.suffix == ".pem"]
    for path in files:
        try:
            if not path.is_file() or path.stat().st_size > _LARGEST_FILE:
                continue
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        except OSError:
            unreadable.append(str(path))
            continue
        name = f"ca/{path.stem}" if path.suffix == ".pem" else path.name
        yield from ((name, value) for value in _values(text))


def _children(folder: Path, unreadable: list[str]) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        unreadable.append(str(folder))
        return []


def _values(text: str) -> list[str]:
    """What is secret in the file of a secret: of PEM one line of each private key, else the text."""
    if "-----BEGIN " not in text:
        return [text.strip("\r\n")]
    keys: list[str] = []
    for block in text.split("-----BEGIN ")[1:]:
        kind, _, rest = block.partition("-----")
        if kind.endswith("PRIVATE KEY"):
            lines = [line.strip() for line in rest.partition("-----END ")[0].splitlines() if len(line.strip()) >= 40]
            # The first line begins with what kind of key it is: the second has more of the key itself.
            keys += lines[1:2] or lines[:1]
    return keys


def forms_of(value: str) -> Iterator[tuple[str, str]]:
    """A value as it is, quoted for other syntaxes, and in base64 wherever in a longer text it begins."""
    yield value, ""
    yield json.dumps(value)[1:-1], " (quoted for JSON)"
    yield json.dumps(value, ensure_ascii=False)[1:-1], " (quoted for JSON)"
    yield json.dumps(value)[1:-1].replace("$", "\\u0024"), " (quoted for JSON)"
    yield quote(value, safe=""), " (quoted for an address)"
    yield quote(value), " (quoted for an address)"
    yield html.escape(value), " (quoted for HTML)"
    yield value.replace("'", "'\\''"), " (quoted for a shell)"
    yield value.replace("$", "$$"), " (quoted for Compose)"
    content = value.encode("utf-8", "surrogatepass")
    yield content.hex(), " (in hexadecimal digits)"
    yield content.hex().upper(), " (in hexadecimal digits)"
    for offset in range(3):
        # Three bytes are four characters: depending on where it begins, a text has one of three forms, of which the
        # characters at both ends also hold bits of what stands beside it.
        encoded = base64.b64encode(b"\0" * offset + content).decode("ascii")
        inner = encoded[math.ceil(offset * 8 / 6) : (offset + len(content)) * 8 // 6]
        yield inner, " (in base64)"
        yield inner.replace("+", "-").replace("/", "_"), " (in base64)"
