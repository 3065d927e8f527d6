from __future__ import annotations

from typing import Any

import pytest

from orthancgen.audit.rule import SetValue
from orthancgen.foreign.model import Publisher
from tests.unit.audit.set_ups import found, rule, severities, subject

OPEN = {"RemoteAccessAllowed": True}
USERS = {"RegisteredUsers": {"reader": "p8Lm4cHf6gRa0tYe3uVb"}}
TEAM = {"RemoteAccessAllowed": True, "AuthenticationEnabled": True}
"""What orthancteam/orthanc takes where nothing is said."""


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.13.0", OPEN, []),
        ("1.5.8", OPEN, []),
        ("1.5.7", OPEN, ["critical"]),
        ("1.13.0", {**OPEN, "AuthenticationEnabled": False}, ["critical"]),
        ("1.5.7", {**OPEN, "AuthenticationEnabled": True}, []),
        ("1.13.0", {"AuthenticationEnabled": False}, []),
        ("1.13.0", {**OPEN, "AuthenticationEnabled": False, "HttpServerEnabled": False}, []),
        ("1.13.0", {**OPEN, "AuthenticationEnabled": False, "HttpBindAddresses": ["127.0.0.1"]}, ["medium"]),
        ("1.13.0", {**OPEN, "AuthenticationEnabled": "no"}, []),
    ],
)
def test_anonymous_rest_access(version: str, settings: dict[str, Any], wanted: list[str]) -> None:
    assert severities("anonymous-rest-access", subject(orthanc=settings, version=version)) == wanted


@pytest.mark.parametrize(
    ("ports", "wanted"), [("", "high"), ('ports: ["127.0.0.1:8042:8042"]', "high"), ('ports: ["80:8042"]', "critical")]
)
def test_anonymous_rest_access_of_a_container(ports: str, wanted: str) -> None:
    compose = f"""
        services:
          orthanc:
            image: orthancteam/orthanc
            {ports}
    """
    where = subject(compose, orthanc={"AuthenticationEnabled": False}, image_defaults=TEAM, publisher="orthancteam")
    assert severities("anonymous-rest-access", where) == [wanted]


def test_a_login_of_the_proxy_is_one_only_where_nobody_passes_it_by() -> None:
    nginx = "http {{ server {{ listen 443 ssl; {} location / {{ proxy_pass http://127.0.0.1:8042; }} }} }}"
    settings = {**OPEN, "AuthenticationEnabled": False, "HttpBindAddresses": ["127.0.0.1"]}
    for said, wanted in (("auth_basic x;", "medium"), ("", "critical"), ("auth_basic off;", "critical")):
        assert severities("anonymous-rest-access", subject(orthanc=settings, nginx=nginx.format(said))) == [wanted]


@pytest.mark.parametrize(
    ("version", "publisher", "settings", "wanted"),
    [
        ("1.13.0", None, OPEN, ["high"]),
        ("1.12.12", None, OPEN, ["critical"]),
        ("1.10.1", None, OPEN, ["critical"]),
        ("1.5.8", None, OPEN, ["critical"]),
        ("1.5.7", None, OPEN, []),
        ("1.12.9", None, {**OPEN, "RegisteredUsers": {}}, ["medium"]),
        ("1.12.8", None, {**OPEN, "RegisteredUsers": {}}, ["critical"]),
        ("1.10.1", None, {**OPEN, "RegisteredUsers": {}}, ["critical"]),
        ("1.13.0", "orthancteam", {"RegisteredUsers": {}}, ["medium"]),
        ("1.13.0", "orthancteam", {}, ["high"]),
        ("1.13.0", None, {**OPEN, **USERS}, []),
        ("1.13.0", None, {"AuthenticationEnabled": True}, []),
        ("1.10.1", None, {**OPEN, "AuthenticationEnabled": False}, []),
    ],
)
def test_no_registered_user(
    version: str, publisher: Publisher | None, settings: dict[str, Any], wanted: list[str]
) -> None:
    defaults = TEAM if publisher else {}
    where = subject(orthanc=settings, version=version, publisher=publisher, image_defaults=defaults)
    assert severities("no-registered-user", where) == wanted


@pytest.mark.parametrize(
    ("users", "wanted"),
    [
        ({"a": "k3Wz7vQy1nT5bXr9"}, []),
        ({"a": "k3Wz7vQy1nT5bXr"}, ["medium"]),
        ({"a": "k3Wz7vQy1nT"}, ["high"]),
        ({"a": ""}, ["critical"]),
        ({"administrator": "rotartsinimda"}, ["high"]),
        ({"administrator123456": "Administrator123456"}, ["high"]),
        ({"a": "aaaabbbbccccdddd"}, ["high"]),
        ({"a": "k3Wz7vQy1nT5bXr9", "b": "k3Wz7vQy1nT5bXr9", "c": "k3Wz7vQy1nT5bXr9"}, ["high", "high"]),
        ({"orthanc": "orthanc"}, []),
        ({"a": 12345678901234567890}, []),
    ],
)
def test_weak_password(users: dict[str, Any], wanted: list[str]) -> None:
    where = subject(orthanc={**OPEN, "RegisteredUsers": users})
    assert severities("weak-password", where) == wanted
    for _, message in found("weak-password", where):
        assert not any(str(password) in message for password in users.values() if password)


