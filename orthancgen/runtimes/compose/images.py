"""The images of an environment: there, pulled, or built; and exactly those that its lock file names."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any, Final

from orthancgen import __version__
from orthancgen.errors import EngineError, ImageError
from orthancgen.plan.images import image_of, image_to_run, is_own, own_image
from orthancgen.plan.model import Plan
from orthancgen.release.model import Image
from orthancgen.render.container_files import containers
from orthancgen.runtimes.compose.endpoint import asking
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.pins import Pin
from orthancgen.runtimes.compose.sources import OWN_IMAGES, build, build_files, fingerprint
from orthancgen.runtimes.report import Report
from orthancgen.site.types import image_digest, image_tag

BACKUP: Final = "backup"


def named_images(plan: Plan) -> tuple[str, ...]:
    """The images that the environment itself names and its containers or its backups run, sorted."""
    named = {image_of(plan.site, name) for name in containers(plan) if not is_own(plan.site, name)}
    if plan.site.images.backup is not None:
        named.add(plan.site.images.backup)
    return tuple(sorted(named))


def needed_own_images(plan: Plan) -> tuple[str, ...]:
    """Names of our own images that the environment needs: ``backend``, ``gateway``, ``backup``."""
    needed = {image_of(plan.site, name) for name in containers(plan) if is_own(plan.site, name)}
    names = tuple(name for name in OWN_IMAGES if own_image(name) in needed)
    return (*names, BACKUP) if plan.site.images.backup is None else names


def exact_own_image(name: str) -> str:
    """The name of an image of ours that only these sources have.

    Raises:
        OrthancgenError: the installation is incomplete.
    """
    return f"{own_image(name)}-{fingerprint(build_files(OWN_IMAGES[name]))}"


def ensure_images(
    plan: Plan, engine: Engine, report: Report, pins: Mapping[str, Pin] | None = None
) -> dict[str, Image]:
    """See that every container's image is on the engine: pull or build what is missing.

    Args:
        plan: of the environment; where it knows digests, images are asked for by them.
        engine: where the containers run.
        report: told about each image that is fetched or built.
        pins: what the environment's lock file says.

    Returns:
        The image of each container of the compose file.

    Raises:
        ImageError: an image is not there and cannot be had, or is not the one that was pinned.
        EngineError: the engine does not answer, or refuses.
    """

    def own(name: str) -> str:
        return ensure_own_image(engine, name, report)

    def named(reference: str) -> str:
        return ensure_named_image(engine, reference, report)

    return _images(plan, engine, pins or {}, own, named)


def look_for_images(plan: Plan, engine: Engine, pins: Mapping[str, Pin] | None = None) -> dict[str, Image]:
    """The same for whoever only looks: nothing is pulled or built; what is missing has an empty id.

    Raises:
        ImageError: an image is not the one that was pinned.
        EngineError: the engine does not answer, or refuses.
    """

    def own(name: str) -> str:
        return image_id(engine, exact_own_image(name)) or ""

    def named(reference: str) -> str:
        return image_id(engine, reference) or ""

    return _images(plan, engine, pins or {}, own, named)


def _images(
    plan: Plan, engine: Engine, pins: Mapping[str, Pin], own: Callable[[str], str], named: Callable[[str], str]
) -> dict[str, Image]:
    """The image of each container, by what gives the id of one of ours, by its name, or of another's reference."""
    found: dict[str, Image] = {}
    for service in containers(plan):
        reference = image_to_run(plan, service)
        known = next((image for image in found.values() if image.reference == reference), None)
        if known is not None:
            found[service] = known
            continue
        name = image_of(plan.site, service)
        if is_own(plan.site, service):
            identity = own(next(one for one in OWN_IMAGES if own_image(one) == name))
        else:
            identity = named(reference)
            if identity:
                check_pin(engine, name, reference, pins.get(name))
        found[service] = Image(reference, identity)
    return found


def ensure_backup_image(plan: Plan, engine: Engine, report: Report, pins: Mapping[str, Pin] | None = None) -> Image:
    """See that the image of the backup's programs is on the engine, as :func:`ensure_images` does for the containers.

    Raises:
        ImageError: it is not there and cannot be had, or is not the one that was pinned.
        EngineError: the engine does not answer, or refuses.
    """
    name = plan.site.images.backup
    if name is None:
        return Image(own_image(BACKUP), ensure_own_image(engine, BACKUP, report))
    identity = ensure_named_image(engine, name, report)
    check_pin(engine, name, name, (pins or {}).get(name))
    return Image(name, identity)


def ensure_own_image(
    engine: Engine, name: str, report: Report, *, arguments: Mapping[str, str] | None = None, again: bool = False
) -> str:
    """See that an image of ours, of exactly these sources, is on the engine; its id.

    Args:
        engine: where it is built.
        name: its key in `OWN_IMAGES`.
        report: told about the build.
        arguments: build arguments, such as another base image.
        again: build it though it is there.

    Raises:
        ImageError: a step of the build failed; with what it printed last.
        EngineError: the engine does not answer, or refuses.
    """
    image = OWN_IMAGES[name]
    files = build_files(image)
    exact = f"{own_image(name)}-{fingerprint(files)}"
    found = None if again else _inspect(engine, exact)
    if found is None:
        step = f"image {own_image(name)}"
        report.started(step)
        with asking(f"build the image {own_image(name)}"):
            build(
                engine.client.api, files, tag=exact, labels={"org.orthancgen.image": name},
                arguments={"VERSION": __version__, **(arguments or {})},
            )  # fmt: skip
        found = _inspect(engine, exact)
        if found is None:
            raise ImageError(f"the image {exact} is gone as soon as it was built", hint="see the engine's log")
        report.done(step, "built")
    # The compose file names the version alone: it is the same file for whoever renders it.
    if exact not in _tags(found) or own_image(name) not in _tags(found):
        repository, _, version = own_image(name).partition(":")
        with asking(f"name the image {exact}"):
            engine.client.api.tag(found["Id"], repository, version)
    return str(found["Id"])


