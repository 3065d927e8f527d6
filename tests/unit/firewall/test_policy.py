"""The policy follows from the flows: who is let in, where the packets are seen, and in which order."""

from __future__ import annotations

from typing import Any

from orthancgen.firewall.policy import EVERY_ADDRESS, Policy, Published, policy
from orthancgen.plan.build import plan
from tests.support.environments import MINIMAL, NEWEST, site_of

CT = {"aet": "CT1", "address": "192.0.2.10"}
KNOWN = {"dicom/ae_checks": {"calling_aet": "registered"}, "modalities": {"ct1": CT}}
CONTAINERS = {
    "runtime": "compose",
    "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.17"},
}


def of(changes: dict[str, Any]) -> Policy:
    return policy(plan(site_of(MINIMAL, changes), NEWEST))


def told(found: Policy) -> list[tuple[str, int, str]]:
    return [(one.source, one.port, one.hook) for one in found.filters]


def test_a_modality_is_let_in_by_its_address() -> None:
    found = of(KNOWN)
    assert told(found) == [("192.0.2.10/32", 4242, "input")]
    assert found.filters[0].reason == "modality ct1"
    assert found.lets_in("192.0.2.10", 4242) is found.filters[0]
    assert found.lets_in("192.0.2.11", 4242) is None
    assert found.lets_in("192.0.2.10", 8042) is None
    assert [(call.address, call.port) for call in found.calls] == [("192.0.2.10", 104)]


def test_anyone_is_every_address_of_both_versions() -> None:
    found = of({"dicom/ae_checks": {"calling_aet": "anyone", "anyone_may": ["echo"]}})
    assert [one.source for one in found.filters] == list(EVERY_ADDRESS)
    assert found.lets_in("2001:db8::1", 4242) is not None


def test_management_comes_first_and_what_stays_on_the_host_is_no_filter() -> None:
    network = {"managed_from": ["192.0.2.0/24"], "management_ports": [22, 3389], "allowed_sources": ["198.51.100.0/24"]}
    found = of({**KNOWN, "network": network, "modalities": {"ct1": {**CT, "address": "127.0.0.3"}}})
    assert told(found) == [("192.0.2.0/24", 22, "input"), ("192.0.2.0/24", 3389, "input")]
    open_to_users = of({**KNOWN, "network": network, "http/listen_on": "0.0.0.0"})
    assert told(open_to_users)[2:] == [
        ("192.0.2.10/32", 4242, "input"), ("198.51.100.0/24", 8042, "input"), ("192.0.2.0/24", 8042, "input"),
    ]  # fmt: skip


def test_one_filter_serves_several_reasons() -> None:
    modalities = {"ct1": CT, "ct2": {**CT, "aet": "CT2"}}
    (only,) = of({**KNOWN, "modalities": modalities}).filters
    assert only.reasons == ("modality ct1", "modality ct2")


def test_labels_are_short_and_unique() -> None:
    modalities = {f"{'x' * 62}{n:02}": {"aet": f"CT{n}", "address": f"192.0.2.{n}"} for n in range(1, 40)}
    labels = [one.label for one in of({**KNOWN, "modalities": modalities}).filters]
    assert len(set(labels)) == len(labels) == 39
    assert max(map(len, labels)) <= 60


def test_published_ports_are_seen_on_their_way_to_the_containers() -> None:
    found = of({**CONTAINERS, **KNOWN})
    assert told(found) == [("192.0.2.10/32", 4242, "forward")]
    assert Published(4242, "0.0.0.0") in found.published


def test_the_engines_own_proxy_is_a_program_of_the_host() -> None:
    by_proxy = of({**CONTAINERS, **KNOWN, "network/callers_arrive": "by_userland_proxy"})
    assert (told(by_proxy), by_proxy.published) == ([("192.0.2.10/32", 4242, "input")], ())
    users = {"network/allowed_sources": ["2001:db8::/64"], "http/listen_on": "::"}
    by_ipv6 = of({**CONTAINERS, **KNOWN, **users})
    assert told(by_ipv6) == [("192.0.2.10/32", 4242, "forward"), ("2001:db8::/64", 8042, "input")]
    assert 8042 not in {one.port for one in by_ipv6.published}


def test_what_hides_addresses_is_let_in_itself() -> None:
    found = of({**KNOWN, "network": {"callers_arrive": "by_tcp_proxy", "seen_address": "192.0.2.5"}})
    assert told(found) == [("192.0.2.5/32", 4242, "input")]
    assert "by way of a TCP proxy" in found.filters[0].reason


def test_the_vpn_is_called_from_where_it_may_be() -> None:
    vpn = {"network": "10.8.0.0/24", "endpoint": "vpn.hospital.example"}
    assert [(one.source, one.protocol) for one in of({**KNOWN, "network": {"vpn": vpn}}).filters[:2]] == [
        (network, "udp") for network in EVERY_ADDRESS
    ]
    named = of({**KNOWN, "network": {"vpn": {**vpn, "allowed_sources": ["203.0.113.0/24"]}}})
    assert told(named)[0] == ("203.0.113.0/24", 51820, "input")
