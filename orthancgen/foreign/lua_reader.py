"""The structure of a Lua script as far as it tells who calls what: blocks, brackets, functions, arguments.

It is no full parser: what Lua would refuse within an expression may pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from orthancgen.foreign.lua_names import CALLBACKS, CLOSERS, ENDS, FUNCTIONS, PROTECTED_CALLS
from orthancgen.foreign.lua_tokens import MAXIMUM_PROBLEMS, Token
from orthancgen.foreign.model import LuaCall
from orthancgen.foreign.places import Places
from orthancgen.site.problems import Mark, Problem

_BRACKETS = frozenset("([{")


@dataclass(slots=True)
class Function:
    """A function: its name or "", the number of the one around it, whether it is given to pcall as it stands."""

    name: str
    parent: int
    protected: bool


@dataclass(slots=True)
class Use:
    """A mention of a name: in which function, and whether it is the first argument of pcall."""

    name: str
    function: int
    protected: bool = False


@dataclass(slots=True)
class _Call:
    """A call that is being read.

    Attributes:
        arguments: those that are complete.
        given: the tokens of the argument at hand, unless it is `computed`.
        passed: the mention of a name that is the whole first argument.
    """

    name: str
    mark: Mark
    function: int
    arguments: list[str | float | None] = field(default_factory=list)
    given: list[Token] = field(default_factory=list)
    computed: bool = False
    passed: Use | None = None

    def empty(self) -> bool:
        """Whether nothing was given yet."""
        return not (self.arguments or self.given or self.computed)

    def take(self, token: Token, use: Use | None) -> None:
        """A token of the argument at hand, the mention of a name or none."""
        alone = self.empty()
        if not self.arguments:
            self.passed = use if alone else None
        if not self.computed:
            self.given.append(token)

    def compute(self) -> None:
        """The argument at hand is no literal."""
        self.computed = True
        if not self.arguments:
            self.passed = None

    def next(self) -> None:
        """The argument at hand is complete."""
        self.arguments.append(None if self.computed else _literal(self.given))
        self.given, self.computed = [], False


@dataclass(slots=True)
class _Open:
    """A block or bracket that is not closed yet; the call whose bracket it is; the function around it."""

    token: Token
    call: _Call | None
    outer: int


class Reader:
    """Goes through the tokens once.

    Attributes:
        callbacks: those that are defined, with their places.
        names: every name.
        calls: each with the number of the function in which it stands.
        functions: number 0 is the script itself.
        uses: every mention of a name that is no definition of it.
        problems: what is not closed, or closes nothing.
    """

    def __init__(self, tokens: list[Token], places: Places) -> None:
        self.callbacks: dict[str, Mark] = {}
        self.names: set[str] = set()
        self.calls: list[tuple[LuaCall, int]] = []
        self.functions = [Function("", 0, protected=False)]
        self.uses: list[Use] = []
        self.problems: list[Problem] = []
        self._tokens = tokens
        self._places = places
        self._function = 0
        self._open: list[_Open] = []
        self._aliases: dict[str, str] = {}
        self._locals: set[str] = set()

    def read(self) -> None:
        """Read everything."""
        at = 0
        while self._tokens[at].kind != "end":
            at = self._one(at)
        for left in self._open:
            self._not_closed(left)

    def _one(self, at: int) -> int:
        """What stands at a token. Returns the index of what comes next."""
        token = self._tokens[at]
        if token.kind == "name":
            return self._name(at)
        if token.is_("function"):
            return self._defined(at)
        if token.kind in {"keyword", "sign"}:
            if token.text in ENDS:
                self._computed()
                self._open.append(_Open(token, None, self._function))
                return at + 1
            if token.text in CLOSERS:
                self._closed(token)
                return at + 1
            call = self._call()
            if token.text == "," and call is not None:
                call.next()
                return at + 1
        self._given(token)
        return at + 1

    # Names

    def _name(self, at: int) -> int:
        """A name with what belongs to it, ``a.b.c``: defined, called or mentioned."""
        token, before = self._tokens[at], self._before(at)
        self.names.add(token.text)
        if any(before.is_(sign) for sign in (".", ":", "goto", "::")):
            self._given(token)
            return at + 1
        name, end = self._dotted(at)
        if name == "_G" and self._indexed(end):
            name, end = self._tokens[end + 1].text, end + 3
        following = self._tokens[end]
        if following.is_("=") and not (self._open and self._open[-1].token.is_("{")):
            self._assigned(name, at, end + 1)
            return end
        use = Use(name, self._function)
        self.uses.append(use)
        if following.is_("(") or following.is_("{") or following.kind == "string":
            return self._called(self._aliases.get(name, name), at, end)
        self._given(token, use)
        return end

    def _dotted(self, at: int) -> tuple[str, int]:
        """The name that starts here, without ``_G.``, and the index behind; "" where none does."""
        parts: list[str] = []
        while self._tokens[at].kind == "name":
            parts.append(self._tokens[at].text)
            self.names.add(parts[-1])
            at += 1
            if not (self._tokens[at].is_(".") and self._tokens[at + 1].kind == "name"):
                break
            at += 1
        return ".".join(parts[1:] if len(parts) > 1 and parts[0] == "_G" else parts), at

    def _indexed(self, at: int) -> bool:
        """Whether ``["text"]`` stands here."""
        following = self._tokens[at : at + 3]
        return len(following) == 3 and following[0].is_("[") and following[1].kind == "string" and following[2].is_("]")

    def _assigned(self, name: str, at: int, value: int) -> None:
        """``name = value``, local or not."""
        if self._before(at).is_("local"):
            self._locals.add(name)
        elif name in CALLBACKS and name not in self._locals:
            self.callbacks[name] = self._mark(at)
            if self._tokens[value].is_("nil"):
                del self.callbacks[name]
        self._aliases.pop(name, None)
        other, end = self._dotted(value)
        following = self._tokens[end]
        if other in FUNCTIONS and not any(following.is_(sign) for sign in ("(", "{", "[", ":")):
            self._aliases[name] = other

    def _called(self, name: str, at: int, end: int) -> int:
        mark = self._places.mark(self._tokens[at].start, self._tokens[end - 1].end)
        call, following = _Call(name, mark, self._function), self._tokens[end]
        self._computed()
        if following.is_("("):
            self._open.append(_Open(following, call, self._function))
            return end + 1
        call.arguments.append(following.text if following.kind == "string" else None)
        self._finish(call)
        return end + 1 if following.kind == "string" else end

    # Functions, blocks and brackets

    def _defined(self, at: int) -> int:
        """A function: with its name, behind ``function`` or in front of an equals sign."""
        before, call = self._before(at), self._call()
        protected = call is not None and call.name in PROTECTED_CALLS and call.empty()
        self._computed()
        name, end = self._dotted(at + 1)
        if self._tokens[end].is_(":"):
            name, end = "", end + 2 if self._tokens[end + 1].kind == "name" else end + 1
        elif name and before.is_("local"):
            self._locals.add(name)
        elif name in CALLBACKS and name not in self._locals:
            self.callbacks[name] = self._mark(at + 1)
        elif before.is_("=") and at >= 2 and not self._before(at - 2).is_("."):
            name = self._tokens[at - 2].text if self._tokens[at - 2].kind == "name" else ""
        self._open.append(_Open(self._tokens[at], None, self._function))
        self.functions.append(Function(name, self._function, protected))
        self._function = len(self.functions) - 1
        return end

    def _closed(self, token: Token) -> None:
        wanted = CLOSERS[token.text]
        if token.kind == "keyword":  # a bracket does not go on behind the block in which it stands
            while self._open and self._open[-1].token.text in _BRACKETS:
                self._not_closed(self._open.pop())
        if not self._open or self._open[-1].token.text not in wanted:
            hint = "nothing is open"
            if self._open:
                last = self._open[-1].token
                hint = f"open is {last.text} of line {self._places.mark(last.start, last.end).line}"
            self._problem(f"{token.text} closes nothing here", token, hint)
            return
        closed = self._open.pop()
        if closed.token.is_("function"):
            self._function = closed.outer
        if closed.call is not None:
            if not closed.call.empty():
                closed.call.next()
            self._finish(closed.call)

    def _finish(self, call: _Call) -> None:
        """A call with all its arguments; pcall calls the function that it is given."""
        if call.name in PROTECTED_CALLS and call.passed is not None:
            call.passed.protected = True
            passed = self._aliases.get(call.passed.name, call.passed.name)
            if passed in FUNCTIONS:
                arguments = tuple(call.arguments[PROTECTED_CALLS[call.name] :])
                self.calls.append((LuaCall(passed, arguments, call.mark, inside_pcall=True), call.function))
        if call.name in FUNCTIONS:
            told = LuaCall(call.name, tuple(call.arguments), call.mark, inside_pcall=False)
            self.calls.append((told, call.function))

    # Helpers

    def _call(self) -> _Call | None:
        """The call in whose brackets this stands, not deeper."""
        return self._open[-1].call if self._open else None

    def _given(self, token: Token, use: Use | None = None) -> None:
        call = self._call()
        if call is not None:
            call.take(token, use)

    def _computed(self) -> None:
        call = self._call()
        if call is not None:
            call.compute()

    def _before(self, at: int) -> Token:
        return self._tokens[at - 1] if at else self._tokens[-1]

    def _not_closed(self, left: _Open) -> None:
        self._problem(f"{left.token.text} is not closed", left.token, f"it lacks {ENDS[left.token.text]}")

    def _mark(self, at: int) -> Mark:
        return self._places.mark(self._tokens[at].start, self._tokens[at].end)

    def _problem(self, message: str, token: Token, hint: str) -> None:
        if len(self.problems) < MAXIMUM_PROBLEMS:
            self.problems.append(Problem(message, self._places.mark(token.start, token.end), hint=hint))


def _literal(tokens: list[Token]) -> str | float | None:
    """The value of a literal: a string, strings put together, a number with or without a minus; else None."""
    strings, signs = tokens[::2], tokens[1::2]
    if all(one.kind == "string" for one in strings) and all(one.is_("..") for one in signs) and len(tokens) % 2:
        return "".join(one.text for one in strings)
    if len(tokens) == 2 and tokens[0].is_("-") and tokens[1].number is not None:
        return -tokens[1].number
    return tokens[0].number if len(tokens) == 1 else None
