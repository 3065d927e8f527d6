"""Firewalls of hosts, by packets: what is loaded lets in exactly what the policy says, and can be taken back.

A dialect of a host joins by a row of `ROWS`.
"""

from __future__ import annotations

import os
import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from orthancgen.firewall.policy import Policy, Published
from tests.support.host_firewall import Firewall, first_seed_after, kinds, taken_back, varied
from tests.support.packet_addresses import HOST_PORTS, MACHINES, PUBLISHED_PORTS, addresses, host_address
from tests.support.packets import Probe, Rig, expected, running_rig
from tests.support.policies import Generated, some
from tests.support.proof import ProofFigures
from tests.support.servers import wait_until

pytestmark = pytest.mark.live


@dataclass(frozen=True)
class Row:
    """A dialect of a host, as the tests use it.

    Attributes:
        name: of the row.
        dialect: its name in the model.
        rig: fixture with the host on which it is loaded.
        sample: how many generated policies each run loads.
        proof: how many `make proof` loads.
    """

    name: str
    dialect: str
    rig: str
    sample: int
    proof: int

    def rig_of(self, request: pytest.FixtureRequest) -> Rig:
        rig = request.getfixturevalue(self.rig)
        assert isinstance(rig, Rig)
        return rig


ROWS: Final = (
    Row("nftables", "nftables", "packets", 12, 200),
    Row("iptables", "iptables", "packets", 12, 200),
    Row("iptables-legacy", "iptables", "packets_legacy", 8, 50),
)
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


@pytest.fixture(scope="module")
def packets_legacy() -> Iterator[Rig]:
    with running_rig(legacy=True) as rig:
        yield rig


# --- the matrix


def _measured(row: Row, rig: Rig, made: Iterable[Generated]) -> Counter[str]:
    """Load each policy in the place of the one before, and compare every packet; how often each result was seen."""
    seen: Counter[str] = Counter()
    firewall: Firewall | None = None
    try:
        for one in made:
            firewall = Firewall(rig, row.dialect, one)
            firewall.do("apply", "--replace")
            assert rig.differences(one.policy) == [], f"seed {one.seed}\n{one.text}"
            seen["policies"] += 1
            seen += kinds(rig, one.policy)
            seen["packets"] += len(rig.matrix())
    finally:
        if firewall is not None:
            firewall.do("undo")
    assert rig.differences(None) == []
    return seen


