from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.compose import is_compose, parse_compose
from orthancgen.foreign.model import ComposeFile, ComposeService, ServiceRole
from orthancgen.foreign.yaml_tree import parse_yaml
from orthancgen.site.problems import Mark


def parsed(text: str, folder: Path | None = None, override: str | None = None) -> ComposeFile:
    over = (override, "compose.override.yaml") if override is not None else None
    return parse_compose(text, "compose.yaml", folder, over)


def service(body: str, folder: Path | None = None) -> ComposeService:
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    return parsed(f"services:\n  s:\n{lines}\n", folder).services["s"]


def told(compose: ComposeFile) -> list[str]:
    return [
        f"{p.severity} {p.mark.line}:{p.mark.column} {p.key_path}: {p.message}"
        for p in compose.problems
        if p.mark is not None
    ]


@pytest.mark.parametrize(
    ("written", "ports"),
    [
        ('"8042:8042"', [("", 8042, 8042, "tcp")]),
        ('"127.0.0.1:8042:80"', [("127.0.0.1", 8042, 80, "tcp")]),
        ('"8042"', [("", None, 8042, "tcp")]),
        ("8042", [("", None, 8042, "tcp")]),
        ("22:22", [("", 22, 22, "tcp")]),
        ('"127.0.0.1::8042"', [("127.0.0.1", None, 8042, "tcp")]),
        ('"[::1]:80:81"', [("::1", 80, 81, "tcp")]),
        ('"514:514/UDP"', [("", 514, 514, "udp")]),
        ('"3000-3002:4000-4002"', [("", 3000, 4000, "tcp"), ("", 3001, 4001, "tcp"), ("", 3002, 4002, "tcp")]),
        ('"${PORT:-8042}:8042"', [("", 8042, 8042, "tcp")]),
        ('"${PORT}:8042"', [("", None, 8042, "tcp")]),
        ("{target: 8042, published: 80, host_ip: 10.0.0.1}", [("10.0.0.1", 80, 8042, "tcp")]),
        ('{target: 8042, published: "80", protocol: udp, mode: host}', [("", 80, 8042, "udp")]),
        ("{target: 8042}", [("", None, 8042, "tcp")]),
        ("nonsense", []), ("{published: 1}", []), ("[]", []), ("null", []), ('"99999999:1"', [("", None, 1, "tcp")]),
    ],
)  # fmt: skip
def test_ports(written: str, ports: list[tuple[str, int | None, int, str]]) -> None:
    found = service(f"ports: [{written}]").ports
    assert [(p.host_address, p.host_port, p.container_port, p.protocol) for p in found] == ports
    assert all(p.path == ("services", "s", "ports", 0) and p.mark.line == 3 for p in found)


@pytest.mark.parametrize(
    ("written", "mount"),
    [
        ("./a:/b", ("bind", "./a", "/b", False)),
        ("./a:/b:ro", ("bind", "./a", "/b", True)),
        ("/a:/b:z,ro", ("bind", "/a", "/b", True)),
        ("~/a:/b:rw", ("bind", "~/a", "/b", False)),
        ("data:/b", ("volume", "data", "/b", False)),
        ("/b", ("volume", "", "/b", False)),
        ('"C:\\\\a:/b"', ("bind", "C:\\a", "/b", False)),
        ("${DIR}/a:/b", ("bind", "${DIR}/a", "/b", False)),
        ("${DIR:-./x}/a:/b", ("bind", "./x/a", "/b", False)),
        ("${DIR:?no}/a:/b", ("bind", "${DIR:?no}/a", "/b", False)),
        ("${PWD}/a:/b", ("bind", "./a", "/b", False)),
        ("{type: bind, source: a, target: /b, read_only: true}", ("bind", "a", "/b", True)),
        ("{type: bind, source: a, target: /b, read_only: yes}", ("bind", "a", "/b", True)),
        ("{type: volume, source: a, target: /b}", ("volume", "a", "/b", False)),
        ("{type: tmpfs, target: /b}", ("tmpfs", "", "/b", False)),
        ("{source: a, destination: /b}", ("volume", "a", "/b", False)),
    ],
)
def test_mounts(written: str, mount: tuple[str, str, str, bool]) -> None:
    (found,) = service(f"volumes:\n- {written}").mounts
    assert (found.kind, found.source, found.target, found.read_only) == mount


