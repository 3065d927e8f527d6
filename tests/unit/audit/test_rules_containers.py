from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.audit.subject import Subject
from orthancgen.foreign.compose import parse_compose
from orthancgen.foreign.model import Target
from tests.unit.audit.set_ups import found, rule, severities, subject

DIGEST = "sha256:" + "1" * 64


def of(keys: str, image: str = "nginx:1.28.0", name: str = "web") -> str:
    return f"services: {{{name}: {{image: '{image}', {keys}}}}}"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (f"mongo:8.0.17@{DIGEST}", []),
        ("mongo:8.0.17", ["low"]),
        ("mongo:8.0", ["high"]),
        ("mongo:latest", ["high"]),
        ("mongo", ["high"]),
        ("mongo:${TAG}", ["high"]),
        ("mongo:${TAG:-8.0.17}", ["low"]),
    ],
)
def test_pins(image: str, expected: list[str]) -> None:
    assert severities("image-not-pinned", subject(of("", image))) == expected


@pytest.mark.parametrize(
    ("dockerfile", "expected"),
    [
        (f"FROM node:22.20.0@{DIGEST}", []),
        ("FROM node:22.20.0", [("low", "web is built from node:22.20.0: ")]),
        ("FROM node:22 AS build\nFROM build", [("high", "web is built from node:22: ")]),
        ("FROM scratch", []),
        ("", []),
    ],
)
def test_pins_of_what_is_built_here(tmp_path: Path, dockerfile: str, expected: list[tuple[str, str]]) -> None:
    (tmp_path / "Dockerfile").write_text(dockerfile)
    compose = parse_compose("services: {web: {build: ., image: site/web}}", "docker-compose.yml", tmp_path)
    hits = found("image-not-pinned", Subject(Target("test", "/", composes=(compose,))))
    assert [(severity, message.partition(": ")[0] + ": ") for severity, message in hits] == expected


@pytest.mark.parametrize("keys", ["pull_policy: never", "pull_policy: build"])
def test_what_is_never_fetched_needs_no_pin(keys: str) -> None:
    assert found("image-not-pinned", subject(of(keys, "site/web"))) == []
    assert len(found("image-not-pinned", subject(of("pull_policy: always", "site/web")))) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("['no-new-privileges:true']", 0),
        ("[no-new-privileges=true]", 0),
        ("[no-new-privileges]", 0),
        ("['no-new-privileges:false']", 1),
        ("['label:disable']", 1),
        ("[]", 1),
    ],
)
def test_new_privileges(options: str, expected: int) -> None:
    assert severities("new-privileges-allowed", subject(of(f"security_opt: {options}"))) == ["medium"] * expected
    assert found("new-privileges-allowed", subject(of(f"security_opt: {options}, privileged: true"))) == []


def test_what_decides_is_named() -> None:
    for mount, said in (
        ("./a:/etc/orthanc", "./a"),
        ("conf:/etc/orthanc", "the volume conf"),
        ("/etc/orthanc", "an anonymous volume"),
    ):
        where = subject(of(f"volumes: ['{mount}']", "orthancteam/orthanc"))
        message = f"web can write /etc/orthanc ({said}), which decides what it does"
        assert found("writable-configuration", where) == [("high", message)]


@pytest.mark.parametrize(
    ("name", "image", "keys", "message"),
    [
        ("container-runs-as-root", "orthancteam/orthanc:1", "",
         "web names no user, and orthancteam/orthanc:1 then runs as root"),
        ("no-health-check", "nginx", "", "web has no health check"),
        ("no-health-check", "nginx", "healthcheck: {disable: true}", "web has its health check turned off"),
        ("port-on-every-address", "nginx", "ports: ['443:443']", "web publishes port 443 on every address of the host"),
        ("port-on-every-address", "nginx", "ports: ['0.0.0.0:443:8443']",
         "web publishes port 443 (its own 8443) on every IPv4 address of the host"),
        ("port-on-every-address", "nginx", "ports: ['443']",
         "web publishes a port of the engine's choice (its own 443) on every address of the host"),
        ("database-exposed", "mongo", "ports: ['27017:27017']",
         "the database web publishes port 27017 on every address of the host"),
        ("database-exposed", "mongo", "ports: ['10.0.0.1:27017:27017']",
         "the database web publishes port 27017 on 10.0.0.1"),
    ],
)  # fmt: skip
def test_what_is_said(name: str, image: str, keys: str, message: str) -> None:
    assert [said for _, said in found(name, subject(of(keys, image)))] == [message]


