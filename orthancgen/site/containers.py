"""`containers:` what holds for the containers of an environment with `runtime: compose`."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from orthancgen.site.types import Cidr, Section

_PRIVATE = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""RFC 1918 section 3."""


def _subnet(value: str) -> str:
    network = ipaddress.ip_network(value)
    if network.version != 4 or network.prefixlen != 24:
        raise ValueError("the network of the containers is an IPv4 network of 256 addresses: it ends in .0/24")
    if not any(network.subnet_of(private) for private in _PRIVATE):
        raise ValueError("the network of the containers is private: of 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16")
    return value


Subnet = Annotated[Cidr, AfterValidator(_subnet)]
Megabytes = Annotated[
    int,
    Field(ge=64, le=4_194_304, description="Most memory, without swap; a container that wants more is started anew."),
]
Processors = Annotated[float, Field(ge=0.1, le=512, description="Most processors, such as 1.5.")]
Processes = Annotated[int, Field(ge=32, le=65_536, description="Most processes and threads.")]


class Limit(Section):
    """The most that one container may take of its host."""

    memory_megabytes: Megabytes
    cpus: Processors
    processes: Processes


class OrthancLimit(Limit):
    """What Orthanc may take: it holds an uploaded file, and the images that it decodes, in memory."""

    memory_megabytes: Megabytes = 2048
    cpus: Processors = 2
    processes: Processes = 1024


class BackendLimit(Limit):
    """What the backend may take."""

    memory_megabytes: Megabytes = 512
    cpus: Processors = 1
    processes: Processes = 256


class DatabaseLimit(Limit):
    """What the database may take; it uses about half of its memory as cache."""

    memory_megabytes: Megabytes = 1024
    cpus: Processors = 1
    processes: Processes = 512


class GatewayLimit(Limit):
    """What the gateway may take."""

    memory_megabytes: Megabytes = 256
    cpus: Processors = 1
    processes: Processes = 128


class ViewerLimit(Limit):
    """What the viewer's server may take; images pass through it, and are not kept."""

    memory_megabytes: Megabytes = 384
    cpus: Processors = 1
    processes: Processes = 128


class AnalysisLimit(Limit):
    """What the service of analysis may take: what it fetched of a study, and the process that decodes it."""

    memory_megabytes: Megabytes = 4608
    cpus: Processors = 1
    processes: Processes = 256


class ContainerLimits(Section):
    """What each container may take of the host, so that none starves the others."""

    orthanc: OrthancLimit = OrthancLimit()
    backend: BackendLimit = BackendLimit()
    database: DatabaseLimit = DatabaseLimit()
    gateway: GatewayLimit = GatewayLimit()
    viewer: ViewerLimit = ViewerLimit()
    analysis: AnalysisLimit = AnalysisLimit()


class ContainerLog(Section):
    """How much of each container's output is kept; the oldest is thrown away."""

    files: int = Field(default=5, ge=1, le=100)
    """Files that are kept for each container."""
    megabytes: int = Field(default=10, ge=1, le=1024)
    """Size at which a new file is begun."""


class Containers(Section):
    """The containers' own network, what they may take of the host, and how much of their output is kept."""

    subnet: Subnet = "172.30.242.0/24"
    """Private network of 256 addresses (/24) that nothing else of the site uses; the fixed addresses follow from it."""
    limits: ContainerLimits = ContainerLimits()
    log: ContainerLog = ContainerLog()
