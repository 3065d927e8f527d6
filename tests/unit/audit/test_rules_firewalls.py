from __future__ import annotations

from typing import Any

import pytest

from orthancgen.audit.looking_rule_sets import (
    firewalls,
    guarded,
    lets_in_anyone,
    needs_certificate,
    services_of,
)
from orthancgen.foreign.model import FirewallFile
from tests.unit.audit.set_ups import firewall, found, lets_in, severities, subject

V4, V6 = frozenset({4}), frozenset({6})
MODALITIES = {
    "ct1": {"AET": "CT1", "Host": "192.168.10.21", "Port": 104},
    "ws1": {"AET": "WS1", "Host": "192.168.10.51", "Port": 104},
}
COMPOSE = """\
services:
  orthanc: {image: orthancteam/orthanc:26.8.1, ports: ["192.168.10.5:2762:2762"]}
"""


@pytest.mark.parametrize(
    "source", ["any", "0.0.0.0/0", "::/0", "*", "Internet", "0.0.0.0/1", "128.0.0.0/1", "::/3", "2000::/3"]
)
def test_who_is_everybody(source: str) -> None:
    assert lets_in_anyone(source)


@pytest.mark.parametrize(
    "source", ["10.0.0.0/8", "192.168.10.21", "fd00::/8", "fc00::/7", "admin.example", "@set", "", "203.0.113.0/24"]
)
def test_who_is_not_everybody(source: str) -> None:
    assert not lets_in_anyone(source)


def test_files_of_one_firewall_belong_together() -> None:
    where = subject(
        firewalls=[
            firewall(kind="iptables", file="a/rules.v4", families=V4),
            firewall(kind="ip6tables", file="a/rules.v6", families=V6),
            firewall(kind="iptables", file="b/rules.v4", families=V4),
            firewall(kind="nftables", file="a/rules.nft"),
        ]
    )
    assert [(one.kind, sorted(one.families), len(one.files)) for one in firewalls(where)] == [
        ("iptables", [4, 6], 2),
        ("iptables", [4], 1),
        ("nftables", [4, 6], 1),
    ]


def test_what_is_behind_a_port() -> None:
    where = subject(
        """\
        services:
          orthanc: {image: orthancteam/orthanc:26.8.1, ports: ["10104:4343", "80:8042"]}
          store: {image: mongo:8.0.17, ports: ["27018:27017"]}
          web: {image: nginx:1.28.0, ports: ["443:8443"]}
        """,
        orthanc={"DicomPort": 4343},
    )
    known = services_of(where)
    assert (known[4343], known[10104], known[80], known[27018]) == ("DICOM", "DICOM", "Orthanc's HTTP", "MongoDB")
    assert 443 not in known


def test_who_must_show_a_certificate() -> None:
    tls = {"DicomPort": 2762, "DicomTlsEnabled": True}
    assert needs_certificate(subject(orthanc=tls), 2762)
    assert not needs_certificate(subject(orthanc=tls), 4242)
    assert not needs_certificate(subject(orthanc={"DicomPort": 2762}), 2762)
    assert not needs_certificate(subject(orthanc={**tls, "DicomTlsRemoteCertificateRequired": False}), 2762)
    assert not needs_certificate(subject(orthanc={**tls, "DicomTlsRemoteCertificateRequired": "no"}), 2762)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (firewall(lets_in("192.168.10.21", 2762, hook="forward")), True),
        (firewall(lets_in("192.168.10.21", 2762, hook="input")), False),
        (firewall(lets_in("192.168.10.21", 443, hook="forward")), False),
        (firewall(lets_in("192.168.10.21", 2762, hook="forward"), guards=False), False),
        (firewall(lets_in("192.168.10.21", 443, hook="any"), kind="aws", guards=False), True),
    ],
)
def test_what_guards_a_published_port(file: FirewallFile, expected: bool) -> None:
    where = subject(COMPOSE, firewalls=[file])
    port = where.target.composes[0].services["orthanc"].ports[0]
    assert guarded(where, port) is expected


