"""Put an imported environment and its secrets on disk: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from orthancgen.errors import InputError, RenderError
from orthancgen.render.write import stage
from orthancgen.secrets.value import SecretValue
from orthancgen.site.problems import printable


def refuse_existing(file: Path, folder: Path, secrets: Mapping[str, SecretValue]) -> None:
    """Do not overwrite an environment, nor the value of a secret that is in use.

    Raises:
        InputError: something is there already; nothing was written.
    """
    if file.exists() or file.is_symlink():
        raise InputError(
            f"{printable(str(file), 4096)} is there already; nothing was written",
            hint="--name another one, -o another file, or --force",
        )
    taken = [name for name, value in secrets.items() if _other(folder / name, value)]
    if taken:
        raise InputError(
            f"{printable(str(folder), 4096)} has other values of {', '.join(taken)} already; nothing was written",
            hint="--name another environment, or --force to replace them",
        )


def _other(path: Path, value: SecretValue) -> bool:
    try:
        return path.read_bytes() != value.reveal().encode("utf-8")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _cannot(path, error) from None


def save(file: Path, text: str, folder: Path, secrets: Mapping[str, SecretValue]) -> None:
    """Write the secrets, mode 0600 in a folder of mode 0700, and then the environment.

    Args:
        file: the environment.
        text: its content.
        folder: the folder of the secrets.
        secrets: values by name, which is the name of the file.

    Raises:
        RenderError: something cannot be written; what was there still is, and nothing else.
    """
    wanted = {folder / name: (value.reveal().encode("utf-8"), 0o600) for name, value in secrets.items()}
    wanted[file] = (text.encode("utf-8"), 0o644)
    before: dict[Path, bytes | None] = {}
    staged: list[tuple[Path, Path]] = []
    made: list[Path] = []
    try:
        if secrets:
            made += _folder(folder, 0o700)
        made += _folder(file.parent, 0o755)
        for path, (content, mode) in wanted.items():
            before[path] = path.read_bytes() if path.is_file() else None
            staged.append((stage(content, path, mode), path))
        for done, (temporary, path) in enumerate(staged):
            try:
                temporary.replace(path)
            except OSError:
                _take_back([one for _, one in staged[:done]], before)
                raise
    except OSError as error:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir()
        raise _cannot(Path(str(error.filename or file)), error) from None
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _folder(folder: Path, mode: int) -> list[Path]:
    """Make a folder and what encloses it; those that were made, the outermost first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()][::-1]
    for one in missing:
        one.mkdir(mode=mode if one == folder else 0o755)
    return missing


def _take_back(done: list[Path], before: Mapping[Path, bytes | None]) -> None:
    for path in done:
        content = before[path]
        with suppress(OSError):
            if content is None:
                path.unlink()
            else:
                stage(content, path, 0o600).replace(path)


def _cannot(path: Path, error: OSError) -> RenderError:
    return RenderError(
        f"cannot write {printable(str(path), 4096)}: {error.strerror}; nothing was written",
        hint="name places that you may write, with -o and --secrets or --state",
    )
