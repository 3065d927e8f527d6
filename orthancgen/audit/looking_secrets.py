"""Where secrets are written out: by the names of keys and variables, in commands, in URLs. Never what they are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Document, SecretFile
from orthancgen.foreign.pems import has_private_key
from orthancgen.site.problems import KeyPath
from orthancgen.site.tree import Node

_NAMES: Final = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|authorization|(?:api|access|account|private|secret|encryption)_?key)"
    r"(?:_?\d{1,3})?\Z",
    flags=re.IGNORECASE,
)
"""How names of keys and variables end whose value is a secret."""
_REFERENCE: Final = re.compile(r"\$\{|^\$[A-Za-z_][A-Za-z0-9_]*$|^(?:/|\./|\.\./|file:)\S*$|^<[^<>]{0,100}>$")
"""A variable, a path, or a gap to fill in."""
_LOGIN: Final = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://[^/\s:@]{1,256}:(?P<password>[^/\s@]{1,512})@", flags=re.IGNORECASE
)
_OPTION: Final = re.compile(
    r"--?(?:pass(?:word|wd|phrase)?|pwd|token|secret|api-?key|requirepass)", flags=re.IGNORECASE
)
_FLAGS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "none", "null"})
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN (?:[A-Z]{1,10} ){0,2}PRIVATE KEY-----")
_KNOWN_SHAPES: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:AKIA[A-Z0-9]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,200})"
    r"|AccountKey=[A-Za-z0-9+/]{40}"
)
"""Keys of AWS, GitHub, Slack (https://docs.github.com/code-security/secret-scanning, supported patterns) and of Azure's
storage, as its connection string has them."""
_BEARER: Final = re.compile(r"[\"'](?:Bearer|Basic)\s+[A-Za-z0-9._~+/-]{8,2000}=*[\"']", flags=re.IGNORECASE)
_SERVERS: Final = frozenset({"Servers", "OrthancPeers"})
"""Objects of Orthanc whose entries may be a list of URL, user and password."""
_FOLDER: Final = re.compile(r"secrets?|credentials?|private|keys?", flags=re.IGNORECASE)
_TEMPLATE: Final = re.compile(r"(?:^|[._-])(?:example|sample|template|dist|default)s?(?:$|[._-])", flags=re.IGNORECASE)


def names_secret(name: str) -> bool:
    """Whether the value of a key or variable of that name is a secret: ``POSTGRES_PASSWORD``, not ``..._FILE``."""
    return _NAMES.search(name[-64:]) is not None


def is_literal(value: object) -> bool:
    """Whether a value is a secret written out: no variable, no path of a file, no switch, no gap."""
    if not isinstance(value, str):
        return isinstance(value, int) and not isinstance(value, bool)
    text = value.strip()
    return bool(text) and text.lower() not in _FLAGS and _REFERENCE.search(text) is None


def has_login(text: str) -> bool:
    """Whether a URL in a text has a password written out."""
    return any(is_literal(found["password"]) for found in _LOGIN.finditer(text))


def in_tree(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The key paths of secrets in a configuration of Orthanc, or another piece of JSON."""
    pending: list[tuple[Any, KeyPath]] = [(value, path)]
    while pending:
        one, here = pending.pop()
        if isinstance(one, Mapping):
            for key, child in one.items():
                pending.append((child, (*here, str(key))))
        elif isinstance(one, list | tuple):
            if len(here) > 1 and here[-2] in _SERVERS and len(one) == 3 and is_literal(one[2]):
                yield (*here, 2)
            else:
                pending.extend((child, (*here, index)) for index, child in enumerate(one))
        elif _is_secret(here, one):
            yield here


def _is_secret(path: KeyPath, value: object) -> bool:
    if len(path) > 1 and path[-2] == "RegisteredUsers":
        return is_literal(value)
    named = bool(path) and isinstance(path[-1], str) and names_secret(path[-1])
    shaped = isinstance(value, str) and (has_login(value) or _KNOWN_SHAPES.search(value) is not None)
    return shaped or (named and is_literal(value))


def in_words(words: tuple[str, ...]) -> str:
    """The option of a command behind which a secret is written out; "" where there is none."""
    for index, word in enumerate(words):
        name, equals, value = word.partition("=")
        following = words[index + 1] if index + 1 < len(words) else ""
        if (
            _OPTION.fullmatch(name)
            and is_literal(value if equals else following)
            and not (not equals and following.startswith("-"))
        ):
            return name
        if word in {"-u", "--user"} and ":" in following and is_literal(following.partition(":")[2]):
            return word
        if has_login(word):
            return "a URL"
    return ""


def in_text(text: str) -> Iterator[tuple[int, str]]:
    """Line and kind of each secret whose shape alone tells that it is one."""
    for number, line in enumerate(text.split("\n"), start=1):
        if _PRIVATE_KEY.search(line):
            yield number, "a private key"
        elif _KNOWN_SHAPES.search(line):
            yield number, "the key of a service of others"
        elif _BEARER.search(line[:10_000]):
            yield number, "a login in a header"


def is_for_secrets(file: str, tree: Node | None = None) -> bool:
    """Whether a file is there for secrets: by its folder or name, or because it holds nothing else."""
    path = PurePosixPath(file.replace("\\", "/"))
    if any(_FOLDER.fullmatch(part) for part in path.parts[-3:-1]):
        return True
    name = path.name.lower()
    if name == ".env" or name.startswith(".env.") or name.endswith((".env", ".key", ".p12", ".pfx", ".pem")):
        return True
    if "secret" in name or "credential" in name:
        return True
    plain = tree.plain() if tree is not None else None
    if not isinstance(plain, dict) or not plain:
        return False
    holding = {path[0] for path in in_tree(plain)}
    return all(key in holding or key == "RegisteredUsers" for key in plain)


def secret_files(subject: Subject) -> Iterator[SecretFile]:
    """The files that hold a secret, and may: no certificates without a key, templates to fill in, or compose files."""
    others = {pem.file for pem in subject.target.pems if not has_private_key(pem)}
    others |= {compose.file for compose in subject.target.composes}
    for one in subject.target.secret_files:
        name = one.file.replace("\\", "/").rpartition("/")[2]
        if one.file not in others and not _TEMPLATE.search(name):
            yield one


def documents(subject: Subject) -> Iterator[Document]:
    """Every file of every Orthanc's configuration, once."""
    seen = set()
    for orthanc in subject.orthancs:
        for document in orthanc.part.documents:
            if document.file not in seen:
                seen.add(document.file)
                yield document


def facts_of(subject: Subject, file: str) -> SecretFile | None:
    """What is known of a file's mode and of what git says of it."""
    return next((one for one in subject.target.secret_files if one.file == file), None)


def for_secrets(subject: Subject) -> Iterator[SecretFile]:
    """The files that are there for secrets."""
    trees = {document.file: document.tree for document in documents(subject)}
    return (one for one in secret_files(subject) if is_for_secrets(one.file, trees.get(one.file)))
