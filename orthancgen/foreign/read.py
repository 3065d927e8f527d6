"""Paths -> everything that is in them: configurations, compose files, scripts, rules, certificates, secrets."""

from __future__ import annotations

import datetime
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from orthancgen.errors import InputError
from orthancgen.foreign import jsonc, masking
from orthancgen.foreign.compose import is_compose, parse_compose
from orthancgen.foreign.configuration import read_part
from orthancgen.foreign.files import TextFile, read_text
from orthancgen.foreign.model import (
    ComposeFile,
    FirewallFile,
    LuaScript,
    NginxFile,
    OrthancPart,
    PemFile,
    Publisher,
    Target,
)
from orthancgen.foreign.repository import secret_files
from orthancgen.foreign.services import read_services
from orthancgen.foreign.walk import walk
from orthancgen.foreign.yaml_tree import parse_yaml
from orthancgen.orthanc.keys import SUPPORTED, Version, keys_for, plugin_sections
from orthancgen.site.load import display_name
from orthancgen.site.problems import Problem, printable, sort_problems
from orthancgen.site.tree import Node
from orthancgen.site.tree import walk as walk_tree

MAXIMUM_TOTAL: Final = 64 * 1024 * 1024
"""Characters of all files together."""

_YAML = frozenset({".yml", ".yaml"})
_PEM = frozenset({".pem", ".crt", ".cer", ".key"})
_JSON = frozenset({".json", ".jsonc"})
_ENV_NAME = re.compile(r"\.env(?:\..*)?|.*\.env|env", re.IGNORECASE)
_SECRET_FOLDER = re.compile(r"\.?secrets?|credentials", re.IGNORECASE)
_OVERRIDES = {
    f"{base}.override{suffix}": f"{base}{suffix}"
    for base in ("compose", "docker-compose")
    for suffix in (".yml", ".yaml")
}
_NGINX = re.compile(r"^\s*(?:server|http|upstream\s+\S+|stream|location\s+[^{;]+)\s*\{", re.MULTILINE)
_KEY_BLOCK = "PRIVATE KEY-----"
_CONFIGURATIONS = frozenset({"orthanc.json", "configuration.json"})
_RULES_OF_CLOUDS = frozenset({"Resources", "resource", "resources"})
"""Keys at the top of CloudFormation, of Terraform's JSON, of an ARM template."""
_COMMON_KEYS = frozenset({"Name", "Plugins", "Locale", "Warnings", "Dictionary"})
"""Keys of Orthanc that other programs' files have as well."""


def read_target(
    paths: Sequence[Path],
    *,
    version: Version | None = None,
    publisher: Publisher | None = None,
    today: datetime.date | None = None,
) -> Target:
    """Read files and folders that belong to one set-up.

    Args:
        paths: files, and folders with what is below them. JSON files that are named together are one Orthanc.
        version: of Orthanc, whatever an image's tag says.
        publisher: whose image of Orthanc it is.
        today: the day by which the age of secrets is counted; None: it is not.

    Raises:
        InputError: a path is missing or cannot be read, or a file that was named is nothing known; carries every
            problem.
    """
    reader = _Reader(version, publisher)
    for path in paths:
        reader.add(path)
    return reader.target(paths, today)