def test_tmpfs() -> None:
    assert [m.target for m in service("tmpfs: [/a, '/b:size=1m,noexec']").mounts] == ["/a", "/b"]
    (only,) = service("tmpfs: /run").mounts
    assert (only.kind, only.target, only.path) == ("tmpfs", "/run", ("services", "s", "tmpfs"))


def test_variables_as_a_mapping_and_as_a_list() -> None:
    mapping = service(
        'environment:\n  A: text\n  B: 12\n  C: true\n  D: yes\n  E: 1.50\n  F: ""\n  G:\n  H: "$$x"'
    ).environment
    assert {name: one.value for name, one in mapping.items()} == {
        "A": "text", "B": "12", "C": "true", "D": "yes", "E": "1.5", "F": "", "G": None, "H": "$x",
    }  # fmt: skip
    assert mapping["B"].mark == Mark("compose.yaml", 5, 10, 12)
    assert mapping["B"].path == ("services", "s", "environment", "B")
    assert [name for name, one in mapping.items() if one.from_variable] == ["G"]
    listed = service("environment:\n- A=text\n- B=\"12\"\n- 'C=a=b'\n- D=\n- E\n- =x").environment
    assert {name: one.value for name, one in listed.items()} == {
        "A": "text",
        "B": '"12"',
        "C": "a=b",
        "D": "",
        "E": None,
    }
    assert [name for name, one in listed.items() if one.from_variable] == ["E"]
    assert listed["C"].path == ("services", "s", "environment", 2)


def test_variables_that_compose_puts_in(tmp_path: Path) -> None:
    body = "environment:\n  A: ${A:-literal}\n  B: ${SECRET}\n  C: x-${SECRET}\n  D: ${FILED}\n  FILED:\n  E: plain"
    before = service(body).environment
    assert {name: one.value for name, one in before.items()} == {
        "A": "literal", "B": None, "C": None, "D": None, "FILED": None, "E": "plain",
    }  # fmt: skip
    assert [name for name, one in before.items() if one.from_variable] == ["A", "B", "C", "D", "FILED"]
    (tmp_path / ".env").write_text("FILED='from a file' # x\nA=2\n")
    after = service(body, tmp_path).environment
    assert {name: one.value for name, one in after.items()} == {
        "A": "2", "B": None, "C": None, "D": "from a file", "FILED": "from a file", "E": "plain",
    }  # fmt: skip


def test_nothing_of_our_own_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "ours")
    assert service("environment: {A: '${SECRET}', SECRET: }").environment["A"].value is None
    assert service("environment: {SECRET: }").environment["SECRET"].value is None


def test_a_file_of_variables(tmp_path: Path) -> None:
    (tmp_path / "o.env").write_text('# remark\nA=1\nexport B="two # no remark"\nC=3 # remark\n')
    compose = parsed(
        "services: {s: {image: a, env_file: [o.env, {path: none.env, required: false}], environment: {A: 9}}}", tmp_path
    )
    found = compose.services["s"].environment
    assert {name: one.value for name, one in found.items()} == {"A": "9", "B": "two # no remark", "C": "3"}
    assert found["B"].mark == Mark(str(tmp_path / "o.env"), 3, 1, 2)
    assert compose.problems == ()
    missing = parsed("services: {s: {image: a, env_file: none.env}}", tmp_path)
    assert told(missing) == [
        "warning 1:36 services.s.env_file: the file of variables none.env is not here: its variables are not known"
    ]


