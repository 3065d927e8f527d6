"""Read an environment file, with what it extends, into a :class:`Site`, or say everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from orthancgen.errors import InputError
from orthancgen.orthanc.keys import Version
from orthancgen.site.analysis_checks import ANALYSIS_CHECKS
from orthancgen.site.checks import CHECKS, VERSION_CHECKS, Violation, target_version
from orthancgen.site.container_checks import CONTAINER_CHECKS
from orthancgen.site.explain import did_you_mean, message_and_hint
from orthancgen.site.masking import mask_lines, mask_logins, may_be_secret
from orthancgen.site.model import Site
from orthancgen.site.network_checks import NETWORK_CHECKS
from orthancgen.site.observability_checks import OBSERVABILITY_CHECKS
from orthancgen.site.problems import KeyPath, Mark, Problem, printable, sort_problems
from orthancgen.site.production import PRODUCTION_CHECKS
from orthancgen.site.records_checks import RECORDS_CHECKS
from orthancgen.site.scale_checks import SCALE_CHECKS, SCALE_VERSION_CHECKS
from orthancgen.site.tree import MAXIMUM_BYTES, Node, mask, parse

AskInstalled = Callable[[], Version | None]
MAXIMUM_EXTENDS = 8
_PLACEHOLDERS: Mapping[str, Any] = {"environment": "unnamed", "kind": "development", "orthanc": {"aet": "UNNAMED"}}
"""Stand-ins for what is required and unreadable, so that the rest is checked all the same."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What reading an environment gave: the site where it is valid, the problems, and where each value came from."""

    path: Path
    site: Site | None
    problems: tuple[Problem, ...]
    sources: Mapping[str, str] = field(repr=False)
    """Text of each file for the excerpts of the problems, with everything hidden that may be a secret."""
    tree: Node | None = field(repr=False)
    version: Version | None = None
    """The version of Orthanc that the environment was checked against."""

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that make the environment invalid."""
        return tuple(p for p in self.problems if p.severity == "error")

    def place(self, path: KeyPath) -> Mark | None:
        """Where the value of a key path was written; the nearest enclosing place where it is a default."""
        return self.tree.find(path)[0].mark if self.tree else None

    def require(self) -> Site:
        """The site.

        Raises:
            InputError: the environment has errors; carries every problem.
        """
        if self.site is None:
            count = len(self.errors)
            raise InputError(
                f"{count} {'error' if count == 1 else 'errors'} in {display_name(self.path)}",
                problems=self.problems,
                sources=self.sources,
            )
        return self.site


def resolve(name: str, folder: Path = Path("environments")) -> Path:
    """The file of an environment: a name stands for ``environments/NAME.yaml``, anything else is a path.

    Raises:
        InputError: there is no such file; the hint lists the environments that there are.
    """
    is_path = "/" in name or name.endswith((".yaml", ".yml"))
    path = Path(name) if is_path else folder / f"{name}.yaml"
    try:
        found = path.is_file()
    except (OSError, ValueError):
        found = False
    if found:
        return path
    known = sorted(p.stem for p in folder.glob("*.yaml") if not p.stem.endswith(".lock")) if folder.is_dir() else []
    hint = did_you_mean(name, known) or (
        f"there are: {', '.join(known)}" if known else "`orthancgen init` writes a first environment"
    )
    raise InputError(f"no environment {printable(name)}: {printable(str(path))} is not a file", hint=hint)


def load(path: Path, ask_installed: AskInstalled | None = None) -> Loaded:
    """Read the file and everything it extends.

    Args:
        path: the environment file.
        ask_installed: tells the version of the installed Orthanc; asked only where the environment says ``auto``.
    """
    sources: dict[str, str] = {}
    problems: list[Problem] = []
    tree, whole = _read_chain(path, sources, problems)
    if tree is None:
        return Loaded(path, None, sort_problems(problems), _masked(sources), None)
    had_problems = bool(problems)
    site, version, found = validate(tree, ask_installed, whole=whole)
    problems += found
    ordered = sort_problems(problems)
    invalid = had_problems or any(p.severity == "error" for p in ordered)
    # Who looks for what a listed firewall lacks shows its place too.
    shown = _masked(sources) if ordered or (site is not None and site.network.firewall) else {}
    return Loaded(path, None if invalid else site, ordered, shown, tree, version)


def masked_sources(path: Path) -> dict[str, str]:
    """Text of an environment's file and of what it extends, by name, with everything hidden that may be a secret."""
    sources: dict[str, str] = {}
    _read_chain(path, sources, [])
    return _masked(sources)


