"""A published port of a container that passes the firewall by."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_containers import shown_port
from orthancgen.audit.looking_rule_sets import CLOUDS, host_firewalls, published_to_others
from orthancgen.audit.references import nist_pacs, owasp_docker, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.plan.sources import arrival
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every port that other hosts may call, where the host's firewall filters the way to its own programs alone."""
    files = subject.target.firewalls
    if not host_firewalls(subject) or any(file.guards_forwarded or file.kind in CLOUDS for file in files):
        return
    if subject.plan is not None and arrival(subject.plan.site).hook == "input":
        return  # the engine's own proxy accepts connections, which is a program of the host
    for service, port in published_to_others(subject):
        where = printable(port.host_address) or "every address"
        message = (
            f"{shown_port(port)} of {printable(service.name)} on {where} is redirected before the rules of the input "
            "chain see it: they do not filter it"
        )
        yield Hit(message, port.mark, port.path)


RULE: Final = Rule(
    id="published-port-not-filtered",
    severity=Severity.CRITICAL,
    confidence="likely",
    title="The firewall does not filter the published ports of containers",
    why="Docker redirects a published port before the input chain, so that ufw and rules in INPUT show it as closed "
    "while everybody reaches it.",
    remedy="Filter it in the chain DOCKER-USER, by its port before the redirection (`-m conntrack --ctorigdstport "
    "2762 --ctdir ORIGINAL`), or in a forward hook of nftables; or publish it on 127.0.0.1 behind a program of the "
    "host.",
    references=(
        owasp_docker("5a"),
        page(
            "Docker: packet filtering and firewalls",
            "https://docs.docker.com/engine/network/packet-filtering-firewalls/",
        ),
        nist_pacs("PR.AC-5"),
    ),
    find=find,
)
