"""What runs of an environment on an engine now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.errors import DeployError
from orthancgen.plan.model import ServiceName
from orthancgen.release.drift import container_facts
from orthancgen.release.model import Release
from orthancgen.render.container_files import project_name
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.compose.container import Container
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.folders import file_digests, state_id, state_key
from orthancgen.runtimes.compose.project import START_ORDER
from orthancgen.runtimes.compose.target import Target
from orthancgen.runtimes.state import State

CONFIG_HASH: Final = "com.docker.compose.config-hash"
"""Label by which Compose itself knows whether a container is as its file says."""
STATE_LABEL: Final = "org.orthancgen.state"
"""Label of volumes: which state folder they were made from."""
_HTTP_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class Live:
    """Containers by service; volumes by name, without the project's prefix, with their labels."""

    containers: Mapping[str, Container]
    volumes: Mapping[str, Mapping[str, str]]

    @classmethod
    def look(cls, engine: Engine, environment: str) -> Live:
        """Ask the engine.

        Raises:
            DeployError: it does not answer.
        """
        project = project_name(environment)
        volumes = {name.removeprefix(f"{project}_"): labels for name, labels in engine.volumes(project).items()}
        return cls(dict(engine.containers(project)), volumes)


def require_own(live: Live, state: State, environment: str) -> None:
    """Refuse to touch what was deployed from another state folder: its secrets and releases are not here.

    Raises:
        DeployError: a volume of the environment says so.
    """
    own = state_id(state_key(state.key))
    others = sorted(name for name, labels in live.volumes.items() if labels.get(STATE_LABEL, own) != own)
    if others:
        raise DeployError(
            f"this engine has the environment {environment} from another state folder than {state.root}: "
            f"its volumes {', '.join(others)} belong to that one, and its passwords are not here",
            hint="run where it was deployed from, or name that folder with --state; or restore a backup",
        )


def stale_services(target: Target, current: Release | None, live: Live) -> tuple[ServiceName, ...]:
    """The services that do not run as the target wants them, in the order of their start."""
    return tuple(
        name for name in START_ORDER if name in target.draft.digests and _is_stale(name, target, current, live)
    )


def _is_stale(name: str, target: Target, current: Release | None, live: Live) -> bool:
    container = live.containers.get(name)
    if current is None or container is None or container.status != "running" or container.health == "unhealthy":
        return True
    draft, facts = current.draft, current.facts.get(name, {})
    return (
        draft.digests.get(name) != target.draft.digests[name]
        or draft.images.get(name) != target.draft.images.get(name)
        or container.image_id != target.draft.images[name].id
        or container.labels.get(CONFIG_HASH) != facts.get("config_hash")
        or facts.get("definition") != target.definition_digest(name)
    )


def facts_of(target: Target, containers: Mapping[str, Container]) -> dict[str, dict[str, object]]:
    """What is recorded of a release, so that a later day can tell whether its containers and files are still the same.

    Raises:
        OSError: the key cannot be read.
    """
    key = state_key(target.state.key)
    return {
        name: {
            **container_facts(container.attributes),
            "config_hash": container.labels.get(CONFIG_HASH, ""),
            "definition": target.definition_digest(name),
            "files": file_digests(key, target.folders[name].files),
        }
        for name, container in containers.items()
        if name in target.draft.digests
    }


def index_schema(access: Access) -> int | None:
    """Version of the database schema of Orthanc's index, as Orthanc says it; None where it does not answer."""
    import httpx

    try:
        answer = httpx.get(
            f"{access.orthanc_url}/system",
            auth=access.orthanc_login,
            verify=access.http_verify,
            timeout=_HTTP_SECONDS,
            trust_env=False,
        ).raise_for_status()
        system: dict[str, Any] = answer.json()
        return int(system["DatabaseVersion"])
    except (httpx.HTTPError, ValueError, KeyError):
        return None
