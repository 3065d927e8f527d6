"""One container engine: what runs on it, files on its host, its volumes, and Compose talking to it."""

from __future__ import annotations

import queue
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from orthancgen.errors import EngineError
from orthancgen.runtimes.compose import hostfiles
from orthancgen.runtimes.compose.command import Compose, compose_environment, find_compose, run_compose
from orthancgen.runtimes.compose.container import PROJECT_LABEL, SERVICE_LABEL, Container, container_of, ends_when
from orthancgen.runtimes.compose.endpoint import Endpoint, asking, open_client, resolve
from orthancgen.runtimes.compose.hostfiles import PlacedFile

__all__ = ["ENVIRONMENT_LABEL", "Engine", "PlacedFile", "connect"]

ENVIRONMENT_LABEL: Final = "org.orthancgen.environment"
"""Label of everything that is made for an environment; its value is the environment's name."""
_ONE_OFF: Final = "com.docker.compose.oneoff"
_COMPOSE_SECONDS: Final = 600.0
_STOP_SECONDS: Final = 60
_REMOVE_SECONDS: Final = 15.0
_CANNOT_EXECUTE: Final = 126
"""What a shell reports for a program that it cannot run."""


class Engine:
    """An engine that answered.

    Args:
        client: of the engine (`docker.DockerClient`).
        endpoint: where it is.
        compose: the command, if it is known already.
        environment: name of the environment for which things are made, for their label.
        named: whether the caller named the engine, so that Compose must be told.
    """

    def __init__(
        self,
        client: Any,
        endpoint: Endpoint,
        *,
        compose: Compose | None = None,
        environment: str = "",
        named: bool = False,
    ) -> None:
        self.client = client
        weakref.finalize(self, client.close)  # its connections end with it, whoever forgets to
        self.endpoint = endpoint
        self._compose = compose
        self._environment = environment
        self._named = named

    @property
    def local(self) -> bool:
        """Whether it is reached through a socket of this machine."""
        return self.endpoint.socket_path is not None

    @property
    def host(self) -> str:
        """The host on which ports are published: the loopback address for an engine of this machine."""
        return "127.0.0.1" if self.local else urlsplit(self.endpoint.host).hostname or ""

    @cached_property
    def _info(self) -> Mapping[str, Any]:
        with asking("ask the engine about itself"):
            info: dict[str, Any] = self.client.info()
            return info

    @property
    def id(self) -> str:
        """Identity of the engine, which it keeps over restarts."""
        return str(self._info.get("ID", ""))

    @property
    def name(self) -> str:
        """Name of the engine's host."""
        return str(self._info.get("Name", ""))

    @property
    def version(self) -> str:
        """Version of the engine."""
        return str(self._info.get("ServerVersion", ""))

    @property
    def rootless(self) -> bool:
        """Whether it runs without root."""
        return any("name=rootless" in option for option in self._info.get("SecurityOptions") or ())

    @property
    def desktop(self) -> bool:
        """Whether it is Docker Desktop, whose containers run in a machine of their own."""
        return self._info.get("OperatingSystem") == "Docker Desktop"

    @property
    def labels(self) -> dict[str, str]:
        """Labels of what is made for the environment."""
        return {ENVIRONMENT_LABEL: self._environment}

    def require_compose(self) -> None:
        """Look for Compose, so that its absence is told before anything is done.

        Raises:
            ComposeMissingError, EngineTooOldError: there is none that can be used.
        """
        if self._compose is None:
            self._compose = find_compose()

    # -- Compose ------------------------------------------------------------------------------------------------------

    def compose(
        self,
        arguments: Sequence[str],
        *,
        project: str,
        folder: Path,
        files: Sequence[Path],
        environment: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        timeout_seconds: float | None = _COMPOSE_SECONDS,
    ) -> list[str]:
        """Run ``docker compose`` in a session of its own, which ends with this call whatever happens.

        Args:
            arguments: its verb and what follows it; no secret.
            project: name of the project.
            folder: on this machine; what relative paths in the files are relative to.
            files: the compose files, on this machine.
            environment: the variables of the compose file; no secret.
            on_line: told each line as it comes, progress and errors included.
            timeout_seconds: after which it is ended; None waits for ever.

        Returns:
            The lines of its standard output.

        Raises:
            ComposeMissingError, EngineTooOldError: there is no Compose that can be used.
            ComposeFailed: it failed, or took too long; its ``lines`` are the last ones and may name what a service
                printed: who knows the secrets redacts them.
        """
        if self._compose is None:
            self._compose = find_compose()
        try:
            return run_compose(
                self._compose,
                arguments,
                project=project,
                folder=folder,
                files=files,
                environment=compose_environment(environment or {}, self.endpoint.host if self._named else None),
                on_line=on_line,
                timeout_seconds=timeout_seconds,
            )
        finally:
            if arguments[0] == "run":
                self.remove_jobs(project)

    def remove_jobs(self, project: str) -> None:
        """Remove what ``docker compose run`` started: a job whose command was ended goes on without it."""
        with suppress(EngineError):
            for found in self._list(project, one_off=True):
                self._remove(found["Id"])

    # -- containers ---------------------------------------------------------------------------------------------------

    def _list(self, project: str, *, one_off: bool = False) -> list[dict[str, Any]]:
        labels = [f"{PROJECT_LABEL}={project}", f"{_ONE_OFF}={one_off}"]
        with asking("list the containers"):
            found: list[dict[str, Any]] = self.client.api.containers(all=True, filters={"label": labels})
        return sorted(found, key=lambda one: int(one["Created"]))

    def every_container(self, project: str) -> tuple[Container, ...]:
        """The containers of a project, the first one made first, jobs apart: a service may have several for a moment.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        from docker.errors import NotFound

        states = []
        for found in self._list(project):
            with asking("look at a container"), suppress(NotFound):  # gone since it was listed
                states.append(container_of(self.client.api.inspect_container(found["Id"])))
        return tuple(states)

    def containers(self, project: str) -> dict[str, Container]:
        """The containers of a project by service, jobs apart; of two of one service, the one that runs.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        states: dict[str, Container] = {}
        for state in self.every_container(project):
            earlier = states.get(state.service)
            if earlier is None or earlier.status != "running":
                states[state.service] = state
        return states

    def logs(self, project: str, service: str, lines: int) -> list[str]:
        """The last lines that a service printed; empty without a container.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        container = self.containers(project).get(service)
        if container is None:
            return []
        with asking(f"read the log of {service}"):
            printed: bytes = self.client.api.logs(container.id, tail=lines)
        return printed.decode(errors="replace").splitlines()

    def follow(self, project: str, services: Collection[str], lines: int, *, follow: bool) -> Iterator[tuple[str, str]]:
        """Service and line of the last lines of each service; with `follow` as they come, until all containers ended.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        containers = {name: one for name, one in self.containers(project).items() if name in services}
        if not follow:
            for name in services:
                if name in containers:
                    yield from ((name, line) for line in self.logs(project, name, lines))
            return
        found: queue.SimpleQueue[tuple[str, str] | EngineError | None] = queue.SimpleQueue()
        for name, one in containers.items():
            threading.Thread(target=self._feed, args=(found, name, one.id, lines), daemon=True).start()
        still_open = len(containers)
        while still_open:
            item = found.get()
            if isinstance(item, EngineError):
                raise item
            if item is None:
                still_open -= 1
            else:
                yield item

    def _feed(
        self,
        found: queue.SimpleQueue[tuple[str, str] | EngineError | None],
        service: str,
        container_id: str,
        lines: int,
    ) -> None:
        rest = b""
        try:
            with asking(f"read the log of {service}"):
                for piece in self.client.api.logs(container_id, stream=True, follow=True, tail=lines):
                    *whole, rest = (rest + piece).split(b"\n")
                    for line in whole:
                        found.put((service, line.decode(errors="replace").rstrip("\r")))
        except EngineError as error:
            found.put(error)
            return
        if rest:
            found.put((service, rest.decode(errors="replace")))
        found.put(None)

    def execute(self, container_id: str, command: Sequence[str]) -> tuple[int, str]:
        """Run a command in a container: its exit status and what it printed.

        A container that does not run gives 126 and says so, as a shell does for a program that it cannot run.

        Raises:
            EngineError: the engine does not answer.
        """
        from docker.errors import APIError

        api = self.client.api
        with asking("run a command in a container"):
            try:
                started = api.exec_create(container_id, list(command))
                printed: bytes = api.exec_start(started["Id"]) or b""
                code = api.exec_inspect(started["Id"])["ExitCode"]
            except APIError as error:
                return _CANNOT_EXECUTE, (error.explanation or str(error)).strip()
        return (_CANNOT_EXECUTE if code is None else int(code)), printed.decode(errors="replace")

    def pause(self, container_id: str) -> None:
        """Freeze every process of a container.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        with asking("pause a container"):
            self.client.api.pause(container_id)

    def unpause(self, container_id: str) -> None:
        """Let the processes of a container go on.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        with asking("let a container go on"):
            self.client.api.unpause(container_id)

    def stop(self, container_id: str, *, stop_seconds: int = _STOP_SECONDS) -> None:
        """Ask a container to end, and end it after `stop_seconds`; nothing where it is gone.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        from docker.errors import NotFound

        with asking("stop a container"), suppress(NotFound):
            self.client.api.stop(container_id, timeout=stop_seconds)

    def restart(self, container_id: str, *, stop_seconds: int = _STOP_SECONDS) -> None:
        """End a container, one that is frozen too, and start it again. Raises what :meth:`stop` does."""
        with asking("start a container anew"):
            if self.client.api.inspect_container(container_id)["State"]["Paused"]:
                self.client.api.unpause(container_id)
            self.client.api.restart(container_id, timeout=stop_seconds)

    def remove_container(self, container_id: str, *, stop_seconds: int = _STOP_SECONDS) -> None:
        """Stop and remove a container; named volumes stay. Nothing where it is gone.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        self.stop(container_id, stop_seconds=stop_seconds)
        self._remove(container_id)

    def _remove(self, container_id: str) -> None:
        """Remove a container, or wait until whoever removes it already is done."""
        from docker.errors import APIError, NotFound

        api = self.client.api
        deadline = time.monotonic() + _REMOVE_SECONDS
        with asking("remove a container"), suppress(NotFound):
            while True:
                try:
                    api.remove_container(container_id, v=True, force=True)
                except APIError as error:
                    if error.status_code != 409 or time.monotonic() > deadline:
                        raise
                else:
                    return
                time.sleep(0.1)

    def remove_project(self, project: str, *, stop_seconds: int = _STOP_SECONDS) -> None:
        """Stop and remove the containers of a project, those that call others first, and its networks; volumes stay.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        from docker.errors import NotFound

        ordered = sorted(self._list(project), key=lambda found: (ends_when(found["Labels"]), -int(found["Created"])))
        for found in [*self._list(project, one_off=True), *ordered]:
            self.remove_container(found["Id"], stop_seconds=stop_seconds)
        api = self.client.api
        with asking("remove the networks"):
            for network in api.networks(filters={"label": [f"{PROJECT_LABEL}={project}"]}):
                with suppress(NotFound):
                    api.remove_network(network["Id"])

    # -- files and volumes of the host --------------------------------------------------------------------------------

    def place(self, files: Iterable[PlacedFile], folder: str) -> None:
        """Write files into an absolute folder of the engine's host, which is made where it is missing.

        The last file written is a marker: a folder without it counts as not there, see `has_placed`.

        Raises:
            EngineError: the engine refuses, or its host cannot be written.
        """
        hostfiles.place(self.client, files, folder, self.labels)

    def has_placed(self, folder: str) -> bool:
        """Whether `place` has finished that folder.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        return hostfiles.has_placed(self.client, folder, self.labels)

    def read_placed(self, folder: str) -> tuple[PlacedFile, ...] | None:
        """The files that lie in a folder of the engine's host now, without the marker; None where it is not there.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        return hostfiles.read(self.client, folder, self.labels)

    def remove_placed(self, root: str, keep: Collection[str], *, image: str | None = None) -> list[str]:
        """Remove the folders ``<root>/<service>/<digest>`` of the engine's host that are not kept.

        Args:
            root: the folder of all these folders.
            keep: ``<service>/<digest>`` of those that stay.
            image: an image with a shell; without it, one that a container of this environment uses.

        Returns:
            What was removed: nothing where `root` is missing, or no image is at hand.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        chosen = image or self._tool_image()
        if chosen is None or not hostfiles.is_there(self.client, root, self.labels):
            return []
        return hostfiles.remove_placed(self.client, root, keep, chosen, self.labels)

    def _tool_image(self) -> str | None:
        """An image with a shell: any that a container of this environment runs (all of them are Debian or Ubuntu)."""
        labels = [f"{ENVIRONMENT_LABEL}={self._environment}", SERVICE_LABEL]
        with asking("list the containers"):
            found = self.client.api.containers(all=True, filters={"label": labels})
        return str(found[0]["ImageID"]) if found else None

    def volumes(self, project: str) -> dict[str, dict[str, str]]:
        """The volumes of a project by name, sorted, with their labels.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        with asking("list the volumes"):
            found = self.client.api.volumes(filters={"label": [f"{PROJECT_LABEL}={project}"]})
        return {one["Name"]: dict(one.get("Labels") or {}) for one in sorted(found["Volumes"] or [], key=_name_of)}

    def ensure_volume(
        self, name: str, uid: int, gid: int, labels: Mapping[str, str], *, options: Mapping[str, str] | None = None
    ) -> bool:
        """Make a volume where it is missing, and give it its owner as long as it is empty.

        Args:
            name: of the volume.
            uid: who writes into it, as a number of the containers.
            gid: its group.
            labels: its labels; that of the environment is added.
            options: of the driver ``local``, such as the host's folder that it is.

        Returns:
            Whether it was made.

        Raises:
            EngineError: the engine refuses, or the folder of the options is not there.
        """
        from docker.errors import NotFound

        api = self.client.api
        made = False
        with asking(f"make the volume {name}"):
            try:
                api.inspect_volume(name)
            except NotFound:
                api.create_volume(
                    name, driver="local", driver_opts=dict(options or {}), labels={**labels, **self.labels}
                )
                made = True
        hostfiles.own_volume(self.client, name, uid, gid, self.labels)
        return made

    def disk_free(self, volume: str, *, image: str | None = None) -> int | None:
        """Free bytes on the file system of a volume; None where no image with a shell is at hand.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        chosen = image or self._tool_image()
        if chosen is None:
            return None
        command = ["--output=avail", "--block-size=1", "/placed"]
        printed = hostfiles.run_tool(self.client, chosen, ["df"], command, [f"{volume}:/placed:ro"], self.labels)
        last = printed.split()[-1] if printed.split() else ""
        return int(last) if last.isdigit() else None


def connect(host: str | None = None, *, environment: str = "", need_compose: bool = True) -> Engine:
    """The engine that the docker command would use, after it answered and proved to be new enough.

    Args:
        host: another engine's address, such as ``ssh://user@host``.
        environment: name of the environment for which things are made, for their label.
        need_compose: look for Compose at once, so that its absence is told before anything is done.

    Raises:
        EngineAbsentError: nothing answers.
        EngineRefusedError: this user may not.
        EngineTooOldError: the engine is older than 20.10, or Compose than 2.20.
        ComposeMissingError: there is no docker command, or it has no Compose.
        EngineError: the address, context or TLS files cannot be used.
    """
    endpoint = resolve(host)
    client = open_client(endpoint)
    compose = find_compose() if need_compose else None
    return Engine(client, endpoint, compose=compose, environment=environment, named=host is not None)


def _name_of(found: Mapping[str, Any]) -> str:
    return str(found["Name"])
