"""What was read of other people's files: one type a kind of file, each value with its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import KeyPath, Mark, Problem
from orthancgen.site.tree import Node

Publisher = Literal["orthancteam", "jodogne", "debian"]
"""Whose image of Orthanc it is; `debian` for every other one."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A remark in a configuration: its text without the signs around it, and the value that it stands at."""

    text: str
    mark: Mark
    path: KeyPath


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON file as Orthanc reads it (with comments).

    Attributes:
        tree: the value with the place of each part; None where it cannot be read at all.
        problems: syntax errors, and keys that stand twice (a warning: the last one counts, see `duplicates`).
        comments: every remark.
        text: the file as it is; secrets are in it.
    """

    file: str
    tree: Node | None
    problems: tuple[Problem, ...]
    comments: tuple[Comment, ...]
    text: str = field(repr=False)
    duplicates: tuple[tuple[KeyPath, Mark], ...] = ()


@dataclass(frozen=True, slots=True)
class OrthancPart:
    """One Orthanc's configuration: everything that it would read, merged as it or its image merges it.

    Attributes:
        name: how it is called in findings: the file, the folder, or ``docker-compose.yml: orthanc``.
        tree: the merged configuration with the place of each value: in a JSON file, or in a compose file's variables.
        version: the version that it is judged by.
        version_known: whether that version was named (option, image tag, environment); else the newest that is known.
        publisher: whose image it runs in; None for a native Orthanc.
        image_defaults: what the image adds where nothing is said (orthancteam/orthanc), by key.
        service: name of its service in a compose file, or "".
        users_elsewhere: users are registered in a file that is not here (a secret); their passwords are not known.
        documents: the files that were merged.
        problems: what was wrong with them: syntax, duplicate keys, the same key in two files, mistaken variables.
    """

    name: str
    tree: Node
    version: Version
    version_known: bool = True
    publisher: Publisher | None = None
    image_defaults: Mapping[str, Any] = field(default_factory=dict)
    service: str = ""
    users_elsewhere: bool = False
    documents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentValue:
    """A variable of a container: its value, where it is written, and the file it comes from.

    Attributes:
        value: None where it is not known: it comes from the environment in which Compose runs.
        block: line and column of the first character of a value that is written as a block of lines.
        from_variable: the value is not written here: it was put in for ``${...}``, from a file or a default.
    """

    name: str
    value: str | None
    mark: Mark
    path: KeyPath
    block: tuple[int, int] | None = None
    from_variable: bool = False


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of the host that leads into a container. ``host_address`` is "" where every address is meant."""

    host_address: str
    host_port: int | None
    container_port: int
    protocol: str
    mark: Mark
    path: KeyPath


@dataclass(frozen=True, slots=True)
class Mount:
    """What a container sees of a host's folder, a volume or a tmpfs. ``source`` is "" for an anonymous volume."""

    kind: Literal["bind", "volume", "tmpfs"]
    source: str
    target: str
    read_only: bool
    mark: Mark
    path: KeyPath


ServiceRole = Literal["orthanc", "mongo", "postgres", "proxy", "backend", "other"]
"""What a container is, by its image's name (and, for `backend`, because it uses the database or Orthanc)."""


@dataclass(frozen=True, slots=True)
class ComposeService:
    """A service of a compose file.

    Attributes:
        node: the service as it is written, ``extends`` within the file and merge keys resolved.
        image: as it is written; "" where it is built.
        environment: its variables, those of ``env_file`` included where the file is at hand.
        networks: names of its networks; ``("default",)`` where it names none.
        secrets: names of the secrets that it is given.
        built_from: the image that it is built from, where its Dockerfile is at hand.
        copied: files and folders that its Dockerfile puts into it: their paths here and there.
    """

    name: str
    role: ServiceRole
    image: str
    node: Node
    environment: Mapping[str, EnvironmentValue]
    ports: tuple[PublishedPort, ...]
    mounts: tuple[Mount, ...]
    networks: tuple[str, ...]
    secrets: tuple[str, ...]
    built_from: str = ""
    copied: tuple[tuple[str, str], ...] = ()

    @property
    def path(self) -> KeyPath:
        """Where it stands."""
        return ("services", self.name)


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """A compose file: its services, and its networks that lead nowhere outside (``internal: true``)."""

    file: str
    tree: Node
    services: Mapping[str, ComposeService]
    internal_networks: frozenset[str]
    problems: tuple[Problem, ...] = ()


