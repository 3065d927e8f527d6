from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from orthancgen.foreign.configuration import Circumstances, InlineFile, Secret, read_part
from orthancgen.foreign.model import EnvironmentValue, OrthancPart, Publisher
from orthancgen.orthanc.keys import SUPPORTED, Version
from orthancgen.site.problems import Mark

OLD, NEW = Version(1, 12, 7), Version(1, 13, 0)


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def variables(**values: str | None) -> dict[str, EnvironmentValue]:
    mark = Mark("compose.yaml", 7, 3, 9)
    return {
        name: EnvironmentValue(name, value, mark, ("services", "o", "environment", name))
        for name, value in values.items()
    }


def read(
    path: Path, publisher: Publisher | None = None, version: Version | None = NEW, **more: str | None
) -> OrthancPart:
    around = Circumstances(variables(**more), environment_complete=publisher is not None)
    return read_part([path], version=version, publisher=publisher, name="o", circumstances=around)


def told(part: OrthancPart) -> list[str]:
    return [
        f"{p.severity} {Path(p.mark.file).name}:{p.mark.line}:{p.mark.column} {p.key_path}: {p.message}"
        for p in part.problems
        if p.mark is not None
    ]


def test_one_file(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"Name": "a", // b\n "HttpPort": 80}'})
    part = read_part([tmp_path / "orthanc.json"], version=OLD, publisher=None, name="that", service="")
    assert part.tree.plain() == {"Name": "a", "HttpPort": 80}
    assert (part.name, part.version, part.version_known, part.publisher) == ("that", OLD, True, None)
    assert part.image_defaults == {}
    assert part.problems == ()
    assert [document.comments[0].text for document in part.documents] == ["b"]


def test_an_unknown_version_is_the_newest(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": "{}"})
    part = read(tmp_path / "orthanc.json", version=None)
    assert (part.version, part.version_known) == (SUPPORTED[-1], False)


def test_a_folder_is_its_json_files_whatever_their_case_and_nothing_below(tmp_path: Path) -> None:
    files = {"a.json": '{"A": 1}', "b.JSON": '{"B": 1}', ".c.json": '{"C": 1}', "d.jsonc": '{"D": 1}'}
    write(tmp_path, files | {"e.json.bak": '{"E": 1}', "sub/f.json": '{"F": 1}', "g.json/h.json": '{"G": 1}'})
    assert set(read(tmp_path).tree.plain()) == {"A", "B", "C"}
    assert set(read(tmp_path, "orthancteam").tree.plain()) == {"A"}


def test_orthanc_refuses_a_key_in_two_files(tmp_path: Path) -> None:
    write(tmp_path, {"a.json": '{"S": {"a": 1}}', "b.json": '{\n "S": {"b": 1}}'})
    part = read(tmp_path)
    assert part.tree.plain() == {"S": {"a": 1}}
    assert len(told(part)) == 1
    assert told(part)[0].startswith("error b.json:2:2 S: S is defined in 2 different configuration files")
    assert "a.json:1" in told(part)[0]


def test_the_image_merges_files_deep_and_the_order_counts(tmp_path: Path) -> None:
    write(tmp_path, {"a.json": '{"S": {"a": 1, "c": 1, "l": [1]}}', "b.json": '{"S": {"b": 1, "c": 2, "l": [1]}}'})
    part = read(tmp_path, "orthancteam")
    assert part.tree.plain() == {"S": {"a": 1, "c": 2, "l": [1], "b": 1}}
    assert [line.split(" which")[0] for line in told(part)] == [
        f"warning b.json:1:16 S.c: c has another value in {tmp_path / 'a.json'}:1:"
    ]


def test_the_image_ends_on_an_object_over_something_else(tmp_path: Path) -> None:
    write(tmp_path, {"a.json": '{"S": 1}', "b.json": '{"S": {"b": 1}}'})
    assert told(read(tmp_path, "orthancteam")) == [
        "error b.json:1:2 S: S is an object here and something else before: the image ends on it"
    ]


def test_variables_of_the_image_count_over_files_and_its_defaults_come_last(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"Name": "file", "DicomWeb": {"Root": "/a/"}, "StorageDirectory": "/data"}'})
    part = read(
        tmp_path, "orthancteam",
        ORTHANC__NAME="variable", ORTHANC__DICOM_WEB__STUDIES_METADATA="Full", ORTHANC__REGISTERED_USERS='{"a": "b"}',
        WORKLISTS_PLUGIN_ENABLED="true",
    )  # fmt: skip
    assert part.tree.plain() == {
        "Name": "variable",
        "DicomWeb": {"Root": "/a/", "StudiesMetadata": "Full"},
        "StorageDirectory": "/data",
        "RegisteredUsers": {"a": "b"},
    }
    assert part.problems == ()
    assert part.image_defaults["RemoteAccessAllowed"] is True
    assert part.image_defaults["AuthenticationEnabled"] is True
    assert part.image_defaults["DicomWeb"] == {"Enable": True}
    assert part.image_defaults["Worklists"] == {"Enable": True, "Database": "/var/lib/orthanc/worklists"}
    assert "PostgreSQL" not in part.image_defaults
    found, _ = part.tree.find(("DicomWeb", "StudiesMetadata"))
    assert found.mark == Mark("compose.yaml", 7, 3, 9)


def test_the_image_adds_a_password_to_a_database(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"PostgreSQL": {"Host": "db"}}'})
    part = read(tmp_path, "orthancteam")
    assert part.image_defaults["PostgreSQL"]["Password"] == "postgres"
    assert part.tree.plain() == {"PostgreSQL": {"Host": "db"}}


def test_an_orthanc_that_is_started_directly_gets_nothing_of_the_image(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"Name": "a",}'})
    around = Circumstances(variables(ORTHANC__NAME="b"), environment_complete=True, started_directly=True)
    part = read_part([tmp_path], version=NEW, publisher="orthancteam", name="o", circumstances=around)
    assert part.tree.plain() == {"Name": "a"}
    assert part.image_defaults == {}
    assert [line.split(": ")[1] for line in told(part)] == ["a comma behind the last one", "nobody reads ORTHANC__NAME"]


def test_the_image_refuses_what_orthanc_takes(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{\n "Name": "a",\n}'})
    part = read(tmp_path, "orthancteam")
    assert told(part)[1].startswith("error orthanc.json:3:1 : the image's own reader refuses this")
    assert [p for p in read(tmp_path).problems if p.severity == "error"] == []


def test_the_image_takes_comments_where_orthanc_takes_none(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"A" /* a */ : [1, /* b */ ], "B": [ /* c */ ]}'})
    assert len([p for p in read(tmp_path).problems if p.severity == "error"]) == 3
    write(tmp_path, {"orthanc.json": '{"Name" /* a */ : "b", "Plugins": [ /* c */ ]}'})
    assert read(tmp_path, "orthancteam").problems == ()


def test_variables_in_a_file_of_orthanc(tmp_path: Path) -> None:
    text = """{
  "Name": "${NAME} of ${SITE:-us}",
  "HttpPort": ${PORT:-8042},
  "DicomAet": "${AET}",
  "A": "$NAME $${NAME}"
}"""
    write(tmp_path, {"orthanc.json": text})
    part = read(tmp_path, "jodogne", NAME="Archive", AET="")
    assert part.tree.plain() == {
        "Name": "Archive of us", "HttpPort": 8042, "DicomAet": "", "A": "$NAME $Archive",
    }  # fmt: skip
    assert part.problems == ()
    assert part.tree.find(("HttpPort",))[0].mark == Mark(str(tmp_path / "orthanc.json"), 3, 15, 28)
    assert part.tree.find(("A",))[0].mark == Mark(str(tmp_path / "orthanc.json"), 5, 8, 24)


def test_a_variable_that_is_not_known(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"orthanc.json": '{"Name": "${NAME}", "HttpPort": ${PORT}, "RegisteredUsers": {"a": "${PW}", "b": "c"}}'},
    )
    native = read(tmp_path)
    assert native.tree.plain() == {"Name": "${NAME}", "HttpPort": None, "RegisteredUsers": {"b": "c"}}
    assert native.users_elsewhere
    assert told(native) == [
        "warning orthanc.json:1:11 Name: the value of the variable NAME is not known here",
        "warning orthanc.json:1:33 HttpPort: the value of the variable PORT is not known here",
        "warning orthanc.json:1:68 RegisteredUsers.a: the value of the variable PW is not known here",
    ]
    container = read(tmp_path, "jodogne", PORT="80", PW=None)
    assert container.tree.plain() == {"Name": "", "HttpPort": 80, "RegisteredUsers": {"b": "c"}}
    assert told(container)[0] == "warning orthanc.json:1:11 Name: there is no variable NAME: nothing is put in"


def test_orthanc_ends_on_a_variable_without_a_name(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"Name": "a${}b"}'})
    assert told(read(tmp_path)) == ["error orthanc.json:1:12 Name: Orthanc ends on ${} without a name"]


def test_the_image_eats_a_dollar_in_a_password(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"PostgreSQL": {"Password": "p@ss$ecret1", "Host": "$HOST"}}'})
    part = read(tmp_path, "orthancteam", HOST="db")
    assert part.tree.plain() == {"PostgreSQL": {"Password": "p@ss", "Host": "db"}}
    assert told(part) == [
        (
            "error orthanc.json:1:34 PostgreSQL.Password: the image replaces a $ and the letters behind it by a "
            "variable, and there is no such one"
        )
    ]
    escaped = '{"PostgreSQL": {"Password": "p@ss\\u0024ecret1"}}'
    write(tmp_path, {"orthanc.json": escaped})
    assert read(tmp_path, "orthancteam").tree.plain() == {"PostgreSQL": {"Password": "p@ss$ecret1"}}
    assert read(tmp_path, "orthancteam").problems == ()


def test_what_orthanc_replaces_in_the_file_that_the_image_writes(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"Name": "\\u0024{HOME}"}'})
    assert read(tmp_path, "orthancteam").problems == ()  # HOME is there, whatever it is
    write(tmp_path, {"orthanc.json": '{"Name": "a\\u0024{b}"}'})
    part = read(tmp_path, "orthancteam", ORTHANC__DICOM_AET="${X}")
    assert [line.split(": ", 1)[0] for line in told(part)] == [
        "error orthanc.json:1:10 Name",
        "error compose.yaml:7:3 DicomAet",
    ]


def test_secrets_of_the_image(tmp_path: Path) -> None:
    write(tmp_path, {"users": '{"RegisteredUsers": {"a": "b"}}', "pw": "12345678\n", "aet": "MAIN\n"})
    mark = Mark("compose.yaml", 9, 1, 2)
    secrets = (
        Secret("users.json", tmp_path / "users", mark),
        Secret("database", tmp_path / "pw", mark),
        Secret("ORTHANC__DICOM_AET", tmp_path / "aet", mark),
        Secret("other", None, mark),
    )
    around = Circumstances(variables(ORTHANC__POSTGRESQL__PASSWORD_SECRET="database"), secrets=secrets)
    part = read_part([], version=NEW, publisher="orthancteam", name="o", circumstances=around)
    assert part.tree.plain() == {
        "RegisteredUsers": {"a": "b"}, "PostgreSQL": {"Password": 12345678}, "DicomAet": "MAIN",
    }  # fmt: skip
    assert told(part) == ["error pw:1:1 : the image makes a number of it, and Password is a text: Orthanc refuses it"]
    assert not part.users_elsewhere


@pytest.mark.parametrize("name", ["orthanc.secret.json", "ORTHANC__REGISTERED_USERS"])
def test_users_in_a_secret_that_is_not_here(tmp_path: Path, name: str) -> None:
    around = Circumstances(secrets=(Secret(name, None, Mark("compose.yaml", 9, 1, 2)),))
    part = read_part([], version=NEW, publisher="orthancteam", name="o", circumstances=around)
    assert part.users_elsewhere


def test_a_variable_with_users_whose_value_is_not_known(tmp_path: Path) -> None:
    around = Circumstances(variables(ORTHANC__REGISTERED_USERS=None))
    part = read_part([], version=NEW, publisher="orthancteam", name="o", circumstances=around)
    assert part.users_elsewhere
    assert part.tree.plain() == {}


def test_nobody_reads_variables_in_other_images(tmp_path: Path) -> None:
    write(tmp_path, {"orthanc.json": '{"Name": "${ORTHANC__NAME}"}'})
    part = read(
        tmp_path, "jodogne", ORTHANC__NAME="a", ORTHANC__DICOM_AET="B", DICOM_WEB_PLUGIN_ENABLED="true", TZ="UTC"
    )
    assert part.tree.plain() == {"Name": "a"}
    assert [line.split(": ")[1] for line in told(part)] == [
        "nobody reads ORTHANC__DICOM_AET",
        "nobody reads DICOM_WEB_PLUGIN_ENABLED",
    ]


def test_the_own_file_of_an_image(tmp_path: Path) -> None:
    around = Circumstances(own_file=True)
    part = read_part([], version=NEW, publisher="jodogne", name="o", circumstances=around)
    assert part.image_defaults["RemoteAccessAllowed"] is True
    assert read_part([], version=NEW, publisher="jodogne", name="o").image_defaults == {}


def test_a_file_within_a_compose_file() -> None:
    mark = Mark("compose.yaml", 20, 5, 6)
    around = Circumstances(inline=(InlineFile("/etc/orthanc/a.json", '{"Name": "a",}', mark),))
    part = read_part([], version=NEW, publisher="jodogne", name="o", circumstances=around)
    assert part.tree.plain() == {"Name": "a"}
    assert part.tree.find(("Name",))[0].mark == mark
    assert [p.mark for p in part.problems] == [mark]


def test_missing_and_unreadable_files_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"empty.json": "", "list.json": "[]"})
    (tmp_path / "latin.json").write_bytes(b'{"Name": "\xe9"}')
    (tmp_path / "wide.json").write_bytes('{"DicomAet": "A"}'.encode("utf-16"))
    (tmp_path / "binary.json").write_bytes(b"\xff\0\1")
    part = read(tmp_path)
    assert part.tree.plain() == {"Name": "\ufffd", "DicomAet": "A"}
    assert [line.split(" : ")[-1] for line in told(part)] == [
        f"{tmp_path / 'binary.json'} is no text",
        "the file is empty: Orthanc does not start on it",
        "byte 11 of the file is not UTF-8",
        "a configuration of Orthanc is an object",
        "the file is UTF-16: Orthanc does not read it",
    ]
    (tmp_path / "latin.json").write_bytes(b'{"Name":\n "\xc3\xa9\xe9"}')
    (place,) = [p.mark for p in read(tmp_path / "latin.json").problems]
    assert place == Mark(str(tmp_path / "latin.json"), 2, 4, 5)
    assert "there is no such file" in told(read(tmp_path / "none.json"))[0]
    assert told(read(tmp_path / "none\0.json"))[0].startswith("error none")
