"""What runs by a compose file: ports as they are published, folders and files of the host, images, networks."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest

from orthancgen.foreign.read import read_target
from orthancgen.importing.part import Imported, import_part


def imported(folder: Path, text: str, **files: str) -> Imported:
    for name, content in files.items():
        (folder / f"{name}.json").write_text(content)
    (folder / "compose.yaml").write_text(textwrap.dedent(text))
    target = read_target([folder / "compose.yaml"])
    return import_part(target.orthancs[0], name="x", compose=target.composes[0], folder="/srv/site")


def lost(made: Imported) -> list[str]:
    return [one.message for one in made.notes if one.counts and "OrthancExplorer2" not in one.path]


def at(made: Imported, *path: str) -> Any:
    value: Any = made.environment
    for part in path:
        value = value.get(part) if value is not None else None
    return value


def orthanc(more: str = "", ports: str = "[]", image: str = "orthancteam/orthanc:25.4.2") -> str:
    return (
        f"services:\n  pacs:\n    image: {image}\n    ports: {ports}\n{textwrap.indent(textwrap.dedent(more), '    ')}"
    )


@pytest.mark.parametrize(
    ("ports", "dicom", "published_on", "http", "listen_on"),
    [
        ('["4242:4242", "8042:8042"]', 4242, None, 8042, "0.0.0.0"),
        ('["11112:4242", "127.0.0.1:80:8042"]', 11112, None, 80, "127.0.0.1"),
        ('["192.168.1.5:104:4242", "192.168.1.5:8042:8042"]', 104, "192.168.1.5", 8042, "192.168.1.5"),
        ("[]", 4242, "127.0.0.1", 8042, "127.0.0.1"),
        ('["4242:4242/udp"]', 4242, "127.0.0.1", 8042, "127.0.0.1"),
    ],
)
def test_ports(ports: str, dicom: int, published_on: str | None, http: int, listen_on: str, tmp_path: Path) -> None:
    made = imported(tmp_path, orthanc(ports=ports))
    assert at(made, "dicom", "port") == dicom
    assert at(made, "dicom", "published_on") == published_on
    assert at(made, "http", "port") == http
    assert at(made, "http", "listen_on") == listen_on


def test_who_is_not_answered_is_not_let_in(tmp_path: Path) -> None:
    more = "environment: {ORTHANC__REMOTE_ACCESS_ALLOWED: 'false'}\n"
    assert at(imported(tmp_path, orthanc(more, '["8042:8042"]')), "http", "listen_on") == "127.0.0.1"


@pytest.mark.parametrize(
    ("volumes", "path", "words"),
    [
        ("[/data/images:/var/lib/orthanc/db]", "/data/images", None),
        ("[./images:/var/lib/orthanc/db]", "/srv/site/images", None),
        ("['../images:/var/lib/orthanc']", "/srv/images/db", None),
        ("[images:/var/lib/orthanc/db]", None, "the engine's volume images"),
        ("[/var/lib/orthanc/db]", None, "volume without a name"),
        ("[]", None, "in the container itself"),
    ],
)
def test_the_folder_of_the_images(volumes: str, path: str | None, words: str | None, tmp_path: Path) -> None:
    made = imported(tmp_path, orthanc(f"volumes: {volumes}\n"))
    assert at(made, "orthanc", "storage", "path") == path
    assert [message for message in lost(made) if words is None or words not in message] == []
    assert bool(lost(made)) is (words is not None)


def test_certificates_as_secrets_of_the_compose_file(tmp_path: Path) -> None:
    made = imported(
        tmp_path,
        orthanc(
            """\
            environment:
              ORTHANC__DICOM_TLS_ENABLED: "true"
              ORTHANC__DICOM_TLS_CERTIFICATE: /run/secrets/dicom.crt
              ORTHANC__DICOM_TLS_PRIVATE_KEY: /etc/tls/dicom.key
              ORTHANC__DICOM_TLS_TRUSTED_CERTIFICATES: /nowhere/trusted.crt
            secrets: [{source: certificate, target: dicom.crt}]
            volumes: ["./tls:/etc/tls:ro", "/srv/db:/var/lib/orthanc/db"]
            """
        )
        + "secrets: {certificate: {file: ./secret/dicom.crt}}\n",
    )
    assert at(made, "dicom", "tls", "enabled") is True
    assert at(made, "secrets", "dicom_tls_certificate") == {"file": "/srv/site/secret/dicom.crt"}
    assert at(made, "secrets", "dicom_tls_key") == {"file": "/srv/site/tls/dicom.key"}
    assert at(made, "secrets", "dicom_tls_trusted") is None
    assert lost(made) == ["where its file lies on this host is not known"]


@pytest.mark.parametrize(
    ("image", "images"),
    [
        ("orthancteam/orthanc:25.4.2", {"orthanc": "orthancteam/orthanc:25.4.2"}),
        (
            "registry.example/mirror/orthancteam/orthanc:25.4.2",
            {"orthanc": "registry.example/mirror/orthancteam/orthanc:25.4.2"},
        ),
        ("osimis/orthanc:22.4.0", {"orthanc": "osimis/orthanc:22.4.0", "layout": "orthancteam"}),
        ("jodogne/orthanc-plugins:1.12.7", {"orthanc": "jodogne/orthanc-plugins:1.12.7"}),
    ],
)
def test_images(image: str, images: dict[str, str], tmp_path: Path) -> None:
    made = imported(tmp_path, orthanc(image=image))
    assert at(made, "runtime") == "compose"
    assert at(made, "images") == images


def test_an_image_without_a_name(tmp_path: Path) -> None:
    made = imported(tmp_path, "services:\n  orthanc:\n    build: .\n")
    assert at(made, "runtime") == "native"
    assert "images" not in made.environment
    assert any("it is built" in message for message in lost(made))


def test_the_network_of_the_containers_is_free(tmp_path: Path) -> None:
    more = """\
    environment:
      ORTHANC__DICOM_MODALITIES: '{"a": ["A", "172.30.242.7", 104], "b": ["B", "10.250.242.1", 104]}'
    """
    assert at(imported(tmp_path, orthanc(more)), "containers", "subnet") == "10.240.242.0/24"


def test_the_other_services_are_told(tmp_path: Path) -> None:
    text = orthanc("volumes: [/x:/var/lib/orthanc/db]\n") + (
        "  db: {image: 'postgres:16'}\n  web: {image: 'nginx:1.27'}\n  app: {image: 'x/y', depends_on: [pacs]}\n"
    )
    assert [message.partition(" of the")[0] for message in lost(imported(tmp_path, text))] == [
        "the service db", "the service web", "the service app",
    ]  # fmt: skip


def test_users_in_a_file_that_is_not_here(tmp_path: Path) -> None:
    text = (
        orthanc("secrets: [users.json]\nvolumes: [/x:/var/lib/orthanc/db]\n")
        + "secrets: {users.json: {file: ./gone.json}}\n"
    )
    made = imported(tmp_path, text)
    assert list(made.environment["users"]) == ["orthanc"]
    assert made.secrets == {}
    assert any("registered in a file that is not here" in message for message in lost(made))
