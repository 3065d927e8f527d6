"""The settings of an Orthanc's admission that do nothing, or another thing than they say, by kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from orthancgen.audit.looking_dicom import open_commands
from orthancgen.audit.subject import Orthanc
from orthancgen.orthanc.access import ALLOW, DeadSetting, dead_settings
from orthancgen.orthanc.admission.configuration import ascii_lower
from orthancgen.orthanc.keys import SUPPORTED, keys_for

Kind = Literal["host", "shared", "overruled", "unknown", "other"]
_AT_A_TIME: Final = 100
"""So many modalities are judged together: each is compared with all others, and a file may have thousands."""


def dead(orthanc: Orthanc, kind: Kind) -> list[DeadSetting]:
    """The dead settings of one kind.

    Args:
        orthanc: whose settings.
        kind: ``host``: a modality's Host that is no address; ``shared``: an AE title that another modality has;
            ``overruled``: by a command that is open to everybody; ``unknown``: a key that the version does not have;
            ``other``: everything else.
    """
    return [one for one in _all(orthanc) if _kind(orthanc, one) == kind]


@lru_cache(maxsize=8)
def _all(orthanc: Orthanc) -> tuple[DeadSetting, ...]:
    version = max(orthanc.version, SUPPORTED[0])  # what is known of admission begins there
    configuration = {**orthanc.part.image_defaults, **orthanc.values}
    entries = configuration.get("DicomModalities")
    if not isinstance(entries, Mapping) or len(entries) <= _AT_A_TIME:
        return dead_settings(configuration, version)
    parts = ({**configuration, "DicomModalities": some} for some in _parts(entries))
    return tuple(dict.fromkeys(one for part in parts for one in dead_settings(part, version)))


def _parts(entries: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Modalities by some at a time; those with one AE title together, or each of them with the first one."""
    groups: dict[str, list[str]] = {}
    for name in sorted(entries):
        groups.setdefault(_title(name, entries[name]), []).append(name)
    part: dict[str, Any] = {}
    for first, *others in groups.values():
        for start in range(0, max(len(others), 1), _AT_A_TIME - 1):
            names = [first, *others[start : start + _AT_A_TIME - 1]]
            if len(part) + len(names) > _AT_A_TIME:
                yield part
                part = {}
            part |= {name: entries[name] for name in names}
    yield part


def _title(name: str, entry: Any) -> str:
    """What modalities with the same AE title have in common; the name where there is none."""
    title = entry.get("AET") if isinstance(entry, Mapping) else entry[0] if isinstance(entry, list) and entry else None
    return f"AET {ascii_lower(title)}" if isinstance(title, str) else f"name {name}"


def _kind(orthanc: Orthanc, one: DeadSetting) -> str:
    last = str(one.path[-1])
    in_modality = one.path[0] == "DicomModalities" and len(one.path) == 3
    if last not in keys_for(orthanc.version, "modality" if in_modality else "core"):
        return "unknown"
    if in_modality and last == "Host":
        return "host"
    if in_modality and last == "AET":
        return "shared" if "same AE title" in one.message else "other"
    opened = {key for command in open_commands(orthanc) for key in ALLOW[command]}
    if (in_modality and last in opened) or (one.path == ("DicomCheckModalityHost",) and open_commands(orthanc)):
        return "overruled" if orthanc.flag("DicomServerEnabled") else "other"
    return "other"
