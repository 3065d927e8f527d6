"""How long does a deploy of containers take that changes nothing, and for how long is DICOM away when Orthanc changes?

Against what anybody would do with the same files: ``docker compose up``.
"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bench.figures import Figure, Result, Size, Target, alternate, ratio
from orthancgen.dicom import scu
from orthancgen.dicom.outcome import Outcome
from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.render.container_files import folder_variable, project_name
from orthancgen.runtimes.compose.project import COMPOSE_FILE
from orthancgen.verify.tls import client_context
from tests.support.contained import Contained
from tests.support.engine import running_engine
from tests.support.images import build_all, prepare

UNCHANGED = Target("at most", 1.5)
INTERRUPTED = Target("below", 1.0)
_TIMEOUTS = Timeouts(connect=2, association=5, command=5)
_WORDS = ("Orthanc", "Orthanc of another name")


def measure(size: Size, folder: Path) -> Result:
    """One production site, on an engine of its own."""
    with running_engine() as engine, ThreadPoolExecutor(12) as pool:
        client = engine.connect().client
        client.api.timeout = 600
        images = build_all(client, prepare(pool), pool)
        site = Contained(folder / "site", engine, images)
        try:
            started = time.perf_counter()
            site.run("deploy")
            first = time.perf_counter() - started
            figures = (
                Figure("the first deploy, images at hand, until everything is proven", (first,), unit="s"),
                _unchanged(site, size),
                _interrupted(site, size),
            )
        finally:
            site.end()
    return Result(
        "deploy",
        "production in containers (Orthanc over TLS, backend, database, gateway) on an engine of the benchmark's own",
        figures,
        (
            (
                "Both commands are whole processes. The deploy that changes nothing looks at files, secrets, images "
                "and containers, and runs no proofs; `docker compose up -d` is given the same files and variables."
            ),
            (
                "DICOM is away from the last C-ECHO that was answered to the first one that is answered again; a "
                "C-ECHO over TLS is tried all the time. What changes is orthanc.json."
            ),
        ),
        not size.quick,
    )


def _unchanged(site: Contained, size: Size) -> Figure:
    ours, theirs = "orthancgen deploy, s", "docker compose up -d, s"
    runs = size.of(5, 1)

    def timed(name: str) -> Mapping[str, float]:
        """The median of some runs: each command first makes what it takes for its own, and then finds nothing to do."""
        seconds = []
        for number in range(runs + 1):
            before = site.ids()
            started = time.perf_counter()
            if name == ours:
                site.run("deploy")
            else:
                _plain(site, site.current().number)
            if number:
                seconds.append(time.perf_counter() - started)
                assert site.ids() == before, "nothing was to change"
        return {name: statistics.median(seconds)}

    rounds = alternate(max(size.rounds, size.of(5, 1)), partial(timed, ours), partial(timed, theirs))
    what = "a deploy that changes nothing / `docker compose up -d` that changes nothing"
    return ratio(what, rounds, ours, theirs, UNCHANGED)


def _interrupted(site: Contained, size: Size) -> Figure:
    """The two releases are made beforehand, so that the plain command has their folders too."""
    ours, theirs = "away, orthancgen deploy, s", "away, docker compose up -d, s"
    releases: dict[str, int] = {}
    for word in _WORDS:
        site.write({"orthanc.name": word})
        site.deploy()
        releases[word] = site.current().number
    state = {"now": _WORDS[1]}

    def timed(name: str) -> Mapping[str, float]:
        word = next(one for one in _WORDS if one != state["now"])
        before = site.ids()["orthanc"]
        site.write({"orthanc.name": word})
        with _probed(site) as away:
            if name == ours:
                site.deploy()
            else:
                _plain(site, releases[word])
        state["now"] = word
        assert site.ids()["orthanc"] != before, "Orthanc was to change"
        if name != ours:  # have the records agree with what runs
            site.deploy()
        return {name: away[0]}

    rounds = alternate(max(size.rounds, size.of(5, 1)), partial(timed, ours), partial(timed, theirs))
    return ratio("DICOM away while Orthanc changes: ours / `docker compose up -d`", rounds, ours, theirs, INTERRUPTED)


def _plain(site: Contained, number: int) -> None:
    """``docker compose up -d`` on the files of a release."""
    release = site.releases.get(number)
    folder = site.releases.folder / f"{number:04}" / "bundle"
    variables = {
        folder_variable(name): f"{site.state.root}/run/{name}/{digest}"
        for name, digest in release.draft.digests.items()
    }
    variables[folder_variable("database-account")] = str(site.state.root / "run/database-account")
    subprocess.run(
        ["docker", "compose", "-p", project_name(site.name), "-f", str(folder / COMPOSE_FILE), "up", "-d"],
        env={**os.environ, **site.test_engine.environment, **variables}, cwd=folder, capture_output=True, check=True,
    )  # fmt: skip


@contextmanager
def _probed(site: Contained) -> Iterator[list[float]]:
    """Seconds during which no C-ECHO was answered, known at the end of the block."""
    plan, access = site.plan(), site.access()
    peer = Peer(
        access.dicom_host, plan.site.dicom.port, plan.site.orthanc.aet, plan.site.verification.aet,
        tls=client_context(plan.site, access.secrets), timeouts=_TIMEOUTS,
    )  # fmt: skip
    answered: list[float] = []
    ended = threading.Event()

    def probe() -> None:
        while not ended.is_set():
            if scu.echo(peer).outcome is Outcome.SUCCESS:
                answered.append(time.perf_counter())
            else:
                time.sleep(0.01)

    away: list[float] = []
    thread = threading.Thread(target=probe)
    thread.start()
    try:
        while not answered:
            time.sleep(0.05)
        yield away
        settled = len(answered)
        while len(answered) < settled + 20:
            time.sleep(0.05)
    finally:
        ended.set()
        thread.join()
        away.append(max(later - earlier for earlier, later in itertools.pairwise(answered)))
