"""What a dialect is: a firewall's own syntax, what it can express, and the files that are written in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.firewall.policy import Policy
from orthancgen.plan.model import Plan
from orthancgen.render.engine import render_template


@dataclass(frozen=True, slots=True)
class Unexpressed:
    """Something of a policy that a dialect cannot say.

    Attributes:
        what: a filter's label and reason, or what else it is.
        why: what the dialect lacks.
        hint: the way out.
    """

    what: str
    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file of a dialect.

    Attributes:
        path: below `firewall/NAME/` of the bundle.
        build: its text.
        mode: of the file.
        wanted: whether a plan needs it.
    """

    path: str
    build: Callable[[Plan, Policy], str]
    mode: int = 0o644
    wanted: Callable[[Plan], bool] = lambda plan: True


@dataclass(frozen=True, slots=True)
class Dialect:
    """A firewall for which rules are written.

    Attributes:
        name: in `network.firewall` of the model.
        title: for people.
        where: `host` rules are loaded on the host of the site; `cloud` rules by the provider's tools; `vpn` is none.
        files: what is written.
        unexpressed: everything of a plan and its policy that this dialect cannot say; nothing where it can say all.
    """

    name: str
    title: str
    where: Literal["host", "cloud", "vpn"]
    files: tuple[RuleFile, ...]
    unexpressed: Callable[[Plan, Policy], Iterator[Unexpressed]]


SCRIPT: Final = "firewall.sh"
"""What loads a dialect's rules on a host: check, apply, confirm, undo, status."""


def script(name: str) -> RuleFile:
    """The script of a dialect whose rules are loaded on a host of Linux."""
    return RuleFile(
        SCRIPT,
        lambda _, policy: render_template(f"firewall/{name}/{SCRIPT}", environment=policy.environment, dialect=name),
        0o755,
    )


def everything(plan: Plan, policy: Policy) -> Iterator[Unexpressed]:
    """For a dialect that can express every policy."""
    del plan, policy
    yield from ()
