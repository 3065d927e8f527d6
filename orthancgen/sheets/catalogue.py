"""Texts of the sheets in each language: gettext catalogues in `languages/*.po`, read when they are needed.

English is the source: the English text is the key, and stands wherever a translation is missing or marked as fuzzy.
`scripts/catalogues.py` collects the keys. The file format: https://www.gnu.org/software/gettext/manual/ (PO Files).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from babel.dates import format_date
from babel.messages.pofile import read_po

from orthancgen.errors import InputError
from orthancgen.sheets.sheet import Message

LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "de": "Deutsch", "fr": "Français"}
"""Languages of the sheets by their code (RFC 5646), each in its own words."""

FOLDER: Final = Path(__file__).resolve().parent / "languages"
_LOCALES: Final[Mapping[str, str]] = {"en": "en_GB"}
"""Where a language's dates are those of one of its countries (CLDR): in Britain the day comes before the month."""
_PLACEHOLDER: Final = re.compile(r"\{([a-z][a-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a sentence.

    Attributes:
        text: the words, with the values in place.
        code: whether it stood between backticks: a command, a file, a key.
    """

    text: str
    code: bool = False


Inline = tuple[Piece, ...]
"""A sentence in pieces; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language.

    Attributes:
        language: its code.
        entries: translation of each English text; empty for English.
    """

    language: str
    entries: Mapping[str, str]

    def text(self, message: Message | str) -> str:
        """The sentence in this language, its backticks as they are.

        A value is put in as it stands: a brace or a backtick within it means nothing.
        """
        template, values = self._parts(message)
        return _filled(template, values)

    def pieces(self, message: Message | str) -> Inline:
        """The sentence in this language, cut at its backticks."""
        template, values = self._parts(message)
        parts = template.split("`")
        if len(parts) % 2 == 0:  # one backtick without its other
            parts = [template]
        return tuple(Piece(_filled(part, values), index % 2 == 1) for index, part in enumerate(parts) if part)

    def date(self, iso: str) -> str:
        """A day of the calendar in words, from ``2027-06-30``; as it stands where it is no such day."""
        try:
            day = date.fromisoformat(iso)
        except ValueError:
            return iso
        return format_date(day, format="long", locale=_LOCALES.get(self.language, self.language))

    def _parts(self, message: Message | str) -> tuple[str, Mapping[str, str]]:
        text, values = (message, {}) if isinstance(message, str) else (message.text, message.values)
        return self.entries.get(text, text), values


def placeholders(text: str) -> frozenset[str]:
    """Names of the values that a text takes."""
    return frozenset(_PLACEHOLDER.findall(text))


@cache
def catalogue(language: str) -> Catalogue:
    """The catalogue of a language.

    Raises:
        InputError: there is none of this language.
    """
    if language not in LANGUAGES:
        known = ", ".join(LANGUAGES)
        raise InputError("there are no sheets in this language", hint=f"choose one of {known}")
    if language == "en":
        return Catalogue(language, {})
    with (FOLDER / f"{language}.po").open("rb") as file:
        messages = read_po(file, locale=language, charset="utf-8", ignore_obsolete=True, abort_invalid=True)
    return Catalogue(
        language,
        {
            one.id: one.string
            for one in messages
            if isinstance(one.id, str) and isinstance(one.string, str) and one.id and one.string and not one.fuzzy
        },
    )


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), template)
