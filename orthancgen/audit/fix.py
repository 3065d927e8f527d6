"""``--fix``: what the findings that a program can mend change in the files, and what is left for people."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orthancgen.audit.rule import REMOVE, Finding
from orthancgen.audit.splices import CannotEditError, Replacement, Splice, edited, replacements, spliced
from orthancgen.errors import InputError
from orthancgen.foreign.jsonc import parse
from orthancgen.foreign.model import Document
from orthancgen.render.write import stage
from orthancgen.site.masking import mask_lines
from orthancgen.site.problems import KeyPath, format_path, printable, show_hidden

_LARGEST: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Left:
    """A finding that a person has to see to, and why no program did."""

    finding: Finding
    why: str


@dataclass(frozen=True, slots=True)
class FixedFile:
    """A file with the edits of its findings.

    Attributes:
        file: its name in the findings.
        before, after: its text, secrets and all.
        done: the findings that are mended, in the order in which that was done.
        steps: what was done to the text for each of them.
    """

    file: str
    before: str = field(repr=False)
    after: str = field(repr=False)
    done: tuple[Finding, ...]
    steps: tuple[tuple[Splice, ...], ...] = field(repr=False, default=())


def said(finding: Finding) -> str:
    """What the edit of a finding does: ``WebDavEnabled: false``."""
    fix = finding.fix
    if fix is None:
        return ""
    return f"{format_path(fix.path)}: {'removed' if fix.value is REMOVE else printable(json.dumps(fix.value))}"


def fixed(findings: Iterable[Finding]) -> tuple[tuple[FixedFile, ...], tuple[Left, ...]]:
    """The edits of all findings that count and can be mended, a file at a time; nothing is written yet."""
    left: list[Left] = []
    by_file: dict[str, list[Finding]] = {}
    for one in findings:
        if one.counts and one.fix is not None:
            by_file.setdefault(one.fix.file, []).append(one)
        elif one.counts:
            left.append(Left(one, "a person has to decide"))
    done = [_of_file(file, of_file, left) for file, of_file in by_file.items()]
    return tuple(one for one in done if one is not None and one.done), tuple(left)


def edits(findings: Iterable[Finding]) -> Mapping[str, tuple[Replacement, ...]]:
    """For each finding that can be mended, by its fingerprint: what its edit alone would replace."""
    documents: dict[str, Document | None] = {}
    found: dict[str, tuple[Replacement, ...]] = {}
    for one in findings:
        if one.fix is None:
            continue
        if one.fix.file not in documents:
            documents[one.fix.file] = _document_or_none(one.fix.file)
        document = documents[one.fix.file]
        if document is None:
            continue
        with suppress(CannotEditError):
            steps, _ = edited(document, one.fix)
            if steps:
                found[one.fingerprint] = replacements(document.text, steps)
    return found


def _of_file(file: str, findings: list[Finding], left: list[Left]) -> FixedFile | None:
    try:
        before = _document(file)
    except CannotEditError as error:
        left += [Left(one, str(error)) for one in findings]
        return None
    after, done, steps = before, [], []
    values: dict[KeyPath, object] = {}
    for one in findings:
        if one.fix is None:
            continue
        if values.setdefault(one.fix.path, one.fix.value) != one.fix.value:
            left.append(Left(one, "what mends another finding is set there"))
            continue
        try:
            step, after = edited(after, one.fix)
        except CannotEditError as error:
            left.append(Left(one, str(error)))
            continue
        done.append(one)
        steps.append(step)
    return FixedFile(file, before.text, after.text, tuple(done), tuple(steps))


def _document(file: str) -> Document:
    path = Path(file)
    if path.suffix in {".yaml", ".yml"}:
        raise CannotEditError("no YAML file is changed")
    try:
        if path.stat().st_size > _LARGEST:
            raise CannotEditError(f"the file is larger than {_LARGEST // 2**20} MiB")
        return parse(path.read_bytes().decode("utf-8"), file)
    except UnicodeDecodeError:
        raise CannotEditError("the file is no UTF-8") from None
    except (OSError, ValueError) as error:
        raise CannotEditError(getattr(error, "strerror", None) or "the file cannot be read") from None


def _document_or_none(file: str) -> Document | None:
    try:
        return _document(file)
    except CannotEditError:
        return None


def write(files: Iterable[FixedFile]) -> None:
    """Write the files, each whole or not at all, with owner and mode as they were; links stay links.

    Raises:
        InputError: one cannot be written, or was changed meanwhile; none is replaced before all lie beside, complete.
    """
    staged: list[tuple[Path, Path]] = []
    at = ""
    try:
        for one in files:
            at = one.file
            target = Path(one.file).resolve()
            if target.read_bytes() != one.before.encode("utf-8"):
                raise InputError(f"{printable(at, 4096)} was changed meanwhile", hint="run it again")
            staged.append((_staged(target, one.after), target))
        for temporary, target in staged:
            temporary.replace(target)
    except OSError as error:
        raise InputError(f"cannot write {printable(at, 4096)}: {error.strerror}", hint="see to its folder") from None
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _staged(target: Path, text: str) -> Path:
    there = target.stat()
    temporary = stage(text.encode("utf-8"), target, there.st_mode & 0o7777)
    try:
        mine = temporary.stat()
        if (mine.st_uid, mine.st_gid) != (there.st_uid, there.st_gid):
            os.chown(temporary, there.st_uid, there.st_gid)
            temporary.chmod(there.st_mode & 0o7777)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def difference(one: FixedFile, masked: str | None) -> Iterator[str]:
    """A unified diff of a file, line by line, secrets hidden.

    Args:
        one: the file.
        masked: its text with secrets hidden, each character in its place; None where that is not at hand.
    """
    if masked is not None and len(masked) == len(one.before):
        before = after = masked
        for step in one.steps:
            after = spliced(after, step)
    else:
        before, after = mask_lines(one.before), mask_lines(one.after)
    name = printable(one.file, 4096)
    yield from difflib.unified_diff(_shown_lines(before), _shown_lines(after), name, name, lineterm="", n=2)


def _shown_lines(text: str) -> list[str]:
    """The lines of a text with nothing in them that moves a cursor; tabs stay."""
    lines = (show_hidden(line.removesuffix("\r")) for line in text.split("\n"))
    return ["\t".join(printable(part, 4096) for part in line.split("\t")) for line in lines]
