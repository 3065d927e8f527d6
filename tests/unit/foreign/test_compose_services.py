from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from orthancgen.foreign.compose import parse_compose
from orthancgen.foreign.services import ServiceParts, read_services
from orthancgen.orthanc.keys import SUPPORTED, Version


def parts(folder: Path, body: str, files: Mapping[str, str] | None = None, top: str = "") -> ServiceParts:
    """The only Orthanc of a compose file: the body of its service, files beside it, and the rest of the file."""
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    lines = "\n".join(f"    {line}" for line in body.split("\n"))
    compose = parse_compose(f"services:\n  o:\n{lines}\n{top}", "compose.yaml", folder)
    assert compose.problems == ()
    (found,) = read_services(compose, folder)
    return found


def told(found: ServiceParts) -> list[str]:
    return [f"{p.severity} {p.mark.line}: {p.message}" for p in found.part.problems if p.mark is not None]


NAME = {"orthanc.json": '{"Name": "a"}'}


@pytest.mark.parametrize(
    ("mount", "files"),
    [
        ("./orthanc.json:/etc/orthanc/orthanc.json:ro", NAME),
        ("./orthanc.json:/etc/orthanc/other.json", NAME),
        ("./conf:/etc/orthanc", {"conf/x.json": '{"Name": "a"}', "conf/x.lua": "", "conf/y.txt": "{}"}),
        ("./conf:/etc/orthanc/", {"conf/x.json": '{"Name": "a"}'}),
        ("./etc:/etc", {"etc/orthanc/orthanc.json": '{"Name": "a"}'}),
        ("{type: bind, source: ./orthanc.json, target: /etc/orthanc/orthanc.json}", NAME),
    ],
)
@pytest.mark.parametrize("image", ["orthancteam/orthanc:26.8.0", "jodogne/orthanc-plugins:1.12.4"])
def test_the_mounted_configuration(tmp_path: Path, mount: str, files: Mapping[str, str], image: str) -> None:
    found = parts(tmp_path, f"image: {image}\nvolumes:\n- {mount}", files)
    assert found.part.tree.plain() == {"Name": "a"}
    assert found.part.name == "compose.yaml: o"
    assert found.part.service == "o"
    assert [file.suffix for file in found.files] == [".json"]
    assert told(found) == []


def test_version_and_publisher_by_the_image(tmp_path: Path) -> None:
    team = parts(tmp_path, "image: orthancteam/orthanc:24.6.1").part
    assert (team.publisher, team.version, team.version_known) == ("orthancteam", Version(1, 12, 4), True)
    assert team.image_defaults["RemoteAccessAllowed"] is True
    other = parts(tmp_path, "image: jodogne/orthanc").part
    assert (other.publisher, other.version, other.version_known) == ("jodogne", SUPPORTED[-1], False)
    assert other.image_defaults["RemoteAccessAllowed"] is True
    mounted = parts(
        tmp_path, "image: jodogne/orthanc\nvolumes: ['./orthanc.json:/etc/orthanc/orthanc.json']", NAME
    ).part
    assert mounted.image_defaults == {}
    compose = parse_compose("services: {o: {image: 'site/orthanc'}}", "compose.yaml", tmp_path)
    (chosen,) = read_services(compose, tmp_path, version=Version(1, 10, 1), publisher="jodogne")
    assert (chosen.part.publisher, chosen.part.version) == ("jodogne", Version(1, 10, 1))


def test_a_built_image_is_what_it_starts_from(tmp_path: Path) -> None:
    files = {"o/Dockerfile": "FROM orthancteam/orthanc:24.6.1\nCOPY x /x\n"}
    part = parts(tmp_path, "build: ./o\nenvironment: {ORTHANC__NAME: a}", files).part
    assert (part.publisher, part.version, part.tree.plain()) == ("orthancteam", Version(1, 12, 4), {"Name": "a"})


def test_files_and_variables_that_are_built_in(tmp_path: Path) -> None:
    dockerfile = """ARG TAG=1.0
FROM node AS web
FROM jodogne/orthanc-plugins:${TAG} AS base
COPY --chown=1:1 orthanc.json /etc/orthanc/
FROM base
COPY --from=web /x /etc/orthanc/
ENV SITE=here \\
    OTHER="two words"
ADD ["conf.d/users.json", "/etc/orthanc/users.json"]
"""
    files = {
        "o/Dockerfile": dockerfile,
        "o/orthanc.json": '{"Name": "${SITE} ${OTHER}"}',
        "o/conf.d/users.json": '{"RegisteredUsers": {"a": "b"}}',
    }
    found = parts(tmp_path, "build: {context: ./o, args: {TAG: 1.12.4}}", files)
    assert found.part.tree.plain() == {"Name": "here two words", "RegisteredUsers": {"a": "b"}}
    assert (found.part.publisher, found.part.version) == ("jodogne", Version(1, 12, 4))
    assert found.part.image_defaults == {}
    assert told(found) == []


def test_an_unknown_image_with_variables_is_read_as_the_one_that_has_them(tmp_path: Path) -> None:
    found = parts(tmp_path, "image: site/orthanc:3\nenvironment:\n  ORTHANC__NAME: a")
    assert found.part.publisher == "orthancteam"
    assert found.part.tree.plain() == {"Name": "a"}
    assert told(found)[0].startswith("warning 5: the image is none that is known")


