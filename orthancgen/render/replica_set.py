"""The members of the records' replica set of MongoDB, by the names under which they are called. Pure.

https://www.mongodb.com/docs/manual/replication/
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from orthancgen.plan.build import has_own_database
from orthancgen.plan.model import Plan
from orthancgen.site.model import Site
from orthancgen.site.types import split_host_port


@dataclass(frozen=True, slots=True)
class Member:
    """A member: `name` is that of its container or pod, `host` how the others call it."""

    name: str
    host: str
    port: int


def own_members(site: Site) -> tuple[Member, ...]:
    """The members that the environment has itself; none where its database is no replica set.

    With Swarm each is a service, the first of the same name as one alone, so that its volume stays its own; with
    Kubernetes each is a pod of one StatefulSet, whose names count from 0.
    """
    if site.scale.databases == 1:
        return ()
    port = site.backend.database.port
    numbers = range(site.scale.databases)
    if site.runtime == "kubernetes":
        return tuple(Member(f"database-{number}", f"database-{number}.database", port) for number in numbers)
    names = ("database", *(f"database-{number + 1}" for number in numbers[1:]))
    return tuple(Member(name, name, port) for name in names)


def members(site: Site) -> tuple[Member, ...]:
    """The members of the replica set that keeps the records, one's own or another's; none of a single database."""
    there = (split_host_port(one) for one in site.scale.mongodb.hosts)
    return own_members(site) or tuple(Member(host, host, port) for host, port in there)


def document(site: Site) -> dict[str, Any]:
    """What the backend is told of the replica set; nothing where there is none."""
    found = members(site)
    if not found:
        return {}
    listed = [{"host": one.host, "port": one.port} for one in found]
    return {"replica_set": {"name": site.scale.mongodb.replica_set, "members": listed}}


def has_members(plan: Plan) -> bool:
    """Whether the environment has a replica set of its own."""
    return has_own_database(plan.site) and plan.site.scale.databases > 1
