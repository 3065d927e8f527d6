"""The packet filter of this host as it is loaded now: which rule, if any, keeps a caller from a port.

Every base chain of a hook is asked, and one that drops is enough: https://wiki.nftables.org/, "Configuring chains";
the tables of iptables are such chains as well. What a rule asks besides addresses, ports and interfaces is not known
here: such a rule is never the one that is blamed.
"""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from orthancgen.doctor.case import Case
from orthancgen.foreign.firewalls import iptables
from orthancgen.foreign.firewalls.addresses import ANY, network
from orthancgen.foreign.firewalls.chains import Line
from orthancgen.foreign.firewalls.nft_rule import RuleReader
from orthancgen.foreign.firewalls.nft_script import Script
from orthancgen.foreign.places import LINE_BREAK, Places

HookName = Literal["input", "forward"]
OWN_NAME: Final = "orthancgen"
"""Part of the name of the table and chains that this program's own rules are in."""
_SECONDS: Final = 10
_MOST_CHARACTERS: Final = 4 << 20
_DEEPEST: Final = 16
_MOST_LINES: Final = 200_000
_IPTABLES_TABLES: Final = frozenset({"filter", "nat", "mangle", "raw", "security"})
_ENGINES: Final = frozenset({"docker-bridges", "netavark"})
_BASES: Final[Mapping[HookName, tuple[str, ...]]] = {
    "input": ("raw PREROUTING", "mangle PREROUTING", "mangle INPUT", "filter INPUT", "security INPUT"),
    "forward": ("raw PREROUTING", "mangle PREROUTING", "mangle FORWARD", "filter FORWARD", "security FORWARD"),
}
_HOOKS: Final[Mapping[str, tuple[HookName, ...]]] = {
    "input": ("input",), "forward": ("forward",), "prerouting": ("input", "forward"), "ingress": ("input", "forward"),
}  # fmt: skip
_DOCKER_USER: Final = "filter DOCKER-USER"
_SET_BY_ENGINE: Final = re.compile(r"filter DOCKER(?!-USER$)")
_REDIRECT: Final = re.compile(r"^-A \S+ .*--dport ([0-9]{1,5}) .*-j DNAT ", re.MULTILINE)
_NFT_REDIRECT: Final = re.compile(r"\btcp dport ([0-9]{1,5}) [^\n]*\bdnat\b")
_REDIRECTED: Final = re.compile(r"\bct status dnat\b|--ctstate (?:\S+,)?DNAT\b")
_GOTO: Final = re.compile(r"\bgoto \S+|(?:^|\s)-g \S+")
"""What such a jump leads to does not come back: iptables(8), nft(8)."""
_UNKNOWN_CONDITION: Final = re.compile(
    r"\b(?:limit|hashlimit|connlimit|recent|time|owner|quota|meter|meta mark|mark|string|geoip|u32|statistic)\b"
)


@dataclass(frozen=True, slots=True)
class Packet:
    """The first packet of a connection.

    Attributes:
        source: address of the caller.
        destination: address to which it goes when it is filtered; None where it is not known.
        port: of the host.
        interface: by which it comes in; None where it is not known.
        redirected: whether the engine's rules have sent it on to a container.
    """

    source: str
    destination: str | None
    port: int
    interface: str | None
    redirected: bool = False


@dataclass(frozen=True, slots=True)
class Denial:
    """What keeps a packet out.

    Attributes:
        tool: the program that shows the rule: iptables, ip6tables or nft.
        table: with its family for nft: `inet filter`.
        chain: where it stands.
        rule: as that program writes it; `policy drop` for what no rule decides.
        is_policy: whether it is the policy of the chain.
    """

    tool: str
    table: str
    chain: str
    rule: str
    is_policy: bool = False

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return f"{self.tool}, table {self.table}, chain {self.chain}"

    @property
    def is_own(self) -> bool:
        """Whether it is of the rules that this program writes."""
        return OWN_NAME in f"{self.table} {self.chain}".lower()


@dataclass(frozen=True, slots=True)
class _Base:
    """A chain that packets meet first."""

    chain: str
    drops: bool


