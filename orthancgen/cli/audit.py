"""``orthancgen audit``: what is dangerous in an environment, or in any set-up of Orthanc."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from orthancgen.cli.completing import complete_rule
from orthancgen.cli.output import (
    complete_environment,
    console,
    installed_version,
    json_option,
    leave,
    output_option,
    print_json,
)
from orthancgen.errors import Exit, InputError
from orthancgen.orthanc.keys import Version, named_version

if TYPE_CHECKING:
    from orthancgen.audit.rule import Rule, Severity
    from orthancgen.audit.run import Report
    from orthancgen.foreign.model import Publisher

FORMATS: Final = ("text", "json", "sarif", "junit", "markdown", "html", "github")
FAIL_ON: Final = ("note", "low", "medium", "high", "critical", "never")


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What is to be audited, and by what."""

    targets: tuple[str, ...]
    rules: tuple[Rule, ...]
    version: Version | None
    publisher: Publisher | None
    baseline: Path | None
    today: datetime.date


@click.command()
@click.argument("targets", metavar="TARGET...", nargs=-1, shell_complete=complete_environment)
@json_option
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="text, markdown and html for people; json, sarif and junit for programs; github for annotations.",
)
@output_option
@click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default="high",
    show_default=True,
    help="Exit 1 where a finding is at least this severe.",
)
@click.option(
    "--rule",
    "wanted",
    multiple=True,
    metavar="ID",
    shell_complete=complete_rule,
    help="This rule alone; may be repeated.",
)
@click.option(
    "--skip-rule",
    "skipped",
    multiple=True,
    metavar="ID",
    shell_complete=complete_rule,
    help="All but this rule; may be repeated.",
)
@click.option(
    "--orthanc",
    "--orthanc-version",
    "version",
    metavar="VERSION",
    help="The Orthanc that reads the files, where nothing in them says so.",
)
@click.option(
    "--image",
    "publisher",
    type=click.Choice(["orthancteam", "jodogne", "debian"]),
    help="Whose image it runs in, where nothing says so.",
)
@click.option("--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Findings in this file do not count.")
@click.option(
    "--write-baseline", "write_to", type=click.Path(path_type=Path), metavar="FILE", help="Write what is found there."
)
@click.option("--hide-accepted", is_flag=True, help="Leave out what a waiver or the baseline accepts.")
@click.option("--fix", is_flag=True, help="Mend in the JSON files what needs no decision.")
@click.option("--dry-run", is_flag=True, help="With --fix: show the differences, change nothing.")
@click.option("--explain", metavar="ID", shell_complete=complete_rule, help="Print what a rule says, and end.")
@click.option("--list-rules", is_flag=True, help="Print every rule, and end.")
def audit(
    targets: tuple[str, ...],
    as_json: bool,
    form: str,
    output: Path | None,
    fail_on: str,
    wanted: tuple[str, ...],
    skipped: tuple[str, ...],
    version: str | None,
    publisher: Publisher | None,
    baseline: Path | None,
    write_to: Path | None,
    hide_accepted: bool,
    fix: bool,
    dry_run: bool,
    explain: str | None,
    list_rules: bool,
) -> None:
    """Find what is dangerous in an environment, or in any set-up of Orthanc: who gets in, what is lost, and what to do.

    TARGET is an environment (a name or its file), or other people's files: an orthanc.json, a compose file, a Lua
    script, firewall rules, a configuration of nginx, or a folder with them; given together, they are one set-up.

    Exit 0: no finding at or above --fail-on; 1: there is one; 2: a file, a waiver or the baseline is invalid. High and
    critical are what lets somebody in or loses images: what is below is hardening, told, and left to --fail-on medium.
    """
    from orthancgen.audit.run import load_rules

    form = "json" if as_json else form
    rules = _chosen(load_rules(), wanted, skipped)
    if explain is not None or list_rules:
        _tell(rules, explain, form)
        return
    if not targets:
        raise InputError("there is no TARGET", hint="name an environment, an orthanc.json, a compose file or a folder")
    if dry_run and not fix:
        raise InputError("--dry-run goes with --fix", hint="orthancgen audit TARGET --fix --dry-run")
    asked = _Wanted(
        targets, rules, named_version(version), publisher, baseline, datetime.datetime.now(datetime.UTC).date()
    )
    reports = _audited(asked)
    if write_to is not None:
        from orthancgen.audit.baseline import write

        write(write_to, [one for report in reports for one in report.findings])
    if fix and not _mend(reports, dry_run=dry_run):
        reports = _audited(asked)
    if not dry_run:
        _show(reports, form, output, hide_accepted=hide_accepted)
    _leave(reports, fail_on)


def _chosen(rules: tuple[Rule, ...], wanted: Sequence[str], skipped: Sequence[str]) -> tuple[Rule, ...]:
    known = {rule.id for rule in rules}
    for one in (*wanted, *skipped):
        if one not in known:
            raise _unknown_rule(one, rules)
    return tuple(rule for rule in rules if (not wanted or rule.id in wanted) and rule.id not in skipped)


