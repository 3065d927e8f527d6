from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.image_facts import facts, key_path, variable_of
from orthancgen.foreign.image_json import strict_problem, without_comments
from orthancgen.foreign.image_variables import Read, read_variables
from orthancgen.foreign.model import EnvironmentValue
from orthancgen.orthanc.keys import SUPPORTED, Version, keys_for, plugin_sections
from orthancgen.site.problems import KeyPath, Mark

MARK = Mark("compose.yaml", 7, 3, 9)
NEW = SUPPORTED[-1]


def read(version: Version = NEW, **values: str | None) -> Read:
    found = {name: EnvironmentValue(name, value, MARK, ("environment", name)) for name, value in values.items()}
    return read_variables(found, version)


def told(result: Read) -> list[str]:
    return [f"{problem.severity}: {problem.message} | {problem.hint}" for problem in result.problems]


def value_of(result: Read, *path: str) -> Any:
    node, depth = result.settings[-1].tree.find(path)
    assert depth == len(path)
    return node.plain()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("ORTHANC__NAME", ("Name",)),
        ("ORTHANC__STABLE_AGE", ("StableAge",)),
        ("ORTHANC__DICOM_WEB__ROOT", ("DicomWeb", "Root")),
        ("ORTHANC__STORE_MD5_FOR_ATTACHMENTS", ("StoreMD5ForAttachments",)),
        ("ORTHANC__CASE_SENSITIVE_PN", ("CaseSensitivePN",)),
        ("ORTHANC__HTTPS_CA_CERTIFICATES", ("HttpsCACertificates",)),
        ("ORTHANC__POSTGRESQL__PASSWORD", ("PostgreSQL", "Password")),
        ("ORTHANC__MYSQL__SSL_CA_CERTIFICATES", ("MySQL", "SslCACertificates")),
        ("ORTHANC__MAXIMUM_REQUEST_BODY_SIZE_MB", ("MaximumRequestBodySizeMb",)),
        ("ORTHANC__MAXIMUM_REQUEST_BODY_SIZE_M_B", ("MaximumRequestBodySizeMB",)),
        ("ORTHANC__WEBDAV_ENABLED", ("WebdavEnabled",)),
        ("DICOM_AET", ("DicomAet",)),
        ("ORTHANC__", None),
        ("ORTHANC__A___B", None),
        ("ORTHANC__NAME_", None),
        ("HOME", None),
    ],
)
def test_the_key_of_a_variable(name: str, path: KeyPath | None) -> None:
    assert key_path(name) == path


def test_each_key_of_orthanc_has_a_variable_that_sets_it() -> None:
    paths: list[KeyPath] = [(name,) for version in SUPPORTED for name in keys_for(version)]
    paths += [
        (name, key)
        for name, section in plugin_sections().items()
        if section is not None
        for key in keys_for(NEW, section)
    ]
    assert len(paths) > 300
    for path in paths:
        assert key_path(variable_of(path)) == path


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a", "a"), ("12", 12), ("true", True), ("1.5", 1.5), ("null", None), ('"12"', "12"), ("True", "True"),
        ('{"a": [1]}', {"a": [1]}), ("[", "["), ("", ""), ("1_0", "1_0"), (" 5 ", 5),
    ],
)  # fmt: skip
def test_values_are_json_where_they_are_json(written: str, value: object) -> None:
    assert value_of(read(ORTHANC__SOMETHING__ELSE=written), "Something", "Else") == value


def test_a_value_of_several_lines_keeps_its_places() -> None:
    text = '{\n  "alice": "pw",\n  "bob": "pw"\n}\n'
    variable = EnvironmentValue("ORTHANC__REGISTERED_USERS", text, MARK, (), block=(12, 9))
    tree = read_variables({variable.name: variable}, NEW).settings[0].tree
    assert tree.find(("RegisteredUsers", "bob"))[0].mark == Mark("compose.yaml", 14, 18, 22)
    whole = EnvironmentValue("ORTHANC_JSON", '// c\n{"Name": "x"}', MARK, (), block=(12, 9))
    tree = read_variables({whole.name: whole}, NEW).settings[0].tree
    assert tree.find(("Name",))[0].key_mark == Mark("compose.yaml", 13, 10, 16)


