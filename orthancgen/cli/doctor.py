"""``orthancgen doctor``: what is wrong with a running environment, and what mends it."""

from __future__ import annotations

import importlib
import re
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console

from orthancgen.cli.output import console, env_argument, json_option, leave, load_plan, output_option, print_json
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import Exit, InputError

if TYPE_CHECKING:
    from orthancgen.doctor.case import Case
    from orthancgen.doctor.diagnosis import Diagnosis
    from orthancgen.doctor.question import Answer, Question

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_MOST: Final = timedelta(days=366)


def _span(_ctx: click.Context, _param: click.Parameter, value: str) -> timedelta:
    """A span of time: 30m, 24h, 7d.

    Raises:
        click.BadParameter: it is no span.
    """
    match = re.fullmatch(r"([0-9]{1,5})([mhd])", value.strip(), re.ASCII)
    if match is None:
        raise click.BadParameter("a span is a number and m, h or d: 30m, 24h, 7d")
    span = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if not timedelta(0) < span <= _MOST:
        raise click.BadParameter("a span is at least 1m and at most 366d")
    return span


@click.command()
@env_argument
@state_option
@click.option("--modality", metavar="NAME", help="Ask about this modality too: is it reached, does it let Orthanc in?")
@click.option(
    "--since",
    metavar="SPAN",
    callback=_span,
    default="24h",
    show_default=True,
    help="Older events do not count: 30m, 24h, 7d.",
)
@click.option("--fix", is_flag=True, help="Mend what can be mended, and ask again.")
@click.option("--yes", is_flag=True, help="With --fix: do not ask before each step.")
@click.option("--from", "from_modality", metavar="MODALITY", help="Write a script to be run at that modality's host.")
@click.option(
    "--shell",
    type=click.Choice(["sh", "powershell"]),
    default="sh",
    show_default=True,
    help="With --from: for whom the script is.",
)
@click.option(
    "--host", "hosts", multiple=True, metavar="HOST", help="With --from: how this site is reached from there."
)
@click.option(
    "--bundle", type=click.Path(path_type=Path, dir_okay=False), help="Pack a support archive without patient data."
)
@click.option("--study", metavar="UID", help="Follow one study through every step.")
@click.option("--patient", metavar="ID", help="Follow the studies of one patient through every step.")
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="text for people, json for programs.",
)
@output_option
@click.option("-v", "--verbose", is_flag=True, help="List every question, and what became of it.")
def doctor(
    env: str,
    state_root: Path | None,
    modality: str | None,
    since: timedelta,
    fix: bool,
    yes: bool,
    from_modality: str | None,
    shell: str,
    hosts: tuple[str, ...],
    bundle: Path | None,
    study: str | None,
    patient: str | None,
    as_json: bool,
    form: str,
    output: Path | None,
    verbose: bool,
) -> None:
    """Say what is wrong with ENV: causes with their evidence, and what mends each.

    Exit 0 where nothing is wrong, 1 where a cause is found, 5 where none is found but a question could not be asked.
    """
    if yes and not fix:
        raise InputError("--yes goes with --fix", hint="orthancgen doctor ENV --fix --yes")
    if fix and not yes and not sys.stdin.isatty():
        raise InputError("--fix asks before each step, and there is no terminal", hint="--fix --yes")
    if output is not None and from_modality is None:
        raise InputError("-o goes with --from", hint="write the answers with: orthancgen doctor ENV --json > FILE")
    if from_modality is not None:
        _write_script(env, from_modality, shell, hosts, output)
        return
    json_wanted = as_json or form == "json"
    case = _case(env, state_root, modality, since)
    if study is not None or patient is not None:
        _follow(case, study, patient, as_json=json_wanted)
        return
    answers = _ask(case)
    fixed: tuple[Any, ...] = ()
    if fix:
        case, answers, fixed = _fix(case, answers, yes=yes, quiet=json_wanted)
    packed = _pack(case, answers, bundle) if bundle is not None else ()
    _tell(case, answers, fixed, packed, as_json=json_wanted, verbose=verbose)
    _leave(answers)


def _case(env: str, state_root: Path | None, modality: str | None, since: timedelta) -> Case:
    from orthancgen.doctor.case import Case

    loaded, runtime = load_running(env, state_root)
    if modality is not None:
        _require_modality(runtime.plan.site.modalities, modality)
    return Case(loaded, runtime, since=since, modality=modality, named=env)


