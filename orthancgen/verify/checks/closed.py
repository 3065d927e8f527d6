"""What is for this host, or for the other services, is not reached from outside: the database, and what is on loopback.

"From outside" is an address of this host that is not its loopback, called from this host: a port that is published on
every address answers there. Whether a firewall would let anybody come so far is another question.
"""

from __future__ import annotations

from typing import Final

import httpx

from orthancgen.orthanc.keys import keys_for
from orthancgen.site.types import is_loopback
from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.reach import host_addresses, is_own_address, is_reached
from orthancgen.verify.result import Verdict, skipped, verdict

_SECONDS: Final = 2.0


def examine(context: Context) -> Verdict:
    """Connect to each port that must be closed, at each address of this host."""
    expected = "connection refused, at every address of this host but its loopback"
    closed = _closed(context)
    if not closed:
        return skipped(expected, "every service is meant to be reached from outside")
    if not context.access.here:
        return skipped(expected, "the services run on another host")
    addresses = host_addresses()
    if not addresses:
        return skipped(expected, "this host has no other address than its loopback")
    answered = [f"{name} at {host}:{port}" for name, port in closed for host in addresses if is_reached(host, port)]
    if _is_open_but_mute(context):
        answered += [f"Orthanc's REST API at {host}" for host in addresses if _serves(context, host)]
    names = ", ".join(f"{name} ({port})" for name, port in closed)
    seen = f"so for {names}, at {len(addresses)} addresses"
    return verdict(not answered, expected, "; ".join(answered) or seen, "which program listens there? ss -ltnp")


def _closed(context: Context) -> list[tuple[str, int]]:
    site = context.site
    own = is_loopback(site.http.listen_on) and not _is_open_but_mute(context)
    ports = [("Orthanc's HTTP", site.http.port)] if own else []
    if site.backend.enabled:
        ports.append(("the database", site.backend.database.port))
        if is_loopback(site.backend.listen_on):
            ports.append(("the backend", site.backend.port))
    if site.analysis.enabled and site.runtime == "native":
        ports.append(("the analysis", site.analysis.port))
    return ports


def _is_open_but_mute(context: Context) -> bool:
    """Whether Orthanc listens everywhere and refuses other hosts: ``HttpBindAddresses`` came with 1.12.10."""
    site = context.site
    native = site.runtime == "native" and is_loopback(site.http.listen_on)
    return native and "HttpBindAddresses" not in keys_for(context.plan.version)


def _serves(context: Context, host: str) -> bool:
    """Whether Orthanc's REST API serves its administrator at another address of this host."""
    place = f"[{host}]" if ":" in host else host
    scheme = "https" if context.site.http.tls.enabled else "http"
    try:
        answer = httpx.get(
            f"{scheme}://{place}:{context.site.http.port}/system", auth=context.access.orthanc_login,
            verify=context.access.http_verify, timeout=_SECONDS, trust_env=False,
        )  # fmt: skip
    except httpx.HTTPError:
        return False
    refused = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}
    return answer.status_code not in refused and is_own_address(host)


CHECK = Check("closed-from-outside", "Database, and what listens on loopback, is closed to others", "negative", examine)
