"""What each service reads: one folder a service on the engine's host, named by its content and never changed.

A new content is a new folder, a new folder is a new path in the compose file's mounts, and Compose recreates exactly
the services whose mounts changed. A container that restarts by itself always finds the files it was started with.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets as random_source
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orthancgen.plan.model import Plan
from orthancgen.render.artifact import Bundle
from orthancgen.render.container_files import SECRET_MODE, SecretFile
from orthancgen.render.write import stage
from orthancgen.runtimes.compose.engine import PlacedFile
from orthancgen.secrets.orthanc_file import orthanc_secret_document
from orthancgen.secrets.people_file import people_document
from orthancgen.secrets.value import SecretValue

SECRETS: Final = "secrets"
_KEY_BYTES: Final = 32
_DIGEST_CHARACTERS: Final = 20


@dataclass(frozen=True, slots=True)
class ServiceFolder:
    """Everything that one service reads.

    Attributes:
        service: its name.
        digest: an HMAC over names, owners, modes and bytes, secrets included.
        path: the folder on the engine's host.
        files: what lies in it.
    """

    service: str
    digest: str
    path: str
    files: tuple[PlacedFile, ...]


def folder_path(run: Path, service: str, digest: str) -> str:
    """Where the folder of that content lies."""
    return str(run / service / digest)


def state_key(path: Path, *, looking: bool = False) -> bytes:
    """The key by which contents are told apart, made when it is first needed.

    For whoever only looks, one that is not made yet is another one each time, and is kept nowhere.

    Raises:
        OSError: as the file system says.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        made = random_source.token_bytes(_KEY_BYTES)
        if looking:
            return made
        stage(made, path, 0o600).replace(path)
        return path.read_bytes()


def state_id(key: bytes) -> str:
    """A name for a state folder that everybody may see."""
    return hmac.new(key, b"state folder", hashlib.sha256).hexdigest()[:_DIGEST_CHARACTERS]


def blind(key: bytes, value: SecretValue) -> str:
    """A digest by which a changed secret is noticed, which tells nobody without the key what it was."""
    return hmac.new(key, value.reveal().encode(), hashlib.sha256).hexdigest()[:_DIGEST_CHARACTERS]


def file_digests(key: bytes, files: Iterable[PlacedFile]) -> dict[str, str]:
    """Path -> a digest of the owner, the mode and the bytes of each file, in the order of the paths."""
    found = {}
    for file in sorted(files, key=lambda one: one.path):
        digest = hmac.new(key, f"{file.uid}:{file.gid}:{file.mode:o}\0".encode() + file.content, hashlib.sha256)
        found[file.path] = digest.hexdigest()[:_DIGEST_CHARACTERS]
    return found


def service_folder(
    service: str,
    rendered: Mapping[str, bytes],
    contents: Mapping[str, bytes],
    *,
    owner: tuple[int, int],
    key: bytes,
    run: Path,
) -> ServiceFolder:
    """The folder of one service.

    Args:
        service: its name.
        rendered: its rendered files by path within the folder.
        contents: the bytes of its secret files, by name.
        owner: user and group that the rendered files belong to.
        key: see :func:`state_key`.
        run: the folder of all these folders on the engine's host.
    """
    uid, gid = owner
    files = [PlacedFile(name, content, uid, gid, SECRET_MODE) for name, content in rendered.items()]
    files += [PlacedFile(f"{SECRETS}/{name}", content, uid, gid, SECRET_MODE) for name, content in contents.items()]
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for path, of_file in file_digests(key, files).items():
        digest.update(f"{path}\0{of_file}\0".encode())
    name = digest.hexdigest()[:_DIGEST_CHARACTERS]
    return ServiceFolder(service, name, folder_path(run, service, name), tuple(files))


def rendered_files(bundle: Bundle, service: str) -> dict[str, bytes]:
    """The rendered files of a service, as they lie in its folder: the bundle has them in one named like it."""
    prefix = f"{service}/"
    return {file.path.removeprefix(prefix): file.content for file in bundle.files if file.path.startswith(prefix)}


def secret_contents(plan: Plan, files: tuple[SecretFile, ...], secrets: Mapping[str, SecretValue]) -> dict[str, bytes]:
    """The bytes of secret files.

    Raises:
        KeyError: a secret has no value.
    """
    return {one.name: _content(plan, one, secrets) for one in files}


def _content(plan: Plan, file: SecretFile, secrets: Mapping[str, SecretValue]) -> bytes:
    if file.kind == "orthanc":
        return orthanc_secret_document(plan, secrets)
    if file.kind == "people":
        return people_document(plan, secrets)
    return secrets[file.secrets[0]].reveal().encode()
