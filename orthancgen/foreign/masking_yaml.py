"""Which parts of a YAML file may be secrets: values under such names, in lists, in commands, and JSON within texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import yaml

from orthancgen.foreign.masking_json import json_spans
from orthancgen.foreign.masking_lines import Span, inline_spans
from orthancgen.foreign.secret_names import is_secret_name, value_may_show
from orthancgen.foreign.yaml_tree import compose_nodes

if TYPE_CHECKING:
    from yaml.nodes import Node as YamlNode


def yaml_spans(text: str, low: str) -> list[Span] | None:
    """The spans; None where it is no YAML.

    Args:
        text: the file.
        low: the same, `lowered`.
    """
    roots, problem = compose_nodes(text, "")
    if problem is not None:
        return None
    reader = _Reader(text, low)
    spans = [span for root in roots for span in reader.node(root, "", secret=False)]
    for found in re.finditer(r"(?:^|[ \t])#[^\r\n]*+", text, re.MULTILINE):
        spans += inline_spans(low, *found.span())
    return spans


class _Reader:
    def __init__(self, text: str, low: str) -> None:
        self.text = text
        self.low = low
        self._seen: set[tuple[int, bool]] = set()

    def node(self, source: YamlNode, name: str, *, secret: bool) -> Iterator[Span]:
        if isinstance(source, yaml.ScalarNode):
            yield from self._scalar(source, name, secret=secret)
            return
        if (id(source), secret) in self._seen:  # an alias
            return
        self._seen.add((id(source), secret))
        if isinstance(source, yaml.SequenceNode):
            flag = False  # the item before names what this one is: --password, x
            for item in source.value:
                yield from self.node(item, name, secret=secret or flag)
                value = item.value if isinstance(item, yaml.ScalarNode) else ""
                flag = value.startswith("-") and "=" not in value and is_secret_name(value)
            return
        for key, value in source.value:
            inner = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            # The secrets of a compose file are names and files, and what a service is given are names.
            names = inner == "secrets" and not isinstance(value, yaml.ScalarNode)
            yield from self.node(value, inner, secret=secret or (is_secret_name(inner) and not names))

    def _scalar(self, source: yaml.ScalarNode, name: str, *, secret: bool) -> Iterator[Span]:
        start, end = source.start_mark.index, source.end_mark.index
        tagged = self.text[start : start + 1] in ("!", "&")  # what was meant as a value may be read as a tag
        if secret and (tagged or not value_may_show(name, source.value)):
            yield start, end
        elif source.value.lstrip()[:1] == "{":  # JSON, as in ORTHANC_JSON
            yield from ((start + first, start + last) for first, last in json_spans(self.text[start:end]))
        else:
            yield from inline_spans(self.low, start, end)
