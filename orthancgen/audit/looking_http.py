"""From where the REST API of an Orthanc is reached, and whether what goes there is encrypted on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from orthancgen.audit.looking_firewalls import is_closed
from orthancgen.audit.looking_hosts import is_every_address, is_this_host
from orthancgen.audit.looking_settings import number
from orthancgen.audit.looking_web_proxies import Listen, Passage, passages
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import ComposeService, PublishedPort
from orthancgen.site.problems import KeyPath, Mark, printable

DEFAULT_PORT = 8042


class Reach(IntEnum):
    """How far away somebody may be who reaches a port."""

    NOBODY = 0
    THIS_HOST = 1
    CONTAINERS = 2
    NETWORK = 3


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a port of an Orthanc.

    Attributes:
        kind: its own socket; a port that the container engine publishes; or through a proxy.
        reach: from how far away it can be taken.
        encrypted: what goes this way is encrypted before it leaves the machine.
        asks_login: a proxy asks for a login before it passes anything on.
        address, port: where it begins; the address is "" for every one of the host.
        words: the same in words.
    """

    kind: Literal["own", "published", "proxy"]
    reach: Reach
    encrypted: bool
    asks_login: bool
    address: str
    port: int
    words: str
    mark: Mark
    path: KeyPath


def ways(subject: Subject, orthanc: Orthanc) -> tuple[Way, ...]:
    """Every way to an Orthanc's REST API; none where its HTTP server is off."""
    if not orthanc.flag("HttpServerEnabled"):
        return ()
    return (*_own(subject, orthanc), *_proxied(subject, orthanc), *_gateway(subject, orthanc))


def reach(subject: Subject, orthanc: Orthanc) -> Reach:
    """The farthest that anybody may be who reaches the REST API."""
    return max((way.reach for way in ways(subject, orthanc)), default=Reach.NOBODY)


def shares_network_of_host(service: ComposeService | None) -> bool:
    """Whether a program listens on the host's own addresses: outside of containers, or with ``network_mode: host``."""
    return service is None or network_mode(service) == "host"


def network_mode(service: ComposeService) -> str:
    """The ``network_mode`` of a service; "" where it has none."""
    node, depth = service.node.find(("network_mode",))
    return str(node.value) if depth == 1 else ""


def published(subject: Subject, service: ComposeService, port: int) -> Iterator[PublishedPort]:
    """The ports of the host that lead to a TCP port of a container, or of the one whose network it shares."""
    mode = network_mode(service)
    if mode.startswith("service:"):
        others = [one for _, one in subject.services if one.name == mode.removeprefix("service:")]
        service = others[0] if others else service
    return (one for one in service.ports if one.container_port == port and one.protocol != "udp")


def _own(subject: Subject, orthanc: Orthanc) -> Iterator[Way]:
    port = number(orthanc, "HttpPort") or DEFAULT_PORT
    service = subject.service_of(orthanc)
    encrypted = orthanc.flag("SslEnabled")
    listen_on = _addresses(orthanc)
    local = not orthanc.remote or bool(listen_on and all(is_this_host(one) for one in listen_on))
    mark, path = orthanc.place("RemoteAccessAllowed" if orthanc.is_set("RemoteAccessAllowed") else "HttpPort")
    address = listen_on[0] if len(listen_on) == 1 and not is_every_address(listen_on[0]) else ""
    if subject.plan is not None and subject.plan.site.runtime in ("swarm", "kubernetes"):
        # Its containers are in networks of their own; what is published of them is the gateway's.
        yield Way("own", Reach.CONTAINERS, encrypted, False, "", port, f"port {port} of the container", mark, path)
        return
    if service is None or network_mode(service) == "host":
        near = local or is_closed(subject, port, published=False)
        how_far = Reach.THIS_HOST if near else Reach.NETWORK
        yield Way("own", how_far, encrypted, False, address, port, f"port {port}", mark, path)
        return
    if local:
        return  # of the container itself alone
    yield Way("own", Reach.CONTAINERS, encrypted, False, "", port, f"port {port} of the container", mark, path)
    for one in published(subject, service, port):
        outside = one.host_port or port
        near = is_this_host(one.host_address) or is_closed(subject, outside, published=True)
        how_far = Reach.THIS_HOST if near else Reach.NETWORK
        where = printable(one.host_address) or "every address"
        words = f"port {outside} of the host ({where})"
        yield Way("published", how_far, encrypted, False, one.host_address, outside, words, one.mark, one.path)


def _addresses(orthanc: Orthanc) -> list[str]:
    said = orthanc.get("HttpBindAddresses") if orthanc.knows("HttpBindAddresses") else None
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []


def _proxied(subject: Subject, orthanc: Orthanc) -> Iterator[Way]:
    for passage in passages(subject, orthanc):
        for listen in passage.listens:
            yield from _through(subject, passage, listen)


def _gateway(subject: Subject, orthanc: Orthanc) -> Iterator[Way]:
    """The gateway of an environment of ours, which ends TLS in front of an Orthanc in a container."""
    plan = subject.plan
    if plan is None or plan.site.runtime == "native" or not plan.site.http.tls.enabled:
        return
    address, port = plan.site.http.listen_on, plan.site.http.port
    how_far = Reach.THIS_HOST if is_this_host(address) else Reach.NETWORK
    mark, path = orthanc.place("HttpPort")
    yield Way("proxy", how_far, True, False, address, port, f"port {port} of the gateway", mark, path)


def _through(subject: Subject, passage: Passage, listen: Listen) -> Iterator[Way]:
    mark, login = listen.directive.mark, passage.asks_login
    if shares_network_of_host(passage.service):
        near = is_this_host(listen.address) or is_closed(subject, listen.port, published=False)
        how_far = Reach.THIS_HOST if near else Reach.NETWORK
        words = f"port {listen.port} of nginx"
        yield Way("proxy", how_far, listen.tls, login, listen.address, listen.port, words, mark, ())
        return
    for one in published(subject, passage.service, listen.port) if passage.service is not None else ():
        outside = one.host_port or listen.port
        near = is_this_host(one.host_address) or is_closed(subject, outside, published=True)
        how_far = Reach.THIS_HOST if near else Reach.NETWORK
        words = f"port {outside} of the host (nginx)"
        yield Way("proxy", how_far, listen.tls, login, one.host_address, outside, words, mark, ())
