"""The command line: one small module a verb, imported when it is called, so that --help and validate start fast."""

from __future__ import annotations

import errno
import importlib
import io
import keyword
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import click

from orthancgen import __version__
from orthancgen.cli.examples import aligned
from orthancgen.cli.groups import write_sections
from orthancgen.errors import Exit, OrthancgenError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

VERBS: Final[dict[str, tuple[str, str]]] = {
    "init": ("init", "Write a first environment that deploys as it stands."),
    "validate": ("validate", "Check environments; every problem at once."),
    "modalities": ("modalities", "List, add, change, import and ask the modalities of an environment."),
    "import": ("import_", "Make an environment of an existing configuration of Orthanc."),
    "upgrade": ("upgrade", "Show what another version of Orthanc means for an environment."),
    "schema": ("schema", "Print the JSON Schema of the environment file."),
    "render": ("render", "Write the bundle of an environment, or check it."),
    "audit": ("audit", "Find what is dangerous in an environment, or in any set-up of Orthanc."),
    "access": ("access", "Show who may do what, and which setting decides."),
    "firewall": ("firewall", "Show who may reach which port; load the rules on this host."),
    "sheet": ("sheet", "Write what to enter at each modality, and how to test it."),
    "deploy": ("deploy", "Bring an environment to life and verify it."),
    "plan": ("plan", "Show what a deploy would change; nothing is touched."),
    "verify": ("verify", "Prove that what runs is what was asked for."),
    "status": ("operate", "Show the services of an environment."),
    "logs": ("operate", "Show or follow the logs of an environment."),
    "down": ("operate", "Stop the services of an environment; data stays."),
    "rollback": ("rollback", "Bring back an earlier release."),
    "history": ("history", "Show the releases of an environment."),
    "lock": ("lock", "Show who holds an environment, or break its lock."),
    "send": ("send", "Store DICOM files and folders."),
    "doctor": ("doctor", "Say what is wrong with an environment, and what mends it."),
    "monitoring": ("monitoring", "Write what Prometheus, Grafana and rsyslog need to watch an environment."),
    "backup": ("backup", "Save images, records and state, while all goes on."),
    "restore": ("backup", "Bring a backup back, and compare every instance."),
    "secrets": ("secrets", "List, show and rotate the secrets of an environment."),
    "certs": ("certs", "List, check, issue, renew and hand over certificates."),
    "pin": ("pin", "Write down exactly which container images an environment runs."),
    "images": ("images", "Show container images; build orthancgen's own."),
    "inventory": ("inventory", "Write environments as an inventory of Ansible."),
    "apps": ("apps", "Build the programs for Node.js, for hosts without npm."),
    "completion": ("completion", "Print what a shell sources to complete commands and names."),
}
"""Verb -> module of this package that defines it, and its line in the help; in the order of :data:`SECTIONS`."""

SECTIONS: Final[dict[str, tuple[str, ...]]] = {
    "Write an environment": ("init", "validate", "modalities", "import", "upgrade", "schema"),
    "Review it": ("render", "audit", "access", "firewall", "sheet"),
    "Bring it to life": ("deploy", "plan", "verify", "status", "logs", "down", "rollback", "history", "lock", "send"),
    "Look after it": ("doctor", "monitoring", "backup", "restore", "secrets", "certs"),
    "Containers and other hosts": ("pin", "images", "inventory", "apps"),
    "This command": ("completion",),
}
"""Heading of the help -> verbs below it."""


def attribute_of(verb: str) -> str:
    """The name of a verb's command in its module: the verb itself, unless that is a word of Python."""
    return f"{verb}_" if keyword.iskeyword(verb) else verb


class LazyGroup(click.Group):
    """A group whose verbs are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order of a first use."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"orthancgen.cli.{VERBS[cmd_name][0]}")
        command: click.Command = getattr(module, attribute_of(cmd_name))
        if command.epilog is None and (lines := aligned(cmd_name)):
            command.epilog = "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The verbs without importing them, and the options."""
        from click.shell_completion import CompletionItem

        verbs = [CompletionItem(name, help=line) for name, (_, line) in VERBS.items() if name.startswith(incomplete)]
        return [*verbs, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for an unknown verb."""
        import difflib

        if args and args[0] not in VERBS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], VERBS, n=1)
            ctx.fail(f"no such command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        write_sections(formatter, SECTIONS, {verb: line for verb, (_, line) in VERBS.items()})


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="orthancgen")
def cli() -> None:
    """One validated YAML model per environment for the Orthanc DICOM server.

    ENV is a name (environments/ENV.yaml) or a path. Exit codes: 0 good; 1 there is something to see; 2 input invalid;
    3 cannot render or write; 4 deploy failed; 5 verification could not run, or failed after a deploy; 70 a bug of ours.
    """


class _Ended(KeyboardInterrupt):
    """A signal that ends the command as Ctrl-C does: what was begun is taken back."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _end(number: int, _: object) -> None:
    raise _Ended(number)


def _open_streams() -> None:
    """Give every standard stream that is closed a place to go: the next file that is opened would take its number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _of_the_machine(error: OSError) -> bool:
    """Whether an error that nobody foresaw is the machine's (a full disk, a folder that is read-only) and no bug."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}


def _say_of_the_machine(error: OSError) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be written there cannot be either
    where = error.filename or "what the command prints or writes"
    with suppress(OSError):
        click.echo(f"error: {where}: {error.strerror}\n  hint: make room, or write to another place", err=True)


def main() -> None:
    """Run the command line; the one place that turns errors into exit codes."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no bug
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is signal.SIG_DFL:  # nohup ignores SIGHUP, and goes on doing so
            signal.signal(ending, _end)
    try:
        code = cli.main(standalone_mode=False)
        sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else Exit.GOOD)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.Abort as abort:
        # What a shell reports for a program that a signal ended: 128 and the number of the signal.
        ended_by = abort.__cause__.number if isinstance(abort.__cause__, _Ended) else signal.SIGINT
        click.echo("interrupted", err=True)
        sys.exit(128 + ended_by)
    except click.ClickException as error:
        error.show()
        sys.exit(Exit.INPUT_INVALID)
    except OrthancgenError as error:
        from orthancgen.cli.output import show_error

        show_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(Exit.SOMETHING_TO_SEE)
    except Exception as error:
        if isinstance(error, OSError) and _of_the_machine(error):
            _say_of_the_machine(error)
            sys.exit(Exit.CANNOT_RENDER)
        import traceback

        traceback.print_exc()
        click.echo("\nThis is a bug of orthancgen, not of your environment. Please report the lines above.", err=True)
        sys.exit(Exit.BUG)


__all__ = ["cli", "main"]
