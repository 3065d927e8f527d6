"""The vendors' data files, read strictly and checked: `vendors/ID.yaml` -> :class:`Vendor`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, get_args

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from orthancgen.errors import InputError
from orthancgen.resources import locate
from orthancgen.sheets.vendor import CommandSheet, ValueName, Vendor
from orthancgen.site.explain import did_you_mean, message_and_hint
from orthancgen.site.problems import KeyPath, Mark, Problem, sort_problems

FOLDER: Final = Path(__file__).with_name("vendors")
SCRIPTS: Final = "sheets/scripts"
"""Folder of the scripts' templates, below `templates`."""
PLACEHOLDERS: Final = frozenset({*get_args(ValueName), "file", "folder", "study_uid", "port_back", "web_authority"})
"""What may stand in braces in a command."""
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_BRACES: Final = re.compile(r"[{}]")


def vendor_ids() -> tuple[str, ...]:
    """The vendors for which there is a file, in alphabetical order."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


@cache
def vendor(name: str) -> Vendor:
    """One vendor's data.

    Raises:
        InputError: there is none of that name, or its file is wrong; carries every problem.
    """
    if name not in vendor_ids():
        known = vendor_ids()
        hint = did_you_mean(name, known)
        raise InputError(f"there is no vendor {name}", hint=f"{hint} " * bool(hint) + f"there are: {', '.join(known)}")
    file = FOLDER / f"{name}.yaml"
    text = file.read_text(encoding="utf-8")
    found, problems = read_vendor(text, file.name)
    if found is None or problems:
        raise InputError(f"the data of vendor {name} is wrong", problems=problems, sources={file.name: text})
    return found


def vendors() -> Mapping[str, Vendor]:
    """Every vendor by its id.

    Raises:
        InputError: a file is wrong.
    """
    return {name: vendor(name) for name in vendor_ids()}


def read_vendor(text: str, file: str) -> tuple[Vendor | None, tuple[Problem, ...]]:
    """A vendor's data from a file's text, with every problem found.

    Args:
        text: YAML; unlike an environment it may have anchors, for lines that several commands share.
        file: the file's name, `ID.yaml`.
    """
    try:
        root = yaml.compose(text, yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        at = error.problem_mark
        mark = Mark(file, at.line + 1, at.column + 1, at.column + 2) if at is not None else None
        return None, (Problem(f"this is no YAML: {error.problem}", mark),)
    if not isinstance(root, yaml.MappingNode):
        return None, (Problem("a vendor is a section with keys", Mark(file, 1, 1, 2)),)
    try:
        found = Vendor.model_validate(yaml.load(text, yaml.CSafeLoader))
    except ValidationError as error:
        told = [one for one in error.errors(include_url=False) if not _of_other_member(one)]
        return None, sort_problems([*_explained_all(told, root, file), *_twice(root, file)])
    wrong = _wrong(found, Path(file).stem)
    placed = [Problem(message, _mark(root, path, file), path) for path, message in wrong]
    return found, sort_problems([*placed, *_twice(root, file)])


def _of_other_member(error: ErrorDetails) -> bool:
    """Whether an error only says that a part of a command that is a section is no text."""
    return error["loc"][-1:] == ("str",) and isinstance(error["input"], dict)


def _explained_all(errors: Iterable[ErrorDetails], root: yaml.MappingNode, file: str) -> Iterator[Problem]:
    for error in errors:
        message, hint = message_and_hint(error, Vendor)
        # pydantic names the member of a union in the path: `argv[0].Line.when`.
        path: KeyPath = tuple(part for part in error["loc"] if part not in {"str", "Line"})
        yield Problem(message, _mark(root, path, file), path, hint)


def _twice(root: yaml.MappingNode, file: str) -> Iterator[Problem]:
    """Keys that stand twice in a section, of which YAML's readers take the last."""
    waiting: list[yaml.Node] = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            for number, (key, value) in enumerate(node.value):
                waiting.append(value)
                if key.value in keys[:number]:
                    yield Problem(f"the key {key.value} stands twice", _at(key, file))
        elif isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)


