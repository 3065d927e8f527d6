"""``orthancgen pin``: write down exactly which images an environment runs."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

import click

from orthancgen.cli.output import console, env_argument, json_option, load_plan, print_json
from orthancgen.cli.progress import ConsoleReport
from orthancgen.errors import InputError


@click.command()
@env_argument
@click.option(
    "--pull", is_flag=True, help="Ask the registries even where the image is on the engine: its tag may move."
)
@click.option(
    "--by-id",
    is_flag=True,
    help="By the id alone, which `images save` brings to an engine that reaches no registry; a digest it cannot.",
)
@json_option
def pin(env: str, pull: bool, by_id: bool, as_json: bool) -> None:
    """Write ENV.lock.yaml beside ENV: the digest of each image that it names.

    From then on, a deploy runs exactly these images, and refuses another one under the same name.
    """
    from orthancgen.runtimes.compose.engine import connect
    from orthancgen.runtimes.compose.images import ensure_named_image, named_images, pin_of
    from orthancgen.runtimes.compose.pins import lock_path, read_lock, write_lock
    from orthancgen.runtimes.report import Silent
    from orthancgen.site.load import display_name

    loaded, plan = load_plan(env)
    environment = plan.site.environment
    names = named_images(plan)
    if not names:
        raise InputError(f"{display_name(loaded.path)} names no image", hint="see `images` in docs/configuration.md")
    path = lock_path(loaded.path)
    earlier = read_lock(path)
    engine = connect(environment=environment, need_compose=False)
    report = Silent() if as_json else ConsoleReport(console())
    today = datetime.datetime.now(datetime.UTC).date()
    pins = {}
    try:
        for name in names:
            ensure_named_image(engine, name, report, again=pull)
            now = pin_of(engine, name, today)
            now = replace(now, digest=None) if by_id else now
            before = earlier.get(name)
            pins[name] = before if before and (before.digest, before.id) == (now.digest, now.id) else now
    finally:
        if isinstance(report, ConsoleReport):
            report.stop()
    try:
        changed = write_lock(path, environment, pins)
    except OSError as error:
        raise InputError(f"cannot write {display_name(path)}: {error.strerror}", hint="who owns the folder?") from None
    if as_json:
        images: dict[str, Any] = {
            name: {"digest": one.digest, "id": one.id, "pinned": one.pinned.isoformat()} for name, one in pins.items()
        }
        print_json({"environment": environment, "file": str(path), "changed": changed, "images": images})
        return
    out = console()
    for name, one in pins.items():
        kind = one.digest or f"{one.id} (its id: of an engine that keeps images in the same way)"
        out.print(f"{name:<40}{kind}", soft_wrap=True)
    out.print(f"{display_name(path)}: {'written' if changed else 'unchanged'}", soft_wrap=True)
