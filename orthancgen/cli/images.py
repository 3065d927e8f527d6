"""``orthancgen images``: what an environment needs on its engine, and our own images built."""

from __future__ import annotations

from typing import Any

import click

from orthancgen.cli.groups import Subcommands
from orthancgen.cli.output import console, env_argument, json_option, load_plan, print_json
from orthancgen.cli.progress import ConsoleReport
from orthancgen.errors import InputError


@click.group(cls=Subcommands)
def images() -> None:
    """Show the container images of an environment; build orthancgen's own."""


@images.command("list")
@env_argument
@json_option
def list_(env: str, as_json: bool) -> None:
    """Which images ENV needs, and which of them are on the engine."""
    from orthancgen.plan.images import own_image
    from orthancgen.runtimes.compose.engine import connect
    from orthancgen.runtimes.compose.images import image_id, named_images, needed_own_images

    _, plan = load_plan(env)
    engine = connect(environment=plan.site.environment, need_compose=False)
    wanted = [*((name, "named") for name in named_images(plan))]
    wanted += [(own_image(name), "built by orthancgen") for name in needed_own_images(plan)]
    rows = [{"image": name, "from": origin, "id": image_id(engine, name)} for name, origin in wanted]
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


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not key or not separator:
        raise InputError(f"--build-arg {text!r} is not KEY=VALUE")
    return key, value
