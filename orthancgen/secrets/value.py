"""A secret's value in memory: it cannot be printed by accident."""

from __future__ import annotations

import hmac


class SecretValue:
    """Text that shows only when it is asked for by :meth:`reveal`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The value itself: for the call that needs it, nothing else."""
        return self._text

    def __repr__(self) -> str:
        return "SecretValue([redacted])"

    def __str__(self) -> str:
        raise TypeError("a secret value cannot be formatted")

    def __format__(self, spec: str) -> str:
        raise TypeError("a secret value cannot be formatted")

    def __reduce__(self) -> str:
        raise TypeError("a secret value cannot be pickled")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)
