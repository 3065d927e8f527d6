"""Comments of the imported files: which go along, where to, and which stay behind."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from orthancgen.foreign.model import Comment, OrthancPart
from orthancgen.importing.notes import Note, Outcome
from orthancgen.importing.unknown import REMARKS
from orthancgen.secrets.value import SecretValue
from orthancgen.site.problems import KeyPath

_DATA: Final = Path(__file__).with_name("default_comments.json")
_CREDENTIAL: Final = re.compile(
    r"pas+w|pas+phrase|pwd|token|secret|credential|private_?key|api_?key|://[^/\s@]+@|-----BEGIN", re.IGNORECASE
)
_USERS: Final = "RegisteredUsers"
_FIELDS: Final[Mapping[str | int, str]] = {
    "AET": "aet", "Host": "address", "Port": "port", "Manufacturer": "manufacturer", "UseDicomTls": "tls",
    "Timeout": "timeout_seconds", 0: "aet", 1: "address", 2: "port", 3: "manufacturer",
}  # fmt: skip
"""Keys of an entry of DicomModalities, or places in its short form, and the fields of the model."""
_LONGEST: Final = 2000
_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Carried:
    """A comment that goes along.

    Attributes:
        lines: its text.
        to: the key of the environment that it stands at; () for the end.
        of: the key of the configuration that it stood at.
    """

    lines: tuple[str, ...]
    to: KeyPath
    of: KeyPath = ()


@dataclass(frozen=True, slots=True)
class Comments:
    """What became of comments.

    Attributes:
        carried: those that go along.
        defaults: how many are of Orthanc's own default file.
        withheld: how many may hold a secret.
        left: how many were too many.
    """

    carried: tuple[Carried, ...]
    defaults: int
    withheld: int
    left: int


def fingerprint(line: str) -> str:
    """The words of a line of a comment, whatever the spaces between them, as a short hash."""
    return hashlib.sha256(" ".join(line.split()).encode("utf-8", "surrogatepass")).hexdigest()[:8]


@cache
def _of_orthanc() -> frozenset[str]:
    """Fingerprints of the lines of comments in Orthanc's own default files."""
    data: dict[str, Any] = json.loads(_DATA.read_text(encoding="utf-8"))
    return frozenset(one for row in data["fingerprints"] for one in row.split())


def own_lines(comment: Comment) -> tuple[str, ...]:
    """The lines of a comment that are not of Orthanc's own default files."""
    written = comment_lines(comment.text)
    return _trimmed([line for line in written if not line or fingerprint(line) not in _of_orthanc()])


def sort_comments(part: OrthancPart, notes: Iterable[Note], secrets: Mapping[str, SecretValue]) -> Comments:
    """Tell which comments go along.

    Args:
        part: what was read.
        notes: what became of each key, which says where a comment at it goes.
        secrets: the secrets that were found: a comment that holds one stays behind.
    """
    places = {note.path: note.to for note in notes if note.to is not None and note.path}
    known = [value.reveal() for value in secrets.values() if len(value.reveal()) > 3]
    carried: list[Carried] = []
    defaults = withheld = left = 0
    for comment in (*_of_keys(part), *(c for document in part.documents for c in document.comments)):
        lines = own_lines(comment)
        if not lines:
            defaults += any(comment_lines(comment.text))
        elif _may_be_secret(comment, known):
            withheld += 1
        elif len(carried) >= _MOST:
            left += 1
        else:
            carried.append(Carried(lines, _place(comment.path, places), comment.path))
    return Comments(tuple(carried), defaults, withheld, left)


def _of_keys(part: OrthancPart) -> list[Comment]:
    """Keys that are meant as comments, at the top level and in modalities: their text."""
    found: list[Comment] = []

    def look(value: Any, path: KeyPath) -> None:
        waiting: list[Comment] = []
        for key, node in value.items():
            if key.startswith(REMARKS) and isinstance(node.value, str):
                waiting.append(Comment(node.value, node.mark, path))
                continue
            found.extend(Comment(one.text, one.mark, (*path, key)) for one in waiting)
            waiting = []
            if isinstance(node.value, dict) and len(path) < 3:
                look(node.value, (*path, key))
        found.extend(waiting)

    if isinstance(part.tree.value, dict):
        look(part.tree.value, ())
    return found


def comment_lines(text: str) -> list[str]:
    """The lines of a comment as YAML can carry them, without the frame that people draw around them."""
    shown = "".join(
        c if c == "\n" or (c.isprintable() and not "\ud800" <= c <= "\udfff") else " " for c in text[:_LONGEST]
    )
    return [re.sub(r"^\s*(?:\*+(?=\s|$)|//+)?\s?|[\s*/]+$", "", line).rstrip() for line in shown.split("\n")]


def _trimmed(lines: list[str]) -> tuple[str, ...]:
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def _may_be_secret(comment: Comment, known: Iterable[str]) -> bool:
    named = _CREDENTIAL.search(comment.text) or _USERS in comment.text or _USERS in comment.path
    return bool(named) or any(secret in comment.text for secret in known)


def _place(path: KeyPath, places: Mapping[KeyPath, KeyPath]) -> KeyPath:
    """Where in the environment what stands at a path went: there, or where what encloses it went."""
    for length in range(len(path), 0, -1):
        to = places.get(path[:length])
        if to is not None:
            field = _FIELDS.get(path[length]) if path[0] == "DicomModalities" and len(path) > length else None
            return (*to, field) if field is not None else to
    return ()


def notes_of(comments: Comments) -> tuple[Note, ...]:
    """What is to be said of comments that stay behind."""
    said = (
        (comments.defaults, "of Orthanc's own default file"),
        (comments.withheld, "that may hold a secret"),
        (comments.left, "behind the first ones, which are too many"),
    )
    return tuple(
        Note((), Outcome.REMARK, f"{count} {'comment' if count == 1 else 'comments'} {which}: left out")
        for count, which in said
        if count
    )
