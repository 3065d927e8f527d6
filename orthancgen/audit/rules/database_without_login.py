"""A database that asks nobody who he is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import lacks_variables, place, said, variable, words
from orthancgen.audit.references import hipaa, mongodb, nist_pacs, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeFile, ComposeService
from orthancgen.site.problems import printable

_ASKS: Final = ("--auth", "--keyFile", "--clusterAuthMode", "--transitionToAuth")


def find(subject: Subject) -> Iterator[Hit]:
    """Every MongoDB or PostgreSQL that lets in whoever calls."""
    for compose, service in subject.services:
        if service.role == "mongo":
            yield from _mongo(compose, service)
        elif service.role == "postgres":
            yield from _postgres(service)


def _mongo(compose: ComposeFile, service: ComposeService) -> Iterator[Hit]:
    command = words(said(service, "command"))
    name = printable(service.name)
    if "--noauth" in command:
        mark, path = place(service, "command")
        yield Hit(f"{name} is started with --noauth", mark, path)
        return
    asks = any(word.partition("=")[0] in _ASKS for word in command)
    own_file = any(word.partition("=")[0] in {"--config", "-f"} for word in command)
    if asks or own_file or lacks_variables(compose, service):
        return  # with a configuration of its own, it is that file which says so
    account = [
        any(variable(service, f"MONGO_INITDB_ROOT_{what}{end}") for end in ("", "_FILE"))
        for what in ("USERNAME", "PASSWORD")
    ]
    if not any(account):  # with one of the two, the image does not start
        mark, path = place(service, "environment", "MONGO_INITDB_ROOT_USERNAME")
        yield Hit(
            f"{name} has no MONGO_INITDB_ROOT_USERNAME and _PASSWORD, and without them its image asks for no login",
            mark,
            path,
        )


def _postgres(service: ComposeService) -> Iterator[Hit]:
    method = variable(service, "POSTGRES_HOST_AUTH_METHOD")
    if method is not None and (method.value or "").strip() == "trust":
        message = (
            f"{printable(service.name)} has POSTGRES_HOST_AUTH_METHOD trust: it believes whatever user a caller names"
        )
        yield Hit(message, method.mark, method.path)


RULE: Final = Rule(
    id="database-without-login",
    severity=Severity.CRITICAL,
    confidence="certain",
    title="A database asks for no login",
    why="Every program that reaches it, a container that was taken over or whoever finds its port, reads, changes and "
    "deletes all records.",
    remedy="Give it MONGO_INITDB_ROOT_USERNAME and MONGO_INITDB_ROOT_PASSWORD_FILE (a secret), and each program "
    "an account of its own; they count only while the database is empty.",
    references=(
        mongodb("Enable Access Control and Enforce Authentication"),
        page("PostgreSQL: trust authentication", "https://www.postgresql.org/docs/current/auth-trust.html"),
        hipaa("(d)"),
        nist_pacs("PR.AC-1"),
    ),
    find=find,
)
