"""How this host reaches the services of a plan, with credentials: for health, verification and operation."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError
from orthancgen.plan.addresses import LOOPBACK, in_url, reached_here
from orthancgen.plan.model import Plan
from orthancgen.runtimes.state import State
from orthancgen.secrets.store import SecretStore
from orthancgen.secrets.value import SecretValue

_EVERY_ADDRESS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104


@dataclass(frozen=True, slots=True)
class Access:
    """Addresses and credentials of the services.

    Attributes:
        plan: of the environment.
        secrets: the values in use.
        engine_host: the host of the containers, where it is another one than this; empty where it is not.
        seen_as: the address from which the services see every call of this host come; None where they see its own.
        database_address: where the database in a container is reached from this host; None where it is not.
        analysis_address: where the analysis in a container is reached from this host; None where it is not.
        authorities: folder of the site's own certificate authorities, where they are at hand.
    """

    plan: Plan
    secrets: Mapping[str, SecretValue] = field(repr=False)
    engine_host: str = ""
    seen_as: str | None = None
    database_address: tuple[str, int] | None = None
    analysis_address: tuple[str, int] | None = None
    authorities: Path | None = None

    @property
    def here(self) -> bool:
        """Whether the services run on this host."""
        return not self.engine_host

    def _reached(self, listen_on: str) -> str:
        everywhere = listen_on in _EVERY_ADDRESS
        return self.engine_host if everywhere and self.engine_host else reached_here(listen_on)

    @property
    def orthanc_host(self) -> str:
        """Where Orthanc's HTTP is reached from this host."""
        return self._reached(self.plan.site.http.listen_on)

    @property
    def dicom_host(self) -> str:
        """Where the DICOM port is reached; Orthanc listens there on IPv4 alone."""
        if self.plan.site.runtime == "compose":
            return self._reached(self.plan.site.dicom.published_on or "0.0.0.0")  # noqa: S104
        return LOOPBACK if ":" in self.orthanc_host else self.orthanc_host

    @property
    def orthanc_url(self) -> str:
        """Base URL of Orthanc's REST API."""
        scheme = "https" if self.plan.site.http.tls.enabled else "http"
        return f"{scheme}://{in_url(self.orthanc_host)}:{self.plan.site.http.port}"

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
        context = ssl.create_default_context(cadata=self.secrets[tls.authority.secret].reveal())
        # The certificate is made for the users' way here, which is not ours; a proof of its own looks at the name.
        context.check_hostname = False
        return context

    @property
    def backend_url(self) -> str:
        """Base URL of the backend."""
        site = self.plan.site
        scheme = "https" if site.runtime == "compose" and site.http.tls.enabled else "http"
        return f"{scheme}://{in_url(self._reached(site.backend.listen_on))}:{site.backend.port}"

    @property
    def viewer_url(self) -> str:
        """Base URL of the viewer's pages."""
        site = self.plan.site
        scheme = "https" if site.runtime == "compose" and site.http.tls.enabled else "http"
        return f"{scheme}://{in_url(self._reached(site.viewer.listen_on))}:{site.viewer.port}"

    @property
    def analysis_url(self) -> str | None:
        """Base URL of the service of analysis, as far as it is reached from this host."""
        site = self.plan.site
        native = (LOOPBACK, site.analysis.port) if site.runtime == "native" else None
        place = native or self.analysis_address
        return f"http://{in_url(place[0])}:{place[1]}" if place else None

    @property
    def backend_headers(self) -> dict[str, str]:
        """Headers that carry the operator's credential."""
        return {"Authorization": f"Bearer {self.secrets[self.plan.site.backend.operator_token.secret].reveal()}"}

    @property
    def database(self) -> tuple[str, int] | None:
        """Address and port of the database, as far as it is reached from this host."""
        if self.plan.site.runtime == "native":
            return LOOPBACK, self.plan.site.backend.database.port
        return self.database_address

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
    known = {name: value for name, value in values.items() if value is not None}
    return Access(plan, known, authorities=store.authorities)