@pytest.mark.parametrize(
    ("source", "ports", "orthanc", "expected"),
    [
        ("0.0.0.0/0", (8042,), {}, ["critical"]),
        ("any", (), {}, ["critical"]),
        ("::/0", (27017, 22), {}, ["critical"]),
        ("0.0.0.0/0", (2762,), {"DicomPort": 2762, "DicomTlsEnabled": True}, ["high"]),
        ("0.0.0.0/0", (2762, 8042), {"DicomPort": 2762, "DicomTlsEnabled": True}, ["critical"]),
        ("0.0.0.0/0", (443,), {}, []),
        ("0.0.0.0/0", (22,), {}, []),
        ("0.0.0.0/0", (9999,), {"DicomPort": 9999}, ["critical"]),
        ("192.168.0.0/16", (8042,), {}, []),
    ],
)
def test_open_to_the_world(source: str, ports: tuple[int, ...], orthanc: dict[str, Any], expected: list[str]) -> None:
    where = subject(orthanc=orthanc, firewalls=[firewall(lets_in(source, *ports))])
    assert severities("firewall-open-to-the-world", where) == expected


def test_every_port_is_said_as_such() -> None:
    where = subject(firewalls=[firewall(lets_in("any"))])
    assert found("firewall-open-to-the-world", where)[0][1] == "everybody is let in to every port"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([firewall(families=V4)], 1),
        ([firewall(families=V6)], 1),
        ([firewall()], 0),
        ([firewall(kind="iptables", file="rules.v4", families=V4)], 1),
        (
            [
                firewall(kind="iptables", file="rules.v4", families=V4),
                firewall(kind="ip6tables", file="rules.v6", families=V6),
            ],
            0,
        ),
        ([firewall(kind="iptables", families=V4), firewall(kind="nftables", families=V6)], 0),
        ([firewall(kind="aws", families=V4)], 0),
        ([firewall(kind="windows", families=V4)], 0),
    ],
)
def test_one_family(files: list[FirewallFile], expected: int) -> None:
    assert len(found("firewall-of-one-family", subject(firewalls=files))) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([firewall(drops=False, guards=False)], ["high"]),
        ([firewall(drops=False)], []),  # speaks of containers alone
        ([firewall(lets_in("10.0.0.0/8", 22), drops=False)], ["high"]),
        ([firewall(kind="ufw", drops=False, guards=False, file="user.rules"), firewall(kind="ufw", file="after.rules")],
         []),
        ([firewall(kind="iptables", families=V4, guards=False),
          firewall(kind="ip6tables", families=V6, drops=False, guards=False)], ["high"]),
        ([firewall(kind="aws", drops=False)], []),
    ],
)  # fmt: skip
def test_what_is_let_in_by_default(files: list[FirewallFile], expected: list[str]) -> None:
    assert severities("firewall-lets-in-by-default", subject(firewalls=files)) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (firewall(lets_in("10.0.0.0/8", 22), answers=False), ["high"]),
        (firewall(lets_in("10.0.0.0/8", 22), answers=False, drops=False), []),
        (firewall(lets_in("10.0.0.0/8", 22)), []),
        (firewall(kind="windows", answers=False), []),
    ],
)
def test_answers(file: FirewallFile, expected: list[str]) -> None:
    assert severities("firewall-drops-answers", subject(firewalls=[file])) == expected


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (firewall(lets_in("192.168.10.21", 2762), guards=False), ["medium"]),
        (firewall(lets_in("192.168.10.0/24", 443, 8042), guards=False), ["medium"]),
        (firewall(lets_in("192.168.1.0/24", 2222), guards=False), []),
        (firewall(lets_in("192.168.1.0/24"), guards=False), []),
        (
            firewall(lets_in("192.168.1.0/24", 22, hook="forward"), lets_in("192.168.10.21", 2762), guards=True),
            ["medium"],
        ),
        (firewall(lets_in("192.168.10.21", 2762), guards=False, drops=False), []),
        (firewall(lets_in("192.168.10.21", 2762), kind="aws"), []),
    ],
)
def test_management(file: FirewallFile, expected: list[str]) -> None:
    assert severities("firewall-without-management", subject(firewalls=[file])) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("192.168.010.7", ["high"]),
        ("010.0.0.1/32", ["high"]),
        ("fe80::1%eth0", ["high"]),
        ("167772161", ["high"]),
        ("0x0a000001", ["high"]),
        ("admin.example", ["high"]),
        ("localhost", ["high"]),
        ("256.1.1.1", ["high"]),
        ("10.0.0.0/0.255.255.255", ["high"]),
        ("10.0.0.5", []),
        ("10.0.0.5/32", []),
        ("10.0.0.0/8", []),
        ("fd00:10::/64", []),
        ("::ffff:10.0.0.1", []),
        ("any", []),
        ("@modalities", []),
        ("$LAN", []),
        ("${var.lan}", []),
        ("10.0.0.1-10.0.0.9", []),
        ("LocalSubnet", []),
        ("sg-0a1b2c3d", []),
    ],
)
def test_forms_of_sources(source: str, expected: list[str]) -> None:
    where = subject(firewalls=[firewall(lets_in(source, 22))])
    assert severities("firewall-source-not-an-address", where) == expected


