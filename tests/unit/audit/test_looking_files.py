from __future__ import annotations

import pytest

from orthancgen.audit.looking_files import beside, container_with, host_file, same_file
from tests.unit.audit.set_ups import subject

COMPOSE = """
    services:
      orthanc:
        image: orthancteam/orthanc
        volumes:
          - ./conf:/etc/orthanc:ro
          - ${SCRIPTS:-./lua}/site.lua:/lua/site.lua:ro
          - images:/var/lib/orthanc/db
        secrets: [users.json, {source: key, target: /etc/tls/key.pem}]
    volumes: {images: {}}
    secrets:
      users.json: {file: ./secrets/users.json}
      key: {file: ./secrets/key.pem}
"""


@pytest.mark.parametrize(
    ("file", "source", "wanted"),
    [
        ("site/docker-compose.yml", "./secrets/a", "site/secrets/a"),
        ("docker-compose.yml", "${FOLDER:-./x}/a", "x/a"),
        ("docker-compose.yml", "/etc/a", "/etc/a"),
        ("C:\\site\\docker-compose.yml", ".\\a.json", "C:/site/a.json"),
    ],
)
def test_a_path_beside_the_file_that_names_it(file: str, source: str, wanted: str) -> None:
    assert beside(file, source) == wanted


def test_two_names_of_one_file() -> None:
    assert same_file("./a/../b.pem", "b.pem")
    assert not same_file("a/b.pem", "b.pem")


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        ("/etc/orthanc/orthanc.json", "conf/orthanc.json"),
        ("/lua/site.lua", "lua/site.lua"),
        ("/run/secrets/users.json", "secrets/users.json"),
        ("/etc/tls/key.pem", "secrets/key.pem"),
        ("/etc/ssl/other.pem", "/etc/ssl/other.pem"),
    ],
)
def test_the_file_of_the_host_that_a_container_sees(inside: str, outside: str) -> None:
    where = subject(COMPOSE, orthanc={})
    service = where.service_of(where.orthancs[0])
    assert host_file(where, service, inside, "conf/orthanc.json") == outside


def test_a_program_of_the_host_means_files_beside_its_configuration() -> None:
    assert host_file(subject(), None, "tls/https.pem", "site/orthanc.json") == "site/tls/https.pem"


def test_the_container_that_sees_a_file() -> None:
    where = subject(COMPOSE, orthanc={})
    for file, seen in (("conf/orthanc.json", True), ("secrets/key.pem", True), ("confidential/a", False)):
        assert (container_with(where, file) is not None) is seen, file
