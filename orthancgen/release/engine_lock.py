"""A lock as a container that is never started, for those who share an engine, from whatever machine they come.

The engine refuses a second container of one name (``POST /containers/create``: 409), which makes its creation atomic.
``docker container prune`` removes it as it removes every container that does not run.
"""

from __future__ import annotations

import io
import json
import tarfile
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Final

from orthancgen.errors import DeployError
from orthancgen.release.disk import from_json, to_json
from orthancgen.release.lock import Holder
from orthancgen.runtimes.compose.endpoint import asking

if TYPE_CHECKING:
    import docker

IMAGE: Final = "orthancgen/lock"
TAG: Final = "1"
LABEL: Final = "org.orthancgen.lock"


class EngineLock:
    """A lock on an engine.

    Args:
        client: of the engine.
        environment: its name, which is part of the container's.
        engine: how the engine is called in messages.
    """

    def __init__(self, client: docker.DockerClient, environment: str, engine: str = "the engine") -> None:
        self._client, self._environment, self._engine = client, environment, engine

    @property
    def name(self) -> str:
        """The container's name."""
        return f"orthancgen-lock-{self._environment}"

    @property
    def place(self) -> str:
        """The container and its engine."""
        return f"container {self.name} on {self._engine}"

    def create(self, holder: Holder) -> bool:
        """Take the lock; False where somebody has it.

        Raises:
            DeployError: the engine cannot be reached, or refuses.
        """
        from docker.errors import APIError, ImageNotFound

        labels = {LABEL: to_json(holder, indent=None).decode(), "org.orthancgen.environment": self._environment}
        with self._asking("take"):
            for _ in range(2):
                try:
                    self._client.api.create_container(
                        f"{IMAGE}:{TAG}", ["never-started"], name=self.name, labels=labels, network_disabled=True
                    )
                except ImageNotFound:
                    self._import_image()
                except APIError as error:
                    if error.status_code == 409:
                        return False
                    raise
                else:
                    return True
        raise DeployError(f"the image {IMAGE}:{TAG} of the lock is removed as soon as it is made", hint="try again")

    def read(self) -> Holder | None:
        """Who holds the lock, or None.

        Raises:
            DeployError: the engine cannot be reached, or the container is none of ours.
        """
        found = self._find()
        return found[1] if found else None

    def remove(self, holder: Holder) -> None:
        """Give the lock back, where it is this holder's still.

        Raises:
            DeployError: the engine cannot be reached, or refuses.
        """
        from docker.errors import NotFound

        found = self._find()
        if found and found[1] == holder:
            with self._asking("give back"), suppress(NotFound):
                self._client.api.remove_container(found[0], force=True)

    def _find(self) -> tuple[str, Holder] | None:
        """Id of the container, which no other one will ever have, and the holder."""
        from docker.errors import NotFound

        with self._asking("read"):
            try:
                attributes = self._client.api.inspect_container(self.name)
            except NotFound:
                return None
        label = (attributes["Config"]["Labels"] or {}).get(LABEL, "")
        remedy = f"make sure that no deploy runs, then: docker rm {self.name}"
        return attributes["Id"], from_json(Holder, label, "a lock", self.place, remedy)

    def _import_image(self) -> None:
        """Import an image with nothing in it; where another process did so at the same time, only one of them stays."""
        from docker.errors import APIError

        empty = io.BytesIO()
        tarfile.open(fileobj=empty, mode="w").close()
        api = self._client.api
        answer = json.loads(api.import_image_from_data(empty.getvalue(), repository=IMAGE, tag=TAG))
        if api.inspect_image(f"{IMAGE}:{TAG}")["Id"] != answer["status"]:
            with suppress(APIError):  # somebody's lock was made of it in between
                api.remove_image(answer["status"])

    def _asking(self, verb: str) -> AbstractContextManager[None]:
        return asking(f"{verb} the lock ({self.place})")
