"""Files on the engine's host, wherever that is: written through containers that are never started.

The archive API of a container that was created writes through its mounts, with the owner and mode of each entry, and
needs nothing in its image. https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/PutContainerArchive
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from orthancgen.errors import EngineError
from orthancgen.runtimes.compose.endpoint import asking

MARKER: Final = ".placed"
"""Written last: a folder without it was not finished."""
HELPER_IMAGE: Final = "orthancgen/helper:1"
"""An image with nothing in it."""
_INSIDE: Final = "placed"
_FOLDER_MODE: Final = 0o755
_HEAD_BYTES: Final = 1024 * 1024
_REMOVE: Final = """
cd /placed || exit 1
for path in */*; do
  [ -d "$path" ] || continue
  for wanted; do if [ "$path" = "$wanted" ]; then continue 2; fi; done
  rm -rf -- "$path" && printf '%s\\n' "$path"
done
"""


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file on the engine's host.

    Attributes:
        path: within its folder, with slashes.
        content: its bytes.
        uid, gid: its owner, as numbers of the containers.
        mode: its permissions, such as 0o400.
    """

    path: str
    content: bytes
    uid: int
    gid: int
    mode: int

    def __repr__(self) -> str:
        return f"PlacedFile({self.path!r}, {len(self.content)} bytes, {self.uid}:{self.gid}, {self.mode:#o})"


def place(client: Any, files: Iterable[PlacedFile], folder: str, labels: Mapping[str, str]) -> None:
    """Write files into a folder of the engine's host; the folder itself is open to root alone.

    Raises:
        EngineError: the engine refuses, or its host cannot be written.
    """
    chosen = tuple(files)
    with asking(f"write into {folder} on the engine's host"), _helper(client, [f"{folder}:/{_INSIDE}"], labels) as name:
        _put(client, name, _archive(chosen))
        _put(client, name, _tar([_entry(f"{_INSIDE}/{MARKER}", 0, 0, 0o444)], {}))


def has_placed(client: Any, folder: str, labels: Mapping[str, str]) -> bool:
    """Whether `place` has finished that folder.

    Raises:
        EngineError: the engine refuses.
    """
    return is_there(client, folder, labels, MARKER)


def is_there(client: Any, folder: str, labels: Mapping[str, str], name: str = "") -> bool:
    """Whether a folder of the engine's host exists, and something of that name in it.

    Raises:
        EngineError: the engine refuses.
    """
    from docker.errors import APIError

    with asking(f"look for {folder} on the engine's host"):
        try:
            with _helper(client, [], labels, bind_existing=folder) as container:
                return not name or _read_archive(client, container, f"/{_INSIDE}/{name}") is not None
        except APIError as error:
            if error.status_code == 400 and "does not exist" in (error.explanation or ""):
                return False
            raise


def read(client: Any, folder: str, labels: Mapping[str, str]) -> tuple[PlacedFile, ...] | None:
    """The files of a small folder of the engine's host, by their paths; None where there is no such folder.

    Raises:
        EngineError: the engine refuses.
    """
    if not is_there(client, folder, labels):
        return None
    with asking(f"read {folder} on the engine's host"), _helper(client, [], labels, bind_existing=folder) as container:
        stream, _ = client.api.get_archive(container, f"/{_INSIDE}")
        packed = io.BytesIO(b"".join(stream))
    with tarfile.open(fileobj=packed) as archive:
        found = [
            PlacedFile(
                PurePosixPath(entry.name).relative_to(_INSIDE).as_posix(),
                content.read(), entry.uid, entry.gid, entry.mode & 0o7777,
            )
            for entry in archive
            if entry.isfile() and (content := archive.extractfile(entry)) is not None
        ]  # fmt: skip
    return tuple(sorted((file for file in found if file.path != MARKER), key=lambda file: file.path))


def remove_placed(client: Any, root: str, keep: Collection[str], image: str, labels: Mapping[str, str]) -> list[str]:
    """Remove the folders ``<root>/<service>/<digest>`` that are not kept.

    Args:
        client: of the engine.
        root: the folder of all these folders.
        keep: ``<service>/<digest>`` of those that stay.
        image: an image with a shell: only a program that runs can remove a file of the engine's host.
        labels: of the container.

    Returns:
        What was removed.

    Raises:
        EngineError: the engine refuses.
    """
    script = ["-c", _REMOVE, "sh", *sorted(keep)]
    return run_tool(client, image, ["sh"], script, [f"{root}:/{_INSIDE}"], labels).splitlines()


def run_tool(
    client: Any, image: str, entrypoint: list[str], command: list[str], binds: list[str], labels: Mapping[str, str]
) -> str:
    """Run a program of an image as root, without a network, with no right but those over files; what it printed.

    Raises:
        EngineError: it failed.
    """
    with asking(f"run {entrypoint[0]} in {image}"):
        container = client.containers.create(
            image, command, entrypoint=entrypoint, user="0:0", volumes=binds, network_disabled=True, read_only=True,
            cap_drop=["ALL"], cap_add=["DAC_OVERRIDE", "FOWNER"], security_opt=["no-new-privileges:true"],
            labels=dict(labels),
        )  # fmt: skip
        try:
            container.start()
            code = container.wait()["StatusCode"]
            printed: bytes = container.logs(stdout=True, stderr=False)
            said: bytes = container.logs(stdout=False, stderr=True)
        finally:
            # With the volumes that the engine made for what the image declares: nobody would know whose they are.
            container.remove(v=True, force=True)
    if code != 0:
        why = said.decode(errors="replace").strip()[-300:]
        raise EngineError(f"{entrypoint[0]} failed on the engine's host: {why}")
    return printed.decode(errors="replace")


def own_volume(client: Any, name: str, uid: int, gid: int, labels: Mapping[str, str]) -> bool:
    """Give an empty volume its owner; whether that was needed.

    A volume with something in it is never touched, so a run that was cut off between the creation of a volume and
    this is made good by the next one.

    Raises:
        EngineError: the engine refuses.
    """
    with (
        asking(f"set the owner of the volume {name}"),
        _helper(client, [f"{name}:/{_INSIDE}:nocopy"], labels) as container,
    ):
        owner, empty = _look(client, container)
        if not empty or owner == (uid, gid):
            return False
        _put(client, container, _tar([_entry(_INSIDE, uid, gid, 0o700, tarfile.DIRTYPE)], {}))
        return True


def _look(client: Any, container: str) -> tuple[tuple[int, int], bool]:
    """Owner of the mount's root and whether it is empty, from the first bytes of its archive."""
    head = _read_archive(client, container, f"/{_INSIDE}") or b""
    names, owner = [], (0, 0)
    with suppress(tarfile.ReadError), tarfile.open(fileobj=io.BytesIO(head), mode="r|") as archive:
        for entry in archive:
            path = PurePosixPath(entry.name)
            if len(path.parts) == 1:
                owner = (entry.uid, entry.gid)
            elif path.name != "lost+found":  # of a file system of its own
                names.append(path)
                break
    return owner, not names


def _read_archive(client: Any, container: str, path: str) -> bytes | None:
    """The first bytes of the archive of a path; None where there is nothing of that name.

    By the client's own session: its method for this cannot let go of an answer before its end.
    """
    from docker.errors import create_api_error_from_http_exception
    from requests.exceptions import HTTPError

    api = client.api
    url = f"{api.base_url}/v{api.api_version}/containers/{container}/archive"
    with api.get(url, params={"path": path}, stream=True, timeout=api.timeout) as answer:
        if answer.status_code == 404:
            return None
        try:
            answer.raise_for_status()
        except HTTPError as error:
            create_api_error_from_http_exception(error)
        head = b""
        for piece in answer.iter_content(64 * 1024):
            head += piece
            if len(head) >= _HEAD_BYTES:
                break
        return head


@contextmanager
def _helper(
    client: Any, binds: list[str], labels: Mapping[str, str], bind_existing: str | None = None
) -> Iterator[str]:
    """The id of a container that is created, not started, and removed at the end."""
    from docker.errors import ImageNotFound, NotFound
    from docker.types import Mount

    api = client.api
    mounts = [Mount(f"/{_INSIDE}", bind_existing, type="bind", read_only=True)] if bind_existing else []
    host = api.create_host_config(binds=binds, mounts=mounts, network_mode="none")
    for last in (False, True):
        try:
            made = api.create_container(HELPER_IMAGE, ["never-started"], labels=dict(labels), host_config=host)
            break
        except ImageNotFound:
            if last:
                raise
            _import_helper(api)
    try:
        yield made["Id"]
    finally:
        with suppress(NotFound):
            api.remove_container(made["Id"], force=True)


def _import_helper(api: Any) -> None:
    repository, _, version = HELPER_IMAGE.partition(":")
    api.import_image_from_data(_tar([], {}), repository=repository, tag=version)


def _put(client: Any, container: str, archive: bytes) -> None:
    client.api.put_archive(container, "/", archive)


def _archive(files: tuple[PlacedFile, ...]) -> bytes:
    folders = {
        parent.as_posix()
        for file in files
        for parent in PurePosixPath(file.path).parents
        if parent != PurePosixPath(".")
    }
    entries = [_entry(_INSIDE, 0, 0, 0o700, tarfile.DIRTYPE)]
    entries += [_entry(f"{_INSIDE}/{name}", 0, 0, _FOLDER_MODE, tarfile.DIRTYPE) for name in sorted(folders)]
    entries += [_entry(f"{_INSIDE}/{file.path}", file.uid, file.gid, file.mode) for file in files]
    return _tar(entries, {f"{_INSIDE}/{file.path}": file.content for file in files})


def _entry(name: str, uid: int, gid: int, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.uid, entry.gid, entry.mode, entry.type = uid, gid, mode, kind
    return entry


def _tar(entries: Iterable[tarfile.TarInfo], contents: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for entry in entries:
            content = contents.get(entry.name, b"")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content) if content else None)
    return target.getvalue()
