"""What is written under each field of a section of the model: read from its source when a schema or a page asks for it.

pydantic's ``use_attribute_docstrings`` would read every section at each start, which took a third of the time of
importing the model.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from functools import cache

from orthancgen.site.types import Section


def sections(root: type[Section] = Section) -> Iterator[type[Section]]:
    """Every section that is defined."""
    for section in root.__subclasses__():
        yield section
        yield from sections(section)


def described(own: str | None, of_type: str | None) -> str:
    """What a field is, and then what its type says of every such value; either may be missing."""
    return " ".join(text for text in (own, of_type) if text)


@cache
def field_texts(section: type[Section]) -> Mapping[str, str]:
    """Field -> the text under it (PEP 257, "attribute docstring"); fields without one are left out."""
    [definition] = ast.parse(textwrap.dedent(inspect.getsource(section))).body
    assert isinstance(definition, ast.ClassDef)  # noqa: S101
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in zip(definition.body, definition.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
