"""What was deployed, what lies on disk now, and what the environment's file says: three things that may differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from orthancgen.doctor.case import Case
from orthancgen.doctor.observe.answers import object_or_none
from orthancgen.errors import OrthancgenError
from orthancgen.orthanc.keys import Version
from orthancgen.release.mask import show
from orthancgen.release.survey import Survey
from orthancgen.render.artifact import Bundle
from orthancgen.render.catalogue import MANIFEST, render
from orthancgen.render.site_json import SITE_FILE
from orthancgen.runtimes.native.account import SECRET_FILE
from orthancgen.secrets.orthanc_file import orthanc_secret_document
from orthancgen.site.problems import KeyPath, format_path, printable

ORTHANC_FILE: Final = "orthanc/orthanc.json"
LUA_FILE: Final = "orthanc/orthancgen.lua"
BACKEND_FILE: Final = "backend/backend.json"
_LARGEST: Final = 4 * 2**20
_MOST_SHOWN: Final = 6


@dataclass(frozen=True, slots=True)
class Altered:
    """A file that is not as the last deploy left it.

    Attributes:
        path: in the bundle.
        how: changed, or gone.
        differences: what differs, secrets hidden; empty where it cannot be told.
    """

    path: str
    how: Literal["changed", "missing"]
    differences: tuple[str, ...] = ()


def bundle(case: Case) -> Bundle | None:
    """What the environment's file would have deployed; None where it cannot be rendered."""

    def make() -> Bundle | None:
        try:
            return render(case.plan)
        except OrthancgenError:
            return None

    return case.once("bundle", make)


def deployed(case: Case) -> bool:
    """Whether there was a good deploy from this state folder."""
    if case.site.runtime == "native":
        return (case.runtime.state.run / "deployed.json").is_file()
    from orthancgen.release.store import ReleaseStore

    try:
        return ReleaseStore(case.runtime.state.root).current() is not None
    except OrthancgenError:
        return True  # a damaged record is a record


def survey(case: Case) -> Survey | None:
    """What a runtime with releases tells; None for the native one, and where the engine does not answer."""

    def look() -> Survey | None:
        if case.site.runtime == "native":
            return None
        try:
            return case.runtime.survey()
        except OrthancgenError:
            return None

    return case.once("survey", look)


def manifest(case: Case) -> Mapping[str, str]:
    """Path -> `sha256:...` of the files that the last deploy wrote; natively."""
    found = read(case.runtime.state.config / MANIFEST)
    try:
        files = json.loads(found or b"{}").get("files", {})
    except (ValueError, AttributeError, RecursionError):
        return {}
    return {str(path): str(digest) for path, digest in files.items()} if isinstance(files, dict) else {}


def read(path: Path) -> bytes | None:
    """A file of the configuration; None where it is not there, cannot be read, or is far too large."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError:
        return None
    return None if len(content) > _LARGEST else content


def on_disk(case: Case, path: str) -> bytes | None:
    """A file of the bundle as it lies there now; natively."""
    return read(case.runtime.state.config / path) if case.site.runtime == "native" else None


def altered(case: Case) -> tuple[Altered, ...]:
    """The files that somebody changed since the last deploy."""
    return case.once("altered", lambda: tuple(_altered(case)))


def _altered(case: Case) -> Iterator[Altered]:
    if case.site.runtime != "native":
        found = survey(case)
        for one in found.drift if found else ():
            if one.kind == "file":
                yield Altered(one.place, "missing" if one.found == "nothing" else "changed")
        return
    wanted = bundle(case)
    for path, digest in manifest(case).items():
        content = on_disk(case, path)
        if content is None:
            yield Altered(path, "missing")
        elif f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            # What was deployed is known where the environment's file says the same still.
            before = wanted.file(path).content if wanted and _digest_of(wanted, path) == digest else None
            yield Altered(path, "changed", differences(before, content) if before is not None else ())
    yield from _secret_file(case)


def _secret_file(case: Case) -> Iterator[Altered]:
    """The second file of Orthanc's configuration, which is made of the secrets in use."""
    access, content = case.access, on_disk(case, SECRET_FILE)
    if access is None:
        return
    if content is None:
        if not (case.runtime.state.config / SECRET_FILE).exists():
            yield Altered(SECRET_FILE, "missing")
        return
    wanted = orthanc_secret_document(case.plan, access.secrets)
    if content != wanted and not _stale_users(content, wanted):
        yield Altered(SECRET_FILE, "changed", differences(wanted, content))


