"""What the firewalls of clouds have in common.

Everything is denied that no rule lets in, answers pass, and ports of containers are behind them as the host is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from orthancgen.foreign.firewalls.addresses import ANY, Ports, port_range, source
from orthancgen.foreign.firewalls.chains import Base, Line, Walk, in_places
from orthancgen.foreign.firewalls.denied import BOTH, Match
from orthancgen.foreign.firewalls.problems import not_followed
from orthancgen.foreign.model import FirewallFile, FirewallKind
from orthancgen.site.problems import KeyPath, Mark, Problem, sort_problems

TCP: Final = frozenset({"tcp", "6", "-1", "all", "*", "any"})
"""Names of protocols that let TCP in, in lower case."""
EVERY_PROTOCOL: Final = frozenset({"-1", "all"})
_MAXIMUM_PROBLEMS: Final = 100


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that lets TCP in, or denies it; lower numbers of ``priority`` come first, a denial before an allow."""

    sources: tuple[str, ...]
    ports: Ports
    mark: Mark
    path: KeyPath = ()
    description: str = ""
    allows: bool = True
    priority: int = 0


@dataclass(slots=True)
class Rules:
    """Rules of one cloud while a file is read."""

    kind: FirewallKind
    rules: list[Rule] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    used: bool = False

    def add(
        self,
        sources: Sequence[str],
        ports: Sequence[str],
        mark: Mark,
        path: KeyPath = (),
        description: str = "",
        *,
        allows: bool = True,
        priority: int = 0,
    ) -> None:
        """A rule as it is written. No ports are all of them; ports that are no numbers are told."""
        self.used = True
        found: list[tuple[int, int]] = []
        everything = not ports
        for text in ports:
            one = port_range(text)
            everything = everything or text == "*"
            if one is not None:
                found.append(one)
            elif text != "*":
                self.problems.append(not_followed(f"the port {text}", mark))
        texts = tuple(dict.fromkeys(source(text) for text in sources if text))
        texts = (ANY,) if ANY in texts else texts
        if texts and (found or everything):
            own = () if everything else tuple(found)
            self.rules.append(Rule(texts, own, mark, path, description, allows, priority))

    def evaluated(self, file: str, text: str, problems: Iterable[Problem] = ()) -> FirewallFile:
        """What they let in."""
        ordered = sorted(self.rules, key=lambda rule: (rule.priority, rule.allows))
        lines = [
            Line(
                Match(BOTH, None if rule.sources == (ANY,) else rule.sources, (), rule.ports),
                "accept" if rule.allows else "drop",
                rule.mark,
                description=rule.description,
                path=rule.path,
            )
            for rule in ordered
        ]
        walk = Walk({"": lines})
        walk.base(Base("", "any"))
        told = [*problems, *walk.problems, *self.problems[:_MAXIMUM_PROBLEMS]]
        return FirewallFile(
            file=file,
            kind=self.kind,
            families=BOTH,
            drops_by_default=True,
            guards_forwarded=True,
            lets_answers_in=True,
            filters=in_places(walk.filters),
            text=text,
            problems=sort_problems(told),
        )


class Steps:
    """How often values may be looked up in a file: defaults that name each other would take for ever."""

    def __init__(self, most: int = 500_000) -> None:
        self._left = most

    def problems(self, file: str) -> list[Problem]:
        """That there was none left, where that was so."""
        message = "its values are too many, or name each other: not everything is read"
        return [Problem(message, Mark(file, 1, 1, 2), severity="warning")] if self._left < 0 else []

    def left(self) -> bool:
        """Take one step; False once there is none left."""
        self._left -= 1
        return self._left >= 0


def options(words: Sequence[str]) -> dict[str, list[str]]:
    """Options of a cloud's command with their values: ``--name=value``, ``--name value value``, ``-n value``."""
    found: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("-") and not word[1:2].isdigit():
            name, sign, value = word.partition("=")
            found[name] = [value] if sign else []
        elif name:
            found[name].append(word)
    return found
