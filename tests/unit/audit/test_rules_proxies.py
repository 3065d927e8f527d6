from __future__ import annotations

from typing import Any

import pytest

from orthancgen.audit.looking_nginx import effective, every, location_of, refuses, tls_servers
from orthancgen.audit.looking_web_proxies import passages
from orthancgen.foreign.model import Directive
from tests.unit.audit.set_ups import found, severities, subject

GOOD = "ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256;"


def server(inside: str, listen: str = "443 ssl", around: str = "") -> str:
    return f"http {{ {around} server {{ listen {listen}; {inside} }} }}"


def directive_of(text: str) -> Directive:
    """The first server of a text."""
    where = subject(nginx=text)
    return next(one for one in every(where.target.proxies[0].directives) if one.name == "server")


@pytest.mark.parametrize(
    ("inside", "around", "expected"),
    [
        ("ssl_protocols TLSv1.2 TLSv1.3;", "", []),
        ("ssl_protocols TLSv1.3;", "", []),
        ("ssl_protocols TLSv1 TLSv1.2;", "", ["high"]),
        ("ssl_protocols SSLv3;", "", ["high"]),
        ("", "ssl_protocols TLSv1.1;", ["high"]),
        ("ssl_protocols TLSv1.2;", "ssl_protocols TLSv1.1;", []),  # the inner one holds
        ("", "", ["low"]),  # no version is known
    ],
)
def test_versions_of_tls(inside: str, around: str, expected: list[str]) -> None:
    assert severities("proxy-old-tls", subject(nginx=server(inside, around=around))) == expected


def test_a_server_without_tls_has_no_version() -> None:
    where = subject(nginx=server("ssl_protocols TLSv1;", listen="80"))
    assert list(tls_servers(where)) == []
    assert found("proxy-old-tls", where) == found("proxy-weak-ciphers", where) == []


@pytest.mark.parametrize(
    ("image", "expected"),
    [("nginx:1.26.3", ["high"]), ("nginx:1.27.3", []), ("nginx:1.28.0-alpine", []), ("nginx", ["low"])],
)
def test_versions_by_default(image: str, expected: list[str]) -> None:
    compose = f"services: {{web: {{image: '{image}', volumes: ['./nginx.conf:/etc/nginx/nginx.conf:ro']}}}}"
    assert severities("proxy-old-tls", subject(compose, nginx=server(""))) == expected


@pytest.mark.parametrize(
    ("ciphers", "expected"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305", 0),
        ("ECDHE-RSA-AES128-GCM-SHA256:!aNULL:!MD5", 0),
        ("HIGH:!aNULL:!MD5", 1),
        ("ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA", 1),
        ("ECDHE-RSA-AES128-SHA", 1),
        ("DES-CBC3-SHA", 1),
    ],
)
def test_ciphers(ciphers: str, expected: int) -> None:
    where = subject(nginx=server(f"ssl_protocols TLSv1.2; ssl_ciphers '{ciphers}';"))
    assert len(found("proxy-weak-ciphers", where)) == expected


def test_ciphers_by_default_and_of_tls_1_3_alone() -> None:
    assert len(found("proxy-weak-ciphers", subject(nginx=server("ssl_protocols TLSv1.2;")))) == 1
    assert found("proxy-weak-ciphers", subject(nginx=server("ssl_protocols TLSv1.3;"))) == []


def test_one_fault_for_all_servers_is_told_once() -> None:
    text = "http { ssl_protocols TLSv1; ssl_ciphers HIGH; server { listen 443 ssl; } server { listen 444 ssl; } }"
    assert len(found("proxy-old-tls", subject(nginx=text))) == 1
    assert len(found("proxy-weak-ciphers", subject(nginx=text))) == 1


NATIVE: dict[str, Any] = {"RemoteAccessAllowed": False}
PASS = "location / { proxy_pass http://127.0.0.1:8042; }"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (server(PASS, "80"), 1),
        (server(PASS, "443 ssl"), 0),
        (server(PASS, "127.0.0.1:80"), 0),
        (server("return 301 https://$host$request_uri;", "80"), 0),
        (server("location / { proxy_pass http://127.0.0.1:3000; }", "80"), 0),
        (server(PASS, "443 ssl; listen 80"), 1),
        (
            "http { upstream o { server 127.0.0.1:8042; } server { listen 80; location / { proxy_pass http://o; } } }",
            1,
        ),
    ],
)
def test_unencrypted_ways_in(text: str, expected: int) -> None:
    assert severities("proxy-without-tls", subject(orthanc=NATIVE, nginx=text)) == ["critical"] * expected


