"""``orthancgen import``: an existing configuration of Orthanc -> an environment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orthancgen.cli.output import console, installed_version, json_option, leave, print_json, show_problems
from orthancgen.cli.runtime import state_option
from orthancgen.errors import Exit, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from orthancgen.foreign.model import ComposeFile, OrthancPart, Publisher, Target
    from orthancgen.importing.result import Result
    from orthancgen.site.model import Kind


@click.command("import")
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--name", metavar="NAME", help="Name of the environment.  [default: that of the file or service]")
@click.option(
    "--kind",
    type=click.Choice(["development", "staging", "production"]),
    default="development",
    show_default=True,
    help="What the environment is; production refuses what a production site must not have.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write.  [default: environments/NAME.yaml]",
)
@click.option("--service", metavar="NAME", help="Which Orthanc, where a compose file has several.")
@click.option(
    "--orthanc", "version", metavar="VERSION", help="Version of Orthanc that the configuration is for, such as 1.12.7."
)
@click.option(
    "--image",
    type=click.Choice(["orthancteam", "jodogne", "debian"]),
    help="Whose image reads the configuration; without it, what a compose file says, else none.",
)
@click.option(
    "--secrets",
    "secrets_folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the passwords that are found.  [default: the environment's own store in its state folder]",
)
@state_option
@click.option("--dry-run", is_flag=True, help="Print the environment; write nothing.")
@click.option("--force", is_flag=True, help="Overwrite the environment and its secrets.")
@click.option("-v", "--verbose", is_flag=True, help="Say of every key what became of it.")
@json_option
def import_(
    files: tuple[Path, ...],
    name: str | None,
    kind: Kind,
    output: Path | None,
    service: str | None,
    version: str | None,
    image: Publisher | None,
    secrets_folder: Path | None,
    state_root: Path | None,
    dry_run: bool,
    force: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Write an environment that says what FILE says: an orthanc.json, several, a folder, or a compose file.

    Every key is accounted for, and what the environment says otherwise is listed with its reason. Passwords go to the
    store of secrets. Exit 0 where everything was carried over, 1 where something was not, 2 where FILE is wrong.
    """
    from orthancgen.importing.save import refuse_existing, save

    chosen = _Chosen(files, _name(name), output, secrets_folder, state_root)
    made = _of_bundle(chosen, version) or _of_files(chosen, kind, service, version, image)
    secrets = made.result.imported.secrets
    if not dry_run:
        if not force:
            refuse_existing(made.file, made.folder, secrets)
        save(made.file, made.result.text, made.folder, secrets)
    if as_json:
        from orthancgen.importing.report import document

        print_json(document(made.result, name=made.name, file=None if dry_run else str(made.file)))
    else:
        if dry_run:
            click.echo(made.result.text, nl=False)
        _report(console(err=dry_run), made, verbose=verbose)
        if not dry_run:
            _next(console(), made)
    if not made.result.complete:
        leave(Exit.SOMETHING_TO_SEE)


@dataclass(frozen=True)
class _Chosen:
    """What the caller named."""

    files: tuple[Path, ...]
    name: str | None
    output: Path | None
    secrets: Path | None
    state_root: Path | None

    def file(self, name: str) -> Path:
        """The file to write."""
        return self.output or Path("environments") / f"{name}.yaml"

    def folder(self, name: str) -> Path:
        """The folder of the secrets."""
        from orthancgen.runtimes.state import state_of

        return (self.secrets or state_of(name, self.state_root).secrets).absolute()


@dataclass(frozen=True)
class _Made:
    """An import and where it goes."""

    result: Result
    name: str
    file: Path
    folder: Path


def _of_bundle(chosen: _Chosen, version: str | None) -> _Made | None:
    """The environment of a bundle that orthancgen rendered; None where no bundle is named."""
    from orthancgen.importing.bundle import read_bundle
    from orthancgen.importing.result import written
    from orthancgen.orthanc.keys import named_version
    from orthancgen.site.load import display_name

    bundle = read_bundle(chosen.files[0], named_version(version)) if len(chosen.files) == 1 else None
    if bundle is None:
        return None
    name = chosen.name or str(bundle.environment["environment"])
    file = chosen.file(name)
    bundle = replace(bundle, environment={**bundle.environment, "environment": name})
    heading = f"The environment of the bundle {chosen.files[0]}."
    return _Made(written(bundle, heading=heading, file=display_name(file)), name, file, chosen.folder(name))


def _of_files(chosen: _Chosen, kind: Kind, service: str | None, version: str | None, image: Publisher | None) -> _Made:
    """The environment of a configuration of Orthanc."""
    from orthancgen.importing.names import environment_name
    from orthancgen.importing.result import import_as
    from orthancgen.site.load import display_name

    target = _read(chosen.files, version, image)
    part, compose = _one_of(target, service)
    part, judged = _judged(part)
    name = chosen.name or environment_name(_called(part, chosen))
    file, folder = chosen.file(name), chosen.folder(name)
    result = import_as(
        part,
        name=name,
        kind=kind,
        compose=compose,
        folder=_folder(part, compose, chosen.files),
        heading=f"Imported from {part.name}, read as of Orthanc {judged}.",
        file=display_name(file),
        secrets_folder=str(folder) if chosen.secrets else "",
    )
    return _Made(result, name, file, folder)