@pytest.mark.parametrize(
    ("source", "said"),
    [("192.168.010.7", "leading zero"), ("fe80::1%eth0", "interface"), ("167772161", "is a number"),
     ("admin.example", "is a name"), ("256.1.1.1", "is no address"), ("fe80::0abc", "")],
)  # fmt: skip
def test_what_is_wrong_with_a_source(source: str, said: str) -> None:
    messages = [
        message
        for _, message in found("firewall-source-not-an-address", subject(firewalls=[firewall(lets_in(source, 22))]))
    ]
    assert [said in message for message in messages] == ([True] if said else [])


def test_many_ports_are_counted() -> None:
    def said(*ports: int) -> str:
        return found("firewall-open-to-the-world", subject(firewalls=[firewall(lets_in("any", *ports))]))[0][1]

    assert said(104, 2762, 4242, 8042) == (
        "everybody is let in to 104 (DICOM), 2762 (DICOM), 4242 (DICOM), 8042 (Orthanc's HTTP)"
    )
    assert said(104, 2762, 4242, 5432, 8042, 27017).endswith("5432 (PostgreSQL) and 2 more")


def test_a_modality_of_this_host_needs_no_way_in() -> None:
    modalities = {"self": {"AET": "S", "Host": "127.0.0.1", "Port": 104}, "ct1": MODALITIES["ct1"]}
    where = subject(orthanc={"DicomModalities": modalities}, firewalls=[firewall(lets_in("192.168.10.21", 4242))])
    assert found("firewall-differs-from-model", where) == []


def test_who_is_let_in_without_a_reason_is_named() -> None:
    where = subject(firewalls=[firewall(lets_in("10.0.0.0/8", 2762), kind="aws")])
    assert found("firewall-rule-without-reason", where) == [("low", "nothing says why 10.0.0.0/8 is let in")]


def test_where_a_port_is_published_is_said() -> None:
    def said(port: str) -> str:
        compose = f"services: {{orthanc: {{image: orthancteam/orthanc, ports: ['{port}']}}}}"
        return found("published-port-not-filtered", subject(compose, firewalls=[firewall(guards=False)]))[0][1]

    assert said("104:4242").startswith("port 104 of orthanc on every address is redirected")
    assert said("10.0.0.1:104:4242").startswith("port 104 of orthanc on 10.0.0.1 is redirected")


def test_the_port_that_a_container_publishes_must_be_dicom() -> None:
    where = subject(
        'services: {orthanc: {image: orthancteam/orthanc, ports: ["8042:8042", "10104:2762"]}}',
        orthanc={"DicomPort": 2762, "DicomTlsEnabled": True},
    )
    assert needs_certificate(where, 10104)
    assert not needs_certificate(where, 8042)


def test_names_in_clouds_are_groups() -> None:
    where = subject(firewalls=[firewall(lets_in("VirtualNetwork", 22), kind="azure")])
    assert found("firewall-source-not-an-address", where) == []


