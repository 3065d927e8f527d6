"""``orthancgen verify``: the proofs that what runs is what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orthancgen.cli.output import console, env_argument, json_option, leave, output_option
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import Exit, InputError
from orthancgen.runtimes.runtime import Runtime
from orthancgen.site.load import Loaded
from orthancgen.verify.document import as_json, as_junit
from orthancgen.verify.result import CheckResult, Outcome, summary

_STYLES: Final = {Outcome.PASSED: "green", Outcome.FAILED: "bold red", Outcome.SKIPPED: "dim"}


@click.command()
@env_argument
@state_option
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="text for people, json for programs, junit for CI.",
)
@output_option
def verify(env: str, state_root: Path | None, as_json: bool, form: str, output: Path | None) -> None:
    """Prove that ENV is what was asked for: what must work, works; what must be refused, is refused.

    Stores an image of a test patient and removes it again. What was found is told to the backend, for its status page.
    Exit 0 where every proof holds, 1 where one fails, 5 where nothing could be proven.
    """
    from orthancgen.runtimes.proofs import noted
    from orthancgen.verify.run import run

    loaded, runtime = load_running(env, state_root)
    plan, access = runtime.plan, runtime.access()
    form = "json" if as_json else form
    if output is not None:
        _require_writable(output)
    progress = _Spinner(console(err=True))
    try:
        with noted(runtime.state):
            results = run(plan, access, progress=progress)
    finally:
        progress.stop()
    _tell(plan.site.environment, results, form, output)
    tell_backend(loaded, runtime, results)
    if not all(result.passed for result in results):
        leave(Exit.SOMETHING_TO_SEE)


def tell_backend(loaded: Loaded, runtime: Runtime, results: tuple[CheckResult, ...]) -> None:
    """Tell the backend what was found; that it cannot be told is a warning, and changes nothing."""
    from orthancgen.doctor.verification import tell

    why = tell(loaded, runtime, results)
    if why is not None:
        console(err=True).print(f"warning: the backend could not be told of this: {why}", style="yellow", markup=False)


def show_results(out: Console, results: tuple[CheckResult, ...]) -> None:
    """The results as a table, and how many of them passed. Coloured on a terminal only."""
    for group, heading in (("positive", "What must work"), ("negative", "What must be refused")):
        rows = [result for result in results if result.group == group]
        if rows:
            out.print()
            out.print(heading, style="bold")
            out.print(_table(rows))
    out.print()
    good = all(result.passed for result in results)
    out.print(summary(results), style="bold green" if good else "bold red")


def _table(rows: list[CheckResult]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(ratio=2)
    table.add_column(ratio=3)
    for result in rows:
        word = Text("n/a" if result.outcome is Outcome.SKIPPED else str(result.outcome), style=_STYLES[result.outcome])
        detail = Text(result.seen, style="dim" if result.passed else "")
        if not result.passed:
            detail.append(f"\nexpected: {result.expected}")
            detail.append(f"\nhint: {result.hint}" if result.hint else "")
        table.add_row(word, Text(result.title), detail)
    return table


class _Spinner:
    """Which check runs, on a terminal alone."""

    def __init__(self, err: Console) -> None:
        self._status = err.status("", spinner="dots") if err.is_terminal else None

    def started(self, title: str) -> None:
        """Show the title."""
        if self._status:
            self._status.update(title)
            self._status.start()

    def done(self, result: CheckResult) -> None:
        """Nothing: the table follows."""

    def stop(self) -> None:
        """Take the spinner away."""
        if self._status:
            self._status.stop()


def _require_writable(path: Path) -> None:
    """Before the proofs run, not after.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}", hint="name another file with -o") from None


def _tell(environment: str, results: tuple[CheckResult, ...], form: str, output: Path | None) -> None:
    if form == "text":
        if output is None:
            show_results(console(), results)
            return
        with output.open("w", encoding="utf-8") as file:
            show_results(Console(file=file, highlight=False, markup=False, emoji=False, width=140), results)
        return
    text = as_junit(environment, results) if form == "junit" else as_json(environment, results)
    if output is None:
        click.echo(text)
    else:
        output.write_text(text + "\n", encoding="utf-8")
