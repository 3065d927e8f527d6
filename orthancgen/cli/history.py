"""``orthancgen history``: the releases of an environment."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from orthancgen.cli.output import console, env_argument, json_option, leave, load_plan, print_json
from orthancgen.cli.runtime import state_option
from orthancgen.errors import Exit


@click.command()
@env_argument
@state_option
@json_option
def history(env: str, state_root: Path | None, as_json: bool) -> None:
    """Show the releases of ENV, the newest first: when, who, from which commit, what changed, what became of it.

    A commit with + had changes that were not committed, one with ? could not be compared. Exit 1 where the audit log
    is not as it was written.
    """
    from orthancgen.release.audit_log import AuditLog
    from orthancgen.release.history import Row, rows
    from orthancgen.release.store import ReleaseStore
    from orthancgen.runtimes.state import state_of

    _, plan = load_plan(env)
    state = state_of(plan.site.environment, state_root)
    found: tuple[Row, ...] = rows(ReleaseStore(state.root))
    chain = AuditLog(state.audit_log).verify_chain()
    if as_json:
        audit = {"lines": chain.lines, "broken_at": chain.broken_at, "why": chain.why or None}
        print_json(
            {"environment": plan.site.environment, "releases": [row.as_dict() for row in found], "audit_log": audit}
        )
    elif found:
        table = Table("", "release", "when (UTC)", "who", "commit", "state", "proofs", "what", box=None, pad_edge=False)
        styles = {"failed": "red", "rolled back": "yellow", "begun": "yellow"}
        for row in found:
            one = row.release
            reason = f"{one.draft.reason}: " if one.draft.reason else ""
            table.add_row(
                "*" if row.current else "",
                str(one.number),
                one.created.rstrip("Z").replace("T", " "),
                str(one.draft.who),
                row.commit,
                one.state,
                row.verified,
                reason + ", ".join(row.changed),
                style=styles.get(one.state),
            )
        console().print(table)
    else:
        console().print(f"{plan.site.environment} has no releases in {state.root}", soft_wrap=True)
    if chain.broken_at is not None:
        console(err=True).print(
            f"the audit log {state.audit_log} is not as it was written: line {chain.broken_at}: {chain.why}",
            style="red",
            soft_wrap=True,
        )
        leave(Exit.SOMETHING_TO_SEE)
