"""One Orthanc's configuration: a file, several, or a folder, merged as Orthanc or the image around it does.

Sources: ``AddFileToConfiguration`` and ``ScanFolderForConfiguration`` of Orthanc's OrthancConfiguration.cpp;
docker/orthanc/generateConfiguration.py and configurator.py of https://github.com/orthanc-server/orthanc-builder.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from orthancgen.foreign import image_facts, image_variables, jsonc
from orthancgen.foreign.files import TextFile, read_text
from orthancgen.foreign.image_json import without_comments
from orthancgen.foreign.model import Document, EnvironmentValue, OrthancPart, Publisher
from orthancgen.foreign.original import Original
from orthancgen.foreign.substitution import (
    Environment,
    Substituted,
    TooLargeError,
    Variable,
    as_envsubst,
    as_orthanc,
    composed,
)
from orthancgen.orthanc.keys import SUPPORTED, Version
from orthancgen.site.problems import KeyPath, Mark, Problem, printable, sort_problems
from orthancgen.site.tree import Node, walk

NEWEST: Final = SUPPORTED[-1]

JODOGNE_DEFAULTS: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "Name": "Orthanc inside Docker",
        "StorageDirectory": "/var/lib/orthanc/db",
        "IndexDirectory": "/var/lib/orthanc/db",
        "Plugins": ["/usr/share/orthanc/plugins", "/usr/local/share/orthanc/plugins"],
        "RemoteAccessAllowed": True,
        "AuthenticationEnabled": True,
        "HttpsCACertificates": "/etc/ssl/certs/ca-certificates.crt",
    }
)
"""What jodogne/orthanc has in its own /etc/orthanc/orthanc.json and Orthanc has not by default.

https://github.com/jodogne/OrthancDocker/blob/2249591677187eebd53bfaae672c8a4f81013016/orthanc/create-config.sh
"""

_NO_COMMENT = "Orthanc reads no comment"


@dataclass(frozen=True, slots=True)
class Secret:
    """A file in /run/secrets: its name there, and the file of it where that is at hand."""

    name: str
    path: Path | None
    mark: Mark


@dataclass(frozen=True, slots=True)
class InlineFile:
    """A file whose text stands in a compose file: its name in the container, and where it begins."""

    name: str
    text: str = field(repr=False)
    mark: Mark


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of the program that reads a configuration.

    Attributes:
        variables: its environment, as far as it is known.
        environment_complete: whether there are no other variables.
        secrets: what is in /run/secrets.
        elsewhere: a file of the configuration is not at hand.
        started_directly: Orthanc is started by itself in an image that else prepares its configuration.
        own_file: the image's own orthanc.json is read as well.
        inline: files of the configuration that are no files here.
    """

    variables: Mapping[str, EnvironmentValue] = field(default_factory=dict)
    environment_complete: bool = False
    secrets: tuple[Secret, ...] = ()
    elsewhere: bool = False
    started_directly: bool = False
    own_file: bool = False
    inline: tuple[InlineFile, ...] = ()

    @property
    def environment(self) -> Environment:
        """The variables by name; those that every container has are there, with values that are not known."""
        values: dict[str, str | None] = dict.fromkeys(("HOME", "HOSTNAME", "PATH"))
        return Environment(
            values | {name: one.value for name, one in self.variables.items()}, self.environment_complete
        )


