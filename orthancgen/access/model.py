"""What the report of access consists of; values only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, Literal

from orthancgen.orthanc.access import Command, TlsKind
from orthancgen.orthanc.admission.configuration import TITLES
from orthancgen.site.problems import KeyPath

Step = Literal["firewall", "connection", "gateway", "tls", "association", "command"]
"""Where a call is decided, in the order in which it passes them; an allowed one is decided at ``command``."""
Called = Literal["own", "another"]
"""By which AE title Orthanc is called: its own, or any other."""
PlaceKind = Literal["own", "another_modality", "this_host", "elsewhere"]

EVERYBODY: Final = "everybody"
"""The caller of a row that holds for each caller alike."""
COMMANDS: Final[tuple[Command, ...]] = ("echo", "store", "find", "find_worklist", "get", "move", "storage_commitment")
TITLE: Final = "{title}"
"""Stands for the names of commands in a sentence."""
TLS_KINDS: Final[tuple[TlsKind, ...]] = ("trusted", "anonymous", "foreign", "plain")


@dataclass(frozen=True, slots=True)
class Setting:
    """A key of the environment file that decides.

    Attributes:
        path: the key.
        place: ``file:line`` where it is written; None where its default decides.
    """

    path: KeyPath
    place: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a caller calls from.

    Attributes:
        kind: its own address, that of another modality, this host, or any other.
        address: the address that was computed with; for ``elsewhere`` one that stands for all others.
        text: for people.
        firewall_sees: the address that this host's packet filter sees; None for calls of this host itself.
        orthanc_sees: the address that Orthanc, or the gateway before it, sees.
    """

    kind: PlaceKind
    address: str
    text: str
    firewall_sees: str | None
    orthanc_sees: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A port by which DICOM callers come in.

    Attributes:
        name: of the plan's listener.
        port: TCP port of this host.
        address: of this host on which it listens.
        tls: whether it speaks TLS.
        gateway: whether the gateway serves it, and goes on to Orthanc.
    """

    name: str
    port: int
    address: str
    tls: bool
    gateway: bool


@dataclass(frozen=True, slots=True)
class Row:
    """What comes of some calls that differ in nothing that counts: each combination of what is listed.

    Attributes:
        caller: name of the modality, of `orthancgen verify`, "anyone else", or "everybody" for each of them.
        calling_aet: the AE title with which it calls; for anyone else one that stands for all others; None: each.
        places: where it calls from.
        called: by which AE title it calls Orthanc.
        entry: the port.
        tls: how it connects.
        commands: what it asks for.
        allowed: whether it gets it.
        step: where that is decided.
        filters: labels of the firewall's filters that let an allowed caller in; none where none are written.
        settings: what decides, as keys of the environment file.
        orthanc_keys: the same as keys of orthanc.json, where Orthanc decides.
        sentence: why, in one sentence, with ``{title}`` where it names the commands.
    """

    caller: str
    calling_aet: str | None
    places: tuple[Place, ...]
    called: tuple[Called, ...]
    entry: Entry
    tls: tuple[TlsKind, ...]
    commands: tuple[Command, ...]
    allowed: bool
    step: Step
    filters: tuple[str, ...]
    settings: tuple[Setting, ...]
    orthanc_keys: tuple[tuple[str, ...], ...]
    sentence: str

    @property
    def reason(self) -> str:
        """Why, in one sentence."""
        titles = [TITLES[command] for command in self.commands]
        if len(titles) == 1:
            return self.sentence.replace(TITLE, titles[0])
        named = f"{', '.join(titles[:-1])} and {titles[-1]}"
        return self.sentence.replace(f"{TITLE} is not", f"{named} are not").replace(TITLE, named)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: ``own`` is where it belongs, None for anyone else."""

    name: str
    aet: str
    own: Place | None


@dataclass(frozen=True, slots=True)
class Reach:
    """From where a port is reached: this host, networks of the model, everywhere, or a service of this site."""

    kind: Literal["this_host", "users", "administrators", "anyone", "service"]
    text: str


@dataclass(frozen=True, slots=True)
class WebRow:
    """What somebody may do on a service that is no DICOM.

    Attributes:
        service: Orthanc's REST API, the backend, the database, or this host itself.
        who: name of the account or credential, or "nobody in particular".
        role: its role; None where there is none.
        may: what it may do, as method and start of path; empty where nothing.
        reached_from: networks and services from which the port is reached.
        port: TCP port of this host; None where none of this host leads there.
        encrypted: whether it speaks TLS there; None where that is not this site's to say.
        settings: what decides.
        reason: one sentence.
    """

    service: str
    who: str
    role: str | None
    may: tuple[str, ...]
    reached_from: tuple[Reach, ...]
    port: int | None
    encrypted: bool | None
    settings: tuple[Setting, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port of this host, with the service behind it."""

    name: str
    port: int
    address: str
    service: str
    encrypted: bool | None


@dataclass(frozen=True, slots=True)
class InnerFlow:
    """A service that calls another one of this site, and why."""

    source: str
    service: str
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something about the whole that a reader must know first."""

    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A setting that does not do what it says.

    Attributes:
        setting: the key of the environment file, or None where only orthanc.json has it.
        orthanc_key: the key of orthanc.json, or None where only the environment file has it.
        message: what is so.
        hint: what to do about it.
    """

    setting: Setting | None
    orthanc_key: tuple[str, ...] | None
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Report:
    """Who may do what on one environment."""

    environment: str
    kind: str
    description: str | None
    orthanc_aet: str
    orthanc_version: str
    firewalls: tuple[str, ...]
    notices: tuple[Notice, ...]
    callers: tuple[Caller, ...]
    rows: tuple[Row, ...]
    web: tuple[WebRow, ...]
    findings: tuple[Finding, ...]
    ports: tuple[Port, ...]
    services: tuple[str, ...]
    """Titles of the services, in their order."""
    inner_flows: tuple[InnerFlow, ...]
    commands: tuple[Command, ...] = COMMANDS
    """The commands that are told of."""
    unfiltered: Report | None = None
    """What this was before anything was left out; None where nothing was."""

    @property
    def whole(self) -> Report:
        """The report with nothing left out."""
        return self.unfiltered or self

    def filtered(
        self, callers: Collection[str] = (), commands: Collection[str] = (), *, allowed: bool | None = None
    ) -> Report:
        """The report with the rows of some callers (by name or AE title), commands, and results alone.

        Rows of the web are of no caller and no DICOM command: they are kept where neither is named.
        """
        known = {word.casefold() for word in callers}
        known |= {EVERYBODY} if known else set()
        rows = [
            replace(row, commands=tuple(c for c in row.commands if not commands or c in commands))
            for row in self.rows
            if (not known or known & {row.caller.casefold(), (row.calling_aet or "").casefold()})
            and (allowed is None or row.allowed is allowed)
        ]
        web = () if callers or commands else self.web
        if allowed is not None:
            web = tuple(row for row in web if bool(row.may) is allowed)
        kept = tuple(one for one in self.callers if not known or known & {one.name.casefold(), one.aet.casefold()})
        return replace(
            self,
            callers=kept,
            rows=tuple(row for row in rows if row.commands),
            web=web,
            commands=tuple(one for one in self.commands if not commands or one in commands),
            unfiltered=self.whole,
        )
