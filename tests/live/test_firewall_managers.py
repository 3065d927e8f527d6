"""ufw and firewalld for real: their rules let packets through as the policy says, and going back is complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from orthancgen.firewall.catalogue import DIALECTS
from tests.support.firewalld import rig_with_firewalld
from tests.support.packet_addresses import CLOSED_PORT, PUBLISHED_PORTS, addresses, host_address
from tests.support.packets import Probe, Rig, running_rig
from tests.support.policies import Generated, generated, some
from tests.support.proof import ProofFigures
from tests.support.servers import require_program, wait_until

pytestmark = pytest.mark.live

NAMES: Final = ("ufw", "firewalld")
BOTH = pytest.mark.parametrize("name", NAMES)
_STATE: Final = "/var/lib/orthancgen-firewall"


class Host:
    """The host of a rig, and the scripts of one dialect on it."""

    def __init__(self, name: str, rig: Rig) -> None:
        self.name, self.rig = name, rig
        self.environments = rig.folder / "environments"
        self.environments.mkdir()

    def generated(self, seed: int) -> Generated:
        """The environment of a seed."""
        return generated(seed, self.environments, firewall=self.name)

    def bundle(self, of: Generated) -> Path:
        """The folder of an environment's rules, written anew."""
        folder = self.rig.folder / f"env-{of.seed}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in DIALECTS[self.name].files:
            path = folder / file.path
            path.write_text(file.build(of.plan, of.policy))
            path.chmod(file.mode)
        return folder

    def script(
        self, folder: Path, *arguments: str, variables: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run firewall.sh of a folder."""
        assigned = [f"{name}={value}" for name, value in (variables or {}).items()]
        return self.rig.run("env", *assigned, "sh", str(folder / "firewall.sh"), *arguments)

    def good(self, folder: Path, *arguments: str) -> str:
        """Run firewall.sh of a folder, which must succeed in one line."""
        done = self.script(folder, *arguments)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
        assert re.fullmatch(r"firewall\.sh: [^\n]+\n", done.stdout), done.stdout
        return done.stdout

    def apply(self, of: Generated) -> Path:
        """Put an environment's rules in force."""
        folder = self.bundle(of)
        self.good(folder, "apply", "--replace")
        return folder

    def clean(self) -> None:
        """No rules of ours, whatever an earlier test left."""
        for folder in sorted(self.rig.folder.glob("env-*"))[:1]:
            assert self.script(folder, "undo").returncode == 0

    def becomes(self, of: Generated) -> None:
        """The packets go as the policy says, now or when the engine has put its rules back."""
        found = self.rig.differences(of.policy)
        for _ in range(5):
            if not found:
                return
            found = self.rig.differences(of.policy)
        assert found == []

    def state(self) -> str:
        """Every rule of the host, and every file of the firewall with its owner and mode."""
        rules = "for t in iptables ip6tables; do for n in filter mangle; do $t -t $n -S; done; done | grep -vi docker"
        files = "cd /etc; ls -lnR --time-style=+ ufw default/ufw firewalld | grep -v '^[dt]'"
        sums = "find ufw default/ufw firewalld -type f | sort | xargs sha256sum"
        seen = "firewall-cmd --list-all-policies; sysctl -a | grep 'rp_filter\\|_redirects\\|martians'"
        return self.rig.do("sh", "-c", f"exec 2>/dev/null; ({rules}); {files}; {sums}; {seen}; true")

    def files(self) -> str:
        """What stands in the firewall's own files."""
        return self.rig.do(
            "sh", "-c", "cat /etc/ufw/*.* /etc/firewalld/policies/* /etc/firewalld/*.* 2>/dev/null; true"
        )

    def reload(self) -> None:
        """As the administrator does."""
        self.rig.do(*(("ufw", "reload") if self.name == "ufw" else ("firewall-cmd", "--reload")))

    def nothing_is_left(self) -> None:
        """No trace of ours."""
        listed = self.rig.do("sh", "-c", "iptables-save; ip6tables-save; nft list ruleset; find /etc | xargs -r ls -d")
        assert "orthancgen" not in listed.lower()
        assert self.rig.run("grep", "-rl", "orthancgen", "/etc/ufw", "/etc/firewalld").stdout == ""
        assert self.rig.run("ls", _STATE).stdout == ""


@contextmanager
def _host(name: str, engine: bool) -> Iterator[Host]:
    require_program("ufw" if name == "ufw" else "firewalld", f"apt-get install {name}")
    with running_rig(engine=engine) if name == "ufw" else rig_with_firewalld(engine=engine) as rig:
        yield Host(name, rig)


@pytest.fixture(scope="module")
def hosts() -> Iterator[Callable[[str, bool], Host]]:
    """The host of each dialect, with an engine or without one, started when it is asked for."""
    made: dict[tuple[str, bool], Host] = {}
    with ExitStack() as stack:

        def of(name: str, engine: bool) -> Host:
            if (name, engine) not in made:
                made[name, engine] = stack.enter_context(_host(name, engine))
            return made[name, engine]

        yield of


@pytest.fixture
def published(name: str, hosts: Callable[[str, bool], Host]) -> Host:
    """A host with an engine that publishes ports; rules of an earlier test may be in force."""
    return hosts(name, True)


@pytest.fixture
def plain(name: str, hosts: Callable[[str, bool], Host]) -> Host:
    """A host without an engine; rules of an earlier test may be in force."""
    return hosts(name, False)


def _with_ports(host: Host, first: int = 1) -> Generated:
    """An environment whose containers publish ports, and let somebody in by each family."""
    for seed in range(first, first + 200):
        made = host.generated(seed)
        if {one.family for one in made.policy.of_hook("forward")} == {4, 6}:
            return made
    raise AssertionError("the generator makes no environment with published ports")


def _native(host: Host, first: int = 1) -> Generated:
    for seed in range(first, first + 200):
        made = host.generated(seed)
        if not made.policy.published and made.policy.of_hook("input"):
            return made
    raise AssertionError("the generator makes no environment without published ports")


# --- packets


@BOTH
def test_packets_go_as_the_policy_says(name: str, published: Host) -> None:
    """Three policies in turn, each in the place of the one before: with published ports, without, with others."""
    first = _with_ports(published)
    for made in (first, _native(published), _with_ports(published, first.seed + 1)):
        folder = published.apply(made)
        assert published.rig.differences(made.policy) == []
        published.good(folder, "status")
    # What containers call is not touched, not even where the port is one that is guarded; their own addresses are.
    engine, port = published.rig.engine, made.policy.published[0].port
    assert engine is not None
    assert engine.reaches(engine.site, addresses("modality")[0], PUBLISHED_PORTS["dicom"][0])
    denied = [one for one in addresses("stranger")[:3] if not made.policy.lets_in(one, port)]
    straight = [Probe("stranger", one, engine.address, port) for one in denied]
    assert straight
    assert set(published.rig.measure(straight)) == {"silent"}
    with engine.neighbour() as neighbour:
        assert engine.reaches(neighbour, engine.address, port)


@pytest.mark.proof
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "count"), [("ufw", 200), ("firewalld", 200)])
def test_many_policies(name: str, count: int, published: Host, proof_figures: ProofFigures) -> None:
    probes = 0
    for made in some(count, published.environments, first=1000, firewall=name):
        published.apply(made)
        assert published.rig.differences(made.policy) == [], f"seed {made.seed}"
        probes += len(published.rig.matrix())
    proof_figures(
        f"policies loaded by {name}, and measured by packets", count, f"{probes} probes, all as the policy says"
    )


