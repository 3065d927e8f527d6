"""What whoever runs the network must do for the site as a whole; for one caller: `network_caller.py`. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import Filter, Policy, policy
from orthancgen.plan.model import Plan
from orthancgen.sheets.connection import SiteFacts
from orthancgen.sheets.firewall_commands import COMMANDS, loadable
from orthancgen.sheets.network_caller import caller_notes
from orthancgen.sheets.network_lines import (
    addresses_seen,
    allowed,
    caller_of,
    forwarding,
    inside_address,
    is_translated,
    joined,
)
from orthancgen.sheets.sheet import Message, NetworkNote
from orthancgen.site.types import is_loopback


def site_notes(plan: Plan, facts: SiteFacts) -> tuple[NetworkNote, ...]:
    """What holds for all callers: the policy, how its rules are loaded and seen, containers, router, cloud, addresses.

    Args:
        plan: of the environment.
        facts: of the same site.
    """
    whole = policy(plan)
    return (
        *_let_in(whole),
        *_calls_out(plan),
        *_dialects(plan, whole),
        *_containers(plan, whole),
        *addresses_seen(plan),
        *_profile(plan, whole, facts),
    )


def _let_in(whole: Policy) -> Iterator[NetworkNote]:
    lines = tuple(allowed(one) for one in whole.filters)
    text = Message(
        "From which network connections may be opened to which port of this host, and why. Nothing else is needed."
    )
    if not lines:
        text = Message("No other host needs to open connections to this one.")
    yield NetworkNote(Message("What must reach this host"), text, lines, "text")


def _calls_out(plan: Plan) -> Iterator[NetworkNote]:
    lines = tuple(
        f"{caller_of(plan, name)} -> tcp {joined(one.address, one.port)}  ({name})"
        for name, one in plan.site.modalities.items()
    )
    if lines:
        text = Message(
            "Orthanc opens connections to the modalities: to test them, and to send images. Firewalls in between, and "
            "the modalities' own, must let them through."
        )
        yield NetworkNote(Message("What this host itself calls"), text, lines, "text")


def _dialects(plan: Plan, whole: Policy) -> Iterator[NetworkNote]:
    names = tuple(dict.fromkeys(plan.site.network.firewall))
    if not names:
        text = Message(
            "The environment lists no firewall, so no rules are written: whatever listens on this host is open to "
            "whoever reaches it. Name one in `network.firewall`; this shows what it will let in:"
        )
        yield NetworkNote(Message("No firewall"), text, (f"orthancgen firewall show {whole.environment}",))
    several = len(loadable(names)) > 1
    for name in names:
        commands, title = COMMANDS[name], {"title": DIALECTS[name].title}
        yield NetworkNote(
            Message("{title}: put the rules in force", title),
            _how_loaded(name),
            commands.load(whole, several),
            commands.language,
        )
        looks = commands.look(whole, whole.filters)
        if looks:
            text = Message("What these show must be what stands above, and nothing more.")
            if name == "wireguard":
                text = Message("Each peer stands there; one that is in use, with a handshake of the last minutes.")
            yield NetworkNote(Message("{title}: see what is in force", title), text, looks, commands.language)


def _how_loaded(name: str) -> Message:
    where = DIALECTS[name].where
    if name == "windows":
        return Message(
            "Written with `orthancgen render`, then run on the Windows host as administrator. The rules are taken back "
            "by themselves unless the last line comes in time, from a new login."
        )
    if where == "host":
        return Message(
            "On this host. The rules are taken back by themselves after two minutes, unless the second line comes in "
            "time: run it from a new login, which shows that you can still come in."
        )
    if where == "cloud":
        return Message(
            "Written with `orthancgen render`; Terraform puts them in force. Words in capitals are yours to replace. "
            "Then attach what was made to the machine."
        )
    return Message(
        "The first line writes this host's configuration, and one for each remote modality, with keys: give each its "
        "own file alone, by a way that nobody else reads."
    )


def _containers(plan: Plan, whole: Policy) -> Iterator[NetworkNote]:
    reached = [str(one.port) for one in whole.published if not is_loopback(one.address)]
    if plan.site.runtime == "native" or not reached:
        return
    text = Message(
        "Ports {ports} are published by the container engine. Its packet filter redirects them before the host's own "
        "rules for incoming connections are asked, so `ufw deny` and zones of firewalld do not close them. The rules "
        "of this environment guard them on the way to the containers; rules of your own for them belong into Docker's "
        "chain `DOCKER-USER`. This shows what is redirected:",
        {"ports": ", ".join(reached)},
    )
    yield NetworkNote(
        Message("Ports of containers"), text, ("sudo iptables -t nat -S DOCKER", "sudo iptables -S DOCKER-USER")
    )


def _profile(plan: Plan, whole: Policy, facts: SiteFacts) -> Iterator[NetworkNote]:
    if facts.profile == "lan":
        text = Message(
            "The site is for one building's network. Where modalities are in a network of their own, the router or "
            "switch between the two must let through what stands above; no port of this host belongs on the Internet."
        )
        yield NetworkNote(Message("Inside the building"), text)
    elif facts.profile == "wan":
        yield from _router(plan, whole, facts)
    else:
        clouds = [name for name in plan.site.network.firewall if DIALECTS[name].where == "cloud"]
        if clouds:
            text = Message(
                "The security group lets in what stands above, at the edge of the provider's network. A public address "
                "needs no more than these ports: no rule for every address, and no port of management open to all."
            )
        else:
            text = Message(
                "The provider's security group, or what it calls it, must let in what stands above and nothing more. "
                "With `aws`, `azure` or `google_cloud` in `network.firewall` it is written for you."
            )
        yield NetworkNote(Message("Security group of the cloud"), text)


def _router(plan: Plan, whole: Policy, facts: SiteFacts) -> Iterator[NetworkNote]:
    forwarded = [one for one in whole.filters if one.purpose in {"dicom", "vpn"} and not _in_vpn(plan, one)]
    inside = inside_address(facts)
    lines = tuple(forwarding(one, inside) for one in forwarded if is_translated(one, inside))
    text = Message(
        "Where this host stands behind a router that translates addresses, the router forwards these ports, each for "
        "the named source alone and without changing it. Ports outside and inside are the same."
    )
    if not lines:
        return
    yield NetworkNote(Message("Port forwarding on the router"), text, lines, "text")
    vpn = plan.site.network.vpn
    if vpn is None:
        better = Message(
            "A forwarded port is found by scanners within hours. TLS with client certificates keeps strangers from "
            "talking DICOM, and the named sources keep them from the port; a VPN does both at once, and leaves one UDP "
            "port that answers nobody without a key. `network.vpn` in the environment, and `wireguard` in "
            "`network.firewall`, set it up."
        )
        yield NetworkNote(Message("Why a VPN is better"), better)


def _in_vpn(plan: Plan, one: Filter) -> bool:
    vpn = plan.site.network.vpn
    if vpn is None or one.purpose == "vpn":
        return False
    source, inside = ipaddress.ip_network(one.source), ipaddress.ip_network(vpn.network)
    return source.version == inside.version and source.subnet_of(inside)  # type: ignore[arg-type]


__all__ = ["caller_notes", "site_notes"]
