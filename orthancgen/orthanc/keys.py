"""Every configuration key of Orthanc, by version, and what is wrong with a mapping of settings.

Orthanc looks up the keys that it knows and ignores all others without a word, so a misspelt key is a setting that does
nothing. A value of the wrong type stops it at the start ("must be a Boolean"), or fails with the first request where
Orthanc reads the key that late (DicomCheckModalityHost). Both are said here before a server sees the settings. The
facts are data: ``keys/*.json``, built by ``scripts/orthanc_keys.py`` from what the servers print, with the source of
each beside it.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from orthancgen.errors import InputError

_FOLDER: Final = Path(__file__).with_name("keys")
_LARGEST_INTEGER: Final = 2**31 - 1  # Orthanc reads each integer as a C int
_SYMBOLIC_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")

Path_ = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of Orthanc; ``mainline``, a build of the development branch, is newer than all others."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``1.12.7``, ``1.12`` or ``mainline``.

        Raises:
            ValueError: the text is no version of Orthanc.
        """
        if text.strip().lower().startswith("mainline"):
            return MAINLINE
        match = re.fullmatch(r"(\d{1,4})\.(\d{1,4})(?:\.(\d{1,4}))?", text.strip(), re.ASCII)
        if match is None:
            msg = f"{text[:40]!r} is no version of Orthanc, which reads as 1.12.7"
            raise ValueError(msg)
        return cls(*(int(part or 0) for part in match.groups()))

    def __str__(self) -> str:
        return "mainline" if self == MAINLINE else f"{self.major}.{self.minor}.{self.patch}"


MAINLINE: Final = Version(10_000, 0, 0)
SUPPORTED: Final = (Version(1, 10, 1), Version(1, 12, 7), Version(1, 13, 0))
"""The versions whose prints and programs were read. Those between them are known by the release notes."""


def named_version(text: str | None) -> Version | None:
    """The version that is asked for by its name; None without one.

    Raises:
        InputError: it is no version of Orthanc.
    """
    if text is None:
        return None
    try:
        return Version.parse(text)
    except ValueError as error:
        raise InputError(str(error), hint=f"those known best are {', '.join(map(str, SUPPORTED))}") from None