@pytest.mark.parametrize("name", ["known-password", "weak-password", "unusable-user", "users-without-roles"])
@pytest.mark.parametrize("off", [{"HttpServerEnabled": False}, {"AuthenticationEnabled": False}])
def test_users_do_not_matter_where_nobody_logs_in(name: str, off: dict[str, Any]) -> None:
    users = {"orthanc": "orthanc", "a:b": "c", "d": 3}
    assert severities(name, subject(orthanc={**OPEN, "RegisteredUsers": users})) != []
    assert severities(name, subject(orthanc={**OPEN, "RegisteredUsers": users, **off})) == []


@pytest.mark.parametrize(
    ("version", "users", "words"),
    [
        ("1.13.0", {"a:b": "c"}, "does not start"),
        ("1.12.9", {"a:b": "c"}, "part of the password"),
        ("1.13.0", {"a": 3}, "does not start"),
        ("1.12.7", {"a": 3}, "later versions"),
        ("1.13.0", {"": "c"}, "no name"),
        ("1.13.0", {"a\x1f": "c"}, "control character"),
        ("1.13.0", ["a"], "no object"),
    ],
)
def test_unusable_user(version: str, users: Any, words: str) -> None:
    [(_, message)] = found("unusable-user", subject(orthanc={**OPEN, "RegisteredUsers": users}, version=version))
    assert words in message


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (OPEN, ["critical"]),
        ({}, []),
        ({**OPEN, "SslEnabled": True}, []),
        ({**OPEN, "HttpBindAddresses": ["127.0.0.1"]}, []),
        ({**OPEN, "HttpServerEnabled": False}, []),
    ],
)
def test_http_without_tls(settings: dict[str, Any], wanted: list[str]) -> None:
    assert severities("http-without-tls", subject(orthanc=settings)) == wanted


def test_beside_a_proxy_with_tls_the_open_port_is_another_fault() -> None:
    nginx = "http { server { listen 443 ssl; location / { proxy_pass http://127.0.0.1:8042; } } }"
    where = subject(orthanc=OPEN, nginx=nginx)
    assert severities("http-without-tls", where) == []
    assert severities("http-on-every-address", where) == ["medium"]
    assert severities("http-on-every-address", subject(orthanc=OPEN)) == []
    assert severities("http-on-every-address", subject(orthanc={}, nginx=nginx)) == []


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.13.0", {"SslEnabled": True, "SslMinimumProtocolVersion": 3}, ["high"]),
        ("1.13.0", {"SslEnabled": True, "SslMinimumProtocolVersion": 4}, []),
        ("1.13.0", {"SslEnabled": True}, []),
        ("1.13.0", {"SslMinimumProtocolVersion": 0}, []),
        ("1.8.1", {"SslEnabled": True, "SslMinimumProtocolVersion": 0}, []),
    ],
)
def test_old_https_version(version: str, settings: dict[str, Any], wanted: list[str]) -> None:
    assert severities("old-https-version", subject(orthanc=settings, version=version)) == wanted


@pytest.mark.parametrize(
    ("version", "publisher", "settings", "wanted"),
    [
        ("1.13.0", None, {}, []),
        ("1.13.0", None, {"RestApiWriteToFileSystemEnabled": True}, ["high"]),
        ("1.13.0", None, {**OPEN, "RestApiWriteToFileSystemEnabled": True}, ["critical"]),
        ("1.11.3", "jodogne", OPEN, ["critical"]),
        ("1.11.3", "jodogne", {**OPEN, "RestApiWriteToFileSystemEnabled": False}, ["critical"]),
        ("1.10.1", None, OPEN, []),
        ("1.10.1", "debian", OPEN, []),
        ("1.10.1", "jodogne", OPEN, ["critical"]),
        ("1.11.3", None, {"HttpServerEnabled": False}, []),
    ],
)
def test_files_over_rest(
    version: str, publisher: Publisher | None, settings: dict[str, Any], wanted: list[str]
) -> None:
    where = subject(orthanc=settings, version=version, publisher=publisher)
    assert severities("files-over-rest", where) == wanted


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.13.0", {}, []),
        ("1.13.0", {"ExecuteLuaEnabled": True}, ["high"]),
        ("1.13.0", {**OPEN, "ExecuteLuaEnabled": True}, ["critical"]),
        ("1.5.7", OPEN, ["critical"]),
        ("1.5.8", OPEN, []),
        ("1.5.7", {"HttpServerEnabled": False}, []),
    ],
)
def test_lua_over_rest(version: str, settings: dict[str, Any], wanted: list[str]) -> None:
    assert severities("lua-over-rest", subject(orthanc=settings, version=version)) == wanted


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.13.0", {}, ["medium"]),
        ("1.8.0", {}, ["medium"]),
        ("1.7.4", {}, []),
        ("1.13.0", {"WebDavEnabled": False}, []),
        ("1.13.0", {"WebDavDeleteAllowed": True}, ["high"]),
        ("1.13.0", {"HttpServerEnabled": False}, []),
    ],
)
def test_web_dav_enabled(version: str, settings: dict[str, Any], wanted: list[str]) -> None:
    assert severities("web-dav-enabled", subject(orthanc=settings, version=version)) == wanted


