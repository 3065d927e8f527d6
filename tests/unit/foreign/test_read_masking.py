from __future__ import annotations

import re
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.masking import Kind, MaskedTexts, mask
from orthancgen.foreign.secret_names import is_secret_name, lowered
from orthancgen.site.problems import HIDDEN

SECRET = "Hunter-2-geheim"


def shown(text: str, kind: Kind, *known: str) -> str:
    """The masked text, a # for each hidden character."""
    masked = mask(text, kind, known)
    assert len(masked) == len(text)
    assert [m.start() for m in re.finditer("[\r\n]", masked)] == [m.start() for m in re.finditer("[\r\n]", text)]
    return masked.replace(HIDDEN, "#")


@pytest.mark.parametrize(
    "name",
    [
        "RegisteredUsers", "Password", "POSTGRES_PASSWORD", "passwrd_x_password", "AuthToken", "secret", "ApiKey",
        "X-Api-Key", "Authorization", "HttpHeaders", "ConnectionString", "ORTHANC__POSTGRESQL__CONNECTION_URI",
        "MONGO_INITDB_ROOT_PASSWORD", "passphrase", "DB_PASS", "PGPASS", "WEBHOOK_KEY", "CertificateKeyPassword",
        "SecretKey", "bearer", "AC_REGISTERED_USERS", "basicauth", "cookie", "requirepass", "db_pw",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["Name", "HttpPort", "DicomAet", "AuthenticationEnabled", "proxy_pass", "Key", "passive", "Users"]
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


def test_lower_case_keeps_every_place() -> None:
    assert lowered("AbİẞZ") == "abİẞz"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"Name": "x", "Password": "ab", "Port": 1}', '{"Name": "x", "Password": "##", "Port": 1}'),
        ('{"RegisteredUsers": {"a": "bc", "d": 12}}', '{"RegisteredUsers": {"a": "##", "d": ##}}'),
        ('{"Authorization": {"X": {"Y": ["ab"]}}}', '{"Authorization": {"X": {"Y": ["##"]}}}'),
        ('{"Password": "a\\"b", "B": 1}', '{"Password": "####", "B": 1}'),
        ('{"Password": "ab\n "B": "x"}', '{"Password": ###\n "B": "x"}'),
        ('{"Password": ab}', '{"Password": ##}'),
        ('{"Password" "ab"}', '{"Password" "ab"}'),
        ('{"SslEnabled": true, "TokenRequired": false}', '{"SslEnabled": true, "TokenRequired": false}'),
        ('{"DicomTlsPrivateKey": "/etc/a.key"}', '{"DicomTlsPrivateKey": "/etc/a.key"}'),
        ('{"DicomTlsPrivateKey": "MIIB"}', '{"DicomTlsPrivateKey": "####"}'),
        ('{"OrthancPeers": {"p": ["http://h/", "u", "pw"]}}', '{"OrthancPeers": {"p": ["http://h/",##########]}}'),
        ('{"DicomWeb": {"Servers": {"p": ["h", "u", "pw"]}}}', '{"DicomWeb": {"Servers": {"p": ["h", "#", "##"]}}}'),
        ('{"Url": "http://u:p@h/x"}', '{"Url": "http://###@h/x"}'),
        ('{"Url": "http://u:p@q@h/x"}', '{"Url": "http://#####@h/x"}'),
        ('{"A": 1} // password: ab', '{"A": 1} // password: ##'),
        ('{"A": 1, // "Password": "ab",\n"B": 2}', '{"A": 1, // "Password": #####\n"B": 2}'),
        ('// "RegisteredUsers": {\n// "a": "b"\n// }\n// x\n{}',
         '// "RegisteredUsers": #\n//#########\n//##\n// x\n{}'),
        ('/* "Password":\n"ab" */ {}', '/* "Passw#####\n####### {}'),
        ('{"A": "see Hunter-2-geheim"}', '{"A": "see ###############"}'),
    ],
)  # fmt: skip
def test_json(text: str, masked: str) -> None:
    assert shown(text, "json", SECRET) == masked


def test_yaml() -> None:
    text = dedent("""\
        services:
          o:
            image: a  # the token ab
            secrets: [users]
            environment:
              POSTGRES_PASSWORD: ab
              POSTGRES_PASSWORD_FILE: /run/secrets/pw
              ORTHANC__NAME: shown
              ORTHANC_JSON: |
                {"Name": "c", "RegisteredUsers": {"a": "bc"}}
              ORTHANC__REGISTERED_USERS: |
                {"a": "bc"}
              URL: mongodb://u:pw@h/db
            command: ["--requirepass", "ab", "--password=cd", -v]
            labels:
            - traefik.basicauth.users=x:y
            - "MY_TOKEN=ab cd"
            healthcheck: {test: "curl -u a:b http://x"}
        secrets:
          users: {file: ./pw}
        """)
    assert shown(text, "yaml") == dedent("""\
        services:
          o:
            image: a  # the token ##
            secrets: [users]
            environment:
              POSTGRES_PASSWORD: ##
              POSTGRES_PASSWORD_FILE: /run/secrets/pw
              ORTHANC__NAME: shown
              ORTHANC_JSON: |
                {"Name": "c", "RegisteredUsers": {"a": "##"}}
              ORTHANC__REGISTERED_USERS: #
        ###################
              URL: mongodb://####@h/db
            command: ["--requirepass", ####, "--password=###, -v]
            labels:
            - traefik.basicauth.users=###
            - "MY_TOKEN=######
            healthcheck: {test: "curl -u ### http://x"}
        secrets:
          users: {file: ./pw}
        """)


