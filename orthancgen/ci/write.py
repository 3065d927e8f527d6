"""What `orthancgen init --ci` writes: nothing that is there already is touched, and all is written or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orthancgen.ci.kits import HOOKS, KITS, FailOn, build
from orthancgen.errors import InputError
from orthancgen.render.artifact import Bundle

BUNDLES = "bundles"
"""Folder of the bundles that are committed, so that a pull request shows what it changes on a server."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Files to write: path relative to the repository's top -> content and mode; and what is left alone."""

    files: Mapping[str, tuple[bytes, int]]
    left: tuple[str, ...]


def planned(folder: Path, service: str, environments: Mapping[str, FailOn], bundles: Mapping[str, Bundle]) -> Planned:
    """The files of a CI service for a repository.

    Args:
        folder: the repository's top.
        service: a name of `KITS`.
        environments: names of all environments, and what fails their audit.
        bundles: of those that look the same wherever they are rendered.

    Raises:
        InputError: the configuration of the CI service is there already, there is no environment, or a name of one
            cannot stand in it.
    """
    kit = KITS[service]
    if (folder / kit.file).exists() or (folder / kit.file).is_symlink():
        raise InputError(
            f"{folder / kit.file} is there already; nothing was written",
            hint=f"move it aside, or take from a copy what you want: orthancgen init NEW-FOLDER --ci {service}",
        )
    if not environments:
        raise InputError(
            f"{folder / 'environments'} has no environment", hint="name a folder with environments, or an empty one"
        )
    committed = sorted(name for name in environments if name in bundles or (folder / BUNDLES / name).exists())
    files = {kit.file: (build(kit, environments, committed).encode("utf-8"), 0o644)}
    left = []
    if (folder / HOOKS.file).exists():
        left.append(HOOKS.file)
    else:
        files[HOOKS.file] = (build(HOOKS, environments, committed).encode("utf-8"), 0o644)
    for name, bundle in sorted(bundles.items()):
        if (folder / BUNDLES / name).exists():
            left.append(f"{BUNDLES}/{name}")
        else:
            files |= {f"{BUNDLES}/{name}/{file.path}": (file.content, file.mode) for file in bundle.files}
    return Planned(files, tuple(left))
