"""The variables of the image orthancteam/orthanc: the keys of Orthanc that they set, and what is wrong with them.

The image makes ``DicomWeb.StowMaxSize`` of ``ORTHANC__DICOM_WEB__STOW_MAX_SIZE``: words at ``_``, sections at ``__``.
The result is looked up by nobody: Orthanc ignores a key that it does not know. So each mistake is told here.

The facts are in orthancteam.json; the algorithm is that of docker/orthanc/configurator.py, named there.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from orthancgen.foreign import jsonc
from orthancgen.foreign.image_facts import PREFIX, by_letters, facts, is_known, key_of, key_path, variable_of
from orthancgen.foreign.image_json import strict_problem
from orthancgen.foreign.model import EnvironmentValue
from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import KeyPath, Mark, Problem, printable
from orthancgen.site.tree import Node

FORMER_NAMES_REFUSED_SINCE: Final = Version(1, 13, 0)
"""The image refuses its former names since 26.7.0; 26.8.0 is the first that is known to have this version."""

_SWITCH = re.compile(r"[A-Z0-9_]+_(?:PLUGIN_)?ENABLED")
_READ_BY_SHELL: Final = frozenset({"VERBOSE_ENABLED", "TRACE_ENABLED", "NO_JOBS", "VERBOSE_STARTUP", "BUNDLE_DEBUG"})
"""Variables that mean something where they are exactly ``true``."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A key that a variable or a secret sets, as a tree from the top level on."""

    variable: str
    path: KeyPath
    tree: Node


@dataclass(frozen=True, slots=True)
class Read:
    """What the variables of a container say.

    Attributes:
        settings: in the order of the variables.
        enabled, disabled: sections of plugins that a variable switches on or off.
        secrets: names of files in /run/secrets -> the variable whose value is in it.
        users_elsewhere: the users are in a variable whose value is not known.
    """

    settings: tuple[Setting, ...]
    enabled: frozenset[str]
    disabled: frozenset[str]
    secrets: Mapping[str, EnvironmentValue]
    users_elsewhere: bool
    problems: tuple[Problem, ...]


def read_variables(variables: Mapping[str, EnvironmentValue], version: Version) -> Read:
    """What the image takes from its variables, and every mistake in them.

    Args:
        variables: those of the container, in their order.
        version: the version of Orthanc in it.
    """
    return _Reader(version).read(variables)


def setting(variable: str, value: str, mark: Mark, version: Version) -> tuple[Setting | None, list[Problem]]:
    """The setting that a variable, or a secret of that name, makes of a value."""
    reader = _Reader(version)
    made = reader.setting(EnvironmentValue(variable, value, mark, ()), value)
    return made, reader.problems


