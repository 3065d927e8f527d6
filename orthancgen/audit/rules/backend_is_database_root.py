"""A program that has every right on the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import DATABASES, ends_by_itself, place, variable
from orthancgen.audit.references import mongodb, nist_pacs
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import ComposeService, EnvironmentValue
from orthancgen.site.problems import printable

_USER: Final = re.compile(r"user(?:_?name)?$", flags=re.IGNORECASE)
_LOGIN: Final = re.compile(r"^mongodb(?:\+srv)?://([^:/@\s]{1,256})(?::[^@\s]*)?@")


def find(subject: Subject) -> Iterator[Hit]:
    """Every service beside a MongoDB that logs in as its root user, or is given that user's password."""
    for compose, database in subject.services:
        if database.role != "mongo":
            continue
        root, secret = variable(database, "MONGO_INITDB_ROOT_USERNAME"), _root_secret(database)
        for service in compose.services.values():
            if service.role in DATABASES or ends_by_itself(compose, service):
                continue
            by = _logs_in(service, root.value or "") if root else None
            name = printable(service.name)
            if by is not None:
                yield Hit(
                    f"{name} logs in to {printable(database.name)} as its root user ({printable(by.name)})",
                    by.mark,
                    by.path,
                )
            elif secret and secret in service.secrets:
                mark, path = place(service, "secrets")
                yield Hit(f"{name} is given the root password of {printable(database.name)}", mark, path)


def _root_secret(database: ComposeService) -> str:
    """Name of the secret with the root password."""
    file = variable(database, "MONGO_INITDB_ROOT_PASSWORD_FILE")
    name = (file.value or "").rpartition("/")[2] if file else ""
    return name if name in database.secrets else ""


def _logs_in(service: ComposeService, root: str) -> EnvironmentValue | None:
    for name, value in service.environment.items():
        login = _LOGIN.match(value.value or "")
        if (login and login[1] == root) or (_USER.search(name) and "MONGO" in name.upper() and value.value == root):
            return value
    return None


RULE: Final = Rule(
    id="backend-is-database-root",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A program logs in to the database as its root user",
    why="A flaw in it that lets others ask the database something lets them do everything there: other programs' "
    "records, users, the server itself.",
    remedy="Make an account that may read and write the program's own records alone (the role readWrite on its "
    "database).",
    references=(mongodb("Configure Role-Based Access Control"), nist_pacs("PR.AC-4")),
    find=find,
)
