"""What a Dockerfile adds to an image of Orthanc: where it starts from, files, variables.

Source: https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from orthancgen.foreign.interpolation import interpolate

MAXIMUM_LINES: Final = 20_000

_INSTRUCTION = re.compile(r"[ \t]*+([A-Za-z]++)[ \t]++(.*)", re.DOTALL)
_FROM = re.compile(r"(?:--\S++[ \t]++)*+(\S++)(?:[ \t]++AS[ \t]++(\S++))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The last stage of a Dockerfile, with the stages of the same file that it is built from.

    Attributes:
        base: the image that it starts from, "" where there is none.
        copies: source in the build context, and where it goes; what comes from other stages is left out.
        variables: name -> value and line.
    """

    base: str = ""
    copies: tuple[tuple[str, str], ...] = ()
    variables: Mapping[str, tuple[str, int]] = field(default_factory=dict)


def parse_dockerfile(text: str, arguments: Mapping[str, str] | None = None) -> Dockerfile:
    """Read a Dockerfile; what is not understood is left out.

    Args:
        text: the file.
        arguments: values for its ``ARG``, over their defaults.
    """
    given = dict(arguments or {})
    stages: dict[str, Dockerfile] = {}
    current = Dockerfile()
    name = ""
    known: dict[str, str] = {}
    for word, rest, line in _instructions(text):
        if word == "ARG":
            for argument, value in _pairs(rest):
                known[argument] = given.get(argument, value)
        elif word == "FROM":
            found = _FROM.match(interpolate(rest, known).text)
            if found is None:
                continue
            stages[name] = current
            current = stages.get(found[1].lower(), Dockerfile(found[1])) if found[1] else Dockerfile()
            name = (found[2] or "").lower()
        elif word == "ENV":
            put = {key: (interpolate(value, known).text, line) for key, value in _pairs(rest)}
            known |= {key: value for key, (value, _) in put.items()}
            current = Dockerfile(current.base, current.copies, {**current.variables, **put})
        elif word in ("COPY", "ADD"):
            added = tuple(_copies(interpolate(rest, known).text))
            current = Dockerfile(current.base, (*current.copies, *added), current.variables)
    return current


def _instructions(text: str) -> Iterator[tuple[str, str, int]]:
    """Each instruction with what follows it, its lines joined, and the number of its first line."""
    joined = ""
    first = 0
    for number, line in enumerate(text.split("\n")[:MAXIMUM_LINES], 1):
        line = line.rstrip("\r")
        if line.lstrip().startswith("#"):
            continue
        first = first or number
        if line.rstrip().endswith("\\"):
            joined += line.rstrip()[:-1] + " "
            continue
        found = _INSTRUCTION.fullmatch((joined + line).strip())
        if found is not None:
            yield found[1].upper(), found[2], first
        joined, first = "", 0


def _words(rest: str) -> list[str]:
    try:
        return shlex.split(rest)
    except ValueError:
        return rest.split()


def _pairs(rest: str) -> Iterator[tuple[str, str]]:
    words = _words(rest)
    if words and "=" not in words[0]:  # the older form: ENV NAME the rest of the line
        name, _, value = rest.strip().partition(" ")
        yield name, value.strip()
        return
    for word in words:
        name, equals, value = word.partition("=")
        if equals:
            yield name, value


def _copies(rest: str) -> Iterator[tuple[str, str]]:
    words = _words(rest)
    options = [word for word in words if word.startswith("--")]
    if any(option.startswith("--from") for option in options):
        return
    paths = [word for word in words if not word.startswith("--")]
    listed = rest[rest.find("[") :] if rest.lstrip().startswith("[") or " [" in rest else ""
    if listed:
        try:
            read = json.loads(listed)
        except (ValueError, RecursionError):
            read = None
        paths = [str(path) for path in read] if isinstance(read, list) else paths
    if len(paths) >= 2 and paths[-1].startswith("/"):
        for source in paths[:-1]:
            several = len(paths) > 2 or paths[-1].endswith("/")
            yield source, paths[-1].rstrip("/") + "/" + source.rstrip("/").rsplit("/", 1)[-1] if several else paths[-1]
