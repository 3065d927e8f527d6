"""`doctor --fix` mends what was broken for real; `doctor --bundle` packs nothing of a patient, whatever was said.

One environment of programs of this host for all of it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import signal
import subprocess
import tarfile
import time
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from pydicom import dcmread

from orthancgen.certs.generate import authorities, renewed
from orthancgen.certs.wanted import wanted
from orthancgen.dicom.synthetic import ct_instance
from orthancgen.runtimes.native.running import look
from orthancgen.runtimes.state import State
from orthancgen.secrets.store import SecretStore
from tests.support.native import Native, native_root
from tests.support.servers import require_dcmtk, wait_until

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def native(native_apps: Path) -> Iterator[Native]:
    with native_root() as root:
        environment = Native(root, "fix", apps=native_apps)
        environment.deploy()
        try:
            yield environment
        finally:
            environment.end()


def mend(native: Native) -> dict[str, Any]:
    """What `doctor --fix --yes` says; nothing is wrong any more."""
    said = native.run("doctor", options=["--fix", "--yes", "--json"])
    document: dict[str, Any] = json.loads(said.out)
    assert document["healthy"], said.all
    assert said.code == 0
    assert native.unhealthy() == {}
    again = native.run("doctor", options=["--json"])
    assert json.loads(again.out)["diagnoses"] == []
    return document


def fixed(native: Native) -> list[tuple[str, str, bool]]:
    """Cause, remedy and whether it was done."""
    return [(one["cause"], one["fix"]["name"], one["done"]) for one in mend(native)["fixed"]]


def test_orthanc_ended_for_good(native: Native) -> None:
    look(State(native.state)).supervisor.stop_services(["orthanc"])
    assert fixed(native) == [("orthanc-stopped", "deploy", True)]


def test_the_supervisor_was_killed(native: Native) -> None:
    os.kill(native.supervisor_pid(), signal.SIGKILL)
    assert ("supervisor-gone", "deploy", True) in fixed(native)


def test_database_stopped(native: Native) -> None:
    look(State(native.state)).supervisor.stop_services(["database"])
    assert fixed(native) == [("database-stopped", "deploy", True)]


def test_a_file_was_changed_by_hand(native: Native) -> None:
    file = native.state / "config/orthanc/orthanc.json"
    before = file.read_text()
    assert '"DicomPort"' in before
    file.write_text(before.replace('"DicomPort"', '"DicomPortX"'))
    pid = native.pids()["orthanc"]
    assert fixed(native) == [("file-changed-by-hand", "repair", True)]
    assert file.read_text() == before
    assert native.pids()["orthanc"] != pid, "Orthanc goes on with what it read"


def test_the_backend_hangs(native: Native) -> None:
    os.kill(native.pids()["backend"], signal.SIGSTOP)
    assert fixed(native) == [("backend-hangs", "restart", True)]


def test_the_certificate_of_the_site_has_expired(native_apps: Path) -> None:
    with native_root() as root:
        site = Native(root, "fixtls", apps=native_apps)
        site.write({"dicom.tls": {"enabled": True}})
        try:
            site.deploy()
            plan, store = site.plan(), SecretStore(site.state / "secrets")
            own = authorities(plan, store)
            [one] = [one for one in wanted(plan) if one.leaf.name == "site.dicom"]
            with own.locked():
                values = renewed(one, plan, own, datetime.now(UTC) - timedelta(days=800))
            for name, value in values.items():
                (site.state / "secrets" / name).write_text(value.reveal())
            supervisor = look(State(site.state)).supervisor
            supervisor.stop_services(["orthanc"])
            supervisor.start_service("orthanc")
            wait_until(lambda: site.unhealthy() == {}, what="Orthanc with its old certificate")
            assert fixed(site) == [("server-certificate-expired", "renew_certificates", True)]
        finally:
            site.end()


def test_nothing_is_done_where_somebody_holds_the_environment(native: Native) -> None:
    import fcntl

    look(State(native.state)).supervisor.stop_services(["backend"])
    with (native.state / "lock").open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = native.run("doctor", options=["--fix", "--yes", "--json"])
        document = json.loads(said.out)
        assert said.code == 1
        assert [one["done"] for one in document["fixed"]] == [False]
        assert "another run holds this environment" in document["fixed"][0]["detail"]
    assert fixed(native) == [("backend-stopped", "deploy", True)]


def test_a_fix_that_fails_leaves_what_was_there_and_says_so(native: Native) -> None:
    """The file names another port, which somebody else has: the fix cannot be done, and what ran goes on."""
    import socket

    pids = native.pids()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        before = dict(native.ports)
        native.ports["http"] = taken.getsockname()[1]
        native.write()
        try:
            said = native.run("doctor", options=["--fix", "--yes", "--json"])
        finally:
            native.ports.update(before)
            native.write()
    assert said.code == 1
    outcomes = json.loads(said.out)["fixed"]
    assert outcomes
    assert not any(one["done"] for one in outcomes)
    assert any("cannot be used" in one["detail"] for one in outcomes), outcomes
    assert native.pids() == pids


PATIENT: Final = (
    "HOSTILER^ERIKA",
    "PIDX998877",
    "19510203",
    "1.2.826.0.1.3680043.8.498.7766554433",
    "ACCX5544",
    "Jos\u00e9 Mu\u00f1oz",
)
"""Name, ID, birth date, a UID, an accession number, and a name beyond ASCII."""


def forms(text: str) -> Iterator[bytes]:
    """A text as it could stand in a file."""
    for encoding in ("utf-8", "latin-1", "utf-16-le", "utf-16-be"):
        raw = text.encode(encoding)
        yield raw
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        for shift in range(3):  # within a longer text in base64, whatever stands before and after it
            coded = base64.b64encode(b"\0" * shift + raw)
            middle = coded[4 if shift else 0 : -4]
            if len(middle) >= 8:
                yield middle
                yield middle.replace(b"+", b"-").replace(b"/", b"_")
        yield urllib.parse.quote_from_bytes(raw, safe="").encode()
    yield json.dumps(text)[1:-1].encode()
    yield ascii(text)[1:-1].encode()
    yield text.replace("^", " ").encode()
    yield text.replace("^", "%5E").encode()


def say_everywhere(native: Native, folder: Path) -> None:
    """What a patient's is, said to every part of the site in every way that ends in a log; AE titles alone are kept."""
    name, pid, birth, uid, accession, other = PATIENT
    made = dcmread(BytesIO(ct_instance("hostile", datetime.now(UTC)).data))
    made.SpecificCharacterSet, made.PatientName, made.PatientID = "ISO_IR 192", name, pid
    made.PatientBirthDate, made.StudyInstanceUID, made.AccessionNumber = birth, uid, accession
    made.PatientComments = other
    file = folder / f"{name}.dcm"
    made.save_as(file)
    port = str(native.ports["dicom"])
    address = ["-aec", "ORTHANC_DEV_AE", "127.0.0.1", port]
    for command in (
        [require_dcmtk("storescu"), *address, str(file)],
        [require_dcmtk("findscu"), "-P", "-k", f"PatientName={name}", "-k", f"PatientID={pid}", *address],
        [
            require_dcmtk("findscu"),
            "-S",
            "-k",
            f"StudyInstanceUID={uid}",
            "-k",
            f"AccessionNumber={accession}",
            *address,
        ],
    ):
        subprocess.run(command, capture_output=True, timeout=120, check=False)
    with native.orthanc() as orthanc, native.backend() as backend:
        for text in PATIENT:
            quoted = urllib.parse.quote(text)
            for client in (orthanc, backend):
                client.get(f"/patients/{quoted}")
                client.get(f"/api/studies/{quoted}?name={quoted}")
                client.post(f"/instances/{quoted}", content=text.encode())
            orthanc.post("/instances", content=file.read_bytes()[:-900])
            orthanc.post("/tools/find", json={"Level": "Study", "Query": {"PatientName": text, text: "x"}})
            orthanc.post("/tools/find", content=text.encode())
            orthanc.post("/tools/execute-script", content=f'print("{text}")'.encode())
            backend.post("/api/orthanc/events", json={"id": text})
        httpx.get(f"{native.url}/system", auth=(pid, name), trust_env=False)
    # What a script of the site's own, a plugin, or a program of another version would write.
    now = time.strftime("%m%d %H:%M:%S") + ".000001"
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    for service in ("orthanc", "backend", "database", "supervisord"):
        with (native.state / f"log/{service}.log").open("a", encoding="utf-8") as log:
            for text in PATIENT:
                log.write(f"W{now} LuaContext.cpp:79] Lua says: {text}\n{text}\n")
                log.write(f"W{now} main.cpp:1] Orthanc version: {text}\n{stamp},123 INFO {text}\n")
                log.write(f'E{now} ServerContext.cpp:1] Error in the Lua script: "{text}" {text.encode().hex()}\n')
                log.write(json.dumps({"level": text, "time": text, "msg": text, "err": {"kind": text}, text: 1}) + "\n")
                log.write(json.dumps({"level": "info", "msg": "answered", "route": f"/{text}", "cursor": text}) + "\n")
                log.write(json.dumps({"s": "I", "c": "QUERY", "id": 1, "msg": text, "attr": {"f": text}}) + "\n")