@dataclass(slots=True)
class RuleSet:
    """The rules of one program, of one version of IP or both.

    Attributes:
        tool: the program.
        text: what it printed.
        chains: `table chain` -> lines, for nft `family table chain`.
        bases: by hook, in the order in which packets meet them.
        versions: of IP.
    """

    tool: str
    text: str
    chains: dict[str, list[Line]] = field(default_factory=dict)
    bases: dict[HookName, list[_Base]] = field(default_factory=lambda: {"input": [], "forward": []})
    versions: frozenset[int] = frozenset({4, 6})
    _rows: list[str] = field(default_factory=list)
    _left: int = _MOST_LINES

    def row(self, line: Line) -> str:
        """The text of a rule."""
        if not self._rows:
            self._rows = LINE_BREAK.split(self.text)
        number = line.mark.line - 1
        return self._rows[number].strip() if 0 <= number < len(self._rows) else ""

    def denial(self, packet: Packet, hook: HookName) -> Denial | None:
        """What keeps a packet out; None where nothing here does."""
        version = 6 if ":" in packet.source else 4
        if version not in self.versions:
            return None
        self._left = _MOST_LINES
        for base in self.bases[hook]:
            found = self._walk(base.chain, packet, 0)
            if found is None and base.drops:
                return self._denial(base.chain, "policy drop", is_policy=True)
            if found is not None and found[0] == "drop":
                return self._denial(found[1], found[2])
        return None

    def _denial(self, chain: str, rule: str, *, is_policy: bool = False) -> Denial:
        table, _, name = chain.rpartition(" ")
        return Denial(self.tool, table, name, rule, is_policy)

    def _walk(self, name: str, packet: Packet, depth: int) -> tuple[str, str, str] | None:
        """Verdict, chain and rule that decides; None where none does."""
        if depth > _DEEPEST:
            return None
        for line in self.chains.get(name, ()):
            self._left -= 1
            if self._left < 0:
                return "accept", name, ""
            if not line.new or line.verdict == "none":
                continue
            if _SET_BY_ENGINE.match(line.target):
                return "accept", name, ""  # what the engine publishes, its own rules let in
            met = self._meets(line, packet)
            if met is False or (met is None and line.verdict == "drop"):
                continue
            if line.verdict == "return":
                return None
            if line.verdict != "jump":
                return line.verdict, name, self.row(line)
            found = self._walk(line.target, packet, depth + 1)
            if found is not None and not (met is None and found[0] == "drop"):
                return found
            if found is None and met and _GOTO.search(self.row(line)):
                return None
        return None

    def _meets(self, line: Line, packet: Packet) -> bool | None:
        """Whether a line is about a packet; None where that cannot be told."""
        match = line.match
        if (6 if ":" in packet.source else 4) not in match.families:
            return False
        if match.ports and not any(low <= packet.port <= high for low, high in match.ports):
            return False
        among = True if match.sources is None else _among(packet.source, match.sources)
        if among is False:
            return False
        left_out = _among(packet.source, match.excluded)
        if left_out or (not packet.redirected and _REDIRECTED.search(self.row(line))):
            return False
        others = self._others(line, packet) if match.narrow or line.by_interface or not line.outside else True
        if others is False:
            return False
        return None if among is None or left_out is None or others is None else True

    def _others(self, line: Line, packet: Packet) -> bool | None:
        """Whether interfaces and destination are those of a packet, by the text of the rule."""
        text = self.row(line)
        found = [
            *_interfaces(text, line, packet.interface),
            *_destinations(text, packet.destination),
        ]
        if False in found:
            return False
        return None if None in found or not found or _UNKNOWN_CONDITION.search(text) else True


def _among(address: str, texts: Sequence[str]) -> bool | None:
    parsed, unknown = ipaddress.ip_address(address), False
    for text in texts:
        found = network(text)
        if text == ANY or (found is not None and found.version == parsed.version and parsed in found):
            return True
        unknown = unknown or found is None
    return None if unknown else False


_IN: Final = re.compile(r"(?P<not>! )?(?:-i|--in-interface) (?P<name>[^\s]+)")
_OUT: Final = re.compile(r"(?:-o|--out-interface) [^\s]+|\boif(?:name)? ")
_NFT_IN: Final = re.compile(r"\biif(?:name)? (?P<not>!= )?(?P<names>\{[^}]*\}|\"[^\"]*\"|[\w.@*+-]+)")
_TO: Final = re.compile(r"(?P<not>! )?(?:-d|--destination) (?P<names>[0-9A-Fa-f:./]+)")
_NFT_TO: Final = re.compile(r"\bip6? daddr (?P<not>!= )?(?P<names>\{[^}]*\}|[0-9A-Fa-f:./]+|@\S+)")
_MAPPED: Final = re.compile(r"\biif(?:name)? vmap ")
_NAME: Final = re.compile(r"[^\s,{}\"]+")