def ensure_named_image(engine: Engine, reference: str, report: Report, *, again: bool = False) -> str:
    """See that an image is on the engine; its id.

    Args:
        engine: where it is needed.
        reference: ``name:tag``, ``name@digest`` or both.
        report: told where it is pulled.
        again: ask the registry though the image is there: its tag may have moved.

    Raises:
        ImageError: it is not there and cannot be pulled.
        EngineError: the engine does not answer.
    """
    found = None if again else _inspect(engine, reference)
    if found is None:
        step = f"image {reference}"
        report.started(step)
        _pull(engine, reference)
        found = _inspect(engine, reference)
        if found is None:
            raise ImageError(f"the image {reference} is not there though it was pulled", hint="see the engine's log")
        report.done(step, "pulled")
    return str(found["Id"])


def pin_of(engine: Engine, reference: str, today: datetime.date) -> Pin:
    """What an image on the engine is now.

    Raises:
        ImageError: it is not there.
        EngineError: the engine does not answer, or refuses.
    """
    found = _inspect(engine, reference)
    if found is None:
        raise ImageError(f"the image {reference} is not on the engine", hint=f"docker pull {reference}")
    return Pin(_registry_digest(found, reference), str(found["Id"]), today)


def image_id(engine: Engine, reference: str) -> str | None:
    """The id of an image on the engine, or None.

    Raises:
        EngineError: the engine does not answer, or refuses.
    """
    found = _inspect(engine, reference)
    return None if found is None else str(found["Id"])


def check_pin(engine: Engine, name: str, reference: str, pin: Pin | None) -> None:
    """Refuse an image that is not the one that was pinned; nothing where none was.

    Args:
        engine: where the image is.
        name: as the environment names it.
        reference: as the containers use it.
        pin: what the lock file says.

    Raises:
        ImageError: the image is another one.
        EngineError: the engine does not answer, or refuses.
    """
    if pin is None:
        return
    now = pin_of(engine, reference, pin.pinned)
    wanted, got = (pin.digest, now.digest) if pin.digest is not None else (pin.id, now.id)
    if wanted != got:
        raise ImageError(
            f"the image {name} is {got or now.id}, and was {wanted} when it was pinned on {pin.pinned}",
            hint="somebody moved its tag, or the engine has another image under this name; where the new one is "
            "wanted, pin it: orthancgen pin ENV",
        )


def _inspect(engine: Engine, reference: str) -> dict[str, Any] | None:
    from docker.errors import NotFound

    with asking(f"look for the image {reference}"):
        try:
            found: dict[str, Any] = engine.client.api.inspect_image(reference)
        except NotFound:
            return None
        return found


def _tags(found: Mapping[str, Any]) -> list[str]:
    return list(found.get("RepoTags") or [])


def _registry_digest(found: Mapping[str, Any], reference: str) -> str | None:
    """The digest under which the image's own repository has it; that of another repository it was pulled from, else."""
    known = [entry.partition("@") for entry in found.get("RepoDigests") or []]
    repository = _repository(reference)
    own = [digest for name, _, digest in known if name == repository]
    candidates: list[str] = own or [digest for _, _, digest in known]
    return candidates[0] if candidates else None


def _repository(reference: str) -> str:
    """The name without tag and digest, as the engine shows it: without what stands for Docker Hub."""
    name = reference.partition("@")[0]
    tag = image_tag(reference)
    name = name.removesuffix(f":{tag}") if tag else name
    return name.removeprefix("docker.io/").removeprefix("library/")


def _pull(engine: Engine, reference: str) -> None:
    name = reference.partition("@")[0]
    tag = image_tag(reference)
    repository = name.removesuffix(f":{tag}") if tag else name
    try:
        with asking(f"pull the image {reference}"):
            wanted = image_digest(reference) or tag or "latest"
            for event in engine.client.api.pull(repository, tag=wanted, stream=True, decode=True):
                if "error" in event:
                    raise _cannot_pull(reference, str(event["error"]))
    except ImageError:
        raise
    except EngineError as error:
        if "the engine says: " not in error.message:
            raise
        raise _cannot_pull(reference, error.message.partition("the engine says: ")[2]) from None


def _cannot_pull(reference: str, said: str) -> ImageError:
    text = said.lower()
    file = f"docker save {reference} on a host that has it, then docker load on this engine"
    if any(word in text for word in ("unauthorized", "denied", "authentication required", "no basic auth")):
        hint = f"is its name right? a private registry wants docker login first; or bring it as a file: {file}"
    elif any(word in text for word in ("not found", "unknown", "manifest")):
        hint = "is its name and tag right? see the registry's page of it"
    else:
        hint = f"does the engine's host reach the registry? else bring the image as a file: {file}"
    return ImageError(f"the image {reference} is not on the engine and cannot be pulled: {said.strip()}", hint=hint)