@rows
def test_packets_go_as_the_policy_says(row: Row, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rig = row.rig_of(request)
    seen = _measured(row, rig, some(row.sample, tmp_path, firewall=row.dialect))
    assert seen["policies"] == row.sample
    for kind in ("input 4", "input 6", "forward 4"):  # the sample says something of each
        assert seen[f"{kind} open"]
        assert seen[f"{kind} silent"]


@pytest.mark.proof
@pytest.mark.timeout(1800)
@rows
def test_packets_of_many_policies(
    row: Row, request: pytest.FixtureRequest, tmp_path: Path, proof_figures: ProofFigures
) -> None:
    seen = _measured(row, row.rig_of(request), some(row.proof, tmp_path, first=1001, firewall=row.dialect))
    what = f"generated policies loaded by {row.name}, each with every packet of the rig"
    result = f"{seen['packets']} connections tried: each answered, or left without an answer, as computed"
    proof_figures(what, seen["policies"], result)


@pytest.mark.parametrize(
    "left_out",
    [
        r"^.*ip6 saddr fd.* tcp dport .*$",
        r"^.*ip saddr .* dport .* accept .*$",
        r"^.*ip6 saddr .* ct original proto-dst .* accept .*$",
        r"^.*jump published$",
        r"^.*ct state established,related accept$",
        r"ct direction original|^.*ct state established,related accept$(?=\n\t\tct direction)",
        r"^.*nd-neighbor.*$",
        r"^.*icmp type .*$",
        r"policy drop",
    ],
)
def test_the_matrix_sees_what_is_left_out(packets: Rig, left_out: str) -> None:
    """The comparison is known to fail where the rules are wrong."""
    made = varied(packets)
    firewall = Firewall(packets, "nftables", made)
    with taken_back(packets, firewall):
        firewall.do("apply")
        assert firewall.in_force()
        rules = (firewall.folder / "rules.nft").read_text()
        changed = re.sub(left_out, "", rules, flags=re.MULTILINE)
        assert changed != rules
        (firewall.folder / "rules.nft").write_text(changed)
        firewall.do("apply")
        assert packets.differences(made.policy)


def test_a_rule_of_input_does_not_guard_a_published_port(packets: Rig) -> None:
    """Why there are rules of forward at all; and this rig shows it."""
    made = varied(packets)
    ports = {one.port for one in made.policy.published}
    denied = [one for one in packets.matrix() if one.port in ports and expected(one, made.policy) == "silent"]
    packets.do("nft", "add table inet naive")
    try:
        packets.do("nft", "add chain inet naive input { type filter hook input priority 0; policy drop; }")
        packets.do("nft", "add rule inet naive input icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept")
        assert set(packets.measure(denied, 20.0)) == {"open"}  # as soon as all have answered
    finally:
        packets.do("nft", "delete table inet naive")
    firewall = Firewall(packets, "nftables", made)
    with taken_back(packets, firewall):
        firewall.do("apply")
        assert set(packets.measure(denied)) == {"silent"}


# --- what goes on meanwhile


@rows
def test_open_connections_survive_a_reload(row: Row, request: pytest.FixtureRequest) -> None:
    rig = row.rig_of(request)
    made = varied(rig)
    modality = addresses("modality")[0]
    ports = (HOST_PORTS["management"][0], PUBLISHED_PORTS["dicom"][0])
    held = [rig.probers["modality"].ask(hold=[modality, host_address(modality), port]) for port in ports]
    published = (*made.policy.published, Published(ports[1], "0.0.0.0"))
    firewall = Firewall(rig, row.dialect, made, replace(made.policy, filters=(), published=published))
    with taken_back(rig, firewall):
        firewall.do("apply")
        new = [Probe("modality", modality, host_address(modality), port) for port in ports]
        assert rig.measure(new) == ["silent", "silent"]
        assert [rig.probers["modality"].ask(talk=number) for number in held] == [True, True]
        firewall.do("apply")
        assert rig.probers["modality"].ask(talk=held[0])


@rows
def test_what_containers_open_is_not_touched(row: Row, request: pytest.FixtureRequest) -> None:
    """Calls of containers to the outside, also to a port that is guarded here, and among themselves on their bridge."""
    rig = row.rig_of(request)
    assert rig.engine is not None
    made = varied(rig)
    port = PUBLISHED_PORTS["dicom"][0]
    published = (*made.policy.published, Published(port, "0.0.0.0"))
    firewall = Firewall(rig, row.dialect, made, replace(made.policy, filters=(), published=published))
    rig.do("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=1", "net.bridge.bridge-nf-call-ip6tables=1")
    # From outside to the container's own address: no redirection is in between.
    straight = Probe("stranger", addresses("stranger")[0], rig.engine.address, port)
    assert rig.measure([straight], 1.0) == ["open"]  # by the engine's own rules
    with taken_back(rig, firewall), rig.engine.neighbour() as neighbour:
        firewall.do("apply")
        assert rig.engine.reaches(rig.engine.site, addresses("modality")[0], port)
        assert rig.engine.reaches(neighbour, rig.engine.address, port)
        assert rig.measure([straight]) == ["silent"]


@rows
def test_the_engine_starts_again(row: Row, request: pytest.FixtureRequest) -> None:
    """A new start of the engine, and one that comes after the rules, as when the host starts."""
    rig = row.rig_of(request)
    assert rig.engine is not None
    made = varied(rig)
    firewall = Firewall(rig, row.dialect, made)
    with taken_back(rig, firewall):
        firewall.do("apply")
        rig.engine.restart()
        assert firewall.in_force()
        firewall.do("status")
        rig.engine.stop()
        rig.forget_rules()
        assert "no rules" in firewall.refused(1, "status")
        rig.do("sh", f"{STATE}/kept/firewall.sh", "boot")
        rig.engine.launch()
        assert firewall.in_force()
        firewall.do("status")


# --- putting in force, and taking back


def left_behind(rig: Rig) -> str:
    """Files of ours on the host."""
    return rig.do("sh", "-c", "find /etc /run /var/lib -name 'orthancgen*' ! -name orthancgen-firewall.lock -prune")


@rows
def test_apply_status_and_undo(row: Row, request: pytest.FixtureRequest) -> None:
    rig = row.rig_of(request)
    rig.do("nft", "add table inet other")
    rig.do("iptables", "-I", "INPUT", "-p", "tcp", "--dport", "4000", "-j", "DROP")
    before, files = rig.rules(), left_behind(rig)
    made = varied(rig)
    firewall = Firewall(rig, row.dialect, made)
    assert "are accepted" in firewall.do("check")
    assert "no rules" in firewall.refused(1, "status")
    assert "no rules" in firewall.do("undo")
    assert rig.rules() == before
    for _ in range(2):
        firewall.do("apply")
        assert "in force as written" in firewall.do("status")
        assert firewall.in_force()
    assert UNIT in left_behind(rig)
    assert "as before" in firewall.do("undo")
    assert rig.rules() == before
    assert left_behind(rig) == files
    assert "no rules" in firewall.do("undo")
    assert rig.rules() == before
    rig.do("nft", "delete table inet other")
    rig.do("iptables", "-D", "INPUT", "-p", "tcp", "--dport", "4000", "-j", "DROP")


@rows
def test_status_sees_what_was_changed(row: Row, request: pytest.FixtureRequest) -> None:
    rig = row.rig_of(request)
    firewall = Firewall(rig, row.dialect, varied(rig))
    with taken_back(rig, firewall):
        firewall.do("apply")
        for change in CHANGES[row.dialect]:
            rig.do("sh", "-c", change)
            assert "were changed" in firewall.refused(1, "status")
            firewall.do("apply")
            firewall.do("status")
        data = next(one for one in firewall.folder.iterdir() if one.name.startswith("rules"))
        data.write_text(data.read_text() + "# another line\n")
        assert "other rules" in firewall.refused(1, "status")


CHANGES: Final = {
    "nftables": ("nft add rule inet orthancgen input tcp dport 1 accept", "nft flush chain inet orthancgen published"),
    "iptables": (
        "iptables -I INPUT -p tcp --dport 1 -j ACCEPT",
        "ip6tables -A ORTHANCGEN-IN -j ACCEPT",
        "iptables -t mangle -D FORWARD -j ORTHANCGEN-FWD",
    ),
}


@rows
def test_what_fails_leaves_the_rules_in_force(row: Row, request: pytest.FixtureRequest) -> None:
    rig = row.rig_of(request)
    first = Firewall(rig, row.dialect, varied(rig))
    second = Firewall(rig, row.dialect, varied(rig, first=first_seed_after(first)))
    with taken_back(rig, first):
        first.do("apply")
        data = sorted(one for one in second.folder.iterdir() if one.name.startswith("rules"))[-1]
        good = data.read_text()
        data.write_text(good.replace("\n", "\nbroken\n", 8))
        assert "not accepted" in second.refused(4, "check")
        assert "not accepted" in second.refused(4, "apply", "--replace")
        assert first.in_force()
        data.write_text(good)
        assert "were not loaded" in second.refused(4, "apply", "--replace", **failing(rig, row.dialect))
        assert "were not loaded" in second.refused(
            4, "apply", "--replace", "--revert-after", "1", **failing(rig, row.dialect)
        )
        assert first.in_force()
        first.do("status")
        time.sleep(1.5)
        first.do("status")
    assert "were not loaded" in second.refused(4, "apply", **failing(rig, row.dialect))
    assert rig.differences(None) == []
    assert "no rules" in second.do("undo")


def failing(rig: Rig, dialect: str) -> dict[str, str]:
    """The tool accepts the rules when it is asked, and fails when it loads them: the last part of them, once."""
    program, ask = {"nftables": ("nft", "-c"), "iptables": ("ip6tables-restore", "--test")}[dialect]
    folder = rig.folder / f"failing-{dialect}"
    folder.mkdir(exist_ok=True)
    mark = folder / "failed"
    mark.unlink(missing_ok=True)
    real = rig.do("sh", "-c", f"command -v {program}").strip()
    loads = "-f" if program == "nft" else "--noflush"
    (folder / program).write_text(
        f'#!/bin/sh\ncase " $* " in *" {ask} "*) ;; *" {loads} "*) if [ ! -e {mark} ]; then touch {mark}; '
        f'echo "no memory" >&2; exit 1; fi ;; esac\nexec {real} "$@"\n'
    )
    (folder / program).chmod(0o755)
    return {"PATH": f"{folder}:{rig.path}{os.environ['PATH']}:/usr/sbin:/sbin"}


@rows
def test_a_trial_ends_by_itself(row: Row, request: pytest.FixtureRequest) -> None:
    rig = row.rig_of(request)
    before, files = rig.rules(), left_behind(rig)
    made = varied(rig)
    first = Firewall(rig, row.dialect, made)
    second = Firewall(rig, row.dialect, varied(rig, first=first_seed_after(first)))
    with taken_back(rig, first):
        assert "for 5 seconds" in first.do("apply", "--revert-after", "5")
        assert "on trial" in first.do("status")
        assert UNIT not in left_behind(rig)  # a start of the host in between would end the trial too
        wait_until(lambda: rig.rules() == before and left_behind(rig) == files, what="the trial ends")
        assert "time may have run out" in first.refused(1, "confirm")

        first.do("apply", "--revert-after", "60")
        assert "are kept" in first.do("confirm")
        assert UNIT in left_behind(rig)
        assert "nothing waits" in first.do("confirm")
        second.do("apply", "--replace", "--revert-after", "4")
        assert second.in_force()
        second.do("apply", "--replace", "--revert-after=3")  # of two trials, what was there before the first comes back
        wait_until(lambda: first.run("status").returncode == 0, what="the first rules come back")
        assert first.in_force()
        time.sleep(1.5)
        assert first.in_force()
        second.do("apply", "--replace", "--revert-after", "2")
        second.do("apply", "--replace")
        time.sleep(3)
        assert second.in_force()


@rows
def test_rules_of_others_are_not_replaced_unasked(row: Row, request: pytest.FixtureRequest) -> None:
    rig = row.rig_of(request)
    first = Firewall(rig, row.dialect, varied(rig))
    second = Firewall(rig, row.dialect, varied(rig, first=first_seed_after(first)))
    other = Firewall(rig, "iptables" if row.dialect == "nftables" else "nftables", varied(rig))
    with taken_back(rig, first):
        first.do("apply")
        assert "add --replace" in second.refused(4, "apply")
        assert f"for {row.dialect} are in force" in other.refused(4, "apply", "--replace")
        assert first.in_force()
        assert "not those of" in second.refused(1, "status")
        second.do("apply", "--replace")
        assert second.in_force()
        # Without the folder of the state, the rules themselves tell whose they are, and can be taken back.
        rig.do("rm", "-r", STATE)
        assert "add --replace" in first.refused(4, "apply")
        first.do("apply", "--replace")
        assert first.in_force()


def test_two_runs_at_once_wait_for_one_another(packets: Rig) -> None:
    firewall = Firewall(packets, "nftables", varied(packets))
    with taken_back(packets, firewall), ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: firewall.run("apply").returncode, range(6)))
        assert done == [0] * 6
        firewall.do("status")


