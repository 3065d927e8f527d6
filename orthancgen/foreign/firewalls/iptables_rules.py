"""Rules of iptables: the arguments of one, and the tables that many of them make.

iptables(8), iptables-extensions(8), https://git.netfilter.org/iptables/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from orthancgen.foreign.firewalls.addresses import (
    Family,
    Ports,
    family,
    named_ports,
    other_ports,
    source,
    sources_of_range,
)
from orthancgen.foreign.firewalls.chains import Line, Verdict
from orthancgen.foreign.firewalls.denied import Match
from orthancgen.foreign.firewalls.interfaces import Interfaces
from orthancgen.foreign.firewalls.problems import unknown_service
from orthancgen.site.problems import Mark, Problem

VERDICTS: Final[Mapping[str, Verdict]] = {
    "ACCEPT": "accept", "DROP": "drop", "REJECT": "drop", "TARPIT": "drop", "STEAL": "drop", "RETURN": "return",
}  # fmt: skip
_NO_VERDICT: Final = frozenset(
    ["LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "CONNSECMARK", "SECMARK", "TCPMSS", "TCPOPTSTRIP", "DSCP", "TOS",
     "TTL", "HL", "ECN", "CHECKSUM", "CLASSIFY", "CT", "NOTRACK", "TRACE", "SET", "AUDIT", "TEE", "RATEEST", "LED",
     "SYNPROXY", "DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP", "TPROXY", "IDLETIMER", "QUEUE", "NFQUEUE"]
)  # fmt: skip
"""Targets that do not decide; QUEUE and NFQUEUE leave it to a program that is not read."""
_TCP: Final = frozenset({"tcp", "6", "all", "0", "any"})
_OPERATIONS: Final[Mapping[str, str]] = {
    "-A": "append", "--append": "append", "-I": "insert", "--insert": "insert", "-P": "policy", "--policy": "policy",
    "-F": "flush", "--flush": "flush", "-R": "replace", "--replace": "replace", "-N": "new", "--new-chain": "new",
    "-D": "delete", "--delete": "delete",
}  # fmt: skip
_VALUES: Final[Mapping[str, str]] = {
    "-s": "source", "--source": "source", "--src": "source", "-p": "protocol", "--protocol": "protocol",
    "--proto": "protocol", "-i": "incoming", "--in-interface": "incoming", "-o": "outgoing",
    "--out-interface": "outgoing", "--dport": "ports", "--destination-port": "ports", "--dports": "ports",
    "--destination-ports": "ports", "--ports": "ports", "--ctorigdstport": "ports", "-j": "target", "--jump": "target",
    "-g": "target", "--goto": "target", "--state": "states", "--ctstate": "states", "--ctdir": "direction",
    "--comment": "comment", "--src-range": "range", "-m": "module", "--match": "module",
    "-d": "narrow", "--destination": "narrow",
    "--dst": "narrow", "--dst-range": "narrow", "--sport": "narrow", "--source-port": "narrow", "--sports": "narrow",
    "--source-ports": "narrow", "-t": "table", "--table": "table", "-w": "wait", "--wait": "wait",
}  # fmt: skip
"""Option -> what its one value says. What is not here, and does not belong to a target, narrows the rule."""
_HARMLESS_MODULES: Final = frozenset(
    ["tcp", "state", "conntrack", "comment", "multiport", "set", "iprange", "all", "udp", "icmp", "icmp6"]
)
_TARGET_OPTIONS: Final = re.compile(
    r"--(?:reject-with|log-.*|nflog-.*|to-.*|set-.*|save-.*|restore-.*|queue-.*|random.*|clamp-.*|persistent|type|level)"
)
_HARMLESS_OPTIONS: Final = frozenset(["-v", "-n", "-q", "-x", "--verbose", "--numeric", "--exact", "--line-numbers"])
_EVERY_STATE: Final = frozenset({"NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED"})
_COUNTERS: Final = re.compile(r"\[[0-9]+:[0-9]+\]")
_SHORTENED: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,6}", re.ASCII)


@dataclass(slots=True)
class _Rule:
    """A rule while its arguments are read."""

    table: str = "filter"
    operation: str = ""
    chain: str = ""
    number: int = 0
    families: frozenset[Family] | None = None
    sources: tuple[str, ...] | None = None
    excluded: list[str] = field(default_factory=list)
    ports: Ports | None = ()
    narrow: bool = False
    tcp: bool = True
    states: frozenset[str] = _EVERY_STATE
    synchronising: bool = True
    target: str = ""
    policy: str = ""
    comment: str = ""
    unknown: list[str] = field(default_factory=list)
    interfaces: Interfaces = field(default_factory=Interfaces)

    def line(self, families: frozenset[Family], mark: Mark) -> Line | None:
        """The rule as a line of its chain; None where it is not about TCP."""
        if not self.tcp or self.ports is None:
            return None
        match = Match(families, self.sources, tuple(self.excluded), self.ports, self.narrow)
        match, outside, by_interface = self.interfaces.applied(match)
        verdict = VERDICTS.get(self.target, "none" if not self.target or self.target in _NO_VERDICT else "jump")
        new = bool(self.states & {"NEW", "UNTRACKED", "DNAT", "SNAT"}) and self.synchronising
        answers = "ESTABLISHED" in self.states and self.states != _EVERY_STATE
        return Line(
            match, verdict, mark, self.target if verdict == "jump" else "", self.comment, new, answers, outside,
            by_interface,
        )  # fmt: skip


class Tables:
    """The tables of one family as commands or a file of iptables-restore make them.

    Attributes:
        chains: ``table chain`` -> its lines.
        policies: ``table chain`` -> its policy.
        problems: rules that are not read.
    """

    def __init__(self, version: Family, sets: Mapping[str, Sequence[str]] | None = None) -> None:
        self.version = version
        self.chains: dict[str, list[Line]] = {}
        self.policies: dict[str, str] = {}
        self.problems: list[Problem] = []
        self._sets = {} if sets is None else sets  # filled while the script is read

    @property
    def decides(self) -> bool:
        """Whether any rule decides, or a policy denies. A script that hooks in chains of others, or stops, has none."""
        return any(policy in {"DROP", "REJECT"} for policy in self.policies.values()) or any(
            line.verdict in {"accept", "drop", "return"} for lines in self.chains.values() for line in lines
        )

    def declare(self, table: str, chain: str, policy: str) -> None:
        """A chain of a file, ``:INPUT DROP [0:0]``; the policy of a chain of one's own is ``-``."""
        self.chains.setdefault(f"{table} {chain}", [])
        self.policies[f"{table} {chain}"] = policy

    def apply(self, words: Sequence[str], mark: Mark, table: str = "filter", description: str = "") -> bool:
        """Apply the arguments of one call of iptables, or one line of a file.

        Args:
            words: without the name of the program.
            mark: their place.
            table: unless they name one.
            description: unless they have a comment.

        Returns:
            Whether it is a command that changes rules.
        """
        rule = self._parsed(words, table)
        name = f"{rule.table} {rule.chain}"
        if not rule.operation or (rule.families is not None and self.version not in rule.families):
            return bool(rule.operation)
        if rule.operation == "flush":
            for chain in self.chains:
                if chain == name or (not rule.chain and chain.startswith(f"{rule.table} ")):
                    self.chains[chain] = []
        elif rule.operation in {"policy", "new"}:
            self.declare(rule.table, rule.chain, rule.policy or "-")
        elif rule.operation != "delete":  # a deletion that is not believed shows what is let in at the most
            lines = self.chains.setdefault(name, [])
            self.problems += [unknown_service(one, mark) for one in rule.unknown]
            line = rule.line(frozenset({self.version}), mark)
            if line is not None:
                line = line if line.description else replace(line, description=description)
                line = replace(line, target=f"{rule.table} {line.target}") if line.target else line
                self._place(lines, line, rule)
        return True

    def _place(self, lines: list[Line], line: Line, rule: _Rule) -> None:
        if rule.operation == "append":
            lines.append(line)
        elif rule.operation == "insert":
            lines.insert(max(rule.number - 1, 0), line)
        elif 0 < rule.number <= len(lines):
            lines[rule.number - 1] = line

    def _parsed(self, words: Sequence[str], table: str) -> _Rule:
        rule = _Rule(table)
        at, negated, passed = 0, False, False
        while at < len(words):
            word, at = words[at], at + 1
            if word == "!":
                negated = True
                continue
            name, sign, given = word.partition("=") if word.startswith("--") else (word, "", "")
            meaning = _VALUES.get(name)
            if name in _OPERATIONS and not rule.operation:
                at = _operation(rule, _OPERATIONS[name], words, at)
            elif meaning is not None:
                if meaning == "wait" and not (at < len(words) and _NUMBER.fullmatch(words[at])):
                    continue
                if not sign and at < len(words):
                    if words[at] == "!" and at + 1 < len(words):  # as it was written before 1.4.3
                        negated, at = True, at + 1
                    given, at = words[at], at + 1
                if meaning == "module":
                    rule.narrow = rule.narrow or given not in _HARMLESS_MODULES
                elif meaning == "target":
                    rule.target, passed = given, True
                else:
                    _value(rule, meaning, given, negated=negated)
            elif name == "--match-set":
                self._set(rule, words[at : at + 2], negated=negated)
                at += 2
            else:
                at = _other(rule, name, words, at, negated=negated, passed=passed)
            negated = False
        return rule

    def _set(self, rule: _Rule, given: Sequence[str], *, negated: bool) -> None:
        if len(given) < 2 or not given[1].startswith("src"):
            rule.narrow = True
            return
        known = self._sets.get(given[0])
        _sources(rule, tuple(known) if known else (f"ipset:{given[0]}",), negated=negated)


