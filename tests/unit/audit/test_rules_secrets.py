from __future__ import annotations

from typing import Any

import pytest

from orthancgen.foreign.model import PemFile, SecretFile
from tests.unit.audit.set_ups import found, severities, subject

VALUE = "Rt5Yb8Nm2Kq7Wz4Xc9Vd"
KEY = ("-----BEGIN " + "PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").encode()
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def file(
    name: str = "secrets/password", mode: int | None = 0o600, folder: int | None = 0o700, *,
    tracked: bool | None = False, ignored: bool | None = True, age: float | None = None,
) -> SecretFile:  # fmt: skip
    return SecretFile(name, mode, folder, tracked, ignored, age)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (f"environment: {{DB_PASSWORD: {VALUE}}}", 1),
        (f"environment: ['DB_PASSWORD={VALUE}']", 1),
        ("environment: {DB_PASSWORD: 12345678}", 1),
        (f"environment: {{DB_PASSWORD: '${{P:-{VALUE}}}'}}", 1),
        ("environment: {DB_PASSWORD: '${P:-}'}", 0),
        ("environment: {DB_PASSWORD: '${P:-${Q}}'}", 0),
        ("environment: {DB_PASSWORD: '${P}'}", 0),
        ("environment: [DB_PASSWORD]", 0),
        ("environment: {DB_PASSWORD_FILE: /run/secrets/p}", 0),
        ("environment: {DB_PASSWORD: /run/secrets/p}", 0),
        (f"environment: {{URL: 'mongodb://u:{VALUE}@store/'}}", 1),
        (f'environment: {{ORTHANC__REGISTERED_USERS: \'{{"a": "{VALUE}"}}\'}}', 1),
        (f'environment: {{ORTHANC_JSON: \'{{"PostgreSQL": {{"Password": "{VALUE}"}}}}\'}}', 1),
        ('environment: {ORTHANC_JSON: \'{"Name": "a"}\'}', 0),
        ("environment: {ORTHANC_JSON: '{not json'}", 0),
        (f"environment: {{ORTHANC_PASSWORD: {VALUE}}}", 1),
        (f"command: server --token {VALUE}", 1),
        (f"entrypoint: [server, '--token={VALUE}']", 1),
        (f"healthcheck: {{test: 'curl -u a:{VALUE} http://localhost'}}", 1),
        (f"labels: {{'x.token': {VALUE}}}", 1),
        ("labels: ['traefik.http.middlewares.a.basicauth.users=a:$$apr1$$x$$y']", 1),
        ("labels: {'org.site.environment': prod}", 0),
        (f"build: {{context: ., args: {{TOKEN: {VALUE}}}}}", 1),
        ("build: {context: ., args: [TOKEN]}", 0),
    ],
)
def test_secrets_in_a_compose_file(keys: str, expected: int) -> None:
    where = subject(f"services: {{orthanc: {{image: orthancteam/orthanc, {keys}}}}}")
    hits = found("secret-in-compose", where)
    assert [severity for severity, _ in hits] == ["critical"] * expected
    assert all(VALUE not in message for _, message in hits)


def test_a_secret_in_a_config_of_a_compose_file() -> None:
    where = subject(f"""\
        services: {{orthanc: {{image: orthancteam/orthanc}}}}
        configs:
          index: {{content: '{{"PostgreSQL": {{"Password": "{VALUE}"}}}}'}}
          name: {{content: '{{"Name": "a"}}'}}
          file: {{file: ./x.json}}
    """)
    assert len(found("secret-in-compose", where)) == 1


MIXED = {"Name": "Archive", "RegisteredUsers": {"auditor": VALUE}}


