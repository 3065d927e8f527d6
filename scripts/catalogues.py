"""Collect the texts of the sheets into the catalogues of their languages, or check that none is missing or left over.

A text is what stands in `Message("...")` in `orthancgen/sheets/`, and what people read in `sheets/vendors/*.yaml`.
Translations are kept; a new text gets an empty one, for a translator; a text that is used no more goes.

Usage: python scripts/catalogues.py [--check]
"""

from __future__ import annotations

import ast
import io
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import yaml
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from orthancgen.sheets.catalogue import FOLDER, LANGUAGES
from orthancgen.sheets.vendor import Source, Text, Vendor
from orthancgen.site.types import Section

ROOT: Final = Path(__file__).resolve().parent.parent
SHEETS: Final = ROOT / "orthancgen" / "sheets"
TRANSLATED: Final = tuple(language for language in LANGUAGES if language != "en")
_HEADER: Final = """\
# Texts of the workstation sheets; `python scripts/catalogues.py` adds and removes entries.
msgid ""
msgstr ""
"Project-Id-Version: orthancgen\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def texts() -> dict[str, list[str]]:
    """Every text with the files that it stands in, in order: those of the code, then those of the vendors."""
    found: dict[str, list[str]] = {}
    files = [*sorted(SHEETS.glob("*.py")), *sorted((SHEETS / "vendors").glob("*.yaml"))]
    for file in files:
        of_file = _of_code(file) if file.suffix == ".py" else _of_vendor(file)
        for text in of_file:
            places = found.setdefault(text, [])
            name = file.relative_to(ROOT).as_posix()
            if name not in places:
                places.append(name)
    return found


def _of_code(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
        if isinstance(node.func, ast.Name) and node.func.id == "Message":
            first = [*node.args, *(one.value for one in node.keywords if one.arg == "text")][0]
            yield from _constants(first, file)


def _constants(node: ast.expr, file: Path) -> Iterator[str]:
    """The texts that an expression can give; none for one that reads a vendor's data.

    Raises:
        SystemExit: a text is put together where it stands, so that no catalogue can have it.
    """
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp():
            yield from _constants(node.body, file)
            yield from _constants(node.orelse, file)
        case ast.Attribute() | ast.Name() | ast.Subscript() | ast.Call():
            return
        case _:
            raise SystemExit(f"{file}:{node.lineno}: a text to translate must stand whole, with {{name}} for a value")


def _of_vendor(file: Path) -> Iterator[str]:
    vendor = Vendor.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")), strict=False)
    yield from _texts_of(vendor)


def _texts_of(section: Section) -> Iterator[str]:
    """Texts for people of a section and of those within it; a source's title is quoted, not translated."""
    if isinstance(section, Source):
        return
    for name, hint in get_type_hints(type(section), include_extras=True).items():
        yield from _texts_in(getattr(section, name), _is_text(hint))


def _texts_in(value: object, is_text: bool) -> Iterator[str]:
    match value:
        case str() if is_text:
            yield value
        case Section():
            yield from _texts_of(value)
        case tuple():
            for one in value:
                yield from _texts_in(one, is_text)
        case Mapping():
            for one in value.values():
                yield from _texts_in(one, is_text)


def _is_text(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return bool(hint == Text) or _is_text(get_args(hint)[0])
    return any(_is_text(part) for part in get_args(hint))


def updated(language: str, found: Mapping[str, list[str]]) -> str:
    """The catalogue with exactly these texts, with the translations that it has."""
    old = _read(language)
    new = Catalog(locale=language, fuzzy=False)
    for text, places in found.items():
        known = old.get(text)
        new.add(
            text,
            string=known.string if known is not None else "",
            locations=[(place, 0) for place in places],
            flags=known.flags - {"python-brace-format"} if known is not None else (),
            user_comments=known.user_comments if known is not None else (),
        )
    for message in new:
        message.flags.discard("python-brace-format")
        message.flags.discard("python-format")
    body = io.BytesIO()
    write_po(body, new, width=120, omit_header=True, include_lineno=False)
    return _HEADER.format(language=language) + body.getvalue().decode("utf-8").strip() + "\n"


def _read(language: str) -> Catalog:
    file = FOLDER / f"{language}.po"
    if not file.exists():
        return Catalog(locale=language)
    with file.open("rb") as opened:
        return read_po(opened, locale=language, charset="utf-8", ignore_obsolete=True, abort_invalid=True)


def main() -> int:
    """Write the catalogues, or compare them; says what is not translated yet."""
    found, check, status = texts(), "--check" in sys.argv[1:], 0
    for language in TRANSLATED:
        old = {str(message.id) for message in _read(language) if message.id}
        missing, unused = [one for one in found if one not in old], sorted(old - found.keys())
        if check:
            for text in missing:
                print(f"{language}.po: missing: {text}", file=sys.stderr)
            for text in unused:
                print(f"{language}.po: not used: {text}", file=sys.stderr)
            status = status or int(bool(missing or unused))
            continue
        FOLDER.mkdir(exist_ok=True)
        (FOLDER / f"{language}.po").write_text(updated(language, found), encoding="utf-8")
        open_ones = sum(not message.string for message in _read(language) if message.id)
        print(f"{language}.po: {len(found)} texts, {len(missing)} new, {len(unused)} gone, {open_ones} not translated")
    if status:
        print("run `python scripts/catalogues.py` and translate what is new", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
