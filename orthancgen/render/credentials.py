"""Which secrets a unit of systemd is handed, and which files of secrets it sees besides. Pure."""

from __future__ import annotations

from typing import Final

from orthancgen.plan.model import Plan, Secret, ServiceName

_HANDED_TO: Final[frozenset[ServiceName]] = frozenset({"backend", "viewer", "analysis"})
"""Those that read a secret from a file of its name. Orthanc reads its own from a file of its configuration, and the
database has its password in its data."""


def handed_over(plan: Plan) -> tuple[str, ...]:
    """The secrets that systemd reads and hands over, by name."""
    return tuple(secret.name for secret in plan.secrets if _is_read(secret))


def _is_read(secret: Secret) -> bool:
    if secret.purpose == "pem":  # by which all of these services know Orthanc
        return secret.said_by == ("http", "tls", "authority") and "backend" in secret.used_by
    # Of the people who log in, the backend is given hashes.
    return bool(_HANDED_TO & set(secret.used_by)) and secret.said_by[0] != "users"


def of_orthanc(plan: Plan) -> tuple[str, ...]:
    """The certificates and keys that Orthanc, which has another account, reads from their own files, by name."""
    return tuple(one.name for one in plan.secrets if one.purpose == "pem" and "orthanc" in one.used_by)
