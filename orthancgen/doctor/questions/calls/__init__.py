"""Who calls, and why Orthanc refuses: AE titles, addresses, commands, TLS, presentation contexts."""

from __future__ import annotations

from typing import Final

from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import (
    address,
    called_aet,
    calling_aet,
    client_certificates,
    command,
    contexts,
    duplicates,
    gateway,
    own_calls,
    password,
    registered,
    server_certificates,
    speech,
)

QUESTIONS: Final[tuple[Question, ...]] = (
    *speech.QUESTIONS,
    server_certificates.QUESTION,
    *client_certificates.QUESTIONS,
    duplicates.QUESTION,
    registered.QUESTION,
    called_aet.QUESTION,
    calling_aet.QUESTION,
    address.QUESTION,
    command.QUESTION,
    gateway.QUESTION,
    contexts.QUESTION,
    password.QUESTION,
    own_calls.QUESTION,
)
