"""An environment of ours as a subject: what it renders for both versions, and where that is decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from orthancgen.errors import InputError
from orthancgen.foreign.image_tags import Image
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan as build_plan
from orthancgen.plan.images import image_of
from orthancgen.plan.model import Plan
from orthancgen.render.orthanc_json import configuration
from orthancgen.site.load import Loaded, display_name, validate
from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath, Problem
from orthancgen.site.settings import OWNED
from orthancgen.site.tree import Node
from orthancgen.upgrade.advice import Advice, Kind
from orthancgen.upgrade.database import mongo_version
from orthancgen.upgrade.images import bounds_of, image_for, newest_tag, team_tag
from orthancgen.upgrade.subject import Place, Subject
from orthancgen.upgrade.versions import NEWEST

AskInstalled = Callable[[], Version | None]


def version_now(loaded: Loaded, site: Site, ask_installed: AskInstalled) -> Version:
    """Which version of Orthanc an environment runs: the one that it says, its image's, or the installed one.

    Raises:
        InputError: it says ``auto``, and nothing tells the version.
    """
    if site.orthanc.version != "auto":
        return Version.parse(site.orthanc.version)
    found = bounds_of(image_of(site, "orthanc")).exactly if site.runtime == "compose" else ask_installed()
    if found is None:
        where = "its image's tag does not tell the version" if site.runtime == "compose" else "no Orthanc is installed"
        raise InputError(
            f"{display_name(loaded.path)} says orthanc.version: auto, and {where}",
            hint="name the version that runs with --from",
        )
    return found


def subject_of(loaded: Loaded, site: Site, old: Version, new: Version, mongo: str = "") -> Subject:
    """The subject of an environment.

    Args:
        loaded: the environment with its places.
        site: what it says.
        old: the version that runs.
        new: the version to which one goes.
        mongo: the version of MongoDB to which one goes, or "".
    """
    plans = build_plan(site, old), build_plan(site, new)
    compose = site.runtime == "compose"
    image = image_of(site, "orthanc") if compose else ""
    return Subject(
        name=display_name(loaded.path),
        before=_settings(plans[0]),
        after=_settings(plans[1]),
        managed=True,
        image=image,
        image_after=image_for(image, new),
        database=mongo_version(image_of(site, "database")) if compose and site.backend.enabled else "",
        database_after=mongo,
        place=lambda path: _place(loaded, site, path),
    )


def site_of(loaded: Loaded) -> Site:
    """What an environment says, even where production refuses the version that it still runs.

    Raises:
        InputError: the environment has other errors; carries every problem.
    """
    if loaded.site is None and loaded.tree is not None:
        site, _, _ = validate(loaded.tree)
        if site is not None and all(_is_setting(one) for one in _errors(loaded.tree, site, NEWEST)):
            return site
    return loaded.require()


def environment_advice(loaded: Loaded, site: Site, subject: Subject, old: Version, new: Version) -> Iterator[Advice]:
    """What `orthancgen validate` would refuse with the other version, and whether the image is that version's."""
    if loaded.tree is not None:
        had = {(problem.path, problem.hint) for problem in _errors(loaded.tree, site, old)}
        for one in _errors(loaded.tree, site, new):
            if (one.path, one.hint) not in had and not _is_setting(one):
                source, hint = "orthancgen validate", one.hint or ""
                yield Advice(Kind.BREAKS, "model", "orthanc", one.message, source, hint, path=one.path, mark=one.mark)
    if subject.image:
        yield from _image(loaded, site, subject.image, old, new)


# --- settings and places


def _settings(plan: Plan) -> dict[str, object]:
    users = {account.user: "" for account in plan.accounts}
    return {**configuration(plan), "RegisteredUsers": users}


def _place(loaded: Loaded, site: Site, path: KeyPath) -> Place:
    where = _decided(site, path)
    return Place(loaded.place(where) if where else None, where)


def _decided(site: Site, path: KeyPath) -> KeyPath:
    """Where in the model a path of orthanc.json is decided; nowhere where orthancgen decides it."""
    first = str(path[0]) if path else ""
    if first == "mongo":
        return ("images", "mongo")
    if first in site.orthanc.settings:
        return ("orthanc", "settings", *path)
    if first == "DicomModalities" and len(path) > 1 and path[1] in site.modalities:
        return ("modalities", path[1])
    return tuple(OWNED[first].partition(" ")[0].split(".")) if first in OWNED else ()


# --- what the model says


def _errors(tree: Node, site: Site, version: Version) -> tuple[Problem, ...]:
    """What is wrong with an environment that names a version, and its image."""
    changed = _with(tree, ("orthanc", "version"), str(version))
    if site.images.orthanc is not None:
        image = image_for(site.images.orthanc, version)
        changed = _with(changed, ("images", "orthanc"), image or site.images.orthanc)
    return tuple(problem for problem in validate(changed)[2] if problem.severity == "error")


def _is_setting(problem: Problem) -> bool:
    """Whether it is about a setting of Orthanc: the table of keys tells of those."""
    return problem.path[:2] == ("orthanc", "settings")


def _with(tree: Node, path: tuple[str, ...], value: str) -> Node:
    """The tree with another value at a path, at the place where it stands or would stand."""
    if not path:
        return Node(value, tree.mark, tree.key_mark)
    children: dict[str, Node] = dict(tree.value) if isinstance(tree.value, dict) else {}
    below = children.get(path[0], Node({}, tree.mark, tree.key_mark))
    return Node({**children, path[0]: _with(below, path[1:], value)}, tree.mark, tree.key_mark)


def _image(loaded: Loaded, site: Site, image: str, old: Version, new: Version) -> Iterator[Advice]:
    path: KeyPath = ("images", "orthanc")
    source, mark = "orthancgen's table of tags", loaded.place(path)
    brings = bounds_of(image)
    if brings.exactly is None and not (brings.oldest or brings.newest):
        what = f"which Orthanc the image brings is not known by its tag {Image.parse(image).tag or '(none)'}"
        remedy = f"see that it brings Orthanc {new}: docker run --rm --entrypoint Orthanc IMAGE --version"
        yield Advice(Kind.MEANING, "image-unknown", "orthanc", what, source, remedy, path=path, mark=mark)
    elif brings.may_be(new) and not brings.may_be(old):
        what = f"the image brings Orthanc {brings} already: what runs is no longer {old} once it is deployed"
        yield Advice(Kind.MEANING, "image-of-other-version", "orthanc", what, source, path=path, mark=mark)
    elif not brings.may_be(old):
        what = f"the image brings Orthanc {brings}, and {old} is said to run"
        remedy = "say with orthanc.version what it brings"
        yield Advice(Kind.BREAKS, "image-of-other-version", "orthanc", what, source, remedy, path=path, mark=mark)
    tag = team_tag(image)
    if tag is not None and tag > newest_tag():
        what = f"the tag {tag} is newer than {newest_tag()}, the newest one of which something is known"
        remedy = "read the release notes of the image"
        yield Advice(Kind.MEANING, "image-newer-than-known", "orthancteam", what, source, remedy, path=path, mark=mark)
