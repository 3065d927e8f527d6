"""The compose file as data: what each container may, what it reaches, what it reads; and what its text cannot break."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
import yaml

from orthancgen import __version__
from orthancgen.errors import RenderError
from orthancgen.plan.addresses import ContainerAddresses
from orthancgen.plan.build import plan
from orthancgen.plan.gateway import call_ports, health_port
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render.catalogue import render
from orthancgen.render.compose_yaml import LABEL, build, document, mounts, users, volumes
from orthancgen.render.container_files import containers, folder_variable
from orthancgen.render.image_layouts import IMAGE_LAYOUTS, image_layout
from orthancgen.render.quoting import comment, compose, haproxy, haproxy_word
from orthancgen.site.model import Images
from tests.support.environments import MINIMAL, NEWEST, site_of
from tests.support.hostile import CORPUS

TLS: dict[str, Any] = {
    "runtime": "compose",
    "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.17"},
    "dicom": {
        "port": 2762,
        "tls": {"enabled": True},
        "plain": {"enabled": True},
        "ae_checks": {"calling_aet": "registered_from_own_address"},
    },
    "http": {"tls": {"enabled": True}},
    "modalities": {
        "ct1": {"aet": "CT1", "address": "192.0.2.10", "tls": True},
        "us1": {"aet": "US1", "address": "192.0.2.11", "port": 11112},
    },
    "verification": {"enabled": True},
}
CLEAR: dict[str, Any] = {"runtime": "compose", "images": TLS["images"]}
SMALLEST: dict[str, Any] = {**CLEAR, "backend/enabled": False, "webhook/enabled": False}


def plan_of(changes: dict[str, Any], **more: Any) -> Plan:
    return plan(site_of(MINIMAL, {**changes, **more}), NEWEST)


def services(changes: dict[str, Any], **more: Any) -> dict[str, dict[str, Any]]:
    """The services as a reader of the file gets them."""
    read: dict[str, dict[str, Any]] = yaml.safe_load(build(plan_of(changes, **more)))["services"]
    return read


EACH = [
    pytest.param(body, id=f"{which}-{name}")
    for which, changes in (("tls", TLS), ("clear", CLEAR), ("smallest", SMALLEST))
    for name, body in services(changes).items()
]


def test_the_text_is_the_document() -> None:
    for changes in (TLS, CLEAR, SMALLEST):
        assert yaml.safe_load(build(plan_of(changes))) == document(plan_of(changes))


def test_which_containers_there_are() -> None:
    assert set(services(TLS)) == {"database", "database-account", "orthanc", "backend", "gateway"}
    assert set(services(CLEAR)) == {"database", "database-account", "orthanc", "backend"}
    assert set(services(SMALLEST)) == {"orthanc"}
    assert set(services(SMALLEST, **{"http/tls": {"enabled": True}})) == {"orthanc", "gateway"}
    assert set(get_args(ServiceName)) >= set(containers(plan_of(TLS)))


# Numbers are those of the CIS Docker Benchmark 1.6.0.
@pytest.mark.parametrize("service", EACH)
def test_what_no_container_may(service: dict[str, Any]) -> None:
    assert service["read_only"] is True  # 5.13
    assert service["cap_drop"] == ["ALL"]  # 5.4
    assert service["security_opt"] == ["no-new-privileges:true"]  # 5.26
    assert int(service["user"].split(":")[0]) > 0  # 4.1
    for forbidden in ("privileged", "cap_add", "network_mode", "pid", "ipc", "devices", "userns_mode", "env_file"):
        assert forbidden not in service  # 5.5, 5.10, 5.16, 5.17, 5.31
    for mount in service["volumes"]:
        assert mount["type"] == "volume" or mount["read_only"] is True
        assert "docker.sock" not in mount["source"]  # 5.32
    for tmpfs in service["tmpfs"]:
        assert {"noexec", "nosuid", "nodev", "mode=0700"} <= set(tmpfs.split(",")) | {tmpfs.split(":")[1].split(",")[0]}
        assert "size=" in tmpfs


@pytest.mark.parametrize("service", EACH)
def test_what_each_container_may_take(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[0-9]+m", service["mem_limit"])  # 5.11
    assert service["memswap_limit"] == service["mem_limit"]
    assert service["cpus"] > 0  # 5.12
    assert service["pids_limit"] > 0  # 5.29
    assert service["logging"] == {"driver": "json-file", "options": {"max-size": "10m", "max-file": "5"}}
    assert service["labels"] == {LABEL: "dev"}


def test_each_container_that_stays_has_a_health_check_and_comes_back() -> None:
    for name, service in services(TLS).items():
        if name == "database-account":
            assert service["restart"] == "no"
            assert service["profiles"] == ["setup"]
        else:
            assert service["healthcheck"]["test"][0] == "CMD"  # 4.6; no shell between
            assert service["restart"] == "unless-stopped"
        assert "container_name" not in service


def test_nothing_is_published_but_what_the_model_says() -> None:
    published = {
        (name, port["host_ip"], port["published"], port["target"])
        for name, service in services(
            TLS, **{"backend/listen_on": "192.0.2.1", "dicom/published_on": "192.0.2.1"}
        ).items()
        for port in service.get("ports", [])
    }
    assert published == {
        ("orthanc", "192.0.2.1", "2762", 2762),
        ("gateway", "127.0.0.1", "8042", 8042),
        ("gateway", "192.0.2.1", "8001", 8001),
        ("gateway", "192.0.2.1", "104", 104),
    }
    in_clear = {
        (name, port["host_ip"], port["published"])
        for name, service in services(CLEAR).items()
        for port in service.get("ports", [])
    }
    assert in_clear == {
        ("orthanc", "0.0.0.0", "4242"),
        ("orthanc", "127.0.0.1", "8042"),
        ("backend", "127.0.0.1", "8001"),
    }


def test_who_reaches_whom() -> None:
    read = yaml.safe_load(build(plan_of(TLS)))
    joined = {name: set(service["networks"]) for name, service in read["services"].items()}
    assert joined == {
        "orthanc": {"edge", "backend"},
        "gateway": {"edge", "backend"},
        "backend": {"backend", "database"},
        "database": {"database"},
        "database-account": {"database"},
    }
    assert {name: network["internal"] for name, network in read["networks"].items()} == {
        "edge": False,
        "backend": True,
        "database": True,
    }
    assert set(services(CLEAR)["backend"]["networks"]) == {"edge", "backend", "database"}


def test_addresses_follow_from_one_network() -> None:
    read = yaml.safe_load(build(plan_of(TLS, **{"containers/subnet": "10.9.8.0/24"})))
    [edge] = read["networks"]["edge"]["ipam"]["config"]
    [backend] = read["networks"]["backend"]["ipam"]["config"]
    assert edge == {"subnet": "10.9.8.0/26", "gateway": "10.9.8.1", "ip_range": "10.9.8.32/27"}
    assert backend == {"subnet": "10.9.8.64/26", "gateway": "10.9.8.65", "ip_range": "10.9.8.96/27"}
    assert read["services"]["orthanc"]["networks"]["backend"] == {"ipv4_address": "10.9.8.75"}
    assert read["services"]["gateway"]["networks"]["backend"] == {"ipv4_address": "10.9.8.74"}
    fixed = ContainerAddresses.of("10.9.8.0/24")
    assert (fixed.host_seen, fixed.gateway, fixed.orthanc) == ("10.9.8.1", "10.9.8.74", "10.9.8.75")


def test_no_secret_is_in_the_surroundings_of_a_container() -> None:
    built = plan_of(TLS)
    names = {secret.name for secret in built.secrets}
    for service in services(TLS).values():
        for key, value in service.get("environment", {}).items():
            assert not any(name in value for name in names) or key.endswith("_FILE")
        for word in (*service.get("command", []), *service.get("entrypoint", [])):
            assert not any(name in word for name in names)
    assert services(TLS)["orthanc"]["environment"] == {"TCP_NODELAY": "1"}


def test_each_container_gets_the_secrets_that_it_uses_and_no_other() -> None:
    built = plan_of(TLS)
    found = {service: {file.name for file in files} for service, files in mounts(built).items()}
    assert found == {
        "orthanc": {"orthanc.secret.json", "dicom_tls_certificate", "dicom_tls_key", "dicom_tls_trusted"},
        "backend": {"webhook_token", "database_password", "backend_orthanc_password", "operator_token"},
        "database": {"database_root_password"},
        "database-account": {"database_root_password", "database_password"},
        "gateway": {"http_tls_certificate", "gateway_dicom_client", "dicom_tls_trusted"},
    }
    [merged] = [file for file in mounts(built)["orthanc"] if file.kind == "orthanc"]
    assert set(merged.secrets) == {"admin_password", "backend_orthanc_password", "webhook_token"}
    for service, files in mounts(built).items():
        for file in files:
            assert (file.uid, file.gid) == users(built)[service]
            assert file.mode == 0o400
    # For those who call from this host; no container reads them.
    assert {s.name for s in built.secrets} - {
        n for files in mounts(built).values() for f in files for n in f.secrets
    } == {"http_tls_authority", "verify_dicom_client"}


def test_what_is_mounted_is_what_is_there() -> None:
    for changes in (TLS, CLEAR, SMALLEST):
        built = plan_of(changes)
        bundle = render(built)
        read = document(built)
        for name in containers(built):
            folder = f"${{{folder_variable(name)}:-./{name}}}"
            service = read["services"][name]
            files = {m["source"].removeprefix(f"{folder}/") for m in service["volumes"] if m["type"] == "bind"}
            rendered = {file.path.removeprefix(f"{name}/") for file in bundle.of_service(name)}
            assert files - {"secrets"} == rendered
            assert all(m["target"].startswith(("/etc/orthancgen/", "/run/secrets")) for m in service["volumes"][:-1])
            used = {one["source"]: one["target"] for one in service.get("secrets", [])}
            expected = {f"{name}-{file.name}": file.target for file in mounts(built)[name]}
            assert used == ({} if name == "database-account" else expected)
            for source in used:
                assert read["secrets"][source]["file"].startswith(f"{folder}/secrets/")
        assert set(read["secrets"]) == {
            one["source"] for s in read["services"].values() for one in s.get("secrets", [])
        }


def test_folders_of_the_host_hold_the_data_where_the_model_names_them() -> None:
    built = plan_of(TLS, **{"orthanc/storage": {"path": "/srv/a $HOME b", "index_path": "/srv/index"}})
    read = yaml.safe_load(build(built))
    assert read["volumes"]["orthanc-storage"]["driver_opts"] == {
        "type": "none",
        "o": "bind",
        "device": "/srv/a $$HOME b",
    }
    assert read["volumes"]["orthanc-index"]["driver_opts"]["device"] == "/srv/index"
    assert "driver_opts" not in read["volumes"]["database-data"]
    assert [(v.name, v.service, v.host_folder) for v in volumes(built)] == [
        ("orthanc-storage", "orthanc", "/srv/a $HOME b"),
        ("orthanc-index", "orthanc", "/srv/index"),
        ("database-data", "database", None),
    ]
    mounted = {m["source"]: m for m in read["services"]["orthanc"]["volumes"] if m["type"] == "volume"}
    assert mounted["orthanc-index"]["target"] == "/var/lib/orthanc/index"
    assert all(m["volume"] == {"nocopy": True} for m in mounted.values())


def test_images_are_named_by_their_content_where_it_is_known() -> None:
    digest = "sha256:" + "a" * 64
    pinned = {"orthanc": f"o:1@sha256:{'b' * 64}", "mongo": "mongo:8.0.17"}
    site = site_of(MINIMAL, {**TLS, "images": pinned})
    built = plan(site, NEWEST, {"mongo:8.0.17": digest, pinned["orthanc"]: digest, "other": digest})
    images = {name: service["image"] for name, service in document(built)["services"].items()}
    assert images == {
        "database": f"mongo:8.0.17@{digest}",
        "orthanc": pinned["orthanc"],
        "backend": f"orthancgen/backend:{__version__}",
        "database-account": f"orthancgen/backend:{__version__}",
        "gateway": f"orthancgen/gateway:{__version__}",
    }
    own = {name for name, service in document(built)["services"].items() if service.get("pull_policy") == "never"}
    assert own == {"backend", "database-account", "gateway"}


@pytest.mark.parametrize(
    ("image", "layout", "expected"),
    [
        ("orthancteam/orthanc:26.8.1", "auto", "orthancteam"),
        ("registry.example:5000/orthancteam/orthanc@sha256:" + "0" * 64, "auto", "orthancteam"),
        ("jodogne/orthanc-plugins:1.12.9", "auto", "jodogne"),
        ("orthancgen/orthanc:1", "auto", "debian"),
        ("orthancteam/orthanc:26.8.1", "debian", "debian"),
        (None, "auto", "debian"),
    ],
)
def test_the_layout_of_an_image(image: str | None, layout: Any, expected: str) -> None:
    assert image_layout(Images(orthanc=image, layout=layout)) is IMAGE_LAYOUTS[expected]
    assert all(one.source.startswith("https://") for one in IMAGE_LAYOUTS.values())


def test_the_layout_decides_program_and_plugins() -> None:
    changes = {**TLS, "images": {"orthanc": "jodogne/orthanc-plugins:1.12.9", "mongo": "mongo:8.0.17"}}
    built = plan_of(changes, **{"orthanc/plugins": ["dicomweb"]})
    assert document(built)["services"]["orthanc"]["entrypoint"] == ["/usr/local/sbin/Orthanc"]
    text = render(built).file("orthanc/orthanc.json").content.decode()
    assert '"/usr/local/share/orthanc/plugins/libOrthancDicomWeb.so"' in text


def test_the_ports_inside_the_gateway_are_its_own() -> None:
    site = site_of(MINIMAL, {**TLS, "http": {"port": 20_000, "tls": {"enabled": True}}, "backend/port": 20_002})
    assert health_port(site) == 20_001
    assert call_ports(site) == {"us1": 20_003}
    assert call_ports(site_of(MINIMAL, CLEAR)) == {}


def test_a_database_on_another_port_is_told_so() -> None:
    assert "command" not in services(TLS)["database"]
    assert services(TLS, **{"backend/database": {"port": 27018}})["database"]["command"] == ["--port", "27018"]


@pytest.mark.parametrize("text", CORPUS)
def test_compose_carries_or_refuses(text: str) -> None:
    if text.isprintable():
        assert compose(text).replace("$$", "") == text.replace("$", "")
        assert yaml.safe_load(yaml.safe_dump({"x": compose(text)}))["x"].replace("$$", "$") == text
        assert comment(text) == text
    else:
        for encoder in (compose, comment):
            with pytest.raises(RenderError, match="cannot carry"):
                encoder(text)


def words_of_haproxy(line: str) -> list[str]:
    """The words of a line by the rules of haproxy 3.0, section 2.2 of its manual, as far as quotes go."""
    words: list[str] = []
    current: str | None = None
    quoted = escaped = False
    for character in line:
        if quoted:
            quoted = character != "'"
            current = (current or "") + ("" if character == "'" else character)
        elif escaped:
            current, escaped = (current or "") + character, False
        elif character == "\\":
            escaped = True
        elif character == "'":
            quoted, current = True, current or ""
        elif character == " ":
            words += [] if current is None else [current]
            current = None
        else:
            assert character not in '"$#', "has a meaning outside of strong quotes"
            current = (current or "") + character
    assert not quoted
    assert not escaped
    return [*words, *([] if current is None else [current])]


@pytest.mark.parametrize("text", CORPUS)
def test_haproxy_carries_or_refuses(text: str) -> None:
    if text and text.isascii() and text.isprintable():
        assert words_of_haproxy(f"acl x {haproxy(text)} y") == ["acl", "x", text, "y"]
    else:
        with pytest.raises(RenderError, match="cannot carry"):
            haproxy(text)
    if re.fullmatch(r"[A-Za-z0-9._:-]+", text, re.ASCII):
        assert haproxy_word(text) == text
    else:
        with pytest.raises(RenderError, match="is no word"):
            haproxy_word(text)
