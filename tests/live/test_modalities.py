"""The round trip: what a vendor sent back is put into the environment, deployed, may call, and is asked; for real."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.native import COMMAND, Native, Said
from tests.support.servers import free_port, port_answers, require_dcmtk, wait_until

pytestmark = pytest.mark.live
ONLY_KNOWN = {
    "backend.enabled": False,
    "webhook.enabled": False,
    "dicom.ae_checks": {"calling_aet": "registered_from_own_address", "anyone_may": []},
    "verification.enabled": False,
}


@contextmanager
def storescp(folder: Path, aet: str, *options: str, port: int = 0) -> Iterator[int]:
    """DCMTK's storescp as a modality, on a free port where none is named."""
    program, port = require_dcmtk("storescp"), port or free_port()
    folder.mkdir(exist_ok=True)
    command = [program, "--aetitle", aet, "--output-directory", str(folder), *options, str(port)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            wait_until(lambda: port_answers("127.0.0.1", port), what="storescp listens")
            yield port
        finally:
            process.kill()
            process.wait(60)


@pytest.fixture
def native(native_apps: Path) -> Iterator[Native]:
    native = Native(native_apps.parent / "modalities", apps=native_apps)
    native.write(ONLY_KNOWN)
    try:
        yield native
    finally:
        native.end()


def modalities(native: Native, verb: str, *arguments: str, code: int = 0) -> Said:
    """Run a verb that edits: it knows no state folder."""
    command = [*COMMAND, "modalities", verb, str(native.file), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == code, done.stdout + done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


def asked(native: Native, *names: str, code: int) -> dict[str, dict[str, Any]]:
    said = native.run("modalities", "check", options=[*names, "--json"])
    assert said.code == code, said.all
    document = json.loads(said.out)
    return {row["name"]: {**row, "by_orthanc": document["asked_by_orthanc"]} for row in document["modalities"]}


def echo(native: Native, aet: str) -> int:
    """C-ECHO to Orthanc by DCMTK, as a modality."""
    called = ("--aetitle", aet, "--call", "ORTHANC_DEV_AE", "127.0.0.1", str(native.ports["dicom"]))
    return subprocess.run([require_dcmtk("echoscu"), *called], capture_output=True, check=False).returncode


def test_from_what_the_vendor_sent_to_images_in_orthanc(native: Native, tmp_path: Path) -> None:
    native.deploy()
    assert echo(native, "CT1") != 0, "nobody is registered"
    closed = free_port()
    with storescp(tmp_path / "ct1", "CT1") as port:
        modalities(native, "add", "ct1", "--aet", "CT1", "--address", "127.0.0.1", "--port", str(port))
        early = asked(native, code=1)["ct1"]
        assert early["echo"] == "Orthanc does not know it yet"
        assert early["hint"] == f"orthancgen deploy {native.name}"
        native.deploy()
        assert echo(native, "CT1") == 0
        good = asked(native, code=0)["ct1"]
        assert (good["asked_by"], good["tcp"], good["echo"], good["hint"]) == ("orthanc", "connected", "success", None)

        rows = tmp_path / "vendor.csv"
        rows.write_bytes(
            (
                "Gerät;AE Title;IP-Adresse;DICOM Port;Hersteller;Raum\r\n"
                f"MR Röntgen;MR1;127.0.0.1;{closed};Siemens Healthineers;Raum 1\r\n"
                f";WRONG1;127.0.0.1;{port};GE;\r\n"
            ).encode("cp1252")
        )
        said = modalities(native, "import", str(rows))
        assert "2 added, 0 changed" in said.out
        native.deploy()
        assert [echo(native, aet) for aet in ("MR1", "WRONG1", "CT1")] == [0, 0, 0]
        assert echo(native, "MR2") != 0
        answers = asked(native, code=1)
        assert answers["ct1"]["ok"]
        refused = answers["MR-Rontgen"]
        assert not refused["ok"]
        assert "refuses the connection: nothing listens there" in refused["tcp"]
        assert refused["hint"] == "see that its DICOM service runs, and on which port it listens"
        assert refused["echo"].startswith("Orthanc could not: ")

        modalities(native, "change", "ct1", "--port", str(closed))
        moved = asked(native, "ct1", code=1)["ct1"]
        assert moved["echo"] == f"Orthanc knows it with {port} still"

        modalities(native, "remove", "MR-Rontgen")
        native.deploy()
        assert echo(native, "MR1") != 0
    table = native.run("modalities", "check", options=["ct1"])
    assert table.code == 1
    assert "refuses the connection" in table.out


def test_by_tls(native: Native, tmp_path: Path) -> None:
    native.write({**ONLY_KNOWN, "dicom.tls": {"enabled": True}})
    native.deploy()
    given, port = tmp_path / "ct1-files", free_port()
    modalities(native, "add", "ct1", "--aet", "CT1", "--address", "127.0.0.1", "--port", str(port), "--tls")
    native.deploy()
    bundle = native.run("certs", "bundle", options=["ct1", "-o", str(given)])
    assert bundle.code == 0, bundle.all
    files = {path.name: str(path) for path in given.iterdir()}
    tls = ("+tls", files["ct1.key.pem"], files["ct1.crt.pem"], "+cf", files["ca.pem"])
    with storescp(tmp_path / "ct1", "CT1", *tls, port=port):
        answer = asked(native, code=0)["ct1"]
        assert (answer["asked_by"], answer["echo"]) == ("orthanc", "success")
        assert native.run("down").code == 0
        alone = asked(native, code=0)["ct1"]
        assert (alone["asked_by"], alone["echo"]) == ("this host", f"CT1 at 127.0.0.1:{port} answered C-ECHO: success")
    with storescp(tmp_path / "plain", "CT1", port=port):
        wrong = asked(native, code=1)["ct1"]
        assert (wrong["tcp"], wrong["ok"]) == ("connected", False)
        assert "TLS" in wrong["echo"]


def test_where_orthanc_does_not_run_this_host_asks(native_apps: Path, tmp_path: Path) -> None:
    native = Native(native_apps.parent / "never-there")
    native.write(ONLY_KNOWN)
    with storescp(tmp_path / "ct1", "CT1") as port:
        modalities(native, "add", "ct1", "--aet", "CT1", "--address", "127.0.0.1", "--port", str(port))
        modalities(native, "add", "gone", "--aet", "GONE", "--address", "127.0.0.1", "--port", str(free_port()))
        answers = asked(native, code=1)
    assert (answers["ct1"]["asked_by"], answers["ct1"]["echo"], answers["ct1"]["by_orthanc"]) == (
        "this host", f"CT1 at 127.0.0.1:{port} answered C-ECHO: success", False,
    )  # fmt: skip
    assert not answers["gone"]["ok"]
    native.write({**ONLY_KNOWN, "dicom.ae_checks": {"calling_aet": "registered", "anyone_may": []}})
    modalities(native, "add", "far", "--aet", "FAR", "--address", "no-such-host.invalid")
    far = asked(native, "far", code=1)["far"]
    assert far["addresses"] == []
    assert far["hint"] == "write its address, or put its name into DNS"
    assert not native.state.exists()
