"""WireGuard's configurations: no key in the bundle, the right one in each file, and real `wg` reads them."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orthancgen.errors import InputError, RenderError
from orthancgen.firewall.policy import policy
from orthancgen.firewall.wireguard import SERVER_FILE, WIREGUARD, server_conf
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.render.quoting import wireguard
from orthancgen.secrets.store import generate
from orthancgen.secrets.value import SecretValue
from orthancgen.vpn.keys import public_key
from orthancgen.vpn.write import write_configurations
from tests.support.environments import MINIMAL, NEWEST, site_of
from tests.support.servers import require_program

OWN_PRIVATE = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
OWN_KEY = "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="
"""Bob's keys of RFC 7748 section 6.1, the private one in hexadecimal."""
CT = {"aet": "CT1", "address": "10.8.0.2"}
VPN = {"network": "10.8.0.0/24", "endpoint": "vpn.hospital.example"}
LISTED = {"modalities": {"ct1": CT}, "network": {"vpn": VPN, "firewall": ["wireguard"]}}


def planned(changes: dict[str, Any] | None = None) -> Plan:
    return plan(site_of(MINIMAL, {**LISTED, **(changes or {})}), NEWEST)


def keys(of: Plan) -> dict[str, SecretValue]:
    return {secret.name: generate("wireguard") for secret in of.secrets if secret.purpose == "wireguard"}


def values(text: str) -> list[tuple[str, str]]:
    """Every key and its value, without comments."""
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", "["))]
    return [(key, value) for key, _, value in (line.partition(" = ") for line in lines)]


def test_the_bundle_has_no_key() -> None:
    text = server_conf(planned())
    assert values(text) == [("Address", "10.8.0.1/24"), ("ListenPort", "51820"), ("AllowedIPs", "10.8.0.2/32")]
    assert "# PrivateKey = the secret vpn_private_key\n" in text
    assert "# PublicKey = follows from the secret vpn_ct1_key\n" in text
    assert not re.search(r"[A-Za-z0-9+/]{43}=", text)
    assert [file.build(planned(), policy(planned())) for file in WIREGUARD.files] == [text]


def test_each_file_has_its_own_key(tmp_path: Path) -> None:
    site = planned()
    secrets = keys(site)
    paths = write_configurations(site, secrets, tmp_path / "vpn")
    assert [path.name for path in paths] == [SERVER_FILE, "peer-ct1.conf"]
    assert {path.stat().st_mode & 0o7777 for path in paths} == {0o600}
    assert (tmp_path / "vpn").stat().st_mode & 0o7777 == 0o700
    host, peer = secrets["vpn_private_key"], secrets["vpn_ct1_key"]
    assert values(paths[0].read_text()) == [
        ("Address", "10.8.0.1/24"),
        ("ListenPort", "51820"),
        ("PrivateKey", host.reveal()),
        ("PublicKey", public_key("peer", peer)),
        ("AllowedIPs", "10.8.0.2/32"),
    ]
    assert values(paths[1].read_text()) == [
        ("Address", "10.8.0.2/32"),
        ("PrivateKey", peer.reveal()),
        ("PublicKey", public_key("host", host)),
        ("Endpoint", "vpn.hospital.example:51820"),
        ("AllowedIPs", "10.8.0.1/32"),
        ("PersistentKeepalive", "25"),
    ]


def test_a_peer_with_a_key_of_its_own_gets_none(tmp_path: Path) -> None:
    site = planned({"network": {"vpn": {**VPN, "peers": {"ct1": {"public_key": OWN_KEY}}}, "firewall": ["wireguard"]}})
    assert ("PublicKey", OWN_KEY) in values(server_conf(site))
    secrets = keys(site)
    assert list(secrets) == ["vpn_private_key"]
    host, peer = (path.read_text() for path in write_configurations(site, secrets, tmp_path))
    assert ("PublicKey", OWN_KEY) in values(host)
    assert f"# PrivateKey = of the public key {OWN_KEY}\n" in peer
    assert "PrivateKey" not in dict(values(peer))


def test_ipv6(tmp_path: Path) -> None:
    vpn = {"network": "fd00:8::/64", "endpoint": "2001:db8::5", "port": 4500}
    site = planned(
        {"modalities": {"ct1": {**CT, "address": "fd00:8::2"}}, "network": {"vpn": vpn, "firewall": ["wireguard"]}}
    )
    host, peer = (dict(values(path.read_text())) for path in write_configurations(site, keys(site), tmp_path))
    assert (host["Address"], host["AllowedIPs"]) == ("fd00:8::1/64", "fd00:8::2/128")
    assert (peer["Endpoint"], peer["AllowedIPs"]) == ("[2001:db8::5]:4500", "fd00:8::1/128")


def test_only_the_modalities_of_the_vpn_are_peers() -> None:
    site = planned({"modalities": {"mr1": {"aet": "MR1", "address": "192.0.2.7"}, "ct1": CT}})
    assert server_conf(site).count("[Peer]") == 1


def test_public_keys_are_those_of_the_tool() -> None:
    wg = require_program("wg", "apt-get install wireguard-tools")
    for _ in range(20):
        private = generate("wireguard")
        told = subprocess.run([wg, "pubkey"], input=private.reveal(), capture_output=True, text=True, check=True)
        assert public_key("k", private) == told.stdout.strip()


def test_public_key_of_the_standard() -> None:
    assert public_key("k", SecretValue(base64.b64encode(bytes.fromhex(OWN_PRIVATE)).decode())) == OWN_KEY


def test_wg_quick_reads_the_files(tmp_path: Path) -> None:
    """`strip` prints what wg itself gets: the addresses are wg-quick's own, the rest stays."""
    wg_quick = require_program("wg-quick", "apt-get install wireguard-tools")
    site = planned()
    for path in write_configurations(site, keys(site), tmp_path):
        done = subprocess.run([wg_quick, "strip", str(path)], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert values(done.stdout) == [(key, value) for key, value in values(path.read_text()) if key != "Address"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "vpn_ct1_key"),
        ("not base64 at all", "vpn_ct1_key"),
        (base64.b64encode(bytes(31)).decode(), "vpn_ct1_key"),
        (base64.b64encode(bytes(33)).decode(), "vpn_ct1_key"),
        ("\N{SNOWMAN}" * 44, "vpn_ct1_key"),
    ],
)
def test_what_is_no_key_is_refused_and_not_shown(value: str, said: str, tmp_path: Path) -> None:
    site = planned()
    secrets = {**keys(site), "vpn_ct1_key": SecretValue(value)}
    with pytest.raises(InputError, match=said) as caught:
        write_configurations(site, secrets, tmp_path / "vpn")
    assert not value or value not in str(caught.value)
    assert not (tmp_path / "vpn").exists()


