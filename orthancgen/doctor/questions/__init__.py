"""The table of all questions; each folder has its own part of it."""

from __future__ import annotations

from typing import Final

from orthancgen.doctor.question import Question
from orthancgen.doctor.questions import calls, network, services

QUESTIONS: Final[tuple[Question, ...]] = (*services.QUESTIONS, *network.QUESTIONS, *calls.QUESTIONS)
