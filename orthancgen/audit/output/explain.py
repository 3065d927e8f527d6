"""What a rule says, without a target: for ``--explain`` and ``--list-rules``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from orthancgen.audit.in_environments import IN_ENVIRONMENTS
from orthancgen.audit.output import words
from orthancgen.audit.output.text import STYLES
from orthancgen.audit.rule import Rule


def explained(rule: Rule) -> Text:
    """Everything that a rule says."""
    out = Text()
    out.append(rule.id, "bold").append("\n").append(f"{words.prose(rule.title)}\n\n")
    out.append("severity:   ", "dim").append(f"{rule.severity.word}\n", STYLES[rule.severity])
    out.append("confidence: ", "dim").append(f"{rule.confidence}\n\n")
    out.append("why: ", "bold").append(f"{words.prose(rule.why)}\n\n")
    out.append("remedy: ", "bold green").append(f"{words.prose(rule.remedy)}\n\n")
    if rule.id in IN_ENVIRONMENTS:
        out.append("in an environment: ", "bold green").append(f"{words.prose(IN_ENVIRONMENTS[rule.id])}\n\n")
    out.append("references:\n", "bold")
    for one in rule.references:
        out.append(f"  {one.title}\n").append(f"    {one.url}\n", "dim")
    return out


def listed(rules: Sequence[Rule]) -> Text:
    """A line a rule."""
    out = Text()
    width = max((len(rule.id) for rule in rules), default=0)
    for rule in rules:
        out.append(f"{rule.severity.word:<9}", STYLES[rule.severity])
        out.append(f"{rule.id:<{width}}  ").append(f"{words.prose(rule.title)}\n", "dim")
    return out


def as_documents(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    """The rules as JSON values."""
    return [
        {
            "id": rule.id,
            "severity": rule.severity.word,
            "confidence": rule.confidence,
            "title": rule.title,
            "why": rule.why,
            "remedy": rule.remedy,
            "references": [{"title": one.title, "url": one.url} for one in rule.references],
        }
        for rule in rules
    ]
