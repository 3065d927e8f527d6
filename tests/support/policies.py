"""Generated environments, valid by the real model; their policies name ports and addresses of the rig of packets."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from orthancgen.firewall.policy import Policy, policy
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from tests.support.environments import load_text
from tests.support.packet_addresses import CONTAINERS, HOST_PORTS, PUBLISHED_PORTS, SOURCES, VPN_PORT

_ATTEMPTS: Final = 200
_ADDRESSES: Final = tuple(address for _, address in SOURCES)
_ELSEWHERE: Final = ("10.99.0.0/16", "192.168.7.0/24", "203.0.113.9/32", "fd99::/32", "2001:db8:7::1/128")
_SHORTER: Final = {4: (32, 32, 30, 28, 25, 24, 24, 20, 16, 8), 6: (128, 128, 124, 112, 64, 64, 48, 32)}
_VPN_NETWORKS: Final = ("10.8.0.0/24", "10.77.2.128/25", "fd08::/64")


@dataclass(frozen=True)
class Generated:
    """An environment of the generator.

    Attributes:
        seed: from which it follows.
        text: of the environment, YAML.
    """

    seed: int
    text: str
    plan: Plan
    policy: Policy


def generated(seed: int, folder: Path, *, firewall: str = "nftables") -> Generated:
    """The environment of a seed. What the model refuses is thrown away, and the next one is tried."""
    random = Random(seed)
    for _ in range(_ATTEMPTS):
        text = json.dumps(_environment(random, seed, firewall))
        loaded = load_text(text, folder)
        if loaded.site is not None:
            made = plan(loaded.site, loaded.version)
            return Generated(seed, text, made, policy(made))
        last = loaded.errors
    raise AssertionError(f"no valid environment of {_ATTEMPTS}; the last one: {last}")


def some(count: int, folder: Path, *, first: int = 1, firewall: str = "nftables") -> Iterator[Generated]:
    """The environments of consecutive seeds."""
    for seed in range(first, first + count):
        yield generated(seed, folder, firewall=firewall)


def _environment(random: Random, seed: int, firewall: str) -> dict[str, Any]:
    runtime = random.choice(("native", "compose"))
    arrive = "directly"
    if runtime == "compose" and random.random() < 0.25:
        arrive = random.choice(("by_userland_proxy", "by_tcp_proxy", "by_source_nat"))
    # Where the engine's proxy accepts the calls, they are for programs of the host.
    forwarded = runtime == "compose" and arrive != "by_userland_proxy"
    ports = {**HOST_PORTS, "plain": (2764,), **(PUBLISHED_PORTS if forwarded else {})}
    profile = random.choice(("lan", "wan"))
    tls = random.random() < (0.9 if profile == "wan" else 0.4)
    callers = ("registered_from_own_address", "registered", "anyone")
    calling = random.choice(callers[:2] if profile == "wan" else callers)
    # The containers' network is of IPv4: the model refuses other modalities there.
    of_modalities = [one for one in _ADDRESSES if runtime == "native" or "." in one]
    https = random.random() < (0.9 if profile == "wan" else 0.3)
    network: dict[str, Any] = {
        "profile": profile,
        "managed_from": _networks(random, 1, 3),
        "management_ports": random.sample(HOST_PORTS["management"], random.randint(1, 3)),
        "allowed_sources": _networks(random, 0, 4),
        "callers_arrive": arrive,
        "firewall": [firewall],
    }
    if arrive in {"by_tcp_proxy", "by_source_nat"}:
        network["seen_address"] = random.choice(_ADDRESSES)
    if random.random() < 0.4:
        network["vpn"] = {"port": VPN_PORT, "network": random.choice(_VPN_NETWORKS), "endpoint": "vpn.hospital.example"}
        if random.random() < 0.6:
            network["vpn"]["allowed_sources"] = _networks(random, 1, 2)
    dicom: dict[str, Any] = {
        "port": random.choice(ports["dicom"]),
        "ae_checks": {"calling_aet": calling, **({"anyone_may": ["echo", "store"]} if calling == "anyone" else {})},
        "tls": {"enabled": tls},
    }
    if forwarded and tls and random.random() < 0.6:
        dicom["plain"] = {"enabled": True, "port": random.choice(ports["plain"])}
    open_or_closed = ("0.0.0.0", "0.0.0.0", "127.0.0.1")
    return {
        "environment": f"env-{seed}",
        "kind": "development",
        "orthanc": {"aet": "ORTHANC", "version": "1.13.0"},
        "dicom": dicom,
        "modalities": {
            f"ct{number}": {"aet": f"CT{number}", "address": address, "tls": tls and random.random() < 0.4}
            for number, address in enumerate(random.sample(of_modalities, random.randint(0, 5)))
        },
        "http": {
            "port": random.choice(ports["http"]),
            "listen_on": random.choice(open_or_closed),
            "tls": {"enabled": https},
        },
        "backend": {"port": random.choice(ports["backend"]), "listen_on": random.choice(open_or_closed)},
        "users": {"admin": {"role": "administrator", "password": {"secret": "admin_password"}}},
        "network": network,
        "runtime": runtime,
        "containers": {"subnet": CONTAINERS},
        "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.17"},
    }


def _networks(random: Random, least: int, most: int) -> list[str]:
    """Networks around the addresses of the rig, which may overlap, and some of other places."""
    chosen: list[str] = []
    for _ in range(random.randint(least, most)):
        if random.random() < 0.15:
            chosen.append(random.choice(_ELSEWHERE))
            continue
        if random.random() < 0.05:
            chosen.append(random.choice(("0.0.0.0/0", "::/0")))
            continue
        address = ipaddress.ip_address(random.choice(_ADDRESSES))
        length = random.choice(_SHORTER[address.version])
        chosen.append(str(ipaddress.ip_network(f"{address}/{length}", strict=False)))
    return list(dict.fromkeys(chosen))
