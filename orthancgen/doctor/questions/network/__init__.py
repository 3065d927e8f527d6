"""Names, routes, ports, firewalls and the container engine."""

from __future__ import annotations

from typing import Final

from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network import (
    containers,
    engine,
    firewall,
    gateway,
    loaded,
    names,
    ports,
    published,
    routes,
)

QUESTIONS: Final[tuple[Question, ...]] = (
    *engine.QUESTIONS,
    *containers.QUESTIONS,
    *gateway.QUESTIONS,
    *names.QUESTIONS,
    *ports.QUESTIONS,
    *published.QUESTIONS,
    *routes.QUESTIONS,
    *loaded.QUESTIONS,
    *firewall.QUESTIONS,
    *containers.HEALTH,
)
