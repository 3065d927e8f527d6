"""Changes of modalities as splices of the environment's own text: what is not changed stays byte for byte.

Reading a file and writing it anew, as round-trip libraries do, keeps comments, but lays out other lines anew:
indentation of lists, blanks before comments, long lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from orthancgen.audit.splices import Splice, spliced
from orthancgen.errors import InputError
from orthancgen.modalities.change import Change, SetFields, applied, kept_first
from orthancgen.modalities.layout import Item, Lines, layout
from orthancgen.modalities.written import block, flow, listed, scalar
from orthancgen.site.tree import Node, parse

_STEP: Final = 2
_BY_HAND: Final = "edit the file by hand; `orthancgen validate` checks it"


def edited(text: str, tree: Node, changes: Sequence[Change]) -> tuple[Splice, ...]:
    """The splices that make the changes, in order and apart.

    Args:
        text: of the environment's own file, without a byte order mark.
        tree: the same as `site.tree.parse` read it, without problems.
        changes: at most one of each name.

    Raises:
        InputError: the layout of the file is one in which the change cannot be made without touching something else.
    """
    before = tree.plain()
    splices = tuple(sorted(_Editor(text).splices(changes, before), key=lambda one: (one.start, one.end)))
    wanted = applied(before, changes)
    after, problems = parse(spliced(text, splices), "")
    overlap = any(one.end > next_.start for one, next_ in pairwise(splices))
    if overlap or problems or after is None or not _same(after.plain(), wanted):
        raise InputError("the section modalities is laid out so that it cannot be changed in place", hint=_BY_HAND)
    return splices


def _same(one: Any, other: Any) -> bool:
    """Whether the values are the same, and of the same types."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return type(one) is type(other) and bool(one == other)