def _operation(rule: _Rule, operation: str, words: Sequence[str], at: int) -> int:
    rule.operation = operation
    if at < len(words) and not words[at].startswith("-"):
        rule.chain, at = words[at], at + 1
    if operation == "policy" and at < len(words):
        rule.policy, at = words[at], at + 1
    elif operation in {"insert", "replace", "delete"}:
        rule.number = 1
        if at < len(words) and _NUMBER.fullmatch(words[at]):
            rule.number, at = int(words[at]), at + 1
    return at


def _value(rule: _Rule, meaning: str, given: str, *, negated: bool) -> None:
    """An option with one value."""
    if meaning == "source":
        _sources(rule, tuple(_padded(one) for one in given.split(",")), negated=negated)
    elif meaning == "range":
        first, _, last = given.partition("-")
        _sources(rule, sources_of_range(first, last or first), negated=negated)
    elif meaning == "protocol":
        rule.tcp = rule.tcp and ((given.lower() in _TCP) != negated)
    elif meaning == "ports":
        _ports(rule, given, negated=negated)
    elif meaning in {"incoming", "outgoing"}:
        rule.interfaces.add([given], out=meaning == "outgoing", negated=negated)
    elif meaning == "states":
        states = frozenset(given.upper().split(","))
        rule.states = _EVERY_STATE - states if negated else rule.states & states or states
    elif meaning == "direction":
        rule.states = rule.states if (given.upper() == "ORIGINAL") != negated else frozenset()
    elif meaning == "comment":
        rule.comment = given
    elif meaning == "table":
        rule.table = given
    elif meaning == "narrow":
        rule.narrow = True


