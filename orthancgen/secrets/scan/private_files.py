"""Files that are never tracked, whatever is in them; told by their names, and where a name is not enough by content."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from pathlib import PurePosixPath
from typing import Final

_STORES: Final = {
    ".p12": "a PKCS #12 file: certificates with their keys",
    ".pfx": "a PKCS #12 file: certificates with their keys",
    ".jks": "a Java store of keys",
    ".keystore": "a Java store of keys",
    ".kdbx": "a KeePass database",
    ".ppk": "a private key (PuTTY)",
}
_NAMES: Final = {
    **dict.fromkeys(("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"), "a private key of SSH"),
    **dict.fromkeys((".netrc", ".pgpass", ".git-credentials", ".vault_pass", ".vault-pass"), "a file of passwords"),
    ".htpasswd": "a file of passwords' hashes",
}
_EXAMPLE: Final = frozenset({"example", "sample", "template", "dist", "tmpl", "tpl", "defaults"})
_VARIABLE: Final = re.compile(r"^[ \t]*(?:export[ \t]+)?[A-Za-z_]\w{0,200}[ \t]*=[ \t]*[\"']?[^\s\"'#]", re.MULTILINE)
_STATE_MARKS: Final = ("audit.jsonl", "key", "lock.json", "journal.json")
"""What lies beside the folder `secrets` in the state folder of an environment."""


def private_file(name: str, text: str | None, tracked: AbstractSet[str]) -> str | None:
    """Why a file must not be tracked, or None.

    Args:
        name: of the file in the repository.
        text: of the file; None where it is binary.
        tracked: names of all files that are tracked with it.
    """
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    if suffix in _STORES:
        return _STORES[suffix]
    if path.name.lower() in _NAMES:
        return _NAMES[path.name.lower()]
    if suffix == ".key" and (text is None or "PRIVATE KEY" in text):
        return "a file with a private key"
    if _is_dotenv(path) and text is not None and _VARIABLE.search(text):
        return "a file of variables (.env) with their values"
    return _of_state(path, tracked)


def _is_dotenv(path: PurePosixPath) -> bool:
    parts = path.name.lower().split(".")
    return "env" in parts[-2:] and not _EXAMPLE & set(parts) and (parts[0] == "" or parts[-1] == "env")


def _of_state(path: PurePosixPath, tracked: AbstractSet[str]) -> str | None:
    """Whether it belongs to what orthancgen keeps outside of repositories: its secrets, or a state folder."""
    if path.name.endswith(".secret.json"):
        return "a file with the passwords of Orthanc's users"
    if {".secrets", "secrets.next"} & set(path.parts[:-1]):
        return "a file of a folder of secrets"
    for folder in path.parents:
        if folder.name in {"secrets", "ca"} and any(str(folder.parent / mark) in tracked for mark in _STATE_MARKS):
            return "a file of the state folder of an environment"
    return None
