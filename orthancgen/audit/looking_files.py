"""Files across a set-up: which file of the host a container's path is."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeFile, ComposeService

_DEFAULT = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*:?-([^{}$]*)\}")


def beside(file: str, source: str) -> str:
    """A path that a file names, seen from where the file's own name is seen from; variables by their defaults."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(_slashes(file)), _slashes(_DEFAULT.sub(r"\1", source))))


def _slashes(path: str) -> str:
    return path.replace("\\", "/")


def same_file(one: str, other: str) -> bool:
    """Whether two names lead to one file, as far as names tell."""
    return posixpath.normpath(_slashes(one)) == posixpath.normpath(_slashes(other))


def in_container(compose: ComposeFile, service: ComposeService) -> Iterator[tuple[str, str]]:
    """What a container sees of the host's files: its path in the container, and the file or folder of the host."""
    for mount in service.mounts:
        if mount.kind == "bind" and mount.source:
            yield posixpath.normpath(mount.target), beside(compose.file, mount.source)
    for section, folder in (("secrets", "/run/secrets"), ("configs", "")):
        yield from _handed_out(compose, service, section, folder)


def _handed_out(compose: ComposeFile, service: ComposeService, section: str, folder: str) -> Iterator[tuple[str, str]]:
    plain = service.node.plain()
    entries = plain.get(section) if isinstance(plain, dict) else None
    sources, depth = compose.tree.find((section,))
    known = sources.plain() if depth == 1 else {}
    for entry in entries if isinstance(entries, list) else ():
        name = str(entry.get("source", "")) if isinstance(entry, dict) else str(entry)
        target = str(entry.get("target") or name) if isinstance(entry, dict) else name
        source = known.get(name) if isinstance(known, dict) else None
        file = source.get("file") if isinstance(source, dict) else None
        if isinstance(file, str):
            yield posixpath.normpath(posixpath.join(folder or "/", target)), beside(compose.file, file)


def host_file(subject: Subject, service: ComposeService | None, path: str, beside_file: str) -> str:
    """The file of the host that a program means by a path.

    Args:
        subject: with the compose files.
        service: its container, or None where it runs on the host.
        path: as it is written.
        beside_file: the file in which that stands: a relative path is looked for beside it.
    """
    if service is None:
        return beside(beside_file, path)
    wanted = posixpath.normpath(_slashes(path))
    for compose, one in subject.services:
        if one is service:
            for inside, outside in sorted(in_container(compose, service), key=lambda pair: -len(pair[0])):
                if wanted == inside:
                    return outside
                if wanted.startswith(f"{inside}/"):
                    return posixpath.join(outside, wanted[len(inside) + 1 :])
    return wanted


def container_with(subject: Subject, file: str) -> ComposeService | None:
    """The container that sees a file of the host; None where none does."""
    for compose, service in subject.services:
        for _, outside in in_container(compose, service):
            if same_file(outside, file) or _slashes(file).startswith(f"{outside.rstrip('/')}/"):
                return service
    return None
