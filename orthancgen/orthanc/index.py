"""Which Orthanc can open which index.

The index carries the version of its database schema (``DatabaseVersion`` of ``/system``). An Orthanc upgrades an older
schema when it starts and refuses a newer one ("Incompatible version of the Orthanc database"), so a way back exists
only as long as the schema was not raised. Within a schema, columns are added: versions since 1.11.3 ignore those that
they do not know; older ones open the index, read it, and fail with everything that is stored. Seen with SQLite: 1.12.7
reads, adds to and deletes from an index that 1.13.0 has had; 1.10.1 says "table AttachedFiles has 10 columns but 8
values were supplied", and leaves a resource without its file.

Source: https://orthanc.uclouvain.be/book/faq/upgrade.html, and
https://orthanc.uclouvain.be/book/developers/db-versioning.html (schema 6 since Orthanc 0.9.5).
"""

from __future__ import annotations

from typing import Final

from orthancgen.orthanc.keys import Version

NEWEST_SCHEMA: Final[tuple[tuple[Version, int], ...]] = ((Version.parse("0.9.5"), 6),)
"""From which version on the newest schema that an Orthanc can open is which; ascending."""

COLUMNS_ADDED: Final = Version(1, 12, 8)
"""The first version that adds columns to the tables of SQLite."""
COLUMNS_IGNORED: Final = Version(1, 11, 3)
"""The first version that names the columns that it writes."""


def newest_schema(version: Version) -> int:
    """The newest schema that a version can open, and to which it upgrades an older one."""
    return max((schema for since, schema in NEWEST_SCHEMA if version >= since), default=0)


def can_open(older: Version, newer: Version, schema: int | None) -> bool:
    """Whether an older Orthanc can open the index that a newer one had last.

    Args:
        older: the Orthanc that would open it.
        newer: the one that had it last.
        schema: what was recorded of the index while the newer one ran; None where nothing was.
    """
    return (newest_schema(newer) if schema is None else schema) <= newest_schema(older)


def can_use(older: Version, newer: Version, schema: int | None) -> bool:
    """Whether an older Orthanc can open the index that a newer one had last, and store into it; as `can_open`."""
    return can_open(older, newer, schema) and not (older < COLUMNS_IGNORED and newer >= COLUMNS_ADDED)
