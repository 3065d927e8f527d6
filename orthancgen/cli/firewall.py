"""``orthancgen firewall``: the policy, its rules on this host, and the configurations of the VPN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table
from rich.text import Text

from orthancgen.cli.groups import Subcommands
from orthancgen.cli.output import console, env_argument, json_option, leave, load_plan, print_json
from orthancgen.cli.runtime import state_option
from orthancgen.errors import DeployError, Exit, InputError
from orthancgen.plan.model import Plan

_VERBS: Final = {
    "check": "Have the firewall's own program check the rules of ENV; nothing is loaded.",
    "confirm": "Keep the rules that `apply --revert-after` loaded.",
    "undo": "Bring back what was there before the rules of ENV were loaded first.",
    "status": "Say whether the rules of ENV are loaded as they are written. Exit 1 where they are not.",
}


@click.group(cls=Subcommands)
def firewall() -> None:
    """Show who may reach which port; load the rules on this host; write the VPN's configurations.

    The rules themselves are in the bundle (`orthancgen render`), below firewall/, each with a script that needs nothing
    of orthancgen: it can be taken to another host.
    """


@firewall.command()
@env_argument
@json_option
def show(env: str, as_json: bool) -> None:
    """Show the policy of ENV in its order, and which firewalls it is written for. What is not listed is denied."""
    from orthancgen.firewall.catalogue import DIALECTS
    from orthancgen.firewall.policy import policy

    _, plan = load_plan(env)
    whole = policy(plan)
    dialects = {name: list(DIALECTS[name].unexpressed(plan, whole)) for name in plan.site.network.firewall}
    if as_json:
        print_json(_document(plan, whole.filters, dialects))
        return
    out = console()
    table = Table(box=None, pad_edge=False)
    for heading in ("from", "to port", "where", "why"):
        table.add_column(heading, overflow="fold")
    for one in whole.filters:
        where = "this host" if one.hook == "input" else "container"
        table.add_row(one.source, f"{one.port}/{one.protocol}", where, Text(one.reason))
    out.print(table if whole.filters else Text("nothing is let in"))
    out.print("Everything else is denied: every other port of this host, and everybody else at the ports above.")
    if not dialects:
        out.print("No firewall is listed in network.firewall: no rules are written.", style="yellow")
    for name, missing in dialects.items():
        out.print(f"{DIALECTS[name].title}: {'cannot express' if missing else 'expresses all of it'}")
        for lacking in missing:
            out.print(f"  {lacking.what}: {lacking.why}; {lacking.hint}", soft_wrap=True)


def _document(plan: Plan, filters: Any, dialects: Mapping[Any, list[Any]]) -> dict[str, Any]:
    return {
        "environment": plan.site.environment,
        "profile": plan.site.network.profile,
        "filters": [
            {
                "source": one.source,
                "port": one.port,
                "protocol": one.protocol,
                "hook": one.hook,
                "purpose": one.purpose,
                "label": one.label,
                "reasons": list(one.reasons),
            }
            for one in filters
        ],
        "firewalls": {
            name: [{"what": one.what, "why": one.why, "hint": one.hint} for one in missing]
            for name, missing in dialects.items()
        },
    }


_dialect_option = click.option(
    "--dialect", help="Which firewall of this host, where the environment lists several.", metavar="NAME"
)


@firewall.command()
@env_argument
@_dialect_option
@state_option
@click.option(
    "--revert-after",
    type=click.IntRange(10, 86_400),
    metavar="SECONDS",
    help="Go back by itself after so many seconds, unless `orthancgen firewall confirm ENV` comes in time.",
)
@click.option("--replace", is_flag=True, help="Also where the rules of another environment are loaded.")
def apply(env: str, dialect: str | None, state_root: Path | None, revert_after: int | None, replace: bool) -> None:
    """Load the rules of ENV on this host, all at once; what fails leaves the rules that were there.

    Over a network, use --revert-after: who locks himself out waits, and is let in again.
    """
    arguments = ["apply", *(["--revert-after", str(revert_after)] if revert_after else []), *["--replace"][:replace]]
    _run(env, dialect, state_root, arguments)
    if revert_after:
        console().print(f"or, from a login that is new: orthancgen firewall confirm {env}", soft_wrap=True)


def _add(verb: str, text: str) -> None:
    @firewall.command(verb, help=text)
    @env_argument
    @_dialect_option
    @state_option
    def _(env: str, dialect: str | None, state_root: Path | None) -> None:
        _run(env, dialect, state_root, [verb])


for _verb, _text in _VERBS.items():
    _add(_verb, _text)


def _run(env: str, dialect: str | None, state_root: Path | None, arguments: list[str]) -> None:
    from orthancgen.firewall.load import host_dialect, run_script
    from orthancgen.runtimes.state import cannot_use, state_of

    _, plan = load_plan(env)
    state = state_of(plan.site.environment, state_root)
    name = host_dialect(plan, dialect)
    try:
        code = run_script(plan, name, state.root / "firewall" / name, arguments, named=env)
    except OSError as error:
        raise cannot_use(state, error) from None
    if code == Exit.SOMETHING_TO_SEE:
        leave(Exit.SOMETHING_TO_SEE)
    if code != 0:
        raise DeployError(
            f"{arguments[0]} of the {name} rules of {plan.site.environment} failed: see above",
            hint="the rules that were there are still in force",
        )


@firewall.command()
@env_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the configurations; made with mode 0700.",
)
@state_option
def vpn(env: str, output: Path, state_root: Path | None) -> None:
    """Write the VPN's configurations of ENV, with keys: the server's, and one for each remote modality. Mode 0600.

    Keys are made once and kept with the other secrets of ENV. A peer's file goes to that peer alone.
    """
    from orthancgen.runtimes.state import state_of
    from orthancgen.secrets.store import SecretStore, gather
    from orthancgen.vpn.write import write_configurations

    _, plan = load_plan(env)
    if plan.site.network.vpn is None or "wireguard" not in plan.site.network.firewall:
        raise InputError(
            f"{plan.site.environment} has no VPN",
            hint="network: {firewall: [wireguard], vpn: {network: 10.8.0.0/24, endpoint: vpn.hospital.example}}",
        )
    keys = tuple(secret for secret in plan.secrets if secret.purpose == "wireguard")
    store = SecretStore(state_of(plan.site.environment, state_root).secrets)
    values = gather(replace(plan, secrets=keys), store)
    for name, value in values.items():
        if store.read(name) is None:
            store.write(name, value)
    for path in write_configurations(plan, values, output):
        console().print(str(path), soft_wrap=True)
