from __future__ import annotations

import pytest

from tests.unit.audit.set_ups import found, severities, subject


def of(keys: str, image: str) -> str:
    return f"services: {{web: {{image: '{image}', {keys}}}}}"


@pytest.mark.parametrize(
    ("image", "keys", "expected"),
    [
        ("mongo", "ports: ['27017:27017']", ["critical"]),
        ("postgres", "ports: ['192.168.1.1:5432:5432']", ["critical"]),
        ("mongo", "ports: ['127.0.0.1:27017:27017']", ["low"]),
        ("mongo", "network_mode: host", ["critical"]),
        ("mongo", "expose: [27017]", []),
        ("nginx", "ports: ['27017:27017']", []),
    ],
)
def test_exposed_databases(image: str, keys: str, expected: list[str]) -> None:
    assert severities("database-exposed", subject(of(keys, image))) == expected


ROOT = "MONGO_INITDB_ROOT_USERNAME: root, MONGO_INITDB_ROOT_PASSWORD_FILE: /run/secrets/p"


@pytest.mark.parametrize(
    ("image", "keys", "expected"),
    [
        ("mongo", "", 1),
        ("mongo", f"environment: {{{ROOT}}}", 0),
        ("mongo", f"environment: {{{ROOT}}}, command: [--noauth]", 1),
        ("mongo", "command: --auth", 0),
        ("mongo", "command: [mongod, --keyFile=/run/secrets/key]", 0),
        ("mongo", "command: [mongod, --config, /etc/mongod.conf]", 0),
        ("mongo", "command: [mongod, --dbpath, /data]", 1),
        ("mongo", "env_file: elsewhere.env", 0),
        ("mongo", "environment: {MONGO_INITDB_ROOT_USERNAME: '', MONGO_INITDB_ROOT_PASSWORD: ''}", 1),
        ("mongo", "environment: {MONGO_INITDB_ROOT_USERNAME: '${A}', MONGO_INITDB_ROOT_PASSWORD: '${B}'}", 0),
        ("postgres", "environment: {POSTGRES_HOST_AUTH_METHOD: trust}", 1),
        ("postgres", "environment: {POSTGRES_HOST_AUTH_METHOD: scram-sha-256}", 0),
        ("postgres", "", 0),  # the image does not start
    ],
)
def test_logins_of_databases(image: str, keys: str, expected: int) -> None:
    assert len(found("database-without-login", subject(of(keys, image)))) == expected


NETWORKS = """\
services:
  web: {{image: nginx, ports: ["443:443"], networks: [{web}]}}
  orthanc: {{image: orthancteam/orthanc, ports: ["104:4242"], networks: [{orthanc}]}}
  backend: {{image: site/backend, environment: {{DB: "mongodb://store/"}}, networks: [{backend}]}}
  store: {{image: {image}, networks: [{store}]}}
networks: {{edge: {{}}, inner: {{internal: true}}, data: {{internal: true}}}}
"""


@pytest.mark.parametrize(
    ("web", "orthanc", "backend", "store", "expected"),
    [
        ("edge", "edge, inner", "inner, data", "data", []),
        ("edge", "edge, data", "inner, data", "data", ["orthanc"]),
        ("edge, data", "edge, data", "data", "data", ["web, orthanc"]),
        ("edge", "edge, inner", "edge, data", "data", []),
        ("edge", "inner", "inner", "inner", ["orthanc"]),
    ],
)
def test_separated_networks(web: str, orthanc: str, backend: str, store: str, expected: list[str]) -> None:
    text = NETWORKS.format(web=web, orthanc=orthanc, backend=backend, store=store, image="mongo")
    messages = [message for _, message in found("networks-not-separated", subject(text))]
    assert [message.partition(" with ")[2].partition(", which")[0] for message in messages] == expected


def test_an_orthanc_with_its_index_in_the_database_needs_it() -> None:
    text = NETWORKS.format(web="edge", orthanc="edge, data", backend="inner", store="data", image="postgres")
    assert found("networks-not-separated", subject(text, orthanc={"PostgreSQL": {"EnableIndex": True}})) == []
    assert len(found("networks-not-separated", subject(text, orthanc={}))) == 1