def read_part(
    paths: Sequence[Path],
    *,
    version: Version | None,
    publisher: Publisher | None,
    variables: Mapping[str, EnvironmentValue] | None = None,
    name: str,
    service: str = "",
    circumstances: Circumstances | None = None,
) -> OrthancPart:
    """Read the configuration of one Orthanc.

    Args:
        paths: files, or folders whose ``*.json`` are meant.
        version: of Orthanc; None where it is not known, and the newest counts.
        publisher: whose image it runs in; None for a native one.
        variables: of its environment.
        name: how it is called in findings.
        service: its service in a compose file, or "".
        circumstances: more of what is known about the program; it has the variables then.
    """
    around = circumstances or Circumstances(variables or {})
    team = publisher == "orthancteam" and not around.started_directly
    reader = _Reader(version or NEWEST, team=team, around=around)
    tree = reader.merged(paths)
    defaults: Mapping[str, Any] = {}
    if team:
        defaults = image_variables.plugin_defaults(tree, reader.read)
    elif publisher == "jodogne" and around.own_file:
        defaults = JODOGNE_DEFAULTS
    return OrthancPart(
        name,
        tree,
        version or NEWEST,
        version is not None,
        publisher,
        defaults,
        service,
        reader.users_elsewhere or around.elsewhere,
        tuple(reader.documents),
        sort_problems(reader.problems),
    )


def files_of(path: Path, *, team: bool = False) -> list[Path]:
    """The files of a folder that Orthanc reads, sorted: ``*.json`` in any case; the image takes it literally."""
    try:
        entries = sorted(path.iterdir())
    except OSError:
        return []
    if team:  # Python's glob: lower case, and no hidden files
        chosen = [entry for entry in entries if entry.name.endswith(".json") and not entry.name.startswith(".")]
    else:
        chosen = [entry for entry in entries if entry.suffix.lower() == ".json"]
    return [entry for entry in chosen if not entry.is_dir()]