def test_what_is_built_here_has_no_name() -> None:
    where = subject("services: {web: {build: .}}")
    said = "web names no user, and what the image that is built here then runs as is not known here"
    assert found("container-runs-as-root", where) == [("low", said)]


@pytest.mark.parametrize(
    ("keys", "said"), [("", "10 s after it was told to stop (the engine's own choice)"),
                       ("stop_grace_period: 5s", "5 s after it was told to stop (as said)")],
)  # fmt: skip
def test_who_chose_the_grace(keys: str, said: str) -> None:
    where = subject(of(keys, "orthancteam/orthanc:26.8.1", "orthanc"), lua=LUA)
    assert said in found("short-stop-grace", where)[0][1]


def test_a_pin_is_missing_where_the_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM node:22")
    text = "services: {built: {build: ., image: site/web}, fetched: {image: nginx}}"
    where = Subject(Target("test", "/", composes=(parse_compose(text, "docker-compose.yml", tmp_path),)))
    assert [hit.path for hit in rule("image-not-pinned").find(where)] == [
        ("services", "built", "build"),
        ("services", "fetched", "image"),
    ]


def test_folders_of_the_host_are_read_or_written() -> None:
    read = found("container-controls-host", subject(of("volumes: ['/etc:/x:ro']")))
    written = found("container-controls-host", subject(of("volumes: ['/etc:/x']")))
    assert read == [("high", "web reads the folder /etc of the host")]
    assert written == [("critical", "web writes the folder /etc of the host")]


@pytest.mark.parametrize(
    ("image", "keys", "expected"),
    [
        ("orthancteam/orthanc:26.8.1", "", ["high"]),
        ("orthancteam/orthanc:26.8.1", "user: '999:999'", []),
        ("orthancteam/orthanc:26.8.1", "user: orthanc", []),
        ("orthancteam/orthanc:26.8.1", "user: root", ["high"]),
        ("orthancteam/orthanc:26.8.1", "user: 0", ["high"]),
        ("mongo:8.0.17", "user: ''", []),
        ("orthancteam/orthanc:26.8.1", "user: '0:999'", ["high"]),
        ("mongo:8.0.17", "", []),
        ("mongo:8.0.17", "user: '0'", ["high"]),
        ("nginx:1.28.0", "", ["low"]),
        ("haproxy:2.3.0", "", ["high"]),
        ("haproxy:3.0.0", "", []),
        ("site/backend:1", "", ["low"]),
    ],
)
def test_users(image: str, keys: str, expected: list[str]) -> None:
    assert severities("container-runs-as-root", subject(of(keys, image))) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("privileged: true", ["critical"]),
        ("privileged: 'true'", ["critical"]),
        ("privileged: false", []),
        ("network_mode: host", ["high"]),
        ("network_mode: 'service:other'", []),
        ("pid: host", ["critical"]),
        ("ipc: host", ["high"]),
        ("ipc: private", []),
        ("userns_mode: host", ["high"]),
        ("uts: host", ["medium"]),
        ("volumes: ['/var/run/docker.sock:/var/run/docker.sock:ro']", ["critical"]),
        ("volumes: ['/run/user/1000/podman/podman.sock:/sock']", ["critical"]),
        ("volumes: ['/:/host:ro']", ["high"]),
        ("volumes: ['/etc/:/etc']", ["critical"]),
        ("volumes: ['/srv/images:/var/lib/orthanc/db']", []),
        ("volumes: [{type: volume, source: etc, target: /etc}]", []),
        ("security_opt: ['apparmor=unconfined']", ["high"]),
        ("security_opt: ['apparmor=docker-default']", []),
    ],
)
def test_control_of_the_host(keys: str, expected: list[str]) -> None:
    assert severities("container-controls-host", subject(of(keys))) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", ["medium"]),
        ("cap_drop: [NET_RAW]", ["medium"]),
        ("cap_drop: [ALL]", []),
        ("cap_drop: [all]", []),
        ("cap_drop: [ALL], cap_add: [CHOWN, SETUID]", []),
        ("cap_drop: [ALL], cap_add: [CAP_SYS_ADMIN]", ["high"]),
        ("cap_add: [SYS_PTRACE]", ["medium", "high"]),
        ("privileged: true", []),
    ],
)
def test_capabilities(keys: str, expected: list[str]) -> None:
    assert severities("container-keeps-capabilities", subject(of(keys))) == expected


