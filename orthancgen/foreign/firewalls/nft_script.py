"""Scripts of nft and what ``nft list ruleset`` prints, up to the words of each rule: tables, chains, sets. nft(8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from orthancgen.foreign.firewalls.problems import not_followed
from orthancgen.site.problems import Mark, Problem

FAMILIES: Final = frozenset({"ip", "ip6", "inet", "arp", "bridge", "netdev"})
MAXIMUM_PROBLEMS: Final = 100
_TOKEN: Final = re.compile(
    r"(?P<blank>(?:[ \t\r\f\v]|\\\r?\n)+)|(?P<remark>#[^\n]*)|\"(?P<quoted>[^\"]*)\"?|(?P<sign>[{};,\n]|[!=<>]=|[=<>])"
    r"|(?P<word>(?:[^\s{};,=\"#!<>\\]|!(?!=))+)|(?P<other>.)"
)
_PRIORITIES: Final[Mapping[str, int]] = {
    "raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100,
}  # fmt: skip
"""nft(8), Priority names and values."""
_BUDGET: Final = 1_000_000
"""Words put in for variables; definitions of definitions could be endless."""
_INTEGER: Final = re.compile(r"-?[0-9]{1,9}", re.ASCII)


class Token(NamedTuple):
    """A word or sign of a script, and where it stands. A quoted text is never a sign."""

    text: str
    start: int
    end: int
    quoted: bool = False

    def sign(self, text: str) -> bool:
        """Whether it is that sign."""
        return self.text == text and not self.quoted


@dataclass(slots=True)
class Chain:
    """A chain; ``hook`` is "" where only others jump to it.

    Attributes:
        kind: filter, nat or route.
        rules: the words of each.
    """

    kind: str = ""
    hook: str = ""
    priority: int = 0
    policy: str = "accept"
    rules: list[list[Token]] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """A table: its chains, and the words of the elements of its sets and maps."""

    family: str
    name: str
    chains: dict[str, Chain] = field(default_factory=dict)
    sets: dict[str, list[Token]] = field(default_factory=dict)
    dormant: bool = False


class Script:
    """Statements of nft in their order.

    Attributes:
        tables: by family and name.
        problems: what is not followed, and what does not end.
    """

    def __init__(self, mark: Callable[[int, int], Mark]) -> None:
        self.tables: dict[tuple[str, str], Table] = {}
        self.problems: list[Problem] = []
        self._mark = mark
        self._variables: dict[str, list[Token]] = {}
        self._budget = _BUDGET
        self._tokens: list[Token] = []
        self._at = 0

    def run(self, text: str, place: tuple[int, int] | None = None) -> None:
        """Read statements. ``place`` is where they stand, unless the text is that of the file."""
        self._tokens = [*_tokens(text), Token("\n", len(text), len(text))]
        if place is not None:
            self._tokens = [Token(one.text, *place, one.quoted) for one in self._tokens]
        self._at = 0
        last = self._tokens[-2] if len(self._tokens) > 1 else None
        if last is not None and last.quoted and place is None and last.end - last.start != len(last.text) + 2:
            self._problem(Problem("a string does not end", self._mark(last.start, last.end), hint='it lacks "'))
        while self._at < len(self._tokens):
            self._statement()

    # Statements

    def _statement(self) -> None:
        if self._skip():
            return
        verb = self._next().text
        if verb == "define" or verb == "redefine":
            self._define()
        elif verb == "include":
            token = self._next()
            self._problem(not_followed("a file that it includes", self._mark(token.start, token.end)))
            self._rest()
        elif verb in {"table", "chain", "set", "map", "rule", "element"}:
            self._object(verb, insert=False)
        elif verb in {"add", "create", "insert", "replace"}:
            self._object(self._next().text, insert=verb == "insert")
        elif verb in {"flush", "delete", "destroy"}:
            self._removal(self._next().text)
        else:
            self._rest()

    def _object(self, what: str, *, insert: bool) -> None:
        if what not in {"table", "chain", "set", "map", "rule", "element"}:
            self._rest()
            return
        table = self._table()
        if what == "table":
            if self._opens():
                self._table_body(table)
        elif what == "rule":
            self._added_rule(table, insert=insert)
        elif what == "chain":
            self._chain(table, self._next().text)
        else:
            self._set(table, self._next().text)

    def _table(self) -> Table:
        first = self._next().text
        family, name = (first, self._next().text) if first in FAMILIES else ("ip", first)
        return self.tables.setdefault((family, name), Table(family, name))

    def _removal(self, what: str) -> None:
        if what == "ruleset":
            self.tables.clear()
        elif what in {"table", "chain"}:
            table = self._table()
            if what == "table":
                for chain in table.chains.values():
                    chain.rules.clear()
            else:
                table.chains.get(self._next().text, Chain()).rules.clear()
        self._rest()

    def _table_body(self, table: Table) -> None:
        while not self._closes():
            what = self._next().text
            if what == "chain":
                self._chain(table, self._next().text)
            elif what in {"set", "map"}:
                self._set(table, self._next().text)
            else:
                flags = [token.text for token in self._rest()]
                table.dormant = table.dormant or (what == "flags" and "dormant" in flags)

    def _chain(self, table: Table, name: str) -> None:
        chain = table.chains.setdefault(name, Chain())
        if not self._opens():
            return
        while not self._closes():
            words = self._rest()
            heads = [token.text for token in words]
            if heads[:1] == ["type"] and "hook" in heads:
                _base(chain, heads)
            elif heads[:1] == ["policy"]:
                chain.policy = heads[1] if len(heads) > 1 else chain.policy
            elif heads[:1] not in ([], ["comment"], ["devices"], ["device"]):
                chain.rules.append(words)

    def _added_rule(self, table: Table, *, insert: bool) -> None:
        chain = table.chains.setdefault(self._next().text, Chain())
        words = self._rest()
        if len(words) > 2 and words[0].text in {"handle", "index", "position"} and not words[0].quoted:
            words = words[2:]
        if words:
            chain.rules.insert(0 if insert else len(chain.rules), words)

    def _set(self, table: Table, name: str) -> None:
        """A set or map with its properties, or elements alone."""
        if not self._opens():
            return
        elements = table.sets.setdefault(name, [])
        while not self._closes():
            words = self._rest()
            if len(words) > 2 and words[0].text == "elements" and words[1].sign("="):
                elements += [token for token in words[3:] if not token.sign("}")]
            elif words and words[0].text not in _PROPERTIES:
                elements += [*words, Token(",", words[-1].end, words[-1].end)]

    def _define(self) -> None:
        words = self._rest()
        if len(words) > 2 and words[1].sign("="):
            self._variables[words[0].text] = words[2:]

    # Words

    def _next(self) -> Token:
        if self._at >= len(self._tokens):
            return self._tokens[-1]
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _skip(self) -> bool:
        """Skip ends of statements, and braces that close nothing. Returns whether nothing is left."""
        while self._at < len(self._tokens) and any(self._tokens[self._at].sign(sign) for sign in ("\n", ";", "}", ",")):
            self._at += 1
        return self._at >= len(self._tokens)

    def _opens(self) -> bool:
        """Step behind an opening brace, if one comes before the statement ends."""
        if self._at < len(self._tokens) and self._tokens[self._at].sign("{"):
            self._at += 1
            return True
        self._rest()
        return False

    def _closes(self) -> bool:
        """Skip ends of statements, and step behind the brace that closes the block; the end of the text closes too."""
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.sign("\n") or token.sign(";") or token.sign(","):
                self._at += 1
            else:
                self._at += token.sign("}")
                return token.sign("}")
        end = self._tokens[-1].end
        self._problem(Problem("a block is not closed", self._mark(end, end), hint="it lacks }"))
        return True

    def _rest(self) -> list[Token]:
        """The words up to the end of the statement, braces in it as a whole; variables put in."""
        words: list[Token] = []
        depth = 0
        while self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.sign("{"):
                depth += 1
            elif token.sign("}"):
                if depth == 0:
                    break
                depth -= 1
            elif depth == 0 and (token.sign("\n") or token.sign(";")):
                self._at += 1
                break
            self._at += 1
            if token.sign("\n") or (depth == 0 and token.sign(",") and not words):
                continue
            words += self._put_in(token)
        if depth:
            self._problem(
                Problem("a brace is not closed", self._mark(words[-1].start, words[-1].end), hint="it lacks }")
            )
        return words

    def _put_in(self, token: Token) -> list[Token]:
        value = self._variables.get(token.text[1:]) if token.text.startswith("$") and not token.quoted else None
        if value is None or len(value) > self._budget:
            return [token]
        self._budget -= len(value)
        return [Token(one.text, token.start, token.end, one.quoted) for one in value]

    def _problem(self, problem: Problem) -> None:
        if len(self.problems) < MAXIMUM_PROBLEMS:
            self.problems.append(problem)


_PROPERTIES: Final = frozenset(
    [
        "type",
        "typeof",
        "flags",
        "timeout",
        "gc-interval",
        "size",
        "policy",
        "auto-merge",
        "comment",
        "counter",
        "elements",
    ]
)


def _base(chain: Chain, heads: list[str]) -> None:
    """``type filter hook input priority filter - 10``, with what follows in other statements."""
    chain.kind = heads[1] if len(heads) > 1 else ""
    at = heads.index("hook")
    chain.hook = heads[at + 1] if at + 1 < len(heads) else ""
    if "priority" not in heads:
        return
    given = heads[heads.index("priority") + 1 :]
    number = _PRIORITIES.get(given[0], 0) if given else 0
    text = "".join(given).removeprefix(given[0] if given and given[0] in _PRIORITIES else "").replace("+", "")
    found = _INTEGER.fullmatch(text)
    chain.priority = number + (int(found[0]) if found else 0)


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup
        if kind in {"sign", "word", "other"}:
            tokens.append(Token(found[0], found.start(), found.end()))
        elif kind == "quoted":
            tokens.append(Token(found["quoted"], found.start(), found.end(), quoted=True))
    return tokens
