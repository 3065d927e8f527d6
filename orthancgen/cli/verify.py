"""``orthancgen verify``: the proofs that what runs is what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from orthancgen.cli.output import console, env_argument, json_option, leave, output_option
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import DeployError, Exit, InputError, OrthancgenError, RenderError, VerifyError
from orthancgen.runtimes.runtime import Runtime
from orthancgen.site.load import Loaded, resolve
from orthancgen.verify.document import as_json, as_junit
from orthancgen.verify.result import CheckResult, Outcome, summary

if TYPE_CHECKING:
    from orthancgen.runtimes.runtime import Runtime

_PEM: Final = click.Path(path_type=Path, dir_okay=False, exists=True)
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
@click.option(
    "--metrics",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write metrics for Prometheus' node exporter into this file too, also where the proofs cannot be run.",
)
@click.option(
    "--from",
    "modality",
    metavar="MODALITY",
    help="Prove from this machine, in the place of a modality, by DICOM alone: it needs no secret of the site.",
)
@click.option(
    "--every",
    type=click.IntRange(60, 604_800),
    metavar="SECONDS",
    help="With --from: prove again and again, this often; what goes wrong is told, and tried again.",
)
@click.option("--host", metavar="HOST", help="With --from: the site's address or name, as it is reached from here.")
@click.option("--ca", type=_PEM, help="With --from and DICOM TLS: the site's authority, PEM.")
@click.option("--cert", type=_PEM, help="With --from and DICOM TLS: the modality's own certificate, PEM.")
@click.option("--key", type=_PEM, help="With --from and DICOM TLS: its private key, PEM.")
@click.option(
    "--install-timer", is_flag=True, help="Run the proofs by the clock: units of systemd, or a line for cron."
)
@click.option(
    "--unit-folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --install-timer: write the units into this folder alone.",
)
def verify(
    env: str,
    state_root: Path | None,
    as_json: bool,
    form: str,
    output: Path | None,
    metrics: Path | None,
    modality: str | None,
    every: int | None,
    host: str | None,
    ca: Path | None,
    cert: Path | None,
    key: Path | None,
    install_timer: bool,
    unit_folder: Path | None,
) -> None:
    """Prove that ENV is what was asked for: what must work, works; what must be refused, is refused.

    Stores an image of a test patient and removes it again. What was found is told to the backend, for its status page.
    With --from it is done from another machine, whose image stays until the next run on the site's own host.
    Exit 0 where every proof holds, 1 where one fails, 5 where nothing could be proven.
    """
    if unit_folder is not None and not install_timer:
        raise click.UsageError("--unit-folder belongs to --install-timer")
    form = "json" if as_json else form
    if output is not None:
        _require_writable(output)
    if modality is not None:
        if install_timer:
            raise click.UsageError("--install-timer is for the site's own host, --from is for another machine")
        from orthancgen.cli.verify_from import prove_from

        prove_from(
            env, modality, host, (ca, cert, key), partial(tell_results, form=form, output=output), metrics, every
        )
        return
    if every or host or ca or cert or key:
        raise click.UsageError("--every, --host, --ca, --cert and --key belong to --from")
    with _unproven():
        loaded, runtime = load_running(env, state_root)
    if install_timer:
        _install_timer(runtime, env, unit_folder)
        return
    began = datetime.now(UTC)
    try:
        with _unproven():
            results = _prove(runtime)
    except OrthancgenError:
        if metrics is not None:
            _measure(loaded, runtime, None, began, metrics)
        raise
    if metrics is not None:
        _measure(loaded, runtime, results, began, metrics)
    tell_results(runtime.plan.site.environment, results, form=form, output=output)
    tell_backend(loaded, runtime, results)
    if not all(result.passed for result in results):
        leave(Exit.SOMETHING_TO_SEE)


@contextmanager
def _unproven() -> Iterator[None]:
    """What is not deployed here, or whose engine does not answer, cannot be proven: that is no failed deploy."""
    try:
        yield
    except DeployError as error:
        raise VerifyError(error.message, hint=error.hint) from error


def _prove(runtime: Runtime) -> tuple[CheckResult, ...]:
    from orthancgen.runtimes.proofs import noted
    from orthancgen.verify.run import run

    access = runtime.access()
    progress = Spinner(console(err=True))
    try:
        with noted(runtime.state):
            return run(runtime.plan, access, progress=progress)
    finally:
        progress.stop()


def _measure(
    loaded: Loaded, runtime: Runtime, results: tuple[CheckResult, ...] | None, began: datetime, file: Path
) -> None:
    """Write what was measured; everybody may read it, as the node exporter must.

    Raises:
        RenderError: the file cannot be written.
    """
    from orthancgen.doctor.case import Case
    from orthancgen.observability.measure import measure
    from orthancgen.observability.measurement import as_text

    write_metrics(as_text(measure(Case(loaded, runtime), results, began)), file)


def write_metrics(text: bytes, file: Path) -> None:
    """Write them whole or not at all, readable for everybody.

    Raises:
        RenderError: the file cannot be written.
    """
    from orthancgen.render.write import place

    try:
        place([(file, text, 0o644)], file.parent)
    except RenderError as error:
        raise RenderError(error.message, hint="name another file with --metrics") from None


def _install_timer(runtime: Runtime, env: str, unit_folder: Path | None) -> None:
    from orthancgen.cli.timer import install, own_program
    from orthancgen.observability.timer import job

    said, root = runtime.plan.site.observability, runtime.state.root.parent
    file = str(resolve(env).absolute())
    made = job(runtime.plan.site.environment, file, root, own_program(), said.textfile_folder)
    install(made, root, said.verify_schedule, unit_folder)


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


class Spinner:
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


def tell_results(environment: str, results: tuple[CheckResult, ...], *, form: str, output: Path | None) -> None:
    """The results in a form, on standard output or in a file."""
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
