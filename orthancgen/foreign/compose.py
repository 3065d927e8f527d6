"""A compose file as it is in the wild: its services with their variables, ports, mounts and roles.

Sources: https://docs.docker.com/reference/compose-file/ and what compose-go makes of each form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from orthancgen.foreign import compose_parts as parts
from orthancgen.foreign.dockerfile import Dockerfile, parse_dockerfile
from orthancgen.foreign.files import read_text
from orthancgen.foreign.image_tags import Image
from orthancgen.foreign.interpolation import interpolate, read_variables_file
from orthancgen.foreign.model import ComposeFile, ComposeService, EnvironmentValue, ServiceRole
from orthancgen.foreign.yaml_tree import Block, parse_yaml, truth
from orthancgen.site.problems import KeyPath, Mark, Problem, printable
from orthancgen.site.tree import Node, walk

MAXIMUM_EXTENDS: Final = 16

_DATABASES: Final[Mapping[ServiceRole, re.Pattern[str]]] = {
    "mongo": re.compile(r"mongo|mongodb|mongodb-.*server|percona-server-mongodb|secantusdb"),
    "postgres": re.compile(r"postgres|postgresql|postgis|timescaledb|pgvector"),
}
_PROXIES: Final = re.compile(r"nginx|traefik|haproxy|caddy|envoy|openresty|swag|httpd|gateway")
_USES: Final = re.compile(r"mongo|orthanc", re.IGNORECASE)


def parse_compose(
    text: str,
    file: str,
    folder: Path | None,
    override: tuple[str, str] | None = None,
    parsed: tuple[Node | None, list[Problem]] | None = None,
) -> ComposeFile:
    """Read a compose file.

    Args:
        text: the file.
        file: its name, for the places.
        folder: that of the file, where ``.env``, ``env_file`` and Dockerfiles are looked for; None for nowhere.
        override: text and name of the file that Compose merges over it (``compose.override.yaml``).
        parsed: what `parse_yaml` gave for the file, where it was asked already; it is changed here.

    Returns:
        Its services, and everything that is wrong; nothing is raised. No variable of our own environment is read.
    """
    tree, problems = parsed or parse_yaml(text, file)
    if tree is None or not isinstance(tree.value, dict):
        if tree is not None:
            problems.append(Problem("a compose file is a mapping with services", tree.mark))
        return ComposeFile(file, Node({}, Mark(file, 1, 1, 1)), {}, frozenset(), tuple(problems))
    if override is not None:
        over, found = parse_yaml(*override)
        problems += found
        tree = _merge(tree, over) if over is not None else tree
    reader = _Reader(folder, problems)
    reader.interpolate(tree)
    services = _with_backends({name: reader.service(name, node) for name, node in reader.services(tree)})
    internal = frozenset(
        name
        for name, node in parts.members(tree.value.get("networks")).items()
        if (said := parts.members(node).get("internal")) is not None and truth(said.value)
    )
    return ComposeFile(file, tree, services, internal, tuple(problems))


def is_compose(tree: Node | None) -> bool:
    """Whether a YAML document looks like a compose file: it has services, and they are what a service is."""
    services = parts.members(parts.members(tree).get("services"))
    marks = {"image", "build", "extends", "ports", "volumes", "environment", "command", "env_file"}
    return any(marks & set(parts.members(service)) for service in services.values())


class _Reader:
    def __init__(self, folder: Path | None, problems: list[Problem]) -> None:
        self.folder = folder
        self.problems = problems
        self.put: dict[int, bool] = {}  # whether it is known, by the mark's id: marks live as long as the tree
        self.variables: dict[str, str] = {}
        env = folder / ".env" if folder is not None else None
        if env is not None and env.is_file():
            found = read_variables_file(read_text(env).text)
            self.variables = {name: value for name, (value, _) in found.items() if value is not None}
        self.variables.setdefault("PWD", ".")

    def interpolate(self, tree: Node) -> None:
        """Put variables into every text of the tree."""
        for _, node in walk(tree):
            if isinstance(node.value, str) and "$" in node.value:
                done = interpolate(node.value, self.variables)
                node.value = done.text
                if done.used:
                    self.put[id(node.mark)] = done.known

    def services(self, tree: Node) -> Iterator[tuple[str, Node]]:
        """Each service with what it extends."""
        written = parts.members(tree.value.get("services"))
        for name, node in written.items():
            if isinstance(node.value, dict):
                yield name, self._extended(name, node, written)
            else:
                self.problems.append(Problem("a service is a mapping", node.mark, ("services", name)))

    def _extended(self, name: str, node: Node, written: Mapping[str, Node]) -> Node:
        chain = [node]
        seen = {name}
        while (extends := parts.members(chain[-1]).get("extends")) is not None:
            of = parts.members(extends)
            base = parts.text(of.get("service")) if of else parts.text(extends)
            path = ("services", name, "extends")
            if "file" in of:
                message = "a service of another file is not read here"
                self.problems.append(Problem(message, extends.mark, path, "audit that file too", "warning"))
                break
            if base in seen or len(chain) > MAXIMUM_EXTENDS:
                self.problems.append(Problem("extends goes round in a circle", extends.mark, path))
                break
            if base not in written or not isinstance(written[base].value, dict):
                self.problems.append(Problem(f"there is no service {printable(base)}", extends.mark, path))
                break
            seen.add(base)
            chain.append(written[base])
        result = chain.pop()
        while chain:
            result = _merge(result, chain.pop())
        return result

    def service(self, name: str, node: Node) -> ComposeService:
        """Everything about a service."""
        path: KeyPath = ("services", name)
        built, file, folder = self._built(node)
        # The variables of the image, under those of the service.
        environment = {
            key: EnvironmentValue(key, value, Mark(file, line, 1, 2), (key,))
            for key, (value, line) in built.variables.items()
        } | self._environment(node, path)
        image = parts.text(parts.members(node).get("image"))
        role = self._role(name, node, Image.parse(built.base or image), environment)
        return ComposeService(
            name,
            role,
            image,
            node,
            environment,
            tuple(parts.published_ports(node, path)),
            tuple(parts.mounts(node, path)),
            parts.networks(node),
            tuple(secret for secret, _, _ in parts.granted(node, "secrets")),
            built.base,
            tuple((str(folder / source), target) for source, target in built.copies) if folder is not None else (),
        )

    def _role(self, name: str, node: Node, image: Image, environment: Mapping[str, EnvironmentValue]) -> ServiceRole:
        last = image.name.rsplit("/", 1)[-1].lower()
        if image.is_orthanc or (not last and Image.parse(name).is_orthanc):
            return "orthanc"
        for role, pattern in _DATABASES.items():
            if pattern.fullmatch(last):
                return role
        if _PROXIES.search(last or name.lower()):
            return "proxy"
        said = [*_needed(node), *environment, *(one.value or "" for one in environment.values())]
        return "backend" if any(_USES.search(word) for word in said) else "other"

    def _built(self, node: Node) -> tuple[Dockerfile, str, Path | None]:
        """What the Dockerfile says where it is at hand, its name, and the folder that it copies from."""
        build = parts.members(node).get("build")
        if build is None or self.folder is None:
            return Dockerfile(), "", None
        of = parts.members(build)
        context = parts.text(of.get("context")) if of else parts.text(build)
        written = of.get("args")
        arguments = {name: parts.text(value) for name, value in parts.members(written).items()}
        arguments |= {
            name: value
            for name, equals, value in (parts.text(item).partition("=") for item in parts.items(written))
            if equals
        }
        if "://" in context or "$" in context or "\0" in context:
            return Dockerfile(), "", None
        folder = self.folder / (context or ".")
        inline = parts.text(of.get("dockerfile_inline"))
        if inline:
            return parse_dockerfile(inline, arguments), build.mark.file, folder
        path = folder / (parts.text(of.get("dockerfile")) or "Dockerfile")
        if not _is_file(path):
            return Dockerfile(), "", None
        read = read_text(path)
        return parse_dockerfile(read.text, arguments), read.file, folder

    # --- variables

    def _environment(self, node: Node, path: KeyPath) -> dict[str, EnvironmentValue]:
        of = parts.members(node)
        found: dict[str, EnvironmentValue] = {}
        listed = of.get("env_file")
        entries = parts.items(listed) if listed is not None and isinstance(listed.value, list) else [listed]
        for entry in entries:
            if entry is not None:
                found |= self._env_file(entry, (*path, "env_file"))
        written = of.get("environment")
        here = (*path, "environment")
        for name, value in parts.members(written).items():
            found[name] = self._variable(name, value, value.key_mark or value.mark, (*here, name))
        for index, item in enumerate(parts.items(written)):
            name, equals, _ = parts.text(item).partition("=")
            if name:
                found[name] = self._listed(name, item, (*here, index), given=bool(equals))
        return found

    def _variable(self, name: str, node: Node, mark: Mark, path: KeyPath) -> EnvironmentValue:
        if node.value is None:
            return EnvironmentValue(name, self.variables.get(name), mark, path, from_variable=True)
        put = self.put.get(id(node.mark))
        value = None if put is False else parts.text(node)
        block = (node.line, node.column) if isinstance(node, Block) else None
        return EnvironmentValue(name, value, node.mark, path, block, put is not None)

    def _listed(self, name: str, node: Node, path: KeyPath, *, given: bool) -> EnvironmentValue:
        if not given:
            return EnvironmentValue(name, self.variables.get(name), node.mark, path, from_variable=True)
        put = self.put.get(id(node.mark))
        value = None if put is False else parts.text(node).partition("=")[2]
        return EnvironmentValue(name, value, node.mark, path, from_variable=put is not None)

    def _env_file(self, entry: Node, path: KeyPath) -> dict[str, EnvironmentValue]:
        of = parts.members(entry)
        named = parts.text(of.get("path")) if of else parts.text(entry)
        required = of.get("required")
        if not named or self.folder is None:
            return {}
        file = self.folder / named
        if not _is_file(file):
            if required is None or truth(required.value):
                message = f"the file of variables {printable(named)} is not here: its variables are not known"
                self.problems.append(Problem(message, entry.mark, path, None, "warning"))
            return {}
        read = read_text(file)
        self.problems += read.problems
        return {
            name: EnvironmentValue(name, value, Mark(read.file, line, 1, len(name) + 1), (name,))
            for name, (value, line) in read_variables_file(read.text).items()
        }


def _needed(node: Node) -> tuple[str, ...]:
    """Names of the services that a service depends on."""
    needs = parts.members(node).get("depends_on")
    links = (parts.text(item).partition(":")[0] for item in parts.items(parts.members(node).get("links")))
    return (*parts.members(needs), *(parts.text(item) for item in parts.items(needs)), *links)


def _with_backends(services: Mapping[str, ComposeService]) -> dict[str, ComposeService]:
    """The services, those that need a database or Orthanc being backends whatever it is called."""
    users = {name for name, service in services.items() if service.role in ("orthanc", "mongo", "postgres")}
    return {
        name: replace(service, role="backend") if service.role == "other" and users & set(_needed(service.node))
        else service
        for name, service in services.items()
    }  # fmt: skip


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _merge(base: Node, over: Node) -> Node:
    """A mapping over another: members by name, lists one behind the other, anything else replaced."""
    if isinstance(base.value, dict) and isinstance(over.value, dict):
        value = dict(base.value)
        for key, node in over.value.items():
            value[key] = _merge(value[key], node) if key in value and key not in _REPLACED else node
        return Node(value, over.mark, over.key_mark)
    if isinstance(base.value, list) and isinstance(over.value, list):
        return Node([*base.value, *over.value], over.mark, over.key_mark)
    if isinstance(base.value, list | dict) and isinstance(over.value, list | dict):
        return _merge(_as_mapping(base), _as_mapping(over))
    return over


_REPLACED: Final = frozenset({"command", "entrypoint", "extends", "test"})


def _as_mapping(node: Node) -> Node:
    """A list of ``NAME=value`` or of names as a mapping."""
    if not isinstance(node.value, list):
        return node
    members: dict[str, Node] = {}
    for item in node.value:
        name, equals, value = parts.text(item).partition("=")
        members[name] = Node(value if equals else None, item.mark, item.mark)
    return Node(members, node.mark, node.key_mark)