@pytest.mark.parametrize(
    ("limit", "settings", "wanted"),
    [
        ("mem_limit: 4g", {}, 1),
        ("mem_limit: 16g", {}, 0),
        ("mem_limit: 8192m", {}, 0),
        ("mem_limit: 8589934592", {}, 0),
        ("deploy: {resources: {limits: {memory: 5000M}}}", {}, 1),
        ("deploy: {resources: {limits: {memory: 5000M}}}", {"MaximumRequestBodySizeMB": 100}, 0),
        ("mem_limit: lots", {}, 0),
        ("cpus: 1", {"MaximumRequestBodySizeMB": 0, "MaximumFileSizeInArchiveMB": 0}, 2),
    ],
)
def test_unlimited_requests(limit: str, settings: dict[str, Any], wanted: int) -> None:
    where = subject(f"services: {{orthanc: {{image: orthanc, {limit}}}}}", orthanc=settings)
    assert len(found("unlimited-requests", where)) == wanted
    before = subject(f"services: {{orthanc: {{image: orthanc, {limit}}}}}", orthanc=settings, version="1.12.10")
    assert found("unlimited-requests", before) == []


@pytest.mark.parametrize(
    ("version", "settings", "wanted"),
    [
        ("1.12.5", {"OrthancPeers": {"a": ["https://a.example/"]}}, 1),
        ("1.12.5", {"OrthancPeers": {"a": ["http://a.example/"]}}, 0),
        ("1.12.5", {"DicomWeb": {"Servers": {"a": {"Url": "https://a.example/"}}}}, 1),
        ("1.12.5", {"DicomWeb": {"Enable": False, "Servers": {"a": ["https://a.example/"]}}}, 0),
        ("1.12.5", {"OrthancPeers": {"a": ["https://a.example/"]}, "HttpsCACertificates": "/ca.pem"}, 0),
        ("1.12.5", {"OrthancPeers": {"a": ["https://a.example/"]}, "HttpsVerifyPeers": False}, 0),
        ("1.12.5", {"OrthancPeers": {"a": ["https://a.example/"]}, "OrthancPeersInDatabase": True}, 0),
        ("1.12.6", {"OrthancPeers": {"a": ["https://a.example/"]}}, 0),
    ],
)
def test_no_https_authorities(version: str, settings: dict[str, Any], wanted: int) -> None:
    assert len(found("no-https-authorities", subject(orthanc=settings, version=version))) == wanted


@pytest.mark.parametrize(
    ("name", "key", "before", "after"),
    [
        ("anonymous-rest-access", "AuthenticationEnabled", {**OPEN, "AuthenticationEnabled": False}, True),
        ("old-https-version", "SslMinimumProtocolVersion", {"SslEnabled": True, "SslMinimumProtocolVersion": 1}, 4),
        ("https-servers-not-verified", "HttpsVerifyPeers", {"HttpsVerifyPeers": False}, True),
        ("lua-over-rest", "ExecuteLuaEnabled", {"ExecuteLuaEnabled": True}, False),
        ("files-over-rest", "RestApiWriteToFileSystemEnabled", {"RestApiWriteToFileSystemEnabled": True}, False),
        ("web-dav-enabled", "WebDavEnabled", {}, False),
        ("patient-data-in-logs", "DeidentifyLogs", {"DeidentifyLogs": False}, True),
        ("patient-data-in-logs", "HttpVerbose", {"HttpVerbose": True}, False),
        ("http-request-without-timeout", "HttpRequestTimeout", {"HttpRequestTimeout": 0}, 30),
        ("no-checksums", "StoreMD5ForAttachments", {"StoreMD5ForAttachments": False}, True),
        ("association-without-limit", "DicomScpTimeout", {"DicomScpTimeout": 0}, 30),
    ],
)
def test_a_certain_remedy_mends_it(name: str, key: str, before: dict[str, Any], after: object) -> None:
    [hit] = rule(name).find(subject(orthanc=before))
    assert hit.fix == SetValue("orthanc.json", (key,), after)
    assert found(name, subject(orthanc={**before, key: after})) == []
