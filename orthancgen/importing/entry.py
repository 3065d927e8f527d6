"""An entry of DicomModalities as the environment will have it, and what decides about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from orthancgen.importing.notes import Outcome
from orthancgen.site.problems import KeyPath


@dataclass(slots=True)
class Entry:
    """One entry.

    Attributes:
        name: its name in the configuration.
        to: its name in the environment.
        values: what the environment says of it; what is known of it where it is left out.
        left_out: why it cannot be a modality of the environment; "" where it is one.
        remedy: what a person writes to have it.
        notes: what became of its keys: key, outcome, message, hint.
    """

    name: str
    to: str
    values: dict[str, Any] = field(default_factory=dict)
    left_out: str = ""
    remedy: str = ""
    notes: list[tuple[KeyPath, Outcome, str, str | None]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rules:
    """What of the rest of the environment decides about modalities.

    Attributes:
        by_address: callers are compared with the modality's address.
        anyone: strangers may call too.
        exact_case: AE titles that differ in case are two.
        over_tls: the DICOM port speaks TLS.
        ipv4_alone: an IPv6 address is never seen.
        nobody: there was no DICOM server: none of them may do anything.
    """

    by_address: bool = False
    anyone: bool = False
    exact_case: bool = False
    over_tls: bool = False
    ipv4_alone: bool = False
    nobody: bool = False
