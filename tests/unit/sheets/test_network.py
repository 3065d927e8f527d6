"""What is said to whoever runs the network: the site's own values, and commands that their programs take."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

import orthancgen.cli.firewall
from orthancgen.cli import cli
from orthancgen.firewall.catalogue import DIALECTS
from orthancgen.firewall.policy import policy
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.sheets.build import facts
from orthancgen.sheets.connection import SiteFacts
from orthancgen.sheets.firewall_commands import COMMANDS
from orthancgen.sheets.network import caller_notes, site_notes
from orthancgen.sheets.sheet import NetworkNote
from tests.support.environments import MINIMAL, NEWEST, document, site_of
from tests.support.servers import require_program

CT: Final = {"aet": "CT1", "address": "192.0.2.10"}
KNOWN: Final = {
    "dicom/ae_checks": {"calling_aet": "registered_from_own_address"},
    "modalities": {"ct1": CT, "ws": {"aet": "WS", "address": "192.0.2.11", "port": 11112, "may": ["move"]}},
    "network": {"managed_from": ["198.51.100.0/24"]},
}
CONTAINERS: Final = {"runtime": "compose", "images": {"orthanc": "orthancteam/orthanc:26.8.1", "mongo": "mongo:8.0.24"}}
VPN: Final = {"network": "10.8.0.0/24", "endpoint": "vpn.example"}
WAN: Final = {
    "dicom/tls": {"enabled": True},
    "modalities": {
        "ct1": {**CT, "tls": True},
        "far": {"aet": "FAR", "address": "10.8.0.2", "tls": True, "may": ["echo", "store"]},
    },
    "network": {"profile": "wan", "vpn": VPN},
}


def of(changes: dict[str, Any], *hosts: str) -> tuple[Plan, SiteFacts]:
    made = plan(site_of(MINIMAL, deepcopy({**KNOWN, **changes})), NEWEST)
    return made, facts(made, hosts=hosts or ("pacs.example", "10.1.2.3"), release=None, date="2027-06-30")


def with_firewall(*names: str) -> dict[str, Any]:
    return {"network/firewall": list(names)}


def said(note: NetworkNote) -> str:
    return note.text.text.format(**note.text.values)


def heading(note: NetworkNote) -> str:
    return note.heading.text.format(**note.heading.values)


def by_heading(notes: tuple[NetworkNote, ...]) -> dict[str, NetworkNote]:
    found = {heading(note): note for note in notes}
    assert len(found) == len(notes), "a heading stands twice"
    return found


def all_notes(made: Plan, site: SiteFacts) -> Iterator[NetworkNote]:
    yield from site_notes(made, site)
    for connection in site.connections:
        yield from caller_notes(made, connection, site)


def test_the_site_s_notes_are_its_policy() -> None:
    made, site = of({})
    notes = by_heading(site_notes(made, site))
    assert notes["What must reach this host"].commands == (
        "198.51.100.0/24 -> tcp 22  (management of this host)",
        "192.0.2.10/32 -> tcp 4242  (modality ct1)",
        "192.0.2.11/32 -> tcp 4242  (modality ws)",
    )
    calls = ("Orthanc -> tcp 192.0.2.10:104  (ct1)", "Orthanc -> tcp 192.0.2.11:11112  (ws)")
    assert notes["What this host itself calls"].commands == calls
    assert notes["No firewall"].commands == ("orthancgen firewall show dev",)
    assert "Inside the building" in notes
    assert not {"Ports of containers", "Which address Orthanc sees"} & set(notes)


def test_both_ways_of_a_caller() -> None:
    made, site = of(with_firewall("nftables"))
    ct1, ws, newcomer = (by_heading(caller_notes(made, one, site)) for one in site.connections)
    assert ct1["From the device to this site"].commands == ("192.0.2.10 -> tcp pacs.example:4242",)
    assert "not needed" in said(ct1["From this site back to the device"])
    assert ws["From this site back to the device"].commands == ("Orthanc -> tcp 192.0.2.11:11112",)
    assert "C-MOVE" in said(ws["From this site back to the device"])
    assert "192.0.2.10 alone" in said(ct1["Which address Orthanc sees"])
    assert said(ct1["nftables: see that it is let in"]).endswith("a line with 192.0.2.10 and port 4242.")
    assert newcomer["From the device to this site"].commands == (
        "orthancgen modalities add dev NAME --aet AE_TITLE --address ADDRESS --port PORT",
        "orthancgen deploy dev",
        "sudo orthancgen firewall apply dev --revert-after 120",
        "sudo orthancgen firewall confirm dev",
    )


def test_anyone_may_call() -> None:
    made, site = of({"dicom/ae_checks": {"calling_aet": "anyone", "anyone_may": ["echo"]}, "modalities": {}})
    notes = by_heading(caller_notes(made, site.connections[-1], site))
    assert notes["From the device to this site"].commands == ("0.0.0.0/0 -> tcp pacs.example:4242",)


def test_containers_and_the_unencrypted_listener() -> None:
    plain = {"dicom/tls": {"enabled": True}, "dicom/plain": {"enabled": True, "port": 104}}
    made, site = of({**CONTAINERS, **plain, **with_firewall("ufw")})
    notes = by_heading(site_notes(made, site))
    published = notes["Ports of containers"]
    assert "`ufw deny`" in said(published)
    assert "4242, 104" in said(published)
    ct1 = by_heading(caller_notes(made, site.connections[0], site))
    assert ct1["From the device to this site"].commands == ("192.0.2.10 -> tcp pacs.example:104",)
    assert ct1["From this site back to the device"].commands == ("gateway -> tcp 192.0.2.10:104",)
    assert ct1["ufw: see that it is let in"].commands == ("sudo iptables -t mangle -S ORTHANCGEN-PUB",)


def test_forwarding_and_vpn_on_a_wan() -> None:
    made, site = of(WAN)
    notes = by_heading(site_notes(made, site))
    assert notes["Port forwarding on the router"].commands == (
        "0.0.0.0/0 -> router udp 51820 -> 10.1.2.3:51820",
        "192.0.2.10/32 -> router tcp 4242 -> 10.1.2.3:4242",
    )
    assert "Why a VPN is better" not in notes
    ct1, far, _ = (by_heading(caller_notes(made, one, site)) for one in site.connections)
    line = ("192.0.2.10/32 -> router tcp 4242 -> 10.1.2.3:4242",)
    assert ct1["Port forwarding on the router"].commands == line
    side = far["The device's side of the VPN"]
    assert side.commands == ("sudo orthancgen firewall vpn dev -o vpn", "ping 10.8.0.1")
    assert "`vpn/peer-far.conf`" in said(side)
    assert "Port forwarding on the router" not in far
    without = by_heading(site_notes(*of({**WAN, "network/vpn": None}, "pacs.example")))
    assert "VPN" in said(without["Why a VPN is better"])
    assert (
        without["Port forwarding on the router"].commands[0]
        == "192.0.2.10/32 -> router tcp 4242 -> INSIDE_ADDRESS:4242"
    )


def test_a_router_that_hides_addresses() -> None:
    hidden = {"callers_arrive": "by_source_nat", "seen_address": "192.0.2.254"}
    made, site = of({"dicom/ae_checks": {"calling_aet": "registered"}, "network": hidden, **with_firewall("nftables")})
    note = by_heading(site_notes(made, site))["Which address Orthanc sees"]
    assert "sees 192.0.2.254 as the address of every caller" in said(note)
    ct1 = by_heading(caller_notes(made, site.connections[0], site))
    assert ct1["Which address Orthanc sees"] == note
    assert said(ct1["nftables: see that it is let in"]).endswith("a line with 192.0.2.254 and port 4242.")


@pytest.mark.parametrize(
    ("name", "commands"),
    [
        ("aws", "terraform -chdir=bundle/firewall/aws apply -var vpc_id=VPC_ID"),
        ("google_cloud", "gcloud compute firewall-rules list --filter=targetTags:orthancgen-dev"),
        (
            "azure",
            "az network nsg rule list --nsg-name orthancgen-dev --resource-group RESOURCE_GROUP_NAME --output table",
        ),
    ],
)
def test_a_cloud_s_group(name: str, commands: str) -> None:
    made, site = of({"dicom/tls": {"enabled": True}, "network/profile": "cloud", **with_firewall(name)})
    notes = site_notes(made, site)
    assert commands in {command for note in notes for command in note.commands}
    assert "Security group of the cloud" in by_heading(notes)
    files = {f"bundle/firewall/{name}/{file.path}" for file in DIALECTS[name].files}
    assert f"bundle/firewall/{name}/main.tf.json" in files
    variables = {word.partition("=")[0] for note in notes for line in note.commands for word in line.split("-var ")[1:]}
    text = next(file for file in DIALECTS[name].files if file.path == "main.tf.json").build(made, policy(made))
    assert variables
    assert all(f'"{variable}": {{' in text for variable in variables)


def test_every_dialect_has_its_commands() -> None:
    assert set(COMMANDS) == set(DIALECTS)


@pytest.mark.parametrize("runtime", ["native", "compose"])
def test_commands_are_shell_and_orthancgen_s_own_are_taken(
    runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialects = [name for name in DIALECTS if name != "windows" or runtime == "native"]
    network = {"managed_from": ["198.51.100.0/24"], "firewall": dialects, "vpn": VPN}
    changes = {**(CONTAINERS if runtime == "compose" else {}), **WAN, "network": network}
    made, site = of(changes)
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/dev.yaml").write_text(document(MINIMAL, deepcopy({**KNOWN, **changes})), "utf-8")
    monkeypatch.chdir(tmp_path)
    ran: list[list[str]] = []
    monkeypatch.setattr(orthancgen.cli.firewall, "_run", lambda *given: ran.append(given[3]))
    replaced = {"NAME": "new1", "AE_TITLE": "NEW1", "ADDRESS": "192.0.2.77", "PORT": "104"}
    commands = {command for note in all_notes(made, site) if note.language == "sh" for command in note.commands}
    shell = shutil.which("sh") or "/bin/sh"
    own = 0
    for command in sorted(commands):
        assert subprocess.run([shell, "-n", "-c", command], check=False).returncode == 0
        words = [replaced.get(word, word) for word in shlex.split(command.removeprefix("sudo "))]
        if words[0] != "orthancgen" or words[1] == "deploy":
            continue
        options = ["--state", str(tmp_path / "state")] if words[1:3] == ["firewall", "vpn"] else []
        result = CliRunner().invoke(cli, [*words[1:], *options])
        assert result.exit_code == 0, (command, result.output)
        own += 1
    assert own >= 5
    assert ["apply", "--revert-after", "120"] in ran
    assert "NEW1" in (tmp_path / "environments/dev.yaml").read_text("utf-8")
    assert {path.name for path in (tmp_path / "vpn").iterdir()} == {"wg-orthancgen.conf", "peer-far.conf"}


@pytest.mark.parametrize(
    ("name", "program", "words"),
    [
        ("firewalld", "firewall-cmd", ("--info-policy", "--direct", "--get-rules")),
        ("ufw", "ufw", ("status verbose",)),
    ],
)
def test_managers_know_the_words_of_their_commands(name: str, program: str, words: tuple[str, ...]) -> None:
    said_by = subprocess.run([require_program(program), "--help"], capture_output=True, text=True, check=True).stdout
    shown: set[str] = set()
    for changes in ({}, CONTAINERS):
        made, site = of({**changes, **with_firewall(name)})
        shown |= {command for note in site_notes(made, site) for command in note.commands if program in command}
    for word in words:
        assert any(word in command for command in shown), shown
        assert re.sub(r"\s+", " ", word) in re.sub(r"\s+", " ", said_by)


@pytest.mark.skipif(os.geteuid() != 0, reason="a network of its own needs root")
@pytest.mark.parametrize("changes", [{}, CONTAINERS], ids=["native", "compose"])
@pytest.mark.parametrize(
    ("name", "load"),
    [
        ("nftables", "nft -f rules.nft"),
        ("iptables", "iptables-restore -n rules.v4"),
    ],
)
def test_what_is_in_force_is_seen_by_the_commands(
    name: str, load: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    made, site = of({**changes, **with_firewall(name)})
    for file in DIALECTS[name].files:
        (tmp_path / file.path).write_text(file.build(made, policy(made)), "utf-8")
    note = by_heading(caller_notes(made, site.connections[0], site))[f"{DIALECTS[name].title}: see that it is let in"]
    script = " && ".join([load, *(command.removeprefix("sudo ") for command in note.commands)])
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if note.text.values["source"] in line]
    assert any(note.text.values["port"] in line for line in lines), done.stdout
