"""A secret that a compose file has in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from orthancgen.audit.looking_containers import place, said, words
from orthancgen.audit.looking_secrets import has_login, in_text, in_tree, in_words, is_literal, names_secret
from orthancgen.audit.references import cis_docker, owasp_docker
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeFile, ComposeService, EnvironmentValue
from orthancgen.site.problems import printable
from orthancgen.site.tree import Node

_COMMANDS: Final = (("command",), ("entrypoint",), ("healthcheck", "test"))
_LISTED: Final = (("labels",), ("build", "args"))


def find(subject: Subject) -> Iterator[Hit]:
    """Every literal in a variable, a command, a health check, a label or an argument of a build."""
    for compose, service in subject.services:
        text = subject.target.raw.get(compose.file, "")
        for value in service.environment.values():
            if (
                value.mark.file == compose.file
                and _is_written_here(value, text)
                and _is_secret(value.name, value.value)
            ):
                message = (
                    f"{printable(service.name)} has the secret {printable(value.name)} written out in its environment"
                )
                yield Hit(message, value.mark, value.path)
        yield from _commands(service)
        yield from _listed(service)
    for compose in subject.target.composes:
        yield from _configs(compose)


def _is_written_here(value: EnvironmentValue, text: str) -> bool:
    """Whether it is in the file, and not put in from another: the default of a variable is."""
    return not value.from_variable or bool(value.value and f"-{value.value}}}" in text)


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


def _commands(service: ComposeService) -> Iterator[Hit]:
    for path in _COMMANDS:
        option = in_words(words(said(service, *path)))
        if option:
            mark, where = place(service, *path)
            message = f"{printable(service.name)} has a secret written out in its {path[0]}, behind {printable(option)}"
            yield Hit(message, mark, where)


def _listed(service: ComposeService) -> Iterator[Hit]:
    for path in _LISTED:
        values = said(service, *path)
        pairs = [(key, key, value) for key, value in values.items()] if isinstance(values, dict) else []
        if isinstance(values, list):
            pairs = [(index, *str(text).partition("=")[::2]) for index, text in enumerate(values)]
        for key, name, value in pairs:
            basic = str(name).lower().endswith("basicauth.users") and bool(value)
            if basic or _is_secret(str(name), value):
                mark, where = place(service, *path, key)
                what = "label" if path[0] == "labels" else "argument of its build"
                yield Hit(
                    f"{printable(service.name)} has a secret written out in the {what} {printable(str(name))}",
                    mark,
                    where,
                )


def _configs(compose: ComposeFile) -> Iterator[Hit]:
    configs, depth = compose.tree.find(("configs",))
    entries = configs.value if depth == 1 and isinstance(configs.value, dict) else {}
    for name, entry in entries.items():
        content, found = entry.find(("content",))
        if found == 1 and isinstance(content.value, str) and _holds_secret(content):
            path = ("configs", str(name), "content")
            yield Hit(
                f"the config {printable(str(name))} has a secret written out in it",
                content.key_mark or content.mark,
                path,
            )


def _holds_secret(content: Node) -> bool:
    try:
        return any(True for _ in in_tree(json.loads(content.value)))
    except (ValueError, RecursionError):
        return has_login(content.value) or any(True for _ in in_text(content.value))


RULE: Final = Rule(
    id="secret-in-compose",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A secret is written out in a compose file",
    why="Whoever reads the file, its history in git, or `docker inspect` of the container has the password; it is in "
    "the logs of every tool that prints its environment.",
    remedy="Make another secret, and hand that out as a file: `secrets:` with `..._FILE` variables, or for Orthanc a "
    "JSON file in /run/secrets; the file stays out of git.",
    references=(cis_docker("4.10"), owasp_docker("12")),
    find=find,
)
