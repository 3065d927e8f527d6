"""``orthancgen modalities``: what vendors send back, put into the environment's file; and whether devices answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table
from rich.text import Text

from orthancgen.cli.groups import Subcommands
from orthancgen.cli.output import (
    complete_environment,
    console,
    env_argument,
    installed_version,
    json_option,
    leave,
    load_environment,
    print_json,
    show_problems,
)
from orthancgen.cli.runtime import load_running, state_option
from orthancgen.errors import DeployError, Exit, InputError
from orthancgen.site.load import display_name, resolve
from orthancgen.site.problems import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from orthancgen.modalities.asking import Answer
    from orthancgen.modalities.change import Change
    from orthancgen.modalities.opened import Opened
    from orthancgen.runtimes.access import Access

_MOST_SHOWN: Final = 400
"""Lines of a difference."""


@click.group(cls=Subcommands)
def modalities() -> None:
    """List the modalities of ENV; add, change, remove and import them in its file; ask whether they answer.

    The file is edited in place: comments, order, quotes and layout of everything else stay. The result is validated
    first, and nothing is written where it is invalid. `orthancgen deploy ENV` brings it to Orthanc.
    """


@modalities.command("list")
@env_argument
@json_option
def list_(env: str, as_json: bool) -> None:
    """List the modalities of ENV, and where each is defined."""
    from orthancgen.modalities.listing import listing

    rows = listing(load_environment(env))
    if as_json:
        print_json({"modalities": [row.document for row in rows]})
        return
    out = console()
    if not rows:
        out.print("no modality is registered")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "AET", "address", "port", "TLS", "may", "vendor", "defined in"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        cells = (row.name, row.aet, row.address, str(row.port), "yes" if row.tls else "no", ", ".join(row.may) or "-")
        table.add_row(*map(Text, (*cells, row.vendor, f"{row.file}:{row.line}")))
    out.print(table)


def _field_options(required: bool) -> Callable[[Any], Any]:
    def decorate(function: Any) -> Any:
        for option in reversed(
            (
                click.option("--aet", metavar="AET", required=required, help="Its AE title."),
                click.option("--address", metavar="ADDRESS", required=required, help="Its IP address, or name."),
                click.option(
                    "--port",
                    metavar="PORT",
                    help="Port on which it listens.  [default: 104]" if required else "Its port.",
                ),
                click.option("--vendor", metavar="VENDOR", help="Whose menus its workstation sheet describes."),
                click.option("--may", metavar="LIST", help="What it may do, such as echo,store."),
                click.option("--tls/--no-tls", default=None, help="Whether Orthanc calls it by TLS."),
                click.option("--description", help="A line for people."),
                click.option("--dry-run", is_flag=True, help="Show what would change; write nothing."),
            )
        ):
            function = option(function)
        return function

    return decorate


@modalities.command()
@env_argument
@click.argument("name")
@_field_options(required=True)
def add(env: str, name: str, dry_run: bool, **options: Any) -> None:
    """Add the modality NAME to ENV."""
    from orthancgen.modalities.change import SetFields
    from orthancgen.modalities.options import fields_of

    opened = _open(env)
    if name in opened.modalities:
        mark = opened.place(name)
        at = f" ({mark.file}:{mark.line})" if mark else ""
        raise InputError(
            f"{printable(name)} is in the environment already{at}", hint=f"orthancgen modalities change {env} {name}"
        )
    fields = fields_of(name, options, complete=True)
    _finish(env, opened, [SetFields(name, fields)], dry_run, f"{name} added")


@modalities.command()
@env_argument
@click.argument("name")
@_field_options(required=False)
def change(env: str, name: str, dry_run: bool, **options: Any) -> None:
    """Change what is said of the modality NAME in ENV.

    Where it stands in a file that ENV extends, what differs is written into the file of ENV.
    """
    from orthancgen.modalities.change import SetFields
    from orthancgen.modalities.options import fields_of

    opened = _open(env)
    entry = _present(opened, name)
    fields = fields_of(name, options, complete=False)
    differing = {key: value for key, value in fields.items() if entry.get(key) != value}
    if not fields:
        raise InputError("nothing to change was named", hint="--aet, --address, --port, --may, ...")
    if not differing:
        console().print(f"{name} is so already", soft_wrap=True)
        return
    _finish(env, opened, [SetFields(name, differing)], dry_run, f"{name} changed")


@modalities.command()
@env_argument
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
def remove(env: str, name: str, dry_run: bool) -> None:
    """Remove the modality NAME from ENV, with the comments within it; those above it stay."""
    from orthancgen.modalities.change import Remove

    opened = _open(env)
    _present(opened, name)
    _finish(env, opened, [Remove(name, opened.inherited(name))], dry_run, f"{name} removed")


@modalities.command("import")
@click.argument("env", metavar="ENV", required=False, shell_complete=complete_environment)
@click.argument("file", metavar="FILE", required=False, type=click.Path(path_type=Path))
@click.option("--update", is_flag=True, help="Change modalities that are there already.")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing.")
@click.option("--template", is_flag=True, help="Print an empty list with its headings and an example, and end.")
def import_(env: str | None, file: Path | None, update: bool, dry_run: bool, template: bool) -> None:
    """Add the modalities of FILE to ENV: a list as CSV, as vendors and spreadsheets write it.

    Columns are known by their headings, in any order: AE Title, IP, Port, Vendor, TLS, Services, Description, Name and
    other words for them. Without a name, one is made of the AE title. All of it is imported, or nothing.
    """
    from orthancgen.modalities.vendor_list import TEMPLATE, read

    if template:
        click.echo(TEMPLATE, nl=False)
        return
    if env is None or file is None:
        raise click.UsageError("ENV and FILE are needed; --template prints an empty list")
    opened = _open(env)
    site = opened.loaded.site
    exact = site is not None and site.dicom.ae_checks.exact_case
    found = read(_content(file), str(file), opened.modalities, update=update, exact=exact)
    sources = {str(file): found.source}
    errors = sum(problem.severity == "error" for problem in found.problems)
    if errors:
        said = f"{errors} {'error' if errors == 1 else 'errors'} in {printable(str(file), 4096)}; nothing was imported"
        raise InputError(said, problems=found.problems, sources=sources)
    if found.problems:
        show_problems(found.problems, sources)
    present = opened.modalities
    changes: list[Change] = []
    for one in found.changes:
        before = present.get(one.name, {})
        differing = {key: value for key, value in one.fields.items() if before.get(key) != value}
        if differing:
            changes.append(type(one)(one.name, differing))
    if not changes:
        console().print("all of it is in the environment already")
        return
    added = sum(one.name not in present for one in changes)
    _finish(env, opened, changes, dry_run, f"{added} added, {len(changes) - added} changed")


@modalities.command()
@env_argument
@click.argument("names", metavar="[NAME]...", nargs=-1)
@state_option
@json_option
def check(env: str, names: tuple[str, ...], state_root: Path | None, as_json: bool) -> None:
    """Ask modalities whether they answer: name, port, and C-ECHO by the Orthanc of ENV; by this host where none runs.

    Without NAME, all of them. Exit 1 where one does not answer.
    """
    from orthancgen.modalities.asking import Asker
    from orthancgen.modalities.listing import named

    loaded, runtime = load_running(env, state_root)
    plan, chosen = runtime.plan, named(loaded, names)
    access: Access | None
    try:
        access = runtime.access()
    except DeployError:
        access = None
    with Asker(plan, access) as asker:
        answers = list(asker.ask(chosen))
        by_orthanc = asker.registered is not None
    if as_json:
        print_json({"asked_by_orthanc": by_orthanc, "modalities": [one.document for one in answers]})
    else:
        _show_answers(answers, by_orthanc, plan.site.environment)
    if not all(one.ok for one in answers):
        leave(Exit.SOMETHING_TO_SEE)


def _show_answers(answers: Sequence[Answer], by_orthanc: bool, environment: str) -> None:
    out = console()
    if not answers:
        out.print("no modality is registered")
        return
    if not by_orthanc:
        said = f"The Orthanc of {environment} does not run on this host: this host asks, as Orthanc would call itself."
        out.print(said, style="yellow", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "AET", "at", "port", "C-ECHO"):
        table.add_column(heading, overflow="fold")
    for one in answers:
        at = one.address if one.addresses in {(), (one.address,)} else f"{one.address} ({', '.join(one.addresses)})"
        port = Text(f"{one.port}: {one.tcp or 'not tried'}")
        answer = Text(one.echo, style="green" if one.ok else "bold red")
        if one.hint:
            answer.append(f"\nhint: {one.hint}", style="default")
        table.add_row(Text(one.name), Text(one.aet), Text(at), port, answer)
    out.print(table)


def _open(env: str) -> Opened:
    from orthancgen.modalities.opened import open_environment

    return open_environment(resolve(env), installed_version)


def _present(opened: Opened, name: str) -> dict[str, Any]:
    known = opened.modalities
    if name not in known:
        from orthancgen.site.explain import did_you_mean

        hint = did_you_mean(name, list(known)) or (f"there are: {', '.join(known)}" if known else "there is none")
        raise InputError(f"no modality {printable(name)} in {display_name(opened.path)}", hint=hint)
    entry = known[name]
    return entry if isinstance(entry, dict) else {}


def _content(file: Path) -> bytes:
    from orthancgen.modalities.cells import LARGEST_BYTES

    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        raise InputError(f"cannot read {printable(str(file), 4096)}: {reason}") from None


def _finish(env: str, opened: Opened, changes: Sequence[Change], dry_run: bool, done: str) -> None:
    """Validate, show, write."""
    from itertools import islice

    from orthancgen.modalities.change import SetFields
    from orthancgen.modalities.next_steps import next_steps
    from orthancgen.modalities.prepare import prepare, save, shown_difference

    prepared = prepare(opened, changes, installed_version)
    if prepared.warnings:
        show_problems(prepared.warnings, prepared.loaded.sources)
    out = console()
    lines = list(islice(shown_difference(prepared), _MOST_SHOWN + 1))
    for line in lines[:_MOST_SHOWN]:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        out.print(Text(line, style=style), soft_wrap=True)
    if len(lines) > _MOST_SHOWN:
        out.print("... and more")
    name = display_name(opened.path)
    inherited = [one.name for one in changes if opened.inherited(one.name)]
    if inherited:
        what = "what differs" if isinstance(changes[0], SetFields) else "a key without a value, which takes it out,"
        files = ", ".join(dict.fromkeys(mark.file for one in inherited if (mark := opened.base_place(one))))
        said = f"{', '.join(inherited[:10])}: defined in {files}, which stays; {what} is in {name}"
        out.print(said, soft_wrap=True)
    if dry_run:
        out.print(f"{name}: nothing was written ({done})", soft_wrap=True)
        return
    save(prepared)
    out.print(f"{name}: {done}", style="green", soft_wrap=True)
    for line in next_steps(env, prepared.loaded.require(), changes, opened.modalities):
        out.print(line, soft_wrap=True)
