"""What the SCU functions say about a real Orthanc: what it permits, what it refuses and why, and what is not there."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from orthancgen.dicom import scu, synthetic
from orthancgen.dicom.outcome import Outcome
from orthancgen.dicom.peer import Peer, Timeouts
from tests.conftest import StartOrthanc
from tests.support.certificates import Authority
from tests.support.servers import OrthancServer, free_port

pytestmark = pytest.mark.live

MOMENT = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  DICOM's DA and TM carry no zone
CLOSED = {f"DicomAlwaysAllow{command}": False for command in ("Echo", "Store", "Find", "FindWorklist", "Get", "Move")}


def peer_of(server: OrthancServer, calling_aet: str = "KNOWN") -> Peer:
    return Peer("127.0.0.1", server.dicom_port, server.aet, calling_aet, timeouts=Timeouts(30, 60, 60))


def query(study: str = "") -> Dataset:
    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.PatientID = ""
    dataset.StudyInstanceUID = study
    return dataset


def test_what_orthanc_permits_succeeds(start_orthanc: StartOrthanc) -> None:
    target = start_orthanc({"DicomAet": "TARGET"})
    server = start_orthanc(
        {
            **CLOSED,
            "DicomModalities": {
                "known": {"AET": "KNOWN", "Host": "127.0.0.1", "Port": 104},
                "target": ["TARGET", "127.0.0.1", target.dicom_port],
            },
        }
    )
    peer = peer_of(server)
    instance = synthetic.ct_instance("live", MOMENT)

    echoed = scu.echo(peer)
    assert (echoed.outcome, echoed.status, echoed.ok) == (Outcome.SUCCESS, 0, True)
    assert 0 < echoed.seconds < 5

    assert scu.store(peer, instance.data).outcome is Outcome.SUCCESS
    assert server.instance_uids() == [instance.sop_instance_uid]

    found = scu.find(peer, query())
    assert found.outcome is Outcome.SUCCESS
    assert [match.StudyInstanceUID for match in found.datasets] == [instance.study_instance_uid]
    assert scu.find(peer, query("1.2.3")).datasets == ()

    got = scu.get(peer, query(instance.study_instance_uid))
    assert got.outcome is Outcome.SUCCESS
    assert got.suboperations is not None
    assert (got.suboperations.completed, got.suboperations.failed) == (1, 0)
    assert got.datasets[0].PixelData == synthetic.expected_pixels(64, 64)

    moved = scu.move(peer, query(instance.study_instance_uid), "TARGET")
    assert moved.outcome is Outcome.SUCCESS
    assert target.instance_uids() == [instance.sop_instance_uid]

    nowhere = scu.move(peer, query(instance.study_instance_uid), "NOWHERE")
    assert nowhere.outcome is Outcome.FAILURE
    assert nowhere.status == 0xC000
    assert "0xC000" in nowhere.text


def test_the_reasons_for_which_orthanc_refuses(start_orthanc: StartOrthanc) -> None:
    known = {"AET": "KNOWN", "Host": "127.0.0.1", "Port": 104, "AllowFind": False}
    server = start_orthanc({**CLOSED, "DicomCheckCalledAet": True, "DicomModalities": {"known": known}})

    stranger = scu.echo(peer_of(server, "STRANGER"))
    assert stranger.outcome is Outcome.ASSOCIATION_REJECTED
    assert stranger.rejection is not None
    assert (stranger.rejection.result, stranger.rejection.source, stranger.rejection.reason) == (1, 1, 3)
    assert stranger.rejection.text == "Calling AE Title Not Recognized"
    assert stranger.rejection.text in stranger.text

    misnamed = scu.echo(replace(peer_of(server), called_aet="OTHER"))
    assert misnamed.outcome is Outcome.ASSOCIATION_REJECTED
    assert misnamed.rejection is not None
    assert (misnamed.rejection.source, misnamed.rejection.reason) == (1, 7)
    assert misnamed.rejection.text == "Called AE Title Not Recognized"

    forbidden = scu.find(peer_of(server), query())
    assert forbidden.outcome is Outcome.ASSOCIATION_ABORTED
    assert forbidden.status is None
    assert not forbidden.ok

    no_worklist = scu.find(peer_of(server), query(), model=scu.WORKLIST)
    assert no_worklist.outcome is Outcome.CONTEXT_REJECTED


def test_who_is_not_there() -> None:
    absent = Peer("127.0.0.1", free_port(), "ORTHANC", "KNOWN", timeouts=Timeouts(30, 60, 60))
    assert scu.echo(absent).outcome is Outcome.CONNECTION_REFUSED
    assert scu.echo(replace(absent, host="no-such-host.invalid")).outcome is Outcome.NAME_UNKNOWN
    assert scu.echo(replace(absent, host="a" * 300)).outcome is Outcome.NAME_UNKNOWN
    assert scu.store(absent, synthetic.ct_instance("r", MOMENT).data).outcome is Outcome.CONNECTION_REFUSED
    assert threading.active_count() == 1 or not any("Requestor" in t.name for t in threading.enumerate())


@contextmanager
def listening(*, answer: bytes | None) -> Iterator[int]:
    """A TCP server that swallows everything; it answers with `answer` and closes, or never answers when it is None."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            server.settimeout(0.05)
            held = []
            while not done.is_set():
                try:
                    connection, _ = server.accept()
                except TimeoutError:
                    continue
                held.append(connection)
                if answer is not None:
                    connection.recv(100)
                    connection.sendall(answer)
                    connection.close()
            for connection in held:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


