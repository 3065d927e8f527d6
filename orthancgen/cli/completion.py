"""``orthancgen completion``: what a shell sources to complete commands, options and names of environments."""

from __future__ import annotations

from typing import Final

import click

SHELLS: Final = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print what SHELL sources to complete commands, options and names of environments. SHELL is bash, zsh or fish.

    \b
    bash: orthancgen completion bash > ~/.local/share/bash-completion/completions/orthancgen
    zsh:  orthancgen completion zsh > "${fpath[1]}/_orthancgen"
    fish: orthancgen completion fish > ~/.config/fish/completions/orthancgen.fish
    """  # noqa: D301  click reads the escape
    from click.shell_completion import get_completion_class

    from orthancgen.cli import cli

    made = get_completion_class(shell)
    if made is None:
        raise LookupError(shell)
    click.echo(made(cli, {}, "orthancgen", "_ORTHANCGEN_COMPLETE").source())
