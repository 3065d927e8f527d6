"""``orthancgen images``: what an environment needs on its engine, our own built, and all of them in a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orthancgen.cli.groups import Subcommands
from orthancgen.cli.output import console, env_argument, json_option, load_plan, print_json
from orthancgen.cli.progress import ConsoleReport
from orthancgen.errors import InputError

if TYPE_CHECKING:
    from orthancgen.runtimes.compose.archive import Archived


@click.group(cls=Subcommands)
def images() -> None:
    """Show the container images of an environment; build orthancgen's own; bring them to other engines as a file."""


@images.command("list")
@env_argument
@json_option
def list_(env: str, as_json: bool) -> None:
    """Which images ENV needs, and which of them are on the engine."""
    from orthancgen.plan.images import own_image, with_digest
    from orthancgen.runtimes.compose.engine import connect
    from orthancgen.runtimes.compose.images import BACKUP, exact_own_image, image_id, named_images, needed_own_images

    _, plan = load_plan(env)
    engine = connect(environment=plan.site.environment, need_compose=False)
    rows: list[dict[str, Any]] = []
    for name in named_images(plan):
        identity = image_id(engine, with_digest(plan, name))
        started = name != plan.site.images.backup
        rows.append({"image": name, "from": "named", "id": identity, "started": started})
    for name in needed_own_images(plan):
        # Another one under the version's name is not it.
        identity = image_id(engine, exact_own_image(name))
        rows.append(
            {"image": own_image(name), "from": "built by orthancgen", "id": identity, "started": name != BACKUP}
        )
    if as_json:
        print_json({"environment": plan.site.environment, "images": rows})
        return
    out = console()
    for row in rows:
        out.print(f"{row['image']:<44}{row['id'] or 'not on the engine':<74}{row['from']}", soft_wrap=True)


@images.command("build")
@env_argument
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option(
    "--build-arg",
    "given",
    metavar="KEY=VALUE",
    multiple=True,
    help="An argument of the Dockerfile, such as BASE_IMAGE.",
)
@click.option("--again", is_flag=True, help="Build though it is there: Debian may have newer packages.")
@json_option
def build(env: str, names: tuple[str, ...], given: tuple[str, ...], again: bool, as_json: bool) -> None:
    """Build our own images that ENV needs, or those of NAME: backend, viewer, analysis, gateway, backup, orthanc."""
    from orthancgen.plan.images import own_image
    from orthancgen.runtimes.compose.engine import connect
    from orthancgen.runtimes.compose.images import ensure_own_image, needed_own_images
    from orthancgen.runtimes.compose.sources import OWN_IMAGES
    from orthancgen.runtimes.report import Silent

    unknown = [name for name in names if name not in OWN_IMAGES]
    if unknown:
        raise InputError(f"no image of orthancgen: {unknown[0]!r}", hint=f"there are: {', '.join(OWN_IMAGES)}")
    arguments = dict(_pair(text) for text in given)
    _, plan = load_plan(env)
    engine = connect(environment=plan.site.environment, need_compose=False)
    report = Silent() if as_json else ConsoleReport(console())
    built: dict[str, Any] = {}
    try:
        for name in names or needed_own_images(plan):
            built[own_image(name)] = ensure_own_image(engine, name, report, arguments=arguments, again=again)
    finally:
        if isinstance(report, ConsoleReport):
            report.stop()
    if as_json:
        print_json({"environment": plan.site.environment, "images": built})
        return
    for name, identity in built.items():
        console().print(f"{name:<44}{identity}", soft_wrap=True)


@images.command("save")
@env_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("images.tar"),
    show_default=True,
    help="The file.",
)
@json_option
def save(env: str, output: Path, as_json: bool) -> None:
    """Write the images that ENV needs into a file, for an engine that reaches no registry: `docker load` reads it.

    Those that this engine lacks are pulled or built first. The program of the backups is among them.
    """
    from orthancgen.runtimes.compose.archive import save as write
    from orthancgen.runtimes.compose.engine import connect
    from orthancgen.runtimes.compose.pins import lock_path, read_lock
    from orthancgen.runtimes.report import Silent

    loaded, plan = load_plan(env)
    engine = connect(environment=plan.site.environment, need_compose=False)
    report = Silent() if as_json else ConsoleReport(console(err=True))
    try:
        found = write(plan, engine, read_lock(lock_path(loaded.path)), output, report)
    finally:
        if isinstance(report, ConsoleReport):
            report.stop()
    _show(found, output, as_json)


@images.command("inspect")
@click.argument("archive", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def inspect(archive: Path, as_json: bool) -> None:
    """What is in ARCHIVE, a file of images. No engine is needed."""
    from orthancgen.runtimes.compose.archive import read

    _show(read(archive), archive, as_json)


def _show(found: Iterable[Archived], file: Path, as_json: bool) -> None:
    if as_json:
        print_json({"file": str(file), "images": [{"image": one.name, "ids": list(one.ids)} for one in found]})
        return
    for one in found:
        console().print(f"{one.name:<44}{' '.join(one.ids)}", soft_wrap=True)


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise InputError(f"--build-arg {text!r} is not KEY=VALUE")
    return key, value
