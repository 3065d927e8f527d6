"""``orthancgen lock``: who holds an environment, and how a lock that nobody holds any more is broken."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orthancgen.cli.output import console, env_argument, json_option, leave, print_json
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import Exit, InputError

if TYPE_CHECKING:
    from orthancgen.plan.model import Plan
    from orthancgen.release.lock import Holder, LockStore
    from orthancgen.runtimes.state import State


@click.command()
@env_argument
@state_option
@click.option("--break", "breaking", is_flag=True, help="Take the lock away from a run that was cut off.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also where the run that holds it is alive on this host.")
@json_option
def lock(env: str, state_root: Path | None, breaking: bool, yes: bool, force: bool, as_json: bool) -> None:
    """Show who holds ENV, or break its lock and end what was cut off. Exit 0 where it is free, 1 where it is held."""
    from orthancgen.release.lock import holders

    _, runtime = load_running(env, state_root)
    plan = runtime.plan
    found = holders(runtime.lock_stores())
    if breaking and found:
        _break(plan, runtime.state, found, yes=yes, force=force, ask=not as_json)
    recovered = runtime.recover() if breaking else None
    if as_json:
        print_json(
            {
                "environment": plan.site.environment,
                "held": bool(found) and not breaking,
                "recovered": recovered,
                "holders": [
                    {"place": store.place, "alive": holder.process.alive(), **asdict(holder)} for store, holder in found
                ],
            }
        )
    else:
        for store, holder in found:
            console().print(f"{'broken' if breaking else 'held'}: {store.place}: {holder}", soft_wrap=True)
        if not found:
            console().print("free")
        if recovered:
            console().print(f"the run that was cut off: {recovered}", soft_wrap=True)
    if found and not breaking:
        leave(Exit.SOMETHING_TO_SEE)


def _break(
    plan: Plan, state: State, found: Sequence[tuple[LockStore, Holder]], *, yes: bool, force: bool, ask: bool
) -> None:
    from orthancgen.release.audit_log import AuditLog, Event
    from orthancgen.release.lock import break_lock, require_breakable
    from orthancgen.release.who import who_am_i
    from orthancgen.secrets.store import SecretStore

    require_breakable(found, force=force)
    if not yes:
        if not ask or not sys.stdin.isatty():
            raise InputError("breaking a lock wants to be confirmed, and nobody can be asked here", hint="--yes")
        for store, holder in found:
            console().print(f"{store.place}: {holder}", soft_wrap=True)
        if not click.confirm("Break this lock?"):
            leave(Exit.SOMETHING_TO_SEE)
    break_lock(found, force=force)
    store_ = SecretStore(state.secrets)
    secrets = {one.name: value for one in plan.secrets if (value := store_.read(one.name)) is not None}
    event = Event(
        verb="lock",
        environment=plan.site.environment,
        who=who_am_i(),
        outcome="broken",
        details="; ".join(dict.fromkeys(str(holder) for _, holder in found)),
    )
    AuditLog(state.audit_log).append(event, secrets)
