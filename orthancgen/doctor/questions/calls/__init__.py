"""Who calls, and why Orthanc refuses: AE titles, addresses, commands, TLS, presentation contexts."""

from __future__ import annotations

from typing import Final

from orthancgen.doctor.question import Question

QUESTIONS: Final[tuple[Question, ...]] = ()
