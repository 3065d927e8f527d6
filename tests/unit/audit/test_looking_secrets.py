from __future__ import annotations

from typing import Any

import pytest

from orthancgen.audit.looking_secrets import (
    has_login,
    in_text,
    in_tree,
    in_words,
    is_for_secrets,
    is_literal,
    names_secret,
)
from orthancgen.site.problems import KeyPath
from tests.unit.audit.set_ups import document_of


@pytest.mark.parametrize(
    "name",
    ["Password", "POSTGRES_PASSWORD", "pwd", "WebhookToken", "api_key", "SecretKey", "ACCOUNT_KEY", "passphrase",
     "MONGO_PASSWORD_2", "clientSecret", "encryptionKey"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize(
    "name",
    ["POSTGRES_PASSWORD_FILE", "PASSWORD_MINIMUM_LENGTH", "TOKEN_URL", "Name", "KeyPath", "SslCertificate", "monkey",
     "StableAge", ""],
)  # fmt: skip
def test_names_of_other_things(name: str) -> None:
    assert not names_secret(name)


@pytest.mark.parametrize("value", ["s3cret", "12345678", 12345678, "true1", "a$b", "change-me"])
def test_literals(value: object) -> None:
    assert is_literal(value)


@pytest.mark.parametrize(
    "value",
    ["", "  ", "true", "None", True, None, "${PASSWORD}", "$PASSWORD", "/run/secrets/password", "./secrets/p",
     "<password>", "file:/run/p", 1.5, [], {}],
)  # fmt: skip
def test_references_and_switches(value: object) -> None:
    assert not is_literal(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mongodb://root:example@mongo:27017/", True),
        ("see https://user:pass@example.org/x for more", True),
        ("mongodb://root@mongo/", False),
        ("mongodb://root:${PASSWORD}@mongo/", False),
        ("http://orthanc:8042/", False),
        ("a:b@c", False),
    ],
)
def test_urls_with_a_login(text: str, expected: bool) -> None:
    assert has_login(text) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"RegisteredUsers": {"a": "x", "b": "y"}}, [("RegisteredUsers", "a"), ("RegisteredUsers", "b")]),
        ({"RegisteredUsers": {"a": "${A}"}}, []),
        ({"PostgreSQL": {"Password": "x", "Username": "u"}}, [("PostgreSQL", "Password")]),
        ({"DicomWeb": {"Servers": {"s": ["https://s/", "u", "x"]}}}, [("DicomWeb", "Servers", "s", 2)]),
        ({"DicomWeb": {"Servers": {"s": {"Url": "https://s/", "Password": "x"}}}},
         [("DicomWeb", "Servers", "s", "Password")]),
        ({"OrthancPeers": {"p": ["http://p/", "u", "x"]}}, [("OrthancPeers", "p", 2)]),
        ({"OrthancPeers": {"p": ["http://p/"]}}, []),
        ({"DicomModalities": {"ct1": ["CT1", "10.0.0.1", 104]}}, []),
        ({"A": [{"Token": "x"}]}, [("A", 0, "Token")]),
        ({"S": {"HttpHeaders": {"Authorization": "Bearer x"}}}, [("S", "HttpHeaders", "Authorization")]),
        ({"Authorization": {"WebServiceRootUrl": "http://a/"}}, []),
        ({"AzureBlobStorage": {"ConnectionString": "AccountName=a;AccountKey=" + "A" * 86}},
         [("AzureBlobStorage", "ConnectionString")]),
        ({"PostgreSQL": {"ConnectionUri": "postgresql://u:x@h/d"}}, [("PostgreSQL", "ConnectionUri")]),
        ([], []),
        ("text", []),
    ],
)  # fmt: skip
def test_secrets_of_a_configuration(value: Any, expected: list[KeyPath]) -> None:
    assert sorted(in_tree(value), key=str) == expected


def test_deep_nesting_is_looked_through() -> None:
    value: Any = {"Password": "x"}
    for _ in range(5000):
        value = [value]
    assert len(list(in_tree(value))) == 1


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("server", "--password", "x"), "--password"),
        (("server", "--password=x"), "--password"),
        (("server", "--password=${P}"), ""),
        (("server", "--password-file", "/run/p"), ""),
        (("server", "--password"), ""),
        (("server", "--password", "--verbose"), ""),
        (("curl", "-u", "a:b", "http://x/"), "-u"),
        (("curl", "-u", "a", "http://x/"), ""),
        (("curl", "http://a:b@x/"), "a URL"),
        (("id", "-u", "root"), ""),
        ((), ""),
    ],
)
def test_commands(words: tuple[str, ...], expected: str) -> None:
    assert in_words(words) == expected


def test_shapes_in_a_text() -> None:
    key = "-----BEGIN " + "PRIVATE KEY-----"
    text = (
        f"one\n{key}\nlocal h = {{ ['Authorization'] = 'Bearer abcdefgh1234' }}\n'Bearer ' .. token\nAKIA{'A' * 16}\n"
    )
    assert list(in_text(text)) == [
        (2, "a private key"),
        (3, "a login in a header"),
        (5, "the key of a service of others"),
    ]


def test_a_long_line_takes_no_time_to_speak_of() -> None:
    assert list(in_text("'Bearer " + "a" * 1_000_000)) == []
    assert list(in_text("x" * 1_000_000 + "-----BEGIN " * 1000)) == []


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("secrets/users.json", None, True),
        ("conf/secret/x", None, True),
        ("conf/.env", None, True),
        ("database.env", None, True),
        ("tls.key", None, True),
        ("orthanc.secret.json", None, True),
        ("conf\\secrets\\users.json", None, True),
        ("orthanc.json", {"Name": "a", "RegisteredUsers": {"a": "b"}}, False),
        ("users.json", {"RegisteredUsers": {"a": "b"}}, True),
        ("users.json", {"RegisteredUsers": {}}, True),
        ("index.json", {"PostgreSQL": {"Host": "h", "Password": "x"}}, True),
        ("orthanc.json", {"Name": "a"}, False),
        ("secrets-of-success/orthanc.json", {"Name": "a"}, False),
        ("orthanc.json", {}, False),
    ],
)
def test_files_that_are_there_for_secrets(file: str, content: Any, expected: bool) -> None:
    tree = document_of(content, file).tree if content is not None else None
    assert is_for_secrets(file, tree) is expected