class _Reader:
    def __init__(self, version: Version | None, publisher: Publisher | None) -> None:
        self.version = version
        self.publisher = publisher
        self.problems: list[Problem] = []
        self.refused: list[Problem] = []
        self.files: dict[Path, TextFile] = {}
        self.kinds: dict[str, masking.Kind] = {}
        self.total = 0
        self.named_json: list[Path] = []
        self.folders: dict[Path, list[Path]] = defaultdict(list)  # of JSON files that look like Orthanc's
        self.whole: set[Path] = set()  # folders that were named
        self.composes: list[tuple[Path, ComposeFile]] = []
        self.orthancs: list[OrthancPart] = []
        self.firewalls: list[FirewallFile] = []
        self.scripts: list[LuaScript] = []
        self.proxies: list[NginxFile] = []
        self.pems: dict[Path, PemFile] = {}
        self.secrets: set[Path] = set()
        self.used: set[Path] = set()  # by a compose service

    # --- what is named

    def add(self, path: Path) -> None:
        """Take in a path that was named."""
        name = printable(str(path))
        try:
            if path.is_dir():
                self.whole.add(path.resolve())
                found = list(walk(path))
                for file in found:
                    self._file(file, named=False)
                return
            exists = path.exists()
        except (OSError, ValueError, RuntimeError):
            exists = False
        if not exists:
            self.refused.append(Problem(f"there is no {name}", hint="name a file or a folder"))
            return
        self._file(path, named=True)

    def _file(self, path: Path, *, named: bool) -> None:
        resolved = _resolved(path)
        if resolved in self.files or resolved in self.pems:
            return
        if path.suffix.lower() in _PEM and self._pem(path):
            return
        if not named and self.total > MAXIMUM_TOTAL:
            return
        read = read_text(path)
        if not read.readable:
            (self.refused if named else self.problems).extend(read.problems if named or _is_too_large(read) else ())
            return
        self.total += len(read.text)
        if self._known(path, read, named=named):
            self.files[resolved] = read
            self.problems += [] if path.suffix.lower() in _JSON else read.problems
        elif named:
            hint = "orthanc.json, a compose file, a Lua script, rules of a firewall, a configuration of nginx, or PEM"
            self.refused.append(
                Problem(f"{printable(read.file)} is nothing that is read here", hint=f"known are: {hint}")
            )

    def _known(self, path: Path, read: TextFile, *, named: bool) -> bool:
        """Take in a file by its name and content; False where it is nothing known."""
        suffix = path.suffix.lower()
        self.kinds[read.file] = _masked_as(path, read.text)
        if _is_secret_place(path):
            self.secrets.add(path)
        if suffix in _JSON and self._json(path, read, named=named):
            return True
        if suffix in _YAML and self._yaml(path, read, named=named):
            return True
        if suffix == ".lua":
            self._lua(read)
            return True
        if _KEY_BLOCK in read.text or "-----BEGIN CERTIFICATE-----" in read.text:
            return self._pem(path)
        if _ENV_NAME.fullmatch(path.name):
            self.secrets.add(path)
            return True
        if self._firewall(read):
            return True
        if _NGINX.search(read.text) and suffix not in _JSON | _YAML | {".sh", ".tf"}:
            self._nginx(path, read)
            return True
        return _is_secret_place(path)

    # --- kinds

    def _json(self, path: Path, read: TextFile, *, named: bool) -> bool:
        document = jsonc.parse(read.text, read.file)
        if self._firewall(read, document.tree):
            return True
        is_called = path.name.lower() in _CONFIGURATIONS and document.tree is not None
        if is_called or looks_like_orthanc(document.tree) or (named and _may_be_orthanc(document.tree)):
            if named:
                self.named_json.append(path)
            else:
                self.folders[_resolved(path.parent)].append(path)
            if holds_secrets(document.tree):
                self.secrets.add(path)
            return True
        if named and document.tree is None and document.problems:
            self.named_json.append(path)  # its syntax errors say why
            return True
        return False

    def _yaml(self, path: Path, read: TextFile, *, named: bool) -> bool:
        tree, problems = parse_yaml(read.text, read.file)
        if self._firewall(read, tree):
            return True
        if not is_compose(tree):
            if problems and ("services:" in read.text or named):  # what is wrong says more than that it is nothing
                self.problems += problems
                return True
            return False
        if path.name in _OVERRIDES and (path.parent / _OVERRIDES[path.name]).is_file() and not named:
            return True  # read with the file that it changes
        override = next((path.parent / over for over, base in _OVERRIDES.items() if base == path.name), None)
        over: tuple[str, str] | None = None
        if override is not None and override.is_file():
            text = read_text(override)
            over = (text.text, text.file)
            self.files[_resolved(override)] = text
            self.kinds[text.file] = "yaml"
        compose = parse_compose(read.text, read.file, path.parent, over, (tree, problems))
        self.composes.append((path, compose))
        self._beside(path, compose)
        return True

    def _beside(self, path: Path, compose: ComposeFile) -> None:
        """What the services of a compose file are given, where it lies in its folder: scripts, proxies, secrets."""
        folder = _resolved(path.parent)
        tree = compose.tree.value if isinstance(compose.tree.value, dict) else {}
        defined = tree.get("secrets")
        for node in defined.value.values() if defined is not None and isinstance(defined.value, dict) else ():
            file = node.value.get("file") if isinstance(node.value, dict) else None
            if file is not None and isinstance(file.value, str) and _is_file(path.parent / file.value):
                self.secrets.add(path.parent / file.value)
        env = path.parent / ".env"
        if _is_file(env):
            self.secrets.add(env)
            self._file(env, named=False)
        if any(masking.is_secret_name(name) and one.value and not one.from_variable
               for service in compose.services.values() for name, one in service.environment.items()
               if one.mark.file == compose.file and not name.endswith("_FILE")):  # fmt: skip
            self.secrets.add(path)
        for service in compose.services.values():
            for mount in service.mounts:
                source = path.parent / mount.source if mount.kind == "bind" and "$" not in mount.source else None
                if source is None or not _resolved(source).is_relative_to(folder):
                    continue
                if _is_file(source) and source.suffix.lower() not in _JSON:
                    self._file(source, named=False)

    def _lua(self, read: TextFile) -> None:
        from orthancgen.foreign.lua import parse_lua

        self.scripts.append(parse_lua(read.text, read.file))

    def _firewall(self, read: TextFile, tree: Node | None = None) -> bool:
        if tree is not None and not (isinstance(tree.value, dict) and _RULES_OF_CLOUDS & set(tree.value)):
            return False
        from orthancgen.foreign.firewalls import parse_firewall

        found = parse_firewall(read.text, read.file)
        self.firewalls += found
        return bool(found)

    def _nginx(self, path: Path, read: TextFile) -> None:
        from orthancgen.foreign.nginx import parse_nginx

        self.proxies.append(parse_nginx(read.text, read.file, path.parent))

    def _pem(self, path: Path) -> bool:
        from orthancgen.foreign.pems import has_private_key, read_pem

        resolved = _resolved(path)
        if resolved not in self.pems:
            pem = read_pem(path, display_name(path))
            if pem is None:
                return False
            self.pems[resolved] = pem
            if has_private_key(pem):
                self.secrets.add(path)
        return True

    # --- the whole

    def target(self, paths: Sequence[Path], today: datetime.date | None) -> Target:
        """Everything together."""
        for path, compose in self.composes:
            for found in read_services(compose, path.parent, version=self.version, publisher=self.publisher):
                self.orthancs.append(found.part)
                self.used |= {_resolved(file) for file in found.files}
                self.secrets |= {file for file in found.files if _is_secret_place(file)}
        for files, name in self._configurations():
            self.orthancs.append(read_part(files, version=self.version, publisher=self.publisher, name=name))
        self._named_by_configurations()
        self._texts_of_documents()
        raw = {read.file: read.text for read in self.files.values()}
        texts = masking.MaskedTexts(raw, self.kinds, set(self._secret_values()))
        if self.refused:
            count = len(self.refused)
            raise InputError(
                self.refused[0].message if count == 1 else f"{count} of the paths cannot be read",
                hint=self.refused[0].hint if count == 1 else None,
                problems=tuple(self.refused) if count > 1 or self.refused[0].mark else (),
                sources=texts,
            )
        root = paths[0] if len(paths) == 1 and paths[0].is_dir() else paths[0].parent if paths else Path()
        return Target(
            name=", ".join(display_name(path) for path in paths),
            root=str(_resolved(root)),
            orthancs=tuple(self.orthancs),
            composes=tuple(compose for _, compose in self.composes),
            firewalls=tuple(self.firewalls),
            scripts=tuple(self.scripts),
            proxies=tuple(self.proxies),
            pems=tuple(self.pems.values()),
            secret_files=secret_files([path for path in self.secrets if _is_file(path)], _resolved(root), today),
            texts=texts,
            raw=raw,
            problems=sort_problems(self.problems),
        )

    def _configurations(self) -> Iterator[tuple[list[Path], str]]:
        """The Orthancs that no compose file starts: their files, and what they are called."""
        if self.named_json:
            yield self.named_json, ", ".join(display_name(path) for path in self.named_json)
        for folder, files in sorted(self.folders.items()):
            left = [file for file in sorted(files) if _resolved(file) not in self.used]
            if not left:
                continue
            if folder in self.whole or not self._are_alternatives(left):
                one = left[0] if len(left) == 1 else folder
                yield left, display_name(one)
            else:
                yield from (([file], display_name(file)) for file in left)

    def _are_alternatives(self, files: Sequence[Path]) -> bool:
        """Whether files of one folder are several Orthancs: they say more than one key twice."""
        seen: set[str] = set()
        twice: set[str] = set()
        for file in files:
            tree = jsonc.parse(self.files[_resolved(file)].text, "").tree
            keys = set(tree.value) if tree is not None and isinstance(tree.value, dict) else set()
            twice |= seen & keys
            seen |= keys
        return len(twice) > 1

    def _named_by_configurations(self) -> None:
        """Scripts and certificates that a native Orthanc's configuration names, where they are at hand."""
        for part in self.orthancs:
            if part.service or not part.documents:
                continue
            folder = _resolved(Path(part.documents[0].file)).parent
            members: dict[str, Node] = part.tree.value if isinstance(part.tree.value, dict) else {}
            for key in _NAMED_FILES:
                node = members.get(key)
                listed = node.value if node is not None and isinstance(node.value, list) else [node]
                for item in listed:
                    value = item.value if item is not None else None
                    if isinstance(value, str) and value and "\0" not in value and _is_file(folder / value):
                        self._file(folder / value, named=False)

    def _texts_of_documents(self) -> None:
        """The files that only a service reads: configurations and variables."""
        for part in self.orthancs:
            for document in part.documents:
                path = _resolved(Path(document.file))
                if path not in self.files and _is_file(path):
                    self.files[path] = TextFile(document.file, document.text)
                self.kinds.setdefault(document.file, "json")
                if holds_secrets(document.tree) and _is_file(path):
                    self.secrets.add(path)
        for _, compose in self.composes:
            for service in compose.services.values():
                for one in service.environment.values():
                    path = _resolved(Path(one.mark.file))
                    if path not in self.files and _is_file(path):
                        self.files[path] = read_text(path)
                        self.kinds[one.mark.file] = "lines"
                    if _is_file(path) and path.suffix.lower() not in _YAML and masking.is_secret_name(one.name):
                        self.secrets.add(path)

    def _secret_values(self) -> Iterator[str]:
        for part in self.orthancs:
            for path, node in walk_tree(part.tree):
                named = any(isinstance(key, str) and masking.is_secret_name(key) for key in path)
                if isinstance(node.value, str) and named:
                    yield node.value
        for _, compose in self.composes:
            for service in compose.services.values():
                for name, one in service.environment.items():
                    if one.value and masking.is_secret_name(name) and not name.endswith("_FILE"):
                        yield one.value


