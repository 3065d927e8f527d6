"""``orthancgen backup`` and ``orthancgen restore``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click
from rich.table import Table

from orthancgen.cli.output import console, env_argument, json_option, leave, print_json
from orthancgen.cli.progress import ConsoleReport
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import Exit, InputError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.report import Report, Silent
from orthancgen.runtimes.state import State
from orthancgen.site.load import resolve

if TYPE_CHECKING:
    from orthancgen.backup.make import Summary
    from orthancgen.backup.repository import Repository
    from orthancgen.backup.restore import Restored
    from orthancgen.runtimes.compose.runtime import ComposeRuntime

_MEGABYTE = 1_000_000


@click.command()
@env_argument
@state_option
@click.option("--list", "list_", is_flag=True, help="Show the backups that are there.")
@click.option("--check", is_flag=True, help="Check the repository, and read a part of it back.")
@click.option("--install-timer", is_flag=True, help="Make a backup by the clock: units of systemd, or a line for cron.")
@click.option(
    "--unit-folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="With --install-timer: write the units into this folder alone.",
)
@click.option("--new-repository", is_flag=True, help="Make the repository anew where it is gone for good.")
@json_option
def backup(
    env: str,
    state_root: Path | None,
    list_: bool,
    check: bool,
    install_timer: bool,
    unit_folder: Path | None,
    new_repository: bool,
    as_json: bool,
) -> None:
    """Save the images, records and state of ENV, while it goes on working.

    Exit 1 where --check finds damage, 4 where the backup cannot be made.
    """
    from orthancgen.backup.make import make
    from orthancgen.backup.opening import alone, open_repository

    _only_one(("--list", list_), ("--check", check), ("--install-timer", install_timer))
    if unit_folder is not None and not install_timer:
        raise click.UsageError("--unit-folder belongs to --install-timer")
    runtime = _runtime(env, state_root)
    plan, state = runtime.plan, runtime.state
    if install_timer:
        _install_timer(plan, state, env, unit_folder)
        return
    with _reporting(as_json) as report:
        repository, made = _repository(runtime, report, make=not (list_ or check))
        if list_:
            open_repository(repository, state, make=False)
            _show_list(repository, plan, as_json=as_json)
            return
        with alone(state):
            if check:
                open_repository(repository, state, make=False)
                _check(repository, plan, report, as_json=as_json)
                return
            open_repository(repository, state, make=True, anew=new_repository)
            summary = make(plan, state, repository, report)
            _note(runtime, "backup", f"{summary.run}: {summary.instances} instances", summary.seconds)
    _show_summary(summary, repository, as_json=as_json)
    if summary.first or made:
        _warn_of_password(plan, env, state_root)


@click.command()
@env_argument
@click.argument("snapshot", required=False)
@state_option
@click.option("--replace", "replacing", is_flag=True, help="Keep what the volumes hold under another name.")
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="File with the repository's password, where this machine does not know it.",
)
@json_option
def restore(
    env: str,
    snapshot: str | None,
    state_root: Path | None,
    replacing: bool,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Bring a backup back into the empty environment ENV, start it, and compare every instance.

    SNAPSHOT is a run that `orthancgen backup ENV --list` shows; without it, the newest. On a machine that knows nothing
    of ENV, its secrets, certificates and releases are brought back too. Exit 1 where something differs.
    """
    from orthancgen.backup.opening import alone, open_repository
    from orthancgen.backup.restore import read_manifest, restore_state
    from orthancgen.backup.restore import restore as bring_back
    from orthancgen.backup.sets import choose, sets_of
    from orthancgen.backup.state_archive import is_empty
    from orthancgen.runtimes.runtime import Wanted

    runtime = _runtime(env, state_root)
    plan, state = runtime.plan, runtime.state
    with _reporting(as_json) as report, alone(state):
        if password_file is not None:
            _take_password(plan, state, password_file)
        repository, _ = _repository(runtime, report, make=False)
        open_repository(repository, state, make=False)
        manifest = read_manifest(repository, choose(sets_of(repository, plan.site.environment), snapshot))
        report.done("backup", f"{manifest.run_id}, {manifest.instances} instances")
        known = [secret.name for secret in plan.secrets if secret.said_by[0] == "backup"]
        if is_empty(state, known):
            report.done("state", f"{restore_state(repository, manifest, state)} files")

        def deploy() -> Any:
            # The state may be that of another machine, whose engine held the files that the containers read.
            wanted = Wanted(verify=False, repair=True, reason=f"restore of {manifest.run_id}")
            return runtime.deploy(Silent(), wanted).access

        restored = bring_back(plan, repository, manifest, report, replacing=replacing, deploy=deploy, stop=runtime.down)
        outcome = "all is as it was" if restored.same else "something differs"
        _note(runtime, "restore", f"{manifest.run_id}: {outcome}", 0)
    _show_restored(restored, as_json=as_json)
    if not restored.same:
        leave(Exit.SOMETHING_TO_SEE)


def _only_one(*given: tuple[str, bool]) -> None:
    names = [name for name, is_given in given if is_given]
    if len(names) > 1:
        raise click.UsageError(f"{' and '.join(names)} do not go together")


def _runtime(env: str, state_root: Path | None) -> ComposeRuntime:
    from orthancgen.backup.opening import require_settings

    _, runtime = load_running(env, state_root)
    require_settings(runtime.plan)
    return cast("ComposeRuntime", runtime)


