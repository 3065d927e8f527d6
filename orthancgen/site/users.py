"""`users:` the people, by name, with their roles."""

from __future__ import annotations

from typing import Literal

from orthancgen.site.types import SecretRef, Section

Role = Literal["administrator", "technologist", "radiologist", "viewer"]
"""administrator: everything; technologist: read, send, correct; radiologist: read, report; viewer: read."""


class User(Section):
    """Somebody who logs in."""

    role: Role
    """administrator: everything; technologist: read, send, correct; radiologist: read, report; viewer: read."""
    password: SecretRef
    """Name of the secret; its value is generated unless `secrets:` says where it comes from."""