def _interfaces(text: str, line: Line, interface: str | None) -> Iterator[bool | None]:
    if _MAPPED.search(text):
        if interface is None:
            yield None
            return
        target = line.target.rpartition(" ")[2]
        verdict = rf"(?:jump|goto) {re.escape(target)}" if target else r"(?:accept|drop|return|reject)"
        yield re.search(rf"\"{re.escape(interface)}\" : {verdict}\b", text) is not None
        return
    for pattern in (_IN, _NFT_IN):
        for found in pattern.finditer(text):
            names = _NAME.findall(found["names" if pattern is _NFT_IN else "name"])
            yield None if interface is None else any(_is(one, interface) for one in names) != bool(found["not"])
    if _OUT.search(text):
        yield None


def _is(pattern: str, interface: str) -> bool:
    """A name that ends in + (iptables) or * (nft) is the start of one."""
    return interface.startswith(pattern[:-1]) if pattern[-1:] in {"+", "*"} else interface == pattern


def _destinations(text: str, destination: str | None) -> Iterator[bool | None]:
    for pattern in (_TO, _NFT_TO):
        for found in pattern.finditer(text):
            met = None if destination is None else _among(destination, _NAME.findall(found["names"]))
            yield None if met is None else met != bool(found["not"])


# What is loaded


def readable() -> bool:
    """Whether this user may see the rules at all."""
    return os.geteuid() == 0


def rule_sets(case: Case) -> tuple[RuleSet, ...]:
    """Every rule of this host; empty for who may not see them."""

    def look() -> tuple[RuleSet, ...]:
        if not readable():
            return ()
        found = [of_iptables(tool, text, version) for tool, version in (("iptables", 4), ("ip6tables", 6)) if (
            text := _printed(f"{tool}-save")
        )]  # fmt: skip
        listing = _printed("nft", "-s", "list", "ruleset")
        if listing:
            found.append(of_nft(listing, without_iptables=bool(found) and _keeps_in_nft()))
        return tuple(found)

    return case.once("firewall rules", look)


def denied(case: Case, packet: Packet, hook: HookName) -> Denial | None:
    """What keeps a packet out; None where nothing does."""
    for one in rule_sets(case):
        found = one.denial(packet, hook)
        if found is not None:
            return found
    return None


def redirections(case: Case) -> frozenset[int] | str:
    """The TCP ports that rules redirect to containers; or why that cannot be told."""

    def look() -> frozenset[int] | str:
        if not readable():
            return "the rules of this host are shown to root alone"
        saved = _printed("iptables-save", "-t", "nat")
        if saved is None:
            return "there is no iptables here"
        ports = _REDIRECT.findall(saved) + _NFT_REDIRECT.findall(_printed("nft", "-s", "list", "ruleset") or "")
        return frozenset(int(port) for port in ports)

    return case.once("redirections", look)


def _keeps_in_nft() -> bool:
    """Whether iptables keeps its rules in nf_tables, so that nft lists them a second time."""
    return "nf_tables" in (_printed("iptables", "--version") or "")


def _printed(*command: str) -> str | None:
    """What a program of the packet filter prints; None where it is not here, or fails."""
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout[:_MOST_CHARACTERS] if done.returncode == 0 else None


def of_iptables(tool: str, text: str, version: int) -> RuleSet:
    """The rules of iptables or ip6tables, as its program for saving them prints them."""
    tables = iptables.tables_of(text, tool, 6 if version == 6 else 4)
    found = RuleSet(tool, text, {name: list(lines) for name, lines in tables.chains.items()})
    found.versions = frozenset({version})
    for hook, bases in _BASES.items():
        for chain in bases:
            if chain in found.chains:
                found.bases[hook].append(_Base(chain, tables.policies.get(chain) in {"DROP", "REJECT"}))
    return found


def of_nft(text: str, *, without_iptables: bool) -> RuleSet:
    """The rules of a listing of nft.

    Args:
        text: what `nft list ruleset` prints.
        without_iptables: leave out the tables that iptables keeps there, and shows itself.
    """
    mark = Places(text, "nft").mark
    script = Script(mark)
    script.run(text)
    found = RuleSet("nft", text)
    ranked: dict[HookName, list[tuple[int, _Base]]] = {"input": [], "forward": []}
    for table in script.tables.values():
        theirs = table.family in {"ip", "ip6"} and table.name in _IPTABLES_TABLES
        if table.dormant or table.name in _ENGINES or (theirs and without_iptables):
            continue
        prefix = f"{table.family} {table.name} "
        reader = RuleReader(table, prefix, mark)
        for name, chain in table.chains.items():
            found.chains[prefix + name] = [line for words in chain.rules for line in reader.lines(words)]
            for hook in _HOOKS.get(chain.hook, ()) if chain.kind == "filter" else ():
                ranked[hook].append((chain.priority, _Base(prefix + name, chain.policy == "drop")))
    for hook, rows in ranked.items():
        found.bases[hook] = [base for _, base in sorted(rows, key=lambda row: row[0])]
    return found
