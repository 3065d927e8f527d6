"""The container engine of a case: whether it answers, the release that should run on it, and what runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from orthancgen.doctor.case import Case
from orthancgen.errors import EngineError, OrthancgenError
from orthancgen.release.model import Release
from orthancgen.release.store import ReleaseStore
from orthancgen.render.container_files import project_name

if TYPE_CHECKING:
    from orthancgen.runtimes.compose.container import Container
    from orthancgen.runtimes.compose.engine import Engine


def in_containers(case: Case) -> bool:
    """Whether the environment runs in containers of one engine."""
    return case.site.runtime == "compose"


def release(case: Case) -> Release | None:
    """The release in use; None where nothing was deployed here, or its record is damaged."""

    def look() -> Release | None:
        try:
            return ReleaseStore(case.runtime.state.root).current()
        except (OrthancgenError, OSError):
            return None

    return case.once("engine release", look)


def deployed(case: Case) -> bool:
    """Whether containers should run."""
    return in_containers(case) and release(case) is not None


def engine(case: Case) -> Engine | OrthancgenError:
    """The engine, or why it cannot be used."""

    def look() -> Engine | OrthancgenError:
        from orthancgen.runtimes.compose.runtime import ComposeRuntime

        if not isinstance(case.runtime, ComposeRuntime):
            return EngineError("the environment does not run in containers")
        try:
            found = case.runtime.engine
            found.containers(project_name(case.site.environment))  # a client that is open says nothing of today
        except OrthancgenError as error:
            return error
        return found

    return case.once("engine", look)


def answering(case: Case) -> Engine | None:
    """The engine, where it answers and the environment was deployed on it."""
    if not deployed(case):
        return None
    found = engine(case)
    return None if isinstance(found, OrthancgenError) else found


def on_this_host(case: Case) -> bool:
    """Whether what runs, runs on this very host and is reached through its packet filter."""
    if not in_containers(case):
        return True
    found = answering(case)
    return found is not None and found.local and not found.rootless and not found.desktop


def containers(case: Case) -> Mapping[str, Container]:
    """The containers by service; empty where the engine does not answer."""

    def look() -> Mapping[str, Container]:
        found = answering(case)
        if found is None:
            return {}
        try:
            return dict(found.containers(project_name(case.site.environment)))
        except OrthancgenError:
            return {}

    return case.once("engine containers", look)


def running(case: Case) -> Mapping[str, Container]:
    """Those that run, by service."""
    return {name: one for name, one in containers(case).items() if one.status == "running"}


def ran_out_of_memory(case: Case, container: Container) -> bool:
    """Whether the kernel ended a program of a container for want of memory, as far back as the engine remembers."""
    found = answering(case)
    if found is None:
        return False
    now = case.began.timestamp()
    try:
        events = found.client.api.events(
            since=int(now - case.since.total_seconds()), until=int(now), decode=True,
            filters={"container": [container.id], "event": ["oom"]},
        )  # fmt: skip
        return any(True for _ in events)
    except Exception:  # the SDK raises whatever its transport does
        return False


def name_of(case: Case, service: str) -> str:
    """The name of a service's container; the one that Compose would give, where there is none."""
    found = containers(case).get(service)
    return found.name if found is not None else f"{project_name(case.site.environment)}-{service}-1"


def facts(case: Case, service: str) -> Mapping[str, Any]:
    """What was recorded of a container when its release was deployed."""
    found = release(case)
    return found.facts.get(service, {}) if found is not None else {}


def lost_networks(case: Case, service: str) -> tuple[str, ...]:
    """The networks that a running container was in when its release was deployed, and is not in any more."""
    container = running(case).get(service)
    if container is None:
        return ()
    wanted = {str(one).split(" ")[0] for one in facts(case, service).get("networks") or ()}
    joined = (container.attributes.get("NetworkSettings") or {}).get("Networks") or {}
    return tuple(sorted(wanted - set(joined)))
