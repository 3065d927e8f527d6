"""Somebody else's set-up as subjects: each Orthanc that its files configure, and how it goes to another version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from orthancgen.errors import InputError
from orthancgen.foreign.model import ComposeService, OrthancPart, Target
from orthancgen.foreign.read import read_target
from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import Mark, printable
from orthancgen.upgrade.advice import Report, Step
from orthancgen.upgrade.database import mongo_version
from orthancgen.upgrade.images import bounds_of, image_for
from orthancgen.upgrade.subject import Subject, of_part


@dataclass(frozen=True, slots=True)
class Found:
    """An Orthanc of a set-up: what would be upgraded, the version that runs, and where its image is named."""

    subject: Subject
    version: Version
    image_mark: Mark | None


def found_in(path: str, version: Version | None) -> tuple[Found, ...]:
    """Every Orthanc that the files below a path configure.

    Args:
        path: a file or folder: orthanc.json, a compose file, a folder with either.
        version: the version that runs, whatever the files say; None: as they say.

    Raises:
        InputError: the files cannot be read, hold no Orthanc, or do not tell its version; carries every problem.
    """
    target = read_target([Path(path)], version=version)
    problems = [*target.problems, *(problem for part in target.orthancs for problem in part.problems)]
    if any(problem.severity == "error" for problem in problems):
        raise InputError(f"{printable(path)} cannot be read", problems=tuple(problems), sources=target.texts)
    if not target.orthancs:
        raise InputError(f"there is no configuration of Orthanc in {printable(path)}")
    return tuple(_found(target, part, version) for part in target.orthancs)


def with_file_steps(report: Report, found: Found) -> Report:
    """The report with what is to be done by hand, in order."""
    return replace(report, steps=tuple(_steps(report, found)) if report.old != report.new else ())


def _found(target: Target, part: OrthancPart, version: Version | None) -> Found:
    services = _services(target, part)
    own = services.get(part.service)
    image = own.image if own is not None else ""
    scripts = {name for script in target.scripts for name in (*script.callbacks, *script.names)}
    called = {call.function for script in target.scripts for call in script.calls}
    subject = of_part(part, image=image, variables=own.environment if own is not None else (), lua=scripts | called)
    databases = [mongo_version(service.image) for service in services.values() if service.role == "mongo"]
    known = version or bounds_of(image).exactly or (part.version if part.version_known else None)
    if known is None:
        hint = "name the version that runs with --from"
        raise InputError(f"{printable(part.name)} does not tell which version of Orthanc reads it", hint=hint)
    node = own.node.find(("image",))[0] if own is not None and own.image else None
    return Found(replace(subject, database=next(iter(databases), "")), known, node.mark if node else None)


def _services(target: Target, part: OrthancPart) -> Mapping[str, ComposeService]:
    """The services of the compose file that runs this Orthanc."""
    for compose in target.composes:
        if part.service and part.service in compose.services and part.name.startswith(compose.file):
            return compose.services
    return {}


def _steps(report: Report, found: Found) -> Iterator[Step]:
    yield Step("stop Orthanc, and copy the folders of its images and of its index")
    image = image_for(found.subject.image, report.new)
    if found.subject.image and image != found.subject.image:
        wanted = image or f"an image that brings Orthanc {report.new}"
        yield Step(f"write {wanted}, in place of {printable(found.subject.image)}", mark=found.image_mark)
    elif not found.subject.image:
        yield Step(f"install Orthanc {report.new}, in place of {report.old}")
    yield Step("change the settings named above, start it, and read its log")
