from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.model import Directive, NginxFile
from orthancgen.foreign.nginx import MAXIMUM_CHARACTERS, MAXIMUM_DEPTH, MAXIMUM_INCLUDES, parse_nginx
from tests.support.hostile import CORPUS

Plain = tuple[str, tuple[str, ...], tuple["Plain", ...]]

PROXY = dedent(
    """\
    # in front of Orthanc
    upstream orthanc { server orthanc:8042; }
    server {
        listen 443 ssl;  # HTTPS
        server_name pacs.example "other name";
        ssl_protocols TLSv1.2
            TLSv1.3;
        location /orthanc/ {
            proxy_pass http://orthanc/;
            proxy_set_header Host $host;
            if ($request_method = "TRACE") { return 405; }
            content_by_lua_block { if x then y() end }
        }
        location ~* \\.(png|jpg)$ { deny all; }
    }
    """
)


def plain(directives: tuple[Directive, ...]) -> tuple[Plain, ...]:
    return tuple((one.name, one.arguments, plain(one.block)) for one in directives)


def said(file: NginxFile) -> list[str]:
    return [f"{one.place} {one.message}" for one in file.problems]


def test_directives_and_blocks() -> None:
    file = parse_nginx(PROXY, "nginx.conf")
    assert plain(file.directives) == (
        ("upstream", ("orthanc",), (("server", ("orthanc:8042",), ()),)),
        (
            "server",
            (),
            (
                ("listen", ("443", "ssl"), ()),
                ("server_name", ("pacs.example", "other name"), ()),
                ("ssl_protocols", ("TLSv1.2", "TLSv1.3"), ()),
                (
                    "location",
                    ("/orthanc/",),
                    (
                        ("proxy_pass", ("http://orthanc/",), ()),
                        ("proxy_set_header", ("Host", "$host"), ()),
                        ("if", ("($request_method", "=", "TRACE", ")"), (("return", ("405",), ()),)),
                        ("content_by_lua_block", (" if x then y() end ",), ()),
                    ),
                ),
                ("location", ("~*", "\\.(png|jpg)$"), (("deny", ("all",), ()),)),
            ),
        ),
    )
    assert file.problems == ()


def test_places() -> None:
    file = parse_nginx(PROXY, "nginx.conf")
    server = file.directives[1]
    assert (server.mark.line, server.mark.column, server.mark.end_column) == (3, 1, 7)
    assert [(one.mark.line, one.mark.column) for one in server.block] == [(4, 5), (5, 5), (6, 5), (8, 5), (14, 5)]
    assert (server.block[3].block[0].mark.line, server.block[3].block[0].mark.column) == (9, 9)
    crlf = parse_nginx(PROXY.replace("\n", "\r\n"), "nginx.conf")
    assert crlf.directives == file.directives


@pytest.mark.parametrize(
    ("text", "left", "problems"),
    [
        ("server { listen 80", ("server",), ["a.conf:1:1 the block server is not closed"]),
        ("server { listen 80 }", ("server",), ["a.conf:1:10 listen does not end"]),
        ("user a;\n}\nuser b;", ("user",), ["a.conf:2:1 } closes nothing here: not read further"]),
        ("user a", (), ["a.conf:1:1 user does not end"]),
        ("user 'a", (), ["a.conf:1:1 user does not end"]),
        ("http {\n server {\n }", ("http",), ["a.conf:1:1 the block http is not closed"]),
        ("a;\nset_by_lua_block $x y", ("a",), ["a.conf:2:1 a block of Lua does not start with {: not read further"]),
        (";;", (), []),
        ("", (), []),
    ],
)
def test_what_nginx_refuses(text: str, left: tuple[str, ...], problems: list[str]) -> None:
    file = parse_nginx(text, "a.conf")
    assert tuple(one.name for one in file.directives) == left
    assert said(file) == problems


