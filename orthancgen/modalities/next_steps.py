"""What is to be done after an edit, so that it counts."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterator, Sequence
from typing import Final

from orthancgen.modalities.change import Change
from orthancgen.site.model import Site
from orthancgen.site.vpn import comes_by_vpn

_MOST_STEPS: Final = 10


def next_steps(env: str, site: Site, changes: Sequence[Change], before: Collection[str]) -> Iterator[str]:
    """A line a step.

    Args:
        env: the environment, as it was named on the command line.
        site: as it is after the edit.
        changes: what was done.
        before: names of the modalities that there were.
    """
    said = shlex.quote(env)
    yield f"next: orthancgen deploy {said}"
    if any(name != "wireguard" for name in site.network.firewall):
        yield f"next: load the firewall's rules anew, as with orthancgen firewall apply {said} --revert-after 120"
    new = [one.name for one in changes if one.name not in before]
    if any(comes_by_vpn(site, site.modalities[name]) for name in new):
        yield f"next: orthancgen firewall vpn {said} -o vpn, for the keys of the VPN"
    certified = site.dicom.tls.enabled and site.dicom.tls.client_certificates == "required"
    for name in [name for name in new if certified and site.modalities[name].tls][:_MOST_STEPS]:
        yield f"next: orthancgen certs bundle {said} {name} -o {name}-files, for its vendor"