def test_missing_keys_are_all_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vpn_private_key, vpn_ct1_key"):
        write_configurations(planned(), {}, tmp_path)


def test_a_key_of_two_is_refused(tmp_path: Path) -> None:
    site = planned()
    same = generate("wireguard")
    with pytest.raises(InputError, match=r"peers\.ct1: its key is that of this host"):
        write_configurations(site, dict.fromkeys(keys(site), same), tmp_path)
    two = {"ct1": CT, "mr1": {"aet": "MR1", "address": "10.8.0.3"}}
    both = {"ct1": {"public_key": OWN_KEY}, "mr1": {"public_key": OWN_KEY}}
    site = planned({"modalities": two, "network": {"vpn": {**VPN, "peers": both}, "firewall": ["wireguard"]}})
    with pytest.raises(InputError, match=r"peers\.mr1: its key is that of ct1"):
        write_configurations(site, keys(site), tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"network": {}}, "no VPN"),
        ({"network": {"vpn": {"network": "10.8.0.0/24"}, "firewall": ["wireguard"]}}, "where to call"),
        ({"modalities": {}}, "no peer"),
        (
            {
                "modalities": {"a": CT, "A": {"aet": "B", "address": "10.8.0.3"}},
                "network": {
                    "vpn": {**VPN, "peers": {"A": {"private_key": {"secret": "other"}}}},
                    "firewall": ["wireguard"],
                },
            },
            "where case does not count",
        ),
    ],
)
def test_what_cannot_be_written_says_why(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    site = planned(changes)
    secrets = {"vpn_private_key": generate("wireguard"), **keys(site)}
    with pytest.raises(InputError, match=said) as caught:
        write_configurations(site, secrets, tmp_path / "vpn")
    assert caught.value.hint
    assert not (tmp_path / "vpn").exists()


def test_nothing_is_half_written(tmp_path: Path) -> None:
    (tmp_path / "peer-ct1.conf").mkdir()
    with pytest.raises(RenderError, match=r"peer-ct1\.conf"):
        write_configurations(planned(), keys(planned()), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["peer-ct1.conf"]


def test_allowed_sources_need_a_firewall_of_the_host() -> None:
    vpn = {**VPN, "allowed_sources": ["192.0.2.0/24"]}
    alone = planned({"network": {"vpn": vpn, "firewall": ["wireguard"]}})
    assert [one.what for one in WIREGUARD.unexpressed(alone, policy(alone))] == ["network.vpn.allowed_sources"]
    rules = {"vpn": vpn, "firewall": ["wireguard", "nftables"], "managed_from": ["192.0.2.0/24"]}
    both = planned({"network": rules})
    assert list(WIREGUARD.unexpressed(both, policy(both))) == []
    assert list(WIREGUARD.unexpressed(planned(), policy(planned()))) == []


@pytest.mark.parametrize("value", ["", "a b", "a\nPostUp = touch /tmp/x", "a#b", "a,b", "k;l", "\N{SNOWMAN}"])
def test_what_the_syntax_cannot_carry_is_refused(value: str) -> None:
    with pytest.raises(RenderError):
        wireguard(value)
