"""Names, routes, ports, firewalls and the container engine."""

from __future__ import annotations

from typing import Final

from orthancgen.doctor.question import Question

QUESTIONS: Final[tuple[Question, ...]] = ()
