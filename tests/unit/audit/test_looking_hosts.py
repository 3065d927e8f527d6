from __future__ import annotations

import pytest

from orthancgen.audit.looking_hosts import (
    is_every_address,
    is_public,
    is_this_host,
    names_of,
    split_url,
    stays_on_host,
    urls_in,
)
from tests.support.hostile import CORPUS
from tests.unit.audit.set_ups import subject


@pytest.mark.parametrize(
    ("host", "here", "everywhere", "public"),
    [
        ("127.0.0.1", True, False, False),
        ("127.8.8.8", True, False, False),
        ("[::1]", True, False, False),
        ("localhost", True, False, False),
        ("LocalHost.", True, False, False),
        ("host.docker.internal", True, False, False),
        ("0.0.0.0", False, True, False),
        ("[::]", False, True, False),
        ("", False, True, False),
        ("192.168.10.5", False, False, False),
        ("10.0.0.0/8", False, False, False),
        ("8.8.4.4", False, False, True),
        ("0.0.0.0/0", False, False, True),
        ("::/0", False, False, True),
        ("2606:4700::1111", False, False, True),
        ("archive.example", False, False, False),
        ("not an address", False, False, False),
    ],
)
def test_which_host_it_is(host: str, here: bool, everywhere: bool, public: bool) -> None:
    assert (is_this_host(host), is_every_address(host), is_public(host)) == (here, everywhere, public)


@pytest.mark.parametrize("text", CORPUS)
def test_hostile_texts_are_no_hosts_of_ours(text: str) -> None:
    if not is_every_address(text):
        assert not is_this_host(text) or "localhost" in text or "::1" in text
    split_url(text)
    is_public(text)
    list(urls_in([text]))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://backend:8001/x", "backend"),
        ("HTTPS://Archive.Example", "archive.example"),
        ("http://[::1]:80/", "::1"),
        ("http://h:99999/", None),
        ("ftp://h/", None),
        ("http://", None),
        ("backend:8001", None),
        ("http://[::1", None),
    ],
)
def test_the_parts_of_a_url(url: str, host: str | None) -> None:
    parts = split_url(url)
    assert (parts.hostname if parts else None) == host


def test_what_never_leaves_the_machine() -> None:
    compose = """
        services:
          orthanc: {image: orthancteam/orthanc, networks: [inner]}
          backend: {image: backend, networks: {inner: {aliases: [receiver], ipv4_address: 172.30.1.5}}, hostname: hook}
          other: {image: other, networks: [outer]}
        networks: {inner: {}, outer: {}}
    """
    where = subject(compose, orthanc={})
    orthanc = where.orthancs[0]
    assert names_of(where.target.composes[0].services["backend"]) == {"backend", "receiver", "172.30.1.5", "hook"}
    for host, stays in (
        ("backend", True), ("RECEIVER", True), ("172.30.1.5", True), ("127.0.0.1", True),
        ("other", False), ("backend.example", False), ("172.30.1.6", False),
    ):  # fmt: skip
        assert stays_on_host(where, orthanc, host) is stays, host
    alone = subject(orthanc={})
    assert not stays_on_host(alone, alone.orthancs[0], "backend")