def test_a_block_of_lines_keeps_its_place() -> None:
    found = service('environment:\n  ORTHANC_JSON: |\n    {\n      "A": 1\n    }').environment["ORTHANC_JSON"]
    assert found.value == '{\n  "A": 1\n}\n'
    assert found.block == (5, 9)


def test_anchors_merge_keys_and_extensions() -> None:
    compose = parsed(
        """
x-common: &common
  restart: always
  environment: &variables {TZ: UTC, A: base}
services:
  one:
    <<: *common
    image: mongo
    environment: {<<: *variables, A: own}
  two: {<<: [*common, {restart: never, image: a}]}
"""
    )
    assert compose.problems == ()
    assert {name: v.value for name, v in compose.services["one"].environment.items()} == {"TZ": "UTC", "A": "own"}
    assert compose.services["one"].node.plain()["restart"] == "always"
    assert compose.services["two"].node.plain() == {
        "restart": "always", "image": "a", "environment": {"TZ": "UTC", "A": "base"},
    }  # fmt: skip


def test_a_service_that_extends_another() -> None:
    compose = parsed(
        """
services:
  base: {image: "orthancteam/orthanc:26.8.0", ports: ["1:1"], environment: [A=1, "P=${PW}"], command: [a]}
  middle: {extends: {service: base}, ports: ["2:2"]}
  last: {extends: middle, environment: {A: 2, B: 3}, command: [b]}
"""
    )
    last = compose.services["last"]
    assert last.image == "orthancteam/orthanc:26.8.0"
    assert [port.host_port for port in last.ports] == [1, 2]
    assert {name: one.value for name, one in last.environment.items()} == {"A": "2", "P": None, "B": "3"}
    assert last.node.plain()["command"] == ["b"]
    assert compose.problems == ()


def test_what_cannot_be_extended() -> None:
    compose = parsed(
        "services:\n  a: {extends: {service: b}}\n  b: {extends: a}\n  c: {extends: none}"
        "\n  d: {extends: {service: x, file: o.yml}}\n  e: 1"
    )
    assert told(compose) == [
        "error 3:16 services.a.extends: extends goes round in a circle",
        "error 2:16 services.b.extends: extends goes round in a circle",
        "error 4:16 services.c.extends: there is no service none",
        "warning 5:16 services.d.extends: a service of another file is not read here",
        "error 6:6 services.e: a service is a mapping",
    ]
    assert set(compose.services) == {"a", "b", "c", "d"}


def test_the_file_that_is_merged_over_it() -> None:
    compose = parsed(
        "services:\n  o: {image: orthancteam/orthanc, ports: ['1:1']}\n",
        override="services:\n  o: {ports: ['2:2'], restart: always}\n  m: {image: mongo}\n",
    )
    assert [port.host_port for port in compose.services["o"].ports] == [1, 2]
    assert [port.mark.file for port in compose.services["o"].ports] == ["compose.yaml", "compose.override.yaml"]
    assert compose.services["m"].role == "mongo"


def test_networks_and_secrets() -> None:
    compose = parsed(
        """
services:
  a: {image: x, networks: [n, m], secrets: [p, {source: q, target: /etc/q}]}
  b: {image: x, networks: {n: {ipv4_address: 10.0.0.2}}}
  c: {image: x}
  d: {image: x, network_mode: host}
networks:
  n: {internal: on}
  m: {internal: false}
  o: {internal: "true"}
  p:
"""
    )
    assert [one.networks for one in compose.services.values()] == [("n", "m"), ("n",), ("default",), ()]
    assert compose.services["a"].secrets == ("p", "q")
    assert compose.internal_networks == {"n", "o"}


