"""Whom an Orthanc calls by HTTP: peers, DICOMweb servers, and what its scripts call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult

from orthancgen.audit.looking_hosts import split_url
from orthancgen.audit.subject import Orthanc
from orthancgen.site.problems import KeyPath, Mark


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that an Orthanc calls by HTTP.

    Attributes:
        words: what it is, such as ``the peer archive``.
        settings: its long form.
    """

    words: str
    url: SplitResult
    settings: Mapping[str, Any]
    mark: Mark
    path: KeyPath


def peers(orthanc: Orthanc) -> Iterator[Peer]:
    """The other Orthancs and the DICOMweb servers of a configuration."""
    if not orthanc.flag("OrthancPeersInDatabase"):
        yield from _in(orthanc, ("OrthancPeers",), "the peer")
    section = orthanc.values.get("DicomWeb")
    if isinstance(section, Mapping) and section.get("Enable") is not False and not section.get("ServersInDatabase"):
        yield from _in(orthanc, ("DicomWeb", "Servers"), "the DICOMweb server")


def _in(orthanc: Orthanc, path: tuple[str, ...], words: str) -> Iterator[Peer]:
    node, depth = orthanc.part.tree.find(path)
    entries = node.plain() if depth == len(path) else None
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        if isinstance(entry, list) and entry:
            settings: Mapping[str, Any] = dict(zip(("Url", "Username", "Password"), entry, strict=False))
            place = orthanc.place(*path, name, 0)
        elif isinstance(entry, dict):
            settings = entry
            place = orthanc.place(*path, name, "URL" if "URL" in entry else "Url")
        else:
            continue
        url = split_url(str(settings.get("Url", settings.get("URL", ""))))
        if url is not None:
            yield Peer(f"{words} {name}", url, settings, *place)
