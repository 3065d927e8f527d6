"""A provider at work: fetch, examine in the worker process, and say where the result comes from."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import image_quality, onnx_model, sandbox
from .archive import Archive, TooLargeError
from .contract import MAXIMUM_NOT_EXAMINED, Analysis, NotExamined, Provenance, Provider
from .errors import ArchiveError, BusyError, ConfigError, RefusedError, TooLongError
from .outcome import reference
from .reading import spread

if TYPE_CHECKING:
    from .config import Config
    from .contract import AnalysisRequest, SeriesReference


WORK_PREFIX = "analysis-"


def prepare_work(folder: Path | None) -> None:
    """Makes the folder for what is fetched, and removes what a process that was killed left in it.

    Raises:
        ConfigError: the folder cannot be used.
    """
    if folder is None:
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for one in folder.glob(f"{WORK_PREFIX}*"):
            shutil.rmtree(one)
    except OSError as error:
        raise ConfigError(f"work_folder: cannot use {folder}: {type(error).__name__}") from error


@dataclass(frozen=True)
class Installed:
    """A provider with what the worker needs for it."""

    provider: Provider
    card_file: Path | None
    digest: str | None


def installed(config: Config) -> dict[str, Installed]:
    """The providers of a configuration by their identifiers."""
    found: dict[str, Installed] = {}
    if config.image_quality:
        found[image_quality.ID] = Installed(image_quality.card(), None, None)
    for model in config.models:
        found[model.card.id] = Installed(onnx_model.card(model), model.card_file, model.digest)
    return found


class Service:
    """Analyses studies, so many at a time."""

    def __init__(self, config: Config, archive: Archive) -> None:
        self._config = config
        self._limits = config.limits
        self._archive = archive
        self._workers = asyncio.Semaphore(config.limits.workers)
        self._present = 0

    async def analyse(self, it: Installed, request: AnalysisRequest) -> Analysis:
        """Analyses a study with a provider.

        Raises:
            ServiceError: saying why it could not be done.
        """
        if self._present >= self._limits.workers + self._limits.waiting:
            raise BusyError("too many analyses wait already: try again later")
        self._present += 1
        try:
            async with self._workers:
                return await self._analyse(it, request)
        finally:
            self._present -= 1

    async def _analyse(self, it: Installed, request: AnalysisRequest) -> Analysis:
        wanted = it.provider.modalities
        series = [one for one in request.series if not wanted or one.modality in wanted]
        if not series:
            raise RefusedError(f"nothing in the study is for this provider: it reads {', '.join(wanted)}")
        started, clock = datetime.datetime.now(datetime.UTC), time.monotonic()
        with tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=self._config.work) as folder:
            fetched = await self._fetch(Path(folder), request.study_instance_uid, series)
            answer = await sandbox.run(
                sandbox.Job(tuple(fetched.files), self._limits, it.card_file, it.digest),
            )
        for index, why in answer.failed.items():
            _, one, instance = fetched.files[index]
            fetched.not_examined.append(NotExamined(reference=reference(one, instance), why=why))
        examined = len(fetched.files) - len(answer.failed)
        if examined == 0:
            raise RefusedError(f"no instance could be examined: {fetched.not_examined[0].why}")
        return Analysis.model_validate(
            {
                "study_instance_uid": request.study_instance_uid,
                "statement": it.provider.statement,
                "findings": answer.findings,
                "measurements": answer.measurements,
                "not_examined": [one.model_dump() for one in fetched.not_examined[:MAXIMUM_NOT_EXAMINED]],
                "provenance": Provenance(
                    provider=it.provider.id,
                    version=it.provider.version,
                    model_digest=it.digest,
                    input_digest=fetched.digest(),
                    started_at=started.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                    duration_seconds=round(time.monotonic() - clock, 3),
                    instances_given=sum(len(one.instances) for one in request.series),
                    instances_examined=examined,
                    parameters=answer.parameters,
                ).model_dump(),
            }
        )

    async def _fetch(self, folder: Path, study: str, series: list[SeriesReference]) -> _Fetched:
        """Of each series at most so many instances, evenly spread."""
        fetched = _Fetched()
        left = self._limits.study_bytes
        try:
            async with asyncio.timeout(self._limits.seconds):
                for one in series:
                    for index in spread(len(one.instances), self._limits.instances_per_series):
                        uid = one.instances[index].sop_instance_uid
                        target = folder / f"{len(fetched.files) + len(fetched.not_examined)}.dcm"
                        limit = min(left, self._limits.instance_bytes)
                        try:
                            digest, size = await self._archive.instance(
                                study, one.series_instance_uid, uid, target, limit
                            )
                        except TooLargeError:
                            target.unlink(missing_ok=True)
                            why = f"the instance is larger than {limit} bytes, which is what it may still be"
                            where = reference(one.series_instance_uid, uid)
                            fetched.not_examined.append(NotExamined(reference=where, why=why))
                            continue
                        left -= size
                        fetched.files.append((target, one.series_instance_uid, uid))
                        fetched.digests.append(f"{uid} {digest}")
        except TimeoutError as error:
            raise TooLongError(f"the archive took longer than {self._limits.seconds:g} s") from error
        if not fetched.files:
            why = fetched.not_examined[0].why if fetched.not_examined else "there is none"
            raise RefusedError(f"no instance could be fetched: {why}")
        return fetched

    async def metadata(self, request: AnalysisRequest) -> dict[str, object]:
        """The attributes of the study's first instance that the archive still has.

        Raises:
            ArchiveError: where the archive gives none.
        """
        one = request.series[0]
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._archive.metadata(
                    request.study_instance_uid, one.series_instance_uid, one.instances[0].sop_instance_uid
                )
        except TimeoutError as error:
            raise ArchiveError("the archive took too long to give metadata") from error


class _Fetched:
    """What was fetched: files with their series and instance, digests, and what was too large."""

    def __init__(self) -> None:
        self.files: list[tuple[Path, str, str]] = []
        self.digests: list[str] = []
        self.not_examined: list[NotExamined] = []

    def digest(self) -> str:
        """One digest of all that was examined, whatever the order in which it was named."""
        return f"sha256:{hashlib.sha256(chr(10).join(sorted(self.digests)).encode()).hexdigest()}"
