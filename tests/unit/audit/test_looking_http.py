from __future__ import annotations

import pytest

from orthancgen.audit.looking_http import Reach, reach, ways
from orthancgen.foreign.model import FirewallKind
from tests.unit.audit.set_ups import firewall, lets_in, subject

OPEN = {"RemoteAccessAllowed": True}


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"HttpServerEnabled": False, **OPEN}, Reach.NOBODY),
        ({}, Reach.THIS_HOST),
        (OPEN, Reach.NETWORK),
        ({**OPEN, "HttpBindAddresses": ["127.0.0.1", "::1"]}, Reach.THIS_HOST),
        ({**OPEN, "HttpBindAddresses": ["127.0.0.1", "192.168.10.5"]}, Reach.NETWORK),
        ({**OPEN, "HttpBindAddresses": []}, Reach.NETWORK),
    ],
)
def test_outside_of_a_container_remote_access_and_addresses_decide(settings: dict[str, object], wanted: Reach) -> None:
    where = subject(orthanc=settings)
    assert reach(where, where.orthancs[0]) is wanted


def test_before_1_12_10_addresses_to_listen_on_mean_nothing() -> None:
    where = subject(orthanc={**OPEN, "HttpBindAddresses": ["127.0.0.1"]}, version="1.12.9")
    assert reach(where, where.orthancs[0]) is Reach.NETWORK


@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ("image: orthancteam/orthanc", Reach.CONTAINERS),
        ('ports: ["8042:8042"]', Reach.NETWORK),
        ('ports: ["192.168.10.5:80:8042"]', Reach.NETWORK),
        ('ports: ["127.0.0.1:8042:8042"]', Reach.CONTAINERS),
        ('ports: ["[::1]:8042:8042"]', Reach.CONTAINERS),
        ('ports: ["8042:4242"]', Reach.CONTAINERS),
        ('ports: ["8042:8042/udp"]', Reach.CONTAINERS),
        ("ports: [{target: 8042, published: 8042, host_ip: 0.0.0.0}]", Reach.NETWORK),
        ("network_mode: host", Reach.NETWORK),
        ('network_mode: "service:web"', Reach.NETWORK),
    ],
)
def test_in_a_container_published_ports_decide(service: str, wanted: Reach) -> None:
    compose = f"""
        services:
          orthanc:
            image: orthancteam/orthanc:26.8.1
            {service}
          web: {{image: "nginx:1.28.0", ports: ["80:8042"]}}
    """.replace("image: orthancteam/orthanc:26.8.1\n            image", "image")
    where = subject(compose, orthanc=OPEN)
    assert reach(where, where.orthancs[0]) is wanted


def test_in_a_container_that_answers_itself_alone_nobody_reaches_it() -> None:
    compose = 'services: {orthanc: {image: orthancteam/orthanc, ports: ["8042:8042"]}}'
    for settings in ({"RemoteAccessAllowed": False}, {**OPEN, "HttpBindAddresses": ["127.0.0.1"]}):
        where = subject(compose, orthanc=settings)
        assert ways(where, where.orthancs[0]) == ()


@pytest.mark.parametrize(
    ("families", "drops", "port", "wanted"),
    [
        ({4, 6}, True, 22, Reach.THIS_HOST),
        ({4, 6}, True, 8042, Reach.NETWORK),
        ({4}, True, 22, Reach.NETWORK),
        ({4, 6}, False, 22, Reach.NETWORK),
    ],
)
def test_a_firewall_that_drops_both_families_closes_the_ports_of_the_host(
    families: set[int], drops: bool, port: int, wanted: Reach
) -> None:
    rules = firewall(lets_in("192.168.1.0/24", port), families=frozenset(families), drops=drops)
    where = subject(orthanc=OPEN, firewalls=[rules])
    assert reach(where, where.orthancs[0]) is wanted


@pytest.mark.parametrize(("kind", "wanted"), [("nftables", Reach.NETWORK), ("aws", Reach.CONTAINERS)])
def test_of_published_ports_only_a_cloud_is_believed(kind: FirewallKind, wanted: Reach) -> None:
    compose = 'services: {orthanc: {image: orthancteam/orthanc, ports: ["8042:8042"]}}'
    rules = firewall(lets_in("192.168.1.0/24", 22, hook="any"), kind=kind)
    where = subject(compose, orthanc=OPEN, firewalls=[rules])
    assert reach(where, where.orthancs[0]) is wanted


NGINX = """
    http {
      upstream archive { server 127.0.0.1:8042; }
      server {
        listen %s;
        auth_basic %s;
        location / { proxy_pass http://archive; }
      }
    }
"""


@pytest.mark.parametrize(
    ("listen", "login", "encrypted", "asks", "wanted"),
    [
        ("443 ssl", "archive", True, True, Reach.NETWORK),
        ("80", "off", False, False, Reach.NETWORK),
        ("127.0.0.1:8443 ssl", "off", True, False, Reach.THIS_HOST),
        ("[::]:443 ssl http2", "off", True, False, Reach.NETWORK),
    ],
)
def test_a_proxy_of_the_host_is_a_way_of_its_own(
    listen: str, login: str, encrypted: bool, asks: bool, wanted: Reach
) -> None:
    where = subject(orthanc={}, nginx=NGINX % (listen, login))
    [way] = [one for one in ways(where, where.orthancs[0]) if one.kind == "proxy"]
    assert (way.encrypted, way.asks_login, way.reach) == (encrypted, asks, wanted)


@pytest.mark.parametrize(
    ("target", "there"),
    [
        ("http://127.0.0.1:8042", True),
        ("http://localhost:8042/orthanc/", True),
        ("http://127.0.0.1:8043", False),
        ("http://archive.example:8042", False),
        ("http://$upstream", False),
        ("not a url", False),
    ],
)
def test_a_proxy_counts_where_it_leads_to_this_orthanc(target: str, there: bool) -> None:
    nginx = f"http {{ server {{ listen 443 ssl; location / {{ proxy_pass '{target}'; }} }} }}"
    where = subject(orthanc={}, nginx=nginx)
    assert any(way.kind == "proxy" for way in ways(where, where.orthancs[0])) is there


def test_a_proxy_finds_the_container_by_any_of_its_names_and_by_variables() -> None:
    compose = """
        services:
          orthanc:
            image: orthancteam/orthanc
            container_name: archive
            networks: {inner: {aliases: [images]}}
          web:
            image: nginx:1.28.0
            ports: ["192.168.10.5:443:8443", "80:8080"]
            volumes: ["./nginx.conf:/etc/nginx/nginx.conf:ro"]
    """
    for host in ("orthanc", "archive", "images"):
        nginx = f"""
            http {{ server {{
              listen 8443 ssl;
              set $archive http://{host}:8042;
              location / {{ proxy_pass $archive; }}
            }} }}
        """
        where = subject(compose, orthanc=OPEN, nginx=nginx)
        [way] = [one for one in ways(where, where.orthancs[0]) if one.kind == "proxy"]
        assert (way.address, way.port, way.encrypted, way.reach) == ("192.168.10.5", 443, True, Reach.NETWORK)