@pytest.mark.parametrize(
    ("name", "value", "said", "hint"),
    [
        ("ORTHANC__MAXIMUM_REQUEST_BODY_SIZE_MB", "5", "sets MaximumRequestBodySizeMb, which", "SIZE_M_B, which sets"),
        ("ORTHANC__WEBDAV_ENABLED", "false", "sets WebdavEnabled, which", "ORTHANC__WEB_DAV_ENABLED"),
        ("ORTHANC__DICOM_WEB_ROOT", "/a", "sets DicomWebRoot, which", "ORTHANC__DICOM_WEB__ROOT"),
        ("ORTHANC__AUTHENTICATION_ENABLE", "true", "sets AuthenticationEnable,", "ORTHANC__AUTHENTICATION_ENABLED"),
        ("ORTHANC__DICOM_CHECK_CALLING_AET", "true", "sets DicomCheckCallingAet,", "None"),
        ("ORTHANC_DICOM_AET", "A", "the image reads no variable ORTHANC_DICOM_AET", "ORTHANC__DICOM_AET"),
        ("ORTHANC_REGISTERED_USERS", "{}", "the image reads no variable", "ORTHANC__REGISTERED_USERS"),
        ("DICOMWEB_PLUGIN_ENABLED", "true", "the image reads no variable", "DICOM_WEB_PLUGIN_ENABLED"),
        ("ORTHANC__REGISTERED_USERS__ALICE", "pw", "sets RegisteredUsers.Alice:", "JSON in ORTHANC__REGISTERED_USERS"),
        ("ORTHANC__DICOM_MODALITIES__CT1__AET", "A", "sets DicomModalities.Ct1.Aet:", "ORTHANC__DICOM_MODALITIES"),
        ("DICOM_WEB_PLUGIN_ENABLED", "False", "only false, in lower case", "write true or false"),
        ("VERBOSE_ENABLED", '"true"', "has no effect", "without quotes"),
        ("ORTHANC__NAME", "'a'", "the quotes are a part of Name", "without quotes"),
        ("DW_ENABLED", "true", "DW_ENABLED is a former name", "DICOM_WEB_PLUGIN_ENABLED"),
    ],
)  # fmt: skip
def test_mistakes_that_change_nothing_are_warnings(name: str, value: str, said: str, hint: str) -> None:
    (only,) = told(read(SUPPORTED[1] if "MAXIMUM" not in name else NEW, **{name: value}))
    assert only.startswith("warning: ")
    assert said in only
    assert hint in only.split(" | ")[1]


@pytest.mark.parametrize(
    ("name", "value", "said", "hint"),
    [
        ("ORTHANC__NAME_", "a", "an empty word: the image ends on it", "one _ between words"),
        ("DICOM_AET", "A", "a former name: the image refuses to start", "write ORTHANC__DICOM_AET"),
        ("ORTHANC__POSTGRESQL__PASSWORD", "12345678", "makes a number of it, and Password is a text", "double quotes"),
        ("ORTHANC__NAME", "true", "makes true or false of it", "double quotes"),
        ("ORTHANC__DICOM_PORT", '"4242"', "the quotes are a part of the value", "without quotes"),
        ("ORTHANC_JSON", '{"A": 01}', "ORTHANC_JSON is no JSON", "None"),
        ("ORTHANC_JSON", "[]", "ORTHANC_JSON is no JSON", "None"),
        ("ORTHANC__A", "NaN", "no number", "None"),
    ],
)
def test_mistakes_that_stop_orthanc_are_errors(name: str, value: str, said: str, hint: str) -> None:
    errors = [line for line in told(read(NEW, **{name: value})) if line.startswith("error: ")]
    assert len(errors) == 1
    assert said in errors[0]
    assert hint in errors[0].split(" | ")[1]


