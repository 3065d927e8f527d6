"""An imported environment as a YAML file that people read, and that our reader takes for exactly what it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import yaml

from orthancgen.errors import InputError
from orthancgen.importing.notes import Note
from orthancgen.importing.part import Imported
from orthancgen.site.problems import KeyPath, format_path, printable
from orthancgen.site.tree import Node, parse, walk

_WIDTH: Final = 118
_FLOW: Final = 100
_SCHEMA: Final = "# yaml-language-server: $schema=./schema.json"
_PLAIN: Final = re.compile(
    r"[A-Za-z/][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+()-]+)*"  # words
    r"|[A-Za-z][A-Za-z0-9_./-]*:[A-Za-z0-9_.-]+"  # an image with its tag
    r"|[0-9]{1,5}(?:\.[0-9]{1,5}){2,3}(?:/[0-9]{1,2})?",  # versions, addresses, networks
    re.ASCII,
)
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_MOST_LISTED: Final = 200


class _Dumper(yaml.SafeDumper):
    """Writes texts plainly only where every reader takes them for texts."""

    def ignore_aliases(self, _: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    plain = len(text) <= 200 and _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _list(dumper: yaml.SafeDumper, items: list[Any]) -> yaml.Node:
    short = all(not isinstance(item, list | dict) for item in items) and len(str(items)) <= _FLOW
    return dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=short)


def _mapping(dumper: yaml.SafeDumper, items: dict[str, Any]) -> yaml.Node:
    reference = len(items) == 1 and next(iter(items)) in {"secret", "file", "env"}
    return dumper.represent_mapping("tag:yaml.org,2002:map", items.items(), flow_style=reference or not items)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(list, _list)
_Dumper.add_representer(dict, _mapping)


def yaml_text(imported: Imported, *, heading: str, schema: bool = True) -> str:
    """The file.

    Args:
        imported: what came of the import.
        heading: one line on where it comes from.
        schema: the file lies beside the schema of environments.

    Raises:
        InputError: our reader would read something else: a value that YAML cannot carry.
    """
    body = _dump(imported.environment)
    tree, problems = parse(body, "imported")
    if tree is None or problems or tree.plain() != imported.environment:
        raise InputError("the environment cannot be written as YAML", hint="please report this configuration")
    lines = _with_comments(body.splitlines(), tree, imported)
    top = [_SCHEMA] if schema else []
    top += [f"# {printable(heading, _WIDTH)}"]
    return "\n".join([*top, *_spaced(lines), *_end(imported)]) + "\n"


def _dump(value: Any) -> str:
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**9, default_flow_style=False
    )
    return text


def _with_comments(body: list[str], tree: Node, imported: Imported) -> list[str]:
    """The lines with the comments above or behind the keys that they belong to."""
    lines = {path: (node.key_mark or node.mark).line for path, node in walk(tree) if path}
    above: dict[int, list[str]] = {}
    for comment in imported.comments:
        line = _line_of(comment.to, lines)
        if line is not None:
            above.setdefault(line, []).extend(comment.lines)
    behind = {
        line: above.pop(line)[0]
        for line, texts in list(above.items())
        if len(texts) == 1 and len(body[line - 1]) + len(texts[0]) + 5 <= _WIDTH and not _opens(body, line)
    }
    ends = _left_out(imported, tree, lines)
    return list(_woven(body, above, behind, ends))


def _woven(
    body: list[str], above: Mapping[int, list[str]], behind: Mapping[int, str], ends: Mapping[int, list[str]]
) -> Iterator[str]:
    for number, line in enumerate(body, start=1):
        indent = line[: len(line) - len(line.lstrip())]
        yield from (f"{indent}# {text}".rstrip() for text in above.get(number, ()))
        yield f"{line}  # {behind[number]}" if number in behind else line
        yield from ends.get(number, ())


def _opens(body: list[str], line: int) -> bool:
    """Whether a section begins on the line."""
    return body[line - 1].endswith(":")


def _line_of(path: KeyPath, lines: Mapping[KeyPath, int]) -> int | None:
    """The line of a key, or of what encloses it."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return None


def _left_out(imported: Imported, tree: Node, lines: Mapping[KeyPath, int]) -> dict[int, list[str]]:
    """What a person can put back, as comments at the end of its section: the last line of it -> the lines."""
    ends: dict[int, list[str]] = {}
    why = {note.to: note for note in imported.notes if note.to in imported.left_out and note.message[:8] == "left out"}
    for path, values in list(imported.left_out.items())[:_MOST_LISTED]:
        section = path[:-1]
        if section not in lines:
            continue
        last = max(line for at, line in lines.items() if at[: len(section)] == section)
        note = why.get(path)
        written = [f"{_dump_key(path[-1])}:{f'  # {printable(note.message, 200)}' if note else ''}"]
        written += [f"  {line}" for line in _dump(dict(values)).splitlines()] if values else []
        ends.setdefault(last, []).extend(f"  # {line}" for line in written)
    return ends


def _dump_key(key: str | int) -> str:
    return _dump({str(key): None}).rpartition(":")[0]


def _spaced(lines: Iterable[str]) -> Iterator[str]:
    """A blank line before each section of the top level, and before what stands above it."""
    waiting: list[str] = []
    before_section = False
    for line in lines:
        if line.startswith("# "):
            waiting.append(line)
            continue
        section = bool(line) and line[0] not in " #" and line.endswith(":")
        if section or (before_section and line[:1] not in (" ", "#")):
            yield ""
        before_section = section or (before_section and line[:1] == " ")
        yield from waiting
        waiting = []
        yield line
    yield from waiting


def _end(imported: Imported) -> Iterator[str]:
    """Comments that belong to nothing that is here, and what was not carried over."""
    placed = {path for path, _ in _keys(imported.environment, ())}
    homeless = [c for c in imported.comments if not any(c.to[:n] in placed for n in range(1, len(c.to) + 1))]
    if homeless:
        yield from ("", "# Further comments of the imported files:")
        for comment in homeless:
            of = printable(format_path(comment.of), 200)
            first, *others = comment.lines
            yield f"#   {f'{of}: ' if of else ''}{first}"
            yield from (f"#   {line}".rstrip() for line in others)
    lost = [note for note in imported.notes if note.counts]
    if lost:
        yield from ("", "# Not carried over:")
        yield from (f"#   {line}" for line in map(_said, lost[:_MOST_LISTED]))
    if len(lost) > _MOST_LISTED:
        yield f"#   and {len(lost) - _MOST_LISTED} more: `orthancgen import --json` lists them"


def _keys(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for key, item in value.items() if isinstance(value, Mapping) else ():
        yield (*path, key), item
        yield from _keys(item, (*path, key))


def _said(note: Note) -> str:
    key = f"{format_path(note.path)}: " if note.path else ""
    outcome = "" if note.outcome.value == "not carried over" else f"{note.outcome.value}: "
    return printable(f"{key}{outcome}{note.message}", 400)
