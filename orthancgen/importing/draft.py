"""The environment while it is being written: its values, secrets and sources, and the notes about each key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orthancgen.importing.comments import own_lines
from orthancgen.importing.fits import default
from orthancgen.importing.names import secret_name
from orthancgen.importing.notes import Note, Outcome
from orthancgen.importing.original import Original
from orthancgen.secrets.value import SecretValue
from orthancgen.site.problems import KeyPath


class Draft:
    """What the parts of an import write into, each its own section.

    Attributes:
        environment: the environment as a mapping, in the order of writing.
        notes: what became of each key.
        secrets: values by the name of the secret.
        left_out: what a person can put back, as a mapping of the same shape as `environment`: written as comments.
    """

    def __init__(self, original: Original) -> None:
        self.original = original
        self.environment: dict[str, Any] = {}
        self.notes: list[Note] = list(original.mistakes)
        self.secrets: dict[str, SecretValue] = {}
        self.left_out: dict[KeyPath, Any] = {}
        comments = (comment for document in original.part.documents for comment in document.comments)
        self._commented = {comment.path for comment in comments if own_lines(comment)}

    def put(self, to: KeyPath, value: object) -> None:
        """Write a value of the environment."""
        section = self.environment
        for part in to[:-1]:
            section = section.setdefault(str(part), {})
        section[str(to[-1])] = value

    def note(
        self, path: KeyPath | str, outcome: Outcome, message: str = "", *, to: KeyPath | None = None,
        hint: str | None = None,
    ) -> None:  # fmt: skip
        """Say what became of a key."""
        keys: KeyPath = (path,) if isinstance(path, str) else path
        self.notes.append(Note(keys, outcome, message, self.original.mark(*keys), to, hint))

    def carry(self, key: str, to: KeyPath, value: object, *, always: bool = False) -> None:
        """Write the value of a key to the field that says the same.

        A value that the model takes by itself is left out, unless it is wanted (``always``) or a comment stands at it.
        """
        written, same = key in self.original, value == default(to)
        if always or not same or (key,) in self._commented:
            self.put(to, value)
        if written:
            self.note(key, Outcome.CARRIED, to=to)
        elif not same:
            self.note(key, Outcome.SPELLED_OUT, to=to)

    def secret(self, wanted: str, value: str) -> str:
        """Keep a secret under a free name; the name."""
        name = secret_name(wanted, [*self.secrets, *self.environment.get("secrets", {})])
        self.secrets[name] = SecretValue(value)
        return name

    def source(self, name: str, **place: str) -> None:
        """Say where the value of a secret comes from: ``file=`` or ``env=``."""
        self.put(("secrets", name), place)

    def all_without_effect(self, keys: Sequence[str], why: str) -> None:
        """Say of each key that is written that Orthanc does not act on it."""
        for key in keys:
            if key in self.original:
                self.note(key, Outcome.WITHOUT_EFFECT, why)
