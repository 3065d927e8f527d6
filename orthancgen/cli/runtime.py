"""What the verbs that act on a running environment share: the state folder and how its services are reached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orthancgen.cli.output import load_plan
from orthancgen.runtimes.state import VARIABLE, state_of
from orthancgen.site.load import Loaded

if TYPE_CHECKING:
    from orthancgen.runtimes.runtime import Runtime

F = TypeVar("F", bound=Callable[..., Any])


def state_option(function: F) -> F:
    """The --state option."""
    return click.option(
        "--state",
        "state_root",
        type=click.Path(path_type=Path, file_okay=False),
        help=f"Folder of all state folders.  [default: ${VARIABLE}, or /var/lib/orthancgen for root]",
    )(function)


def deploy_options(function: F) -> F:
    """What deploy and rollback have in common."""
    for option in (
        click.option("--reason", help="Why, for the history."),
        click.option(
            "--timeout",
            type=click.FloatRange(1, 3600),
            metavar="SECONDS",
            default=60.0,
            show_default=True,
            help="Seconds a service has to get healthy.",
        ),
        click.option("--no-verify", is_flag=True, help="Leave the proofs out."),
    ):
        function = option(function)
    return function


def load_running(env: str, state_root: Path | None) -> tuple[Loaded, Runtime]:
    """Load an environment, and find its runtime and its state folder.

    Raises:
        InputError: the environment is invalid.
    """
    from orthancgen.runtimes.runtime import runtime_of

    loaded, plan = load_plan(env)
    return loaded, runtime_of(plan, state_of(plan.site.environment, state_root), loaded.path)