@pytest.mark.parametrize(
    ("body", "role"),
    [
        ("image: orthancteam/orthanc:26.8.0", "orthanc"),
        ("image: registry.example/site/orthanc-with-plugins", "orthanc"),
        ("image: mongo:8", "mongo"),
        ("image: bitnami/mongodb:7", "mongo"),
        ("image: mongodb/mongodb-community-server:7", "mongo"),
        ("image: mongo-express", "other"),
        ("image: postgres:16", "postgres"),
        ("image: nginx:1.28", "proxy"),
        ("image: orthancteam/orthanc-nginx", "proxy"),
        ("image: traefik", "proxy"),
        ("image: site/api\nenvironment: {URL: 'http://orthanc:8042'}", "backend"),
        ("image: site/api\nenvironment: [MONGO_URL=x]", "backend"),
        ("image: site/api\nlinks: ['orthanc:o']", "backend"),
        ("image: redis", "other"),
        ("build: .", "other"),
    ],
)
def test_roles(body: str, role: ServiceRole) -> None:
    assert service(body).role == role


def test_roles_by_what_is_needed_and_built(tmp_path: Path) -> None:
    (tmp_path / "o").mkdir()
    (tmp_path / "o" / "Dockerfile").write_text(
        "FROM node AS x\nFROM orthancteam/orthanc:24.6.1 AS base\nFROM base\nRUN x\n"
    )
    compose = parsed(
        """
services:
  pacs: {build: ./o}
  orthanc: {build: ./none}
  api: {image: a, depends_on: {store: {condition: service_healthy}}}
  web: {image: b, depends_on: [api]}
  store: {image: mongo}
""",
        tmp_path,
    )
    assert {name: one.role for name, one in compose.services.items()} == {
        "pacs": "orthanc", "orthanc": "orthanc", "api": "backend", "web": "other", "store": "mongo",
    }  # fmt: skip
    assert compose.services["pacs"].built_from == "orthancteam/orthanc:24.6.1"
    assert compose.services["orthanc"].built_from == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [\n", "not YAML"), ("a: *b\n", "not YAML: an undefined alias"), ("\0", "U+0000 is a character"),
        ("[1]", "a compose file is a mapping"), ("- " * 100, "nested deeper than 48 levels"),
        ("a: &a [*a]\nservices: {}", "its aliases make the file too large"),
        ("services: {a: b}", "a service is a mapping"),
        ("services: {a: {image: x}, a: {image: y}}", "the key stands twice"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(text: str, message: str) -> None:
    found = parsed(text).problems
    assert message in found[0].message
    assert found[0].mark is not None


def test_no_message_repeats_the_file() -> None:
    for text in ("a: 'hunter2\n", "a: *hunter2\n", "password: hunter2: x\n", "!<hunter2> : [", "%hunter2\n---\n- a"):
        for problem in parsed(text).problems:
            assert "hunter2" not in f"{problem.message} {problem.hint}"


def test_a_bomb_of_aliases_is_bounded() -> None:
    lines = ["a0: &a0 [x, x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    compose = parsed("\n".join([*lines, "services: {o: {image: mongo}}"]))
    assert len(compose.problems) == 1


def test_what_is_a_compose_file() -> None:
    def compose(text: str) -> bool:
        return is_compose(parse_yaml(text, "f")[0])

    assert compose("services: {a: {image: x}}")
    assert not compose("services: {a: {kind: x}}")
    assert not compose("services: [a]")
    assert not compose("a: 1")
    assert not compose("")


def test_our_own_compose_file_is_read() -> None:
    folder = Path(__file__).parents[2] / "golden" / "prod-1.13.0"
    compose = parsed((folder / "compose.yaml").read_text(), folder)
    assert compose.problems == ()
    assert {name: one.role for name, one in compose.services.items()} == {
        "backend": "backend", "database": "mongo", "database-account": "backend", "gateway": "proxy",
        "orthanc": "orthanc", "viewer": "backend",
    }  # fmt: skip
    assert compose.internal_networks == {"backend", "database"}


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="abcservices: {}[]&*<-'\"|>\n\t$?!#,0:orthanc=", max_size=120))
def test_any_text_gives_a_compose_file(text: str) -> None:
    for written in (text, f"services:\n  a:\n    image: x\n{text}", "services:\n  a: {" + text + "}"):
        for problem in parsed(written).problems:
            assert problem.message.isprintable()