def _unknown_rule(name: str, rules: Sequence[Rule]) -> InputError:
    from orthancgen.site.explain import did_you_mean
    from orthancgen.site.problems import printable

    hint = did_you_mean(name, [rule.id for rule in rules])
    return InputError(f"there is no audit rule {printable(name)}", hint=hint or "--list-rules lists them")


def _tell(rules: Sequence[Rule], explain: str | None, form: str) -> None:
    from orthancgen.audit.output.explain import as_documents, explained, listed

    told = [rule for rule in rules if explain is None or rule.id == explain]
    if not told and explain is not None:
        raise _unknown_rule(explain, rules)
    if form == "json":
        documents = as_documents(told)
        print_json(documents if explain is None else documents[0])
    else:
        console().print(listed(told) if explain is None else explained(told[0]), end="", soft_wrap=True)


def _audited(asked: _Wanted) -> tuple[Report, ...]:
    """A report for each subject, its waivers and the baseline applied."""
    from orthancgen.audit import baseline
    from orthancgen.audit.judged import judged
    from orthancgen.audit.targets import subjects_of

    known = baseline.read(asked.baseline) if asked.baseline is not None else {}
    with console(err=True).status("reading"):
        subjects = subjects_of(
            asked.targets,
            today=asked.today,
            version=asked.version,
            publisher=asked.publisher,
            ask_installed=installed_version,
        )
    reports = []
    for subject in subjects:
        with console(err=True).status(f"auditing {subject.target.name}"):
            report = judged(subject, asked.rules)
        reports.append(replace(report, findings=baseline.accept(report.findings, known)))
    ran = {rule.id for rule in asked.rules}
    gone = baseline.gone([one for report in reports for one in report.findings], known, ran)
    if gone and reports:
        reports[-1] = replace(reports[-1], problems=(*reports[-1].problems, *gone))
    return tuple(reports)


def _mend(reports: Sequence[Report], *, dry_run: bool) -> bool:
    """Apply what can be; whether the reports still hold."""
    from orthancgen.audit.fix import difference, fixed, said, write
    from orthancgen.audit.output.words import counted, shown

    files, left = fixed(one for report in reports for one in report.findings)
    out, err = console(), console(err=True)
    if dry_run:
        masked = {name: text for report in reports for name, text in report.texts.items()}
        for one in files:
            for line in difference(one, masked.get(one.file)):
                style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
                out.print(line, style=style, soft_wrap=True)
    else:
        write(files)
    for one in files:
        for finding in one.done:
            what = "would set" if dry_run else "set"
            err.print(f"{shown(one.file)}: {what} {said(finding)} ({finding.rule.id})", soft_wrap=True)
    for kept in left:
        if kept.finding.fix is not None:
            err.print(
                f"{shown(kept.finding.fix.file)}: not mended: {kept.why} ({kept.finding.rule.id})", soft_wrap=True
            )
    mended = sum(len(one.done) for one in files)
    done = "to be mended" if dry_run else "mended"
    err.print(f"{counted(mended, 'finding')} {done}, {len(left)} left for people", style="bold", soft_wrap=True)
    return dry_run or not files


def _show(reports: Sequence[Report], form: str, output: Path | None, *, hide_accepted: bool) -> None:
    from orthancgen.audit.output import FORMATS as WRITERS
    from orthancgen.audit.output.text import coloured
    from orthancgen.audit.output.words import open_findings, summary

    if hide_accepted:
        reports = [replace(report, findings=open_findings(report)) for report in reports]
    if form == "text" and output is None:
        console().print(coloured(reports), end="", soft_wrap=True)
        return
    if form == "sarif":
        from orthancgen.audit.fix import edits

        reports = [replace(report, edits=edits(report.findings)) for report in reports]
    # The forms for programs say that they are UTF-8, whatever the terminal is.
    content = WRITERS[form](reports).encode("utf-8", "backslashreplace")
    if output is None:
        click.echo(content, nl=False)
        return
    try:
        output.write_bytes(content)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise InputError(f"cannot write {output}: {reason}", hint="name another file with -o") from None
    console(err=True).print(f"{output}: {summary(reports)}", soft_wrap=True)


def _leave(reports: Sequence[Report], fail_on: str) -> None:
    from orthancgen.audit.rule import Severity

    if any(problem.severity == "error" for report in reports for problem in report.problems):
        leave(Exit.INPUT_INVALID)
    limit: Severity | None = None if fail_on == "never" else Severity[fail_on.upper()]
    findings = [one for report in reports for one in report.findings if one.counts]
    if limit is not None and any(one.severity >= limit for one in findings):
        leave(Exit.SOMETHING_TO_SEE)
