"""Orthanc sees who calls with the caller's own address, or with the one that the model names instead."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import closing
from typing import Final

from orthancgen.dicom import scu
from orthancgen.dicom.outcome import Outcome
from orthancgen.plan.addresses import addresses, verifier_seen
from orthancgen.plan.sources import arrival
from orthancgen.site.types import is_loopback
from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.reach import host_addresses, is_own_address
from orthancgen.verify.result import Verdict, skipped, verdict

_HINT: Final = (
    "the host check and the firewall go by this address; compare network.callers_arrive, and the engine's packet filter"
)


def recorded(context: Context) -> Verdict:
    """The address that Orthanc recorded with the test image is the one from which it was sent, or is seen."""
    expected = "the address from which the test image was sent, as the model says that Orthanc sees it"
    sample = context.sample
    if sample.sent_by is None or sample.orthanc_id is None:
        return skipped(expected, "no image was stored by DICOM from this host")
    wanted = _predicted(context, sample.sent_by.source_address)
    if wanted is None:
        return skipped(expected, "the engine is on another host: what stands in between is not known here")
    seen = context.orthanc.get(f"/instances/{sample.orthanc_id}/metadata/RemoteIP").raise_for_status().text
    return verdict(seen == wanted, f"sent from {wanted}", f"seen from {seen}", _HINT)


def _predicted(context: Context, source: str | None) -> str | None:
    seen_as = context.access.seen_as
    if seen_as is not None:
        return seen_as or None
    if source is not None:
        return source
    family = socket.AF_INET6 if ":" in context.dicom_host else socket.AF_INET
    with closing(socket.socket(family, socket.SOCK_DGRAM)) as way:
        way.connect((context.dicom_host, context.site.dicom.port))  # sends nothing: it chooses the way
        address: str = way.getsockname()[0]
        return address


def kept(context: Context) -> Verdict:
    """A call by way of an address of this host's own is redirected as those of other hosts are: with its address kept.

    The caller of `verify` is registered for the bridge's address alone, from which calls to 127.0.0.1 come. Called by
    way of another address, it is refused; where the engine's own proxy accepts the call, it arrives from the bridge,
    by whichever address it was called.
    """
    site = context.site
    expected = "a call by way of this host's own address is not seen with the address of the engine's bridge"
    if site.runtime == "native":
        return skipped(expected, "native programs have no container engine in between")
    if site.network.callers_arrive != "directly":
        return skipped(expected, f"callers arrive by way of {arrival(site).by}")
    if not context.access.here:
        return skipped(expected, "the engine is on another host")
    if site.dicom.ae_checks.calling_aet != "registered_from_own_address" or not site.verification.enabled:
        return skipped(expected, "no caller is registered for this host alone, by whom it could be told")
    published = site.dicom.published_on
    if published is not None and is_loopback(published):
        return skipped(expected, "the DICOM port is published on this host's loopback alone")
    bridge = addresses(site).host_seen
    if verifier_seen(site) != bridge:
        return skipped(expected, "the test image came by that way: see the address that was recorded with it")
    hidden: list[str] = []
    for own in host_addresses():
        if not _reaches(context, own):
            continue
        result = scu.echo(context.peer(site.verification.aet, dicom_host=own))
        if result.outcome is Outcome.ASSOCIATION_REJECTED:
            return verdict(True, expected, f"called by way of {own}: {result.text}", _HINT)
        if not is_own_address(own):
            continue
        # The engine hides what comes from another of its bridges, such as docker0, as all that leaves that one.
        hidden.append(own)
    if not hidden:
        return skipped(expected, "this host has no IPv4 address of its own by which the port is reached")
    seen = f"called by way of {', '.join(hidden)}: accepted, as one that calls from {bridge}"
    return verdict(False, expected, seen, _HINT)


def _reaches(context: Context, address: str) -> bool:
    inside = ipaddress.ip_network(context.site.containers.subnet)
    if ":" in address or ipaddress.ip_address(address) in inside:
        return False
    try:
        with socket.create_connection((address, context.site.dicom.port), timeout=2):
            return True
    except OSError:
        return False


RECORDED = Check("caller-address-recorded", "Orthanc saw the address from which it was called", "positive", recorded)
KEPT = Check("caller-address-kept", "Addresses of callers are not hidden on their way", "positive", kept)
