"""What is odd about a modality that was just added or changed, and no error."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath

_SHOWN: Final = 5


def remarks(site: Site, names: Collection[str]) -> Iterator[tuple[KeyPath, str, str]]:
    """Key path, message and hint of each oddity of the named modalities."""
    fold = (lambda aet: aet) if site.dicom.ae_checks.exact_case else str.casefold
    at_address: dict[tuple[str, int], list[str]] = {}
    by_address: dict[str, list[str]] = {}
    for name, modality in site.modalities.items():
        at_address.setdefault((modality.address, modality.port), []).append(name)
        by_address.setdefault(modality.address, []).append(name)
    for name in names:
        modality = site.modalities[name]
        path: KeyPath = ("modalities", name)
        if fold(modality.aet) == fold(site.orthanc.aet):
            yield (
                (*path, "aet"),
                f"{modality.aet} is the AE title of Orthanc itself: it no longer tells which of the two is meant",
                "ask the vendor for the AE title of the device, not for that of its destination",
            )
        same = [other for other in at_address[modality.address, modality.port][:_SHOWN] if other != name]
        others = [other for other in by_address[modality.address][:_SHOWN] if other != name]
        if same:
            yield (
                (*path, "address"),
                f"{modality.address}, port {modality.port}, is {', '.join(same)} too",
                "right for a device with several AE titles on one port; else one of the two is wrong",
            )
        elif others:
            yield (
                (*path, "address"),
                f"{modality.address} is the address of {', '.join(others)} too",
                "right for several programs on one machine; else one of the two is wrong",
            )
