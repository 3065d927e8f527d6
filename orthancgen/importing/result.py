"""Everything that an import gives: the file, the model behind it, what differs, and what production would refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from orthancgen.foreign.model import ComposeFile, OrthancPart
from orthancgen.importing.difference import Difference, differences
from orthancgen.importing.part import Imported, import_part
from orthancgen.importing.text import yaml_text
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.secrets.value import SecretValue
from orthancgen.site.load import validate
from orthancgen.site.model import Kind
from orthancgen.site.problems import Problem
from orthancgen.site.tree import Node, parse


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an import.

    Attributes:
        imported: the environment as a mapping, with its notes.
        text: the file.
        plan: what follows from it; None where the model refuses it as the kind that was asked for.
        problems: what the model says of the file.
        differences: what the rendered configuration says otherwise than the original.
        refused: what the model would refuse if it were of kind production.
    """

    imported: Imported
    text: str
    plan: Plan | None
    problems: tuple[Problem, ...]
    differences: tuple[Difference, ...]
    refused: tuple[Problem, ...]

    @property
    def complete(self) -> bool:
        """Whether everything was carried over, the model takes it, and each difference has its reason."""
        return self.imported.complete and self.plan is not None and all(one.why for one in self.differences)


def import_as(
    part: OrthancPart,
    *,
    name: str,
    kind: Kind = "development",
    compose: ComposeFile | None = None,
    folder: str = "",
    heading: str = "",
    file: str = "",
    secrets_folder: str = "",
) -> Result:
    """Import a configuration and compare what would run with what ran.

    Args:
        part: what was read.
        name: the environment's name.
        kind: its kind.
        compose: the compose file that the part is a service of.
        folder: absolute folder from which relative paths of the configuration count.
        heading: the first line of the file, on where it comes from.
        file: the name of the file, for the places of problems.
        secrets_folder: absolute folder in which the values of secrets will lie; "" for the store of the environment.
    """
    imported = import_part(part, name=name, kind=kind, compose=compose, folder=folder)
    if secrets_folder:
        imported = _from_files(imported, secrets_folder)
    made = written(imported, heading=heading or f"Imported from {part.name}", file=file or f"{name}.yaml")
    return made if made.plan is None else replace(made, differences=differences(part, made.plan, compose))


def written(imported: Imported, *, heading: str, file: str) -> Result:
    """The file of an import, and what the model says of it.

    Args:
        imported: what came of the import.
        heading: the first line of the file, on where it comes from.
        file: the name of the file, for the places of problems.
    """
    text = yaml_text(imported, heading=heading)
    tree = _tree(text, file)
    site, _, problems = validate(tree)
    invalid = site is None or any(problem.severity == "error" for problem in problems)
    built = plan(site, imported.version) if site is not None and not invalid else None
    return Result(imported, text, built, tuple(problems), (), _refused(tree))


def _from_files(imported: Imported, folder: str) -> Imported:
    """The same with each secret read from a file of its own."""
    sources: Mapping[str, SecretValue] = imported.secrets
    places = {name: {"file": f"{folder.rstrip('/')}/{name}"} for name in sources}
    environment = dict(imported.environment)
    environment["secrets"] = {**environment.get("secrets", {}), **places}
    return replace(imported, environment=environment) if places else imported


def _tree(text: str, file: str) -> Node:
    tree, _ = parse(text, file)
    if tree is None:
        raise AssertionError("what was written is read again")
    return tree


def _refused(tree: Node) -> tuple[Problem, ...]:
    """The errors of the environment as a production one."""
    kind = tree.value["kind"]
    tree.value["kind"] = Node("production", kind.mark, kind.key_mark)
    _, _, problems = validate(tree)
    tree.value["kind"] = kind
    return tuple(problem for problem in problems if problem.severity == "error")
