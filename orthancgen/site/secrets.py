"""`secrets:` where the value of each secret comes from. The values themselves never stand in the model."""

from __future__ import annotations

from orthancgen.site.types import AbsolutePath, EnvironmentVariable, Section


class SecretSource(Section):
    """Where the value of one secret comes from; a secret that is not listed is generated at first start."""

    file: AbsolutePath | None = None
    """File with the value; one newline at its end does not count."""
    env: EnvironmentVariable | None = None
    """Environment variable of the command, read when the environment is deployed."""
