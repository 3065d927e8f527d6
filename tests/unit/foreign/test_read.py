from __future__ import annotations

import datetime
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from orthancgen.errors import InputError
from orthancgen.foreign.model import Target
from orthancgen.foreign.read import read_target
from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import HIDDEN

ORTHANC = '{"DicomAet": "MAIN", "RegisteredUsers": {"alice": "geheim-wort-1"}}'
COMPOSE = """services:
  orthanc:
    image: orthancteam/orthanc:26.8.0
    volumes: ["./orthanc.json:/etc/orthanc/orthanc.json:ro", "./web.lua:/etc/orthanc/web.lua:ro"]
    environment: {ORTHANC__NAME: a}
    secrets: [users.json]
secrets: {users.json: {file: ./secrets/users.json}}
"""
USERS = '{"RegisteredUsers": {"bob": "noch-ein-wort-2"}}'
LUA = "function OnStoredInstance(id)\n  SetHttpCredentials('u', 'geheim-drei-3')\nend\n"
NFT = """table inet filter {
  chain input {
    type filter hook input priority 0; policy drop;
    tcp dport 4242 accept
  }
}
"""
NGINX = "server {\n  listen 443 ssl;\n  location / { proxy_pass http://orthanc:8042; }\n}\n"
SET_UP = {
    "compose.yaml": COMPOSE, "orthanc.json": ORTHANC, "secrets/users.json": USERS, "web.lua": LUA, "rules.nft": NFT,
    "nginx.conf": NGINX, ".env": "PASSWORD=wort-vier-4\n", "package.json": '{"name": "x"}', "README.md": "DicomAet",
    "node_modules/x/orthanc.json": ORTHANC, "data/blob.json": "\0\1\2",
}  # fmt: skip


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def names(target: Target, folder: Path) -> dict[str, list[str]]:
    short = str(folder) + "/"
    return {
        kind: [one.file.removeprefix(short) for one in getattr(target, kind)]
        for kind in ("composes", "firewalls", "scripts", "proxies", "pems", "secret_files")
    } | {"orthancs": [one.name.removeprefix(short) for one in target.orthancs]}


def test_a_folder_with_everything(tmp_path: Path) -> None:
    write(tmp_path, SET_UP)
    target = read_target([tmp_path])
    assert names(target, tmp_path) == {
        "orthancs": ["compose.yaml: orthanc"], "composes": ["compose.yaml"], "firewalls": ["rules.nft"],
        "scripts": ["web.lua"], "proxies": ["nginx.conf"], "pems": [],
        "secret_files": [".env", "orthanc.json", "secrets/users.json"],
    }  # fmt: skip
    assert target.problems == ()
    assert target.root == str(tmp_path)
    tree = target.orthancs[0].tree.plain()
    assert tree["Name"] == "a"
    assert set(tree["RegisteredUsers"]) == {"alice", "bob"}
    files = {Path(name).name for name in target.texts}
    assert files == {"compose.yaml", "orthanc.json", "users.json", "web.lua", "rules.nft", "nginx.conf", ".env"}
    assert set(target.texts) == set(target.raw)
    for name, text in target.texts.items():
        assert len(text.split("\n")) == len(target.raw[name].split("\n"))
        assert not any(word in text for word in ("geheim", "noch-ein", "wort")), name
    assert "geheim-wort-1" in target.raw[str(tmp_path / "orthanc.json")]


def test_a_compose_file_brings_what_it_mounts(tmp_path: Path) -> None:
    write(tmp_path, SET_UP)
    target = read_target([tmp_path / "compose.yaml"])
    found = names(target, tmp_path)
    assert (found["orthancs"], found["scripts"], found["firewalls"]) == (["compose.yaml: orthanc"], ["web.lua"], [])
    assert found["secret_files"] == [".env", "orthanc.json", "secrets/users.json"]


def test_a_configuration_with_its_script_and_certificate(tmp_path: Path) -> None:
    text = '{"LuaScripts": ["web.lua", "none.lua"], "SslCertificate": "tls.pem", "DicomTlsCertificate": "/none.pem"}'
    write(
        tmp_path,
        {
            "orthanc.json": text,
            "web.lua": LUA,
            "tls.pem": "-----BEGIN CERTIFICATE-----\nQQ==\n-----END CERTIFICATE-----\n",
        },
    )
    found = names(read_target([tmp_path / "orthanc.json"]), tmp_path)
    assert (found["orthancs"], found["scripts"], found["pems"]) == (["orthanc.json"], ["web.lua"], ["tls.pem"])


