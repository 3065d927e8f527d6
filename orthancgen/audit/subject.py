"""What rules look at: a target, with the effective value of each setting; and for an environment its model and plan."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from orthancgen.foreign.model import ComposeFile, ComposeService, OrthancPart, Target
from orthancgen.orthanc.admission.configuration import Access
from orthancgen.orthanc.keys import Version, keys_for
from orthancgen.plan.model import Plan
from orthancgen.site.model import Waiver
from orthancgen.site.problems import KeyPath, Mark, Problem, sort_problems

REMOTE_LOGIN_SINCE: Final = Version(1, 5, 8)


class Orthanc:
    """One Orthanc as it would run: each setting with the version's and the image's defaults. Absent is not safe."""

    def __init__(self, part: OrthancPart) -> None:
        self.part = part
        self.version = part.version

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The merged configuration without places."""
        plain = self.part.tree.plain()
        return plain if isinstance(plain, dict) else {}

    @cached_property
    def access(self) -> Access:
        """Orthanc's own reading of admission, the image's defaults included."""
        return Access({**self.part.image_defaults, **self.values}, self.version)

    def is_set(self, key: str) -> bool:
        """Whether a key is said in a file or a variable."""
        return key in self.values

    def get(self, key: str) -> Any:
        """The value that holds: what is said, else what the image, else what the version takes; None where unknown."""
        if key in self.values:
            return self.values[key]
        if key in self.part.image_defaults:
            return self.part.image_defaults[key]
        known = keys_for(self.version).get(key)
        return known.default if known is not None else None

    def flag(self, key: str) -> bool:
        """A boolean that holds; False where it is of another type, or the version does not know the key."""
        return self.get(key) is True and self.knows(key)

    def knows(self, key: str) -> bool:
        """Whether the version has the key."""
        return key in keys_for(self.version)

    def place(self, *path: str | int) -> tuple[Mark, KeyPath]:
        """Where a key path is written, or the nearest place that encloses it; and the path."""
        node, depth = self.part.tree.find(path)
        return (node.key_mark or node.mark if depth == len(path) else node.mark), path

    @property
    def remote(self) -> bool:
        """Whether Orthanc's REST API answers other hosts (RemoteAccessAllowed)."""
        return self.flag("RemoteAccessAllowed")

    @property
    def authentication(self) -> bool:
        """Whether a login is asked for: by default exactly where other hosts are answered, since 1.5.8."""
        said = self.get("AuthenticationEnabled")
        if isinstance(said, bool):
            return said
        return self.remote and self.version >= REMOTE_LOGIN_SINCE

    @property
    def users(self) -> Mapping[str, Any]:
        """The registered users with their passwords as written: never to be shown."""
        users = self.get("RegisteredUsers")
        return users if isinstance(users, Mapping) else {}

    @property
    def modalities(self) -> Iterator[tuple[str, Mapping[str, Any], KeyPath]]:
        """Name, long form and path of each modality that can be read."""
        entries = self.values.get("DicomModalities")
        for name, entry in entries.items() if isinstance(entries, Mapping) else ():
            path = ("DicomModalities", str(name))
            if isinstance(entry, list) and 3 <= len(entry) <= 4:
                yield str(name), dict(zip(("AET", "Host", "Port", "Manufacturer"), entry, strict=False)), path
            elif isinstance(entry, Mapping):
                yield str(name), entry, path


@dataclass(frozen=True)
class Subject:
    """One target of an audit.

    Attributes:
        target: what was read.
        plan: of an environment of ours; None for other people's files.
        today: the day by which certificates, waivers and ages are judged.
        said_by: for an environment: where in its YAML a place of the bundle is decided: (file, key path) -> place.
        waivers: of an environment: what it accepts.
        place_of: for an environment: where in its YAML a key is written.
    """

    target: Target
    plan: Plan | None = None
    today: datetime.date = field(default_factory=lambda: datetime.datetime.now(datetime.UTC).date())
    said_by: Callable[[str, KeyPath], tuple[Mark, KeyPath]] | None = None
    waivers: tuple[Waiver, ...] = ()
    place_of: Callable[[KeyPath], Mark | None] | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong with the files, those of each Orthanc and each compose file included."""
        target = self.target
        found = list(target.problems)
        for one in (target.orthancs, target.composes, target.firewalls, target.scripts, target.proxies):
            for part in one:
                found += part.problems
        return sort_problems(found)

    @cached_property
    def orthancs(self) -> tuple[Orthanc, ...]:
        """Every Orthanc of the target."""
        return tuple(Orthanc(part) for part in self.target.orthancs)

    @property
    def services(self) -> Iterator[tuple[ComposeFile, ComposeService]]:
        """Every service of every compose file."""
        for compose in self.target.composes:
            for service in compose.services.values():
                yield compose, service

    def service_of(self, orthanc: Orthanc) -> ComposeService | None:
        """The container in which an Orthanc runs, where that is known."""
        for _, service in self.services:
            if orthanc.part.service and service.name == orthanc.part.service:
                return service
        return None
