"""Jinja, strict: an undefined name is an error, and so is a value that passed no filter of its syntax."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

from orthancgen.errors import RenderError
from orthancgen.render.quoting import FILTERS
from orthancgen.resources import locate


def require_quoted(value: Any) -> Any:
    """Let marked text and integers pass.

    Raises:
        RenderError: a bare value reached the output.
    """
    if isinstance(value, Markup) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise RenderError(f"a template writes a value without quoting it: {type(value).__name__}")


@cache
def environment() -> Environment:
    """The one Jinja environment, over the shipped templates."""
    jinja = Environment(
        loader=FileSystemLoader(locate("templates")),
        undefined=StrictUndefined,
        autoescape=True,
        finalize=require_quoted,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    jinja.filters.update(FILTERS)
    return jinja


def render_template(name: str, **values: Any) -> str:
    """Render ``templates/NAME.j2``.

    Raises:
        RenderError: the template misses a value, or writes one unquoted.
    """
    try:
        return environment().get_template(f"{name}.j2").render(**values)
    except TemplateError as error:
        raise RenderError(f"template {name}: {error.message or type(error).__name__}") from error
