"""Orthanc's section `PostgreSQL`: where its index is, and its images where they are wanted there too. Pure.

Keys and defaults: https://orthanc.uclouvain.be/book/plugins/postgresql.html, data in ``orthanc/keys/postgresql.json``.
"""

from __future__ import annotations

from typing import Any, Final

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


def section(site: Site) -> dict[str, Any]:
    """The section without its password.

    `Lock` lets one Orthanc alone use the database, so it is on exactly where there is one. What a plugin does not know
    yet, it does not read: the retries came with 3.3.
    """
    database = site.scale.postgresql
    return {
        "EnableIndex": True,
        "EnableStorage": site.scale.storage == "postgresql",
        "Host": database.host or HOST,
        "Port": database.port,
        "Database": database.name,
        "Username": database.user,
        "EnableSsl": database.tls,
        "Lock": site.scale.orthancs == 1,
        "IndexConnectionsCount": database.connections,
        "MaximumConnectionRetries": _RETRIES,
        "ConnectionRetryInterval": _RETRY_SECONDS,
    }
