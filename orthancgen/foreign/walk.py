"""The files of a folder that may matter: in order, within bounds, without following links to folders."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MAXIMUM_FILES: Final = 20_000
"""Entries of folders that are looked at."""
MAXIMUM_DEPTH: Final = 12

_SKIPPED: Final = frozenset(
    {".git", ".hg", ".svn", "node_modules", "venv", ".venv", "__pycache__", ".tox", ".mypy_cache", ".terraform"}
)
_SUFFIXES: Final = frozenset(
    {
        ".json", ".jsonc", ".yml", ".yaml", ".lua", ".nft", ".rules", ".v4", ".v6", ".conf", ".pem", ".crt", ".cer",
        ".key", ".env", ".cmd", ".bat", ".ps1", ".sh", ".tf", ".xml", ".cfg",
    }
)  # fmt: skip
_NAMES: Final = re.compile(
    r"\.env(?:\..*)?|env|.*(?:iptables|nftables|firewall|ufw|nginx|passw|secret).*", flags=re.IGNORECASE
)


def walk(folder: Path) -> Iterator[Path]:
    """Files whose name says that they may be read here, folders in order of their names."""
    left = MAXIMUM_FILES
    waiting = [(folder, 0)]
    while waiting:
        current, depth = waiting.pop()
        try:
            with os.scandir(current) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except (OSError, ValueError):
            continue
        folders = []
        for entry in listed:
            left -= 1
            if left < 0:
                return
            try:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in _SKIPPED and depth < MAXIMUM_DEPTH:
                        folders.append((Path(entry.path), depth + 1))
                elif entry.is_file() and may_matter(entry.name):
                    yield Path(entry.path)
            except OSError:
                continue
        waiting += reversed(folders)


def may_matter(name: str) -> bool:
    """Whether a file's name is one of those that are read."""
    return os.path.splitext(name)[1].lower() in _SUFFIXES or _NAMES.fullmatch(name) is not None  # noqa: PTH122