class _Reader:
    def __init__(self, version: Version) -> None:
        self.version = version
        self.facts = facts()
        self.problems: list[Problem] = []

    def read(self, variables: Mapping[str, EnvironmentValue]) -> Read:
        settings: list[Setting] = []
        enabled: set[str] = set()
        disabled: set[str] = set()
        secrets: dict[str, EnvironmentValue] = {}
        elsewhere = False
        for name, variable in variables.items():
            path = key_path(name)
            if name == "ORTHANC_JSON":
                settings += self._json(variable)
            elif name.endswith("_SECRET"):
                if variable.value:
                    secrets[variable.value] = variable
            elif path is not None:
                self._check_name(variable, path)
                made = self.setting(variable, variable.value) if variable.value is not None else None
                settings += [made] if made else []
                elsewhere = elsewhere or (variable.value is None and path[0] == "RegisteredUsers")
            elif name.startswith(PREFIX):
                self._problem(variable, f"{printable(name)} has an empty word: the image ends on it at its start",
                              "one _ between words, two between sections", "error")  # fmt: skip
            elif name == "ORTHANC_PASSWORD":
                settings += [self._password(variable)] if variable.value else []
                elsewhere = elsewhere or variable.value is None
            else:
                self._switch(variable, enabled, disabled)
        self._same_path(settings)
        return Read(tuple(settings), frozenset(enabled), frozenset(disabled), secrets, elsewhere, tuple(self.problems))

    def setting(self, variable: EnvironmentValue, value: str | None) -> Setting | None:
        """What the image makes of a value: JSON where it is JSON, else a text."""
        path = key_path(variable.name)
        if path is None or value is None:
            return None
        read: Any
        try:
            read = json.loads(value)
        except (ValueError, RecursionError):
            read = value
        node = _node(read, variable.mark)
        if node is not None and variable.block is not None and isinstance(read, dict | list):
            document = jsonc.parse(value, variable.mark.file)
            node = placed(document.tree, variable) if document.tree is not None else node
        if node is None:
            self._problem(
                variable, f"the value of {printable(variable.name)} nests too deep, or is no number", None, "error"
            )
            return None
        self._check_type(variable, path, read, value)
        for part in reversed(path):
            node.key_mark = variable.mark
            node = Node({str(part): node}, variable.mark)
        return Setting(variable.name, path, node)

    def _password(self, variable: EnvironmentValue) -> Setting:
        # It stays a text whatever it looks like (Orthanc Book, docker-orthancteam, since 26.7.0).
        path = ("RegisteredUsers", "orthanc")
        password = Node(variable.value, variable.mark, variable.mark)
        users = Node({"orthanc": password}, variable.mark, variable.mark)
        return Setting(variable.name, path, Node({"RegisteredUsers": users}, variable.mark))

    def _json(self, variable: EnvironmentValue) -> list[Setting]:
        if variable.value is None:
            return []
        document = jsonc.parse(variable.value, variable.mark.file)
        wrong = strict_problem(variable.value)
        if document.tree is None or not isinstance(document.tree.value, dict) or wrong is not None:
            first = next((p for p in document.problems if p.severity == "error"), None)
            said = first.message if first else wrong or "it is no object"
            line = f" on line {first.mark.line} of it" if first and first.mark else ""
            self._problem(variable, f"ORTHANC_JSON is no JSON{line}: {said}; the image ends on it", None, "error")
            return []
        return [
            Setting(variable.name, (key,), Node({key: placed(node, variable)}, variable.mark))
            for key, node in document.tree.value.items()
        ]

    def _switch(self, variable: EnvironmentValue, enabled: set[str], disabled: set[str]) -> None:
        name, value = variable.name, variable.value
        for plugin in self.facts.plugins:
            if name not in (plugin.variable, plugin.former):
                continue
            if name == plugin.former:
                self._former(variable, plugin.variable)
            # Everything but "false" switches it on, an empty value and "False" as well.
            (disabled if value == "false" else enabled).add(plugin.section)
            if value is not None and value not in ("true", "false"):
                said = _shown_switch(value)
                self._problem(variable, f"{name} is {said}: only false, in lower case and without quotes, keeps the"
                              " plugin off", "write true or false")  # fmt: skip
        if name in _READ_BY_SHELL and value is not None and value.lower().strip("\"' ") == "true" and value != "true":
            self._problem(
                variable, f"{name} has no effect: its value is not exactly true", "write true, without quotes"
            )
        if not self._known(name):
            self._unknown(variable)

    def _known(self, name: str) -> bool:
        plugins = {p.variable for p in self.facts.plugins} | {p.former for p in self.facts.plugins}
        return name in self.facts.other or name in plugins

    def _unknown(self, variable: EnvironmentValue) -> None:
        """A variable that the image does not read, and that looks as if it should."""
        name = variable.name
        upper = name.upper()
        if upper.startswith("ORTHANC"):
            hint = self._meant(upper.removeprefix("ORTHANC"))
            if hint is None and name == upper:
                return  # often read by another program, or by a script of the site
            why = "variables for keys begin with ORTHANC and two underscores"
            self._problem(variable, f"the image reads no variable {printable(name)}: {why}", hint)
        elif _SWITCH.fullmatch(name):
            switches = [plugin.variable for plugin in self.facts.plugins]
            close = difflib.get_close_matches(name, switches, n=1, cutoff=0.85)
            if close:
                self._problem(variable, f"the image reads no variable {printable(name)}", f"did you mean {close[0]}?")

    def _check_name(self, variable: EnvironmentValue, path: KeyPath) -> None:
        name = variable.name
        if name in self.facts.former_names:
            self._former(variable, variable_of(path))
        elif name not in self.facts.names and not is_known(path, self.version):
            key = printable(".".join(str(part) for part in path))
            hint = self._meant(name.removeprefix(PREFIX).upper())
            if len(path) > 1 and path[0] in ("RegisteredUsers", "OrthancPeers", "DicomModalities", "UserMetadata"):
                message = f"{printable(name)} sets {key}: names get upper and lower case letters by the image's rule"
                hint = f"write them as JSON in {variable_of(path[:1])}"
            else:
                message = f"{printable(name)} sets {key}, which Orthanc {self.version} does not know and ignores"
            self._problem(variable, message, hint)

    def _meant(self, rest: str) -> str | None:
        """The variable that was meant, by the letters alone: those that get wrong are the underscores."""
        letters = rest.replace("_", "")
        known = by_letters(self.version)
        found = known.get(letters)
        if found is None and len(letters) <= 80:
            close = difflib.get_close_matches(letters, known, n=1, cutoff=0.88)
            found = known[close[0]] if close else None
        if found is None:
            return None
        return f"did you mean {variable_of(found)}, which sets {'.'.join(str(part) for part in found)}?"

    def _former(self, variable: EnvironmentValue, now: str) -> None:
        refused = self.version >= FORMER_NAMES_REFUSED_SINCE
        what = "the image refuses to start with it since 26.7.0" if refused else "newer images refuse to start with it"
        message = f"{variable.name} is a former name: {what}"
        self._problem(variable, message, f"write {now}", "error" if refused else "warning")

    def _check_type(self, variable: EnvironmentValue, path: KeyPath, read: object, written: str) -> None:
        key = key_of(path, self.version)
        if key is None or isinstance(read, list | dict):
            return
        if isinstance(read, str):
            quoted = written[:1] + written[-1:] in ('""', "''")
            if quoted and len(written) > 1 and "string" not in key.type:
                self._problem(variable, f"the quotes are a part of the value: {key.name} becomes a text",
                              "in a list, write - NAME=value without quotes", "error")  # fmt: skip
            elif quoted and written[0] == "'":
                self._problem(variable, f"the quotes are a part of {key.name}", "write it without quotes")
        elif key.type == ("string",):
            what = "nothing" if read is None else "true or false" if isinstance(read, bool) else "a number"
            self._problem(variable, f"the image makes {what} of it, and {key.name} is a text: Orthanc refuses it",
                          'put double quotes inside of the value: \'"..."\', or use a file', "error")  # fmt: skip

    def _same_path(self, settings: list[Setting]) -> None:
        seen: dict[KeyPath, str] = {}
        for one in settings:
            other = seen.setdefault(one.path, one.variable)
            if other != one.variable:
                key = printable(".".join(str(part) for part in one.path))
                both = f"{printable(one.variable)} and {printable(other)}"
                message = f"{both} both set {key}: which one counts is not defined"
                self.problems.append(Problem(message, one.tree.mark, one.path, "remove one of them", "warning"))

    def _problem(self, variable: EnvironmentValue, message: str, hint: str | None, severity: Any = "warning") -> None:
        self.problems.append(Problem(message, variable.mark, variable.path, hint, severity))