@dataclass(frozen=True, slots=True)
class Key:
    """A configuration key as one version of Orthanc knows it.

    Attributes:
        type: JSON types: boolean, integer, number, string, list, object.
        default: what Orthanc takes without the key, or None.
        since, until: the first and last version of Orthanc with the key; None means that all supported ones have it.
        plugin_since: the first version of the plugin with the key, or "".
        values: what is allowed, if not everything; ``any_case`` where upper and lower case do not matter.
        minimum, maximum: allowed too; they hold for each number where the key holds several.
        items: types of the items of a list, or of the values of an object whose names are free.
        members: the section that names the members of an object, or "".
        each: the section that describes each value of an object whose names are free, or "".
        secret: the value must not be shown.
        instead: what to do in a version that does not know the key, or "".
    """

    name: str
    section: str
    type: tuple[str, ...]
    default: object = None
    since: Version | None = None
    until: Version | None = None
    description: str = ""
    values: tuple[object, ...] = ()
    any_case: bool = False
    minimum: int | None = None
    maximum: int | None = None
    secret: bool = False
    note: str = ""
    instead: str = ""
    required: bool = False
    items: tuple[str, ...] = ()
    members: str = ""
    each: str = ""
    plugin_since: str = ""
    source: str = ""

    def known_in(self, version: Version) -> bool:
        """Whether that version of Orthanc knows the key."""
        return (self.since is None or self.since <= version) and (self.until is None or version <= self.until)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with settings: where (keys and indexes from the outside in), what, and what to do about it."""

    path: Path_
    message: str
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class _Section:
    """A section as its file has it: each key with its changes, and the types of further keys that it takes."""

    keys: Mapping[str, tuple[Key, tuple[tuple[Version, Mapping[str, Any]], ...]]]
    free: tuple[str, ...]


# Keys that people write and no version of Orthanc has: what the guides that recommend them mean is said another way.
_NEVER_EXISTED: Final[Mapping[str, tuple[str, str]]] = {
    "DicomCheckCallingAet": (
        "DicomCheckCallingAet exists in no version of Orthanc and does nothing: any calling AET is still accepted",
        "write `dicom: {ae_checks: {calling_aet: registered}}`, which refuses every AET that is not a modality",
    ),
    "RemoteAccessEnabled": (
        "RemoteAccessEnabled exists in no version of Orthanc and does nothing, although the Orthanc Book shows it",
        "the key is RemoteAccessAllowed",
    ),
}


def sections() -> tuple[str, ...]:
    """The names of all sections that the table describes, sorted."""
    return tuple(sorted(file.stem for file in _FOLDER.glob("*.json") if file.stem != "plugins"))


def keys_for(version: Version, section: str = "core") -> Mapping[str, Key]:
    """The keys that a version knows in a section, by name, in the order of Orthanc's own file.

    Args:
        version: the version of Orthanc.
        section: ``core`` for the top level, or one of `sections`.

    Raises:
        KeyError: there is no such section.
    """
    return _keys_for(version, section)


def plugin_sections() -> Mapping[str, str | None]:
    """The names that plugins read at the top level, each with the section that describes it, or None."""
    return {name: entry["keys"] for name, entry in _plugins().items()}


def check_settings(
    settings: Mapping[str, object], version: Version, *, section: str = "core", own_sections: Collection[str] = ()
) -> tuple[Problem, ...]:
    """Find every problem of settings for a version of Orthanc, in the order of the settings.

    Args:
        settings: what stands in the configuration file, as JSON would give it.
        version: the version of Orthanc that will read it.
        section: where the settings stand; ``core`` is the top level.
        own_sections: names at the top level that a site's own Lua or plugin reads, which are not looked into.
    """
    return tuple(each_problem(settings, version, section=section, own_sections=own_sections))


def each_problem(
    settings: Mapping[str, object], version: Version, *, section: str = "core", own_sections: Collection[str] = ()
) -> Iterator[Problem]:
    """As `check_settings`, one after the other: for who does not want to know of each of a hundred thousand."""
    return _check_section(settings, version, section, (), frozenset(own_sections))


# --- the table


@cache
def _plugins() -> Mapping[str, Mapping[str, Any]]:
    plugins: dict[str, Mapping[str, Any]] = json.loads((_FOLDER / "plugins.json").read_text(encoding="utf-8"))
    return MappingProxyType(plugins)


@cache
def _section(name: str) -> _Section:
    file = _FOLDER / f"{name}.json"
    if name == "plugins" or not file.is_file():
        raise KeyError(name)
    document = json.loads(file.read_text(encoding="utf-8"))
    return _Section({entry["name"]: _read_key(name, entry) for entry in document["keys"]}, tuple(document["free"]))


def _read_key(section: str, entry: Mapping[str, Any]) -> tuple[Key, tuple[tuple[Version, Mapping[str, Any]], ...]]:
    fields = {name: _frozen(name, value) for name, value in entry.items() if name not in {"changes", "printed"}}
    changes = sorted((Version.parse(since), change) for since, change in entry.get("changes", {}).items())
    return Key(section=section, **fields), tuple(changes)


def _frozen(name: str, value: Any) -> Any:
    if name in {"since", "until"}:
        return Version.parse(value)
    return tuple(value) if name in {"type", "items", "values"} else value


@cache
def _keys_for(version: Version, section: str) -> Mapping[str, Key]:
    result = {}
    for name, (key, changes) in _section(section).keys.items():
        if not key.known_in(version):
            continue
        for since, change in changes:
            if since <= version:
                key = replace(key, **{field: _frozen(field, value) for field, value in change.items()})
        result[name] = key
    return MappingProxyType(result)


# --- the check


def _check_section(
    settings: Mapping[str, object], version: Version, section: str, path: Path_, own: frozenset[str] = frozenset()
) -> Iterator[Problem]:
    known = _keys_for(version, section)
    plugins = _plugins() if section == "core" else {}
    for name, value in settings.items():
        here = (*path, name)
        if name in known:
            yield from _check_value(known[name], value, version, here)
        elif name in plugins:
            yield from _check_plugin(plugins[name], value, version, here)
        elif name not in own:
            yield from _check_unknown(name, value, version, section, here)
    yield from (
        Problem(path, f"{name} is missing", key.description)
        for name, key in known.items()
        if key.required and name not in settings and not (name == "Url" and "URL" in settings)
    )


def _check_plugin(plugin: Mapping[str, Any], value: object, version: Version, path: Path_) -> Iterator[Problem]:
    since = plugin.get("since")
    if since and version < Version.parse(since):
        yield Problem(path, f"{path[-1]} is not in Orthanc {version}: its plugin is new in {since}", None)
    elif _json_type(value) != plugin["type"]:
        yield Problem(path, f"{path[-1]} must be {_article(plugin['type'])}, not {_article(_json_type(value))}", None)
    elif plugin["keys"] and isinstance(value, Mapping):
        yield from _check_section(value, version, plugin["keys"], path)


def _check_unknown(name: object, value: object, version: Version, section: str, path: Path_) -> Iterator[Problem]:
    if not isinstance(name, str):
        yield Problem(path, f"a key must be a text, not {_article(_json_type(name))}", "put it into quotes")
        return
    if section == "core" and name in _NEVER_EXISTED:
        yield Problem(path, *_NEVER_EXISTED[name])
        return
    content = _section(section)
    if name in content.keys:
        yield _other_version(content.keys[name][0], version, path)
        return
    if name.startswith(("_", "//", "#", "$")):
        yield Problem(path, f"{_plain(name)} is no key of Orthanc", "write remarks as YAML comments, after #")
        return
    hint = _did_you_mean(name, version, section)
    if hint is None and _json_type(value) in content.free:
        return
    where = f"Orthanc {version}" if section == "core" else f"Orthanc's {section} section"
    message = f"{_plain(name)} is no key of {where}"
    yield Problem(path, message, hint or "Orthanc ignores an unknown key without a word: remove it")


def _other_version(key: Key, version: Version, path: Path_) -> Problem:
    if key.since is not None and version < key.since:
        message = f"{key.name} is not in Orthanc {version}: it is new in {key.since}"
        return Problem(path, message, key.instead or f"use Orthanc {key.since} or newer, or remove it")
    message = f"{key.name} is not in Orthanc {version}: {key.until} was the last version with it"
    return Problem(path, message, key.instead or "remove it")


def _did_you_mean(name: str, version: Version, section: str) -> str | None:
    keys = _section(section).keys
    candidates = [*keys, *(_plugins() if section == "core" else ())]
    same = [other for other in candidates if other.casefold() == name.casefold()]
    close = same or difflib.get_close_matches(name, candidates, n=1, cutoff=0.8)
    if close:
        key = keys[close[0]][0] if close[0] in keys else None
        new = f" (new in {key.since})" if key and key.since and version < key.since else ""
        case = "tells upper from lower case, and " if same else ""
        return f"did you mean {close[0]}{new}? Orthanc {case}ignores an unknown key without a word"
    if section != "core" and name in _keys_for(version, "core"):
        return f"{name} is a key of the top level: move it there"
    homes = {"modality": "an entry of DicomModalities", "peer": "an entry of OrthancPeers", "warnings": "Warnings"}
    for home, words in homes.items():
        if section == "core" and name in _keys_for(version, home):
            return f"{name} belongs into {words}"
    return None


def _check_value(key: Key, value: object, version: Version, path: Path_) -> Iterator[Problem]:
    kind = _json_type(value)
    if key.each and kind == "object" and isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _check_entry(key.each, name, entry, version, (*path, name))
    elif kind not in key.type and not (kind == "integer" and "number" in key.type):
        yield Problem(path, f"{key.name} must be {_types(key.type)}, not {_shown(key, value)}", _quotes(key, value))
    elif key.values and not any(_same(key, value, allowed) for allowed in key.values):
        yield Problem(
            path, f"{key.name} cannot be {_shown(key, value)}", f"one of {_list(key.values)}{_case(key, value)}"
        )
    elif kind == "integer" and isinstance(value, int):
        yield from _check_range(key, value, path)
    elif key.members and isinstance(value, Mapping):
        yield from _check_section(value, version, key.members, path)
    elif key.items and isinstance(value, Mapping):
        yield from _check_items(key, value.items(), path)
    elif key.items and isinstance(value, list | tuple):
        yield from _check_items(key, enumerate(value), path)


def _check_items(key: Key, items: Any, path: Path_) -> Iterator[Problem]:
    for position, item in items:
        if _json_type(item) not in key.items:
            message = f"{key.name} must hold {_types(key.items)} here, not {_shown(key, item)}"
            yield Problem((*path, position), message, _quotes(replace(key, type=key.items), item))
        elif isinstance(item, int) and not isinstance(item, bool):
            yield from _check_range(key, item, (*path, position))


def _check_range(key: Key, value: int, path: Path_) -> Iterator[Problem]:
    least = key.minimum if key.minimum is not None else -_LARGEST_INTEGER - 1
    most = key.maximum if key.maximum is not None else _LARGEST_INTEGER
    if not least <= value <= most:
        allowed = f"{least} to {most}" if key.maximum is not None else f"{least} or more, up to {_LARGEST_INTEGER}"
        yield Problem(path, f"{key.name} cannot be {value}", f"allowed: {allowed}")


def _check_entry(section: str, name: object, entry: object, version: Version, path: Path_) -> Iterator[Problem]:
    """Check one modality or one web server, in the short form (a list) or the long one (an object)."""
    if section != "dicomweb_server" and not (isinstance(name, str) and _SYMBOLIC_NAME.fullmatch(name)):
        yield Problem(
            path,
            f"Orthanc refuses the name {_plain(json.dumps(name, ensure_ascii=False, default=str))}",
            "use A-Z, a-z, 0-9, - and _ alone",
        )
    order = ("AET", "Host", "Port", "Manufacturer") if section == "modality" else ("Url", "Username", "Password")
    if isinstance(entry, Mapping):
        yield from _check_section(entry, version, section, path)
        yield from _check_text_port(entry.get("Port"), (*path, "Port")) if section == "modality" else ()
    elif isinstance(entry, list | tuple):
        if len(entry) not in ({3, 4} if section == "modality" else {1, 3}):
            lengths = "3 or 4" if section == "modality" else "1 or 3"
            yield Problem(path, f"a list here has {lengths} items, not {len(entry)}", f"they are {', '.join(order)}")
            return
        known = _keys_for(version, section)
        for index, (field, value) in enumerate(zip(order, entry, strict=False)):
            yield from _check_value(known[field], value, version, (*path, index))
            yield from _check_text_port(value, (*path, index)) if field == "Port" else ()
    else:
        yield Problem(
            path, f"must be an object or a list, not {_article(_json_type(entry))}", f"with {', '.join(order)}"
        )


def _check_text_port(value: object, path: Path_) -> Iterator[Problem]:
    """Orthanc takes a modality's port as a text as well."""
    if isinstance(value, str) and not (re.fullmatch(r"\d{1,5}", value, re.ASCII) and 1 <= int(value) <= 65534):
        yield Problem(
            path, f"Port cannot be the text {_plain(json.dumps(value, ensure_ascii=False))}", "allowed: 1 to 65534"
        )