@pytest.mark.parametrize(
    ("role_of", "mount", "expected"),
    [
        ("orthancteam/orthanc", "./orthanc.json:/etc/orthanc/orthanc.json", 1),
        ("orthancteam/orthanc", "./orthanc.json:/etc/orthanc/orthanc.json:ro", 0),
        ("orthancteam/orthanc", "./conf:/etc/orthanc", 1),
        ("orthancteam/orthanc", "conf:/etc/orthanc/", 1),
        ("orthancteam/orthanc", "./x.lua:/opt/x.lua", 1),
        ("orthancteam/orthanc", "./db:/var/lib/orthanc/db", 0),
        ("orthancteam/orthanc", "./db:/etc/orthanc-data", 0),
        ("nginx", "./nginx.conf:/etc/nginx/nginx.conf", 1),
        ("mongo", "records:/data/db", 0),
        ("mongo", "./init.js:/docker-entrypoint-initdb.d/init.js", 1),
        ("site/backend", "./settings.json:/app/settings.json", 0),
    ],
)
def test_writable_configuration(role_of: str, mount: str, expected: int) -> None:
    assert len(found("writable-configuration", subject(of(f"volumes: ['{mount}']", role_of)))) == expected


@pytest.mark.parametrize(
    ("image", "keys", "expected"),
    [
        ("orthancteam/orthanc", "", ["high"]),
        ("nginx", "", ["medium"]),
        ("nginx", "read_only: true", []),
        ("nginx", "read_only: 'true'", []),
        ("nginx", "read_only: false", ["medium"]),
    ],
)
def test_root_file_systems(image: str, keys: str, expected: list[str]) -> None:
    assert severities("writable-root-filesystem", subject(of(keys, image))) == expected


@pytest.mark.parametrize(
    ("keys", "missing"),
    [
        ("", "memory and of processors and of processes"),
        ("mem_limit: 1g, cpus: 1", "processes"),
        ("mem_limit: 0, cpus: 1, pids_limit: 100", "memory"),
        ("mem_limit: 1g, cpus: 1, pids_limit: -1", "processes"),
        ("mem_limit: 1g, cpus: 1, pids_limit: 100", ""),
        ("mem_limit: 1g, cpu_quota: 50000, deploy: {resources: {limits: {pids: 100}}}", ""),
        ("deploy: {resources: {reservations: {memory: 1g}}}", "memory and of processors and of processes"),
    ],
)
def test_limits(keys: str, missing: str) -> None:
    messages = [message for _, message in found("container-without-limits", subject(of(keys)))]
    assert messages == ([f"web has no limit of {missing}"] if missing else [])


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", 1),
        ("healthcheck: {test: [CMD, 'true']}", 0),
        ("healthcheck: {test: 'curl -f http://localhost'}", 0),
        ("healthcheck: {test: [NONE]}", 1),
        ("healthcheck: {interval: 10s}", 1),
        ("healthcheck: {test: [CMD, 'true'], disable: true}", 1),
        ("restart: 'no', profiles: [setup]", 0),
    ],
)
def test_health_checks(keys: str, expected: int) -> None:
    assert len(found("no-health-check", subject(of(keys)))) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", 1),
        ("restart: 'no'", 1),
        ("restart: no", 1),
        ("restart: always", 0),
        ("restart: 'on-failure:5'", 0),
        ("deploy: {restart_policy: {condition: any}}", 0),
        ("restart: 'no', profiles: [setup]", 0),
    ],
)
def test_restarts(keys: str, expected: int) -> None:
    assert len(found("no-restart-policy", subject(of(keys)))) == expected


LUA = """\
function OnStoredInstance(id)
  HttpPost('http://backend/', id)
end
"""