def test_ends_of_lines_that_json_has_not_are_taken_out() -> None:
    assert mask('{"A": "\u2028\x85"}', "json") == '{"A": "  "}'


@pytest.mark.parametrize("value", ["!ab", "&ab", "!ab cd", "&ab cd"])
def test_what_yaml_takes_for_a_tag_or_an_anchor_may_be_a_secret(value: str) -> None:
    assert shown(f"password: {value}\nname: x\n", "yaml") == f"password: {'#' * len(value)}\nname: x\n"


def test_yaml_that_is_none_is_masked_by_lines() -> None:
    assert shown("a: [\npassword: ab\nname: c\n", "yaml") == "a: [\npassword: ##\nname: c\n"
    assert shown("password: |\n  ab\n  cd\nname: [c\n", "yaml") == "password: #\n  ##\n  ##\nname: [c\n"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('local password = "ab"\nlocal name = "c"', 'local password = ####\nlocal name = "c"'),
        ('SetHttpCredentials("u",\n  "ab")\nx()', 'SetHttpCredentials(####\n#######\nx()'),
        ('h = {["Authorization"] = "Bearer ab"}', 'h = {["Authorization"] = ############'),
        ('h["X"] = "Basic ab"', 'h["X"] = "Basic ##"'),
        ('local token =\n  "ab"\nx()', 'local token =\n  ####\nx()'),
        ("local secret = [[\nab\n]]\nx()", "local secret = ##\n##\n##\nx()"),
        ("proxy_set_header Authorization ab;", "proxy_set_header Authorization ###"),
        ("location / { proxy_pass http://orthanc:8042; }", "location / { proxy_pass http://orthanc:8042; }"),
        ("DB_PASSWORD='ab'\nDB=c", "DB_PASSWORD=####\nDB=c"),
        ("export TOKEN=ab", "export TOKEN=##"),
        ("PASSWORD_FILE=/run/secrets/x", "PASSWORD_FILE=/run/secrets/x"),
        ("-----BEGIN PRIVATE KEY-----\nab\n-----END PRIVATE KEY-----",
         "-----BEGIN PRIVATE KEY-----\n##\n-----END PRIVATE KEY-----"),
        ('set: \'\\"Password\\": ab\'', 'set: \'\\"Password\\": ###'),
        ("x = Hunter-2-geheim", "x = ###############"),
    ],
)  # fmt: skip
def test_lines(text: str, masked: str) -> None:
    assert shown(text, "lines", SECRET) == masked


def test_a_file_that_is_a_secret() -> None:
    assert shown("ab\ncd\r\n", "secret") == "##\n##\r\n"


def test_common_words_are_not_looked_for_elsewhere() -> None:
    assert shown("image: postgres orthanc", "lines", "postgres", "orthanc", "") == "image: postgres orthanc"


def test_texts_are_masked_when_they_are_asked_for() -> None:
    texts = MaskedTexts({"a.json": '{"Password": "ab"}', "b": f"x {SECRET}"}, {"a.json": "json"}, [SECRET])
    assert set(texts) == {"a.json", "b"}
    assert len(texts) == 2
    assert texts["a.json"].count(HIDDEN) == 2
    assert SECRET not in texts["b"]
    assert texts.get("c", "") == ""


SECRETS = st.text("abcXYZ019!%-", min_size=9, max_size=14).filter(lambda text: not text.isalpha())


@settings(max_examples=200, deadline=None)
@given(SECRETS, st.sampled_from(["json", "yaml", "lines"]), st.text(max_size=20))
def test_no_secret_is_seen_whatever_stands_around_it(secret: str, kind: Kind, around: str) -> None:
    for text in (
        f'{{"Password": "{secret}"}} {around}', f"password: {secret}\n{around}", f"TOKEN={secret}\n{around}",
        f'local secret = "{secret}"\n{around}', f"{around}\npassword: {secret}", f"url: http://u:{secret}@h/{around}",
    ):  # fmt: skip
        if secret not in around and '"' not in around and "/*" not in around:
            assert secret not in mask(text, kind)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["json", "yaml", "lines", "secret"]))
def test_any_text_keeps_its_lines_and_columns(text: str, kind: Kind) -> None:
    masked = mask(text, kind, [SECRET])
    plain = text.removeprefix("\ufeff") if kind != "secret" else text
    assert len(masked) == len(plain)
    assert all(new in (old, HIDDEN, " ") for old, new in zip(plain, masked, strict=True))