class _Editor:
    def __init__(self, text: str) -> None:
        self.text = text
        self.lines = Lines(text)
        self.root = layout(text)
        self.section = self.root.children.get("modalities")

    def splices(self, changes: Sequence[Change], before: Mapping[str, Any]) -> Iterator[Splice]:
        """The splices of all changes, in no order."""
        own = before.get("modalities") or {}
        new: dict[str, Mapping[str, Any] | None] = {}
        gone: set[str] = set()
        for change in changes:
            item = self.section.children.get(change.name) if self.section else None
            if isinstance(change, SetFields):
                if item is None:
                    new[change.name] = change.fields
                else:
                    yield from self._set(item, change, own.get(change.name) or {})
            elif item is None:
                new[change.name] = None
            elif change.inherited:
                yield self._emptied(item)
            else:
                gone.add(change.name)
        if new:
            yield from self._added(new)
        if gone and self.section is not None:
            yield from self._removed(self.section, gone)

    # --- fields of an entry

    def _set(self, entry: Item, change: SetFields, before: Mapping[str, Any]) -> Iterator[Splice]:
        missing: dict[str, Any] = {}
        for key, value in change.fields.items():
            item = entry.children.get(key)
            wanted = kept_first(before.get(key), value) if key == "may" else value
            if item is None:
                missing[key] = wanted
            elif before.get(key) != wanted or type(before.get(key)) is not type(wanted):
                yield from self._replaced(item, before.get(key), wanted)
        if not missing:
            return
        if entry.kind == "nothing":
            yield Splice(entry.value, entry.value, f" {flow(missing)}")
        elif entry.one_line:
            yield self._into_braces(entry, ", ".join(f"{key}: {scalar(value)}" for key, value in missing.items()))
        else:
            indent = self.lines.column(next(iter(entry.children.values())).start)
            at = self.lines.end(entry.end)
            rows = (f"{' ' * indent}{key}: {scalar(value)}" for key, value in missing.items())
            yield Splice(at, at, self._lines_of(rows))

    def _replaced(self, item: Item, before: Any, wanted: Any) -> Iterator[Splice]:
        if item.kind == "nothing":
            yield Splice(item.value, item.value, f" {scalar(wanted)}")
            return
        lists = item.kind == "list" and isinstance(wanted, list)
        kept = [str(number) for number, one in enumerate(before) if one in wanted] if lists else []
        if item.one_line or not kept:
            yield Splice(item.value, item.end, scalar(wanted))
            return
        for number, child in item.children.items():
            if number not in kept:
                yield Splice(self.lines.start(child.start), self.lines.behind(child.end), "")
        at = self.lines.end(item.children[kept[-1]].end)
        new = [one for one in wanted if one not in before]
        yield Splice(at, at, self._lines_of(listed(new, self.lines.column(item.value))))

    # --- entries of the section

    def _added(self, new: Mapping[str, Mapping[str, Any] | None]) -> Iterator[Splice]:
        section = self.section
        if section is None:
            yield self._new_section(new)
        elif section.children and section.one_line:
            yield self._into_braces(section, _in_braces(new))
        elif section.children:
            last = list(section.children.values())[-1]
            indent = self.lines.column(last.start)
            step = self._step(section, indent)
            entries = [block(name, fields, indent, step, one_line=last.one_line) for name, fields in new.items()]
            apart = len(section.children) > 1 and self.lines.blank_before(last.start)
            at = self.lines.behind_comments(last.end, indent)
            yield Splice(at, at, self._lines_of(line for one in entries for line in ([""] if apart else []) + one))
        elif section.one_line and self.text[section.value + 1 : section.end - 1].strip():
            raise InputError("the section modalities has comments in braces", hint=_BY_HAND)
        else:  # no value, or braces with nothing in them
            yield Splice(section.colon, section.end, "")
            at = self.lines.end(section.end)
            yield Splice(at, at, self._lines_of(self._entries(new)))

    def _new_section(self, new: Mapping[str, Mapping[str, Any] | None]) -> Splice:
        if self.root.one_line:
            return self._into_braces(self.root, f"modalities: {{{_in_braces(new)}}}")
        before = self.root.children.get("dicom")
        at = self.lines.behind_comments((before or self.root).end, self._indent + 1)
        indent = " " * self._indent
        return Splice(at, at, self._lines_of(["", f"{indent}modalities:", *self._entries(new)]))

    @property
    def _indent(self) -> int:
        """Columns before the sections of the file."""
        return self.lines.column(next(iter(self.root.children.values())).start)

    def _entries(self, new: Mapping[str, Mapping[str, Any] | None]) -> Iterator[str]:
        for name, fields in new.items():
            yield from block(name, fields, self._indent + _STEP, _STEP, one_line=False)

    def _removed(self, section: Item, gone: set[str]) -> Iterator[Splice]:
        if section.one_line:
            yield from self._out_of_braces(section, gone)
            return
        for name in gone:
            item = section.children[name]
            indent = self.lines.column(item.start)
            at = self.lines.behind_comments(item.end, indent + 1)
            yield Splice(self.lines.start(item.start), self.lines.behind(at), "")
        if gone == set(section.children):
            yield Splice(section.colon, section.colon, " {}")

    def _emptied(self, item: Item) -> Splice:
        """The key alone; what stood in lines of their own goes with its comments."""
        head = self.lines.end(item.start)
        if item.one_line or item.value <= head:
            # libyaml takes "a:," for a text.
            return Splice(item.colon, item.end, " " if self.section and self.section.one_line else "")
        return Splice(head, self.lines.behind_comments(item.end, self.lines.column(item.start) + 1), "")

    def _step(self, section: Item, indent: int) -> int:
        """Columns by which fields stand behind the name, as the neighbours have it."""
        for entry in section.children.values():
            if entry.children and not entry.one_line:
                return self.lines.column(next(iter(entry.children.values())).start) - indent
        return _STEP

    # --- braces

    def _into_braces(self, holder: Item, written: str) -> Splice:
        """Members at the end of a section in braces."""
        children = list(holder.children.values())
        behind = children[-1].end if children else holder.value + 1
        rest = self.text[behind : holder.end - 1]
        if rest.strip() not in {"", ","} or (rest.strip() and not children):
            raise InputError("a section in braces has comments in it", hint=_BY_HAND)
        if not children:
            return Splice(behind, holder.end - 1, written)
        comma = behind + rest.index(",") + 1 if rest.strip() else behind
        return Splice(comma, comma, f"{'' if rest.strip() else ','} {written}")

    def _out_of_braces(self, section: Item, gone: set[str]) -> Iterator[Splice]:
        names = list(section.children)
        for name in gone:
            item, place = section.children[name], names.index(name)
            if place + 1 < len(names):
                yield Splice(item.start, section.children[names[place + 1]].start, "")
            else:
                start = section.children[names[place - 1]].end if place else item.start
                trailing = re.compile(r"\s*,").match(self.text, item.end)
                yield Splice(start, trailing.end() if trailing else item.end, "")

    def _lines_of(self, rows: Iterator[str] | Sequence[str]) -> str:
        return "".join(f"{self.lines.new_line}{row}" for row in rows)


def _in_braces(new: Mapping[str, Mapping[str, Any] | None]) -> str:
    return ", ".join(f"{scalar(name)}: {'' if fields is None else flow(fields)}" for name, fields in new.items())
