from __future__ import annotations

from typing import Any

import pytest

from tests.unit.audit.set_ups import found, severities, subject

CHECKED: dict[str, Any] = {
    "DicomCheckModalityHost": True,
    "DicomModalities": {"ct1": {"AET": "CT1", "Host": "192.168.10.21", "Port": 104}},
}
COMPOSE = """\
services:
  orthanc: {image: orthancteam/orthanc:26.8.1, networks: [inner]}
  web: {image: nginx:1.28.0, volumes: ["./nginx.conf:/etc/nginx/nginx.conf:ro"], networks: [inner], ports: ["443:443"]}
networks: {inner: {}}
"""


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        ("stream { server { listen 104; proxy_pass orthanc:4242; } }", 1),
        ("stream { upstream o { server orthanc:4242; } server { listen 104; proxy_pass o; } }", 1),
        ("stream { proxy_bind $remote_addr transparent; server { listen 104; proxy_pass orthanc:4242; } }", 0),
        ("stream { server { listen 104; proxy_bind $remote_addr transparent; proxy_pass orthanc:4242; } }", 0),
        ("stream { server { listen 104; proxy_pass orthanc:8042; } }", 0),
        ("stream { server { listen 104; proxy_pass other:4242; } }", 0),
        ("http { server { listen 104; location / { proxy_pass http://orthanc:4242; } } }", 0),
    ],
)
def test_nginx_in_front(stream: str, expected: int) -> None:
    assert severities("dicom-behind-proxy", subject(COMPOSE, orthanc=CHECKED, nginx=stream)) == ["high"] * expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, 1), ({"DicomCheckModalityHost": False}, 0), ({"DicomServerEnabled": False}, 0), ({"DicomPort": 104}, 0)],
)
def test_where_nobody_compares_addresses_nothing_is_hidden(changes: dict[str, Any], expected: int) -> None:
    stream = "stream { server { listen 104; proxy_pass orthanc:4242; } }"
    where = subject(COMPOSE, orthanc={**CHECKED, **changes}, nginx=stream)
    assert len(found("dicom-behind-proxy", where)) == expected


def test_an_nginx_of_the_host_in_front_of_a_native_orthanc() -> None:
    stream = "stream { server { listen 104; proxy_pass 127.0.0.1:4242; } }"
    assert len(found("dicom-behind-proxy", subject(orthanc=CHECKED, nginx=stream))) == 1


@pytest.mark.parametrize(("called", "expected"), [(10104, 1), (10042, 0), (4242, 0)])
def test_an_nginx_of_the_host_in_front_of_a_published_port(called: int, expected: int) -> None:
    compose = (
        'services: {orthanc: {image: orthancteam/orthanc, ports: ["127.0.0.1:10104:4242", "127.0.0.1:10042:8042"]}}'
    )
    stream = f"stream {{ server {{ listen 104; proxy_pass 127.0.0.1:{called}; }} }}"
    assert len(found("dicom-behind-proxy", subject(compose, orthanc=CHECKED, nginx=stream))) == expected


@pytest.mark.parametrize(
    ("orthanc", "proxy", "expected"),
    [
        ("networks: [inner]", 'networks: [inner], ports: ["104:104"]', 1),
        ("networks: [inner]", 'networks: [inner], ports: ["104:4242"]', 1),
        ("networks: [inner]", 'networks: [inner], ports: ["443:443"]', 0),
        ("networks: [inner]", 'networks: [edge], ports: ["104:104"]', 0),
        ('networks: [inner], ports: ["4242:4242"]', 'networks: [inner], ports: ["104:104"]', 0),
        ("network_mode: host", 'networks: [inner], ports: ["104:104"]', 0),
    ],
)
def test_a_proxy_whose_configuration_is_not_read(orthanc: str, proxy: str, expected: int) -> None:
    where = subject(
        f"services: {{orthanc: {{image: orthancteam/orthanc, {orthanc}}}, front: {{image: haproxy:3, {proxy}}}}}",
        orthanc=CHECKED,
    )
    assert len(found("dicom-behind-proxy", where)) == expected


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ('{"traefik.tcp.services.d.loadbalancer.server.port": 4242}', 1),
        ('["traefik.tcp.services.d.loadbalancer.server.port=4242"]', 1),
        ('["traefik.http.services.d.loadbalancer.server.port=8042"]', 0),
        ('["traefik.tcp.services.d.loadbalancer.server.port=8042"]', 0),
    ],
)
def test_traefik_in_front(labels: str, expected: int) -> None:
    where = subject(f"services: {{orthanc: {{image: orthancteam/orthanc, labels: {labels}}}}}", orthanc=CHECKED)
    assert len(found("dicom-behind-proxy", where)) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("172.17.0.1", 1),
        ("172.31.0.1", 1),
        ("192.168.65.1", 1),
        ("10.0.2.2", 1),
        ("10.77.0.254", 1),  # as the compose file says
        ("172.32.0.1", 0),
        ("172.20.4.21", 0),
        ("192.168.10.21", 0),
    ],
)
def test_gateways_as_modalities(host: str, expected: int) -> None:
    where = subject(
        """\
        services:
          orthanc: {image: orthancteam/orthanc:26.8.1, networks: [edge]}
        networks: {edge: {ipam: {config: [{subnet: 10.77.0.0/24, gateway: 10.77.0.254}]}}}
        """,
        orthanc={**CHECKED, "DicomModalities": {"ct1": ["CT1", host, 104]}},
    )
    assert severities("docker-desktop-hides-callers", where) == ["high"] * expected


def test_a_gateway_is_no_fault_outside_of_containers_or_without_the_check() -> None:
    modalities = {"ct1": {"AET": "CT1", "Host": "172.17.0.1", "Port": 104}}
    native = subject(orthanc={**CHECKED, "DicomModalities": modalities})
    assert found("docker-desktop-hides-callers", native) == []
    compose = "services: {orthanc: {image: orthancteam/orthanc}}"
    assert found("docker-desktop-hides-callers", subject(compose, orthanc={"DicomModalities": modalities})) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("C:\\Images", 1),
        ("D:/images", 1),
        ("/Users/pacs/images", 1),
        ("/mnt/c/images", 1),
        ("/srv/images", 0),
        ("./images", 0),
        ("/mnt/images", 0),
    ],
)
def test_engines_of_a_desktop(source: str, expected: int) -> None:
    where = subject(
        f"services: {{orthanc: {{image: orthancteam/orthanc, volumes: ['{source}:/var/lib/orthanc/db']}}}}",
        orthanc=CHECKED,
    )
    assert severities("docker-desktop-hides-callers", where) == ["medium"] * expected
