"""Who logs in at an Orthanc's REST API, and with what: never to be shown beyond the names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from orthancgen.audit.subject import Orthanc
from orthancgen.foreign.model import ComposeService
from orthancgen.site.problems import KeyPath, Mark

_DATA: Final = Path(__file__).with_name("known_logins.json")
_DATABASES: Final = {
    "PostgreSQL": ("ORTHANC__POSTGRESQL__PASSWORD", "postgres", "postgres"),
    "MySQL": ("ORTHANC__MYSQL__PASSWORD", "root", "mysql"),
}
"""Section -> the variable of its password, and user and password that orthancteam/orthanc takes where none are said:
https://orthanc.uclouvain.be/book/users/docker-orthancteam.html#plugins."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user name and a password that a configuration holds.

    Attributes:
        what: whose login it is, in words.
        password: as it is written, of whatever type.
    """

    what: str
    user: str
    password: Any
    mark: Mark
    path: KeyPath


@dataclass(frozen=True, slots=True)
class KnownLogin:
    """A login that guides and programs have made known; ``user`` is "" where any user's is meant."""

    user: str
    password: str
    source: str


def users(orthanc: Orthanc) -> Iterator[Login]:
    """The users of the REST API whose passwords are at hand."""
    for name, password in orthanc.users.items():
        yield Login(f"the user {name!r}", str(name), password, *orthanc.place("RegisteredUsers", str(name)))


def databases(orthanc: Orthanc, service: ComposeService | None) -> Iterator[Login]:
    """The logins with which an Orthanc opens its database; where the image fills them in, those of the image.

    Args:
        orthanc: whose database.
        service: its container, which may be given a password as a secret.
    """
    for section, (variable, user, password) in _DATABASES.items():
        settings = orthanc.values.get(section)
        if not isinstance(settings, Mapping) or "ConnectionUri" in settings:
            continue
        filled_in = orthanc.part.publisher == "orthancteam" and not _is_given(service, variable)
        given = settings.get("Password", password if filled_in else None)
        name = settings.get("Username", user if orthanc.part.publisher == "orthancteam" else None)
        if isinstance(name, str) and given is not None:
            yield Login(f"the login at {section}", name, given, *orthanc.place(section, "Password"))


def _is_given(service: ComposeService | None, variable: str) -> bool:
    """Whether a container is given a variable, or the secret of that name that its image takes for one."""
    return service is not None and (variable in service.environment or variable in service.secrets)


@cache
def known_logins() -> tuple[KnownLogin, ...]:
    """The logins that everybody knows."""
    rows = json.loads(_DATA.read_text(encoding="utf-8"))["logins"]
    return tuple(KnownLogin(row["user"], row["password"], row["source"]) for row in rows)


def known(login: Login) -> KnownLogin | None:
    """The known login that this one is, by its user and password; upper and lower case of a user do not count."""
    return next(
        (one for one in known_logins() if one.password == login.password and one.user in {"", login.user.casefold()}),
        None,
    )


def asks_login(orthanc: Orthanc) -> bool:
    """Whether an Orthanc, or its authorization plugin, asks who is there."""
    return orthanc.authentication or authorization_plugin(orthanc)


def authorization_plugin(orthanc: Orthanc) -> bool:
    """Whether the authorization plugin decides about requests: its section is there, and does not turn it off."""
    section = orthanc.values.get("Authorization")
    return isinstance(section, Mapping) and bool(section) and section.get("Enable") is not False
