"""What the verbs that act on a running environment share: the state folder and how its services are reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from orthancgen.cli.output import load_plan
from orthancgen.errors import DeployError, InputError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.state import VARIABLE, State, state_of
from orthancgen.secrets.store import SecretStore
from orthancgen.site.load import Loaded

F = TypeVar("F", bound=Callable[..., Any])


def state_option(function: F) -> F:
    """The --state option."""
    return click.option(
        "--state",
        "state_root",
        type=click.Path(path_type=Path, file_okay=False),
        help=f"Folder of all state folders.  [default: ${VARIABLE}, or /var/lib/orthancgen for root]",
    )(function)


def require_native(plan: Plan) -> None:
    """Refuse what cannot be brought to life here.

    Raises:
        InputError: the environment wants another runtime.
    """
    if plan.site.runtime != "native":
        raise InputError(
            f"runtime: {plan.site.runtime} is rendered, but only native is deployed by this version",
            hint="runtime: native, for a single host",
        )


def load_running(env: str, state_root: Path | None) -> tuple[Loaded, Plan, State]:
    """Load an environment and find its state folder.

    Raises:
        InputError: the environment is invalid, or not of this runtime.
    """
    loaded, plan = load_plan(env)
    require_native(plan)
    return loaded, plan, state_of(plan.site.environment, state_root)


def access_of(plan: Plan, state: State) -> Access:
    """How the services of a deployed environment are reached.

    Raises:
        DeployError: it was not deployed on this machine.
    """
    store = SecretStore(state.secrets)
    values = {secret.name: store.read(secret.name) for secret in plan.secrets}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise DeployError(
            f"the environment {plan.site.environment} was not deployed here: {state.root} has no {', '.join(missing)}",
            hint=f"orthancgen deploy {plan.site.environment}",
        )
    return Access(plan, {name: value for name, value in values.items() if value is not None})
