"""The modalities of an environment as rows: what each is, and where it is defined."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from orthancgen.errors import InputError
from orthancgen.site.load import Loaded
from orthancgen.site.modalities import Modality
from orthancgen.site.problems import printable


@dataclass(frozen=True, slots=True)
class Row:
    """A modality.

    Attributes:
        name: its key in the environment.
        aet, address, port, tls, may, vendor, description: as in the model, defaults filled in.
        file, line: where its name stands; in the environment's own file, where it stands in a base as well.
    """

    name: str
    aet: str
    address: str
    port: int
    tls: bool
    may: tuple[str, ...]
    vendor: str
    description: str | None
    file: str
    line: int

    @property
    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"may": list(self.may)}


def listing(loaded: Loaded) -> tuple[Row, ...]:
    """The modalities of a valid environment, in its order.

    Raises:
        InputError: the environment is invalid.
    """
    return tuple(_rows(loaded))


def _rows(loaded: Loaded) -> Iterator[Row]:
    for name, one in loaded.require().modalities.items():
        found = loaded.tree.find(("modalities", name))[0] if loaded.tree else None
        mark = (found.key_mark or found.mark) if found else None
        yield Row(
            name, one.aet, one.address, one.port, one.tls, tuple(one.may), one.vendor, one.description,
            mark.file if mark else "", mark.line if mark else 0,
        )  # fmt: skip


def named(loaded: Loaded, names: tuple[str, ...]) -> dict[str, Modality]:
    """The modalities of these names; all of them where none is named.

    Raises:
        InputError: the environment is invalid, or has no modality of a name.
    """
    known = loaded.require().modalities
    missing = [name for name in names if name not in known]
    if missing:
        hint = f"there are: {', '.join(known)}" if known else "the environment registers none"
        raise InputError(f"no modality {', '.join(map(printable, missing))}", hint=hint)
    return {name: known[name] for name in dict.fromkeys(names or known)}