@contextmanager
def _reporting(as_json: bool) -> Iterator[Report]:
    report = Silent() if as_json else ConsoleReport(console())
    try:
        yield report
    finally:
        if isinstance(report, ConsoleReport):
            report.stop()


def _repository(runtime: ComposeRuntime, report: Report, *, make: bool) -> tuple[Repository, bool]:
    from orthancgen.backup.opening import passwords, repository_of

    values, made = passwords(runtime.plan, runtime.state, make=make)
    return repository_of(runtime.plan, runtime.state, runtime.engine, report, values), made


def _note(runtime: ComposeRuntime, verb: str, outcome: str, seconds: float) -> None:
    from orthancgen.release.audit_log import Event
    from orthancgen.release.who import who_am_i

    event = Event(verb, runtime.plan.site.environment, who_am_i(), outcome, seconds=seconds)
    runtime.audit.append(event, {})


def _take_password(plan: Plan, state: State, file: Path) -> None:
    from orthancgen.secrets.store import SecretStore
    from orthancgen.secrets.value import SecretValue

    try:
        text = file.read_text(encoding="utf-8").removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {file}: {type(error).__name__}") from None
    if not text or not text.isprintable():
        raise InputError(f"{file} does not hold a password on one line")
    SecretStore(state.secrets).write(plan.site.backup.password.secret, SecretValue(text))


def _check(repository: Repository, plan: Plan, report: Report, *, as_json: bool) -> None:
    percent = plan.site.backup.check_percent
    report.started("repository")
    found = repository.check(percent)
    if as_json:
        print_json({"environment": plan.site.environment, "damage": list(found), "read_percent": percent})
    elif not found:
        report.done("repository", f"whole; {percent} % of it read back")
    else:
        report.done("repository", "damaged")
        for line in found:
            console().print(f"  {line}", soft_wrap=True)
        console(err=True).print(
            "Make a new backup into another repository now; then see restic's page on troubleshooting.", soft_wrap=True
        )
    if found:
        leave(Exit.SOMETHING_TO_SEE)


def _show_list(repository: Repository, plan: Plan, *, as_json: bool) -> None:
    from orthancgen.backup.sets import sets_of

    sets = sets_of(repository, plan.site.environment)
    if as_json:
        print_json({"environment": plan.site.environment, "backups": [one.as_dict() for one in sets]})
        return
    table = Table("backup", "instances", "MB", "", box=None, pad_edge=False)
    for one in sets:
        size = sum(snapshot.bytes for snapshot in one.snapshots.values()) / _MEGABYTE
        number = "" if one.instances is None else str(one.instances)
        table.add_row(one.run_id, number, f"{size:,.1f}", "" if one.complete else "cut off")
    console().print(table)


def _show_summary(summary: Summary, repository: Repository, *, as_json: bool) -> None:
    if as_json:
        print_json({"repository": repository.place, **summary.as_dict()})
        return
    out = console()
    out.print()
    out.print(
        f"Backup {summary.run}: {summary.instances} instances, {summary.records} records, "
        f"{summary.bytes / _MEGABYTE:,.1f} MB read, {summary.added / _MEGABYTE:,.1f} MB added to {repository.place}, "
        f"{summary.seconds:.0f} s; Orthanc was halted for {summary.paused_milliseconds} ms.",
        soft_wrap=True,
    )
    if summary.absent:
        out.print(
            f"{summary.absent} files that the index names were not in the storage: deleted in that moment, or lost. "
            "Where this number comes again, orthancgen verify and Orthanc's log tell more.",
            style="bold yellow",
            soft_wrap=True,
        )


def _warn_of_password(plan: Plan, env: str, state_root: Path | None) -> None:
    name = plan.site.backup.password.secret
    where = plan.site.secrets.get(name)
    option = f" --state {state_root}" if state_root else ""
    show = f"orthancgen secrets show {env} {name}{option}" if where is None else "the source that `secrets:` names"
    console(err=True).print(
        f"\nKEEP THE PASSWORD OF THIS REPOSITORY OUTSIDE OF THIS HOST: {show}\n"
        "Without it nobody can read the backup, and it lies in no backup that can be opened without it.",
        style="bold red",
        soft_wrap=True,
    )


def _show_restored(restored: Restored, *, as_json: bool) -> None:
    if as_json:
        print_json(restored.as_dict())
        return
    out = console()
    table = Table("compared", "backup", "restored", "", box=None, pad_edge=False)
    for one in restored.comparisons:
        table.add_row(one.what, one.backup, one.restored, "same" if one.same else "DIFFERS")
    out.print(table)
    for orthanc_id in restored.deleted:
        out.print(f"instance {orthanc_id} was deleted while the backup was made, and is deleted again", soft_wrap=True)
    for wrong in restored.wrong:
        out.print(f"{wrong.what}: file {wrong.uuid} of {wrong.orthanc_id}", style="bold red", soft_wrap=True)
    if restored.arrived:
        out.print(f"{restored.arrived} instances came in since the services run again")
    for name in restored.kept:
        out.print(f"what was there before is kept in {name}", soft_wrap=True)


def _install_timer(plan: Plan, state: State, env: str, output: Path | None) -> None:
    from orthancgen.backup.timer import job
    from orthancgen.cli.timer import install, own_program

    root = state.root.parent
    made = job(plan.site.environment, str(resolve(env).absolute()), root, own_program())
    install(made, root, plan.site.backup.schedule, output)
