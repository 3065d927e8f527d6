"""Files that settings name: on another folder's configuration, or out of a container, a path means another file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from orthancgen.importing.draft import Draft
from orthancgen.importing.notes import Outcome
from orthancgen.importing.surroundings import Surroundings
from orthancgen.site.problems import KeyPath

_OF_IMAGES: Final = ("/etc/ssl/", "/usr/share/", "/usr/local/share/", "/tmp")  # noqa: S108  folders of every image
_TOP: Final = frozenset(
    {"TemporaryDirectory", "SslTrustedClientCertificates", "HttpsCACertificates", "ExternalDictionaries"}
)
_INNER: Final = frozenset({"CertificateFile", "CertificateKeyFile", "Module", "Database"})
"""Keys of files and folders: at the top level, and in peers, servers, Pkcs11 and Worklists."""
_SECTIONS: Final = frozenset({"OrthancPeers", "DicomWeb", "Pkcs11", "Worklists"})


def absolute(draft: Draft, around: Surroundings, name: str, value: Any) -> Any:
    """The setting with each file or folder as an absolute path of the host, without those that are not there.

    None where nothing is left.
    """
    if name in _TOP and isinstance(value, str) and value:
        return _moved(draft, around, (name,), value)
    if name not in _TOP | _SECTIONS:
        return value
    for path, holder, key in list(_files(value, (name,)))[::-1]:
        moved = _moved(draft, around, path, holder[key])
        if moved is None:
            del holder[key]
        else:
            holder[key] = moved
    return value


def names_file(path: KeyPath) -> bool:
    """Whether a key of settings names a file or folder."""
    return path[0] in _TOP or (path[0] in _SECTIONS and path[-1] in _INNER)


def _files(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any, str | int]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        here = (*path, key)
        if isinstance(item, str) and item and (key in _INNER or path[0] == "ExternalDictionaries"):
            yield here, value, key
        elif isinstance(item, dict | list):
            yield from _files(item, here)


def _moved(draft: Draft, around: Surroundings, path: KeyPath, file: str) -> str | None:
    if around.service is not None:
        if not file.startswith(_OF_IMAGES) and around.runtime == "compose":
            message = f"{file} is a path of the container, and orthancgen mounts nothing there: it is left out"
            draft.note(path, Outcome.LOST, message)
            return None
        return file
    if file.startswith("/"):
        return file
    host = around.on_host(file)
    if host is None:
        message = f"{file} is no file or folder that can be named here: it is left out"
        draft.note(path, Outcome.LOST, message, hint="write its absolute path")
        return None
    draft.note(path, Outcome.CHANGED, f"it becomes {host}: orthancgen's configuration lies in another folder")
    return host
