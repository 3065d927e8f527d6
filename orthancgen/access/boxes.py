"""Calls that differ in nothing that counts, put together: a box is every combination of what its four sides list."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
Box = tuple[frozenset[Hashable], ...]


def merged(boxes: Iterable[Box]) -> list[Box]:
    """As few boxes as merging two by two gives: two that differ in one side alone become one.

    The boxes must not overlap; the result covers the same combinations, and does not overlap either.
    """
    found = list(dict.fromkeys(boxes))
    changed = True
    while changed:
        changed = False
        for side in range(len(found[0]) if found else 0):
            groups: dict[Box, list[frozenset[Hashable]]] = {}
            for box in found:
                groups.setdefault((*box[:side], *box[side + 1 :]), []).append(box[side])
            changed = changed or len(groups) < len(found)
            found = [(*rest[:side], frozenset[Hashable]().union(*same), *rest[side:]) for rest, same in groups.items()]
    return found


def in_order(items: Iterable[T], order: Sequence[T], key: Callable[[T], Hashable] = lambda item: item) -> tuple[T, ...]:
    """Items in the order of a sequence that has all of them."""
    places = {key(item): index for index, item in enumerate(order)}
    return tuple(sorted(items, key=lambda item: places[key(item)]))
