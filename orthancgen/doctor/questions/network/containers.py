"""Do the containers of the release run, from its images, with its volumes, and if not, why not?

Why Orthanc itself ends is told by what it says in its log; here it is named only where the engine or the kernel ended
it. States of a container: https://docs.docker.com/reference/api/engine/, ContainerState.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import engine as observed
from orthancgen.doctor.observe.names import is_own
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network.consequences import area_of, of_service
from orthancgen.doctor.questions.network.ports import strangers
from orthancgen.doctor.questions.network.words import env, line
from orthancgen.errors import OrthancgenError
from orthancgen.release.model import Image
from orthancgen.render.container_files import Volume, project_name, volumes

if TYPE_CHECKING:
    from orthancgen.runtimes.compose.container import Container

_LAST_LINES: Final = 3
_MOST_LINES: Final = 200
_SETTLED_SECONDS: Final = 60
"""A container that was restarted, and runs for longer, is not restarting any more."""
_KILLED: Final = 137
"""128 and SIGKILL: by `docker kill`, or by the kernel. An engine that asks in vain to end does it as well."""
_PORT_TAKEN: Final = re.compile(r"port is already allocated|address already in use", re.IGNORECASE)
_NO_ADDRESS: Final = re.compile(r"cannot assign requested address", re.IGNORECASE)
_OF_ORTHANC: Final = re.compile(r"^[EF][0-9]{4} |^[EF] ?[0-9]{4}.*\.cpp:", re.MULTILINE)
"""A line of its log with which it says what is wrong: level, then month and day."""


def _run(case: Case) -> Iterator[Finding]:
    missing = dict(_missing_images(case))
    without_volume = {volume.service for volume in _lost_volumes(case)}
    for service in case.plan.services:
        container = observed.containers(case).get(service.name)
        if service.name in without_volume:
            continue  # told by the question about volumes
        if container is None:
            yield (
                _image_missing(case, service.name, missing[service.name])
                if service.name in missing
                else _missing(case, service.name)
            )
        elif container.status in _STATES:
            found = _STATES[container.status](case, container)
            if found is not None:
                yield found
        else:
            found = _restarted(case, container)
            if found is not None:
                yield found


def _missing_images(case: Case) -> Iterator[tuple[str, Image]]:
    """Services with their image, where the engine has it not, so that no container can be made of it."""
    from docker.errors import DockerException

    found, release = observed.answering(case), observed.release(case)
    if found is None or release is None:
        return
    for service, image in release.draft.images.items():
        try:
            found.client.api.inspect_image(image.id)
        except DockerException as error:
            if getattr(error, "status_code", 0) == 404:
                yield service, image


def _image_missing(case: Case, service: str, image: Image) -> Diagnosis:
    return Diagnosis(
        "image-missing",
        f"{in_words(case, service)} cannot run: its image is not on the engine any more",
        service,
        (
            Evidence(f"no image {image.id[:19]} ({image.reference})", "docker image inspect"),
            Evidence(f"no container of the service {service}", "docker ps -a"),
        ),
        (Remedy("fetch or build the image, and start what is missing", f"orthancgen deploy {env(case)}"),),
        Fix("deploy"),
        of_service(service),
    )


def _missing(case: Case, service: str) -> Diagnosis:
    return Diagnosis(
        "container-missing",
        f"{in_words(case, service)} does not run: it has no container",
        service,
        (Evidence(f"no container of the service {service}", f"docker ps -a of {project_name(case.site.environment)}"),),
        (Remedy("make it anew from the release; its data is in its volume", f"orthancgen deploy {env(case)}"),),
        Fix("deploy"),
        of_service(service),
    )


def _stopped(case: Case, container: Container) -> Diagnosis | None:
    if container.oom_killed:
        return _out_of_memory(case, container)
    state = container.attributes.get("State") or {}
    error = str(state.get("Error") or "")
    if _is_kept_from_port(case, container.service, error):
        return None  # told by who has the port, or by the address
    # With its restart policy it would run again, unless somebody stopped it, or the engine cannot start it.
    end = f"it ended with exit code {container.exit_code}{_meaning(container)}"
    what = "was never started" if container.status == "created" else "is stopped"
    seen = f"the container {container.name} is {container.status}"
    evidence = [Evidence(seen if container.status == "created" else f"{seen}: {end}", "docker inspect", _ended(state))]
    if error:
        evidence.append(Evidence(_without_secrets(case, error), "docker inspect, State.Error"))
    return Diagnosis(
        "container-stopped",
        f"{in_words(case, container.service)} does not run: its container {what}",
        container.service,
        (*evidence, *_last_lines(case, container.service)),
        (
            Remedy("start it", f"docker start {container.name}"),
            Remedy("or bring the whole environment up", f"orthancgen deploy {env(case)}"),
        ),
        Fix("deploy"),
        of_service(container.service),
    )


def _is_kept_from_port(case: Case, service: str, error: str) -> bool:
    """Whether the engine could not publish a port of a service, and could not do it now."""
    listeners = [(found.name, one) for found in case.plan.services if found.name == service for one in found.listeners]
    if _PORT_TAKEN.search(error):
        return any(strangers(case, name, one) for name, one in listeners)
    return _NO_ADDRESS.search(error) is not None and not all(is_own(case, one.address) for _, one in listeners)


def _meaning(container: Container) -> str:
    known = {0: ", in order", 125: ", the engine could not start it", 126: ", its program cannot be run"}
    known |= {127: ", its program is not there", _KILLED: ", killed", 143: ", asked to end", 139: ", it crashed"}
    meaning = known.get(container.exit_code, "")
    if container.exit_code == _KILLED and (limit := _limit_megabytes(container)):
        # Seen with cgroup v1: of 25 containers that the kernel ended for want of memory, one was without OOMKilled.
        meaning += f" (if nobody did, by the kernel at its limit of {limit} MB, which an engine can miss)"
    return meaning


def _limit_megabytes(container: Container) -> int:
    """How much memory it may have; 0 where it may have all."""
    return int((container.attributes.get("HostConfig") or {}).get("Memory") or 0) >> 20


def _paused(case: Case, container: Container) -> Diagnosis:
    return Diagnosis(
        "container-paused",
        f"{in_words(case, container.service)} answers nothing: its container is paused",
        container.service,
        (Evidence(f"the container {container.name} is paused", "docker inspect"),),
        (Remedy("let it go on", f"docker unpause {container.name}"),),
        Fix("deploy"),
        of_service(container.service),
    )


def _restarting(case: Case, container: Container, *, again: bool = False) -> Diagnosis | None:
    if container.oom_killed:
        return _out_of_memory(case, container)
    if container.service == "orthanc" and any(_OF_ORTHANC.search(one) for one in case.log("orthanc")[-30:]):
        return None  # it says itself why it ends
    seen = f"the engine has restarted {container.name} {container.restart_count} times"
    seen += f", the last time {container.uptime_seconds} s ago" if again else f"; last exit code {container.exit_code}"
    seen += _meaning(container) if not again else ""
    return Diagnosis(
        "container-restarting",
        f"{in_words(case, container.service)} ends again and again as soon as it is started",
        container.service,
        (Evidence(seen, "docker inspect"), *_last_lines(case, container.service)),
        (
            Remedy("see what it says before it ends", f"orthancgen logs {env(case)} {container.service}"),
            Remedy("make it anew, with the files of the release", f"orthancgen deploy {env(case)} --repair"),
        ),
        Fix("repair"),
        of_service(container.service),
    )


def _restarted(case: Case, container: Container) -> Diagnosis | None:
    """What is wrong with a container that runs, and was started by the engine itself after it had ended."""
    if not container.restart_count:
        return None
    if observed.ran_out_of_memory(case, container):
        return _out_of_memory(case, container)
    if container.uptime_seconds < _SETTLED_SECONDS:
        return _restarting(case, container, again=True)
    return None


def _out_of_memory(case: Case, container: Container) -> Diagnosis:
    limit = _limit_megabytes(container)
    state = container.attributes.get("State") or {}
    return Diagnosis(
        "container-out-of-memory",
        f"the kernel ended {in_words(case, container.service)}: it needed more memory than its container may have",
        container.service,
        (Evidence(f"OOMKilled; the limit is {limit} MB", f"docker inspect {container.name}", _ended(state)),),
        (
            Remedy(
                f"allow more: containers: {{limits: {{{container.service}: {{memory_megabytes: {limit * 2}}}}}}}",
                on="the environment file",
            ),
            Remedy("then deploy it", f"orthancgen deploy {env(case)}"),
        ),
        Fix("deploy"),
        of_service(container.service),
    )


_STATES: Final[dict[str, Callable[[Case, Container], Diagnosis | None]]] = {
    "created": _stopped, "exited": _stopped, "dead": _stopped, "paused": _paused, "restarting": _restarting,
}  # fmt: skip


def _images(case: Case) -> Iterator[Finding]:
    release = observed.release(case)
    if release is None:
        return
    for service, container in observed.containers(case).items():
        wanted = release.draft.images.get(service)
        if wanted is not None and container.image_id != wanted.id:
            yield Diagnosis(
                "image-differs",
                f"{in_words(case, service)} runs another image than release {release.number} has",
                service,
                (
                    Evidence(f"runs {container.image_id[:19]} ({container.image})", f"docker inspect {container.name}"),
                    Evidence(f"wanted {wanted.id[:19]} ({wanted.reference})", f"release {release.number}"),
                ),
                (Remedy("make it anew from the image of the release", f"orthancgen deploy {env(case)} --repair"),),
                Fix("repair"),
            )


def _lost_volumes(case: Case) -> Iterator[Volume]:
    found = observed.answering(case)
    if found is None:
        return
    try:
        there = found.volumes(project_name(case.site.environment))
    except OrthancgenError:
        return
    for volume in volumes(case.plan):
        if f"{project_name(case.site.environment)}_{volume.name}" not in there:
            yield volume


def _volumes(case: Case) -> Iterator[Finding]:
    for volume in _lost_volumes(case):
        yield Diagnosis(
            "volume-missing",
            f"the volume of {in_words(case, volume.service)} is gone, with everything that was in it",
            volume.service,
            (Evidence(f"no volume {project_name(case.site.environment)}_{volume.name}", "docker volume ls"),),
            (
                Remedy("see which backups there are, before all else", f"orthancgen backup {env(case)} --list"),
                Remedy("bring the newest back", f"orthancgen restore {env(case)}"),
                Remedy("where nothing is to be kept: begin with an empty one", f"orthancgen deploy {env(case)}"),
            ),
            explains=of_service(volume.service),
        )


def _networks(case: Case) -> Iterator[Finding]:
    for service, container in observed.running(case).items():
        lost = observed.lost_networks(case, service)
        if not lost:
            continue
        yield Diagnosis(
            "container-network-detached",
            f"{in_words(case, service)} is cut off: its container is not in the network {', '.join(lost)}",
            service,
            (Evidence(f"{container.name} is in: {', '.join(_joined(container)) or 'none'}", "docker inspect"),),
            (
                *(Remedy("join it again", _joins(case, service, name)) for name in lost),
                Remedy("or make the containers anew", f"orthancgen deploy {env(case)} --repair"),
            ),
            Fix("repair"),
            of_service(service),
        )


def _joined(container: Container) -> list[str]:
    return sorted((container.attributes.get("NetworkSettings") or {}).get("Networks") or {})


def _joins(case: Case, service: str, network: str) -> str:
    from orthancgen.plan.addresses import addresses

    fixed = {"orthanc": addresses(case.site).orthanc, "gateway": addresses(case.site).gateway}
    own = f"--ip {fixed[service]} " if service in fixed and network.endswith("_backend") else ""
    return f"docker network connect --alias {service} {own}{network} {observed.name_of(case, service)}"


def _unhealthy(service: str) -> Callable[[Case], Iterator[Finding]]:
    def ask(case: Case) -> Iterator[Finding]:
        container = observed.running(case).get(service)
        if container is None or container.health != "unhealthy":
            return
        log = ((container.attributes.get("State") or {}).get("Health") or {}).get("Log") or [{}]
        said = _without_secrets(case, str(log[-1].get("Output") or "it does not answer in time"))
        yield Diagnosis(
            "container-unhealthy",
            f"{in_words(case, service)} runs, and does not answer as it should",
            service,
            (Evidence(said, f"health check of {container.name}"), *_last_lines(case, service)),
            (
                Remedy("start it again", f"docker restart {container.name}"),
                Remedy("see what it says", f"orthancgen logs {env(case)} {service}"),
            ),
            Fix("restart", service),
            of_service(service),
        )

    return ask


def _last_lines(case: Case, service: str) -> tuple[Evidence, ...]:
    lines = [one for one in case.log(service)[-_MOST_LINES:] if one.strip()][-_LAST_LINES:]
    return tuple(Evidence(line(one), f"log of {service}") for one in lines)


def _without_secrets(case: Case, text: str) -> str:
    from orthancgen.secrets.store import redact

    said = redact(text, case.access.secrets if case.access else {})
    return line(said)


def _ended(state: object) -> str | None:
    """When a container ended, by the clock of this host."""
    text = str(state.get("FinishedAt") or "") if isinstance(state, dict) else ""
    if not text or text.startswith("0001-"):
        return None
    then = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
    return f"{then.astimezone():%Y-%m-%d %H:%M:%S}"


def in_words(case: Case, service: str) -> str:
    """A service as it stands in a sentence: `the gateway`."""
    found = next((one.title for one in case.plan.services if one.name == service), service)
    if found == "Orthanc":
        return found
    plain = found.split(" ")[0][1:].islower()  # MongoDB keeps its capitals
    return f"the {found[:1].lower()}{found[1:]}" if plain else f"the {found}"


def _answers(case: Case) -> bool:
    return observed.answering(case) is not None


QUESTIONS: Final = (
    Question(
        "containers-run", "Do the containers run?", "engine", _run,
        ("container-missing", "image-missing", "container-stopped", "container-paused", "container-restarting",
         "container-out-of-memory"),
        applies=_answers,
    ),
    Question("volumes-there", "Are the volumes there?", "engine", _volumes, ("volume-missing",), applies=_answers),
    Question(
        "images-of-release", "Do the containers run the images of the release?", "engine", _images, ("image-differs",),
        applies=_answers,
    ),
    Question(
        "networks-joined", "Is each container in its networks?", "engine", _networks, ("container-network-detached",),
        applies=_answers,
    ),
)  # fmt: skip
HEALTH: Final = tuple(
    Question(
        f"{service}-container-healthy", f"Does the container of {service} pass its health check?", area_of(service),
        _unhealthy(service), ("container-unhealthy",), applies=_answers,
    )
    for service in ("orthanc", "database", "backend", "gateway")
)  # fmt: skip
"""Asked last in each area: whatever else is found there tells more."""