def test_a_folder_of_fragments_is_one_orthanc(tmp_path: Path) -> None:
    write(
        tmp_path, {"a.json": '{"DicomAet": "A"}', "b.json": '{"HttpPort": 80, "DicomPort": 104}', "c.json": '{"x": 1}'}
    )
    target = read_target([tmp_path])
    assert [one.name for one in target.orthancs] == [str(tmp_path)]
    assert target.orthancs[0].tree.plain() == {"DicomAet": "A", "HttpPort": 80, "DicomPort": 104}
    write(tmp_path, {"b.json": '{"DicomAet": "B", "HttpPort": 80}', "a.json": '{"DicomAet": "A", "HttpPort": 80}'})
    assert len(read_target([tmp_path]).orthancs) == 1  # it was named: Orthanc would refuse it
    assert len(read_target([tmp_path]).orthancs[0].problems) == 2


def test_folders_below_are_orthancs_of_their_own_and_so_are_alternatives(tmp_path: Path) -> None:
    both = '{"DicomAet": "A", "HttpPort": 80}'
    write(
        tmp_path,
        {"one/a.json": both, "one/b.json": both, "two/a.json": '{"DicomAet": "A"}', "two/b.json": '{"HttpPort": 1}'},
    )
    target = read_target([tmp_path])
    assert [one.name for one in target.orthancs] == [
        str(tmp_path / "one" / "a.json"), str(tmp_path / "one" / "b.json"), str(tmp_path / "two"),
    ]  # fmt: skip


def test_files_that_are_named_together_are_one_orthanc(tmp_path: Path) -> None:
    write(tmp_path, {"a.json": '{"DicomAet": "A"}', "b.json": '{"Custom": 1}'})
    (only,) = read_target([tmp_path / "a.json", tmp_path / "b.json"]).orthancs
    assert only.tree.plain() == {"DicomAet": "A", "Custom": 1}


def test_version_and_publisher_may_be_chosen(tmp_path: Path) -> None:
    write(tmp_path, SET_UP)
    target = read_target([tmp_path], version=Version(1, 10, 1), publisher="jodogne")
    assert [(one.version, one.version_known, one.publisher) for one in target.orthancs] == [
        (Version(1, 10, 1), True, "jodogne")
    ]


def test_the_file_that_is_merged_over_a_compose_file_is_read_with_it(tmp_path: Path) -> None:
    over = "services: {orthanc: {environment: {ORTHANC__DICOM_AET: OVER}}}"
    write(tmp_path, SET_UP | {"compose.override.yaml": over})
    target = read_target([tmp_path])
    assert len(target.composes) == 1
    assert target.orthancs[0].tree.plain()["DicomAet"] == "OVER"
    assert target.orthancs[0].tree.find(("DicomAet",))[0].mark.file.endswith("compose.override.yaml")


def test_every_path_that_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path, {"notes.txt": "hello", "package.json": '{"dependencies": {}}', "a.yaml": "kind: List"})
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "binary.json").write_bytes(b"\xff\0")
    wanted = ["none.json", "notes.txt", "package.json", "a.yaml", "loop", "binary.json"]
    with pytest.raises(InputError) as caught:
        read_target([tmp_path / name for name in wanted])
    said = [str(getattr(problem, "message", "")) for problem in caught.value.problems]
    assert caught.value.exit_code == 2
    assert len(said) == 6
    assert said[0] == f"there is no {tmp_path / 'none.json'}"
    assert said[1] == f"{tmp_path / 'notes.txt'} is nothing that is read here"
    assert said[4] == f"there is no {tmp_path / 'loop'}"
    assert said[5] == f"{tmp_path / 'binary.json'} is no text"


def test_one_path_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no"):
        read_target([tmp_path / "no\nne\x1b.json"])
    with pytest.raises(InputError, match="there is no"):
        read_target([Path("nu\0l")])