def plugin_defaults(tree: Node, read: Read) -> dict[str, Any]:
    """What the image adds: its defaults, and for each plugin that it switches on a section with all of its defaults.

    A section of the configuration keeps what it says; its other members come from here.
    """
    known = facts()
    defaults = dict(known.defaults)
    said: Mapping[str, Node] = tree.value if isinstance(tree.value, dict) else {}
    for plugin in known.plugins:
        on = plugin.section in read.enabled
        if not plugin.variable_needed:
            on = on or plugin.always or plugin.section in said or (plugin.key != "" and plugin.key in said)
        if on and plugin.section not in read.disabled and plugin.defaults:
            defaults[plugin.section] = plugin.defaults
    return defaults


def _shown_switch(value: str) -> str:
    return "empty" if not value.strip() else "another word" if len(value) > 12 else "not exactly true or false"


def _node(value: Any, mark: Mark, depth: int = 0) -> Node | None:
    """A value as a tree whose every place is that of the variable; None where JSON cannot hold it."""
    if depth > jsonc.MAXIMUM_DEPTH or (isinstance(value, float) and not math.isfinite(value)):
        return None
    content: Any = value
    if isinstance(value, dict):
        content = {key: _node(child, mark, depth + 1) for key, child in value.items()}
        children = list(content.values())
    elif isinstance(value, list):
        content = children = [_node(child, mark, depth + 1) for child in value]
    else:
        children = []
    return None if any(child is None for child in children) else Node(content, mark, mark)


def placed(node: Node, variable: EnvironmentValue) -> Node:
    """A tree that was read from a variable's value, with its places in the file: of its lines, or of the variable."""
    value = node.value
    if isinstance(value, dict):
        value = {key: placed(child, variable) for key, child in value.items()}
    elif isinstance(value, list):
        value = [placed(child, variable) for child in value]
    return Node(value, _place(node.mark, variable), _place(node.key_mark or node.mark, variable))


def _place(mark: Mark, variable: EnvironmentValue) -> Mark:
    if variable.block is None:
        return variable.mark
    line, column = variable.block[0] + mark.line - 1, variable.block[1] - 1
    return Mark(variable.mark.file, line, column + mark.column, column + mark.end_column)