def test_who_listens_and_is_no_dicom_peer() -> None:
    timeouts = Timeouts(connect=1, association=0.5, command=1)
    with listening(answer=None) as port:
        silent = Peer("127.0.0.1", port, "ORTHANC", "KNOWN", timeouts=timeouts)
        assert scu.echo(silent).outcome is Outcome.ASSOCIATION_TIMEOUT
        over_tls = scu.echo(replace(silent, tls=ssl.create_default_context()))
        assert over_tls.outcome is Outcome.TLS_FAILED
    with listening(answer=b"") as port:
        closing = scu.echo(Peer("127.0.0.1", port, "ORTHANC", "KNOWN"))
        assert closing.outcome is Outcome.CLOSED
        assert "does it expect TLS?" in closing.text
    with listening(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        web = scu.echo(Peer("127.0.0.1", port, "ORTHANC", "KNOWN"))
        assert not web.ok
        assert web.outcome in (Outcome.CLOSED, Outcome.ASSOCIATION_ABORTED)


def test_tls_and_each_way_it_fails(start_orthanc: StartOrthanc, tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    other = Authority(tmp_path / "other", "another authority")
    server_pair = authority.issue("server")
    server = start_orthanc(
        {
            "DicomTlsEnabled": True,
            "DicomTlsCertificate": str(server_pair.certificate),
            "DicomTlsPrivateKey": str(server_pair.key),
            "DicomTlsTrustedCertificates": str(authority.certificate),
        }
    )
    peer = peer_of(server)
    client = authority.issue("client")

    trusted = scu.echo(replace(peer, tls=authority.client_context(client)))
    assert trusted.outcome is Outcome.SUCCESS, trusted.text
    assert scu.store(replace(peer, tls=authority.client_context(client)), synthetic.ct_instance("tls", MOMENT).data).ok

    plain = scu.echo(peer)
    assert plain.outcome is Outcome.CLOSED, plain.text

    anonymous = scu.echo(replace(peer, tls=authority.client_context()))
    assert anonymous.outcome is Outcome.TLS_FAILED, anonymous.text

    foreign = scu.echo(replace(peer, tls=authority.client_context(other.issue("stranger"))))
    assert foreign.outcome is Outcome.TLS_FAILED, foreign.text

    distrustful = scu.echo(replace(peer, tls=other.client_context()))
    assert distrustful.outcome is Outcome.TLS_FAILED
    assert "certificate is not accepted" in distrustful.text

    misnamed = scu.echo(replace(peer, tls=authority.client_context(client), server_name="pacs.invalid"))
    assert misnamed.outcome is Outcome.TLS_FAILED
    assert "certificate is not accepted" in misnamed.text