def _masked(sources: Mapping[str, str]) -> dict[str, str]:
    return {name: mask_logins(mask(text, may_be_secret) or mask_lines(text)) for name, text in sources.items()}


def display_name(path: Path) -> str:
    """The path relative to the working folder where it lies below it."""
    try:
        return printable(str(path.resolve().relative_to(Path.cwd())), 4096)
    except (ValueError, OSError, RuntimeError):  # RuntimeError: a symbolic link to itself
        return printable(str(path), 4096)


def _read_chain(path: Path, sources: dict[str, str], problems: list[Problem]) -> tuple[Node | None, bool]:
    """What a file and those that it extends say together; and whether all of them could be read."""
    merged: Node | None = None
    visited: list[Path] = []
    at: Mark | None = None
    current: Path | None = path
    whole = True
    while current is not None:
        resolved = _resolved(current)
        tree = None
        if resolved in visited:
            problems.append(Problem("extends goes round in a circle", at, ("extends",)))
        elif len(visited) >= MAXIMUM_EXTENDS:
            problems.append(Problem(f"extends goes deeper than {MAXIMUM_EXTENDS} files", at, ("extends",)))
        else:
            tree = _read_file(current, at, sources, problems)
        if tree is None:
            whole = False
            break
        visited.append(resolved)
        parent = tree.value.pop("extends", None)
        merged = tree if merged is None else merge(tree, merged)
        known = len(problems)
        current, at = _base_of(current, parent, problems)
        whole = len(problems) == known
    if merged is not None:
        _drop_nothing(merged)
    return merged, whole


def _read_file(path: Path, at: Mark | None, sources: dict[str, str], problems: list[Problem]) -> Node | None:
    name = display_name(path)
    try:
        if not path.is_file() and path.exists():
            problems.append(Problem(f"cannot read {printable(name)}: not a file", at or Mark(name, 1, 1, 1)))
            return None
        with path.open("rb") as file:
            content = file.read(4 * MAXIMUM_BYTES + 1)
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        problems.append(Problem(f"byte {error.start + 1} of the file is not UTF-8", Mark(name, line, 1, 1)))
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        problems.append(Problem(f"cannot read {printable(name)}: {reason}", at or Mark(name, 1, 1, 1)))
        return None
    sources[name] = text
    tree, found = parse(text, name, may_be_secret)
    problems += found
    if tree is not None and not isinstance(tree.value, dict):
        problems.append(Problem("an environment file is a section with keys", tree.mark))
        return None
    return tree


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # RuntimeError: a symbolic link to itself; reading it says so
        return path


def _base_of(path: Path, parent: Node | None, problems: list[Problem]) -> tuple[Path | None, Mark | None]:
    if parent is None or parent.value is None:
        return None, None
    if not isinstance(parent.value, str) or not parent.value.strip() or "\0" in parent.value:
        problems.append(Problem("extends names one file", parent.mark, ("extends",)))
        return None, None
    return path.parent / parent.value, parent.mark


