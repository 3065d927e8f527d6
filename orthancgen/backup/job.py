"""A short program in a container of the backup's image: what works on volumes runs where they are.

The scripts lie beside this module in ``scripts/``. A job goes on where who started it is killed, and leaves nothing
behind but its stopped container, which the next backup removes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from orthancgen.errors import BackupError
from orthancgen.runtimes.compose.endpoint import asking
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.shortlived import short_lived
from orthancgen.secrets.store import redact
from orthancgen.secrets.value import SecretValue

FULL: Final = ("no space left on device", "disk quota exceeded")
MAKE_ROOM: Final = "make room where the repository lies, or keep fewer backups (backup.keep)"

JOB_LABEL: Final = "org.orthancgen.backup"
"""Label of what a backup makes on the engine; its value is the id of the run."""
_SCRIPTS: Final = Path(__file__).parent / "scripts"
_HEAD: Final = "set -euo pipefail\numask 077\n"
_STOP_SECONDS: Final = 15
_KEPT_LINES: Final = 40


@dataclass(frozen=True, slots=True)
class Mount:
    """What a job sees of the engine's host: a volume, or an absolute folder, which must exist.

    Attributes:
        source: name of the volume, or path of the folder or file.
        target: where the job sees it.
        read_only: whether it may not be written.
    """

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """What is run.

    Attributes:
        name: what it does, to follow `cannot`.
        script: file of ``scripts/``; empty where `arguments` is the whole command.
        arguments: of the script; no secret.
        mounts: what it sees.
        capabilities: the rights of root that it needs.
        network: ``none``, or the name of a network.
        processes_of: id of a container whose processes it sees, or None.
        secrets: variables that go in by the standard input.
        payload: bytes that follow them there.
        image: the image, where it is another one than the backup's.
        user: as whom it runs.
    """

    name: str
    script: str = ""
    arguments: Sequence[str] = ()
    mounts: Sequence[Mount] = ()
    capabilities: Sequence[str] = ("DAC_OVERRIDE", "DAC_READ_SEARCH", "CHOWN", "FOWNER")
    network: str = "none"
    processes_of: str | None = None
    secrets: Mapping[str, SecretValue] = field(default_factory=dict, repr=False)
    payload: bytes = field(default=b"", repr=False)
    image: str | None = None
    user: str = "0:0"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job ended.

    Attributes:
        code: its exit status.
        output: the lines of its standard output; empty where they were handed on.
        errors: the last lines of its standard error, without secrets.
    """

    code: int
    output: tuple[str, ...]
    errors: tuple[str, ...]


