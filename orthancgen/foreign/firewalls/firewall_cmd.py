"""Calls of ``firewall-cmd``: what zones, policies and direct rules they make. firewall-cmd(1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from orthancgen.foreign.firewalls.firewalld import Direct, Zone, file_of, rich_rule
from orthancgen.foreign.firewalls.xml import Element
from orthancgen.foreign.model import FirewallFile
from orthancgen.site.problems import Mark

_FLAGS: Final = frozenset(
    ["--permanent", "--direct", "--reload", "--complete-reload", "--quiet", "-q", "--runtime-to-permanent", "--state"]
)
_DIRECT: Final = frozenset(["--add-rule", "--add-chain", "--passthrough", "--add-passthrough"])


class FirewallCmd:
    """What calls make, one after the other.

    Attributes:
        used: whether any of them was about rules.
    """

    def __init__(self) -> None:
        self.used = False
        self._zones: dict[tuple[str, str], Zone] = {}
        self._direct = Direct()
        self._seen: set[tuple[str, ...]] = set()

    def apply(self, words: Sequence[str], mark: Mark) -> None:
        """Apply the arguments of one call. What is said twice, for the running and the kept rules, counts once."""
        if "--direct" in words:
            self._directly(words, mark)
            return
        options = _options(words)
        names = dict(options)
        kind = "policy" if "--policy" in names else "zone"
        for name, value in options:
            if name.startswith("--add-") or name in {"--set-target", "--change-interface", "--change-source"}:
                key = (kind, names.get(f"--{kind}", ""))
                zone = self._zones.setdefault(key, Zone(mark, policy=kind == "policy", target=_UNSAID[kind]))
                if (*key, name, value) not in self._seen:
                    self._seen.add((*key, name, value))
                    self._option(zone, name, value, mark)

    def _option(self, zone: Zone, name: str, value: str, mark: Mark) -> None:
        self.used = True
        what = name.removeprefix("--add-").removeprefix("--change-")
        if name == "--set-target":
            zone.target = value
        elif what == "egress-zone":
            zone.hook = "input" if value == "HOST" else "forward"
        elif what == "rich-rule":
            zone.add(rich_rule(value, mark))
        elif what == "port":
            port, _, protocol = value.partition("/")
            zone.add(Element("port", {"port": port, "protocol": protocol}, mark))
        elif what in {"service", "interface"}:
            zone.add(Element(what, {"name": value}, mark))
        elif what == "protocol":
            zone.add(Element(what, {"value": value}, mark))
        elif what == "source":
            kind = "ipset" if value.startswith("ipset:") else "mac" if value.count(":") == 5 else "address"
            zone.add(Element(what, {kind: value.removeprefix("ipset:")}, mark))
        elif what == "forward-port":
            given = dict(part.partition("=")[::2] for part in value.split(":"))
            attributes = {"port": given.get("port", ""), "protocol": given.get("proto", "")}
            zone.add(Element(what, attributes | {"to-addr": given.get("toaddr", "")}, mark))

    def _directly(self, words: Sequence[str], mark: Mark) -> None:
        at = next((at for at, word in enumerate(words) if word in _DIRECT), len(words))
        said = tuple(words[at:])
        if said in self._seen:
            return
        self._seen.add(said)
        verb, given = "".join(said[:1]), said[1:]
        if verb == "--add-rule" and len(given) > 4:
            self.used = True
            version, table, chain, priority, *rule = given
            self._direct.rule(version, table, chain, priority, rule, mark)
        elif verb == "--add-chain" and len(given) > 2:
            self._direct.chain(given[0], given[1], given[2])
        elif verb in {"--passthrough", "--add-passthrough"} and len(given) > 1:
            self.used = True
            self._direct.passthrough(given[0], given[1:], mark)

    def evaluated(self, file: str, text: str) -> FirewallFile:
        """What they let in."""
        return file_of(self._zones.values(), self._direct, file, text)


_UNSAID: Final = {"zone": "", "policy": "CONTINUE"}


def _options(words: Sequence[str]) -> list[tuple[str, str]]:
    """Options with their values, ``--name=value`` or ``--name value``."""
    options: list[tuple[str, str]] = []
    at = 0
    while at < len(words):
        name, sign, value = words[at].partition("=")
        at += 1
        if not sign and name not in _FLAGS and at < len(words) and not words[at].startswith("--"):
            value, at = words[at], at + 1
        options.append((name, value))
    return options
