"""Windows Defender Firewall: calls of ``netsh advfirewall`` and of PowerShell's cmdlets for it.

https://learn.microsoft.com/powershell/module/netsecurity/new-netfirewallrule, netsh advfirewall firewall add rule ?.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Final

from orthancgen.foreign.firewalls import powershell
from orthancgen.foreign.firewalls.addresses import ANY, port_range, source, sources_of_range
from orthancgen.foreign.firewalls.chains import Base, Line, Walk, in_places
from orthancgen.foreign.firewalls.denied import BOTH, Match
from orthancgen.foreign.firewalls.problems import not_followed
from orthancgen.foreign.model import FirewallFile
from orthancgen.foreign.places import LINE_BREAK, Places
from orthancgen.site.problems import Mark, Problem, sort_problems

MAXIMUM_PROBLEMS: Final = 100
_RULE: Final = re.compile(
    r"netsh(?:\.exe)?[ \t]+advfirewall[ \t]+firewall[ \t]+add[ \t]+rule\b|\bNew-NetFirewallRule\b", re.IGNORECASE
)
_NETSH: Final = re.compile(r"\bnetsh(?:\.exe)?[ \t]+advfirewall[ \t]+", re.IGNORECASE)
_REMARK: Final = re.compile(r"[ \t]*@?(?:rem(?:[ \t]|$)|::)", re.IGNORECASE)
_WORD: Final = re.compile(r"(?:[^\s\"&|<>]|\"[^\"]*\"?)+|[&|<>]")
_SET: Final = re.compile(r"[ \t]*@?set[ \t]+\"?([A-Za-z_][A-Za-z0-9_]*)=([^\"\r\n]*)\"?[ \t]*", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"%([A-Za-z_][A-Za-z0-9_]*)%")
_TCP: Final = frozenset({"tcp", "6", "any", ""})
_PARAMETERS: Final[Mapping[str, str]] = {
    "direction": "dir", "action": "action", "protocol": "protocol", "localport": "localport", "enabled": "enable",
    "remoteaddress": "remoteip", "profile": "profile", "edgetraversalpolicy": "edge", "displayname": "name",
    "description": "description", "program": "program", "service": "service", "interfacetype": "interfacetype",
    "interfacealias": "interfacetype", "localaddress": "localip", "remoteport": "remoteport",
}  # fmt: skip
"""Parameters of New-NetFirewallRule -> what netsh calls them."""
_NARROWING: Final = ("program", "service", "interfacetype", "localip", "remoteport")
_NO: Final = frozenset({"no", "false", "off", "0", "$false"})
_CMDLETS: Final = frozenset({"new-netfirewallrule", "set-netfirewallprofile", "netsh", "netsh.exe"})


def recognises(text: str, _file: str) -> bool:
    """Whether rules are made."""
    return _RULE.search(text) is not None


def read(text: str, file: str) -> tuple[FirewallFile, ...]:
    """Read a script of cmd.exe or of PowerShell."""
    reader = _Reader(text, file)
    if PurePath(file).suffix.lower() in {".cmd", ".bat"} or "New-NetFirewallRule".lower() not in text.lower():
        reader.batch()
    else:
        reader.powershell()
    return (reader.evaluated(),)


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self._places = Places(text, file)
        self._blocking: list[Line] = []
        self._letting_in: list[Line] = []
        self._profiles: dict[Mark, tuple[tuple[str, ...], bool]] = {}
        self._blocks = True
        self._on = True
        self._problems: list[Problem] = []

    def batch(self) -> None:
        """Lines of cmd.exe; those that go on behind a caret as one."""
        variables: dict[str, str] = {}
        whole, first = "", 0
        for number, line in enumerate(LINE_BREAK.split(self.text), start=1):
            first = first if whole else number
            whole += line
            if line.endswith("^") and len(whole) < 20_000:
                whole = whole[:-1] + " "
                continue
            if assigned := _SET.fullmatch(whole):
                variables[assigned[1].lower()] = assigned[2]
            elif not _REMARK.match(whole) and (called := _NETSH.search(whole)):
                rest = _VARIABLE.sub(lambda found: variables.get(found[1].lower(), found[0])[:2000], whole)
                start = _NETSH.search(rest)
                words = list(_words(rest[start.end() :])) if start else []
                mark = self._places.line(first)
                self._netsh(words, replace(mark, column=min(called.start() + 1, mark.end_column - 1)))
            whole = ""

    def powershell(self) -> None:
        """Cmdlets, and netsh called from PowerShell."""
        for call in powershell.calls(self.text, _CMDLETS):
            mark = self._places.mark(call.start, call.end)
            if call.command.startswith("netsh"):
                if call.words[:1] == ("advfirewall",):
                    self._netsh(call.words[1:], mark)
            elif call.command == "set-netfirewallprofile":
                self._profile(call.parameters)
            else:
                given = {_named(name): ",".join(values) for name, values in call.parameters.items()}
                given.setdefault("dir", "in")
                given.setdefault("action", "allow")
                self._rule(given, mark)

    def _profile(self, parameters: Mapping[str, Sequence[str]]) -> None:
        action = ",".join(parameters.get("defaultinboundaction", ())).lower()
        if action in {"allow", "block", "notconfigured"}:
            self._blocks = action != "allow"
        enabled = ",".join(parameters.get("enabled", ())).lower()
        if enabled in {"true", "$true", "1", *_NO}:
            self._on = enabled not in _NO

    def _netsh(self, words: Sequence[str], mark: Mark) -> None:
        lower = [word.lower() for word in words]
        if lower[:3] == ["firewall", "add", "rule"]:
            self._rule(_pairs(words[3:]), mark)
        elif lower[:1] == ["set"] and lower[2:3] == ["state"]:
            self._on = lower[3:4] != ["off"]
        elif lower[:1] == ["set"] and lower[2:3] == ["firewallpolicy"]:
            self._blocks = not ",".join(lower[3:]).startswith("allowinbound")

    def _rule(self, given: Mapping[str, str], mark: Mark) -> None:
        incoming = given.get("dir", "").lower() in {"in", "inbound"}
        if not incoming or given.get("enable", "yes").lower() in _NO or given.get("protocol", "").lower() not in _TCP:
            return
        ports = given.get("localport", "any")
        found: list[tuple[int, int]] = []
        every = False
        for text in filter(None, (one.strip() for one in ports.split(","))):
            one = port_range(text)
            every = every or text.lower() == ANY
            if one is not None:
                found.append(one)
            elif text.lower() != ANY:
                self._problems.append(not_followed(f"the port {text}", mark))
        if not found and not every:
            return
        sources = [one for text in given.get("remoteip", ANY).split(",") if text.strip() for one in _source(text)]
        profiles = tuple(filter(None, (one.strip().lower() for one in given.get("profile", ANY).split(",")))) or (ANY,)
        narrow = profiles != (ANY,) or any(given.get(name, ANY).lower() != ANY for name in _NARROWING)
        blocks = given.get("action", "").lower() == "block"
        match = Match(BOTH, None if ANY in sources else tuple(sources), (), () if every else tuple(found), narrow)
        description = given.get("description") or given.get("name", "")
        line = Line(match, "drop" if blocks else "accept", mark, description=description)
        (self._blocking if blocks else self._letting_in).append(line)
        self._profiles[mark] = profiles, given.get("edge", "no").lower() not in {"no", "block", *_NO}

    def evaluated(self) -> FirewallFile:
        """What the rules let in."""
        walk = Walk({"": [*self._blocking, *self._letting_in]})  # what blocks wins, wherever it stands
        walk.base(Base("", "input"))
        filters = in_places(walk.filters)
        return FirewallFile(
            file=self.file,
            kind="windows",
            families=BOTH,
            drops_by_default=self._blocks and self._on,
            guards_forwarded=True,  # what an engine publishes is a program of the host
            lets_answers_in=True,
            filters=tuple(
                replace(one, profiles=self._profiles[one.mark][0], edge=self._profiles[one.mark][1]) for one in filters
            ),
            text=self.text,
            problems=sort_problems([*walk.problems, *self._problems[:MAXIMUM_PROBLEMS]]),
        )


def _named(name: str) -> str:
    """The parameter that a name or the start of one means."""
    if name in _PARAMETERS:
        return _PARAMETERS[name]
    meant = [full for full in _PARAMETERS if full.startswith(name)]
    return _PARAMETERS[meant[0]] if len(meant) == 1 and len(name) > 2 else name


def _source(text: str) -> tuple[str, ...]:
    plain = text.strip()
    first, sign, last = plain.partition("-")
    if sign and last and (":" in first or first[:1].isdigit()):
        return sources_of_range(first, last)
    return (source(plain),)


def _words(text: str) -> Iterator[str]:
    """The words of a command line up to a redirection or the next command, without quotes."""
    for found in _WORD.finditer(text):
        if found[0] in {"&", "|", "<", ">"}:
            return
        yield found[0].replace('"', "")


def _pairs(words: Sequence[str]) -> dict[str, str]:
    """``name=value``, also with blanks around the sign; names in lower case."""
    pairs: dict[str, str] = {}
    for name, _, value in (word.partition("=") for word in words):
        pairs.setdefault(name.lower(), value)
    return pairs
