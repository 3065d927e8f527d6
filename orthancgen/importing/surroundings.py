"""Where the imported Orthanc runs: which file of the host a path of it is, and how its ports are reached."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Literal

from orthancgen.foreign.compose_parts import granted, members, text
from orthancgen.foreign.model import ComposeFile, ComposeService, PublishedPort
from orthancgen.importing.fits import why_not
from orthancgen.site.types import AbsolutePath


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies around a configuration.

    Attributes:
        folder: absolute folder of the configuration, or of the compose file; "" where it is not known.
        compose: the compose file that it is part of.
        service: its service there.
    """

    folder: str = ""
    compose: ComposeFile | None = None
    service: ComposeService | None = None

    @property
    def runtime(self) -> Literal["native", "compose"]:
        """How orthancgen runs it: in containers where it has an image that can be named."""
        return "compose" if self.service is not None and self.service.image else "native"

    def on_host(self, path: str) -> str | None:
        """The path on the host of a file or folder that Orthanc names; None where it cannot be known.

        In a container that is what is mounted there. Relative paths are taken as Orthanc takes that of its certificate:
        from the folder of the configuration.
        """
        native = path if path.startswith("/") else self._below(path)
        found = native if self.service is None else self._mounted(path)
        if found is None:
            return None
        found = posixpath.normpath(found)
        found = found[1:] if found.startswith("//") else found
        return None if why_not(AbsolutePath, found) else found

    def volume_of(self, path: str) -> str | None:
        """The named volume of the engine in which a path of a container lies, "" for an anonymous one; else None."""
        for mount in self._mounts(path):
            return mount[0] if mount[2] == "volume" else None
        return None

    def published(self, port: int) -> tuple[PublishedPort, ...]:
        """How a TCP port of the container is reached on the host."""
        if self.service is None:
            return ()
        return tuple(one for one in self.service.ports if one.container_port == port and one.protocol == "tcp")

    def _below(self, path: str) -> str | None:
        if not self.folder or not path or re.match(r"[A-Za-z]:[\\/]|\\\\", path) or "\\" in path:
            return None  # Windows
        return posixpath.join(self.folder, path)

    def _mounts(self, path: str) -> list[tuple[str, str, str]]:
        """Source, rest of the path and kind of what is mounted at a path of the container, the innermost first."""
        service = self.service
        if service is None:
            return []
        path = posixpath.normpath(path)
        found: list[tuple[str, str, str]] = []
        for mount in sorted(service.mounts, key=lambda one: -len(one.target)):
            target = mount.target.rstrip("/")
            if path == target or path.startswith(f"{target}/"):
                found.append((mount.source, path[len(target) :].lstrip("/"), mount.kind))
        return found

    def _mounted(self, path: str) -> str | None:
        if not path.startswith("/"):
            return None
        for source, rest, kind in self._mounts(path):
            if kind != "bind":
                return None
            base = source if source.startswith("/") else self._below(source)
            return None if base is None else posixpath.join(base, rest) if rest else base
        return self._secret_file(path)

    def _secret_file(self, path: str) -> str | None:
        """The file of a secret or config of the compose file that the service is given at a path."""
        top = self.compose.tree.value if self.compose is not None else None
        if self.service is None or not isinstance(top, dict):
            return None
        for key in ("secrets", "configs"):
            for name, target, _ in granted(self.service.node, "secrets" if key == "secrets" else "configs"):
                file = text(members(members(top.get(key)).get(name)).get("file"))
                if posixpath.normpath(target) == posixpath.normpath(path) and file:
                    return file if file.startswith("/") else self._below(file)
        return None
