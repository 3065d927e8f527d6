"""Processes, their configuration and storage, and the way of an image to its record."""

from __future__ import annotations

from typing import Final

from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services import (
    analysis,
    backend,
    database,
    delivery,
    deployed,
    files,
    host,
    orthanc,
    scripts,
    storage,
    supervisor,
    version,
    viewer,
)

QUESTIONS: Final[tuple[Question, ...]] = (
    *deployed.QUESTIONS,
    *files.QUESTIONS,
    *supervisor.QUESTIONS,
    *host.QUESTIONS,
    *orthanc.QUESTIONS,
    *version.QUESTIONS,
    *database.QUESTIONS,
    *backend.QUESTIONS,
    *storage.QUESTIONS,
    *scripts.QUESTIONS,
    *delivery.QUESTIONS,
    viewer.QUESTION,
    *analysis.QUESTIONS,
)
