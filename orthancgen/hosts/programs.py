"""The programs for Node.js in one archive, for hosts that reach no registry of npm."""

from __future__ import annotations

import gzip
import io
import tarfile
import tempfile
from pathlib import Path

from orthancgen.errors import DeployError, ProgramMissingError
from orthancgen.render.write import stage
from orthancgen.resources import with_extra
from orthancgen.runtimes.native.apps import AppName, ensure_built
from orthancgen.runtimes.native.programs import Programs, find_node
from orthancgen.runtimes.report import Report
from orthancgen.runtimes.state import State


def pack(names: tuple[AppName, ...], target: Path, report: Report) -> None:
    """Build programs and write them into a tar.gz, to be unpacked in the folder `apps` beside the state folders.

    The same programs give the same bytes: no time, owner or order of this machine is in the archive.

    Args:
        names: of the programs.
        target: the archive.
        report: told about the builds.

    Raises:
        ProgramMissingError: there is no Node.js.
        DeployError: a build failed, or the archive cannot be written.
    """
    node, npm = find_node()
    if node is None:
        raise ProgramMissingError("Node.js is missing", hint=with_extra("native"))
    try:
        with tempfile.TemporaryDirectory(prefix="orthancgen-apps-") as scratch:
            state = State(Path(scratch) / "build")
            state.apps.mkdir()
            for name in names:
                ensure_built(name, Programs(Path("Orthanc"), None, node, npm), state, report)
            content = _archive(state.apps)
        stage(content, target, 0o644).replace(target)
    except OSError as error:
        raise DeployError(f"cannot write {target}: {error.strerror}", hint="name another file with -o") from None


def _archive(folder: Path) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, str(path.relative_to(folder)), recursive=False, filter=_plain)
    return gzip.compress(raw.getvalue(), mtime=0)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = "root"
    member.mode = 0o755 if member.isdir() else 0o644
    return member