def test_includes_stand_where_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "b.conf").write_text("server { listen 2; include tls; }")
    (tmp_path / "conf.d" / "a.conf").write_text("server {\n  listen 1;\n}")
    (tmp_path / "tls").write_text("ssl_protocols TLSv1.3;")
    text = "http { include conf.d/*.conf; include mime.types; }"
    file = parse_nginx(text, "proxy/nginx.conf", tmp_path)
    assert plain(file.directives[0].block) == (
        ("server", (), (("listen", ("1",), ()),)),
        ("server", (), (("listen", ("2",), ()), ("ssl_protocols", ("TLSv1.3",), ()))),
        ("include", ("mime.types",), ()),
    )
    first, second, _ = file.directives[0].block
    assert (first.block[0].mark.file, first.block[0].mark.line) == ("proxy/conf.d/a.conf", 2)
    assert second.block[1].mark.file == "proxy/tls"
    assert parse_nginx(text, "nginx.conf").directives[0].block[0].name == "include"
    inside = parse_nginx(f"include {tmp_path}/tls;", "nginx.conf", tmp_path)
    assert inside.directives[0].name == "ssl_protocols"


def test_nothing_outside_of_the_folder_is_opened(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    (tmp_path / "secret.conf").write_text("user found;")
    (folder / "inside.conf").write_text("user inside;")
    (folder / "link.conf").symlink_to(tmp_path / "secret.conf")
    for pattern in ("../secret.conf", "../*.conf", "link.conf", "l*.conf", "../site/inside.conf",
                    str(tmp_path / "secret.conf"), "/etc/hosts",
                    "./../secret.conf", "'a\0b'", "/etc/*", "**/../../*.conf"):  # fmt: skip
        file = parse_nginx(f"include {pattern};", "nginx.conf", folder)
        assert [one.name for one in file.directives] == ["include"], pattern


def test_a_circle_of_includes(tmp_path: Path) -> None:
    (tmp_path / "a.conf").write_text("include b.conf;")
    (tmp_path / "b.conf").write_text("user b;\ninclude a.conf;")
    file = parse_nginx("include a.conf;", "nginx.conf", tmp_path)
    assert [one.name for one in file.directives] == ["user", "include"]
    assert said(file) == ["b.conf:2:1 it includes itself"]


def test_includes_that_multiply_are_bounded(tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / f"{number}.conf").write_text(f"include {number + 1}.conf;" * 10)
    (tmp_path / "12.conf").write_text("user a;")
    file = parse_nginx("include 0.conf;", "nginx.conf", tmp_path)
    assert len(file.directives) <= MAXIMUM_INCLUDES * 10


def test_depth_and_length_are_bounded() -> None:
    deep = parse_nginx("a { " * 5000 + "} " * 5000, "a.conf")
    assert said(deep) == [f"a.conf:1:1 nested deeper than {MAXIMUM_DEPTH} blocks: not read further"]
    long = parse_nginx("a;" * MAXIMUM_CHARACTERS, "a.conf")
    assert said(long) == ["a.conf:1:1 with what it includes, longer than 2 Mi characters"]


@pytest.mark.parametrize("value", CORPUS)
def test_hostile_text_is_read(value: str, tmp_path: Path) -> None:
    for text in (value, f"a {value};", f"a '{value}';", f"include {value};", f"{value} {{ }}", f"# {value}\na;"):
        file = parse_nginx(text, "a.conf", tmp_path)
        assert all(one.mark.line >= 1 for one in file.directives)


WORDS = st.sampled_from(
    ["server", "{", "}", ";", " ", "\n", "'", '"', "\\", "#", "$", "${", "include ", "a", "set_by_lua_block "]
)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.text(), st.lists(WORDS, max_size=40).map("".join)))
def test_any_text(text: str) -> None:
    assert parse_nginx(text, "a.conf").file == "a.conf"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 700), st.integers(0, 60), st.text(max_size=6))
def test_a_configuration_with_a_piece_changed(at: int, length: int, put: str) -> None:
    assert parse_nginx(PROXY[:at] + put + PROXY[at + length :], "a.conf").file == "a.conf"
