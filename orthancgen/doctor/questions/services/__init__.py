"""Processes, their configuration and storage, and the way of an image to its record."""

from __future__ import annotations

from typing import Final

from orthancgen.doctor.question import Question

QUESTIONS: Final[tuple[Question, ...]] = ()