FirewallKind = Literal[
    "nftables", "iptables", "ip6tables", "ufw", "firewalld", "windows", "aws", "google_cloud", "azure"
]
Hook = Literal["input", "forward", "any"]
"""Where a filter stands: in front of the host's own programs, in front of forwarded packets (published ports of
containers), or in front of everything (a cloud's firewall)."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A line of a firewall that lets TCP in.

    Attributes:
        sources: networks in CIDR form, ``any``, or what was written where it is neither (a name, a set).
        ports: the ports let in; empty for all.
        description: the comment or description of it.
        profiles: of Windows: domain, private, public, or any.
        edge: of Windows: edge traversal is allowed.
    """

    hook: Hook
    sources: tuple[str, ...]
    ports: tuple[tuple[int, int], ...]
    mark: Mark
    path: KeyPath = ()
    description: str = ""
    profiles: tuple[str, ...] = ()
    edge: bool = False


@dataclass(frozen=True, slots=True)
class FirewallFile:
    """Rules of a firewall as far as they concern what is let in by TCP.

    Attributes:
        families: which of IPv4 and IPv6 its rules cover.
        drops_by_default: what no filter lets in is dropped or rejected, for programs of the host.
        guards_forwarded: published ports of containers are filtered as well (DOCKER-USER, a forward hook that drops).
        lets_answers_in: packets of established connections pass.
        filters: in their order.
    """

    file: str
    kind: FirewallKind
    families: frozenset[Literal[4, 6]]
    drops_by_default: bool
    guards_forwarded: bool
    lets_answers_in: bool
    filters: tuple[Filter, ...]
    text: str = field(repr=False, default="")
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class LuaCall:
    """A call in a Lua script of a function that matters: its name, its literal arguments (None where computed)."""

    function: str
    arguments: tuple[str | float | None, ...]
    mark: Mark
    inside_pcall: bool


@dataclass(frozen=True, slots=True)
class LuaScript:
    """A Lua script of Orthanc: which callbacks it defines, what it calls. Comments count for nothing."""

    file: str
    callbacks: Mapping[str, Mark]
    calls: tuple[LuaCall, ...]
    names: frozenset[str]
    text: str = field(repr=False, default="")
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Directive:
    """A directive of nginx: its words, its block, and where it stands."""

    name: str
    arguments: tuple[str, ...]
    mark: Mark
    block: tuple[Directive, ...] = ()


@dataclass(frozen=True, slots=True)
class NginxFile:
    """A configuration of nginx, ``include`` followed where the files are at hand."""

    file: str
    directives: tuple[Directive, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class PemFile:
    """A PEM file: certificates, and whether there is a private key in it."""

    file: str
    content: bytes = field(repr=False)
    mode: int | None = None


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file that holds, or seems to hold, a secret: its mode and what git says of it.

    Attributes:
        mode: permission bits; None where the platform has none.
        folder_mode: those of its folder.
        tracked: whether git tracks it; None outside a checkout.
        ignored: whether git ignores it; None outside a checkout.
        age_days: since it was last changed; None where that is not to be judged.
    """

    file: str
    mode: int | None
    folder_mode: int | None
    tracked: bool | None
    ignored: bool | None
    age_days: float | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """Everything that was read of one target, by kind; and the text of each file for excerpts, secrets hidden.

    Attributes:
        name: as it was given.
        root: folder against which the names of files are relative in reports.
        texts: file -> its text, every character of a secret replaced by `problems.HIDDEN`.
        raw: file -> its text as it is, for the rules that look for secrets; never shown.
    """

    name: str
    root: str
    orthancs: tuple[OrthancPart, ...] = ()
    composes: tuple[ComposeFile, ...] = ()
    firewalls: tuple[FirewallFile, ...] = ()
    scripts: tuple[LuaScript, ...] = ()
    proxies: tuple[NginxFile, ...] = ()
    pems: tuple[PemFile, ...] = ()
    secret_files: tuple[SecretFile, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    raw: Mapping[str, str] = field(default_factory=dict, repr=False)
    problems: tuple[Problem, ...] = ()