@pytest.mark.parametrize(
    ("keys", "lua", "expected"),
    [
        ("", LUA, 1),
        ("stop_grace_period: 29s", LUA, 1),
        ("stop_grace_period: 30s", LUA, 0),
        ("stop_grace_period: 2m", LUA, 0),
        ("stop_grace_period: soon", LUA, 0),
        ("", "function OnStoredInstance(id) print(id) end", 0),
        ("", "function IncomingHttpRequestFilter() HttpGet('http://x/') end", 0),
        ("", "", 0),
    ],
)
def test_grace(keys: str, lua: str, expected: int) -> None:
    where = subject(of(keys, "orthancteam/orthanc:26.8.1", "orthanc"), lua=lua)
    assert len(found("short-stop-grace", where)) == expected


@pytest.mark.parametrize(
    ("image", "keys", "expected"),
    [
        ("orthancteam/orthanc", "environment: {VERBOSE_STARTUP: 'true'}", ["high"]),
        ("orthancteam/orthanc", "environment: {VERBOSE_STARTUP: ''}", ["high"]),
        ("orthancteam/orthanc", "environment: {VERBOSE_STARTUP: 'True'}", []),  # the image looks for "true" alone
        ("orthancteam/orthanc", "environment: [VERBOSE_STARTUP=true]", ["high"]),
        ("osimis/orthanc", "environment: {BUNDLE_DEBUG: 'true'}", ["high"]),
        ("orthancteam/orthanc", "environment: {TRACE_ENABLED: 'true'}", ["high"]),
        ("orthancteam/orthanc", "environment: {TRACE_ENABLED: ''}", []),
        ("orthancteam/orthanc", "environment: {VERBOSE_ENABLED: 'true'}", ["medium"]),
        ("orthancteam/orthanc", "environment: {VERBOSE_STARTUP: 'true'}, entrypoint: [Orthanc]", []),
        ("jodogne/orthanc", "environment: {VERBOSE_STARTUP: 'true'}", []),
        ("jodogne/orthanc", "command: [/etc/orthanc, --trace]", ["high"]),
        ("jodogne/orthanc", "command: /etc/orthanc --verbose", ["medium"]),
    ],
)
def test_what_goes_into_the_log(image: str, keys: str, expected: list[str]) -> None:
    assert severities("verbose-startup", subject(of(keys, image, "orthanc"))) == expected


def test_images_that_were_given_up() -> None:
    where = subject(of("", "osimis/orthanc:24.1.2"))
    assert found("image-of-nobody", where) == [
        ("high", "web runs osimis/orthanc:24.1.2: it was renamed in February 2024 and gets no updates since")
    ]
    assert found("image-of-nobody", subject(of("", "orthancteam/orthanc:24.1.2"))) == []
    assert found("image-of-nobody", subject(of("", "bitnamilegacy/mongodb:8.0")))


@pytest.mark.parametrize(
    ("image", "ports", "expected"),
    [
        ("orthancteam/orthanc", "8042:8042", ["high"]),
        ("orthancteam/orthanc", "0.0.0.0:8042:8042", ["high"]),
        ("orthancteam/orthanc", "[::]:8042:8042", ["high"]),
        ("orthancteam/orthanc", "8042", ["high"]),
        ("orthancteam/orthanc", "127.0.0.1:8042:8042", []),
        ("orthancteam/orthanc", "192.168.10.5:8042:8042", []),
        ("nginx", "443:443", ["low"]),
        ("ohif/app", "3000:80", ["medium"]),
        ("site/vpn", "51820:51820/udp", []),
        ("mongo", "27017:27017", []),  # another rule's
    ],
)
def test_ports_on_every_address(image: str, ports: str, expected: list[str]) -> None:
    assert severities("port-on-every-address", subject(of(f"ports: ['{ports}']", image))) == expected


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("", 1),
        ("logging: {driver: json-file}", 1),
        ("logging: {options: {max-size: 10m}}", 0),
        ("logging: {driver: local}", 0),
        ("logging: {driver: syslog}", 0),
        ("restart: 'no', profiles: [setup]", 0),
    ],
)
def test_logs(keys: str, expected: int) -> None:
    assert len(found("logs-without-limit", subject(of(keys)))) == expected