class Jobs:
    """Runs jobs of one backup or restore.

    Args:
        engine: where.
        image: the backup's image.
        environment: name of the environment.
        run_id: names the run; label of everything it makes.
    """

    def __init__(self, engine: Engine, image: str, environment: str, run_id: str) -> None:
        self.engine, self.environment, self.run_id = engine, environment, run_id
        self._image = image

    @property
    def labels(self) -> dict[str, str]:
        """Of everything that is made for the run."""
        return {**self.engine.labels, JOB_LABEL: self.run_id}

    def must(self, job: Job) -> tuple[str, ...]:
        """Run a job that must succeed; its output.

        Raises:
            BackupError: it failed; with what it said.
            EngineError: the engine does not answer, or refuses.
        """
        ended = self.run(job)
        if ended.code != 0:
            raise BackupError(f"cannot {job.name}: {said(ended)}")
        return ended.output

    def run(
        self,
        job: Job,
        on_line: Callable[[str], None] | None = None,
        on_bytes: Callable[[bytes], object] | None = None,
    ) -> Ended:
        """Run a job to its end; it is ended with this call, unless this process is killed.

        Args:
            job: what to run.
            on_line: told each line of its standard output, which is then not kept.
            on_bytes: told its standard output as it comes, which is then not read as lines.

        Raises:
            EngineError: the engine does not answer, or refuses.
        """
        api = self.engine.client.api
        with asking(job.name), self._container(job) as container:
            stream = api.attach(container, stdout=True, stderr=True, stream=True, demux=True)
            feed = _feed(job)
            entrance = api.attach_socket(container, params={"stdin": 1, "stream": 1}) if feed else None
            api.start(container)  # what it prints is kept nowhere: who listens is there before
            if entrance is not None:
                _send(entrance, feed)
            output, errors = _Lines(on_line), _Lines(None, _KEPT_LINES)
            for out, err in stream:
                if on_bytes is None:
                    output.take(out)
                elif out:
                    on_bytes(out)
                errors.take(err)
                _give_up_on_full_disk(job, err)
            code = int(api.wait(container, timeout=None)["StatusCode"])
        lines = tuple(redact(line, job.secrets) for line in errors.end())
        return Ended(code, tuple(output.end()), lines)

    def _container(self, job: Job) -> AbstractContextManager[str]:
        from docker.types import LogConfig
        from docker.types import Mount as EngineMount

        mounts = [
            EngineMount(
                one.target, one.source, type="bind" if one.source.startswith("/") else "volume",
                read_only=one.read_only, **({} if one.source.startswith("/") else {"no_copy": True}),
            )
            for one in job.mounts
        ]  # fmt: skip
        settings: dict[str, Any] = {
            "mounts": mounts, "network_mode": job.network, "cap_add": list(job.capabilities),
            "tmpfs": {"/run/secrets": "size=1m,mode=0700,noexec"},
            "log_config": LogConfig(type="none"), "cpu_shares": 256,
        }  # fmt: skip
        if job.processes_of is not None:
            settings["pid_mode"] = f"container:{job.processes_of}"
        if job.user != "0:0":
            del settings["tmpfs"]
        command = list(job.arguments)
        if job.script:
            text = _HEAD + (_SCRIPTS / job.script).read_text(encoding="utf-8")
            command = ["bash", "-c", text, job.script, *command]
        name = f"orthancgen-{self.environment}-backup-{secrets.token_hex(4)}"
        # When it is stopped, restic gives its lock back, and the index's copy lets go.
        return short_lived(
            self.engine.client.api, job.image or self._image, command, user=job.user, labels=self.labels, host=settings,
            stop_seconds=_STOP_SECONDS, name=name, hostname=f"orthancgen-{self.environment}",
            stdin_open=bool(_feed(job)),
        )  # fmt: skip

    def volume(self, name: str) -> None:
        """Make a volume of the run, where it is missing.

        Raises:
            EngineError: the engine refuses.
        """
        with asking(f"make the volume {name}"):
            self.engine.client.api.create_volume(name, driver="local", labels=self.labels)

    def remove_volume(self, name: str) -> None:
        """Remove a volume; nothing where there is none.

        Raises:
            EngineError: the engine refuses.
        """
        from docker.errors import NotFound

        with asking(f"remove the volume {name}"), suppress(NotFound):
            self.engine.client.api.remove_volume(name, force=True)


class _Lines:
    """Lines out of pieces of bytes."""

    def __init__(self, on_line: Callable[[str], None] | None, kept: int | None = None) -> None:
        self._on_line, self._kept = on_line, kept
        self._rest = b""
        self._lines: list[str] = []

    def take(self, piece: bytes | None) -> None:
        *whole, self._rest = (self._rest + (piece or b"")).split(b"\n")
        for line in whole:
            self._one(line)

    def end(self) -> list[str]:
        if self._rest:
            self._one(self._rest)
            self._rest = b""
        return self._lines

    def _one(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        if self._on_line is not None:
            self._on_line(text)
            return
        self._lines.append(text)
        if self._kept is not None:
            del self._lines[: -self._kept]


def _give_up_on_full_disk(job: Job, printed: bytes | None) -> None:
    """Restic tries again for a quarter of an hour what no time will mend."""
    found = next((sign for sign in FULL if printed and sign.encode() in printed.lower()), None)
    if found is not None and job.script == "restic.sh":
        raise BackupError(f"cannot {job.name}: {found}", hint=MAKE_ROOM)


def _feed(job: Job) -> bytes:
    if not job.secrets and not job.payload:
        return b""
    lines = [f"{len(job.secrets)}", *(f"{name}={value.reveal()}" for name, value in job.secrets.items())]
    return "".join(f"{line}\n" for line in lines).encode() + job.payload


def _send(entrance: Any, content: bytes) -> None:
    try:
        # The socket of a unix or TCP address hides in a reader; a channel of ssh is one itself.
        target = getattr(entrance, "_sock", entrance)
        target.settimeout(None)
        target.sendall(content)
    finally:
        entrance.close()


def said(ended: Ended) -> str:
    """What a job said of its failure, in one line."""
    lines = [line.removeprefix("error: ").strip() for line in ended.errors if line.strip()]
    return "; ".join(lines[-3:]) or f"exit status {ended.code}"
