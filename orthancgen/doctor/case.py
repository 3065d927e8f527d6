"""The case: the environment that is looked at, and what is known of it. Each thing is looked up once, when it is asked.

What belongs to one topic is looked up by the modules of `observe/`, as functions of the case that keep what they found
with :meth:`Case.once`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, TypeVar, cast

import httpx

from orthancgen.errors import OrthancgenError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.runtime import Runtime, ServiceStatus
from orthancgen.secrets.store import redact
from orthancgen.site.load import Loaded
from orthancgen.site.model import Site

T = TypeVar("T")
_LOG_LINES: Final = 20_000
_HTTP_SECONDS: Final = 8.0


@dataclass
class Case:
    """One environment, looked at once.

    Attributes:
        loaded: the environment file, with the places of its keys.
        runtime: what it runs on; knows the plan and the state folder.
        since: events that are older do not count.
        modality: the one that is asked about, where it is one.
        named: ENV as it was typed.
    """

    loaded: Loaded
    runtime: Runtime
    since: timedelta = timedelta(hours=24)
    modality: str | None = None
    named: str = ""
    began: datetime = field(default_factory=lambda: datetime.now().astimezone())
    _known: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def plan(self) -> Plan:
        """What should exist."""
        return self.runtime.plan

    @property
    def site(self) -> Site:
        """What the owner wants."""
        return self.plan.site

    @property
    def env(self) -> str:
        """How the environment is named on a command line."""
        return self.named or str(self.site.environment)

    def once(self, name: str, look: Callable[[], T]) -> T:
        """What `look` finds, which is done the first time only."""
        if name not in self._known:
            self._known[name] = look()
        return cast("T", self._known[name])

    @cached_property
    def access(self) -> Access | None:
        """How the services are reached; None where the environment was not deployed, or the engine does not answer."""
        try:
            return self.runtime.access()
        except OrthancgenError:
            return None

    @cached_property
    def services(self) -> dict[str, ServiceStatus] | OrthancgenError:
        """The services by name, or why they cannot be asked."""
        try:
            return {row.service: row for row in self.runtime.status()}
        except OrthancgenError as error:
            return error

    def runs(self, service: str) -> bool:
        """Whether the process of a service runs; it may be unwell."""
        rows = self.services
        return not isinstance(rows, OrthancgenError) and service in rows and rows[service].pid != 0

    def log(self, service: str) -> tuple[str, ...]:
        """The last lines of a service's log, oldest first, with every secret replaced by its name."""

        def read() -> tuple[str, ...]:
            try:
                lines = [line for _, line in self.runtime.logs([service], _LOG_LINES, follow=False)]
            except OrthancgenError:
                return ()
            secrets = self.access.secrets if self.access else {}
            return tuple(redact("\n".join(lines), secrets).split("\n")) if lines else ()

        return self.once(f"log {service}", read)

    def orthanc(self, path: str, *, method: str = "GET", content: str | None = None) -> httpx.Response | str:
        """Orthanc's answer to its administrator, or why there is none."""
        access = self.access
        if access is None:
            return "the environment was not deployed"
        login: dict[str, Any] = {"auth": access.orthanc_login, "verify": access.http_verify}
        return self._ask(access.orthanc_url, path, method, content, login)

    def backend(self, path: str, *, method: str = "GET", content: str | None = None) -> httpx.Response | str:
        """The backend's answer to its operator, or why there is none."""
        access = self.access
        if access is None:
            return "the environment was not deployed"
        headers = dict(access.backend_headers)
        if content is not None:
            headers["Content-Type"] = "application/json"
        token: dict[str, Any] = {"headers": headers, "verify": access.http_verify}
        return self._ask(access.backend_url, path, method, content, token)

    def _ask(
        self, base: str, path: str, method: str, content: str | None, options: dict[str, Any]
    ) -> httpx.Response | str:
        """A service that let one question wait to its end is not asked again: each would wait as long."""
        silent = f"silent {base}"
        if silent in self._known:
            return cast("str", self._known[silent])
        verify = options.pop("verify")
        try:
            with httpx.Client(timeout=_HTTP_SECONDS, trust_env=False, verify=verify) as client:
                return client.request(method, f"{base}{path}", content=content, **options)
        except httpx.TimeoutException as error:
            said = f"{type(error).__name__}: {error}"
            return self.once(silent, lambda: said)
        except httpx.HTTPError as error:
            return f"{type(error).__name__}: {error}"
