"""Does the packet filter of this host let in whom the site lets in, and is it the one that the environment lists?"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Iterator
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Note, Remedy
from orthancgen.doctor.observe import engine as observed
from orthancgen.doctor.observe.firewall import Denial, Packet, denied, readable
from orthancgen.doctor.observe.names import interface_towards, own_addresses, source_towards
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.network.loaded import status_of
from orthancgen.doctor.questions.network.words import env, line
from orthancgen.firewall.policy import Filter, Policy, policy

_SOMEBODY: Final = "198.51.100.7"
"""An address of nobody, for who comes from anywhere: RFC 5737."""
_MOST_NAMED: Final = 4
_SCRIPT_FOLDERS: Final = "/etc/nftables.conf /etc/nftables.d /etc/iptables /etc/ufw /etc/firewalld"


def _drops(case: Case) -> Iterator[Finding]:
    if not readable():
        yield Note("the rules of this host's firewall are shown to root alone: they were not looked at")
        return
    kept_out: dict[Denial, list[Filter]] = {}
    for one in policy(case.plan).filters:
        found = _kept_out(case, one) if one.purpose in {"dicom", "web"} else None
        if found is not None:
            kept_out.setdefault(found, []).append(one)
    for denial, filters in kept_out.items():
        own_rules_are_others = denial.is_own and status_of(case) is not None
        if not own_rules_are_others:
            yield _diagnosis(case, denial, filters)


def _kept_out(case: Case, one: Filter) -> Denial | None:
    """What keeps everybody out whom a filter lets in."""
    first = None
    for source in _representatives(case, one):
        found = denied(case, _packet(case, one, source), one.hook)
        if found is None:
            return None
        first = first or found
    return first


def _representatives(case: Case, one: Filter) -> Iterator[str]:
    """Addresses that stand for a source: itself; of a network its first; of everybody a neighbour and a stranger."""
    whole = ipaddress.ip_network(one.source)
    if whole.prefixlen:
        yield str(whole[0] if whole.num_addresses == 1 else whole[1])
    elif whole.version == 4:
        for address in sorted(own_addresses(case)):
            if ":" not in address and not ipaddress.ip_address(address).is_loopback:
                yield str(ipaddress.ip_address(int(ipaddress.ip_address(address)) ^ 1))
        yield _SOMEBODY


def _packet(case: Case, one: Filter, source: str) -> Packet:
    destination = source_towards(source)
    if one.hook == "forward":
        addresses = [
            next(iter(container.addresses.values()), None)
            for name, container in observed.running(case).items()
            if name in case.plan.by_name and one.port in {it.port for it in case.plan.by_name[name].listeners}
        ]
        destination = addresses[0] if addresses else None
    return Packet(source, destination, one.port, interface_towards(case, source), one.hook == "forward")


def _diagnosis(case: Case, denial: Denial, filters: list[Filter]) -> Diagnosis:
    who = ", ".join(_who(one) for one in filters[:_MOST_NAMED])
    more = f" and {len(filters) - _MOST_NAMED} more" if len(filters) > _MOST_NAMED else ""
    ports = ", ".join(dict.fromkeys(str(one.port) for one in filters))
    return Diagnosis(
        "host-firewall-drops",
        f"the firewall of this host keeps out whom the site lets in, at port {ports}: {who}{more}",
        "firewall of this host",
        (Evidence(line(denial.rule), line(denial.place)),),
        tuple(_remedies(case, denial, filters)),
        Fix("load_firewall") if denial.is_own else None,
    )


def _who(one: Filter) -> str:
    source = one.source.removesuffix("/32").removesuffix("/128")
    return f"{one.reasons[0].partition(',')[0]} ({source})"


def _remedies(case: Case, denial: Denial, filters: list[Filter]) -> Iterator[Remedy]:
    first = filters[0]
    if denial.is_own:
        yield Remedy("load the rules of the environment as it is now", f"orthancgen firewall apply {env(case)}")
        return
    if "ufw" in denial.chain or (denial.is_policy and _has(case, "ufw")):
        for one in filters[:_MOST_NAMED]:
            yield Remedy(f"let in {_who(one)}", _ufw(one))
    elif "firewalld" in denial.table:
        for one in filters[:_MOST_NAMED]:
            yield Remedy(f"let in {_who(one)}", _firewalld(one))
        yield Remedy("put it in force", "firewall-cmd --reload")
    elif denial.tool != "nft" and not denial.is_policy:
        rule = re.sub(r"^-A ", "", denial.rule)
        yield Remedy("take that rule out, if nobody needs it", f"{denial.tool} -t {denial.table} -D {rule}")
    elif denial.tool == "nft" and not denial.is_policy:
        chain = f"{denial.table} {denial.chain}"
        yield Remedy("find the number (handle) of that rule", f"nft -a list chain {chain}")
        yield Remedy("take it out, if nobody needs it", f"nft delete rule {chain} handle NUMBER")
    else:
        yield Remedy(f"let in {_who(first)}, before the policy drops", _accept(denial, first))
    yield Remedy("see who loads it when the host starts, or it comes back", f"grep -rns {first.port} {_SCRIPT_FOLDERS}")
    if first.hook == "forward":
        yield Remedy("the engine's own rules come back when it starts again", "systemctl restart docker")


def _has(case: Case, word: str) -> bool:
    from orthancgen.doctor.observe.firewall import rule_sets

    return any(word in chain for one in rule_sets(case) for chain in one.chains)


def _ufw(one: Filter) -> str:
    verb = "ufw route allow" if one.hook == "forward" else "ufw allow"
    return f"{verb} from {one.source} to any port {one.port} proto tcp comment {shlex.quote(one.label)}"


def _firewalld(one: Filter) -> str:
    family = "ipv6" if one.family == 6 else "ipv4"
    rule = f'rule family="{family}" source address="{one.source}" port port="{one.port}" protocol="tcp" accept'
    return f"firewall-cmd --permanent --add-rich-rule={shlex.quote(rule)}"


def _accept(denial: Denial, one: Filter) -> str:
    if denial.tool == "nft":
        family = "ip6" if one.family == 6 else "ip"
        chain = f"{denial.table} {denial.chain}"
        return f"nft insert rule {chain} {family} saddr {one.source} tcp dport {one.port} accept"
    return f"{denial.tool} -t {denial.table} -I {denial.chain} -s {one.source} -p tcp --dport {one.port} -j ACCEPT"


def _open(case: Case) -> Iterator[Finding]:
    """Ports that are for some, and that nothing on this host keeps from all others."""
    whole = policy(case.plan)
    ports: dict[int, Filter] = {}
    for one in whole.filters:
        if one.purpose in {"dicom", "web"} and one.family == 4:
            ports.setdefault(one.port, one)
    wide = [
        one
        for one in ports.values()
        if whole.lets_in(_SOMEBODY, one.port) is None and denied(case, _packet(case, one, _SOMEBODY), one.hook) is None
    ]
    if wide:
        shown = ", ".join(str(one.port) for one in wide)
        yield Note(
            f"no firewall of this host keeps strangers from port {shown}: another one in front of it has to",
            (Evidence(f"{_SOMEBODY}, an address of nobody, is let through", "loaded rules of this host"),),
        )


def _is_for_some(case: Case) -> bool:
    whole: Policy = policy(case.plan)
    return observed.on_this_host(case) and bool(whole.filters) and readable()


QUESTIONS: Final = (
    Question(
        "firewall-lets-in", "Does the firewall of this host let in whom the site lets in?", "way_in", _drops,
        ("host-firewall-drops",), applies=observed.on_this_host,
    ),
    Question(
        "firewall-keeps-out", "Does the firewall of this host keep out everybody else?", "way_in", _open, (),
        applies=_is_for_some,
    ),
)  # fmt: skip