def _read(files: tuple[Path, ...], version: str | None, image: Publisher | None) -> Target:
    """Read the files; what is wrong with them ends the import.

    Raises:
        InputError: a file is missing, or is nothing that Orthanc would start on; carries every problem.
    """
    from orthancgen.foreign.read import read_target
    from orthancgen.orthanc.keys import named_version

    target = read_target(files, version=named_version(version), publisher=image)
    problems = list(dict.fromkeys((*target.problems, *(p for part in target.orthancs for p in part.problems))))
    errors = sum(problem.severity == "error" for problem in problems)
    if errors:
        raise InputError(
            f"{errors} {'error' if errors == 1 else 'errors'} in what is to be imported; nothing was written",
            hint="mend them first: Orthanc does not start on them, or reads something else than is written",
            problems=tuple(problems),
            sources=target.texts,
        )
    if problems:
        show_problems(problems, target.texts)
    return target


def _one_of(target: Target, service: str | None) -> tuple[OrthancPart, ComposeFile | None]:
    """The Orthanc that is meant, and the compose file that it is part of."""
    parts = [part for part in target.orthancs if service is None or part.service == service]
    if not parts:
        names = ", ".join(part.service for part in target.orthancs if part.service)
        raise InputError(
            f"there is no Orthanc of the service {service}" if service else "there is no configuration of Orthanc",
            hint=f"there are: {names}" if names else "name an orthanc.json, its folder, or a compose file with Orthanc",
        )
    if len(parts) > 1:
        names = ", ".join(part.name for part in parts)
        raise InputError(f"there are {len(parts)} Orthancs: {names}", hint="name one file, or one by --service NAME")
    part = parts[0]
    for compose in target.composes:
        if part.service in compose.services and part.name.startswith(compose.file):
            return part, compose
    return part, None


def _judged(part: OrthancPart) -> tuple[OrthancPart, str]:
    """The part with the version that it is judged by: where none is named, and no image, that of the installed one."""
    if part.version_known:
        return part, str(part.version)
    installed = installed_version() if part.publisher is None and not part.service else None
    if installed is not None:
        return replace(part, version=installed), f"{installed}, the installed one"
    return part, f"{part.version}, the newest known: it names no version"


def _name(name: str | None) -> str | None:
    from orthancgen.importing.fits import why_not
    from orthancgen.site.types import EnvironmentName

    if name is not None and (why := why_not(EnvironmentName, name)) is not None:
        raise InputError(f"--name: {why}", hint="such as prod or main-pacs")
    return name


def _called(part: OrthancPart, chosen: _Chosen) -> str:
    """What a name of the environment is made of."""
    if chosen.output is not None:
        return chosen.output.stem
    return part.service or chosen.files[0].resolve().stem


def _folder(part: OrthancPart, compose: ComposeFile | None, files: tuple[Path, ...]) -> str:
    """The folder from which relative paths count: that of the compose file, or of the configuration."""
    if compose is not None:
        return str(Path(compose.file).resolve().parent)
    if part.documents:
        return str(Path(part.documents[0].file).resolve().parent)
    return str(files[0].resolve().parent)


def _report(out: Console, made: _Made, *, verbose: bool) -> None:
    from orthancgen.importing import report
    from orthancgen.site.load import display_name

    result = made.result
    errors = [one for one in result.problems if one.severity == "error"]
    show_problems(errors, {display_name(made.file): result.text})
    out.print("What became of the keys:" if verbose else "What became of the keys (-v lists them):", style="bold")
    for line in report.every_key(result) if verbose else report.summary(result):
        out.print(line, soft_wrap=True)
    for heading, lines in (
        ("Not carried over:", () if verbose else report.to_look_at(result)),
        ("Changed:", () if verbose else report.changed(result)),
        ("Passwords to change:", report.to_change(result)),
        ("What runs otherwise than before:", report.differing(result)),
        ("A production environment would refuse:", report.refused(result.refused)),
    ):
        for number, line in enumerate(lines):
            if number == 0:
                out.print(heading, style="bold")
            out.print(line, soft_wrap=True)


def _next(out: Console, made: _Made) -> None:
    from orthancgen.site.load import display_name

    out.print(f"{display_name(made.file)}: written", style="green", soft_wrap=True)
    if made.result.imported.secrets:
        names = ", ".join(sorted(made.result.imported.secrets))
        out.print(f"{display_name(made.folder)}: secrets {names}", style="green", soft_wrap=True)
    env = made.file.stem if made.file.parent == Path("environments") else display_name(made.file)
    steps = f"next: orthancgen validate {env}; orthancgen audit {env}; orthancgen render {env} -o bundle"
    out.print(steps, style="dim", soft_wrap=True)
