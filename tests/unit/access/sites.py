"""Environments of chance, for the properties of the report of access; and what each call comes to, told anew."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from orthancgen.access.callers import callers, entries, places, unused_aet
from orthancgen.access.model import COMMANDS, TLS_KINDS, Called, Caller, Entry, Place, Row
from orthancgen.firewall.policy import policy
from orthancgen.orthanc.access import Call, Command, TlsKind, decide
from orthancgen.plan.addresses import addresses
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.render.orthanc_json import configuration
from orthancgen.site.load import Loaded, load

CALLED: tuple[Called, ...] = ("own", "another")
Cell = tuple[str, Place, Called, int, TlsKind, Command]


def document(chance: random.Random) -> dict[str, Any]:
    """An environment of few modalities, with whatever decides about access chosen by chance; it may be invalid."""
    native, tls = chance.random() < 0.4, chance.random() < 0.6
    asks = chance.choice(["required", "not_asked"])
    who = chance.choice(["anyone", "registered", "registered_from_own_address", "registered_from_own_address"])
    plain = tls and not native and asks == "required" and chance.random() < 0.6
    titles = chance.sample(["CT1", "MR1", "WS 1", "ct2", "=SUM(1)", "A-B", "+1", "@x", "<b>", "a'b\""], 4)
    own = [*(f"192.168.10.{n}" for n in range(20, 24)), "127.0.0.1", "127.0.0.5"]
    modalities = {
        name: {
            "aet": titles[index],
            "address": chance.choice(own),
            "tls": tls and chance.random() < 0.6,
            "may": chance.sample(COMMANDS, chance.randint(0, 7)),
        }
        for index, name in enumerate(chance.sample(["ct", "mr", "ws", "pacs"], chance.randint(0, 4)))
    }
    anyone = [command for command in COMMANDS if command != "storage_commitment"]
    return {
        "environment": "chance",
        "kind": "development",
        "orthanc": {"aet": "ORTHANC", "version": chance.choice(["1.10.1", "1.12.7", "1.13.0"])},
        "runtime": "native" if native else "compose",
        "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.17"},
        "dicom": {
            "tls": {"enabled": tls, "client_certificates": asks},
            "plain": {"enabled": plain},
            "ae_checks": {
                "called_aet": chance.random() < 0.7,
                "calling_aet": who,
                "exact_case": chance.random() < 0.3,
                "anyone_may": chance.sample(anyone, chance.randint(0, 3)) if who == "anyone" else [],
            },
            **({} if native or chance.random() < 0.7 else {"published_on": chance.choice(["127.0.0.1", "10.1.2.3"])}),
        },
        "modalities": modalities,
        "verification": {"enabled": chance.random() < 0.5},
        "network": {
            "firewall": ["nftables"] if chance.random() < 0.5 else [],
            "managed_from": ["192.168.1.0/24"],
            "allowed_sources": ["192.168.10.0/24"] if chance.random() < 0.5 else [],
            "callers_arrive": chance.choice(["directly"] * 4 + ["by_userland_proxy"]),
        },
        "http": {"listen_on": chance.choice(["127.0.0.1", "0.0.0.0"]), "tls": {"enabled": chance.random() < 0.5}},
        "users": {"admin": {"role": "administrator", "password": {"secret": "admin_password"}}},
    }


def valid_sites(seed: int, count: int, folder: Path) -> Iterator[tuple[Loaded, Plan]]:
    """That many valid environments, the same for the same seed."""
    chance = random.Random(seed)
    found = 0
    for _ in range(count * 20):
        path = folder / "chance.yaml"
        path.write_text(yaml.safe_dump(document(chance), sort_keys=False), encoding="utf-8")
        loaded = load(path)
        if loaded.site is not None:
            found += 1
            yield loaded, plan(loaded.site, loaded.version)
            if found == count:
                return
    raise AssertionError(f"only {found} of {count} environments are valid")


class Oracle:
    """What comes of one call, told without the report: by the policy, the gateway's rules, and Orthanc's algorithm."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.site = plan, plan.site
        self.policy, self.configuration = policy(plan), configuration(plan)

    def cells(self) -> Iterator[tuple[Caller, Cell]]:
        """Every call of the report."""
        for caller in callers(self.site):
            for entry in entries(self.plan):
                for place in places(self.site, self.policy, entry, caller):
                    for called in CALLED:
                        for tls in TLS_KINDS if entry.tls else ("plain",):
                            for command in COMMANDS:
                                yield caller, (caller.name, place, called, entry.port, tls, command)

    def decision(self, caller: Caller, cell: Cell) -> tuple[bool, str]:
        """Whether a call is allowed, and at which step that is decided."""
        _, place, called, port, tls, command = cell
        entry = next(one for one in entries(self.plan) if one.port == port)
        if place.firewall_sees is not None:
            if "nftables" in self.site.network.firewall and not self.policy.lets_in(place.firewall_sees, port):
                return False, "firewall"
            if entry.address.startswith("127."):
                return False, "connection"
        seen = place.orthanc_sees
        if entry.gateway:
            if not self._passes_gateway(caller.aet, seen):
                return False, "gateway"
            seen, tls = addresses(self.site).gateway, "trusted"
        aet = self.site.orthanc.aet if called == "own" else unused_aet(self.site)
        decided = decide(self.configuration, self.plan.version, Call(caller.aet, aet, seen, command, tls))
        return decided.allowed, decided.step

    def _passes_gateway(self, aet: str, seen: str) -> bool:
        fold = str if self.site.dicom.ae_checks.exact_case else str.lower
        own = [m for m in self.site.modalities.values() if not m.tls and m.address == seen]
        return any(fold(m.aet) == fold(aet) for m in own)


def cells_of(row: Row, oracle: Oracle) -> Iterator[Cell]:
    """The calls of a row; one of everybody has those of each caller from its places of these kinds."""
    site, entry = oracle.site, row.entry
    for caller in callers(site):
        if row.caller not in (caller.name, "everybody"):
            continue
        for place in _places_of(row, entry, caller, oracle):
            for called in row.called:
                for tls in row.tls:
                    for command in row.commands:
                        yield caller.name, place, called, entry.port, tls, command


def _places_of(row: Row, entry: Entry, caller: Caller, oracle: Oracle) -> Iterator[Place]:
    if row.caller != "everybody":
        yield from row.places
        return
    kinds = {place.kind for place in row.places}
    for place in places(oracle.site, oracle.policy, entry, caller):
        cell: Cell = (caller.name, place, "own", entry.port, "plain", "echo")
        past = oracle.decision(caller, cell)[1] not in ("firewall", "connection")
        if place.kind in kinds and past == (row.step not in ("firewall", "connection")):
            yield place
