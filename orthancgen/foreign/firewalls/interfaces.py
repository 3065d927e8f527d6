"""What the name of a network interface says of where its packets come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from orthancgen.foreign.firewalls.denied import Match

_LOOPBACK: Final = "lo"
_OWN: Final = ("docker", "br-", "veth", "virbr", "cni", "podman", "lxc", "lxd", "cali", "flannel")
"""What container engines and hypervisors name their bridges."""
_TUNNELS: Final = ("wg", "tun", "tap", "tailscale", "ppp", "ipsec", "vti", "zt", "nebula", "xfrm")
"""What VPNs name theirs."""


@dataclass(slots=True)
class Interfaces:
    """By which interfaces a line of netfilter has packets come in and go out, as far as it says so.

    Attributes:
        incoming, outgoing: names; empty for all.
        excluded: whether another condition on interfaces leaves some of them out.
    """

    incoming: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    excluded: bool = False

    def add(self, names: Iterable[str], *, out: bool, negated: bool) -> None:
        """A condition on names."""
        given = tuple(name.strip('"') for name in names)
        if negated:
            # All but the loopback or a bridge are all callers from outside.
            self.excluded = self.excluded or not all(_is_own(name) for name in given)
        elif out:
            self.outgoing += given
        else:
            self.incoming += given

    def applied(self, match: Match) -> tuple[Match, bool, bool]:
        """What the line is about with these.

        Returns:
            The match; whether it is about callers from outside; whether it is about a network card.
        """
        narrow = match.narrow or self.excluded
        outside = not self.incoming or not all(_is_own(name) for name in self.incoming)
        if self.outgoing:
            # Packets that leave by a network card do not go to a container.
            outside = outside and any(_is_own(name) for name in self.outgoing)
            narrow = True
        tunnels = [name for name in self.incoming if name.startswith(_TUNNELS)]
        sources = match.sources
        if tunnels and len(tunnels) == len(self.incoming) and sources is None:
            sources = tuple(f"interface {name}" for name in tunnels)
        changed = Match(match.families, sources, match.excluded, match.ports, narrow)
        return changed, outside, bool(self.incoming) and not tunnels


def _is_own(name: str) -> bool:
    """Whether what comes in by an interface is the host's own, or its containers'."""
    return name == _LOOPBACK or name.startswith(_OWN)
