"""A real swarm of three engines: the rendered stack, and a node that loses its power while images are stored."""

from __future__ import annotations

import itertools
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from orthancgen.dicom.scan import scan
from orthancgen.dicom.synthetic import write_series
from tests.support.engine import TestEngine
from tests.support.images import TestImages, build_postgres
from tests.support.proof import ProofFigures
from tests.support.retrying import RetryingSender
from tests.support.servers import require_dcmtk, wait_until
from tests.support.stack import DICOM_PORT, STACK, Stack
from tests.support.swarm import Node, running_swarm

pytestmark = [pytest.mark.live, pytest.mark.timeout(1_200)]
SENDERS = 8
SECONDS = 300.0


@pytest.fixture(scope="module")
def stack(engine: TestEngine, images: TestImages, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The stack on three nodes, all of it well; the databases are on the last node."""
    client = engine.connect().client
    client.api.timeout = 600
    postgres = build_postgres(client)
    folder = tmp_path_factory.mktemp("swarm")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(parent.stat().st_mode | 0o011)  # Orthanc's user goes through to its images
    with running_swarm() as swarm:
        made = Stack(swarm, folder, images, postgres)
        swarm.load(engine.host, made.images())
        first, *_, last = swarm.nodes
        made.deploy(first, last)
        wait_until(lambda: made.running(first) == made.wanted(), seconds=SECONDS, what="all of the stack is well")
        yield made


def arrivals(orthanc: httpx.Client) -> Counter[str]:
    """How often each instance was announced as new."""
    found: Counter[str] = Counter()
    since, done = 0, False
    while not done:
        page: dict[str, Any] = orthanc.get("/changes", params={"since": since, "limit": 1000}).raise_for_status().json()
        since, done = page["Last"], page["Done"]
        found.update(change["ID"] for change in page["Changes"] if change["ChangeType"] == "NewInstance")
    return found


def uids_of(orthanc: httpx.Client) -> list[str]:
    """The SOP Instance UIDs in the archive, in order."""
    found = orthanc.get("/instances", params={"expand": ""}).raise_for_status().json()
    return sorted(one["MainDicomTags"]["SOPInstanceUID"] for one in found)


def victim_of(stack: Stack, database: Node) -> Node:
    """A node with an Orthanc on it and without a database: the one that leads the swarm, where it is such a one."""
    first = stack.swarm.nodes[0]
    found = [node for node in stack.nodes_of(first, "orthanc") if node is not database]
    assert found
    return found[0]


@dataclass(frozen=True)
class Storing:
    """Images on their way from several devices to the archive.

    Attributes:
        uids: of all of them, in order.
        senders: the devices, at work.
    """

    uids: list[str]
    senders: list[RetryingSender]

    @property
    def confirmed(self) -> list[float]:
        """When each that is stored was confirmed, in order."""
        return sorted(at for sender in self.senders for at, _ in sender.confirmed)

    def finish(self) -> None:
        """Wait until each is confirmed."""
        for sender in self.senders:
            sender.join(SECONDS)
        assert len(self.confirmed) == len(self.uids), [sender.failures[-3:] for sender in self.senders]


def store(stack: Stack, folder: Path, count: int) -> Storing:
    """Begin to store so many images, an eighth by each device, each of which begins with another node."""
    moment, files = datetime.now(UTC), []
    for number in range(SENDERS):
        place = folder / str(number)
        files.append(write_series(place, f"swarm{number}", moment, count // SENDERS, rows=64, columns=64))
    senders = [RetryingSender(own, stack.peers(), first=number) for number, own in enumerate(files)]
    for sender in senders:
        sender.start()
    return Storing(sorted(one.sop_instance_uid for one in scan([folder]).files), senders)


class Asking(threading.Thread):
    """A person with a browser: asks Orthanc through the gateway again and again, on whichever node answers.

    Attributes:
        answered: when it was answered (`time.monotonic`).
    """

    def __init__(self, stack: Stack) -> None:
        super().__init__(daemon=True)
        self._clients = [stack.orthanc(node, seconds=5) for node in stack.swarm.nodes]
        self._ended = threading.Event()
        self.answered: list[float] = []

    def run(self) -> None:
        for client in itertools.cycle(self._clients):
            with suppress(httpx.HTTPError):
                while not self._ended.is_set():
                    client.get("/system").raise_for_status()
                    self.answered.append(time.monotonic())
                    self._ended.wait(0.25)
            if self._ended.wait(0.1):
                return

    def end(self) -> None:
        """End it."""
        self._ended.set()
        self.join()
        for client in self._clients:
            client.close()


def longest_gap(since: float, moments: Iterable[float]) -> float:
    """The longest time between two of the moments from the first one on, in seconds."""
    return max(after - before for before, after in pairwise([since, *(at for at in moments if at > since)]))


@pytest.mark.proof
def test_a_nodes_port_shows_the_callers_own_address(stack: Stack) -> None:
    first, *_, last = stack.swarm.nodes
    echoscu = require_dcmtk("echoscu")
    for node in stack.nodes_of(first, "orthanc"):
        call = [echoscu, "-to", "10", "-aet", "CT1", "-aec", "ARCHIVE", node.address, str(DICOM_PORT)]
        assert subprocess.run(call, capture_output=True, check=False).returncode == 0
        # The same title from the address of another node: Orthanc compares it with that of the modality.
        other = last if node is not last else first
        assert other.run(*call).returncode != 0


@pytest.mark.parametrize("count", [pytest.param(2_000, marks=pytest.mark.proof)])
def test_a_node_loses_its_power_while_images_are_stored(
    count: int, stack: Stack, tmp_path: Path, proof_figures: ProofFigures
) -> None:
    nodes = stack.swarm.nodes
    database, victim = nodes[-1], victim_of(stack, nodes[-1])
    manager = next(node for node in nodes if node is not victim)
    lost = sorted(task.service for task in stack.swarm.tasks(manager, STACK) if task.well and task.node == victim.name)
    leads = victim.leads()

    asking = Asking(stack)
    asking.start()
    storing = store(stack, tmp_path, count)
    wait_until(lambda: len(storing.confirmed) > count // 4, seconds=SECONDS, what="a quarter is stored")
    killed = time.monotonic()
    victim.kill()
    wait_until(
        lambda: stack.running(manager, without=victim.name) == stack.wanted(), seconds=SECONDS, what="all is well again"
    )  # fmt: skip
    whole = time.monotonic() - killed
    storing.finish()
    silent = longest_gap(killed, storing.confirmed)
    wait_until(lambda: len(stack.records(database)) >= count, seconds=SECONDS, what="every image is on record")
    recorded = time.monotonic() - killed
    assert stack.records(database) == storing.uids
    wait_until(lambda: asking.answered[-1] > killed + recorded, seconds=SECONDS, what="the REST API answers")
    asking.end()
    unanswered = longest_gap(killed, asking.answered)

    with stack.orthanc(stack.nodes_of(manager, "gateway")[0]) as orthanc:
        assert uids_of(orthanc) == storing.uids
        announced = arrivals(orthanc)
        assert set(announced.values()) == {1}
        assert len(announced) == count
        for identifier in announced:
            whole_file = orthanc.post(f"/instances/{identifier}/attachments/dicom/verify-md5")
            assert whole_file.status_code == 200, identifier

    victim.come_back()
    wait_until(lambda: manager.ready() == len(nodes), seconds=SECONDS, what="the node is one of the swarm again")
    wait_until(lambda: stack.running(manager) == stack.wanted(), seconds=SECONDS, what="no more of each than is wanted")
    with stack.orthanc(stack.nodes_of(manager, "gateway")[0]) as orthanc:
        assert uids_of(orthanc) == storing.uids
    attempts = sum(sender.associations for sender in storing.senders)
    proof_figures(
        "instances stored in a swarm of three engines; a node loses its power meanwhile, and comes back", count,
        f"each stored, announced and on record once, by {attempts} associations; lost with the node: {', '.join(lost)}"
        f"{', and the lead of the swarm' if leads else ''}; longest time without a confirmed C-STORE {silent:.1f} s, "
        f"without an answer of the REST API {unanswered:.1f} s, until every service was whole again {whole:.1f} s, "
        f"until all was on record {recorded:.1f} s",
    )  # fmt: skip


@pytest.mark.proof
def test_a_transaction_that_dies_with_its_node_holds_the_others_for_seconds(
    stack: Stack, tmp_path: Path, proof_figures: ProofFigures
) -> None:
    database, victim = stack.swarm.nodes[-1], victim_of(stack, stack.swarm.nodes[-1])
    manager = next(node for node in stack.swarm.nodes if node is not victim)
    left = next(node for node in stack.nodes_of(manager, "orthanc") if node is not victim)
    holder = stack.hold_index(victim)
    wait_until(lambda: "held" in victim.docker("logs", holder).stdout, what="a transaction locks the index")

    files = write_series(tmp_path, "held", datetime.now(UTC), 8, rows=64, columns=64)
    sender = RetryingSender(files, [peer for peer in stack.peers() if peer.host == left.address])
    sender.start()
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    wait_until(lambda: stack.ask_index(database, waiting) != "0", what="the other Orthanc waits for it")
    killed = time.monotonic()
    victim.kill()
    wait_until(lambda: bool(sender.confirmed), seconds=SECONDS, what="the other Orthanc stores again")
    seconds = sender.confirmed[0][0] - killed
    sender.join(SECONDS)
    assert len(sender.confirmed) == len(files)
    victim.come_back()
    wait_until(lambda: stack.running(manager) == stack.wanted(), seconds=SECONDS, what="all is well again")
    proof_figures(
        "power failures of a node whose open transaction locks the whole index, while another Orthanc stores", 1,
        f"C-STORE confirmed again after {seconds:.1f} s, when PostgreSQL had given the client up",
    )  # fmt: skip


@pytest.mark.proof
def test_orthanc_comes_back_to_a_postgresql_that_has_given_it_up(stack: Stack, tmp_path: Path) -> None:
    first, *_, database = stack.swarm.nodes
    ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE client_addr IS NOT NULL"
    assert int(stack.ask_index(database, ended)) >= 2
    for node in stack.nodes_of(first, "orthanc"):
        files = write_series(tmp_path / node.name, f"after-{node.name}", datetime.now(UTC), 8, rows=64, columns=64)
        sender = RetryingSender(files, [peer for peer in stack.peers() if peer.host == node.address])
        sender.start()
        sender.join(SECONDS)
        assert len(sender.confirmed) == len(files), sender.failures[-3:]