@BOTH
def test_rules_of_the_host_alone_do_not_see_published_ports(name: str, published: Host) -> None:
    """Without what guards them, published ports are open to everybody: so the test above can fail."""
    made = _with_ports(published)
    folder = published.bundle(made)
    for file in folder.glob("after*.rules" if name == "ufw" else "direct.xml"):
        kept = [line for line in file.read_text().splitlines() if "ORTHANCGEN-PUB" not in line or "chain ipv" in line]
        file.write_text("\n".join(kept) + "\n")
    published.good(folder, "apply", "--replace")
    open_ = {(one.port, family) for one in made.policy.published for family in (4, 6)}
    for _ in range(8):  # firewalld tells the engine to put its rules back, which takes it a moment
        found = published.rig.differences(made.policy)
        seen = {(one.probe.port, 6 if ":" in one.probe.source else 4) for one in found}
        if seen == open_:
            break
    assert seen == open_
    assert {(one.expected, one.measured) for one in found} == {("silent", "open")}


@BOTH
def test_the_ports_stay_guarded(name: str, published: Host) -> None:
    """When the engine starts again, and when the firewall does: in both families."""
    made = _with_ports(published)
    folder = published.apply(made)
    if name == "ufw":  # with firewalld the engine puts its rules back at each load
        assert published.rig.engine is not None
        published.rig.engine.restart()
        published.becomes(made)
    published.reload()
    published.becomes(made)
    published.good(folder, "status")


