"""An edit of an environment's file, made in memory: what the file becomes, and whether that is a valid environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orthancgen.audit.fix import FixedFile, difference, write
from orthancgen.audit.splices import Splice, spliced
from orthancgen.errors import InputError
from orthancgen.modalities.change import Change, SetFields
from orthancgen.modalities.edit import edited
from orthancgen.modalities.opened import BOM, Opened, merged, modalities_of
from orthancgen.modalities.remarks import remarks
from orthancgen.site.load import AskInstalled, Loaded, display_name, validate
from orthancgen.site.masking import mask_lines, mask_logins, may_be_secret
from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath, Problem, sort_problems
from orthancgen.site.tree import Node, mask, parse


@dataclass(frozen=True, slots=True)
class Prepared:
    """An edit that may be written.

    Attributes:
        file: what the file becomes.
        loaded: the environment that it then is, valid.
        warnings: what `validate` warns of after the edit, and did not before.
    """

    file: FixedFile = field(repr=False)
    loaded: Loaded = field(repr=False)
    warnings: tuple[Problem, ...]


def prepare(opened: Opened, changes: Sequence[Change], ask_installed: AskInstalled | None = None) -> Prepared:
    """Make the changes in memory, and validate what the environment then is.

    Raises:
        InputError: the result is no valid environment, with every problem by its place in the text that would have been
            written; or the change would touch other modalities, or cannot be made in this layout.
    """
    splices = edited(opened.text, opened.tree, changes)
    text = spliced(opened.text, splices)
    tree, problems = parse(text, display_name(opened.path), may_be_secret)
    if tree is None:
        raise InputError("the result is no YAML", problems=tuple(problems))
    whole = merged(opened.base, tree)
    _require_only(opened, whole, changes)
    loaded = _loaded(opened, text, whole, ask_installed, problems)
    loaded = replace(loaded, problems=sort_problems((*loaded.problems, *_remarks(loaded, changes))))
    loaded.require()
    known = {(one.message, one.path) for one in opened.loaded.problems}
    warnings = tuple(one for one in loaded.problems if (one.message, one.path) not in known)
    return Prepared(_file(opened, splices), loaded, warnings)


def save(prepared: Prepared) -> None:
    """Write the file: whole or not at all, with its owner and mode, and only if it is still what was read.

    Raises:
        InputError: it was changed meanwhile, or cannot be written.
    """
    write([prepared.file])


def shown_difference(prepared: Prepared) -> Iterator[str]:
    """A unified diff of the file, line by line, with whatever may be a secret hidden."""
    before = prepared.file.before
    masked = mask(before.removeprefix(BOM), may_be_secret)
    shown = None if masked is None else before[: len(before) - len(masked)] + mask_logins(masked)
    yield from difference(prepared.file, shown)


def _file(opened: Opened, splices: tuple[Splice, ...]) -> FixedFile:
    shift = len(BOM) if opened.bom else 0
    moved = tuple(Splice(one.start + shift, one.end + shift, one.text) for one in splices)
    before = (BOM if opened.bom else "") + opened.text
    return FixedFile(str(opened.path), before, spliced(before, moved), (), (moved,))


def _loaded(
    opened: Opened, text: str, whole: Node, ask_installed: AskInstalled | None, problems: list[Problem]
) -> Loaded:
    """As `site.load.load` gives it, of a text that is not on disk."""
    site, version, found = validate(whole, ask_installed)
    found = [*problems, *found, *(_not_expressed(site, version, whole) if site is not None else ())]
    name = display_name(opened.path)
    sources = {**opened.loaded.sources, name: mask_logins(mask(text, may_be_secret) or mask_lines(text))}
    invalid = any(one.severity == "error" for one in found)
    return Loaded(opened.path, None if invalid else site, sort_problems(found), sources, whole, version)


def _not_expressed(site: Site, version: Any, whole: Node) -> Iterator[Problem]:
    """What a listed firewall cannot say of the site; `render` would refuse it."""
    from orthancgen.firewall.catalogue import lacking
    from orthancgen.plan.build import plan

    listed: list[str] = list(site.network.firewall)
    for name, one in lacking(plan(site, version)) if listed else ():
        path: KeyPath = ("network", "firewall", listed.index(name))
        yield Problem(f"{name} cannot express {one.what}: {one.why}", whole.find(path)[0].mark, path, one.hint)


def _remarks(loaded: Loaded, changes: Sequence[Change]) -> Iterator[Problem]:
    if loaded.site is not None:
        names = [change.name for change in changes if isinstance(change, SetFields)]
        for path, message, hint in remarks(loaded.site, names):
            yield Problem(message, loaded.place(path), path, hint, "warning")


def _require_only(opened: Opened, whole: Node, changes: Sequence[Change]) -> None:
    """No modality changes that was not meant to, such as those of a base that a key without a value had taken out."""
    before, after = opened.modalities, modalities_of(whole)
    meant = {change.name for change in changes}
    others = sorted(name for name in {*before, *after} - meant if before.get(name) != after.get(name))
    old = [name for name in meant if name not in before and isinstance(after.get(name), dict)]
    given = {change.name: change.fields for change in changes if isinstance(change, SetFields)}
    others += [name for name in old if set(after[name]) != set(given.get(name, ()))]
    if others:
        raise InputError(
            f"what {display_name(opened.path)} had taken out of the file it extends would be back: {', '.join(others)}",
            hint="edit the file by hand; `orthancgen validate` checks it",
        )
