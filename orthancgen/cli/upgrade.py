"""``orthancgen upgrade``: what another version of Orthanc means for an environment, or for any set-up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from orthancgen.cli.output import console, installed_version, json_option, leave, load_environment, print_json
from orthancgen.errors import Exit, InputError

if TYPE_CHECKING:
    from orthancgen.orthanc.keys import Version
    from orthancgen.upgrade.advice import Report


@click.command()
@click.argument("target", metavar="TARGET")
@click.option("--to", "to", metavar="VERSION", help="The version to go to, newer or older; by default the newest.")
@click.option("--from", "from_", metavar="VERSION", help="The version that runs, in place of what TARGET says.")
@click.option("--mongo", metavar="VERSION", help="Also what another version of MongoDB means, such as 8.0.21.")
@click.option("--all", "everything", is_flag=True, help="Also what no setting of TARGET makes matter.")
@json_option
def upgrade(target: str, to: str | None, from_: str | None, mongo: str | None, everything: bool, as_json: bool) -> None:
    """Show what another version of Orthanc means for TARGET: what breaks, means something else, is fixed, lost or new.

    TARGET is an environment, or anybody's orthanc.json, compose file or folder. Nothing is touched. It ends with the
    steps that do it. Exit 0 where there is nothing to do, 1 where there is something to see, 2 where a version is not
    known.
    """
    from orthancgen.audit.targets import is_environment
    from orthancgen.upgrade.text import as_document, as_text
    from orthancgen.upgrade.versions import NEWEST, read_version

    old = read_version(from_, "--from") if from_ else None
    new = read_version(to, "--to") if to else NEWEST
    reports = (_of_environment if is_environment(target) else _of_files)(target, old, new, _mongo(mongo))
    if to and all(report.old == report.new for report in reports):
        raise InputError(f"--to: {reports[0].name} runs Orthanc {new} already", hint="name another version")
    if as_json:
        print_json({"reports": [as_document(report, everything=everything) for report in reports]})
    else:
        out = console()
        for number, report in enumerate(reports):
            out.print("\n" if number else "", as_text(report, everything=everything), sep="", end="", soft_wrap=True)
            if not report.concerning:
                out.print("nothing to do", style="green")
    if any(report.concerning for report in reports):
        leave(Exit.SOMETHING_TO_SEE)


def _of_environment(env: str, old: Version | None, new: Version, mongo: str) -> tuple[Report, ...]:
    from orthancgen.site.load import display_name
    from orthancgen.upgrade.advise import advise
    from orthancgen.upgrade.environment import environment_advice, site_of, subject_of, version_now
    from orthancgen.upgrade.steps import with_steps
    from orthancgen.upgrade.versions import require_known

    loaded = load_environment(env)
    site = site_of(loaded)
    if old is None:
        where = f"{display_name(loaded.path)}: orthanc.version"
        old = require_known(version_now(loaded, site, installed_version), where)
    subject = subject_of(loaded, site, old, new, mongo)
    _require_database(mongo, subject.database)
    report = advise(subject, old, new, environment_advice(loaded, site, subject, old, new))
    return (with_steps(report, loaded, site, subject, env),)


def _of_files(path: str, old: Version | None, new: Version, mongo: str) -> tuple[Report, ...]:
    from dataclasses import replace

    from orthancgen.upgrade.advise import advise
    from orthancgen.upgrade.files import found_in, with_file_steps
    from orthancgen.upgrade.images import image_for
    from orthancgen.upgrade.versions import require_known

    reports = []
    for found in found_in(path, old):
        _require_database(mongo, found.subject.database)
        version = require_known(found.version, found.subject.name)
        image = image_for(found.subject.image, new)
        subject = replace(found.subject, image_after=image, database_after=mongo)
        reports.append(with_file_steps(advise(subject, version, new), found))
    return tuple(reports)


def _require_database(wanted: str, runs: str) -> None:
    if wanted and not runs:
        raise InputError("--mongo: which MongoDB runs is not known here", hint="it is told by the tag of its image")


def _mongo(text: str | None) -> str:
    from orthancgen.orthanc.keys import Version
    from orthancgen.site.problems import printable

    try:
        return str(Version.parse(text)) if text else ""
    except ValueError:
        message = f"--mongo: {printable(text or '', 40)} is no version of MongoDB"
        raise InputError(message, hint="such as 8.0.21") from None
