"""What would be upgraded: the settings that each version would read, and what runs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from orthancgen.foreign.model import OrthancPart
from orthancgen.site.problems import KeyPath, Mark

_SHORT_FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "DicomModalities": ("AET", "Host", "Port", "Manufacturer"),
    "OrthancPeers": ("Url", "Username", "Password"),
}
"""Sections whose entries may be lists, with the names of their items."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is decided: the place in a file, and the key path there."""

    mark: Mark | None
    path: KeyPath


def _as_it_stands(path: KeyPath) -> Place:
    return Place(None, path)


@dataclass(frozen=True, slots=True)
class Subject:
    """An Orthanc with its settings. For a configuration that is not ours, `before` and `after` are the same.

    Attributes:
        name: as it is called in the report.
        before: the settings as the version that runs reads them, defaults of its image included.
        after: the settings as the other version would read them. Values of ``RegisteredUsers`` are not looked at.
        managed: orthancgen renders the settings, anew for each version, and starts Orthanc without its image's script.
        image, image_after: Orthanc's image, now and then; "" where there is none.
        variables: names of the variables that the image is given.
        lua: names of Lua's callbacks and functions that scripts define or call.
        database, database_after: version of MongoDB now and then as ``8.0.17``, or "".
        place: where a path of the settings is decided.
    """

    name: str
    before: Mapping[str, Any] = field(repr=False)
    after: Mapping[str, Any] = field(repr=False)
    managed: bool = False
    image: str = ""
    image_after: str = ""
    variables: frozenset[str] = frozenset()
    lua: frozenset[str] = frozenset()
    database: str = ""
    database_after: str = ""
    place: Callable[[KeyPath], Place] = _as_it_stands


def of_settings(name: str, settings: Mapping[str, Any], *, image: str = "") -> Subject:
    """The subject of any configuration of Orthanc, as JSON gives it."""
    return Subject(name, settings, settings, image=image, image_after=image)


def of_part(part: OrthancPart, *, image: str = "", variables: Iterable[str] = (), lua: Iterable[str] = ()) -> Subject:
    """The subject of an Orthanc that was read of somebody else's files.

    Args:
        part: its configuration, merged.
        image: the image that it runs in, or "".
        variables: names of the variables that the image is given.
        lua: names that its scripts define or call.
    """
    plain = part.tree.plain()
    # The image's own plugins are there in each of its tags.
    added = {key: value for key, value in part.image_defaults.items() if key != "Plugins"}
    settings = {**added, **(plain if isinstance(plain, dict) else {})}
    if part.users_elsewhere:
        settings.setdefault("RegisteredUsers", {"(elsewhere)": ""})

    def place(path: KeyPath) -> Place:
        node, depth = part.tree.find(path)
        return Place(node.key_mark or node.mark if depth else None, path)

    return Subject(
        part.name,
        settings,
        settings,
        image=image,
        image_after=image,
        variables=frozenset(variables),
        lua=frozenset(lua),
        place=place,
    )


def plugins_of(settings: Mapping[str, Any]) -> frozenset[str]:
    """Which plugins the settings load or configure, of those that changes are known of."""
    listed = settings.get("Plugins")
    names = " ".join(str(one) for one in listed) if isinstance(listed, list) else ""
    return frozenset({"dicomweb"} if "DicomWeb" in settings or "dicomweb" in names.lower() else ())


def long_form(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with each modality and peer as an object; one that is neither form stays as it is."""
    result = dict(settings)
    for section, names in _SHORT_FORMS.items():
        entries = settings.get(section)
        if isinstance(entries, Mapping):
            result[section] = {
                name: dict(zip(names, entry, strict=False)) if isinstance(entry, list | tuple) else entry
                for name, entry in entries.items()
            }
    return result