@pytest.mark.parametrize("name", ["nftables", "iptables"])
def test_a_host_that_followed_no_connection_before(name: str, tmp_path: Path) -> None:
    """No engine was ever started: nothing stays; and an open connection of somebody who is let in goes on."""
    with running_rig(engine=False) as rig:
        made = next(one for one in some(500, tmp_path) if one.policy.published and _let_in(one.policy))
        source, port = _let_in(made.policy)[0]
        machine = next(machine for machine in MACHINES if source in addresses(machine))
        firewall = Firewall(rig, name, made)
        before = rig.do(*_CHAINS)
        held = rig.probers[machine].ask(hold=[source, host_address(source), port])
        firewall.do("apply")
        assert rig.probers[machine].ask(talk=held)
        assert firewall.in_force()
        firewall.do("undo")
        assert rig.do(*_CHAINS) == before


def _let_in(policy: Policy) -> list[tuple[str, int]]:
    ports = HOST_PORTS["management"]
    return [(source, port) for machine in MACHINES for source in addresses(machine) for port in ports
            if policy.lets_in(source, port)]  # fmt: skip


_CHAINS: Final = ("sh", "-c", "for p in iptables ip6tables; do $p -S; $p -t mangle -S; $p -t nat -S; done")
UNIT: Final = "/etc/systemd/system/orthancgen-firewall.service"
STATE: Final = "/var/lib/orthancgen-firewall"
