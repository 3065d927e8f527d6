"""Where a compose file has a secret written out: variables, commands, health checks, labels, builds, configs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.audit.looking_containers import place, said, words
from orthancgen.audit.looking_secrets import has_login, in_text, in_tree, in_words, is_literal, names_secret
from orthancgen.foreign.model import ComposeFile, ComposeService, EnvironmentValue
from orthancgen.site.problems import KeyPath, Mark, printable
from orthancgen.site.tree import Node

_COMMANDS: Final = (("command",), ("entrypoint",), ("healthcheck", "test"))
_LISTED: Final = (("labels", "label"), ("build", "args", "argument of its build"))
"""Key path, and what one of its members is called."""


@dataclass(frozen=True, slots=True)
class Written:
    """A secret that stands there: where, in words without it."""

    words: str
    mark: Mark
    path: KeyPath


def written_out(compose: ComposeFile, text: str) -> Iterator[Written]:
    """Every secret in a compose file. ``text`` is the file as it is, to tell a default from what is put in."""
    for service in compose.services.values():
        name = printable(service.name)
        for value in service.environment.values():
            here = value.mark.file == compose.file and _is_written_here(value, text)
            if here and _is_secret(value.name, value.value):
                what = f"{name} has the secret {printable(value.name)} written out in its environment"
                yield Written(what, value.mark, value.path)
        yield from _commands(service, name)
        yield from _listed(service, name)
    yield from _configs(compose)


def _is_written_here(value: EnvironmentValue, text: str) -> bool:
    """Whether it is in the file, and not put in from another: the default of a variable is."""
    return not value.from_variable or f"-{value.value}}}" in text


def _is_secret(name: str, value: object) -> bool:
    if not isinstance(value, str):
        return False
    if names_secret(name):
        return is_literal(value)
    if value.lstrip().startswith("{"):
        try:
            read: Any = json.loads(value)
        except (ValueError, RecursionError):
            return False
        key = ("RegisteredUsers",) if "REGISTERED_USERS" in name.upper() else (name,)
        return any(True for _ in in_tree(read, key))
    return has_login(value)


def _commands(service: ComposeService, name: str) -> Iterator[Written]:
    for path in _COMMANDS:
        option = in_words(words(said(service, *path)))
        if option:
            what = f"{name} has a secret written out in its {path[0]}, behind {printable(option)}"
            yield Written(what, *place(service, *path))


def _listed(service: ComposeService, name: str) -> Iterator[Written]:
    for *path, called in _LISTED:
        values = said(service, *path)
        pairs: list[tuple[str | int, str, object]] = []
        if isinstance(values, dict):
            pairs = [(key, str(key), value) for key, value in values.items()]
        elif isinstance(values, list):
            split = (str(text).partition("=") for text in values)
            pairs = [(index, key, value) for index, (key, _, value) in enumerate(split)]
        for member, key, value in pairs:
            if _is_secret(key, value) or (value and key.lower().endswith("basicauth.users")):
                what = f"{name} has a secret written out in the {called} {printable(key)}"
                yield Written(what, *place(service, *path, member))


def _configs(compose: ComposeFile) -> Iterator[Written]:
    configs, depth = compose.tree.find(("configs",))
    entries = configs.value if depth == 1 and isinstance(configs.value, dict) else {}
    for name, entry in entries.items():
        content, found = entry.find(("content",))
        if found == 1 and isinstance(content.value, str) and _holds_secret(content):
            path = ("configs", str(name), "content")
            what = f"the config {printable(str(name))} has a secret written out in it"
            yield Written(what, content.key_mark or content.mark, path)


def _holds_secret(content: Node) -> bool:
    try:
        return any(True for _ in in_tree(json.loads(content.value)))
    except (ValueError, RecursionError):
        return has_login(content.value) or any(True for _ in in_text(content.value))
