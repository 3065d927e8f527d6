"""What people and spreadsheets write for the fields of a modality, as values of the model, or what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic import TypeAdapter, ValidationError

from orthancgen.site.dicom import Command
from orthancgen.site.explain import did_you_mean, message_and_hint
from orthancgen.site.modalities import Modality, Vendor
from orthancgen.site.model import Site
from orthancgen.site.problems import printable
from orthancgen.site.types import ModalityName

COMMANDS: Final[tuple[str, ...]] = get_args(Command)
VENDORS: Final[tuple[str, ...]] = get_args(Vendor)
_YES: Final = frozenset({"yes", "y", "true", "1", "on", "x", "tls", "ja", "j", "wahr", "oui", "o", "vrai"})
_NO: Final = frozenset({"no", "n", "false", "0", "off", "none", "plain", "nein", "falsch", "non", "faux"})
_NOTHING: Final = frozenset({"", "-", "n/a", "none", "null"})
_COMMAND_WORDS: Final[Mapping[str, str]] = {
    "send": "store", "storage": "store", "verification": "echo", "query": "find", "retrieve": "move",
    "mwl": "find_worklist", "worklist": "find_worklist", "commitment": "storage_commitment",
    "storage_commit": "storage_commitment",
}  # fmt: skip
"""Other words for the commands; PS3.4 and PS3.7 name the services."""
_VENDOR_WORDS: Final[Mapping[str, str]] = {
    "fuji": "fujifilm", "ge": "ge", "general": "ge", "gehc": "ge", "healthineers": "siemens", "toshiba": "canon",
    "3d": "slicer", "slicer": "slicer", "dcm4chee": "dcm4che",
    **{vendor: vendor for vendor in VENDORS},
}  # fmt: skip
"""First words by which vendors and programs are known, in lower case."""
_STAND_INS: Final[Mapping[str, Any]] = {"aet": "STAND_IN", "address": "192.0.2.1"}
"""Required fields, where only others are judged."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """A value that is no such field.

    Attributes:
        field: which; "name" for the modality's own name.
        message: what is wrong.
        hint: what to write, or None.
        severity: error; a warning where a value is taken for something else than what is written.
    """

    field: str
    message: str
    hint: str | None = None
    severity: Any = "error"


def is_nothing(text: str) -> bool:
    """Whether a cell says that there is nothing."""
    return text.strip().lower() in _NOTHING


def read_field(field: str, text: str) -> tuple[Any, Wrong | None]:
    """A field of its text; judged by `wrong_fields` together with the others.

    Returns:
        The value, or None where there is none; and what is wrong.
    """
    reader = _READERS.get(field)
    return reader(text.strip()) if reader else (text.strip(), None)


def wrong_fields(name: str, fields: Mapping[str, Any], *, complete: bool) -> list[Wrong]:
    """What the model refuses in the fields of one modality.

    Args:
        name: of the modality.
        fields: as `read_field` gives them.
        complete: an entry of its own, that has all that is required.
    """
    found = []
    try:
        TypeAdapter(ModalityName).validate_python(name)
    except ValidationError as error:
        found.append(Wrong("name", message_and_hint(error.errors()[0], Site)[0]))
    try:
        Modality.model_validate(fields if complete else {**_STAND_INS, **fields})
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            field = str(detail["loc"][0])
            detail["loc"] = ("modalities", name, *detail["loc"])
            message, hint = message_and_hint(detail, Site)
            found.append(Wrong(field, message, hint))
    return found


def _port(text: str) -> tuple[Any, Wrong | None]:
    if re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) and (text == "0" or text[0] != "0"):
        return int(text), None
    return None, Wrong("port", f'"{printable(text, 60)}" is no port', "digits only, such as 104")


def _tls(text: str) -> tuple[Any, Wrong | None]:
    word = text.casefold()
    if word in _YES or word in _NO:
        return word in _YES, None
    return None, Wrong("tls", f'"{printable(text, 60)}" is neither yes nor no', "write yes or no")


def _may(text: str) -> tuple[Any, Wrong | None]:
    words = [word for word in re.split(r"[,;+/|\s]+", text.casefold()) if word]
    commands = []
    for word in words[:64]:
        plain = word.removeprefix("c-").replace("-", "_")
        command = _COMMAND_WORDS.get(plain, plain)
        if command not in COMMANDS:
            hint = did_you_mean(command, COMMANDS)
            return None, Wrong("may", f'"{printable(word, 60)}" is none of: {", ".join(COMMANDS)}', hint)
        commands.append(command)
    return [*dict.fromkeys(commands)], None


def _vendor(text: str) -> tuple[Any, Wrong | None]:
    words = [word for word in re.split(r"[^a-z0-9]+", text[:200].casefold()) if word]
    known = [_VENDOR_WORDS[word] for word in words if word in _VENDOR_WORDS]
    if known:
        return known[0], None
    said = f'"{printable(text, 60)}" is no vendor with a sheet of its own: generic'
    return "generic", Wrong("vendor", said, f"there are: {', '.join(VENDORS)}", "warning")


_READERS: Final[Mapping[str, Callable[[str], tuple[Any, Wrong | None]]]] = {
    "port": _port,
    "tls": _tls,
    "may": _may,
    "vendor": _vendor,
}