class _Reader:
    def __init__(self, version: Version, *, team: bool, around: Circumstances) -> None:
        self.version = version
        self.team = team
        self.around = around
        self.documents: list[Document] = []
        self.problems: list[Problem] = []
        self.users_elsewhere = False
        self.used: set[str] = set()
        self.read = image_variables.Read((), frozenset(), frozenset(), {}, users_elsewhere=False, problems=())

    def merged(self, paths: Sequence[Path]) -> Node:
        tree = Node({}, Mark(str(paths[0]) if paths else "", 1, 1, 1))
        files = [file for path in paths for file in self._files(path)]
        if self.team:
            files += [s.path for s in self.around.secrets if s.path is not None and s.name.endswith(".json")]
        documents = [*map(self._document, map(read_text, files)), *map(self._inline, self.around.inline)]
        for number, document in enumerate(documents):
            if document.tree is None or not isinstance(document.tree.value, dict):
                continue
            if number == 0 and not tree.value:
                tree.mark = document.tree.mark
            if self.team:
                self._merge_deep(tree, document.tree, (), from_file=True)
            else:
                self._merge_native(tree, document.tree)
        if self.team:
            self._variables(tree)
            self._absent_secrets()
        else:
            self._unread_variables()
        self._drop_unknown_users(tree)
        return tree

    def _files(self, path: Path) -> list[Path]:
        try:
            if path.is_dir():
                return files_of(path, team=self.team)
        except OSError:
            pass
        return [path]

    def _document(self, read: TextFile) -> Document:
        if not read.readable:
            self.problems += read.problems
            return Document(read.file, None, read.problems, (), "")
        document = self._parsed(read)
        document = replace(document, problems=(*read.problems, *document.problems))
        self.documents.append(document)
        self.problems += document.problems
        return document

    def _inline(self, file: InlineFile) -> Document:
        """A file within a compose file: every place is that of its beginning."""
        document = self._parsed(TextFile(file.mark.file, file.text))
        at = EnvironmentValue(file.name, None, file.mark, ())
        problems = tuple(replace(problem, mark=file.mark) for problem in document.problems)
        tree = image_variables.placed(document.tree, at) if document.tree is not None else None
        self.problems += problems
        return replace(document, tree=tree, problems=problems, comments=())

    def _parsed(self, read: TextFile) -> Document:
        if "$" not in read.text and not self.team:
            return jsonc.parse(read.text, read.file)
        environment = self.around.environment
        try:
            steps = as_envsubst(read.text, environment) if self.team else (as_orthanc(read.text, environment),)
        except TooLargeError:
            problem = Problem("with its variables, the file is too large to be read", Mark(read.file, 1, 1, 1))
            return Document(read.file, None, (problem,), (), read.text)
        original = Original(read.text, read.file, composed(*steps))
        document = jsonc.read(steps[-1].text, read.text, original)
        plain = Original(read.text, read.file)
        found = [*self._variable_problems(steps, plain, document.tree)]
        kept = document.problems
        if self.team:
            wrong = _strict(steps[-1].text, original)
            if wrong is None:
                kept = tuple(p for p in kept if not p.message.startswith(_NO_COMMENT))
            elif not any(p.severity == "error" for p in kept):
                found.append(wrong)
        return replace(document, problems=(*kept, *found))

    # --- variables in a file

    def _variable_problems(self, steps: Sequence[Substituted], plain: Original, tree: Node | None) -> Iterable[Problem]:
        if not any(step.variables for step in steps):
            return
        paths = _Paths(tree)
        for index, step in enumerate(steps):
            for variable in step.variables:
                start, end = variable.start, variable.end
                for earlier in reversed(steps[:index]):
                    start, end = earlier.origin(start, end)
                self.used.add(variable.name)
                mark = plain.mark(start, end)
                path = paths.at(mark)
                if variable.found == "unknown" and path[:1] == ("RegisteredUsers",) and variable.braces:
                    self.users_elsewhere = True
                problem = self._variable_problem(variable, mark, path)
                if problem is not None:
                    yield problem

    def _variable_problem(self, variable: Variable, mark: Mark, path: KeyPath) -> Problem | None:
        name = printable(variable.name)
        if variable.found == "nameless":
            return Problem("Orthanc ends on ${} without a name", mark, path, "write \\u0024 for a dollar sign")
        if variable.found != "unknown":
            return None
        if not variable.braces:  # part of a password, as a rule
            message = "the image replaces a $ and the letters behind it by a variable, and there is no such one"
            return Problem(message, mark, path, "write \\u0024 for a dollar sign")
        if self.around.environment.is_open(variable.name):
            message = f"the value of the variable {name} is not known here"
        else:
            message = f"there is no variable {name}: nothing is put in"
        return Problem(message, mark, path, "write ${NAME:-default} to have a default", "warning")

    # --- merging

    def _merge_native(self, tree: Node, other: Node) -> None:
        for key, node in other.value.items():
            if key in tree.value:
                first = tree.value[key].key_mark
                message = (
                    f"{printable(key)} is defined in 2 different configuration files: Orthanc refuses to start"
                    f"{f' (the other one is {first.file}:{first.line})' if first else ''}"
                )
                self.problems.append(Problem(message, node.key_mark, (key,), "remove one of them"))
            else:
                tree.value[key] = node

    def _merge_deep(self, tree: Node, other: Node, path: KeyPath, *, from_file: bool) -> None:
        for key, node in other.value.items():
            here = (*path, key)
            present: Node | None = tree.value.get(key)
            if present is not None and isinstance(node.value, dict):
                if isinstance(present.value, dict):
                    self._merge_deep(present, node, here, from_file=from_file)
                else:
                    message = f"{printable(key)} is an object here and something else before: the image ends on it"
                    self.problems.append(Problem(message, node.key_mark or node.mark, here, "write an object in both"))
                continue
            if present is not None and from_file and present.plain() != node.plain():
                first = present.key_mark or present.mark
                message = (
                    f"{printable(key)} has another value in {first.file}:{first.line}: "
                    "which file counts is not defined in this image"
                )
                self.problems.append(Problem(message, node.key_mark, here, "say it in one file", "warning"))
            tree.value[key] = Node(dict(node.value), node.mark, node.key_mark) if isinstance(node.value, dict) else node

    # --- variables and secrets of the image

    def _variables(self, tree: Node) -> None:
        self.read = image_variables.read_variables(self.around.variables, self.version)
        self.problems += self.read.problems
        self.users_elsewhere = self.users_elsewhere or self.read.users_elsewhere
        settings = list(self.read.settings)
        for secret in self.around.secrets:
            named = self.read.secrets.get(secret.name)
            variable = named.name.removesuffix("_SECRET") if named else secret.name
            path = image_facts.key_path(variable)
            if path is None:
                continue
            if secret.path is None:
                self.users_elsewhere = self.users_elsewhere or path[0] == "RegisteredUsers"
                continue
            content = read_text(secret.path)
            self.problems += content.problems
            value = content.text.rstrip("\n")
            made, found = image_variables.setting(variable, value, Mark(content.file, 1, 1, 2), self.version)
            self.problems += found
            settings += [made] if made else []
        for setting in settings:
            self._merge_deep(tree, setting.tree, (), from_file=False)
        self._substituted_again(tree)

    def _absent_secrets(self) -> None:
        if any(secret.path is None and secret.name.endswith(".json") for secret in self.around.secrets):
            self.users_elsewhere = True

    def _substituted_again(self, tree: Node) -> None:
        """Values with ``${``: the image writes them into a file, and Orthanc replaces variables in that."""
        environment = self.around.environment
        for path, node in walk(tree):
            if isinstance(node.value, str) and "${" in node.value:
                names = [v.name for v in as_orthanc(node.value, environment).variables]
                if names and not any(environment.is_open(name) for name in names):
                    message = "Orthanc puts a variable in for ${...} here, whatever way it was written"
                    hint = "such a value cannot be passed through this image: choose another one"
                    self.problems.append(Problem(message, node.mark, path, hint))

    def _unread_variables(self) -> None:
        facts = image_facts.facts()
        switches = {plugin.variable for plugin in facts.plugins}
        for name, variable in self.around.variables.items():
            if name in self.used:
                continue
            if name.startswith("ORTHANC__") or name in switches or name in facts.names or name == "ORTHANC_JSON":
                message = f"nobody reads {printable(name)}: this Orthanc takes its configuration from files alone"
                hint = "write the key into the configuration file; orthancteam/orthanc reads such variables"
                self.problems.append(Problem(message, variable.mark, variable.path, hint, "warning"))

    def _drop_unknown_users(self, tree: Node) -> None:
        """Take out users whose password is a variable that is not known: nothing can be said of it."""
        users = tree.value.get("RegisteredUsers")
        if users is None or not isinstance(users.value, dict) or not self.users_elsewhere:
            return
        kept = {
            name: node
            for name, node in users.value.items()
            if not (node.value is None or (isinstance(node.value, str) and "${" in node.value))
        }
        tree.value["RegisteredUsers"] = Node(kept, users.mark, users.key_mark)


def _strict(text: str, original: Original) -> Problem | None:
    """Where the image's reader refuses what Orthanc's own takes."""
    bare = without_comments(text)
    try:
        json.loads(bare)
    except json.JSONDecodeError as error:
        message = f"the image's own reader refuses this, though Orthanc would take it: {error.msg}"
        return Problem(message, original.mark(error.pos), (), "write strict JSON; comments are allowed")
    except (ValueError, RecursionError):
        return Problem("the image's own reader refuses this file", original.mark(0), (), "write strict JSON")
    return None


class _Paths:
    """The key path of the value that stands at a place."""

    def __init__(self, tree: Node | None) -> None:
        found: list[tuple[int, int, KeyPath]] = []
        for path, node in walk(tree) if tree is not None else ():
            for mark in (node.key_mark, node.mark):
                if mark is not None:
                    found.append((mark.line, mark.column, path))
        self._sorted = sorted(found, key=lambda entry: entry[:2])
        self._keys = [entry[:2] for entry in self._sorted]

    def at(self, mark: Mark) -> KeyPath:
        index = bisect_right(self._keys, (mark.line, mark.column))
        return self._sorted[index - 1][2] if index else ()
