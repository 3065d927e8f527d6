"""`orthancgen firewall` as its users call it, on a host of its own; whether it was obeyed is asked of packets."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from orthancgen.firewall.policy import policy
from orthancgen.plan.build import plan
from tests.support.environments import MINIMAL, load_text
from tests.support.packet_addresses import HOST_PORTS, VPN_PORT, addresses
from tests.support.packets import Rig, running_rig
from tests.support.servers import wait_until

pytestmark = pytest.mark.live

MODALITY, MANAGER = addresses("modality")[0], addresses("manager")[0]
SITE = {
    **yaml.safe_load(MINIMAL),
    "orthanc": {"aet": "ORTHANC", "version": "1.13.0"},
    "dicom": {"port": HOST_PORTS["dicom"][0], "ae_checks": {"calling_aet": "registered"}},
    "modalities": {
        "ct1": {"aet": "CT1", "address": MODALITY},
        "far-1": {"aet": "FAR1", "address": "10.8.0.2"},
        "far-2": {"aet": "FAR2", "address": "10.8.0.3"},
    },
    "network": {
        "managed_from": [f"{MANAGER}/32"],
        "firewall": ["nftables", "wireguard"],
        "vpn": {
            "network": "10.8.0.0/24",
            "port": VPN_PORT,
            "endpoint": "vpn.hospital.example",
            "peers": {"far-2": {"public_key": "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="}},
        },
    },
}


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """A host without a container engine."""
    with running_rig(engine=False) as running:
        yield running


@pytest.fixture
def folder(rig: Rig) -> Path:
    """With the environment; seen by the host."""
    path = rig.folder / "site"
    path.mkdir(exist_ok=True)
    (path / "dev.yaml").write_text(yaml.safe_dump(SITE))
    return path


def run(rig: Rig, folder: Path, *arguments: str, code: int = 0) -> str:
    """A verb of `orthancgen firewall` on the host; what it printed."""
    verb, *options = arguments
    done = rig.run(
        sys.executable, "-m", "orthancgen", "firewall", verb, str(folder / "dev.yaml"), *options,
        ORTHANCGEN_STATE=str(folder / "state"),
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_shown_loaded_on_trial_confirmed_and_undone(rig: Rig, folder: Path) -> None:
    loaded = load_text(yaml.safe_dump(SITE), folder)
    wanted = policy(plan(loaded.require(), loaded.version))
    shown = json.loads(run(rig, folder, "show", "--json"))
    assert [(one["source"], one["port"]) for one in shown["filters"]] == [(it.source, it.port) for it in wanted.filters]
    assert shown["firewalls"] == {"nftables": [], "wireguard": []}
    assert "no rules of orthancgen are in force" in run(rig, folder, "status", code=1)
    run(rig, folder, "check")
    assert rig.differences(None) == []

    assert "or, from a login that is new: orthancgen firewall confirm" in run(
        rig, folder, "apply", "--revert-after", "10"
    )
    assert rig.differences(wanted) == []
    wait_until(lambda: rig.differences(None) == [], what="the rules are taken back")
    assert "the time may have run out" in run(rig, folder, "confirm", code=1)

    run(rig, folder, "apply", "--revert-after", "600")
    run(rig, folder, "confirm")
    assert "in force as written" in run(rig, folder, "status")
    assert rig.differences(wanted) == []
    rig.do("nft", "add", "rule", "inet", "orthancgen", "input", "accept")
    assert "were changed" in run(rig, folder, "status", code=1)
    run(rig, folder, "undo")
    assert rig.differences(None) == []
    assert "orthancgen" not in rig.rules()


def test_what_cannot_be_done_is_said(rig: Rig, folder: Path) -> None:
    site = {**SITE, "network": {**SITE["network"], "firewall": ["nftables", "iptables", "wireguard"]}}
    (folder / "dev.yaml").write_text(yaml.safe_dump(site))
    assert "which one: nftables, iptables?" in run(rig, folder, "apply", code=2)
    assert "ufw is not one of them" in run(rig, folder, "apply", "--dialect", "ufw", code=2)
    site["network"]["firewall"] = []
    (folder / "dev.yaml").write_text(yaml.safe_dump(site))
    assert "lists no firewall" in run(rig, folder, "apply", code=2)
    assert "has no VPN" in run(rig, folder, "vpn", "-o", str(folder / "vpn"), code=2)
    assert "no rules are written" in run(rig, folder, "show")


def test_the_configurations_of_the_vpn(rig: Rig, folder: Path) -> None:
    output = folder / "vpn"
    first = run(rig, folder, "vpn", "-o", str(output))
    files = {path.name: path.read_text() for path in sorted(output.iterdir())}
    assert len(files) == 3
    for path in (output, *output.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path == output else 0o600)
    secrets = {path.name: path.read_text().strip() for path in (folder / "state/dev/secrets").glob("vpn_*")}
    assert set(secrets) == {"vpn_private_key", "vpn_far_1_key"}
    for name, text in files.items():
        held = {secret for secret, value in secrets.items() if value in text}
        own = {"vpn_far_1_key"} if "far-1" in name else set() if "far-2" in name else {"vpn_private_key"}
        assert held == own, name
    assert not any(value in first for value in secrets.values())
    run(rig, folder, "vpn", "-o", str(output))
    assert {path.name: path.read_text() for path in sorted(output.iterdir())} == files
