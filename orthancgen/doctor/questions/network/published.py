"""Does the engine publish the ports of the containers, and does the kernel redirect them?

Docker publishes a port twice: rules of iptables redirect what comes from other hosts, and a small program
(docker-proxy) takes what the rules do not. https://docs.docker.com/engine/network/packet-filtering-firewalls/
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import engine as observed
from orthancgen.doctor.observe import firewall
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network.consequences import of_listener
from orthancgen.doctor.questions.network.words import env
from orthancgen.plan.model import Listener
from orthancgen.plan.sources import arrival
from orthancgen.site.problems import format_path
from orthancgen.site.types import is_loopback, parse_ip

if TYPE_CHECKING:
    from orthancgen.runtimes.compose.container import Container

_FORWARDING: Final = Path("/proc/sys/net/ipv4/ip_forward")


def _published(case: Case) -> Iterator[Finding]:
    for service in case.plan.services:
        container = observed.running(case).get(service.name)
        if container is None:
            continue
        for listener in service.listeners:
            places = _places(container, listener.port)
            if any(_covers(place, listener) for place in places):
                continue
            yield _elsewhere(case, container, listener, places) if places else _not(case, container, listener)


def _places(container: Container, port: int) -> tuple[tuple[str, int], ...]:
    """Address and port of this host at which a container's port is reached now."""
    ports: Mapping[str, object] = (container.attributes.get("NetworkSettings") or {}).get("Ports") or {}
    hosts = ports.get(f"{port}/tcp")
    rows = hosts if isinstance(hosts, list) else []
    return tuple((str(row.get("HostIp") or "0.0.0.0"), int(row.get("HostPort") or 0)) for row in rows)  # noqa: S104


def _covers(place: tuple[str, int], listener: Listener) -> bool:
    address, port = ipaddress.ip_address(place[0]), place[1]
    return port == listener.port and (address.is_unspecified or address == parse_ip(listener.address))


def _not(case: Case, container: Container, listener: Listener) -> Diagnosis:
    exposed = ", ".join(sorted(map(str, container.published_ports))) or "none"
    return Diagnosis(
        "port-not-published",
        f"{listener.name} runs in its container, and the engine does not publish port {listener.port} of it",
        container.service,
        (Evidence(f"published ports of {container.name}: {exposed}", f"docker port {container.name}"),),
        (_anew(case),),
        Fix("repair"),
        of_listener(listener.name),
    )


def _elsewhere(
    case: Case, container: Container, listener: Listener, places: tuple[tuple[str, int], ...]
) -> Diagnosis:  # fmt: skip
    found = ", ".join(f"{_bracketed(address)}:{port}" for address, port in places)
    loopback = all(is_loopback(address) for address, _ in places) and not is_loopback(listener.address)
    only = ", where this host alone reaches it" if loopback else ""
    return Diagnosis(
        "published-elsewhere",
        f"{listener.name} should be reached at {_bracketed(listener.address)}:{listener.port}, and the engine "
        f"publishes it at {found}{only}",
        container.service,
        (Evidence(f"{container.name}: {found} -> {listener.port}", f"docker port {container.name}"),),
        (_anew(case), Remedy(f"the port is decided at {format_path(listener.said_by)}", on="the environment file")),
        Fix("repair"),
        of_listener(listener.name),
    )


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _anew(case: Case) -> Remedy:
    return Remedy("make the container anew as the release has it", f"orthancgen deploy {env(case)} --repair")


def _redirected(case: Case) -> Iterator[Finding]:
    rules = firewall.redirections(case)
    if isinstance(rules, str):
        return
    lost = []
    for service in case.plan.services:
        container = observed.running(case).get(service.name)
        if container is None:
            continue
        for listener in service.listeners:
            outside = not is_loopback(listener.address) and ":" not in listener.address
            if outside and any(_covers(one, listener) for one in _places(container, listener.port)) and (
                listener.port not in rules
            ):  # fmt: skip
                lost.append(listener)
    if not lost:
        return
    ports = ", ".join(f"{one.port} ({one.name})" for one in lost)
    yield Diagnosis(
        "published-but-not-redirected",
        f"the engine's rules for the published port {ports} are gone from this host: calls of other hosts arrive by "
        "the engine's own proxy, with its address in the place of the caller's, or not at all",
        "container engine",
        (
            Evidence(
                f"no rule redirects port {', '.join(str(one.port) for one in lost)}",
                "iptables -t nat -S (chain DOCKER)",
            ),
        ),
        (
            Remedy("let the engine write its rules anew; its containers start again", "systemctl restart docker"),
            Remedy(
                "see what flushes them: a firewall's own start or reload",
                "systemctl list-units '*firewall*' '*nft*' ufw*",
            ),
        ),
        explains=frozenset(area for one in lost for area in of_listener(one.name) if area in {"way_in", "admission"}),
    )


def _forwards(case: Case) -> Iterator[Finding]:
    if not _arrives_by_forwarding(case):
        return
    try:
        value = _FORWARDING.read_text(encoding="ascii").strip()
    except OSError:
        return
    if value == "0":
        yield Diagnosis(
            "ip-forwarding-off",
            "this host does not forward packets, so that no other host reaches a published port of a container",
            "this host",
            (Evidence("net.ipv4.ip_forward = 0", str(_FORWARDING)),),
            (
                Remedy("switch it on", "sysctl -w net.ipv4.ip_forward=1"),
                Remedy(
                    "see which file switches it off when the host starts",
                    "grep -rs ip_forward /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d",
                ),
            ),
            explains=frozenset({"way_in", "admission"}),
        )


def _arrives_by_forwarding(case: Case) -> bool:
    return any(
        not is_loopback(listener.address)
        for name in observed.running(case)
        for listener in case.plan.by_name[name].listeners
        if name in case.plan.by_name
    )


def _redirects(case: Case) -> bool:
    """Whether the engine should redirect by the packet filter of this very host."""
    contained = observed.in_containers(case) and observed.on_this_host(case)
    return contained and arrival(case.site).hook == "forward"


QUESTIONS: Final = (
    Question(
        "ports-published", "Does the engine publish the ports of the containers?", "way_in", _published,
        ("port-not-published", "published-elsewhere"), applies=lambda case: observed.answering(case) is not None,
    ),
    Question(
        "host-forwards", "Does this host forward packets to its containers?", "way_in", _forwards,
        ("ip-forwarding-off",), applies=_redirects,
    ),
    Question(
        "ports-redirected", "Are the engine's rules for the published ports there?", "way_in", _redirected,
        ("published-but-not-redirected",), applies=_redirects,
    ),
)  # fmt: skip