@pytest.mark.parametrize(
    ("content", "facts", "expected"),
    [
        (MIXED, file("orthanc.json", tracked=True, ignored=False), ["critical"]),
        (MIXED, file("orthanc.json", tracked=True, ignored=True), ["critical"]),
        (MIXED, file("orthanc.json", tracked=False, ignored=False), []),  # another rule's
        (MIXED, file("orthanc.json", tracked=False, ignored=True), []),
        (MIXED, file("orthanc.json", tracked=None, ignored=None), ["medium"]),
        (MIXED, None, ["medium"]),
        ({"RegisteredUsers": {"auditor": VALUE}}, None, []),  # there for secrets
        ({"Name": "Archive", "RegisteredUsers": {"auditor": "${AUDITOR}"}}, None, []),
    ],
)
def test_secrets_among_settings(content: dict[str, Any], facts: SecretFile | None, expected: list[str]) -> None:
    where = subject(orthanc=content, secret_files=[facts] if facts else [])
    hits = found("secret-in-file", where)
    assert [severity for severity, _ in hits] == expected
    assert all(VALUE not in message for _, message in hits)


@pytest.mark.parametrize(
    ("lua", "expected"),
    [
        (f"SetHttpCredentials('backend', '{VALUE}')", 1),
        ("SetHttpCredentials('backend', settings['Password'])", 0),
        (f"local h = {{ ['Authorization'] = 'Bearer {VALUE}' }}", 1),
        ("local h = { ['Authorization'] = 'Bearer ' .. token }", 0),
    ],
)
def test_secrets_in_a_script(lua: str, expected: int) -> None:
    assert severities("secret-in-file", subject(lua=lua)) == ["critical"] * expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (file(mode=0o600), []),
        (file(mode=0o400), []),
        (file(mode=0o640), ["low"]),
        (file(mode=0o644), ["high"]),
        (file(mode=0o602), ["high"]),
        (file(mode=None), []),
        (file(mode=0o644, tracked=True), []),  # another rule's
        (file("orthanc.json", mode=0o644), ["high"]),
        (file("database.env.example", mode=0o644), []),
    ],
)
def test_modes(facts: SecretFile, expected: list[str]) -> None:
    assert severities("secret-readable-by-others", subject(secret_files=[facts])) == expected


@pytest.mark.parametrize(("content", "expected"), [(KEY, ["high"]), (CERTIFICATE + KEY, ["high"]), (CERTIFICATE, [])])
def test_a_certificate_without_a_key_is_no_secret(content: bytes, expected: list[str]) -> None:
    facts = file("secrets/web.pem", mode=0o644)
    where = subject(secret_files=[facts], pems=[PemFile("secrets/web.pem", content, 0o644)])
    assert severities("secret-readable-by-others", where) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ([file(folder=0o700)], []),
        ([file(folder=0o777)], ["high"]),
        ([file(folder=0o730)], ["high"]),
        ([file(folder=0o755)], ["medium"]),
        ([file(folder=0o750)], ["low"]),
        ([file(folder=None)], []),
        ([file("secrets/a", folder=0o755), file("secrets/b", folder=0o755)], ["medium"]),
        ([file("orthanc.json", folder=0o755)], []),
        ([file("site/.env", folder=0o755)], []),
    ],
)
def test_folders(facts: list[SecretFile], expected: list[str]) -> None:
    assert severities("secret-folder-open", subject(secret_files=facts)) == expected


@pytest.mark.parametrize(
    ("tracked", "ignored", "not_ignored", "in_git"),
    [(False, False, 1, 0), (False, True, 0, 0), (True, False, 0, 1), (True, True, 0, 1), (None, None, 0, 0)],
)
def test_git(tracked: bool | None, ignored: bool | None, not_ignored: int, in_git: int) -> None:
    where = subject(secret_files=[file(tracked=tracked, ignored=ignored)])
    assert len(found("secret-not-ignored", where)) == not_ignored
    assert severities("secret-tracked", where) == ["critical"] * in_git


def test_a_configuration_that_git_tracks_is_no_file_of_secrets() -> None:
    where = subject(orthanc=MIXED, secret_files=[file("orthanc.json", tracked=True, ignored=False)])
    assert found("secret-tracked", where) == []


@pytest.mark.parametrize(("age", "expected"), [(None, []), (365.0, []), (366.0, ["low"])])
def test_ages(age: float | None, expected: list[str]) -> None:
    assert severities("secret-never-rotated", subject(secret_files=[file(age=age)])) == expected
