"""ufw: its files of rules, what ``ufw status`` prints, and calls of ``ufw``. ufw(8), ufw-framework(8)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from orthancgen.foreign.firewalls import iptables
from orthancgen.foreign.firewalls.addresses import ANY, Family, Ports, family, named_ports, source
from orthancgen.foreign.firewalls.chains import Base, Line, Verdict, Walk, in_places
from orthancgen.foreign.firewalls.denied import BOTH, Match
from orthancgen.foreign.firewalls.interfaces import Interfaces
from orthancgen.foreign.firewalls.problems import unknown_service
from orthancgen.foreign.model import FirewallFile
from orthancgen.foreign.places import LINE_BREAK, Places
from orthancgen.site.problems import Mark, Problem, sort_problems

_FILES: Final = frozenset(
    f"{name}{six}.rules" for name in ("user", "before", "after") for six in ("", "6")
)  # of /etc/ufw
_MARKS: Final = re.compile(r"^### tuple ###|^[:-](?:A )?ufw6?-", re.MULTILINE)
_DEFAULT: Final = re.compile(r"^Default: (\w{1,20}) \(incoming\)", re.MULTILINE)
_STATUS: Final = re.compile(r"\A\s*Status: (?P<status>active|inactive)\b")
_ROW: Final = re.compile(r"\s(?P<action>ALLOW|DENY|REJECT|LIMIT)(?: (?P<way>IN|OUT|FWD))?(?:\s|$)")
_ROW_NUMBER: Final = re.compile(r"\[\s{0,4}[0-9]{1,5}\]\s")
_VERDICTS: Final[dict[str, Verdict]] = {"allow": "accept", "limit": "accept", "deny": "drop", "reject": "drop"}
_NUMBER: Final = re.compile(r"[0-9]{1,6}", re.ASCII)
_ENDS: Final = frozenset({"from", "to", "proto", "comment", "in", "out", "on", "port", "app", "log", "log-all"})


@dataclass(slots=True)
class _Rule:
    """A rule of ufw while its words are read."""

    forward: bool = False
    outgoing: bool = False
    verdict: Verdict = "accept"
    source: str = ANY
    to: str = ANY
    ports: Ports | None = ()
    protocol: str = ""
    interface: str = ""
    comment: str = ""


class Ufw:
    """What calls of ufw make, one after the other.

    Attributes:
        used: whether any of them was about rules.
    """

    def __init__(self) -> None:
        self.used = False
        self._chains: dict[str, list[Line]] = {"input": [], "forward": []}
        self._incoming = "deny"
        self._routed = "deny"
        self._active = True
        self._problems: list[Problem] = []

    def apply(self, words: Sequence[str], mark: Mark) -> None:
        """Apply the arguments of one call."""
        words = [word for word in words if word not in {"--dry-run", "--force", "-f"}]
        verb = words[0] if words else ""
        if verb in {"enable", "disable"}:
            self.used, self._active = True, verb == "enable"
        elif verb == "reset":
            self._chains = {"input": [], "forward": []}
        elif verb == "default" and len(words) > 1:
            self.used = True
            if words[-1] in {"routed", "forward"}:
                self._routed = words[1]
            elif words[-1] not in {"outgoing", "out"}:
                self._incoming = words[1]
        else:
            self._rule(words, mark)

    def _rule(self, words: list[str], mark: Mark) -> None:
        rule, at, first = _Rule(), 0, False
        while at < len(words) and words[at] not in _VERDICTS:
            if words[at] == "delete":  # a deletion that is not believed shows what is let in at the most
                return
            rule.forward = rule.forward or words[at] == "route"
            first = first or words[at] == "prepend" or (words[at] == "insert" and words[at + 1 : at + 2] == ["1"])
            at += 1
            if words[at - 1] not in {"rule", "route", "prepend", "insert"} and not _NUMBER.fullmatch(words[at - 1]):
                return
        if at >= len(words):
            return
        self.used = True
        rule.verdict = _VERDICTS[words[at]]
        self._arguments(rule, words[at + 1 :], mark)
        self.add(rule, BOTH, mark, first=first)

    def _arguments(self, rule: _Rule, words: Sequence[str], mark: Mark) -> None:
        at, side = 0, "to"
        while at < len(words):
            word, value = words[at], words[at + 1] if at + 1 < len(words) else ""
            at += 2
            if word in {"from", "to"}:
                side = word
                if word == "from":
                    rule.source = source(value)
                else:
                    rule.to = source(value)
            elif word in {"port", "app"}:
                if side == "to":
                    self.ports(rule, value, mark)
            elif word == "proto":
                rule.protocol = value
            elif word == "comment":
                rule.comment = value
            elif word == "on":
                rule.interface = rule.interface or value
            else:
                at -= 1
                if word in {"in", "out"}:
                    rule.outgoing = rule.outgoing or (word == "out" and not rule.forward)
                elif word not in _ENDS:
                    self.ports(rule, word, mark)

    def ports(self, rule: _Rule, text: str, mark: Mark) -> None:
        """``22``, ``80,443/tcp``, ``6000:6007/udp`` or the name of a service or an application."""
        plain, _, protocol = text.partition("/")
        rule.protocol = rule.protocol or protocol
        found: list[tuple[int, int]] = []
        for one in plain.split(","):
            ports = named_ports(one, "ufw")
            if ports is None:
                self._problems.append(unknown_service(one, mark))
            found += ports or ()
        rule.ports = tuple(found) or None

    def add(self, rule: _Rule, families: frozenset[Family], mark: Mark, *, first: bool = False) -> None:
        """A rule that was read."""
        versions = {family(one) for one in (rule.source, rule.to)} - {None}
        own = families & frozenset(one for one in versions if one is not None) if versions else families
        if rule.outgoing or rule.ports is None or rule.protocol not in {"", "any", "tcp"} or not own:
            return
        interfaces = Interfaces()
        if rule.interface:
            interfaces.add([rule.interface], out=False, negated=False)
        sources = None if rule.source == ANY else (rule.source,)
        match, outside, card = interfaces.applied(Match(own, sources, (), rule.ports, rule.to != ANY))
        line = Line(match, rule.verdict, mark, "", rule.comment, outside=outside, by_interface=card)
        lines = self._chains["forward" if rule.forward else "input"]
        lines.insert(0 if first else len(lines), line)

    def status(self, active: str, default: str) -> None:
        """What the first lines of ``ufw status`` say."""
        self.used, self._active = True, active == "active"
        self._incoming = default or self._incoming

    def evaluated(self, file: str, text: str) -> FirewallFile:
        """What the rules let in. Ports that an engine publishes are not guarded: its rules come first."""
        walk = Walk(self._chains)
        walk.base(Base("input", "input", drops=self._incoming != "allow"))
        walk.base(Base("forward", "forward", drops=self._routed != "allow"))
        return FirewallFile(
            file=file,
            kind="ufw",
            families=BOTH,
            drops_by_default=self._active and walk.drops("input", BOTH),
            guards_forwarded=False,
            lets_answers_in=True,  # before.rules, as ufw is delivered
            filters=in_places(walk.filters),
            text=text,
            problems=sort_problems([*walk.problems, *self._problems[: iptables.MAXIMUM_PROBLEMS]]),
        )


def recognises(text: str, file: str) -> bool:
    """Whether it is a file of /etc/ufw with rules, or the output of ``ufw status``."""
    if PurePath(file).name in _FILES:
        return iptables.recognises(text, file) or "ufw" in text
    return _MARKS.search(text) is not None or _STATUS.match(text) is not None


def read(text: str, file: str) -> tuple[FirewallFile, ...]:
    """Read a file of rules, or the output of ``ufw status``."""
    status = _STATUS.match(text)
    if status is not None:
        return (_status(text, file, status["status"]),)
    version = iptables.version_of(text, file)
    tables = iptables.tables_of(text, file, version, _descriptions(text))
    # The files of ufw are pieces of one whole: its default and the answers stand in others of them.
    return (iptables.evaluated(tables, "ufw", file, text),)


def _descriptions(text: str) -> dict[int, str]:
    """Comments of rules, by the numbers of their lines: they stand in lines ``### tuple ###`` in front of them."""
    found: dict[int, str] = {}
    comment = ""
    for number, line in enumerate(LINE_BREAK.split(text), start=1):
        if line.startswith("### tuple ###"):
            comment = _from_hexadecimal(line.partition(" comment=")[2].strip())
        elif not line.strip():
            comment = ""
        elif comment:
            found[number] = comment
    return found