def merge(base: Node, over: Node) -> Node:
    """Deep merge: sections merge key by key, all else of ``over`` replaces; nothing (``key:``) takes the key out."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    value: dict[str, Node] = dict(base.value)
    for key, node in over.value.items():
        value[key] = merge(base.value[key], node) if key in base.value else node
    return Node(value, over.mark, over.key_mark)


def _drop_nothing(node: Node) -> None:
    """Take out keys without a value: they stand for the default."""
    if isinstance(node.value, dict):
        for key in [key for key, child in node.value.items() if child.value is None]:
            del node.value[key]
    for child in (
        node.value.values() if isinstance(node.value, dict) else node.value if isinstance(node.value, list) else ()
    ):
        _drop_nothing(child)


def validate(
    tree: Node, ask_installed: AskInstalled | None = None, *, whole: bool = True
) -> tuple[Site | None, Version | None, list[Problem]]:
    """Check types, then what must hold between the values; what is wrong in one place does not hide another.

    Args:
        tree: what the files say together.
        ask_installed: tells the version of the installed Orthanc.
        whole: that none of the files is missing; else what they lack together is nobody's fault, and is not told.

    Returns:
        The site as far as it could be read, the version it was checked against, and the problems.
    """
    data = tree.plain()
    problems: list[Problem] = []
    pruned: list[KeyPath] = []
    site: Site | None = None
    version: Version | None = None
    for attempt in range(6):
        try:
            site = Site.model_validate(data)
            break
        except ValidationError as error:
            details = error.errors(include_url=False)
            if attempt == 0:
                problems += [_explain(one, tree) for one in details if whole or one["type"] != "missing"]
            pruned += [path for detail in details if (path := _prune(data, detail["loc"], detail["type"])) is not None]
        _stand_in(data, _PLACEHOLDERS)
    if site is not None and whole:
        of_kind = PRODUCTION_CHECKS if site.kind == "production" else ()
        checks = (
            *(*CHECKS, *CONTAINER_CHECKS, *SCALE_CHECKS, *NETWORK_CHECKS, *ANALYSIS_CHECKS),
            *(*RECORDS_CHECKS, *OBSERVABILITY_CHECKS, *of_kind),
        )
        asked = ask_installed() if ask_installed and site.orthanc.version == "auto" else None
        version = target_version(site, asked)
        found = [v for check in checks for v in check(site)]
        found += [v for check in (*VERSION_CHECKS, *SCALE_VERSION_CHECKS) for v in check(site, version)]
        problems += _placed(found, tree, pruned)
    return site, version, problems


def _stand_in(data: Any, placeholders: Mapping[str, Any]) -> None:
    """Put stand-ins where something required was unreadable and is gone now; all else that its section says stays."""
    for key, placeholder in placeholders.items():
        held = data.setdefault(key, dict(placeholder) if isinstance(placeholder, dict) else placeholder)
        if isinstance(placeholder, dict) and isinstance(held, dict):
            _stand_in(held, placeholder)


def _has_stand_in(path: KeyPath) -> bool:
    held: Any = _PLACEHOLDERS
    for part in path:
        held = held.get(part) if isinstance(held, Mapping) else None
    return held is not None


def _explain(detail: Any, tree: Node) -> Problem:
    path: KeyPath = tuple(detail["loc"])
    message, hint = message_and_hint(detail, Site)
    at_key = detail["type"] == "extra_forbidden"
    if path and path[-1] == "[key]":
        path, at_key = path[:-1], True
    return Problem(message, _mark(tree, path, key=at_key), path, hint)


def _mark(tree: Node, path: KeyPath, *, key: bool) -> Mark:
    node, depth = tree.find(path)
    if node.key_mark is not None and (key or depth < len(path) or isinstance(node.value, dict)):
        return node.key_mark
    return node.mark


def _placed(violations: Iterable[Violation], tree: Node, pruned: list[KeyPath]) -> list[Problem]:
    """Add places; leave out what only follows from a value that was unreadable."""
    return [
        Problem(v.message, _mark(tree, v.path, key=v.at == "key"), v.path, v.hint, v.severity)
        for v in violations
        if not any(v.path == path[: len(v.path)] or path == v.path[: len(path)] for path in pruned)
    ]


def _prune(data: Any, location: tuple[int | str, ...], kind: str) -> KeyPath | None:
    """Take the faulty value out of the data; where a key is missing, the section that misses it."""
    path: KeyPath = tuple(part for part in location if part != "[key]")
    if kind == "missing":
        if _has_stand_in(path):
            return path
        path = path[:-1]
    holder = data
    for depth, part in enumerate(path[:-1]):
        if isinstance(holder, list):  # a list is taken out whole: the places of the others would move
            path = path[:depth]
            break
        if part not in holder:
            return None
        holder = holder[part]
    if isinstance(holder, list):
        path = path[:-1]
        holder = data
        for part in path[:-1]:
            holder = holder[part]
    if not path:
        return None
    holder.pop(path[-1], None)
    return path
