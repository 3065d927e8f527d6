"""account.json: what the program needs to know that makes the backend's account on the database, once."""

from __future__ import annotations

from typing import Any, Final

from orthancgen.plan.model import Plan
from orthancgen.render.backend_json import DATABASE_USER
from orthancgen.render.layout import layout_of
from orthancgen.render.quoting import json_document
from orthancgen.render.replica_set import document, members

ROOT_USER: Final = "orthancgen_root"
PREVIOUS_ROOT_PASSWORD: Final = "database_root_password_previous"  # noqa: S105  a file's name
"""File with the root password that the database still has while it is being changed; else it is not there."""


def build(plan: Plan) -> str:
    """The text of account.json."""
    return json_document(configuration(plan))


def configuration(plan: Plan) -> dict[str, Any]:
    """The configuration as a mapping."""
    database, layout = plan.site.backend.database, layout_of(plan)
    found = members(plan.site)
    return {
        "host": found[0].host if found else layout.database_host,
        "port": database.port,
        **document(plan.site),
        "root": {
            "username": ROOT_USER,
            "password_file": f"{layout.secrets}/{database.root_password.secret}",
            "previous_password_file": f"{layout.secrets}/{PREVIOUS_ROOT_PASSWORD}",
        },
        "database": database.name,
        "user": {"username": DATABASE_USER, "password_file": f"{layout.secrets}/{database.password.secret}"},
    }