@pytest.mark.parametrize(
    ("inside", "settings", "expected"),
    [
        (PASS, {}, ["critical"]),
        (PASS, {"AuthenticationEnabled": True, "RegisteredUsers": {"a": "b"}}, []),
        (PASS, {"RemoteAccessAllowed": True, "AuthenticationEnabled": False}, []),  # another rule's
        ("auth_basic Archive; " + PASS, {}, []),
        ("auth_basic off; " + PASS, {}, ["critical"]),
        ("ssl_verify_client on; " + PASS, {}, []),
        ("ssl_verify_client optional; " + PASS, {}, ["critical"]),
        ("allow 10.0.0.0/8; deny all; " + PASS, {}, ["high"]),
        ("deny 10.0.0.1; " + PASS, {}, ["critical"]),
    ],
)
def test_logins(inside: str, settings: dict[str, Any], expected: list[str]) -> None:
    where = subject(orthanc={**NATIVE, **settings}, nginx=server(inside))
    assert severities("proxy-without-login", where) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Authorization "Basic cmVhZGVyOnNlY3JldA=="', 1),
        ("authorization 'Bearer abcdef'", 1),
        ("Authorization $http_authorization", 0),
        ('Authorization "Basic $login"', 0),
        ('Authorization ""', 0),
        ("Host $host", 0),
    ],
)
def test_logins_that_are_added(header: str, expected: int) -> None:
    text = server(f"location / {{ proxy_set_header {header}; proxy_pass http://127.0.0.1:8042; }}")
    assert severities("proxy-injects-login", subject(orthanc=NATIVE, nginx=text)) == ["critical"] * expected


def test_a_login_that_is_added_behind_another_is_less_bad_and_never_shown() -> None:
    header = "proxy_set_header Authorization 'Basic c2VjcmV0';"
    inside = f"auth_basic a; location / {{ {header} proxy_pass http://127.0.0.1:8042; }}"
    (severity, message), = found("proxy-injects-login", subject(orthanc=NATIVE, nginx=server(inside)))  # fmt: skip
    assert severity == "high"
    assert "c2VjcmV0" not in message


USERS = {"AuthenticationEnabled": True, "RegisteredUsers": {"a": "b"}}


@pytest.mark.parametrize(
    ("inside", "settings", "expected"),
    [
        (PASS, USERS, ["medium"]),
        (PASS, {**USERS, "ExecuteLuaEnabled": True}, ["high", "medium"]),
        (PASS, {**USERS, "RestApiWriteToFileSystemEnabled": True}, ["high", "medium"]),
        ("location /tools/ { return 403; } " + PASS, {**USERS, "ExecuteLuaEnabled": True}, []),
        ("location = /tools/execute-script { deny all; } " + PASS, {**USERS, "ExecuteLuaEnabled": True}, ["medium"]),
        ("location ~ ^/tools/ { return 404; } " + PASS, {**USERS, "ExecuteLuaEnabled": True}, []),
        ("location ~ /export$ { return 403; } " + PASS, {**USERS, "RestApiWriteToFileSystemEnabled": True}, ["medium"]),
        ("location /dicom-web/ { proxy_pass http://127.0.0.1:8042; }", {**USERS, "ExecuteLuaEnabled": True}, []),
        ("allow 10.0.0.0/8; deny all; " + PASS, {**USERS, "ExecuteLuaEnabled": True}, []),
        (PASS, {**USERS, "Authorization": {"WebServiceRootUrl": "http://auth/"}}, []),
        (PASS, {}, []),  # nobody is asked who he is: another rule's
    ],
)
def test_what_is_passed_on(inside: str, settings: dict[str, Any], expected: list[str]) -> None:
    where = subject(orthanc={**NATIVE, **settings}, nginx=server(inside))
    assert severities("proxy-exposes-everything", where) == expected


def test_before_1_12_0_files_are_written_by_every_user() -> None:
    where = subject(orthanc={**NATIVE, **USERS}, version="1.9.0", nginx=server(PASS))
    assert severities("proxy-exposes-everything", where) == ["high", "medium"]


def test_a_server_that_passes_on_twice_is_told_once() -> None:
    inside = PASS + " location /ui/ { proxy_pass http://127.0.0.1:8042; }"
    assert len(found("proxy-exposes-everything", subject(orthanc={**NATIVE, **USERS}, nginx=server(inside)))) == 1