# --- words


# bool is an int in Python: it comes first
_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (bool, "boolean"),
    (int, "integer"),
    (float, "number"),
    (str, "string"),
    (list, "list"),
    (tuple, "list"),
    (Mapping, "object"),
    (type(None), "null"),
)


def _json_type(value: object) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), type(value).__name__)


def _article(kind: str) -> str:
    words = {
        "integer": "an integer",
        "object": "an object",
        "null": "nothing",
        "boolean": "true or false",
        "string": "a text",
    }
    return words.get(kind, f"a {kind}")


def _types(kinds: Collection[str]) -> str:
    return " or ".join(_article(kind) for kind in kinds)


def _same(key: Key, value: object, allowed: object) -> bool:
    if key.any_case and isinstance(value, str) and isinstance(allowed, str):
        return value.casefold() == allowed.casefold()
    return type(value) is type(allowed) and value == allowed


def _plain(text: str) -> str:
    """A text of others for a message: on one line, nothing invisible, not long."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def _shown(key: Key, value: object) -> str:
    """Show a value in a message, unless it may be secret or long."""
    kind = _json_type(value)
    if key.secret or kind in {"list", "object", "null"} or kind not in {"boolean", "integer", "number", "string"}:
        return _article(kind)
    return ("the text " if kind == "string" else "") + _plain(json.dumps(value, ensure_ascii=False))


def _quotes(key: Key, value: object) -> str | None:
    """What to write where a value has the wrong type."""
    if isinstance(value, str) and not key.secret:
        plain = value.strip().lower()
        if "boolean" in key.type and plain in {"true", "false", "yes", "no", "on", "off"}:
            return f"write {'true' if plain in {'true', 'yes', 'on'} else 'false'}, without quotes"
        if "integer" in key.type and re.fullmatch(r"-?\d+", plain, re.ASCII):
            return f"write {plain}, without quotes"
    if "string" in key.type and _json_type(value) in {"integer", "number", "boolean"}:
        return "put it into quotes"
    if key.type == ("list",) and "string" in key.items and isinstance(value, str):
        return "put it into a list: [...]"
    if value is None:
        return "give it a value or remove it"
    return "Orthanc refuses to start on a value of the wrong type, or fails when it first reads it"


def _list(values: Collection[object]) -> str:
    return ", ".join(json.dumps(value) if not isinstance(value, str) else value for value in values)


def _case(key: Key, value: object) -> str:
    same = [allowed for allowed in key.values if str(allowed).casefold() == str(value).casefold()]
    return f"; did you mean {same[0]}? Orthanc tells upper from lower case" if same else ""
