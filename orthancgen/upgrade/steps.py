"""How an environment goes from one version to the other, step by step."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from orthancgen.plan.images import image_of
from orthancgen.site.load import Loaded
from orthancgen.site.model import Site
from orthancgen.upgrade.advice import Report, Step
from orthancgen.upgrade.database import database_steps
from orthancgen.upgrade.images import bounds_of
from orthancgen.upgrade.subject import Subject


def with_steps(report: Report, loaded: Loaded, site: Site, subject: Subject, env: str) -> Report:
    """The report with what is to be done, in order; nothing where nothing changes its version.

    ``env`` is the environment as the command line names it.
    """
    if report.old == report.new and not _database(subject):
        return report
    return replace(report, steps=tuple(_steps(report, loaded, site, subject, shlex.quote(env))))


def _steps(report: Report, loaded: Loaded, site: Site, subject: Subject, env: str) -> Iterator[Step]:
    yield _backup(site, env)
    if report.old != report.new:
        yield from _orthanc(report, loaded, site, subject, env)
    if _database(subject):
        yield from database_steps(image_of(site, "database"), subject.database, subject.database_after)
        yield Step("write down the digests of the images", f"orthancgen pin {env}")
    reason = f"Orthanc {report.new}" if report.old != report.new else f"MongoDB {subject.database_after}"
    yield Step("see what a deploy would change", f"orthancgen plan {env}")
    yield Step("deploy; a deploy that fails is taken back", f"orthancgen deploy {env} --reason {shlex.quote(reason)}")


def _backup(site: Site, env: str) -> Step:
    if site.runtime == "native":
        return Step("stop it, and copy the folders of its images and of its index", f"orthancgen down {env}")
    if site.backup.repository is None:
        return Step("name a repository under backup, and make a backup", f"orthancgen backup {env}")
    return Step("make a backup", f"orthancgen backup {env}")


def _orthanc(report: Report, loaded: Loaded, site: Site, subject: Subject, env: str) -> Iterator[Step]:
    if site.orthanc.version not in {"auto", str(report.new)}:
        what = f"write orthanc.version: {report.new}, in place of {site.orthanc.version}"
        yield Step(what, mark=loaded.place(("orthanc", "version")))
    if not subject.image:
        yield Step(f"install Orthanc {report.new} on this host, in place of {report.old}")
        return
    if bounds_of(subject.image).exactly == report.new:
        return
    known = subject.image_after if subject.image_after != subject.image else ""
    image = known or f"an image that brings Orthanc {report.new}"
    what = f"write images.orthanc: {image}, in place of {subject.image}"
    yield Step(what, mark=loaded.place(("images", "orthanc")))
    yield Step("write down the digest of the image", f"orthancgen pin {env}")


def _database(subject: Subject) -> bool:
    """Whether the database gets another version."""
    return bool(subject.database and subject.database_after) and subject.database != subject.database_after