@pytest.mark.parametrize("name", ["ufw"])
def test_ufw_itself_writes_the_same_rules(name: str, plain: Host) -> None:
    """What `ufw allow` makes of the same filters, in the same order, is what is in the bundle."""
    plain.clean()
    made = _native(plain)
    filters = made.policy.of_hook("input")
    filters = tuple(one for family in (4, 6) for one in [each for each in filters if each.family == family][:4])
    folder = plain.bundle(replace(made, policy=replace(made.policy, filters=filters)))
    plain.rig.do("cp", "-a", "/etc/ufw", "/etc/ufw.kept")
    try:
        for one in filters:
            to = ("from", one.source, "to", "any", "port", str(one.port))
            plain.rig.do("ufw", "allow", "proto", one.protocol, *to, "comment", one.label)
        for file in ("user.rules", "user6.rules"):
            section = plain.rig.do("sed", "-n", "/^### RULES ###$/,/^### END RULES ###$/p", f"/etc/ufw/{file}")
            written = [line for line in section.splitlines()[1:-1] if line]
            ours = [line for line in (folder / file).read_text().splitlines() if line and not line.startswith("# ")]
            assert ours == written
            assert ours or all(one.family != (6 if "6" in file else 4) for one in filters)
    finally:
        plain.rig.do("sh", "-c", "rm -rf /etc/ufw && mv /etc/ufw.kept /etc/ufw")
    shutil.rmtree(folder)


# --- loading and going back


@BOTH
def test_undo_brings_back_what_was_there(name: str, plain: Host) -> None:
    plain.clean()
    before = plain.state()
    folder = plain.apply(_native(plain))
    plain.apply(_native(plain, 50))
    assert "ORTHANCGEN-FWD" in plain.state()
    assert "before the first apply" in plain.good(folder, "undo")
    assert plain.state() == before
    plain.nothing_is_left()
    if name == "ufw":  # firewalld by itself lets in little
        assert plain.rig.differences(None) == []
    assert "no rules of orthancgen" in plain.good(folder, "undo")
    assert plain.script(folder, "status").returncode == 1


@BOTH
def test_rules_of_the_administrator_come_back(name: str, plain: Host) -> None:
    plain.clean()
    rig = plain.rig
    source = addresses("stranger")[0]
    rule = f"rule family=ipv4 source address={source} port port={CLOSED_PORT} protocol=tcp accept"
    if name == "ufw":
        rig.do("ufw", "allow", "from", source, "to", "any", "port", str(CLOSED_PORT), "proto", "tcp")
        rig.do("sh", "-c", "iptables -N OTHERS; iptables -A OTHERS -j RETURN; ufw --force enable; ufw reload")
    else:
        direct = ("--permanent", "--direct", "--add-rule", "ipv4", "filter", "OUTPUT", "0")
        rig.do("firewall-cmd", "--permanent", "--add-rich-rule", rule)
        rig.do("firewall-cmd", *direct, "-p", "tcp", "--dport", "7", "-j", "DROP")
        plain.reload()
    before = plain.state()
    mine = Probe("stranger", source, host_address(source), CLOSED_PORT)
    try:
        assert rig.measure([mine]) == ["open"]
        made = _native(plain)
        folder = plain.apply(made)
        assert rig.differences(made.policy) == []
        assert ("-A OTHERS -j RETURN" if name == "ufw" else "--dport 7 -j DROP") in plain.state()
        plain.good(folder, "undo")
        assert rig.measure([mine]) == ["open"]
        assert plain.state() == before
    finally:
        if name == "ufw":
            rig.do("sh", "-c", "ufw --force disable; ufw --force delete 1; iptables -F OTHERS; iptables -X OTHERS")
        else:
            rig.do("firewall-cmd", "--permanent", "--remove-rich-rule", rule)
            rig.do("rm", "/etc/firewalld/direct.xml")
            plain.reload()