def test_another_database_or_a_program_inside_is_no_stranger() -> None:
    where = subject("""\
        services:
          store: {image: mongo, networks: [data]}
          index: {image: postgres, ports: ["5432:5432"], networks: [data]}
          inside: {image: site/worker, networks: [data]}
        networks: {data: {internal: true}}
    """)
    assert found("networks-not-separated", where) == []


def test_one_network_for_all() -> None:
    where = subject("""\
        services:
          web: {image: nginx, ports: ["443:443"]}
          store: {image: mongo}
    """)
    assert severities("networks-not-separated", where) == ["high"]
    assert severities("network-not-internal", where) == []  # they must be separated first


@pytest.mark.parametrize(("network", "expected"), [("internal: true", []), ("", ["low"]), ("internal: false", ["low"])])
def test_networks_that_lead_out(network: str, expected: list[str]) -> None:
    where = subject(f"""\
        services:
          store: {{image: mongo, networks: [data]}}
        networks: {{data: {{{network}}}}}
    """)
    assert severities("network-not-internal", where) == expected


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        ("environment: {MONGO_USER: admin}", 1),
        ("environment: {MONGO_USERNAME: admin}", 1),
        ("environment: {MONGO_URL: 'mongodb://admin:x@store/'}", 1),
        ("environment: {MONGO_URL: 'mongodb+srv://admin@store/'}", 1),
        ("environment: {MONGO_URL: 'mongodb://records:x@store/'}", 0),
        ("environment: {OWNER_USER: admin}", 0),
        ("secrets: [root_password]", 1),
        ("secrets: [records_password]", 0),
        ("secrets: [root_password], restart: 'no', profiles: [setup]", 0),
    ],
)
def test_root_of_the_database(backend: str, expected: int) -> None:
    where = subject(f"""\
        services:
          backend: {{image: site/backend, {backend}}}
          store:
            image: mongo
            environment:
              MONGO_INITDB_ROOT_USERNAME: admin
              MONGO_INITDB_ROOT_PASSWORD_FILE: /run/secrets/root_password
            secrets: [root_password]
    """)
    assert len(found("backend-is-database-root", where)) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("mongodb://a@db.example/", 1),
        ("mongodb://a@db.example:27017/?tls=true", 0),
        ("mongodb://a@db.example/?ssl=TRUE", 0),
        ("mongodb+srv://a@db.example/", 0),  # implies TLS
        ("mongodb://a@store:27017/", 0),
        ("mongodb://a@store,db.example/", 1),
        ("mongodb://a@${HOST}:27017/", 0),
        ("mongodb://a@localhost/", 0),
        ("mongodb://a@127.0.0.1:27017/", 0),
        ("postgresql://a@db.example/x?sslmode=require", 0),
        ("postgresql://a@db.example/x?sslmode=disable", 1),
        ("https://db.example/", 0),
    ],
)
def test_databases_of_other_hosts(url: str, expected: int) -> None:
    where = subject(f"""\
        services:
          backend: {{image: site/backend, environment: {{URL: '{url}'}}}}
          store: {{image: mongo}}
    """)
    assert len(found("database-without-tls", where)) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"Host": "db.example"}, 1),
        ({"Host": "db.example", "EnableSsl": True}, 0),
        ({"Host": "localhost"}, 0),
        ({}, 0),
        ({"ConnectionUri": "postgresql://a@db.example/x"}, 1),
        ({"ConnectionUri": "postgresql://a@db.example/x?sslmode=verify-full"}, 0),
        ({"ConnectionUri": "postgresql://a@[::1]/x"}, 0),
        ({"Host": 5}, 0),
        ({"Host": "db.example", "ConnectionUri": 5}, 1),
        ({"Host": "db.example", "ConnectionUri": ""}, 1),
    ],
)
def test_an_index_on_another_host(settings: dict[str, object], expected: int) -> None:
    assert len(found("database-without-tls", subject(orthanc={"PostgreSQL": settings}))) == expected
