"""The forms in which findings are told: one module a form, one table that names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from orthancgen.audit.output.github import as_github
from orthancgen.audit.output.html import as_html
from orthancgen.audit.output.json import as_json
from orthancgen.audit.output.junit import as_junit
from orthancgen.audit.output.markdown import as_markdown
from orthancgen.audit.output.sarif import as_sarif
from orthancgen.audit.output.text import plain
from orthancgen.audit.run import Report

Writer = Callable[[Sequence[Report]], str]

FORMATS: Final[Mapping[str, Writer]] = {
    "text": plain,
    "json": as_json,
    "sarif": as_sarif,
    "junit": as_junit,
    "markdown": as_markdown,
    "html": as_html,
    "github": as_github,
}
"""Name of a form -> what writes it."""
