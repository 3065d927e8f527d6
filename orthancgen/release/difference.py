"""What differs between two bundles, or between what was deployed and what is wanted. Pure.

JSON and YAML are compared by key, every other text by line. Secrets are compared by their HMACs, and named only.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final, Literal

import yaml

from orthancgen.release.mask import SHOWN, show, show_lines
from orthancgen.release.model import Draft, Image
from orthancgen.render.artifact import Bundle, File
from orthancgen.render.catalogue import MANIFEST
from orthancgen.site.problems import KeyPath, format_path

Kind = Literal["added", "removed", "changed"]
Action = Literal["start", "restart", "stop"]
_CONTEXT_LINES: Final = 2
_SHORT_ID: Final = len("sha256:") + 12


@dataclass(frozen=True, slots=True)
class Change:
    """One difference in a file.

    Attributes:
        file: its path in the bundle.
        kind: of the key, or of the whole file.
        path: the key's path; empty for a whole file, and for a text.
        before: the value as JSON, secrets hidden; empty where there is none.
        after: likewise.
        lines: a unified difference, for a text.
    """

    file: str
    kind: Kind
    path: KeyPath = ()
    before: str = ""
    after: str = ""
    lines: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The path as people write it: ``DicomModalities.ct1.Port``."""
        return format_path(self.path)

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.path else self.file
        if self.lines:
            return "\n".join([f"{place}:", *(f"  {line}" for line in self.lines)])
        if self.kind == "added":
            return f"{place}: added{f': {self.after}' if self.after else ''}"
        if self.kind == "removed":
            return f"{place}: removed{f': {self.before}' if self.before else ''}"
        if self.before == self.after == f'"{SHOWN}"':
            return f"{place}: changed (hidden)"
        return f"{place}: {self.before} -> {self.after}"


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """What becomes of a service, and why."""

    service: str
    action: Action
    why: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.service}: {self.action}: {'; '.join(self.why)}"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a comparison.

    Attributes:
        bundle: its files.
        digests: a digest a service.
        images: an image a service; empty for the native runtime.
        secrets: an HMAC of each secret.
        secret_users: the services that read each secret.
    """

    bundle: Bundle
    digests: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    secret_users: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, draft: Draft, bundle: Bundle) -> Side:
        """What a release was made of, or is to be."""
        return cls(bundle, draft.digests, draft.images, draft.secrets, draft.secret_users)


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything that differs; false where nothing does.

    Attributes:
        files: by the order of the bundle, then of the document.
        services: what becomes of them.
        secrets: their names, and what became of each.
        images: by service: before and after.
    """

    files: tuple[Change, ...] = ()
    services: tuple[ServiceChange, ...] = ()
    secrets: Mapping[str, Kind] = field(default_factory=dict)
    images: Mapping[str, tuple[Image | None, Image | None]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.files or self.services or self.secrets or self.images)

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return {
            "files": [{**asdict(change), "path": change.key} for change in self.files],
            "services": [asdict(change) for change in self.services],
            "secrets": dict(self.secrets),
            "images": {
                service: {"before": _image_dict(before), "after": _image_dict(after)}
                for service, (before, after) in self.images.items()
            },
        }


def compare(before: Side | None, after: Side) -> Difference:
    """What changes from one side to the other.

    Args:
        before: what was deployed; None before the first release.
        after: what is wanted.
    """
    before = before or Side(Bundle(()))
    files = compare_bundles(before.bundle, after.bundle)
    secrets = _compare_names(before.secrets, after.secrets)
    images = {
        service: (before.images.get(service), after.images.get(service))
        for service in dict.fromkeys([*before.images, *after.images])
        if before.images.get(service) != after.images.get(service)
    }
    services = tuple(_services(before, after, files, secrets, images))
    return Difference(files, services, secrets, images)


def compare_bundles(before: Bundle, after: Bundle) -> tuple[Change, ...]:
    """What differs between the files of two bundles."""
    earlier = {file.path: file for file in before.files}
    later = {file.path: file for file in after.files}
    changes: list[Change] = []
    for path, file in later.items():
        if path not in earlier:
            changes.append(Change(path, "added"))
        else:
            changes += _compare_file(earlier[path], file)
    return (*changes, *(Change(path, "removed") for path in earlier if path not in later))


def _compare_file(before: File, after: File) -> Iterator[Change]:
    if before.mode != after.mode:
        yield Change(after.path, "changed", ("(mode)",), f"{before.mode:04o}", f"{after.mode:04o}")
    if before.content == after.content:
        return
    documents = _document(before), _document(after)
    if documents[0] is None or documents[1] is None:
        yield _compare_text(after.path, before.content, after.content)
        return
    changes = tuple(_compare_values(after.path, *documents, ()))
    # Digests of the other files say nothing that those do not say themselves.
    shown = [change for change in changes if after.path != MANIFEST or change.path[:1] != ("files",)]
    if not changes:
        shown = [_compare_text(after.path, before.content, after.content)]  # its layout, or the order of its keys
    yield from shown


def _document(file: File) -> Any:
    """What a JSON or YAML file says; None where it is another text."""
    suffix = PurePosixPath(file.path).suffix
    try:
        if suffix == ".json":
            return json.loads(file.content)
        if suffix in {".yaml", ".yml"}:
            return yaml.safe_load(file.content)
    except (ValueError, yaml.YAMLError, RecursionError):
        return None
    return None


