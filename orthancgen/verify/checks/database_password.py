"""The database answers nobody without a password, or with a wrong one."""

from __future__ import annotations

import secrets as random_source
from typing import Any, Final

from orthancgen.render.backend_json import DATABASE_USER
from orthancgen.verify.check import Check
from orthancgen.verify.checks.without import no_backend
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict

# https://www.mongodb.com/docs/manual/reference/error-codes/
_UNAUTHORIZED: Final = 13
_AUTHENTICATION_FAILED: Final = 18
_MILLISECONDS: Final = 5000


def examine(context: Context) -> Verdict:
    """List the collections without a login, and log in with a wrong password."""
    expected = "error 13 (Unauthorized) without a login, 18 (AuthenticationFailed) with a wrong password"
    if (absent := no_backend(context, expected)) is not None:
        return absent
    wrong_login = {
        "username": DATABASE_USER,
        "password": random_source.token_urlsafe(16),
        "authSource": context.site.backend.database.name,
    }
    address = context.access.database
    if address is None:
        return skipped(expected, "the database is reached by the backend alone, and not from this host")
    attempts: tuple[tuple[str, dict[str, Any], int], ...] = (
        ("without a login", {}, _UNAUTHORIZED),
        ("with a wrong password", wrong_login, _AUTHENTICATION_FAILED),
    )
    wrong = []
    for words, options, code in attempts:
        seen = _attempt(context, address, options)
        if seen != code:
            wrong.append(
                f"{words}: {'it answers' if seen is None else seen if isinstance(seen, str) else f'error {seen}'}"
            )
    return verdict(not wrong, expected, "; ".join(wrong) or "so", "does the database run with --auth?")


def _attempt(context: Context, address: tuple[str, int], options: dict[str, Any]) -> int | str | None:
    """The code of the refusal; None when it was no refusal; a name when there was no answer."""
    from pymongo import MongoClient
    from pymongo.errors import OperationFailure, PyMongoError

    client: MongoClient[dict[str, Any]] = MongoClient(
        *address,
        directConnection=True,
        serverSelectionTimeoutMS=_MILLISECONDS,
        connectTimeoutMS=_MILLISECONDS,
        **options,
    )
    try:
        with client:
            client[context.site.backend.database.name].command("listCollections")
    except OperationFailure as error:
        return error.code
    except PyMongoError as error:
        return f"no answer ({type(error).__name__})"
    return None


CHECK = Check("database-needs-password", "The database refuses who has no password", "negative", examine)
