"""Names that a shell completes from the environment that is being typed: modalities, secrets; and ids of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from orthancgen.site.load import Loaded

Complete = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def _offered(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def _of_environment(ask: Callable[[Loaded], Iterable[str]]) -> Complete:
    """What an environment says; nothing where it cannot be read: that is said when the command runs."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from orthancgen.errors import OrthancgenError
        from orthancgen.site.load import load, resolve

        # An option that still waits for its value leaves the words before it unread.
        env = context.params.get("env") or next(iter(context.args), "")
        try:
            return _offered(ask(load(resolve(env))), incomplete)
        except OrthancgenError:
            return []

    return complete


def _modalities(loaded: Loaded) -> Iterable[str]:
    return sorted(loaded.require().modalities)


def _secrets(loaded: Loaded) -> Iterable[str]:
    from orthancgen.plan.build import plan

    return sorted(secret.name for secret in plan(loaded.require(), loaded.version).secrets)


def complete_rule(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the audit's rules."""
    from orthancgen.audit.rules import GROUPS

    return _offered(sorted(name for ids in GROUPS.values() for name in ids), incomplete)


complete_modality = _of_environment(_modalities)
complete_secret = _of_environment(_secrets)