@BOTH
def test_what_fails_leaves_the_rules_in_force(name: str, plain: Host) -> None:
    """First what the tool does not accept; then what only loading shows."""
    made = _native(plain)
    folder = plain.apply(made)
    before = plain.state()
    other = plain.bundle(_native(plain, 50))
    broken = other / ("user6.rules" if name == "ufw" else "policy.xml")
    whole = broken.read_text()
    broken.write_text(whole + ("-A ufw6-user-input -j NOWHERE\n" if name == "ufw" else "<rule>\n"))
    for command in (("check",), ("apply", "--replace")):
        _fails(plain, other, command, "not accepted; nothing was changed")
    assert plain.state() == before
    broken.write_text(whole)
    variables = {}
    if name == "ufw":
        tool = plain.rig.folder / "failing" / "ip6tables-restore"
        tool.parent.mkdir(exist_ok=True)
        real = require_program("ip6tables-restore")
        tool.write_text(
            '#!/bin/sh\ncase "$*" in *--test*) ;; *)\n'
            'if ip6tables -S ufw6-before-input >/dev/null 2>&1 && mkdir "$0.failed"; then\n'
            'echo "no IPv6" >&2; exit 1; fi\n'
            f';; esac\nexec {real} "$@"\n'
        )
        tool.chmod(0o755)
        variables["PATH"] = f"{tool.parent}:{os.environ['PATH']}:/usr/sbin:/sbin"
    else:
        direct = other / "direct.xml"
        nowhere = '<rule ipv="ipv4" table="filter" chain="INPUT" priority="0">-j ORTHANCGEN-NOWHERE</rule>'
        direct.write_text(direct.read_text().replace("</direct>", f"{nowhere}\n</direct>"))
    assert plain.script(other, "check").returncode == 0
    _fails(plain, other, ("apply", "--replace"), "those that were there are in force", variables)
    assert plain.rig.differences(made.policy) == []
    assert plain.state() == before
    plain.good(folder, "status")


def _fails(
    host: Host, folder: Path, command: Sequence[str], said: str, variables: Mapping[str, str] | None = None
) -> None:
    """The script ends with 4 and says why in one line."""
    done = host.script(folder, *command, variables=variables)
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@BOTH
def test_on_trial(name: str, plain: Host) -> None:
    """Nobody confirms: the rules go back by themselves. Nothing of the trial stands in /etc; open connections stay."""
    made, second = _native(plain), _native(plain, 50)
    folder = plain.apply(made)
    before, files = plain.state(), plain.files()
    source, port = next(
        (one, port)
        for one in addresses("manager")
        for port in sorted({each.port for each in made.policy.of_hook("input") if each.protocol == "tcp"})
        if made.policy.lets_in(one, port)
    )
    manager = plain.rig.probers["manager"]
    held = manager.ask(hold=[source, host_address(source), port])
    other = plain.bundle(second)
    assert "unless you confirm" in plain.good(other, "apply", "--replace", "--revert-after", "6")
    assert manager.ask(talk=held)
    assert plain.rig.differences(second.policy) == []
    assert plain.files() == files
    wait_until(lambda: plain.script(folder, "status").returncode == 0, what="the rules went back")
    assert plain.rig.differences(made.policy) == []
    assert plain.state() == before


@BOTH
def test_confirmed_rules_last_and_changes_are_seen(name: str, plain: Host) -> None:
    made = _native(plain)
    folder = plain.bundle(made)
    plain.good(folder, "apply", "--replace", "--revert-after", "20")
    assert "are kept" in plain.good(folder, "confirm")
    plain.reload()
    assert plain.rig.differences(made.policy) == []
    plain.good(folder, "status")
    if name == "ufw":
        plain.rig.do("iptables", "-I", "ufw-user-input", "-p", "tcp", "--dport", "1", "-j", "ACCEPT")
    else:
        plain.rig.do("firewall-cmd", "--policy", "orthancgen", "--add-port", "1/tcp")
    done = plain.script(folder, "status")
    assert (done.returncode, "were changed since" in done.stdout) == (1, True)


@BOTH
def test_what_the_firewall_must_be_like(name: str, plain: Host) -> None:
    """A clear sentence with the remedy, where the firewall does not do its work."""
    plain.clean()
    rig, folder = plain.rig, plain.bundle(_native(plain))
    if name == "ufw":
        for setting, value, said in (("IPV6", "no", "set IPV6=yes"), ("MANAGE_BUILTINS", "yes", "MANAGE_BUILTINS=no")):
            old = rig.do("grep", f"^{setting}=", "/etc/default/ufw").strip()
            rig.do("sed", "-i", f"s/^{setting}=.*/{setting}={value}/", "/etc/default/ufw")
            _fails(plain, folder, ("apply",), said)
            rig.do("sed", "-i", f"s/^{setting}=.*/{old}/", "/etc/default/ufw")
    else:
        nowhere = {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"}
        _fails(plain, folder, ("apply",), "start it with systemctl", nowhere)
    plain.nothing_is_left()