def _compare_values(file: str, before: Any, after: Any, path: KeyPath) -> Iterator[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*after, *before]):
            inner = (*path, str(key))
            if key not in before:
                yield Change(file, "added", inner, after=show(after[key], inner))
            elif key not in after:
                yield Change(file, "removed", inner, before=show(before[key], inner))
            else:
                yield from _compare_values(file, before[key], after[key], inner)
    elif _has_parts(before) and _has_parts(after):
        for index in range(max(len(before), len(after))):
            inner = (*path, index)
            if index >= len(before):
                yield Change(file, "added", inner, after=show(after[index], inner))
            elif index >= len(after):
                yield Change(file, "removed", inner, before=show(before[index], inner))
            else:
                yield from _compare_values(file, before[index], after[index], inner)
    elif before != after or type(before) is not type(after):
        yield Change(file, "changed", path, show(before, path), show(after, path))


def _has_parts(value: Any) -> bool:
    """Whether a list holds lists or mappings; one of scalars is shown whole."""
    return isinstance(value, list) and any(isinstance(one, (Mapping, list)) for one in value)


def _compare_text(path: str, before: bytes, after: bytes) -> Change:
    try:
        earlier, later = show_lines(before.decode()), show_lines(after.decode())
    except UnicodeDecodeError:
        return Change(path, "changed", (), f"{len(before)} bytes", f"{len(after)} other bytes")
    lines = list(difflib.unified_diff(earlier, later, n=_CONTEXT_LINES, lineterm=""))[2:]
    return Change(path, "changed", lines=tuple(lines) or ("what changed is hidden: it may be a secret",))


def _compare_names(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for name in dict.fromkeys([*after, *before]):
        if name not in before:
            kinds[name] = "added"
        elif name not in after:
            kinds[name] = "removed"
        elif before[name] != after[name]:
            kinds[name] = "changed"
    return kinds


def _services(
    before: Side,
    after: Side,
    files: Sequence[Change],
    secrets: Mapping[str, Kind],
    images: Mapping[str, tuple[Image | None, Image | None]],
) -> Iterator[ServiceChange]:
    for service in dict.fromkeys([*after.digests, *before.digests]):
        if service not in before.digests:
            yield ServiceChange(service, "start", ("new",))
        elif service not in after.digests:
            yield ServiceChange(service, "stop", ("not wanted any more",))
        else:
            why = [
                *_changed_files(service, before.bundle, after.bundle, files),
                *_changed_secrets(service, before, after, secrets),
            ]
            if service in images:
                why.append(f"image: {_image_change(*images[service])}")
            if _definition_changed(service, before.bundle, after.bundle):
                why.append("its container is defined otherwise")
            if before.digests[service] != after.digests[service] and not why:
                why.append("what it reads changed")
            if why:
                yield ServiceChange(service, "restart", tuple(why))


def _changed_files(service: str, before: Bundle, after: Bundle, files: Sequence[Change]) -> list[str]:
    reads = {file.path for bundle in (before, after) for file in bundle.files if service in file.services}
    return [path for path in dict.fromkeys(change.file for change in files) if path in reads]


def _changed_secrets(service: str, before: Side, after: Side, secrets: Mapping[str, Kind]) -> list[str]:
    return [
        f"secret {name} {kind}"
        for name, kind in secrets.items()
        if service in (*before.secret_users.get(name, ()), *after.secret_users.get(name, ()))
    ]


def _definition_changed(service: str, before: Bundle, after: Bundle) -> bool:
    """Whether Compose recreates a container: its own part of the file, or that of a network or volume it uses."""
    return bool(_definition(service, before) != _definition(service, after))


def _definition(service: str, bundle: Bundle) -> Any:
    found = [file for file in bundle.files if file.path == "compose.yaml"]
    document = _document(found[0]) if found else None
    if not isinstance(document, Mapping):
        return None
    own = (document.get("services") or {}).get(service)
    if not isinstance(own, Mapping):
        return None
    networks = document.get("networks") or {}
    return own, {name: networks.get(name) for name in own.get("networks") or ()}


def _image_change(before: Image | None, after: Image | None) -> str:
    if after and not after.id:
        was = f"{before.reference} -> " if before and before.reference != after.reference else ""
        return f"{was}{after.reference} is not on the engine yet: it is fetched or built first"
    if before and after and before.reference == after.reference:
        return f"{after.reference} is another one: {before.id[:_SHORT_ID]} -> {after.id[:_SHORT_ID]}"
    return f"{before.reference if before else 'none'} -> {after.reference if after else 'none'}"


def _image_dict(image: Image | None) -> dict[str, str | None] | None:
    return {"reference": image.reference, "id": image.id or None} if image else None


def as_lines(difference: Difference) -> list[tuple[str, str]]:
    """A difference for people: kind of the line (``title``, ``added``, ``removed``, ``changed``, ``plain``), text."""
    lines: list[tuple[str, str]] = []

    def section(title: str, rows: Sequence[tuple[str, str]]) -> None:
        if rows:
            lines.append(("title", title))
            lines.extend(rows)

    section("files", [row for change in difference.files for row in _change_lines(change)])
    section("secrets", [(kind, f"  {name}: {kind}") for name, kind in difference.secrets.items()])
    section("images", [("changed", f"  {name}: {_image_change(*pair)}") for name, pair in difference.images.items()])
    kinds = {"start": "added", "restart": "changed", "stop": "removed"}
    section("services", [(kinds[change.action], f"  {change}") for change in difference.services])
    return lines


def _change_lines(change: Change) -> Iterator[tuple[str, str]]:
    first, *rest = str(change).split("\n")
    yield change.kind, f"  {first}"
    marks = {"+": "added", "-": "removed"}
    for line in rest:
        yield marks.get(line.lstrip()[:1], "plain"), f"  {line}"