def test_no_message_holds_a_value() -> None:
    for name in (
        "ORTHANC__POSTGRESQL__PASSWORD",
        "ORTHANC_JSON",
        "DICOM_WEB_PLUGIN_ENABLED",
        "ORTHANC__NAME",
        "X_SECRET",
    ):
        for value in ("20261127", "'20261127'", '"20261127"', '{"a": 20261127'):
            assert not any("20261127" in line for line in told(read(NEW, **{name: value})))


@pytest.mark.parametrize(
    "name", ["TZ", "PATH", "VERBOSE_STARTUP", "ORTHANC_HOME", "LD_PRELOAD", "OE2_ENABLED", "LOGDIR"]
)
def test_other_variables_are_nobodys_business(name: str) -> None:
    assert told(read(NEW, **{name: "x"})) == []


def test_plugins_that_are_switched() -> None:
    result = read(DICOM_WEB_PLUGIN_ENABLED="true", OHIF_PLUGIN_ENABLED="", WORKLISTS_PLUGIN_ENABLED="false")
    assert result.enabled == {"DicomWeb", "OHIF"}
    assert result.disabled == {"Worklists"}


def test_two_variables_for_one_key() -> None:
    result = read(SUPPORTED[0], DICOM_AET="A", ORTHANC__DICOM_AET="B")
    assert "ORTHANC__DICOM_AET and DICOM_AET both set DicomAet" in told(result)[-1]


def test_a_password_for_the_user_orthanc() -> None:
    assert value_of(read(ORTHANC_PASSWORD="12345678"), "RegisteredUsers", "orthanc") == "12345678"


def test_a_name_in_a_secret() -> None:
    result = read(ORTHANC__POSTGRESQL__PASSWORD_SECRET="pg", OTHER_SECRET="x")
    assert {name: one.name for name, one in result.secrets.items()} == {
        "pg": "ORTHANC__POSTGRESQL__PASSWORD_SECRET", "x": "OTHER_SECRET",
    }  # fmt: skip
    assert result.settings == ()


def test_the_facts_fit_together() -> None:
    known = facts()
    for name, dotted in known.names.items():
        assert name.startswith("ORTHANC__") or name == "OE2_ENABLED"
        assert dotted.split(".")[0] in keys_for(NEW) or dotted.split(".")[0] in plugin_sections()
    assert not set(known.names) & set(known.former_names)
    variables = [plugin.variable for plugin in known.plugins]
    assert len(variables) == len(set(variables))
    for plugin in known.plugins:
        assert plugin.section in plugin_sections() or plugin.section in {"Wsi", "Python"}


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ('{"a": 1 // b\n}', '{"a": 1     \n}'),
        ('{"a//b": "/*c*/"}', '{"a//b": "/*c*/"}'),
        ("{/* a\n b */}", "{    \n     }"),
        ('{"a": "\\"//"} // x', '{"a": "\\"//"}     '),
        ("/* open", "/* open"),
    ],
)
def test_comments_are_blanked(text: str, bare: str) -> None:
    assert without_comments(text) == bare


def test_what_the_reader_of_the_image_refuses() -> None:
    assert strict_problem('{"a": [1, /* b */ ]}') is not None
    assert strict_problem('{"a": [1 /* b */ ]} // c') is None
    assert strict_problem("[" * 100_000) == "it nests too deep"
    assert strict_problem("9" * 10_000) == "a number has too many digits"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), st.text(max_size=30))
def test_any_name_and_any_value(name: str, value: str) -> None:
    for prefix in ("", "ORTHANC__", "ORTHANC_", "ORTHANC__REGISTERED_USERS__"):
        result = read(NEW, **{prefix + name: value})
        for problem in result.problems:
            assert problem.message.isprintable()
            assert problem.mark == MARK
