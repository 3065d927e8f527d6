"""What a caller sees of a site: port, host, files, web side."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Any

import pytest

from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.reached import hosts_for, named_hosts
from orthancgen.sheets.build import facts
from orthancgen.sheets.card import card
from orthancgen.sheets.connection import Connection, SiteFacts, Tls
from orthancgen.sheets.load import vendors
from orthancgen.sheets.own_addresses import own_addresses
from tests.support.environments import MINIMAL, PRODUCTION, document, load_text

PLAIN_TOO = {
    "runtime": "compose",
    "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.24"},
    "dicom/plain": {"enabled": True, "port": 104},
    "modalities/us1": {"aet": "US1", "address": "192.0.2.30", "port": 11112},
    "network": {"managed_from": ["192.0.2.0/24"], "firewall": ["nftables"]},
}

HTTPS = {
    "runtime": "compose",
    "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.24"},
    "network": {"managed_from": ["192.0.2.0/24"], "firewall": ["nftables"]},
    "http": {"tls": {"enabled": True}},
}
"""The gateway ends HTTPS."""


def built(tmp_path: Path, text: str, changes: dict[str, Any] | None = None, **more: Any) -> SiteFacts:
    loaded = load_text(document(text, changes or {}), tmp_path)
    site = loaded.require()
    hosts = more.get("hosts") or named_hosts(site) or ("192.0.2.1",)
    release = more.get("release")
    return facts(build_plan(site), hosts=hosts, release=release, date=more.get("date", "2026-11-27"))


def connection(site: SiteFacts, name: str | None) -> Connection:
    return next(one for one in site.connections if one.modality == name)


def test_a_modality_by_tls_gets_the_files_of_its_bundle(tmp_path: Path) -> None:
    site = built(tmp_path, PRODUCTION, {"certificates": {"names": ["pacs.example", "192.0.2.5"]}})
    assert connection(site, "ct1") == Connection(
        modality="ct1",
        description=None,
        called_aet="ORTHANC",
        hosts=("pacs.example", "192.0.2.5"),
        port=2762,
        way="direct",
        tls=Tls(True, "ca.pem", "ct1.crt.pem", "ct1.key.pem", "orthancgen certs bundle prod ct1 -o ct1-files"),
        own_aet="CT1",
        own_address="192.0.2.10",
        own_port=104,
        called_back_by_tls=True,
        may=("echo", "store"),
        only_own_address=True,
        exact_case=False,
    )


@pytest.mark.parametrize(
    ("changes", "url", "elsewhere"),
    [
        ({}, None, False),
        ({"viewer": {"enabled": True}}, "http://127.0.0.1:5173/", False),
        ({"viewer": {"enabled": True, "listen_on": "0.0.0.0"}, **HTTPS}, "https://pacs.example:5173/", True),
        (
            {"viewer": {"enabled": True, "listen_on": "192.0.2.5", "port": 443}, **HTTPS},
            "https://pacs.example:443/",
            True,
        ),
    ],
)
def test_the_address_of_the_viewer(tmp_path: Path, changes: dict[str, Any], url: str | None, elsewhere: bool) -> None:
    more = {"certificates": {"names": ["pacs.example"]}, "orthanc/plugins": ["dicomweb"], **changes}
    site = built(tmp_path, PRODUCTION, more)
    assert (site.web.viewer, site.web.viewer_elsewhere) == (url, elsewhere)
    rows = [row for row in card(site, vendors()).rows if row.value is not None and row.value == url]
    assert len(rows) == (0 if url is None else 1)
    if rows:
        assert (rows[0].note is None) is elsewhere


def test_the_last_connection_is_of_a_newcomer(tmp_path: Path) -> None:
    newcomer = built(tmp_path, PRODUCTION).connections[-1]
    assert (newcomer.modality, newcomer.own_aet, newcomer.own_address, newcomer.own_port) == (None, None, None, None)
    assert newcomer.may == ("echo", "store")
    assert newcomer.tls == Tls(True, "ca.pem", None, None, "orthancgen certs bundle prod MODALITY -o MODALITY-files")
    assert not newcomer.open_to_anyone


def test_where_anyone_may_call_a_newcomer_need_not_register(tmp_path: Path) -> None:
    newcomer = built(tmp_path, MINIMAL).connections[-1]
    assert newcomer.open_to_anyone
    assert newcomer.may == ("echo", "store")
    assert newcomer.tls is None


def test_a_modality_may_what_anybody_may_as_well(tmp_path: Path) -> None:
    site = built(tmp_path, MINIMAL, {"modalities": {"ws": {"aet": "WS", "address": "192.0.2.4", "may": ["find"]}}})
    assert connection(site, "ws").may == ("find", "echo", "store")
    assert not connection(site, "ws").only_own_address


def test_without_client_certificates_only_the_authority_is_needed(tmp_path: Path) -> None:
    tls = {"enabled": True, "client_certificates": "not_asked"}
    site = built(tmp_path, MINIMAL, {"dicom/tls": tls, "modalities": {"ct1": {"aet": "CT1", "address": "192.0.2.4"}}})
    assert connection(site, "ct1").tls == Tls(False, "ca.pem", None, None, "orthancgen certs ca dev > ca.pem")


def test_an_authority_of_the_sites_own_is_not_made_here(tmp_path: Path) -> None:
    site = built(tmp_path, PRODUCTION, {"secrets": {"dicom_tls_trusted": {"file": "/etc/ca.pem"}}})
    tls = connection(site, "ct1").tls
    assert tls is not None
    assert tls.get_them == ""


def test_without_tls_by_the_gateways_plain_listener(tmp_path: Path) -> None:
    site = built(tmp_path, PRODUCTION, PLAIN_TOO)
    plain, tls = connection(site, "us1"), connection(site, "ct1")
    assert (plain.way, plain.port, plain.tls, plain.only_own_address) == ("plain_listener", 104, None, True)
    assert (tls.way, tls.port, tls.tls is not None) == ("direct", 2762, True)


def test_over_the_vpn_by_its_address_of_this_host(tmp_path: Path) -> None:
    site = built(
        tmp_path,
        PRODUCTION,
        {
            "network": {"vpn": {"network": "10.9.0.0/24"}, "profile": "wan"},
            "modalities/far": {"aet": "FAR", "address": "10.9.0.7", "tls": True},
        },
        hosts=("pacs.example",),
    )
    assert (connection(site, "far").way, connection(site, "far").hosts) == ("vpn", ("10.9.0.1",))
    assert (connection(site, "ct1").way, connection(site, "ct1").hosts) == ("direct", ("pacs.example",))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ()),
        ({"dicom/published_on": "192.0.2.9"}, ("192.0.2.9",)),
        ({"dicom/published_on": "127.0.0.1"}, ()),
        ({"dicom/published_on": "0.0.0.0"}, ()),
        ({"dicom/published_on": "::"}, ()),
        ({"dicom/published_on": "192.0.2.9", "certificates": {"names": ["a.example", "b.example"]}},
         ("a.example", "b.example")),
    ],
)  # fmt: skip
def test_hosts_that_the_environment_names(tmp_path: Path, changes: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert named_hosts(load_text(document(MINIMAL, changes), tmp_path).require()) == expected


def test_a_modality_of_this_host_calls_by_loopback(tmp_path: Path) -> None:
    modalities = {"a": {"aet": "A", "address": "127.0.0.1"}, "b": {"aet": "B", "address": "192.0.2.4"}}
    changes = {"modalities": modalities, "certificates": {"names": ["pacs.example", "localhost"]}}
    site = load_text(document(MINIMAL, changes), tmp_path).require()
    assert hosts_for(site, site.modalities["a"], named_hosts(site)) == ("localhost", "127.0.0.1")
    assert hosts_for(site, site.modalities["b"], named_hosts(site)) == ("pacs.example", "localhost")
    assert hosts_for(site, None, ("192.0.2.1",)) == ("192.0.2.1",)


@pytest.mark.parametrize(
    ("http", "names", "expected"),
    [
        ({"listen_on": "127.0.0.1"}, [], (None, "http://127.0.0.1:8042")),
        ({"listen_on": "0.0.0.0"}, [], ("http://192.0.2.1:8042", "http://127.0.0.1:8042")),
        ({"listen_on": "192.0.2.8", "port": 80}, [], ("http://192.0.2.8:80", "http://192.0.2.8:80")),
        ({"listen_on": "2001:db8::8"}, [], ("http://[2001:db8::8]:8042", "http://[2001:db8::8]:8042")),
        ({"listen_on": "::", "tls": {"enabled": True}}, ["pacs.example"],
         ("https://pacs.example:8042", "https://[::1]:8042")),
        ({"listen_on": "192.0.2.8", "tls": {"enabled": True}}, ["pacs.example"],
         ("https://pacs.example:8042", "https://192.0.2.8:8042")),
    ],
)  # fmt: skip
def test_the_web_side(tmp_path: Path, http: dict[str, Any], names: list[str], expected: tuple[str | None, str]) -> None:
    web = built(tmp_path, MINIMAL, {"http": http, "certificates": {"names": names}}).web
    assert (web.orthanc_url, web.local_url) == expected
    assert (web.users, web.secrets) == ((("admin", "administrator"),), (("admin", "admin_password"),))
    assert web.get_password == "orthancgen secrets show dev NAME"
    assert web.https == ("tls" in http)
    assert web.authority == ("https-ca.pem" if "tls" in http else None)


def test_the_fingerprint_is_of_the_values_alone(tmp_path: Path) -> None:
    first = built(tmp_path, PRODUCTION, release=3, date="2026-01-01").issue
    later = built(tmp_path, PRODUCTION, release=4, date="2026-02-02").issue
    other = built(tmp_path, PRODUCTION, {"modalities/ct1/port": 11112}, release=4, date="2026-02-02").issue
    assert (first.release, first.date) == (3, "2026-01-01")
    assert first.fingerprint == later.fingerprint != other.fingerprint
    assert len(first.fingerprint) == 12


def test_a_sheet_without_a_host_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    site = load_text(MINIMAL, tmp_path).require()
    with pytest.raises(ValueError, match="host"):
        facts(build_plan(site), hosts=(), release=None, date="2026-11-27")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ((), None)),
        ({"AcceptedTransferSyntaxes": ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]},
         (("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"), None)),
        ({"AcceptedTransferSyntaxes": ["1.2.840.10008.1.*"]}, ((), None)),
        ({"AcceptedTransferSyntaxes": "1.2.840.10008.1.2"}, (("1.2.840.10008.1.2",), None)),
        ({"IngestTranscoding": "1.2.840.10008.1.2.4.70"}, ((), "1.2.840.10008.1.2.4.70")),
    ],
)  # fmt: skip
def test_transfer_syntaxes_that_the_settings_name(
    tmp_path: Path, settings: dict[str, Any], expected: tuple[tuple[str, ...], str | None]
) -> None:
    newcomer = built(tmp_path, MINIMAL, {"orthanc/settings": settings}).connections[-1]
    assert (newcomer.transfer_syntaxes, newcomer.transcoded_to) == expected


@pytest.mark.parametrize("ipv6", [False, True])
def test_addresses_of_this_host_are_its_own(ipv6: bool) -> None:
    found = [ipaddress.ip_address(one) for one in own_addresses(ipv6=ipv6)]
    assert found
    assert [one.version for one in found] == sorted(one.version for one in found)
    assert ipv6 or all(one.version == 4 for one in found)
    for one in found:
        with socket.socket(socket.AF_INET if one.version == 4 else socket.AF_INET6) as bound:
            bound.bind((str(one), 0))  # only an address of the host's own can be bound
