"""What the questions about callers share: who called, whom the site knows, and the remedies that it has."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Finding, Note, Remedy
from orthancgen.doctor.observe.orthanc_log import Event
from orthancgen.site.problems import KeyPath, format_path, printable

T = TypeVar("T")
Group = tuple[tuple[str, str], list[Event]]
"""AE title and address of a caller, and what Orthanc logged of it."""
_ALIKE: Final = 0.65
_MOST: Final = 10
"""Callers that are told one by one; a scanner of ports can make thousands."""


def capped(items: Sequence[T], tell: Callable[[T], Finding], kind: str) -> tuple[Finding, ...]:
    """What there is to tell of the first items, and a note of how many more there are of their kind."""
    more = len(items) - _MOST
    told = tuple(tell(one) for one in items[:_MOST])
    return (*told, Note(f"{more} more {kind}: see orthancgen logs")) if more > 0 else told


def quote(text: str) -> str:
    """A word of a command line as a shell reads it back."""
    return shlex.quote(printable(text))


def grouped(events: Iterable[Event]) -> dict[tuple[str, str], list[Event]]:
    """The events by AE title and address of the caller, in the order of their first."""
    found: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        found.setdefault((event.aet, event.ip), []).append(event)
    return found


def title(aet: str) -> str:
    """An AE title as it is shown: in quotes where spaces would not be seen."""
    shown = printable(aet)
    return shown if shown and shown == shown.strip() else f"'{shown}'"


def caller(aet: str, ip: str) -> str:
    """A caller in words: `caller CT9 at 192.168.10.77`."""
    return f"caller {title(aet)}" + (f" at {ip}" if ip else "")


def folded(case: Case, aet: str) -> str:
    """An AE title as Orthanc compares it: case counts with `exact_case` alone (StrictAetComparison)."""
    return aet if case.site.dicom.ae_checks.exact_case else aet.casefold()


def registered(case: Case) -> Mapping[str, str]:
    """Name of each modality of the environment -> its AE title."""
    return {name: str(modality.aet) for name, modality in case.site.modalities.items()}


def named(case: Case, aet: str) -> str | None:
    """The name of the modality with an AE title, compared as Orthanc does."""
    wanted = folded(case, aet)
    return next((name for name, title in registered(case).items() if folded(case, title) == wanted), None)


def at_address(case: Case, ip: str) -> tuple[str, ...]:
    """The names of the modalities that are registered with an address."""
    return tuple(name for name, modality in case.site.modalities.items() if str(modality.address) == ip)


def alike(case: Case, aet: str) -> tuple[str, str] | None:
    """The modality whose AE title is most like an unknown one, and in which way: `differs in upper and lower case`."""
    titles = registered(case)
    for name, title in titles.items():
        if aet.casefold() == title.casefold():
            return name, "differs from it in upper and lower case alone"
    for name, title in titles.items():
        if aet.strip().casefold() == title.strip().casefold():
            return name, "differs from it in spaces alone"
    plain = {name: _plain(title) for name, title in titles.items()}
    for name, title in plain.items():
        if title and title == _plain(aet):
            return name, "differs from it in signs alone"
    near = difflib.get_close_matches(aet.casefold(), [title.casefold() for title in titles.values()], 1, _ALIKE)
    if near:
        return next((name, "is like it") for name, title in titles.items() if title.casefold() == near[0])
    return None


def _plain(aet: str) -> str:
    return "".join(sign for sign in aet.casefold() if sign.isalnum())


def line_of(case: Case, path: KeyPath) -> str:
    """A key with its place: `modalities.ct1.address (environments/prod.yaml:12)`."""
    mark = case.loaded.place(path)
    return format_path(path) + (f" ({printable(mark.file, 4096)}:{mark.line})" if mark else "")


def deploy(case: Case, text: str = "bring it to Orthanc") -> Remedy:
    """Bring what the environment says to life."""
    return Remedy(text, f"orthancgen deploy {quote(case.env)}")


def change(case: Case, name: str, option: str, value: str) -> Remedy:
    """Change one value of a modality, at its line of the environment's file."""
    return Remedy(
        f"set {line_of(case, ('modalities', name, option))} to {value}",
        f"orthancgen modalities change {quote(case.env)} {quote(name)} --{option} {quote(value)}",
        on="the environment file",
    )


def add(case: Case, aet: str, ip: str) -> Remedy:
    """Register a caller."""
    name = _plain(aet)[:16] or "new"
    address = quote(ip) if ip else "ADDRESS"
    return Remedy(
        "if it should be let in: register it",
        f"orthancgen modalities add {quote(case.env)} {_free(case, name)} --aet {quote(aet)} --address {address}",
        on="the environment file",
    )


def _free(case: Case, name: str) -> str:
    wanted = name if name[0].isalpha() else f"m{name}"
    if not wanted.isascii():
        wanted = "new"
    return next(
        one for one in (wanted, *(f"{wanted}-{n}" for n in range(2, 10_000))) if one not in case.site.modalities
    )


def sheet(case: Case, name: str, text: str) -> Remedy:
    """What to type at the modality, and the page that says where."""
    return Remedy(text, f"orthancgen sheet {quote(case.env)} --modality {quote(name)}", on="the modality")


def endpoint(case: Case) -> str:
    """How modalities call this site, in words."""
    site = case.site
    return f"called AE title {site.orthanc.aet}, port {site.dicom.port}, " + (
        "with TLS" if site.dicom.tls.enabled else "without TLS"
    )


def is_asked(case: Case, name: str) -> bool:
    """Whether it is the modality that is asked about."""
    return case.modality == name
