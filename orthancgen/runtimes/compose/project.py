"""The containers of one environment: started, looked at and stopped as its compose file says."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import yaml

from orthancgen.errors import StartError
from orthancgen.plan.model import ServiceName
from orthancgen.render.artifact import Bundle
from orthancgen.render.container_files import folder_variable, project_name
from orthancgen.runtimes.compose.container import Container
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.folders import folder_path
from orthancgen.secrets.store import redact
from orthancgen.secrets.value import SecretValue

COMPOSE_FILE: Final = "compose.yaml"
START_ORDER: Final[tuple[ServiceName, ...]] = ("database", "orthanc", "backend", "analysis", "viewer", "gateway")
ACCOUNT_SERVICE: Final[ServiceName] = "database-account"
_INTERVAL_SECONDS: Final = 0.2
_LOG_LINES: Final = 12
_QUICK_RESTARTS: Final = 2
"""A container that its engine restarted so often while it was waited for is given up."""


def definition(bundle: Bundle) -> Mapping[str, Any]:
    """The compose file of a bundle as a mapping."""
    return _parsed(bundle.file(COMPOSE_FILE).content)


@lru_cache(maxsize=4)
def _parsed(content: bytes) -> Mapping[str, Any]:
    # The loader in C, where PyYAML was built with it, is ten times faster.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    document: Mapping[str, Any] = yaml.load(content, Loader=loader)  # noqa: S506  it is a safe one
    return document


@dataclass(frozen=True, slots=True)
class Project:
    """One release's view of the containers.

    Attributes:
        engine: where they run.
        environment: its name.
        bundle_folder: where the compose file lies on this machine.
        services: the services of the compose file, those of a profile apart.
        health: the command by which each service's health is asked, run in its container.
        variables: what the compose file is given.
    """

    engine: Engine
    environment: str
    bundle_folder: Path
    services: tuple[ServiceName, ...]
    health: Mapping[str, tuple[str, ...]]
    variables: Mapping[str, str]

    @classmethod
    def of(
        cls,
        engine: Engine,
        environment: str,
        bundle_folder: Path,
        bundle: Bundle,
        digests: Mapping[str, str],
        run: Path,
    ) -> Project:
        """The project of a bundle whose service folders have those digests."""
        services = definition(bundle)["services"]
        names = tuple(name for name in START_ORDER if name in services)
        health: dict[str, tuple[str, ...]] = {name: tuple(services[name]["healthcheck"]["test"][1:]) for name in names}
        variables = {folder_variable(name): folder_path(run, name, digest) for name, digest in digests.items()}
        return cls(engine, environment, bundle_folder, names, health, variables)

    @property
    def name(self) -> str:
        """Name of the Compose project."""
        return project_name(self.environment)

    def _compose(self, *arguments: str) -> list[str]:
        return self.engine.compose(
            arguments,
            project=self.name,
            folder=self.bundle_folder,
            files=[self.bundle_folder / COMPOSE_FILE],
            environment=self.variables,
        )

    def up(self, services: Sequence[str], *, anew: bool = False) -> None:
        """Create and start services as the file says; one that is so already is not touched, unless `anew`.

        Raises:
            DeployError: Compose or the engine refuses; with what it said.
        """
        if services:
            self._compose(
                "up",
                *(["--force-recreate"] if anew else []),
                "--detach",
                "--no-deps",
                "--no-build",
                "--pull",
                "never",
                "--quiet-pull",
                *services,
            )

    def set_account(self) -> None:
        """Run the job that gives the database its accounts.

        Raises:
            DeployError: it did not end well; with what it said.
        """
        self._compose("run", "--rm", "--no-deps", "-T", ACCOUNT_SERVICE)

    def containers(self) -> dict[str, Container]:
        """The containers of the project by service, jobs apart."""
        return dict(self.engine.containers(self.name))

    def remove(self, services: Collection[str]) -> None:
        """Stop and remove containers by their service; volumes stay."""
        for name, container in self.containers().items():
            if name in services:
                self.engine.remove_container(container.id, stop_seconds=_stop_seconds(name))

    def remove_idle(self) -> None:
        """Remove containers that do not run: what a recreation left that was cut off in the middle."""
        for container in self.engine.every_container(self.name):
            if container.status in {"created", "exited", "dead"}:
                self.engine.remove_container(container.id)

    def not_as_wanted(self, images: Mapping[str, str]) -> list[str]:
        """The services of which not exactly one container runs, of that image and on the files of this project.

        Args:
            images: service -> id of the image.
        """
        found = self.engine.every_container(self.name)
        return [name for name in self.services if not self._as_wanted(name, images[name], found)]

    def _as_wanted(self, name: str, image: str, found: Collection[Container]) -> bool:
        own = [one for one in found if one.service == name]
        if len(own) != 1 or own[0].status != "running" or own[0].image_id != image:
            return False
        folder = self.variables[folder_variable(name)]
        sources = [Path(mount["Source"]) for mount in own[0].attributes["Mounts"] if mount["Type"] == "bind"]
        return any(source.is_relative_to(folder) for source in sources)

    def wait_healthy(self, service: str, seconds: float, secrets: Mapping[str, SecretValue]) -> None:
        """Wait until the container's own health command succeeds in it.

        The engine asks every few seconds only; a deploy cannot wait for that.

        Raises:
            StartError: it ended, restarts again and again, or is not healthy in time; with the end of its log.
        """
        deadline = time.monotonic() + seconds
        first: int | None = None
        said = "it was not started"
        while True:
            container = self.containers().get(service)
            if container is not None and container.status == "running":
                code, said = self.engine.execute(container.id, self.health[service])
                if code == 0:
                    return
            elif container is not None:
                said = f"its container is {container.status}"
            restarts = container.restart_count if container is not None else 0
            first = restarts if first is None else first
            gone = container is None or container.status in {"exited", "dead"} or restarts - first >= _QUICK_RESTARTS
            if gone or time.monotonic() > deadline:
                why = "it ends as soon as it is started" if gone else f"its health command says: {said.strip()[-200:]}"
                log = "\n".join(f"  {line}" for line in self.engine.logs(self.name, service, _LOG_LINES))
                raise StartError(
                    redact(f"{service} did not get healthy: {why}\n{log}", secrets),
                    hint=f"the whole log: orthancgen logs {self.environment} {service}",
                )
            time.sleep(_INTERVAL_SECONDS)


def _stop_seconds(service: str) -> int:
    return 60 if service == "orthanc" else 30
