"""The rig of `tests.support.packets` in names and numbers: machines, their addresses, and what answers on the host."""

from __future__ import annotations

from typing import Final

MACHINES: Final = {"modality": 1, "stranger": 2, "manager": 3}
"""Machine -> the number in its networks."""
HOST_PORTS: Final = {
    "dicom": (4242, 2762),
    "http": (8042,),
    "backend": (8001,),
    "management": (22, 3389, 5985),
}
"""TCP ports on which programs of the host listen, IPv4 and IPv6; by what policies use them for."""
CLOSED_PORT: Final = 9999
"""A TCP port on which a program of the host listens, and that no policy opens."""
PUBLISHED_PORTS: Final = {"dicom": (11112, 2763), "plain": (2764,), "http": (8142,), "backend": (8101,)}
"""TCP ports that the engine publishes for the container of the site; by what policies use them for."""
OTHER_PORT: Final = 8888
"""A TCP port that the engine publishes for another project."""
VPN_PORT: Final = 51820
"""UDP port on which the host answers."""
CLOSED_UDP_PORT: Final = 5353
"""A UDP port on which the host answers, and that no policy opens."""
CONTAINERS: Final = "172.30.242.0/24"
"""The network of the site's container, the default of ``containers.subnet``."""


def addresses(machine: str) -> tuple[str, ...]:
    """The addresses of a machine: three of IPv4, three of IPv6, of two networks each."""
    n = MACHINES[machine]
    return (
        f"10.77.{n}.10", f"10.77.{n}.200", f"192.168.{100 + n}.5",
        f"fd77:0:0:{n}::10", f"fd77:0:0:{n}::abcd", f"fd78:0:0:{n}::5",
    )  # fmt: skip


def host_address(source: str) -> str:
    """The address of the host in the network of a machine's address."""
    if ":" in source:
        return source.rpartition("::")[0] + "::1"
    return source.rpartition(".")[0] + ".1"


SOURCES: Final = tuple((machine, address) for machine in MACHINES for address in addresses(machine))
"""Every address from which the host is called, with its machine."""