def test_a_named_file_with_errors_is_read_all_the_same(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"DicomAet": "A"', "empty.json": "", "compose.yaml": "services: ["})
    assert len(read_target([tmp_path / "orthanc.json"]).orthancs[0].problems) == 1
    assert len(read_target([tmp_path / "empty.json"]).orthancs[0].problems) == 1
    assert len(read_target([tmp_path / "compose.yaml"]).problems) == 1


def test_files_in_other_encodings(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'\xef\xbb\xbf{"DicomAet": "A"}')
    (tmp_path / "b.json").write_bytes('{"HttpPort": 80}'.encode("utf-16"))
    (tmp_path / "c.json").write_bytes(b'{"DicomPort": 104, "Name": "\xe9"}')
    (only,) = read_target([tmp_path]).orthancs
    assert only.tree.plain() == {"DicomAet": "A", "HttpPort": 80, "DicomPort": 104, "Name": "\ufffd"}
    assert sorted(problem.message[:24] for problem in only.problems) == [
        "a byte order mark: Ortha", "byte 29 of the file is n", "the file is UTF-16: Orth",
    ]  # fmt: skip


def test_a_loop_of_folders_is_walked_once(tmp_path: Path) -> None:
    write(tmp_path, {"a/orthanc.json": ORTHANC})
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    assert len(read_target([tmp_path]).orthancs) == 1


def test_the_same_order_whatever_the_file_system_says(tmp_path: Path) -> None:
    write(tmp_path, {f"{name}/orthanc.json": ORTHANC for name in "cabed"})
    assert [Path(one.name).parent.name for one in read_target([tmp_path]).orthancs] == list("abcde")


# --- secrets


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def test_what_git_and_the_file_system_say_of_secrets(tmp_path: Path) -> None:
    write(
        tmp_path,
        SET_UP | {".gitignore": "secrets/\n.env\n", "other.json": '{"DicomAet": "B", "RegisteredUsers": {"a": "b"}}'},
    )
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "orthanc.json")
    git(tmp_path, "add", "--force", ".env")
    (tmp_path / "secrets").chmod(0o750)
    (tmp_path / "secrets" / "users.json").chmod(0o640)
    facts = {Path(one.file).name: one for one in read_target([tmp_path]).secret_files}
    assert {name: (one.tracked, one.ignored) for name, one in facts.items()} == {
        "orthanc.json": (True, False), ".env": (True, True), "users.json": (False, True), "other.json": (False, False),
    }  # fmt: skip
    assert (facts["users.json"].mode, facts["users.json"].folder_mode) == (0o640, 0o750)


def test_outside_of_a_checkout_git_says_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": ORTHANC})
    (only,) = read_target([tmp_path]).secret_files
    assert (only.tracked, only.ignored, only.age_days) == (None, None, None)


def test_ages_are_counted_where_a_day_is_given(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": ORTHANC})
    noon = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC).timestamp()
    os.utime(tmp_path / "orthanc.json", (noon, noon))
    (only,) = read_target([tmp_path], today=datetime.date(2026, 3, 11)).secret_files
    assert only.age_days == pytest.approx(10.0)


def test_a_checkout_cannot_start_a_program(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": ORTHANC})
    git(tmp_path, "init", "--quiet")
    marker = tmp_path / "started"
    program = tmp_path / "hook.sh"
    program.write_text(f"#!/bin/sh\ntouch {marker}\n")
    program.chmod(0o755)
    git(tmp_path, "config", "core.fsmonitor", str(program))
    (only,) = read_target([tmp_path]).secret_files
    assert only.tracked is False
    assert not marker.exists()


def test_a_private_key_is_a_secret(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIBVQIBADANBg\n-----END PRIVATE KEY-----\n"
    write(tmp_path, {"tls.key": key, "both.pem": key, "server.txt": key})
    target = read_target([tmp_path])
    assert {Path(one.file).name for one in target.secret_files} == {"tls.key", "both.pem"}
    assert target.texts == {}
    named = read_target([tmp_path / "server.txt"])
    assert [Path(one.file).name for one in named.secret_files] == ["server.txt"]
    assert HIDDEN in "".join(named.texts.values())
    assert "MIIB" not in "".join(named.texts.values())