def _require_modality(modalities: Any, name: str) -> None:
    if name not in modalities:
        from orthancgen.site.explain import did_you_mean
        from orthancgen.site.problems import printable

        known = f"there are: {', '.join(modalities)}" if modalities else "the environment has none"
        raise InputError(f"no modality {printable(name)}", hint=did_you_mean(name, list(modalities)) or known)


def _ask(case: Case) -> tuple[Answer, ...]:
    from orthancgen.doctor.questions import QUESTIONS
    from orthancgen.doctor.run import run

    progress = _Spinner(console(err=True))
    try:
        return run(case, QUESTIONS, progress)
    finally:
        progress.stop()


def _tell(
    case: Case, answers: tuple[Answer, ...], fixed: tuple[Any, ...], packed: tuple[str, ...],
    *, as_json: bool, verbose: bool,
) -> None:  # fmt: skip
    from orthancgen.doctor import output

    if as_json:
        document = output.as_document(case, answers)
        if fixed:
            document["fixed"] = [one.as_dict() for one in fixed]
        if packed:
            document["packed"] = list(packed)
        print_json(document)
        return
    output.show(console(), answers, verbose=verbose)
    for line in packed:
        console().print(line, soft_wrap=True)


def _leave(answers: tuple[Answer, ...]) -> None:
    from orthancgen.doctor.output import broken
    from orthancgen.doctor.run import diagnoses

    if diagnoses(answers):
        leave(Exit.SOMETHING_TO_SEE)
    if broken(answers):
        leave(Exit.VERIFY_FAILED)


class _Spinner:
    """Which question is asked, on a terminal alone."""

    def __init__(self, err: Console) -> None:
        self._status = err.status("", spinner="dots") if err.is_terminal else None

    def started(self, question: Question) -> None:
        """Show it."""
        if self._status:
            self._status.update(question.text)
            self._status.start()

    def done(self, answer: Answer) -> None:
        """Nothing: the answers follow."""

    def stop(self) -> None:
        """Take the spinner away."""
        if self._status:
            self._status.stop()


def _write_script(env: str, modality: str, shell: str, hosts: tuple[str, ...], output: Path | None) -> None:
    _, plan = load_plan(env)
    _require_modality(plan.site.modalities, modality)
    text: str = _part("remote").script(plan, modality, shell, hosts)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"cannot write {output}: {error.strerror}", hint="name another file with -o") from None


def _follow(case: Case, study: str | None, patient: str | None, *, as_json: bool) -> None:
    part = _part("follow")
    steps = part.follow(case, study=study, patient=patient)
    if as_json:
        print_json(
            {"environment": str(case.site.environment), "study": study, "patient": patient}
            | {"steps": [step.as_dict() for step in steps]}
        )
    else:
        click.echo(part.as_text(steps))
    if any(step.state != "passed" for step in steps):
        leave(Exit.SOMETHING_TO_SEE)


def _fix(
    case: Case, answers: tuple[Answer, ...], *, yes: bool, quiet: bool
) -> tuple[Case, tuple[Answer, ...], tuple[Any, ...]]:
    """Mend, and ask anew; the case afterwards, its answers, and what was done."""
    from orthancgen.doctor import output
    from orthancgen.doctor.run import diagnoses

    out = console(err=quiet)
    if not quiet:
        output.show(out, answers)

    def confirm(diagnosis: Diagnosis) -> bool:
        return yes or click.confirm(f"mend {diagnosis.cause}: {diagnosis.title}?", err=True)

    fixed = tuple(_part("fix").fix(case, diagnoses(answers), confirm, lambda text: out.print(text, soft_wrap=True)))
    if not fixed:
        return case, answers, ()
    again = replace(case, _known={}, began=datetime.now().astimezone())
    return again, _ask(again), fixed


def _pack(case: Case, answers: tuple[Answer, ...], path: Path) -> tuple[str, ...]:
    return tuple(_part("support").write_bundle(case, answers, path))


def _part(name: str) -> Any:
    """A part of the doctor that is loaded when it is wanted."""
    return importlib.import_module(f"orthancgen.doctor.{name}")