def _from_hexadecimal(text: str) -> str:
    try:
        return bytes.fromhex(text).decode("utf-8", "replace")
    except ValueError:
        return ""


def _status(text: str, file: str, active: str) -> FirewallFile:
    ufw, places = Ufw(), Places(text, file)
    default = _DEFAULT.search(text)
    ufw.status(active, default[1] if default else "")
    for number, line in enumerate(LINE_BREAK.split(text), start=1):
        row = _ROW.search(line)
        if row is None:
            continue
        to = _ROW_NUMBER.sub("", line[: row.start()].strip(), count=1)
        given, _, comment = line[row.end() :].partition("# ")
        verdict = _VERDICTS[row["action"].lower()]
        rule = _Rule(row["way"] == "FWD", row["way"] == "OUT", verdict, comment=comment.strip())
        families: frozenset[Family] = frozenset({6 if "(v6)" in to + given else 4})
        to, _, rule.interface = to.replace("(v6)", "").strip().partition(" on ")
        given, _, card = given.replace("(v6)", "").strip().partition(" on ")
        rule.interface = rule.interface or card
        rule.source = source(given.partition(" ")[0])
        mark = places.line(number)
        _target(ufw, rule, to, mark)
        version = family(rule.source)
        ufw.add(rule, frozenset({version}) if version else families, mark)
    return ufw.evaluated(file, text)


def _target(ufw: Ufw, rule: _Rule, to: str, mark: Mark) -> None:
    """The column To: ``22/tcp``, ``80,443/tcp (Nginx Full)``, ``10.0.0.5 22/tcp``, ``Anywhere``, ``OpenSSH``."""
    if to == "Anywhere":
        return
    words = to.partition(" (")[0].split()
    if len(words) > 1 and family(words[0]) is not None:
        rule.to, words = source(words[0]), words[1:]
    elif len(words) == 1 and family(words[0]) is not None:
        rule.to, words = source(words[0]), []
    if words and words != ["Anywhere"]:
        ufw.ports(rule, " ".join(words), mark)
