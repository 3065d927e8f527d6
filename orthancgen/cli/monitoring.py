"""``orthancgen monitoring``: what Prometheus, Grafana and rsyslog read, with the credentials that they need."""

from __future__ import annotations

from pathlib import Path

import click

from orthancgen.cli.output import console, env_argument
from orthancgen.cli.runtime import load_running, state_option


@click.command()
@env_argument
@state_option
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder to write into: prometheus/, grafana/, logs/.",
)
@click.option("--owner", metavar="USER", help="Account of this machine that reads the secrets, such as prometheus.")
def monitoring(env: str, state_root: Path | None, output: Path, owner: str | None) -> None:
    """Write what watches ENV: the configuration and credentials of Prometheus, a dashboard, rsyslog's file.

    The environment says under `observability:` what is wanted. The folder holds secrets: keep it out of repositories.
    """
    from orthancgen.observability.hand_over import hand_over

    _, runtime = load_running(env, state_root)
    for path in hand_over(runtime.plan, runtime.state, runtime.access().secrets, output, owner):
        console().print(str(path), soft_wrap=True)
