"""What must be open on the network for one caller, both ways, and how to see that it is. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import EVERY_ADDRESS, Filter, Policy, policy
from orthancgen.plan.model import Plan
from orthancgen.plan.sources import arrival
from orthancgen.sheets.connection import Connection, SiteFacts
from orthancgen.sheets.firewall_commands import COMMANDS, VPN_FOLDER, loadable
from orthancgen.sheets.network_lines import addresses_seen, caller_of, forwarding, inside_address, is_translated, joined
from orthancgen.sheets.sheet import Message, NetworkNote
from orthancgen.site.types import is_ip, is_loopback
from orthancgen.site.vpn import vpn_peers


def caller_notes(plan: Plan, connection: Connection, facts: SiteFacts) -> tuple[NetworkNote, ...]:
    """What must be open for one caller, both ways, and how to see that it is.

    Args:
        plan: of the environment.
        connection: the caller's view of it.
        facts: of the same site.
    """
    whole = policy(plan)
    filters = _of_caller(plan, whole, connection)
    return (
        _there(plan, whole, connection, filters),
        *_back(plan, connection),
        *_look(plan, whole, connection, filters),
        *_way_in(plan, whole, connection, filters, facts),
        *_own_address(plan, connection),
    )


def _of_caller(plan: Plan, whole: Policy, connection: Connection) -> tuple[Filter, ...]:
    """The filters that let the caller in."""
    seen = arrival(plan.site)
    address = connection.own_address if seen.filtered_by_source else seen.seen
    if address is None:
        return tuple(one for one in whole.filters if one.port == connection.port and one.source in EVERY_ADDRESS)
    found = whole.lets_in(address, connection.port) if is_ip(address) else None
    return (found,) if found is not None else ()


def _there(plan: Plan, whole: Policy, connection: Connection, filters: tuple[Filter, ...]) -> NetworkNote:
    heading = Message("From the device to this site")
    host, port = connection.hosts[0], str(connection.port)
    if connection.modality is None and not filters:
        text = Message(
            "The device opens TCP connections to `{host}`, port {port}. Nothing lets it in yet: with its AE title, "
            "address and port, the administrator registers it, and puts the rules in force anew.",
            {"host": host, "port": port},
        )
        names = loadable(tuple(dict.fromkeys(plan.site.network.firewall)))
        commands = (
            f"orthancgen modalities add {whole.environment} NAME --aet AE_TITLE --address ADDRESS --port PORT",
            f"orthancgen deploy {whole.environment}",
            *(line for name in names for line in COMMANDS[name].load(whole, len(names) > 1)),
        )
        return NetworkNote(heading, text, commands)
    source = connection.own_address or (filters[0].source if filters else "")
    line = f"{source} -> tcp {joined(host, connection.port)}"
    if connection.own_address is not None and is_ip(connection.own_address) and is_loopback(connection.own_address):
        text = Message("It is a program of this very host: nothing is in between.")
    elif not filters:
        text = Message(
            "Whatever is in between must let this through. No rule of this host names it: it has no fixed address."
        )
    else:
        text = Message(
            "Whatever is in between must let this through; the rules of this host do. All else may stay closed."
        )
        if not plan.site.network.firewall:
            text = Message("Whatever is in between must let this through. All else may stay closed.")
    return NetworkNote(heading, text, (line,), "text")


def _back(plan: Plan, connection: Connection) -> Iterator[NetworkNote]:
    if connection.own_address is None or connection.own_port is None:
        return
    line = f"{caller_of(plan, connection.modality)} -> tcp {joined(connection.own_address, connection.own_port)}"
    heading = Message("From this site back to the device")
    if {"move", "storage_commitment"} & set(connection.may):
        text = Message(
            "The device must let this through: images that it asks for with C-MOVE, and confirmations of storage, come "
            "on a connection of their own."
        )
    else:
        text = Message(
            "For tests from this side, and for images that are sent to the device. To store images, it is not needed."
        )
    yield NetworkNote(heading, text, (line,), "text")


def _look(plan: Plan, whole: Policy, connection: Connection, filters: tuple[Filter, ...]) -> Iterator[NetworkNote]:
    if not filters:
        return
    for name in dict.fromkeys(plan.site.network.firewall):
        if name == "wireguard" and connection.way != "vpn":
            continue
        commands = COMMANDS[name]
        looks = commands.look(whole, filters)
        if looks:
            text = Message(
                "The rules that are in force must have a line with {source} and port {port}.", _values(filters[0])
            )
            if name == "wireguard":
                text = Message("Each peer stands there; one that is in use, with a handshake of the last minutes.")
            heading = Message("{title}: see that it is let in", {"title": DIALECTS[name].title})
            yield NetworkNote(heading, text, looks, commands.language)


def _values(one: Filter) -> dict[str, str]:
    # Firewalls write a network of one address with its length or without.
    network = ipaddress.ip_network(one.source)
    alone = network.prefixlen == network.max_prefixlen
    return {"source": str(network.network_address) if alone else one.source, "port": str(one.port)}


def _way_in(
    plan: Plan, whole: Policy, connection: Connection, filters: tuple[Filter, ...], facts: SiteFacts
) -> Iterator[NetworkNote]:
    name = connection.modality
    vpn = plan.site.network.vpn
    if connection.way == "vpn" and vpn is not None and name in vpn_peers(plan.site):
        text = Message(
            "It comes by WireGuard. `{file}` is its configuration, for `wg-quick` or WireGuard for Windows; it goes to "
            "this device's side alone. From there, the last line must be answered.",
            {"file": f"{VPN_FOLDER}/peer-{name}.conf"},
        )
        commands = (f"sudo orthancgen firewall vpn {whole.environment} -o {VPN_FOLDER}", f"ping {connection.hosts[0]}")
        yield NetworkNote(Message("The device's side of the VPN"), text, commands)
    elif facts.profile == "wan" and filters:
        text = Message("The router in front of this host forwards this, where it translates addresses.")
        inside = inside_address(facts)
        lines = tuple(forwarding(one, inside) for one in filters if is_translated(one, inside))
        if lines:
            yield NetworkNote(Message("Port forwarding on the router"), text, lines, "text")


def _own_address(plan: Plan, connection: Connection) -> Iterator[NetworkNote]:
    arrived = arrival(plan.site)
    heading = Message("Which address Orthanc sees")
    if not arrived.kept:
        yield from addresses_seen(plan)
    elif connection.only_own_address and connection.own_address is not None:
        text = Message(
            "It is let in from {address} alone. Where a router in between translates addresses, Orthanc sees the "
            "router's: then that one is to be registered, or the translation to be switched off.",
            {"address": connection.own_address},
        )
        yield NetworkNote(heading, text)
