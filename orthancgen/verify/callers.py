"""Who may call Orthanc, and which of them can be played from this host. Pure, but for `can_bind`."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, get_args

from orthancgen.plan.addresses import verifier_seen
from orthancgen.site.dicom import AnyoneCommand
from orthancgen.site.model import Site
from orthancgen.site.types import is_ip

COMMANDS: Final[tuple[AnyoneCommand, ...]] = get_args(AnyoneCommand)
_STRANGER: Final = "OGSTRANGER"
_NOWHERE: Final = "OGNOWHERE"
_PROBING_ADDRESSES: Final = tuple(f"127.0.0.{last}" for last in (1, 3, 7, 11, 13))


@dataclass(frozen=True, slots=True)
class Caller:
    """An application entity that Orthanc lets associate.

    Attributes:
        aet: its AE title.
        may: the commands that Orthanc must serve it; it must refuse it every other.
        source_address: the address that it must call from, or None where any will do.
    """

    aet: str
    may: frozenset[str]
    source_address: str | None = None


def stranger_aet(site: Site) -> str:
    """An AE title that belongs to no modality, nor to Orthanc."""
    return _unused(site, _STRANGER)


def nowhere_aet(site: Site) -> str:
    """An AE title that no modality has, as a destination that Orthanc cannot know."""
    return _unused(site, _NOWHERE)


def _unused(site: Site, wanted: str) -> str:
    titles = (site.orthanc.aet, site.verification.aet, *(modality.aet for modality in site.modalities.values()))
    taken = {title.casefold() for title in titles}
    return next(aet for aet in (wanted, *(f"{wanted}{n}" for n in range(10_000))) if aet.casefold() not in taken)


def strangers_may(site: Site) -> frozenset[str]:
    """What Orthanc must serve a caller that it does not know; empty where it must refuse the association."""
    checks = site.dicom.ae_checks
    return frozenset(checks.anyone_may) if checks.calling_aet == "anyone" else frozenset()


def callers(site: Site) -> tuple[Caller, ...]:
    """Everybody whom the model lets associate, a stranger first where one may.

    A modality may what its list says and what anyone may. AE titles that stand twice are left out: what Orthanc does
    with them depends on the order of their names.
    """
    open_to_all = strangers_may(site)
    titles = [modality.aet.casefold() for modality in site.modalities.values()]
    bound = site.dicom.ae_checks.calling_aet == "registered_from_own_address"
    registered = [
        Caller(m.aet, frozenset(m.may) | open_to_all, m.address if bound else None)
        for m in site.modalities.values()
        if titles.count(m.aet.casefold()) == 1
    ]
    if site.verification.enabled:
        own = site.verification
        registered.insert(0, Caller(own.aet, frozenset(own.may) | open_to_all, verifier_seen(site) if bound else None))
    return (Caller(stranger_aet(site), open_to_all), *registered) if open_to_all else tuple(registered)


def playable(everybody: Iterable[Caller], usable: Callable[[str], bool]) -> tuple[Caller, ...]:
    """Those who can be played from this host: `usable` says whether an address is one of its own."""
    return tuple(c for c in everybody if c.source_address is None or usable(c.source_address))


def wrong_address(own: str, usable: Callable[[str], bool]) -> str | None:
    """An address of this host that is not `own`, or None where there is none."""
    return next((address for address in _PROBING_ADDRESSES if address != own and usable(address)), None)


def can_bind(address: str) -> bool:
    """Whether this host can call from an address, which must be a literal."""
    if not is_ip(address):
        return False
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as sock:
            sock.bind((address, 0))
    except OSError:
        return False
    return True
