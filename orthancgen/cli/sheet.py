"""``orthancgen sheet``: workstation sheets, the quick reference card, network notes, and the page that lists them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from orthancgen.cli.completing import complete_modality
from orthancgen.cli.output import console, env_argument, json_option, load_plan, print_json
from orthancgen.cli.runtime import state_option
from orthancgen.errors import DeployError, InputError

if TYPE_CHECKING:
    from orthancgen.plan.model import Plan
    from orthancgen.sheets.catalogue import Catalogue
    from orthancgen.sheets.connection import SiteFacts
    from orthancgen.sheets.sheet import SheetSet
    from orthancgen.sheets.writers import Writer

_FORMATS: Final = ("html", "pdf", "md")
_STANDARD_OUTPUT: Final = Path("-")


@click.command()
@env_argument
@click.option(
    "--modality",
    "modalities",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_modality,
    help="The sheet of this modality alone.",
)
@click.option(
    "--vendor",
    "vendors",
    multiple=True,
    metavar="VENDOR",
    help="A sheet for a device of this vendor that is not registered yet; with --modality, of that modality.",
)
@click.option("--all-vendors", is_flag=True, help="Besides, a sheet of each vendor, for devices to come.")
@click.option("--card", "with_card", is_flag=True, help="The quick reference card alone, one side of A5.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(_FORMATS),
    default=("html",),
    show_default=True,
    help="May be given more than once.",
)
@click.option("--language", default="en", show_default=True, metavar="CODE", help="en, de or fr.")
@click.option(
    "--host", "hosts", multiple=True, metavar="HOST", help="Name or address of this site, the one to type first."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder, or for a single page the file; - is standard output.  [default: sheets-ENV]",
)
@click.option(
    "--list", "list_only", is_flag=True, help="List the modalities and the vendors that there are sheets for."
)
@state_option
@json_option
def sheet(
    env: str,
    modalities: tuple[str, ...],
    vendors: tuple[str, ...],
    all_vendors: bool,
    with_card: bool,
    formats: tuple[str, ...],
    language: str,
    hosts: tuple[str, ...],
    output: Path | None,
    list_only: bool,
    state_root: Path | None,
    as_json: bool,
) -> None:
    """Write the workstation sheets of ENV: what to enter at each modality, how to test it, what must be open.

    Without options: an index page, a sheet a modality, the card and the network notes, as HTML in sheets-ENV. No
    secret is in them.
    """
    from orthancgen.sheets.catalogue import catalogue
    from orthancgen.sheets.wanted import Wanted, sheet_set
    from orthancgen.sheets.writers import WRITERS

    _, plan = load_plan(env)
    if list_only:
        _list(plan, as_json)
        return
    words = catalogue(language)
    site = _site_facts(plan, hosts, state_root, env)
    every = sheet_set(plan, site, Wanted(modalities, vendors, all_vendors=all_vendors))
    named = bool(modalities or vendors)
    whole = all_vendors or not (named or with_card)
    asked = _Pages(every, sheets=whole or named, card=whole or with_card, site=whole)
    writers = [WRITERS[one] for one in dict.fromkeys(formats)]
    pages = [page for writer in writers for page in asked.made(writer, words)]
    _write(pages, output, site, whole=whole, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Page:
    id: str
    extension: str
    content: bytes

    @property
    def name(self) -> str:
        return f"{self.id}.{self.extension}"


@dataclass(frozen=True, slots=True)
class _Pages:
    """Which pages are wanted of a set: its sheets, the card, and the pages of the whole site."""

    every: SheetSet
    sheets: bool
    card: bool
    site: bool

    def made(self, writer: Writer, words: Catalogue) -> list[_Page]:
        """The pages in one format."""
        made: dict[str, bytes] = {}
        if self.sheets:
            made |= {one.id: writer.sheet(one, words) for one in self.every.sheets}
        if self.card:
            made["card"] = writer.card(self.every.card, words)
        if self.site:
            made["network"] = writer.network(self.every, words)
            files = {name: f"{name}.{writer.extension}" for name in made}
            made["index"] = writer.index(self.every, files, words)
        return [_Page(name, writer.extension, content) for name, content in made.items()]


def _list(plan: Plan, as_json: bool) -> None:
    from orthancgen.sheets.load import vendors

    known = vendors()
    registered = {name: modality.vendor for name, modality in plan.site.modalities.items()}
    if as_json:
        print_json({"modalities": registered, "vendors": {name: one.name for name, one in known.items()}})
        return
    _columns("modalities", {name: known[vendor].name for name, vendor in registered.items()})
    _columns("vendors", {name: one.name for name, one in known.items()})


def _columns(heading: str, rows: Mapping[str, str]) -> None:
    out = console()
    out.print(heading, style="bold")
    width = max(map(len, rows), default=0)
    for name, text in rows.items():
        out.print(f"  {name:<{width}}  {text}", soft_wrap=True)
    if not rows:
        out.print("  none")


def _site_facts(plan: Plan, given: tuple[str, ...], state_root: Path | None, env: str) -> SiteFacts:
    from orthancgen.plan.reached import named_hosts
    from orthancgen.sheets.build import facts

    hosts = tuple(map(_checked, given)) or named_hosts(plan.site)
    if not hosts:
        hosts = _guessed(plan)
    elif given:
        _warn_of_certificates(plan, hosts)
    release, date = _release(plan, state_root, env)
    return facts(plan, hosts=hosts, release=release, date=date)


def _checked(host: str) -> str:
    from pydantic import TypeAdapter, ValidationError

    from orthancgen.site.problems import printable
    from orthancgen.site.types import Host

    try:
        return TypeAdapter[str](Host).validate_python(host)
    except ValidationError as error:
        wrong = str(error.errors()[0]["ctx"]["error"])
        raise InputError(f"--host {printable(host)}: {wrong}", hint="write a host name, or an address") from None


def _guessed(plan: Plan) -> tuple[str, ...]:
    from orthancgen.sheets.own_addresses import own_addresses

    # Orthanc itself listens for DICOM on IPv4 alone; a container's port is published on both.
    hosts = own_addresses(ipv6=plan.site.runtime != "native")
    _warn(
        f"the environment names no host: the sheets show this one's own addresses, {', '.join(hosts)}",
        "name it, certificates: {names: [...]}, or give --host",
    )
    return hosts


def _warn_of_certificates(plan: Plan, hosts: tuple[str, ...]) -> None:
    site = plan.site
    unnamed = [host for host in hosts if host not in site.certificates.names]
    if unnamed and (site.http.tls.enabled or site.dicom.tls.enabled):
        _warn(
            f"the site's certificates do not name {', '.join(unnamed)}, and programs that compare names refuse it",
            "add it to certificates: {names: [...]}, and deploy",
        )


def _release(plan: Plan, state_root: Path | None, env: str) -> tuple[int | None, str]:
    """Number and day of the release that runs, if it is what the environment says; else none, and today."""
    import datetime

    from orthancgen.release.store import ReleaseStore
    from orthancgen.runtimes.state import state_of

    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    if plan.site.runtime == "native":  # it keeps no releases
        return None, today
    store = ReleaseStore(state_of(plan.site.environment, state_root).root)
    try:
        current = store.current()
        if current is None:
            return None, today
        same = _content(plan) == {file.path: file.content for file in store.bundle(current.number).files}
    except (DeployError, InputError) as error:
        _warn(f"the release that runs is not known: {error.message}", error.hint)
        return None, today
    if not same:
        _warn(
            f"release {current.number} runs, and the environment says something else: the sheets show the environment",
            f"orthancgen deploy {env}",
        )
        return None, today
    return current.number, current.created[:10]


def _content(plan: Plan) -> dict[str, bytes]:
    from orthancgen.render.catalogue import render

    return {file.path: file.content for file in render(plan).files}


def _warn(message: str, hint: str | None) -> None:
    err = console(err=True)
    err.print("warning: ", style="bold yellow", end="")
    err.print(message, soft_wrap=True)
    if hint:
        err.print("  hint: ", style="bold green", end="")
        err.print(hint, soft_wrap=True)


def _write(pages: list[_Page], output: Path | None, site: SiteFacts, *, whole: bool, as_json: bool) -> None:
    from orthancgen.render.write import place
    from orthancgen.sheets.folder import write_folder

    single = len(pages) == 1
    if output == _STANDARD_OUTPUT and (as_json or not single):
        raise InputError(
            "standard output takes one page", hint="ask for one, as with --modality NAME, and leave --json out"
        )
    if single and (output == _STANDARD_OUTPUT or (output is None and pages[0].extension == "md" and not as_json)):
        click.echo(pages[0].content, nl=False)
        return
    removed: tuple[str, ...] = ()
    folder = output or Path(f"sheets-{site.environment}")
    targets = [(folder / page.name, page) for page in pages]
    if single and output is not None and not output.is_dir() and output.suffix == f".{pages[0].extension}":
        targets = [(output, pages[0])]
    if whole:
        extensions = frozenset(page.extension for page in pages)
        removed = write_folder(folder, [(page.name, page.content) for page in pages], extensions)
    else:
        place([(path, page.content, 0o644) for path, page in targets], folder)
    if as_json:
        files = [{"id": page.id, "format": page.extension, "file": str(path)} for path, page in targets]
        print_json(
            {
                "environment": site.environment,
                "release": site.issue.release,
                "date": site.issue.date,
                "fingerprint": site.issue.fingerprint,
                "files": files,
                "removed": list(removed),
            }
        )
        return
    for path, _ in targets:
        console().print(str(path), soft_wrap=True)
    for name in removed:
        console().print(f"{folder / name} removed: it is of nothing at this site any more", soft_wrap=True)