def _padded(text: str) -> str:
    """A source, ``10/8`` for ``10.0.0.0/8`` as iptables takes it."""
    address, sign, length = text.partition("/")
    if sign and _SHORTENED.fullmatch(address) and address.count(".") < 3:
        return source(address + ".0" * (3 - address.count(".")) + sign + length)
    return source(text)


def _sources(rule: _Rule, texts: tuple[str, ...], *, negated: bool) -> None:
    if negated:
        rule.excluded += texts
    elif texts != ("any",):
        rule.sources = texts
    own = {family(text) for text in texts}
    if not negated and None not in own:
        rule.families = frozenset(one for one in own if one is not None)


def _ports(rule: _Rule, given: str, *, negated: bool) -> None:
    found: list[tuple[int, int]] = []
    for text in given.split(","):
        ports = named_ports(text, "iana")
        if ports is None:
            rule.unknown.append(text)
            rule.narrow = True
            continue
        found += ports
    rule.ports = other_ports(tuple(found)) if negated else tuple(found) or None


def _other(rule: _Rule, name: str, words: Sequence[str], at: int, *, negated: bool, passed: bool) -> int:
    """An option that is not about sources and ports. Returns the index behind its values."""
    if name == "--syn":
        rule.synchronising = rule.synchronising and not negated
        return at
    if name == "--tcp-flags":
        wanted = words[at + 1].upper() if at + 1 < len(words) else ""
        rule.synchronising = rule.synchronising and (wanted == "SYN") != negated
        rule.narrow = rule.narrow or wanted != "SYN"
        return at + 2
    if name in {"-4", "--ipv4", "-6", "--ipv6"}:
        rule.families = frozenset({6 if "6" in name else 4})
        return at
    if name in _HARMLESS_OPTIONS:
        return at
    if name.startswith("-"):
        rule.narrow = rule.narrow or not (passed and _TARGET_OPTIONS.fullmatch(name))
        while at < len(words) and not words[at].startswith("-") and words[at] != "!":
            at += 1
    return at


def restore_words(line: str) -> list[str]:
    """The words of a line of iptables-restore, without the counters in front: double quotes, backslashes within."""
    words: list[str] = []
    for found in _RESTORE_WORD.finditer(line):
        quoted = found["quoted"]
        words.append(found["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
    return words[1:] if words and _COUNTERS.fullmatch(words[0]) else words


_RESTORE_WORD: Final = re.compile(r'"(?P<quoted>(?:[^"\\]|\\.)*)"?|(?P<plain>[^\s"]+)')
