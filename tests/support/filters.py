"""What was read of a firewall's file, as short texts to compare."""

from __future__ import annotations

from orthancgen.foreign.firewalls import parse_firewall
from orthancgen.foreign.model import Filter, FirewallFile


def told(filters: tuple[Filter, ...]) -> list[str]:
    """``input 10.0.0.0/8,192.168.1.5/32 -> 104,9000-9010 "description"``, a filter each."""
    return [
        f"{one.hook} {','.join(one.sources)} -> {ports_told(one)}"
        + (f' "{one.description}"' if one.description else "")
        for one in filters
    ]


def ports_told(one: Filter) -> str:
    """Ports and ranges of a filter, ``all`` for all."""
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in one.ports) or "all"


def facts(file: FirewallFile) -> str:
    """Kind, families and which of the three facts hold: ``nftables 4,6 drops guards answers``."""
    words = {"drops": file.drops_by_default, "guards": file.guards_forwarded, "answers": file.lets_answers_in}
    families = ",".join(str(one) for one in sorted(file.families))
    return " ".join([file.kind, families, *(word for word, holds in words.items() if holds)])


def only(text: str, file: str) -> FirewallFile:
    """The one result of a file without problems."""
    (found,) = parse_firewall(text, file)
    assert found.problems == ()
    assert (found.file, found.text) == (file, text)
    return found