def test_secrets_and_configs(tmp_path: Path) -> None:
    body = """image: orthancteam/orthanc
secrets: [users.json, {source: pw, target: ORTHANC__POSTGRESQL__PASSWORD}, gone]
configs: [{source: main, target: /etc/orthanc/main.json}, {source: text, target: /etc/orthanc/text.json}, elsewhere]"""
    top = """secrets:
  users.json: {file: ./s/users}
  pw: {file: ./s/pw}
  gone: {external: true}
configs:
  main: {file: ./main.json}
  text:
    content: |
      {"DicomAet": "TEXT"}
  elsewhere: {file: ./main.json}
"""
    files = {"s/users": '{"RegisteredUsers": {"a": "b"}}', "s/pw": "geheim\n", "main.json": '{"Name": "a"}'}
    found = parts(tmp_path, body, files, top)
    assert found.part.tree.plain() == {
        "Name": "a", "RegisteredUsers": {"a": "b"}, "DicomAet": "TEXT", "PostgreSQL": {"Password": "geheim"},
    }  # fmt: skip
    assert not found.part.users_elsewhere
    assert {file.name for file in found.files} == {"main.json", "users", "pw"}


def test_users_in_a_secret_that_is_not_here(tmp_path: Path) -> None:
    top = "secrets: {orthanc.secret.json: {file: ./none}}"
    found = parts(tmp_path, "image: orthancteam/orthanc\nsecrets: [orthanc.secret.json]", NAME, top)
    assert found.part.users_elsewhere
    assert told(found) == []


def test_a_secret_that_a_configuration_names_is_not_missed(tmp_path: Path) -> None:
    body = "image: jodogne/orthanc\nentrypoint: [Orthanc, /conf]\nvolumes: ['./conf:/conf']\n"
    body += "secrets: [{source: u, target: /conf/u.json}]"
    found = parts(tmp_path, body, {"conf/a.json": '{"Name": "a"}'}, "secrets: {u: {file: ./none}}")
    assert (found.part.tree.plain(), found.part.users_elsewhere) == ({"Name": "a"}, True)
    assert told(found) == []


def test_a_configuration_that_is_not_here(tmp_path: Path) -> None:
    found = parts(tmp_path, "image: orthancteam/orthanc\nvolumes:\n- ./none.json:/etc/orthanc/orthanc.json")
    assert found.part.users_elsewhere
    assert told(found) == [
        "warning 5: what is mounted at /etc/orthanc/orthanc.json is not here: its settings are not known"
    ]
    volume = parts(tmp_path, "image: jodogne/orthanc\nvolumes: ['conf:/etc/orthanc']")
    assert volume.part.users_elsewhere


def test_a_folder_of_secrets(tmp_path: Path) -> None:
    files = {"s/ORTHANC__NAME": "a\n", "s/u.json": '{"RegisteredUsers": {"a": "b"}}', "s/other": "x"}
    found = parts(tmp_path, "image: orthancteam/orthanc\nvolumes: ['./s:/run/secrets']", files)
    assert found.part.tree.plain() == {"RegisteredUsers": {"a": "b"}, "Name": "a"}


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        ("command: /conf --verbose", {"A"}),
        ("command: [/conf/a.json]", {"A"}),
        ("command: ['--verbose']", {"Name"}),
        ("entrypoint: [Orthanc]\ncommand: [--verbose, /conf]", {"A"}),
        ("entrypoint: /usr/local/sbin/Orthanc /conf/a.json /etc/orthanc/orthanc.json", {"A", "Name"}),
        ("entrypoint: ['sh', '-c', 'x']", {"Name"}),
    ],
)
def test_the_paths_that_a_command_names(tmp_path: Path, body: str, keys: set[str]) -> None:
    mounts = "volumes: ['./conf:/conf:ro', './orthanc.json:/etc/orthanc/orthanc.json']"
    found = parts(tmp_path, f"image: jodogne/orthanc\n{mounts}\n{body}", {"conf/a.json": '{"A": 1}', **NAME})
    assert set(found.part.tree.plain()) == keys


def test_orthanc_started_by_itself_in_the_image_that_prepares_it(tmp_path: Path) -> None:
    body = "image: orthancteam/orthanc:26.8.0\nentrypoint: [/usr/local/bin/Orthanc]\ncommand: [/conf]\n"
    files = {"conf/a.json": '{"Name": "a"}', "users": '{"RegisteredUsers": {"a": "b"}}'}
    body += "volumes: ['./conf/a.json:/conf/a.json']\nsecrets: [{source: u, target: /conf/u.json}]"
    found = parts(tmp_path, body, files, "secrets: {u: {file: ./users}}")
    assert found.part.tree.plain() == {"Name": "a", "RegisteredUsers": {"a": "b"}}
    assert found.part.image_defaults == {}
    assert found.part.publisher == "orthancteam"


def test_a_file_of_variables_that_is_not_here_leaves_values_open(tmp_path: Path) -> None:
    (tmp_path / "orthanc.json").write_text('{"Name": "${NAME}"}')
    compose = parse_compose(
        "services: {o: {image: jodogne/orthanc, env_file: none.env, volumes: ['./orthanc.json:/etc/orthanc/a.json']}}",
        "compose.yaml",
        tmp_path,
    )
    (found,) = read_services(compose, tmp_path)
    assert found.part.tree.plain() == {"Name": "${NAME}"}


@pytest.mark.parametrize(
    "mount", ["/:/etc/orthanc\0", "${X}/a:/etc/orthanc", "./\\:/etc/orthanc", "...:/etc/orthanc/a.json"]
)
def test_odd_paths_are_not_here(tmp_path: Path, mount: str) -> None:
    compose = parse_compose(
        f"services: {{o: {{image: jodogne/orthanc, volumes: [{mount!r}]}}}}", "compose.yaml", tmp_path
    )
    for found in read_services(compose, tmp_path):
        assert found.part.tree.plain() == {}
