"""The policy of a host: in order, who may open connections to which of its ports. What nothing lets in is denied.

It follows from the plan's flows alone, and is what every dialect enforces, and what `access` computes with.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from orthancgen.plan.model import ANYONE, Flow, Listener, Plan
from orthancgen.plan.sources import Hook, arrival
from orthancgen.site.types import is_ip, is_loopback

Protocol = Literal["tcp", "udp"]
EVERY_ADDRESS: Final = ("0.0.0.0/0", "::/0")
_NOT_IN_LABEL: Final = re.compile(r"[^A-Za-z0-9 ._:/-]", re.ASCII)
_LABEL_LENGTH: Final = 60


@dataclass(frozen=True, slots=True)
class Filter:
    """One line of the policy: whoever has an address of ``source`` may open connections to a port.

    Attributes:
        source: a CIDR network, IPv4 or IPv6, canonical.
        port: of this host, 1 to 65535.
        protocol: tcp, or udp for the VPN.
        hook: whether the packets go to a program of this host (`input`) or on to a container (`forward`).
        label: what it is for: 1 to 60 characters of ``A-Za-z0-9 ._:/-``, unique in the policy.
        reasons: the reasons of the flows that it serves, for people; printable ASCII.
        purpose: management comes first, so that nobody is locked out.
    """

    source: str
    port: int
    protocol: Protocol
    hook: Hook
    label: str
    reasons: tuple[str, ...]
    purpose: Literal["management", "dicom", "web", "vpn"]

    @property
    def family(self) -> Literal[4, 6]:
        """4 or 6: the version of IP."""
        return 6 if ":" in self.source else 4

    @property
    def reason(self) -> str:
        """Why, in one line."""
        return "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Published:
    """A TCP port of a container that the engine publishes on this host: guarded against whom no filter lets in.

    Attributes:
        port: of the host; the container's is the same.
        address: of the host on which it is published; `0.0.0.0` for every one.
    """

    port: int
    address: str


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """A connection that the site itself opens to another host: Orthanc's calls to modalities.

    Attributes:
        address: of the other host, a literal.
        port: TCP port.
        label: what it is for, as a filter's.
    """

    address: str
    port: int
    label: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything that a firewall of this host lets in, in order; all else is denied.

    On the way to programs of the host (`input`), everything is denied that no filter lets in. On the way to containers
    (`forward`), only the published ports of this site are guarded: those of other projects are not this site's to deny.

    Attributes:
        environment: name of the environment.
        profile: lan, wan or cloud.
        filters: management first.
        published: the guarded ports of containers.
        calls: what the site itself calls, for firewalls that filter outgoing connections too.
    """

    environment: str
    profile: str
    filters: tuple[Filter, ...]
    published: tuple[Published, ...] = ()
    calls: tuple[OutgoingCall, ...] = field(default=())

    def of_hook(self, hook: Hook) -> tuple[Filter, ...]:
        """The filters of one hook, in order."""
        return tuple(one for one in self.filters if one.hook == hook)

    def lets_in(self, source: str, port: int, protocol: Protocol = "tcp") -> Filter | None:
        """The first filter that lets an address open a connection to a port of this host; None where none does.

        For a port of a program of the host, or one of ``published``: others are not this policy's to decide.
        """
        address = ipaddress.ip_address(source)
        return next(
            (
                one
                for one in self.filters
                if (one.port, one.protocol) == (port, protocol) and address in ipaddress.ip_network(one.source)
            ),
            None,
        )


def policy(plan: Plan) -> Policy:
    """The policy that follows from a plan. Pure."""
    site = plan.site
    wanted = [
        *_management(plan),
        *_vpn(plan),
        *_node_exporter(plan),
        *(one for flow in plan.flows for one in _of_flow(plan, flow)),
    ]
    return Policy(
        site.environment,
        site.network.profile,
        tuple(_merged(wanted)),
        tuple(_published(plan)),
        tuple(_calls(plan)),
    )


def _management(plan: Plan) -> Iterator[Filter]:
    network = plan.site.network
    for port in network.management_ports:
        for source in network.managed_from:
            yield Filter(source, port, "tcp", "input", f"management {port}", ("management of this host",), "management")


def _node_exporter(plan: Plan) -> Iterator[Filter]:
    """Prometheus of another host: a program of this host hands over what the proofs found, whatever the runtime."""
    said = plan.site.observability
    for source in said.scraped_from if said.prometheus else ():
        yield Filter(
            source, said.node_exporter_port, "tcp", "input", "node exporter", ("Prometheus, node exporter",), "web"
        )


def _vpn(plan: Plan) -> Iterator[Filter]:
    vpn = plan.site.network.vpn
    if vpn is not None:
        for source in vpn.allowed_sources or EVERY_ADDRESS:
            yield Filter(source, vpn.port, "udp", "input", "vpn", ("the VPN answers nobody without a key",), "vpn")


def _of_flow(plan: Plan, flow: Flow) -> Iterator[Filter]:
    listener = _reached_from_outside(plan, flow)
    if listener is None:
        return
    purpose: Literal["dicom", "web"] = "dicom" if listener.name.startswith("DICOM") else "web"
    hook: Hook = "forward" if _is_redirected(plan, listener) else "input"
    for source in EVERY_ADDRESS if flow.source == ANYONE else (flow.source,):
        yield Filter(source, flow.port, "tcp", hook, _label(listener, flow), (flow.reason,), purpose)


def _reached_from_outside(plan: Plan, flow: Flow) -> Listener | None:
    """The listener that a flow reaches over the network; None for what never leaves this host."""
    if flow.source != ANYONE and ("/" not in flow.source or ipaddress.ip_network(flow.source).is_loopback):
        return None
    for listener in plan.by_name[flow.service].listeners:
        if listener.port == flow.port and not is_loopback(listener.address):
            return listener
    return None


def _label(listener: Listener, flow: Flow) -> str:
    who = ANYONE if flow.source == ANYONE else flow.reason.partition(",")[0]
    return _NOT_IN_LABEL.sub("-", f"{listener.name} {who}")[:_LABEL_LENGTH].strip()


def _merged(wanted: list[Filter]) -> Iterator[Filter]:
    """One filter for what is let in for several reasons; labels made unique."""
    merged: dict[tuple[str, int, Protocol, Hook], list[Filter]] = {}
    for one in wanted:
        merged.setdefault((one.source, one.port, one.protocol, one.hook), []).append(one)
    labels: set[str] = set()
    for same in merged.values():
        first = same[0]
        label, number = first.label, 1
        while label in labels:
            number += 1
            label = f"{first.label[: _LABEL_LENGTH - 6]} {number}"
        labels.add(label)
        reasons = tuple(dict.fromkeys(one.reasons[0] for one in same))
        yield Filter(first.source, first.port, first.protocol, first.hook, label, reasons, first.purpose)


def _is_redirected(plan: Plan, listener: Listener) -> bool:
    """Whether the engine's packet filter redirects a port to its container.

    The containers' network is IPv4: a port that is published on an IPv6 address is served by the engine's own proxy.
    """
    return arrival(plan.site).hook == "forward" and ":" not in listener.address


def _published(plan: Plan) -> Iterator[Published]:
    for listener in plan.listeners:
        if _is_redirected(plan, listener):
            yield Published(listener.port, listener.address)


def _calls(plan: Plan) -> Iterator[OutgoingCall]:
    for name, modality in plan.site.modalities.items():
        if is_ip(modality.address):
            yield OutgoingCall(modality.address, modality.port, f"calls to {name}"[:_LABEL_LENGTH])
