"""What must hold of the database of the records where it is a replica set: one's own, or one that is there already."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orthancgen.site.checks import Violation
from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath
from orthancgen.site.scale import RecordsDatabase
from orthancgen.site.types import is_ip, is_loopback, split_host_port

_SEVERAL_HOSTS = frozenset({"swarm", "kubernetes"})
_OF_THE_OTHER = ("user", "auth_source", "tls", "authority")
"""What is said of a replica set that is there already, and of none of one's own."""


def members_stand_on_several_hosts(site: Site) -> Iterator[Violation]:
    """Members of one's own replica set are of an engine of several hosts, and have records to keep."""
    scale = site.scale
    if scale.databases == 1:
        return
    path: KeyPath = ("scale", "databases")
    alone = "every member would end with the one host"
    yield from _has_a_use(site, path, alone, "runtime: swarm, or kubernetes", "they")
    if scale.mongodb.hosts:
        yield Violation(
            path, "the replica set that is there already keeps the records", "leave out either databases or hosts"
        )


def replica_set_is_reached(site: Site) -> Iterator[Violation]:
    """A replica set that is there already can be reached from the containers of several hosts, and is said once."""
    said = site.scale.mongodb
    path: KeyPath = ("scale", "mongodb", "hosts")
    if not said.hosts:
        fresh = RecordsDatabase()
        for field in _OF_THE_OTHER:
            if getattr(said, field) != getattr(fresh, field):
                yield Violation(
                    ("scale", "mongodb", field), "the database that orthancgen brings has none of it",
                    "name the members of the one that is there already: scale: {mongodb: {hosts: [...]}}",
                )  # fmt: skip
        return
    alone = "the records are in the database that orthancgen brings"
    yield from _has_a_use(site, path, alone, "leave it out, or runtime: swarm or kubernetes", "it")
    for index, member in enumerate(said.hosts):
        host, _ = split_host_port(member)
        if is_ip(host) and is_loopback(host):
            yield Violation((*path, index), f"in a container, {host} is the container itself", "the member's own host")
        if member in said.hosts[:index]:
            yield Violation((*path, index), f"{member} stands earlier in the list", "name each member once")
    if said.authority is not None and not said.tls:
        yield Violation(("scale", "mongodb", "authority"), "without TLS there is nothing to check", "tls: true")


def _has_a_use(site: Site, path: KeyPath, alone: str, remedy: str, who: str) -> Iterator[Violation]:
    """A replica set is of several hosts, and there are records to keep.

    Args:
        site: what is checked.
        path: of what asks for it.
        alone: what becomes of it on one host.
        remedy: against that.
        who: keeps the records, as a pronoun.
    """
    if site.runtime not in _SEVERAL_HOSTS:
        yield Violation(path, f"with runtime: {site.runtime}, {alone}", remedy)
    if not site.backend.enabled:
        off = f"the backend, whose records {who} would keep, is switched off"
        yield Violation(path, off, "backend: {enabled: true}")


RECORDS_CHECKS: tuple[Callable[[Site], Iterator[Violation]], ...] = (
    members_stand_on_several_hosts,
    replica_set_is_reached,
)
