"""Which files of some paths can be sent, and why the others cannot: read from their headers alone."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filereader import read_dataset, read_preamble
from pydicom.tag import BaseTag
from pydicom.uid import RE_VALID_UID, MediaStorageDirectoryStorage

from orthancgen.dicom.truncation import missing_bytes

HEAD_BYTES = 16 * 1024
"""How much of a file is read to find its file meta information (PS3.10 section 7.1), which is some 300 bytes."""


class Skip(StrEnum):
    """Why a file is not sent."""

    NOT_DICOM = "not a DICOM Part 10 file"
    DICOMDIR = "a DICOMDIR"
    EMPTY = "empty"
    UNREADABLE = "cannot be read"
    DAMAGED = "damaged"
    DUPLICATE = "the same SOP Instance UID as another file"
    MISSING = "does not exist"
    NOT_A_FILE = "neither a file nor a folder"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path that is not sent: `why` for counting, `detail` for a reader (never patient data)."""

    path: Path
    why: Skip
    detail: str = ""


@dataclass(frozen=True, slots=True)
class DicomFile:
    """A file that can be sent.

    Attributes:
        path: where it lies.
        sop_class_uid: from the file meta information, as are the next two.
        sop_instance_uid: the name under which it is sent.
        transfer_syntax_uid: the encoding in which it lies, and is sent.
        offset: where the dataset begins, in bytes.
        size: the whole file in bytes, when it was scanned.
        modified_ns: its time of modification, when it was scanned.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    offset: int
    size: int
    modified_ns: int

    @property
    def dataset_bytes(self) -> int:
        """The length of the encoded dataset."""
        return self.size - self.offset


@dataclass(frozen=True)
class Scan:
    """What `scan` found: `files` in the order of the paths, folders sorted by name."""

    files: tuple[DicomFile, ...]
    skipped: tuple[Skipped, ...]


def scan(paths: Iterable[Path | str]) -> Scan:
    """Finds what can be sent in files and folders (recursive; a symbolic link is followed, a loop is not).

    Values are not read, but the lengths of the elements are, to find truncated files. The UIDs are those of the file
    meta information. No file makes it raise.
    """
    files: list[DicomFile] = []
    skipped: list[Skipped] = []
    first: dict[str, Path] = {}
    for found in _walk(Path(path) for path in paths):
        read = found if isinstance(found, Skipped) else read_head(found)
        if isinstance(read, Skipped):
            skipped.append(read)
            continue
        earlier = first.setdefault(read.sop_instance_uid, read.path)
        if earlier is read.path:
            files.append(read)
        elif not _same_file(earlier, read.path):
            skipped.append(Skipped(read.path, Skip.DUPLICATE, f"as {earlier}"))
    return Scan(tuple(files), tuple(skipped))


def _walk(paths: Iterable[Path]) -> Iterator[Path | Skipped]:
    visited: set[tuple[int, int]] = set()
    stack = list(paths)[::-1]
    while stack:
        path = stack.pop()
        try:
            status = path.stat()
        except FileNotFoundError:
            yield Skipped(path, Skip.MISSING, "a dangling link" if path.is_symlink() else "")
            continue
        except (OSError, ValueError) as error:
            yield Skipped(path, Skip.UNREADABLE, _words(error))
            continue
        if stat.S_ISREG(status.st_mode):
            yield path
        elif not stat.S_ISDIR(status.st_mode):
            # Opening a named pipe would wait for its writer.
            yield Skipped(path, Skip.NOT_A_FILE)
        elif (status.st_dev, status.st_ino) not in visited:
            visited.add((status.st_dev, status.st_ino))
            try:
                names = sorted(os.listdir(path), reverse=True)  # noqa: PTH208  a million names, not a million paths
            except OSError as error:
                yield Skipped(path, Skip.UNREADABLE, _words(error))
                continue
            stack += [path / name for name in names]


def read_head(path: Path) -> DicomFile | Skipped:
    """Reads the file meta information of one file."""
    try:
        with path.open("rb", buffering=HEAD_BYTES) as file:
            return _read_open(path, file)
    except FileNotFoundError:
        return Skipped(path, Skip.MISSING)
    except OSError as error:
        return Skipped(path, Skip.UNREADABLE, _words(error))


def _read_open(path: Path, file: BinaryIO) -> DicomFile | Skipped:
    status = os.fstat(file.fileno())
    head = file.read(HEAD_BYTES)
    if not head:
        return Skipped(path, Skip.EMPTY)
    if head[128:132] != b"DICM":
        return Skipped(path, Skip.NOT_DICOM)
    try:
        meta, offset = _file_meta(head)
        values = [str(meta.get(keyword, "")) for keyword in _REQUIRED]
    except Exception as error:  # pydicom raises whatever damaged bytes provoke
        return Skipped(path, Skip.DAMAGED, f"its file meta information cannot be read ({type(error).__name__})")
    for keyword, value in zip(_REQUIRED, values, strict=True):
        if not _is_uid(value):
            return Skipped(path, Skip.DAMAGED, f"its file meta information has no valid {keyword}")
    if values[0] == MediaStorageDirectoryStorage:
        return Skipped(path, Skip.DICOMDIR)
    if status.st_size <= offset:
        return Skipped(path, Skip.DAMAGED, "nothing follows its file meta information")
    missing = missing_bytes(file, offset, status.st_size, values[2])
    if missing:
        return Skipped(path, Skip.DAMAGED, f"truncated: at least {missing} bytes are missing at its end")
    return DicomFile(path, values[0], values[1], values[2], offset, status.st_size, status.st_mtime_ns)


_UID = re.compile(RE_VALID_UID)
_REQUIRED = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")


def _is_uid(value: str) -> bool:
    return len(value) <= 64 and _UID.fullmatch(value) is not None


def _file_meta(head: bytes) -> tuple[Dataset, int]:
    buffer = BytesIO(head)
    if read_preamble(buffer, force=False) is None:
        raise InvalidDicomError
    meta = read_dataset(buffer, is_implicit_VR=False, is_little_endian=True, stop_when=_after_meta)
    return meta, buffer.tell()


def _after_meta(tag: BaseTag, vr: str | None, length: int) -> bool:
    return tag.group != 2


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def _words(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
