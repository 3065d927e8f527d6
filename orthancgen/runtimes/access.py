"""How this host reaches the services of a plan, with credentials: for health, verification and operation."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from orthancgen.errors import DeployError
from orthancgen.plan.build import LOOPBACK
from orthancgen.plan.model import Plan
from orthancgen.runtimes.state import State
from orthancgen.secrets.store import SecretStore
from orthancgen.secrets.value import SecretValue

_EVERY_ADDRESS: Final = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104


@dataclass(frozen=True, slots=True)
class Access:
    """Addresses and credentials of the services."""

    plan: Plan
    secrets: Mapping[str, SecretValue] = field(repr=False)

    @property
    def orthanc_host(self) -> str:
        """Where Orthanc is reached from this host."""
        listen_on = self.plan.site.http.listen_on
        return _EVERY_ADDRESS.get(listen_on, listen_on)

    @property
    def orthanc_url(self) -> str:
        """Base URL of Orthanc's REST API."""
        scheme = "https" if self.plan.site.http.tls.enabled else "http"
        return f"{scheme}://{_bracketed(self.orthanc_host)}:{self.plan.site.http.port}"

    @property
    def orthanc_login(self) -> tuple[str, str]:
        """User and password of the first administrator, for an HTTP client's ``auth`` alone."""
        account = next(a for a in self.plan.accounts if a.role == "administrator")
        return account.user, self.secrets[account.secret].reveal()

    @property
    def http_verify(self) -> ssl.SSLContext | bool:
        """What proves that it is Orthanc that answers by HTTPS."""
        tls = self.plan.site.http.tls
        if not tls.enabled or tls.authority.secret not in self.secrets:
            return True
        return ssl.create_default_context(cadata=self.secrets[tls.authority.secret].reveal())

    @property
    def backend_url(self) -> str:
        """Base URL of the backend."""
        listen_on = self.plan.site.backend.listen_on
        return f"http://{_bracketed(_EVERY_ADDRESS.get(listen_on, listen_on))}:{self.plan.site.backend.port}"

    @property
    def backend_headers(self) -> dict[str, str]:
        """Headers that carry the operator's credential."""
        return {"Authorization": f"Bearer {self.secrets[self.plan.site.backend.operator_token.secret].reveal()}"}

    @property
    def database_host(self) -> str:
        """Where the database is reached from this host."""
        return LOOPBACK

    @property
    def database_password(self) -> SecretValue:
        """Password of the backend's account."""
        return self.secrets[self.plan.site.backend.database.password.secret]


def stored_access(plan: Plan, state: State) -> Access:
    """Access with the secrets in use.

    Raises:
        DeployError: the environment was not deployed, so that it has none.
    """
    store = SecretStore(state.secrets)
    values = {secret.name: store.read(secret.name) for secret in plan.secrets}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise DeployError(
            f"the environment {plan.site.environment} was not deployed here: {state.root} has no {', '.join(missing)}",
            hint=f"orthancgen deploy {plan.site.environment}",
        )
    return Access(plan, {name: value for name, value in values.items() if value is not None})


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