@pytest.mark.parametrize(
    ("profiles", "edge", "expected"),
    [
        ((), False, 1),
        (("any",), False, 1),
        (("domain", "public"), False, 1),
        (("Public",), False, 1),
        (("domain",), True, 1),
        (("domain", "private"), False, 0),
    ],
)
def test_profiles_of_windows(profiles: tuple[str, ...], edge: bool, expected: int) -> None:
    one = lets_in("10.0.0.0/8", 2762, profiles=profiles, edge=edge)
    hits = severities("firewall-profile-too-wide", subject(firewalls=[firewall(one, kind="windows")]))
    assert hits == ["medium" if edge else "low"] * expected
    assert found("firewall-profile-too-wide", subject(firewalls=[firewall(one)])) == []


@pytest.mark.parametrize(("source", "expected"), [("any", "medium"), ("LocalSubnet", "medium"), ("10.0.0.1", "low")])
def test_profiles_matter_most_where_no_source_is_named(source: str, expected: str) -> None:
    one = lets_in(source, 2762, profiles=("any",))
    assert severities("firewall-profile-too-wide", subject(firewalls=[firewall(one, kind="windows")])) == [expected]


def test_reasons_in_clouds() -> None:
    bare, said = lets_in("10.0.0.0/8", 2762), lets_in("10.0.0.0/8", 2762, description="CT 1")
    assert severities("firewall-rule-without-reason", subject(firewalls=[firewall(bare, said, kind="azure")])) == [
        "low"
    ]
    assert severities("firewall-rule-without-reason", subject(firewalls=[firewall(bare)])) == []


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (("192.168.10.21", "192.168.10.51"), []),
        (("192.168.10.0/24",), []),
        (
            ("192.168.10.21",),
            ["the modality ws1 at 192.168.10.51 may call Orthanc, and the firewall does not let it in"],
        ),
        (
            ("192.168.10.21", "192.168.10.51", "192.168.10.99"),
            ["192.168.10.99 is let in to DICOM, and no modality has that address"],
        ),
        (("192.168.10.21", "any"), []),  # another rule's
        (("@modalities",), []),  # what is in the set is not known
        ((), []),  # nothing is said of DICOM
    ],
)
def test_a_firewall_and_the_modalities(sources: tuple[str, ...], expected: list[str]) -> None:
    filters = [lets_in(source, 4242) for source in sources]
    where = subject(
        orthanc={"DicomModalities": MODALITIES}, firewalls=[firewall(*filters, lets_in("192.168.1.0/24", 22))]
    )
    assert [message for _, message in found("firewall-differs-from-model", where)] == expected


def test_a_modality_that_may_nothing_needs_no_way_in() -> None:
    closed = dict.fromkeys(("AllowEcho", "AllowStore", "AllowFind", "AllowGet", "AllowMove"), False)
    modalities = {"ct1": MODALITIES["ct1"], "printer": {"AET": "P", "Host": "192.168.10.9", "Port": 104, **closed}}
    where = subject(orthanc={"DicomModalities": modalities}, firewalls=[firewall(lets_in("192.168.10.21", 4242))])
    assert found("firewall-differs-from-model", where) == []


@pytest.mark.parametrize(
    ("ports", "files", "expected"),
    [
        ('["192.168.10.5:2762:2762"]', [firewall(guards=False)], ["critical"]),
        ('["2762:2762", "8042:8042"]', [firewall(kind="ufw", guards=False)], ["critical", "critical"]),
        ('["127.0.0.1:2762:2762"]', [firewall(guards=False)], []),
        ('["192.168.10.5:2762:2762"]', [firewall(guards=True)], []),
        ('["192.168.10.5:2762:2762"]', [], []),
        ('["192.168.10.5:2762:2762"]', [firewall(guards=False), firewall(kind="aws", guards=False)], []),
        ('["192.168.10.5:2762:2762"]', [firewall(kind="windows", guards=False)], []),
    ],
)
def test_published_ports(ports: str, files: list[FirewallFile], expected: list[str]) -> None:
    compose = f"services: {{orthanc: {{image: orthancteam/orthanc:26.8.1, ports: {ports}}}}}"
    assert severities("published-port-not-filtered", subject(compose, firewalls=files)) == expected
