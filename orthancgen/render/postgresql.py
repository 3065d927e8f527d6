"""Orthanc's section `PostgreSQL`: where its index is, and its images where they are wanted there too. Pure.

Keys and defaults: https://orthanc.uclouvain.be/book/plugins/postgresql.html, data in ``orthanc/keys/postgresql.json``.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlencode

from orthancgen.plan.addresses import in_url
from orthancgen.plan.model import Plan
from orthancgen.render.layout import layout_of
from orthancgen.site.model import Site

HOST: Final = "postgresql"
"""Name of the environment's own PostgreSQL among its containers."""
_INDEX_LIBRARY: Final = "libOrthancPostgreSQLIndex.so"
_STORAGE_LIBRARY: Final = "libOrthancPostgreSQLStorage.so"
_BUCKET_LIBRARY: Final = "libOrthancAwsS3Storage.so"
"""https://orthanc.uclouvain.be/book/plugins/object-storage.html; orthancteam/orthanc brings it, Debian does not."""
_RETRIES: Final = 60
_RETRY_SECONDS: Final = 2
"""Orthanc ends when it has asked so often in vain at its start; a transaction that collides is repeated as often."""


def libraries(site: Site) -> tuple[str, ...]:
    """The plugins' files that the site needs; Debian's package orthanc-postgresql names them so, and both images."""
    storage = {"postgresql": (_STORAGE_LIBRARY,), "object_storage": (_BUCKET_LIBRARY,)}.get(site.scale.storage, ())
    return (_INDEX_LIBRARY, *storage) if site.scale.index == "postgresql" else storage


def section(plan: Plan, password: str | None = None) -> dict[str, Any]:
    """The section, with the password where one is given.

    `Lock` lets one Orthanc alone use the database, so it is on exactly where there is one. What a plugin does not know
    yet, it does not read: the retries came with 3.3.
    """
    site = plan.site
    return {
        "EnableIndex": True,
        "EnableStorage": site.scale.storage == "postgresql",
        **_connection(plan, password),
        "Lock": site.scale.orthancs == 1,
        "IndexConnectionsCount": site.scale.postgresql.connections,
        "MaximumConnectionRetries": _RETRIES,
        "ConnectionRetryInterval": _RETRY_SECONDS,
    }


def _connection(plan: Plan, password: str | None) -> dict[str, Any]:
    """Where the database is, and how it is called.

    With TLS it is a URI: `EnableSsl` is libpq's `sslmode=require`, which takes any certificate.
    https://www.postgresql.org/docs/current/libpq-ssl.html#LIBPQ-SSL-PROTECTION
    """
    database = plan.site.scale.postgresql
    host = database.host or HOST
    if database.tls and database.authority is not None:
        login = quote(database.user, safe="") + ("" if password is None else ":" + quote(password, safe=""))
        place = f"{in_url(host)}:{database.port}/{quote(database.name, safe='')}"
        authority = f"{layout_of(plan).secrets}/{database.authority.secret}"
        options = urlencode({"sslmode": "verify-full", "sslrootcert": authority}, safe="/")
        return {"ConnectionUri": f"postgresql://{login}@{place}?{options}"}
    said = {"Host": host, "Port": database.port, "Database": database.name, "Username": database.user}
    return {**said, **({} if password is None else {"Password": password}), "EnableSsl": False}
