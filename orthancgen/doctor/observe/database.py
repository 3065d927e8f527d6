"""Does the database answer, and does it let the backend's account in?"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from orthancgen.doctor.case import Case
from orthancgen.render.backend_json import DATABASE_USER

Outcome = Literal["well", "refused", "closed", "silent", "failed", "not reached"]
"""refused: it refuses the password; closed: nobody listens; silent: who listens does not answer; not reached: the
backend alone can ask it."""
_MILLISECONDS: Final = (3000, 10_000)
"""How long it may take to answer, and how long when it is asked once more: a busy host is no database that hangs."""
_AUTHENTICATION_FAILED: Final = 18  # https://www.mongodb.com/docs/manual/reference/error-codes/


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking.

    Attributes:
        outcome: in one word.
        said: the error's name, without addresses and secrets.
        seconds: how long it took.
        clock: the database's, in UTC.
        at: this host's clock at that moment.
    """

    outcome: Outcome
    said: str = ""
    seconds: float = 0.0
    clock: datetime | None = None
    at: datetime | None = None


def ask(case: Case) -> Answer:
    """Log in as the backend does, and ask for a sign of life."""

    def look() -> Answer:
        first, again = _MILLISECONDS
        found = _ask(case, first)
        return _ask(case, again) if found.outcome == "silent" else found

    return case.once("database", look)


def _ask(case: Case, milliseconds: int) -> Answer:
    from pymongo import MongoClient
    from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError

    access = case.access
    address = access.database if access else None
    if access is None or address is None:
        return Answer("not reached")
    name = case.site.backend.database.name
    client: MongoClient[dict[str, Any]] = MongoClient(
        *address, directConnection=True, username=DATABASE_USER, password=access.database_password.reveal(),
        authSource=name, serverSelectionTimeoutMS=milliseconds, connectTimeoutMS=milliseconds,
        socketTimeoutMS=milliseconds,
    )  # fmt: skip
    began = time.monotonic()
    try:
        with client:
            clock = client.admin.command("hello").get("localTime")
            at = datetime.now(UTC)
            client[name].command("ping")
            seconds = time.monotonic() - began
    except OperationFailure as error:
        outcome: Outcome = "refused" if error.code == _AUTHENTICATION_FAILED else "failed"
        return Answer(outcome, f"error {error.code}", time.monotonic() - began)
    except ServerSelectionTimeoutError as error:
        closed = "Connection refused" in str(error)
        return Answer("closed" if closed else "silent", type(error).__name__, time.monotonic() - began)
    except PyMongoError as error:
        return Answer("silent", type(error).__name__, time.monotonic() - began)
    aware = clock.replace(tzinfo=UTC) if isinstance(clock, datetime) and clock.tzinfo is None else clock
    return Answer("well", "", seconds, aware if isinstance(aware, datetime) else None, at)