def _wrong(vendor: Vendor, name: str) -> Iterator[tuple[KeyPath, str]]:
    """What the schema does not say: key path -> what is wrong."""
    if vendor.id != name:
        yield ("id",), f"the id differs from the file's name, {name}"
    used = dict(_sources(vendor))
    for path, source in used.items():
        if source not in vendor.sources:
            yield path, f"there is no source {source}"
    for source in vendor.sources:
        if source not in used.values():
            yield ("sources", source), f"nothing refers to the source {source}"
    ids = [*(one.id for one in vendor.commands), *(one.id for one in vendor.scripts)]
    for number, one in enumerate(ids):
        if one in ids[:number]:
            yield ("commands",), f"the id {one} stands twice among commands and scripts"
    for number, command in enumerate(vendor.commands):
        yield from _wrong_command(("commands", number), command)
    for number, script in enumerate(vendor.scripts):
        if not (locate("templates") / SCRIPTS / f"{script.id}.j2").is_file():
            yield ("scripts", number, "id"), f"there is no template {SCRIPTS}/{script.id}.j2"
    for path, text in texts(vendor):
        if _BRACES.search(text):
            yield path, "a text that is translated has no braces: they stand for values there"


def _wrong_command(path: KeyPath, command: CommandSheet) -> Iterator[tuple[KeyPath, str]]:
    lines = [
        ((*path, "argv"), one) for line in command.argv for one in ((line,) if isinstance(line, str) else line.args)
    ]
    if command.expect_output is not None:
        lines.append(((*path, "expect_output"), command.expect_output))
    for place, text in lines:
        for name in _PLACEHOLDER.findall(text):
            if name not in PLACEHOLDERS:
                yield place, f"there is no value {name} to put in"
        if _BRACES.search(_PLACEHOLDER.sub("", text)):
            yield place, "a brace without its other half"


def texts(vendor: Vendor) -> Iterator[tuple[KeyPath, str]]:
    """Every text that is translated, with its key path; labels and steps of menus are the vendor's own words."""
    yield ("about",), vendor.about
    if vendor.products_differ is not None:
        yield ("products_differ",), vendor.products_differ
    if vendor.tls is not None:
        yield ("tls", "note"), vendor.tls.note
    for number, test in enumerate(vendor.tests):
        yield ("tests", number, "action"), test.action
        yield ("tests", number, "success"), test.success
        yield from ((("tests", number, "failure", n), one) for n, one in enumerate(test.failure))
    for number, quirk in enumerate(vendor.quirks):
        yield ("quirks", number, "text"), quirk.text
    for number, path in enumerate(vendor.paths):
        yield from _optional(("paths", number, "note"), path.note)
    for number, field in enumerate(vendor.fields):
        yield from _optional(("fields", number, "note"), field.note)
    for number, command in enumerate(vendor.commands):
        yield ("commands", number, "purpose"), command.purpose
        yield ("commands", number, "success"), command.success
        yield from _optional(("commands", number, "note"), command.note)
    for number, script in enumerate(vendor.scripts):
        yield ("scripts", number, "purpose"), script.purpose
        yield ("scripts", number, "success"), script.success


def _optional(path: KeyPath, text: str | None) -> Iterator[tuple[KeyPath, str]]:
    if text is not None:
        yield path, text


def _sources(vendor: Vendor) -> Iterator[tuple[KeyPath, str]]:
    for key in ("paths", "fields", "tests", "quirks", "commands", "scripts"):
        for number, one in enumerate(getattr(vendor, key)):
            yield (key, number, "source"), one.source
    if vendor.tls is not None:
        yield ("tls", "source"), vendor.tls.source


def _mark(root: yaml.Node, path: KeyPath, file: str) -> Mark:
    """Where the value of a key path stands, or the nearest one around it."""
    node = root
    for part in path:
        below = _below(node, part)
        if below is None:
            break
        node = below
    return _at(node, file)


def _at(node: yaml.Node, file: str) -> Mark:
    start = node.start_mark
    return Mark(file, start.line + 1, start.column + 1, start.column + 2)


def _below(node: yaml.Node, part: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == part), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None
