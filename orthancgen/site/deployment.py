"""`deployment:` how the environment's host is reached from elsewhere, and what keeps its programs running there."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from orthancgen.site.types import Host, Port, Section

_LOGIN: Final = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def _login(value: str) -> str:
    if not _LOGIN.fullmatch(value):
        raise ValueError(
            "a login name has lower-case letters, digits, _ and -, begins with no digit, at most 32 of them"
        )
    return value


Login = Annotated[
    str,
    AfterValidator(_login),
    Field(description="Login name on a Linux host.", json_schema_extra={"pattern": f"^{_LOGIN.pattern}$"}),
]
"""The names that useradd(8) takes."""


class Deployment(Section):
    """How the environment's host is reached, for `orthancgen inventory`, and what keeps its programs running."""

    host: Host | None = None
    """Name or address of the host, as the machine that deploys reaches it by SSH."""
    port: Port = 22
    """Of SSH."""
    """Port of its SSH server."""
    user: Login | None = None
    """Login name there; without it, what SSH's own configuration says."""
    become: bool = True
    """That user becomes root by sudo; false where it is root already."""
    supervisor_under: Literal["nothing", "systemd"] = "nothing"
    """systemd: the supervisor of the native runtime is a hardened unit that comes back when the host starts."""