def _stale_users(content: bytes, wanted: bytes) -> bool:
    """Whether the two name other users or sections: then the environment changed, not the file."""
    try:
        one, other = json.loads(content), json.loads(wanted)
        return set(one) != set(other) or set(one["RegisteredUsers"]) != set(other["RegisteredUsers"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _digest_of(wanted: Bundle, path: str) -> str | None:
    try:
        return f"sha256:{hashlib.sha256(wanted.file(path).content).hexdigest()}"
    except KeyError:
        return None


def not_deployed(case: Case) -> tuple[str, ...]:
    """What the environment's file says and the last deploy did not know, a line each, secrets hidden."""
    return case.once("not deployed", lambda: tuple(_not_deployed(case)))


def _not_deployed(case: Case) -> Iterator[str]:
    if case.site.runtime != "native":
        found = survey(case)
        for change in found.difference.files if found else ():
            if not change.file.startswith(("MANIFEST", SITE_FILE)):
                yield printable(str(change), 300)
        return
    wanted = bundle(case)
    if wanted is None:
        return
    before = manifest(case)
    changed = [file for file in wanted.files if _digest_of(wanted, file.path) != before.get(file.path)]
    changed = [file for file in changed if file.path != MANIFEST]
    for file in changed:
        # The description of the whole site says once more what the others say.
        if file.path == SITE_FILE and (len(changed) > 1 or not _matters(case, file.content)):
            continue
        content = on_disk(case, file.path)
        told = differences(content, file.content) if content is not None else ()
        yield from (f"{file.path}: {one}" for one in told or ("differs",))
    yield from (f"{path}: is not wanted any more" for path in before if _digest_of(wanted, path) is None)


def _matters(case: Case, content: bytes) -> bool:
    """Whether the description of the site differs in more than the version of the program that wrote it."""
    try:
        now, then = json.loads(content), json.loads(on_disk(case, SITE_FILE) or b"{}")
    except (ValueError, RecursionError):
        return True
    for one in (now, then):
        if isinstance(one, dict):
            one.pop("generator", None)
    return bool(now != then)


def differences(before: bytes | None, after: bytes) -> tuple[str, ...]:
    """What differs between two files: JSON by its keys with secrets hidden, of other texts the first line."""
    try:
        one, other = json.loads(before or b"{}"), json.loads(after)
    except (ValueError, RecursionError):
        return _first_line(before or b"", after)
    told = []
    for path, old, new in _different(one, other, ()):
        told.append(f"{format_path(path)}: {_shown(old, path)} -> {_shown(new, path)}")
        if len(told) == _MOST_SHOWN:
            told.append("and more")
            break
    return tuple(told)


_ABSENT: Final = object()


def _different(one: Any, other: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any, Any]]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from _different(one.get(key, _ABSENT), other.get(key, _ABSENT), (*path, str(key)))
    elif one != other:
        yield path, one, other


def _shown(value: Any, path: KeyPath) -> str:
    if value is _ABSENT:
        return "nothing"
    if path and path[0] in {"RegisteredUsers", "OrthancGenSecrets"}:
        return "[hidden]"
    return printable(show(value, path), 120)


def _first_line(before: bytes, after: bytes) -> tuple[str, ...]:
    old, new = before.decode("utf-8", "replace").split("\n"), after.decode("utf-8", "replace").split("\n")
    for number, (one, other) in enumerate(zip(old, new, strict=False), 1):
        if one != other:
            return (f"line {number} differs",)
    return (f"line {min(len(old), len(new)) + 1} differs",) if old != new else ()


def running_version(case: Case) -> Version | None:
    """The version that the running Orthanc says it is."""
    document = system(case)
    try:
        return Version.parse(str(document["Version"])) if document else None
    except (KeyError, ValueError):
        return None


def system(case: Case) -> dict[str, Any] | None:
    """`GET /system` of Orthanc; None where it does not answer its administrator."""
    return case.once("system", lambda: object_or_none(case.orthanc("/system")))
