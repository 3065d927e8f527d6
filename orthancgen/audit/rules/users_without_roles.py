"""Every user of the REST API may do everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_logins import authorization_plugin
from orthancgen.audit.looking_scripts import missing_scripts, scripts_of
from orthancgen.audit.looking_settings import serving_http
from orthancgen.audit.references import hipaa, nist_pacs, orthanc_book
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject

_FILTER: Final = "IncomingHttpRequestFilter"


def find(subject: Subject) -> Iterator[Hit]:
    """Every Orthanc with several users, none of whom is kept from anything."""
    for orthanc in serving_http(subject):
        if not orthanc.authentication or len(orthanc.users) < 2 or authorization_plugin(orthanc):
            continue
        if _is_filtered(subject, orthanc):
            continue
        yield Hit(
            f"each of the {len(orthanc.users)} users may read, change and delete everything: no script defines "
            f"{_FILTER}",
            *orthanc.place("RegisteredUsers"),
        )


def _is_filtered(subject: Subject, orthanc: Orthanc) -> bool:
    if any(_FILTER in script.callbacks for script in scripts_of(subject, orthanc)):
        return True
    python = orthanc.get("PythonScript")
    return missing_scripts(subject, orthanc) or isinstance(python, str)


RULE: Final = Rule(
    id="users-without-roles",
    severity=Severity.MEDIUM,
    confidence="likely",
    title="Every user may do everything",
    why="Orthanc knows no roles: without a filter, the password of somebody who only looks at images deletes the "
    "archive.",
    remedy="Define IncomingHttpRequestFilter in a Lua script that allows each user what it needs, or use the "
    "authorization plugin.",
    references=(orthanc_book("users/lua", "Filtering incoming REST requests"), hipaa("(a)(1)"), nist_pacs("PR.AC-4")),
    find=find,
)