def test_the_archive_holds_nothing_of_a_patient_and_no_secret(native: Native, tmp_path: Path) -> None:
    say_everywhere(native, tmp_path)
    held = "".join((native.state / f"log/{name}.log").read_text(errors="replace") for name in ("orthanc", "backend"))
    assert all(one in held for one in PATIENT), "the test would find nothing"
    archive = tmp_path / "support.tar.gz"
    said = native.run("doctor", options=["--bundle", str(archive)])
    assert archive.exists(), said.all
    assert archive.stat().st_mode & 0o777 == 0o600
    whole = gzip.decompress(archive.read_bytes())
    secrets = [file.read_text().strip() for file in (native.state / "secrets").iterdir() if file.is_file()]
    assert len(secrets) >= 5
    for text in (*PATIENT, *secrets):
        for form in forms(text):
            at = whole.find(form)
            assert at < 0, (text if text in PATIENT else "a secret", form, whole[max(0, at - 200) : at + 100])
    with tarfile.open(archive) as packed:
        names = packed.getnames()
        files = {name: packed.extractfile(name) for name in names}
        content = {name: file.read() for name, file in files.items() if file}
    assert names == sorted(names)
    root = "orthancgen-support/"
    manifest = json.loads(content[f"{root}manifest.json"])
    assert {f"{root}{name}": digest for name, digest in manifest.items()} == {
        name: hashlib.sha256(one).hexdigest() for name, one in content.items() if name != f"{root}manifest.json"
    }
    assert {"README.txt", "doctor.json", "doctor.txt", "status.json", "host.json", "log/orthanc.log"} <= manifest.keys()
    log = content[f"{root}log/orthanc.log"].decode()
    assert "DICOM server listening with AET ORTHANC_DEV_AE on port: " in log, "what is known stays"
    assert any(name.startswith(f"{root}environment/0-fix") for name in names)
    once_more = native.run("doctor", options=["--bundle", str(archive)])
    assert once_more.code == 2
    assert "exists" in once_more.err
    wait_until(lambda: native.unhealthy() == {}, what="the environment to be well")