_NAMED_FILES: Final = (
    "LuaScripts", "SslCertificate", "SslTrustedClientCertificates", "DicomTlsCertificate", "DicomTlsPrivateKey",
    "DicomTlsTrustedCertificates",
)  # fmt: skip


def looks_like_orthanc(tree: Node | None) -> bool:
    """Whether a JSON file has keys that Orthanc or its plugins know, and hardly others."""
    if tree is None or not isinstance(tree.value, dict):
        return False
    keys = set(tree.value)
    own = {key for version in SUPPORTED for key in keys_for(version)} - _COMMON_KEYS
    hits = len(keys & own)
    sections = len(keys & set(plugin_sections()))
    return hits > 0 or (sections > 0 and sections + len(keys & _COMMON_KEYS) == len(keys))


def _may_be_orthanc(tree: Node | None) -> bool:
    """Whether a JSON file that was named is read as Orthanc's: any object that is not clearly another program's."""
    if tree is None or not isinstance(tree.value, dict):
        return tree is not None
    return not any(key in tree.value for key in ("Resources", "resource", "services", "dependencies", "$schema"))


def holds_secrets(tree: Node | None) -> bool:
    """Whether a value under a secret's name stands in a configuration."""
    if tree is None:
        return False
    for path, node in walk_tree(tree):
        named = any(isinstance(key, str) and masking.is_secret_name(key) for key in path)
        if named and isinstance(node.value, str) and node.value and not node.value.startswith(("/", "${")):
            return True
    return False


def _masked_as(path: Path, text: str) -> masking.Kind:
    suffix = path.suffix.lower()
    if suffix in _JSON:
        return "json"
    if suffix in _YAML:
        return "yaml"
    if _SECRET_FOLDER.fullmatch(path.parent.name) and not text.lstrip().startswith("-----BEGIN CERT"):
        return "secret"
    return "lines"


def _is_secret_place(path: Path) -> bool:
    return any(_SECRET_FOLDER.fullmatch(part) for part in path.parts[-3:-1]) or path.parent == Path("/run/secrets")


def _is_too_large(read: TextFile) -> bool:
    return any("larger than" in problem.message for problem in read.problems)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # RuntimeError: a symbolic link to itself
        return path.absolute()
