"""Several modalities with one AE title: Orthanc looks at one of them, and the model has one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orthancgen.importing.entry import Entry, Rules
from orthancgen.importing.notes import Outcome
from orthancgen.orthanc.access import ALLOW
from orthancgen.orthanc.admission.configuration import ascii_lower
from orthancgen.site.problems import KeyPath


def settle(entries: Sequence[Entry], rules: Rules) -> None:
    """Leave one of those that share an AE title, where strangers are not let in anyway; nobody may more than before."""
    for group in _shared(entries, exact_case=rules.exact_case):
        if rules.anyone:
            _narrow(group)
        else:
            _tell_apart(group, rules)


def _narrow(group: Sequence[Entry]) -> None:
    """What one that is left out may not, no other one with its AE title might, and may not now."""
    for gone in [entry for entry in group if entry.left_out]:
        for entry in group:
            entry.values["may"] = [command for command in entry.values["may"] if command in gone.values["may"]]


def _tell_apart(group: Sequence[Entry], rules: Rules) -> None:
    """Of several with one AE title the model has one, the first that there can be in Orthanc's order.

    Nobody may do more than before. Where addresses are compared, Orthanc looks at the first one alone to admit a
    caller, and that one's commands, or what all of them may, are carried out; else it lets an AE title do what every
    one of its entries may.
    """
    ordered = sorted(group, key=lambda entry: entry.name.encode("utf-8", "surrogatepass"))
    kept = next(entry for entry in ordered if not entry.left_out or rules.by_address)
    if not kept.left_out:
        _join(kept, ordered, by_address=rules.by_address)
    for other in ordered:
        if other is not kept and not other.left_out:
            other.left_out = f"its AE title is that of {kept.name} too, and Orthanc looks at that one alone"
            other.remedy = "give each device its own AE title"


def _shared(entries: Sequence[Entry], *, exact_case: bool) -> Iterator[list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        aet = entry.values.get("aet")
        if aet is not None:
            groups.setdefault(aet if exact_case else ascii_lower(aet), []).append(entry)
    for group in groups.values():
        if len(group) > 1 and any(not entry.left_out for entry in group):
            yield group


def _join(kept: Entry, group: Sequence[Entry], *, by_address: bool) -> None:
    allowed = set.intersection(*(set(entry.values["may"]) for entry in group))
    if by_address:
        same = [entry for entry in group if entry.values.get("address") == kept.values["address"]]
        allowed |= set.union(*(set(entry.values["may"]) for entry in same))
    kept.values["may"] = [command for command in ALLOW if command in allowed]
    others = [entry.name for entry in group if entry is not kept]
    names = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
    message = f"{names} with the same AE title cannot stand beside it: what Orthanc lets this AE title do is written"
    path: KeyPath = ("DicomModalities", kept.name)
    kept.notes.append((path, Outcome.LOST, message, "give each device its own AE title"))