def test_a_server_for_this_host_alone_exposes_nothing() -> None:
    where = subject(orthanc={**NATIVE, **USERS}, nginx=server(PASS, listen="127.0.0.1:80"))
    assert found("proxy-exposes-everything", where) == []


@pytest.mark.parametrize(("callback", "expected"), [("IncomingHttpRequestFilter", 0), ("OnStoredInstance", 1)])
def test_a_script_that_filters_requests(callback: str, expected: int) -> None:
    settings = {**NATIVE, **USERS, "LuaScripts": ["site.lua"]}
    where = subject(orthanc=settings, nginx=server(PASS), lua=f"function {callback}() end")
    assert len(found("proxy-exposes-everything", where)) == expected


def test_a_path_that_the_server_itself_answers_is_not_passed_on() -> None:
    inside = "location /ui/ { proxy_pass http://127.0.0.1:8042; } return 404;"
    assert found("proxy-exposes-everything", subject(orthanc={**NATIVE, **USERS}, nginx=server(inside))) == []


def test_more_than_one_weak_cipher_is_counted() -> None:
    def said(ciphers: str) -> str:
        where = subject(nginx=server(f"ssl_protocols TLSv1.2; ssl_ciphers {ciphers};"))
        return found("proxy-weak-ciphers", where)[0][1]

    assert said("AES128-SHA:AES256-SHA:RC4-SHA").endswith(", and 2 more")
    assert said("AES128-SHA").endswith("forward secrecy")


@pytest.mark.parametrize(
    ("inside", "settings", "expected"),
    [
        ("client_max_body_size 0;", {}, 1),
        ("client_max_body_size 1g;", {}, 0),
        ("", {}, 0),
        ("client_max_body_size 0; proxy_request_buffering off;", {}, 0),  # 1.13 has a limit by default
        ("client_max_body_size 0; proxy_request_buffering off;", {"MaximumRequestBodySizeMB": 0}, 1),
    ],
)
def test_sizes(inside: str, settings: dict[str, Any], expected: int) -> None:
    where = subject(orthanc={**NATIVE, **settings}, nginx=server(inside + PASS))
    assert severities("proxy-hides-request-limit", where) == ["low"] * expected


def test_without_a_limit_in_orthanc_nginx_must_have_one() -> None:
    text = server("client_max_body_size 0; proxy_request_buffering off;" + PASS)
    assert len(found("proxy-hides-request-limit", subject(orthanc=NATIVE, version="1.12.7", nginx=text))) == 1


@pytest.mark.parametrize(
    ("locations", "path", "expected"),
    [
        ("location / {} location /tools/ { return 403; }", "/tools/shutdown", "/tools/"),
        ("location = /tools/shutdown { return 403; } location ^~ /tools/ {}", "/tools/shutdown", "="),
        ("location ^~ /tools/ {} location ~ shutdown {}", "/tools/shutdown", "^~"),
        ("location /tools/ {} location ~ shutdown {}", "/tools/shutdown", "~"),
        ("location /tools/ {} location ~* \\.php$ {}", "/tools/shutdown", "/tools/"),
        ("location /ui/ {} location @named {}", "/tools/shutdown", ""),
        ("location ~ ((a+)+)+$ {}", "/tools/shutdown", ""),
    ],
)
def test_which_location_serves_a_path(locations: str, path: str, expected: str) -> None:
    one = directive_of(server(locations))
    chosen = location_of(one, path)
    assert (chosen.arguments[0] if chosen is not one else "") == expected


@pytest.mark.parametrize(
    ("inside", "expected"),
    [("return 403;", True), ("return 404;", True), ("deny all;", True), ("return 301 /;", False),
     ("deny 10.0.0.1;", False), ("", False)],
)  # fmt: skip
def test_refusals(inside: str, expected: bool) -> None:
    one = directive_of(server(f"location / {{ {inside} }}"))
    assert refuses(location_of(one, "/")) is expected


def test_the_innermost_directive_holds() -> None:
    where = subject(orthanc=NATIVE, nginx=server("a 2;" + PASS, around="a 1; b 1;"))
    (passage,) = passages(where, where.orthancs[0])
    holds = [effective(passage.through[:-1], name) for name in ("a", "b", "c")]
    assert [one.arguments if one else None for one in holds] == [("2",), ("1",), None]
