"""Does the right program listen on each port, where callers can reach it?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Area, Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import engine as observed
from orthancgen.doctor.observe.names import is_own
from orthancgen.doctor.observe.ports import Listening, connects, family_of, of_processes, on_port, seems
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network.consequences import of_listener, of_service
from orthancgen.doctor.questions.network.words import env
from orthancgen.errors import OrthancgenError
from orthancgen.plan.addresses import LOOPBACK
from orthancgen.plan.model import Listener, ServiceName
from orthancgen.site.problems import format_path

_PROXIES: Final = frozenset({"docker-proxy", "rootlesskit", "slirp4netns", "dockerd"})
"""Programs by which an engine itself listens on the ports that it publishes."""


def _of_another(case: Case) -> Iterator[Finding]:
    """Asked before the services: one whose port is taken cannot start."""
    for service, listener in _listeners(case):
        found = strangers(case, service, listener)
        if not found:
            continue
        address = LOOPBACK if found[0].everywhere else found[0].address
        container = _other_container(case, listener.port)
        what = seems(address, listener.port)
        who = f"the container {container}" if container else (found[0].program or "a program of another user")
        yield Diagnosis(
            "port-of-another-service",
            f"port {listener.port} of {listener.name} is taken by {who}: what answers there seems to be {what}",
            service,
            (
                *(Evidence(str(one), "listening ports of this host") for one in found),
                Evidence(f"{what} answers", f"connect to {address}:{listener.port}"),
            ),
            (
                _end(found[0], container),
                Remedy(f"or choose another port at {format_path(listener.said_by)}", on="the environment file"),
                Remedy("then start what could not start", f"orthancgen deploy {env(case)}"),
            ),
            explains=of_service(service) | of_listener(listener.name),
        )


def _end(one: Listening, container: str | None) -> Remedy:
    if container:
        return Remedy("stop that container, if it may be stopped", f"docker stop {container}")
    if one.pid:
        return Remedy(f"see what {one.program} is, and end it if it may be ended", f"ps -fp {one.pid}")
    return Remedy("see whose it is, as root", f"ss -ltnp sport = :{one.port}")


def _listeners(case: Case) -> Iterator[tuple[ServiceName, Listener]]:
    for service in case.plan.services:
        for listener in service.listeners:
            yield service.name, listener


def strangers(case: Case, service: ServiceName, listener: Listener) -> list[Listening]:
    """Who listens on a port of a service, and is not that service."""
    found = [one for one in on_port(case, listener.port) if _meet(one, listener.address)]
    if observed.in_containers(case):
        container = observed.containers(case).get(service)
        if container is not None and container.status == "running" and listener.port in container.published_ports:
            return []
        other = _other_container(case, listener.port)
        return [one for one in found if one.program not in _PROXIES or other]
    rows = case.services
    if isinstance(rows, OrthancgenError):
        return []
    ours = {pid for row in rows.values() if row.pid for pid in family_of(row.pid)} | _orphans(case)
    return [one for one in found if one.pid not in ours and (one.pid or not case.runs(service))]


def _orphans(case: Case) -> set[int]:
    """Processes of the environment that no supervisor looks after: they are its own, and told by another question."""
    from orthancgen.runtimes.native.running import look

    try:
        return set(look(case.runtime.state).pids)
    except (OrthancgenError, OSError):
        return set()


def _meet(one: Listening, address: str) -> bool:
    """Whether two programs cannot have the same port, one of them at an address."""
    wanted = Listening(address, one.port, 0, "")
    return one.covers(address) or wanted.covers(one.address)


def _other_container(case: Case, port: int) -> str | None:
    """The name of a container of somebody else that the engine publishes on a port."""
    found = observed.answering(case)
    if found is None:
        return None
    own = {one.id for one in observed.containers(case).values()}

    def look() -> dict[int, str]:
        from docker.errors import DockerException

        try:
            rows = found.client.api.containers()
        except (DockerException, OSError):
            return {}
        return {
            int(published["PublicPort"]): str(row["Names"][0]).lstrip("/")
            for row in rows
            if row["Id"] not in own
            for published in row.get("Ports") or ()
            if published.get("PublicPort")
        }

    return case.once("ports of other containers", look).get(port)


def _listens(case: Case) -> Iterator[Finding]:
    """Of native programs; what containers publish is asked by another question."""
    rows = case.services
    if isinstance(rows, OrthancgenError):
        return
    for service, listener in _listeners(case):
        if not case.runs(service) or not is_own(case, listener.address):
            continue
        found = of_processes(case, family_of(rows[service].pid))
        here = [one for one in found if one.port == listener.port]
        if any(one.covers(listener.address) for one in here):
            continue
        seen = tuple(Evidence(str(one), "listening ports of this host") for one in found)
        if here and all(one.on_loopback_only for one in here):
            yield _on_loopback(case, service, listener, seen)
            continue
        address = LOOPBACK if listener.address in {"0.0.0.0", "::"} else listener.address  # noqa: S104
        why = None if here or (not found and on_port(case, listener.port)) else connects(address, listener.port)
        if not here and why is None:
            continue  # it answers: the system does not tell who listens
        where = ", ".join(f"{one.address}:{one.port}" for one in found) or "no port"
        yield Diagnosis(
            "port-not-listening",
            f"{_title(case, service)} runs, and does not listen on {listener.address}:{listener.port} "
            f"({listener.name}): it listens on {where}",
            service,
            seen or (Evidence(f"{listener.address}:{listener.port}: {why}", "connect"),),
            (
                Remedy("start it again, with the configuration of the environment", f"orthancgen deploy {env(case)}"),
                Remedy("see what it said when it started", f"orthancgen logs {env(case)} {service}"),
            ),
            Fix("restart", service),
            of_listener(listener.name),
        )


def _on_loopback(case: Case, service: str, listener: Listener, seen: tuple[Evidence, ...]) -> Diagnosis:
    return Diagnosis(
        "listens-on-loopback-only",
        f"{listener.name} is to be reached at {listener.address}, and answers this host alone: "
        f"{_title(case, service)} listens on the loopback",
        service,
        seen,
        (
            Remedy("start it with the configuration of the environment", f"orthancgen deploy {env(case)}"),
            Remedy(f"the address is decided at {format_path(listener.said_by[:1])}", on="the environment file"),
        ),
        Fix("restart", service),
        _outside(listener),
    )


def _outside(listener: Listener) -> frozenset[Area]:
    """What other hosts alone notice."""
    return frozenset({"admission"}) if listener.name.startswith("DICOM") else frozenset()


def _title(case: Case, service: str) -> str:
    return case.plan.by_name[service].title


QUESTIONS: Final = (
    Question(
        "ports-ours", "Has another program taken a port of the site?", "host", _of_another,
        ("port-of-another-service",), applies=observed.on_this_host,
    ),
    Question(
        "ports-listened-on", "Does each program listen where it should?", "way_in", _listens,
        ("port-not-listening", "listens-on-loopback-only"), applies=lambda case: case.site.runtime == "native",
    ),
)  # fmt: skip
