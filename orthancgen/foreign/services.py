"""The Orthancs of a compose file: what each reads of what its container is given."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from orthancgen.foreign import compose_parts as parts
from orthancgen.foreign.configuration import Circumstances, InlineFile, Secret, files_of, read_part
from orthancgen.foreign.image_tags import Image
from orthancgen.foreign.model import ComposeFile, ComposeService, OrthancPart, Publisher
from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import Mark, Problem, printable
from orthancgen.site.tree import Node

CONFIGURATION: Final = "/etc/orthanc"
SECRETS: Final = "/run/secrets"


@dataclass(frozen=True, slots=True)
class ServiceParts:
    """An Orthanc of a compose file, and the files of the host that it reads."""

    part: OrthancPart
    files: tuple[Path, ...]


def read_services(
    compose: ComposeFile,
    folder: Path | None,
    *,
    version: Version | None = None,
    publisher: Publisher | None = None,
) -> list[ServiceParts]:
    """The configuration of each service that is an Orthanc.

    Args:
        compose: the file.
        folder: that of the file, against which its paths are; None where nothing is at hand.
        version: by which every Orthanc is judged, whatever its image says.
        publisher: whose image it is, whatever its name says.
    """
    return [
        _Reader(compose, service, folder).read(version, publisher)
        for service in compose.services.values()
        if service.role == "orthanc"
    ]


@dataclass(frozen=True, slots=True)
class _Given:
    """A file or folder in the container: its path there, and on the host where it is at hand."""

    target: str
    host: Path | None
    mark: Mark
    content: str | None = None
    secret: bool = False


class _Reader:
    def __init__(self, compose: ComposeFile, service: ComposeService, folder: Path | None) -> None:
        self.compose = compose
        self.service = service
        self.folder = folder
        self.given = list(self._given())
        self.problems: list[Problem] = []
        self.missing = False

    def read(self, version: Version | None, publisher: Publisher | None) -> ServiceParts:
        service = self.service
        image = Image.parse(service.built_from or service.image)
        publisher = publisher or image.publisher
        if publisher == "debian" and any(name.startswith("ORTHANC__") for name in service.environment):
            publisher = "orthancteam"
            first = next(one for name, one in service.environment.items() if name.startswith("ORTHANC__"))
            message = "the image is none that is known; its variables are read as orthancteam/orthanc reads them"
            self.problems.append(Problem(message, first.mark, first.path, None, "warning"))
        direct, wanted = self._command(publisher)
        paths, inline = self._configuration(wanted, team=publisher == "orthancteam" and not direct)
        secrets = tuple(self._secrets())
        around = Circumstances(
            service.environment,
            environment_complete=not any("env_file" in problem.path for problem in self._own_problems()),
            secrets=secrets,
            elsewhere=self.missing,
            started_directly=direct,
            own_file=publisher == "jodogne" and not self._replaced(),
            inline=tuple(inline),
        )
        part = read_part(
            paths,
            version=version or image.version,
            publisher=publisher,
            name=f"{self.compose.file}: {service.name}",
            service=service.name,
            circumstances=around,
        )
        if not paths and not inline:
            part.tree.mark = service.node.key_mark or service.node.mark
        used = (*paths, *(secret.path for secret in secrets if secret.path is not None))
        return ServiceParts(replace(part, problems=(*part.problems, *self.problems)), used)

    def _own_problems(self) -> Iterator[Problem]:
        yield from (p for p in self.compose.problems if p.path[:2] == ("services", self.service.name))

    # --- what the container is given

    def _given(self) -> Iterator[_Given]:
        for mount in self.service.mounts:
            if mount.kind != "tmpfs":
                host = self._host(mount.source) if mount.kind == "bind" else None
                yield _Given(posixpath.normpath(mount.target), host, mount.mark)
        build = parts.members(self.service.node).get("build")
        for source, target in self.service.copied:
            yield _Given(posixpath.normpath(target), _existing(source), (build or self.service.node).mark)
        top = self.compose.tree.value
        for key in ("secrets", "configs"):
            defined = parts.members(top.get(key)) if isinstance(top, dict) else {}
            for name, target, entry in parts.granted(self.service.node, "secrets" if key == "secrets" else "configs"):
                of = parts.members(defined.get(name))
                file = parts.text(of.get("file"))
                content = of.get("content")
                inline = content.value if content is not None and isinstance(content.value, str) else None
                mark = content.mark if inline is not None and content is not None else entry.mark
                host = self._host(file) if file else None
                yield _Given(posixpath.normpath(target), host, mark, inline, secret=key == "secrets")

    def _host(self, source: str) -> Path | None:
        if self.folder is None or not source or "$" in source:
            return None
        return _existing(self.folder / source)

    def _replaced(self) -> bool:
        """Whether the image's own orthanc.json lies under something that is mounted."""
        return any(given.target in (CONFIGURATION, f"{CONFIGURATION}/orthanc.json") for given in self.given)

    # --- what of it Orthanc reads

    def _command(self, publisher: Publisher | None) -> tuple[bool, list[str]]:
        """Whether Orthanc is started by itself, and the paths of its configuration in the container."""
        entrypoint = _words(parts.members(self.service.node).get("entrypoint"))
        command = _words(parts.members(self.service.node).get("command"))
        words = [*entrypoint, *command]
        program = next((i for i, word in enumerate(words[:4]) if posixpath.basename(word) == "Orthanc"), None)
        if program is not None:
            named = [word for word in words[program + 1 :] if not word.startswith("-")]
            return True, named
        named = [word for word in command if word.startswith("/")]
        if named and publisher != "orthancteam" and not entrypoint:
            return False, named
        return False, [CONFIGURATION]

    def _configuration(self, wanted: list[str], *, team: bool) -> tuple[list[Path], list[InlineFile]]:
        paths: list[Path] = []
        inline: list[InlineFile] = []
        for path in wanted:
            target = posixpath.normpath(path)
            for given in self.given:
                inside = posixpath.dirname(given.target) == target
                name = posixpath.basename(given.target)
                if given.target != target and not (inside and name.lower().endswith(".json")):
                    continue
                if given.content is not None:
                    inline.append(InlineFile(given.target, given.content, given.mark))
                elif given.host is None:
                    self._absent(given)
                elif given.host.is_dir() and given.target == target:
                    paths += files_of(given.host, team=team)
                elif given.host.is_file():
                    paths.append(given.host)
            paths += self._below_a_folder(target, team=team)
        return paths, inline

    def _below_a_folder(self, target: str, *, team: bool) -> Iterator[Path]:
        """The file or folder, where a folder around it is mounted."""
        if any(given.target == target for given in self.given):
            return
        around = [given for given in self.given if target.startswith(given.target.rstrip("/") + "/")]
        if not around:
            return
        nearest = max(around, key=lambda given: len(given.target))
        host = nearest.host / posixpath.relpath(target, nearest.target) if nearest.host is not None else None
        if host is not None and host.is_dir():
            yield from files_of(host, team=team)
        elif host is not None and host.is_file():
            yield host
        elif host is None:
            self._absent(nearest)

    def _absent(self, given: _Given) -> None:
        self.missing = True
        if given.secret:  # that it is not here is as it should be
            return
        message = f"what is mounted at {printable(given.target)} is not here: its settings are not known"
        hint = "audit it where the files are, or beside them"
        self.problems.append(Problem(message, given.mark, self.service.path, hint, "warning"))

    def _secrets(self) -> Iterator[Secret]:
        for given in self.given:
            if given.target == SECRETS and given.host is not None and given.host.is_dir():
                for entry in sorted(given.host.iterdir()):
                    if entry.is_file():
                        yield Secret(entry.name, entry, given.mark)
            elif posixpath.dirname(given.target) == SECRETS:
                file = given.host if given.host is not None and given.host.is_file() else None
                yield Secret(posixpath.basename(given.target), file, given.mark)


def _existing(path: str | Path) -> Path | None:
    try:
        return Path(path) if Path(path).exists() else None
    except (OSError, ValueError):
        return None


def _words(node: Node | None) -> list[str]:
    if node is None or node.value is None:
        return []
    if isinstance(node.value, list):
        return [parts.text(item) for item in node.value]
    try:
        return shlex.split(parts.text(node))
    except ValueError:
        return parts.text(node).split()
