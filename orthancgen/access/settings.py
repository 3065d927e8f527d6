"""From Orthanc's keys back to those of the environment file, and to the line where each is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from orthancgen.access.model import Setting
from orthancgen.plan.gateway import plain_modalities
from orthancgen.render.orthanc_json import VERIFIER
from orthancgen.site.load import Loaded
from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath, printable
from orthancgen.site.settings import OWNED

_OF_MODALITY: Final[Mapping[str, str]] = {
    "AET": "aet",
    "Host": "address",
    "Port": "port",
    "Manufacturer": "manufacturer",
    "Timeout": "timeout_seconds",
    "UseDicomTls": "tls",
}
_ALLOW: Final = "Allow"


class Settings:
    """The settings of an environment with their places.

    Args:
        loaded: the environment as it was read.
        site: what it says.
    """

    def __init__(self, loaded: Loaded, site: Site) -> None:
        self._loaded = loaded
        self._site = site

    def of(self, *path: str | int) -> Setting:
        """A key of the environment file."""
        tree = self._loaded.tree
        if tree is None:
            return Setting(path, None)
        node, depth = tree.find(path)
        if depth < len(path):
            return Setting(path, None)
        mark = node.key_mark or node.mark
        return Setting(path, f"{printable(mark.file, 4096)}:{mark.line}")

    def of_orthanc(self, key: tuple[str, ...]) -> Setting:
        """The key of the environment file that says a key of orthanc.json."""
        return self.of(*self._path(key))

    def of_all(self, keys: Iterable[tuple[str, ...]]) -> tuple[Setting, ...]:
        """The keys of the environment file that say some keys of orthanc.json; each once."""
        return tuple(dict.fromkeys(self.of_orthanc(key) for key in keys))

    def _path(self, key: tuple[str, ...]) -> KeyPath:
        first, *rest = key
        if first == "DicomModalities" and rest:
            return self._of_modality(rest)
        if first in self._site.orthanc.settings or first not in OWNED:
            return ("orthanc", "settings", *key)
        return tuple(OWNED[first].split("."))

    def _of_modality(self, rest: list[str]) -> KeyPath:
        name = rest[0]
        holder: KeyPath = ("verification",) if name == VERIFIER else ("modalities", name)
        if len(rest) == 1:
            return holder
        if rest[1].startswith(_ALLOW):
            return (*holder, "may")
        if rest[1] == "Host" and name in plain_modalities(self._site):
            return ("dicom", "plain", "enabled")  # it is registered with the gateway's address
        return (*holder, _OF_MODALITY[rest[1]])
