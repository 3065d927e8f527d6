"""What `decide` says of a call is what real Orthancs of every supported version do with it; no difference allowed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from orthancgen.orthanc.access import Call, Decision, TlsKind, decide
from tests.support import servers
from tests.support.admission import (
    COMMANDS,
    RELEASES,
    Credentials,
    Observed,
    Release,
    ReleasedOrthanc,
    attempt,
    calls,
    configuration,
    make_credentials,
    raw_echo,
    refused_and_still_there,
    release,
    sample,
)
from tests.support.proof import ProofFigures
from tests.support.servers import StartupError

pytestmark = pytest.mark.live

SAMPLE, FULL, CALLS = 10, 300, 28
INSTANCE = sample()
CLOSED = {"DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False}
CT1 = {"AET": "CT1", "Host": "127.0.0.2", "Port": 1}
CT1_ECHO = Call("CT1", "ORTHANC", "127.0.0.2", "echo")


@pytest.fixture(scope="module", params=RELEASES)
def orthanc_release(request: pytest.FixtureRequest) -> Release:
    """Each Orthanc in turn."""
    return release(request.param)


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """Certificates of every kind of caller."""
    return make_credentials(tmp_path_factory.mktemp("certificates"))


@contextmanager
def serving(release: Release, folder: Path, settings: Mapping[str, Any]) -> Iterator[ReleasedOrthanc]:
    """A running Orthanc that is killed at the end: an orderly end takes it 2 s, and nothing of it is kept."""
    server = ReleasedOrthanc(release, folder, settings)
    try:
        yield server.start()
    finally:
        if server.running:
            server.kill()
        shutil.rmtree(folder)


def differs(said: Decision, seen: Observed) -> bool:
    """Whether a decision is not what was seen, the reason of a rejection included (PS3.8 table 9-21)."""
    if (said.allowed, said.step) != (seen.allowed, seen.step):
        return True
    about_called = ("DicomCheckCalledAet",) in said.decided_by
    return seen.step == "association" and seen.reason is not None and seen.reason != (7 if about_called else 3)


def compare(
    release: Release, folder: Path, credentials: Credentials, count: int, seed: str
) -> tuple[Counter[str], list[str]]:
    """Compare generated configurations; what was seen how often, and the differences in words."""
    seen: Counter[str] = Counter()
    differences = []
    for number in range(count):
        random = Random(f"{seed}/{number}")
        settings = configuration(random, credentials)
        with serving(release, folder / str(number), settings) as server:
            with server.client() as client:
                client.post("/instances", content=INSTANCE.data).raise_for_status()
            for turn, call in enumerate(calls(random, settings, CALLS)):
                said = decide(server.configuration, release.version, call)
                saw = attempt(server, call, credentials, INSTANCE, turn=turn)
                seen[f"{saw.step} {'allowed' if saw.allowed else 'refused'}"] += 1
                if differs(said, saw):
                    differences.append(f"{number}: {call}\n  said {said}\n  saw {saw}\n  with {json.dumps(settings)}")
    return seen, differences


def test_generated_configurations(orthanc_release: Release, tmp_path: Path, credentials: Credentials) -> None:
    seen, differences = compare(orthanc_release, tmp_path, credentials, SAMPLE, "sample")
    assert not differences, "\n".join(differences[:5])
    assert min(seen[what] for what in ("command allowed", "command refused", "association refused")) > 20, seen
    assert seen["tls refused"], seen


@pytest.mark.proof
@pytest.mark.timeout(1500)
def test_three_hundred_configurations(
    orthanc_release: Release, tmp_path: Path, credentials: Credentials, proof_figures: ProofFigures
) -> None:
    seen, differences = compare(orthanc_release, tmp_path, credentials, FULL, "proof")
    assert not differences, f"{len(differences)} differences\n" + "\n".join(differences[:10])
    words = ", ".join(f"{count} {what}" for what, count in sorted(seen.items()))
    proof_figures(
        f"calls of {FULL} generated configurations to Orthanc {orthanc_release.version}, compared with `decide`",
        seen.total(),
        f"no difference: {words}",
    )


@pytest.mark.parametrize("required", [True, False])
def test_certificates(required: bool, orthanc_release: Release, tmp_path: Path, credentials: Credentials) -> None:
    """Of a foreign authority, and expired; a modality's permissions count as they do without TLS."""
    over_tls = credentials.settings() | {"DicomTlsEnabled": True, "DicomTlsRemoteCertificateRequired": required}
    entry = CT1 | {"AllowNAction": True, "AllowStorageCommitment": False}
    kinds: tuple[TlsKind, ...] = ("plain", "anonymous", "trusted", "foreign", "foreign")
    wrong = []
    with serving(orthanc_release, tmp_path / "o", CLOSED | over_tls | {"DicomModalities": {"ct1": entry}}) as server:
        for turn, kind in enumerate(kinds):
            for command in ("echo", "storage_commitment"):
                call = replace(CT1_ECHO, tls=kind, command=command)
                said = decide(server.configuration, orthanc_release.version, call)
                saw = attempt(server, call, credentials, INSTANCE, turn=turn)
                if differs(said, saw):
                    wrong.append(f"{call}: said {said}, saw {saw}")
    assert not wrong, "\n".join(wrong)


def test_it_is_the_orthanc_that_it_says(orthanc_release: Release, tmp_path: Path) -> None:
    with serving(orthanc_release, tmp_path / "o", {}) as server:
        assert server.get("/system")["Version"] == str(orthanc_release.version)
        if orthanc_release.environment:
            root = orthanc_release.plugins.parents[3]
            assert {path for path in server.mapped() if not Path(path).is_relative_to(root)} == set()


def test_the_dicom_server_listens_on_ipv4_alone(orthanc_release: Release, tmp_path: Path) -> None:
    with serving(orthanc_release, tmp_path / "o", {}) as server:
        assert servers.port_answers("127.0.0.1", server.dicom_port)
        assert not servers.port_answers("::1", server.dicom_port)


# --- AE titles that only a hostile caller sends

REGISTERED = ("CT1", " LEAD", "TRAIL ", "CTRL\x01", "BACK\\S", "É", "A-VERY-LONG-AET1", "A-VERY-LONG-AET12")
CALLING = (
    "CT1", " CT1", "  CT1", "CT1 ", "ct1", "CT1\0", "CT1\0XYZ", "CT1 \0", "\0CT1", " LEAD", "LEAD", "  LEAD", "TRAIL",
    "ctrl\x01", "CTRL", "CT1\n", "C\x7fT", "BACK\\S", "É", "é", "A-VERY-LONG-AET1",
    "A-VERY-LONG-AET", "", " " * 16, "\0" * 16, " \0CT1",
)  # fmt: skip
CALLED = ("ORTHANC", " ORTHANC", "ORTHANC ", "orthanc", "ORTHANC\0", "ORTHANC\0X", "", "\0", "O\x01", "A\\B", "OTHER")


@pytest.mark.parametrize("settings", [{"DicomCheckCalledAet": True}, {}, {"DicomAlwaysAllowFind": True}], ids=str)
def test_titles_on_the_wire(settings: dict[str, Any], orthanc_release: Release, tmp_path: Path) -> None:
    entries = {f"m{number}": {**CT1, "AET": aet} for number, aet in enumerate(REGISTERED)}
    asked = [replace(CT1_ECHO, calling_aet=aet) for aet in CALLING] + [
        replace(CT1_ECHO, called_aet=aet) for aet in CALLED
    ]
    wrong = []
    with serving(orthanc_release, tmp_path / "o", CLOSED | settings | {"DicomModalities": entries}) as server:
        for call in asked:
            titles = call.calling_aet.encode(), call.called_aet.encode()
            said = decide(server.configuration, orthanc_release.version, call)
            saw = raw_echo(server.dicom_port, *titles, address=call.address)
            if differs(said, saw):  # perhaps it was slow
                saw = raw_echo(server.dicom_port, *titles, address=call.address, patience=15.0)
            if differs(said, saw):
                wrong.append(f"{call}: said {said}, saw {saw}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.proof
def test_a_refused_caller_that_does_not_hang_up_keeps_the_others_waiting(
    orthanc_release: Release, tmp_path: Path, proof_figures: ProofFigures
) -> None:
    """What the guide warns of: Orthanc waits for it in the one thread that accepts associations."""
    with serving(orthanc_release, tmp_path / "o", CLOSED | {"DicomModalities": {"ct1": CT1}}) as server:
        assert raw_echo(server.dicom_port, b"CT1", b"ORTHANC").allowed
        with refused_and_still_there(server.dicom_port):
            waiting = raw_echo(server.dicom_port, b"CT1", b"ORTHANC", patience=5.0)
        assert not waiting.allowed, "Orthanc has become better: take the warning out of the guide"
        servers.wait_until(lambda: raw_echo(server.dicom_port, b"CT1", b"ORTHANC").allowed, what="Orthanc serves again")
    what = f"seconds that a refused caller kept Orthanc {orthanc_release.version} from answering anybody"
    proof_figures(what, 10, "until it hung up")


# --- settings on which Orthanc does not start, or ends


ODD_MODALITIES: tuple[Any, ...] = (
    [], None, {"a": "CT1"}, {"a": ["CT1", "127.0.0.2"]}, {"a": ["CT1", "127.0.0.2", 1, "Generic", 1]},
)  # fmt: skip


def _with(**changes: Any) -> dict[str, Any]:
    """A closed configuration with one modality, changed; None takes a key away."""
    entry = {key: value for key, value in (CT1 | changes).items() if value is not None}
    return CLOSED | {"DicomModalities": {"ct1": entry}}


UNUSUAL: dict[str, dict[str, Any]] = {
    **{f"DicomAet {aet!r}": {"DicomAet": aet} for aet in
       ("", "  ", "A" * 17, "A" * 16 + " ", "A\tB", "A\\B", "É" * 8, "É" * 9, 5)},
    **{f"{key} as a text": _with() | {key: "true"} for key in
       ("DicomServerEnabled", "DicomAlwaysAllowEcho", "DicomAlwaysAllowFindWorklist", "DicomCheckCalledAet",
        "DicomCheckModalityHost", "StrictAetComparison", "DicomModalitiesInDatabase", "DicomTlsEnabled",
        "DicomTlsRemoteCertificateRequired")},
    "wrong, but not read": {"DicomCheckModalityHost": 1, "StrictAetComparison": 1},
    "not a boolean": {"DicomAlwaysAllowEcho": 1},
    "null": {"DicomAlwaysAllowEcho": None},
    "name": {"DicomModalities": {"a b": CT1}},
    "modalities in the database": {"DicomModalitiesInDatabase": True, "DicomModalities": {"a b": 5}},
    "server off": {"DicomServerEnabled": False, "DicomModalities": {"a b": 5}},
    **{f"modalities {value!r}": {"DicomModalities": value} for value in ODD_MODALITIES},
    **{f"{key} missing": _with(**{key: None}) for key in ("AET", "Host", "Port")},
    **{f"Port {port!r}": _with(Port=port) for port in (0, 65534, 65535, "x", "104", " 1", "+1", "-1", "01", 1.0, True)},
    **{f"Host {host!r}": _with(Host=host) for host in (5, "", "no.such.host.example")},
    **{f"{key} {value!r}": _with(**{key: value}) for key in ("AllowEcho", "AllowFindWorklist", "AllowTranscoding",
       "AllowStorageCommitment", "UseDicomTls") for value in ("true", 1)},
    **{f"Manufacturer {name}": _with(Manufacturer=name) for name in
       ("Generic", "generic", "SiemensSyngoCT", "GE", "Vitrea", "AgfaImpax", "ClearCanvas", "Dcm4Chee", "EFilm2",
        "MedInria", "SyngoVia", "StoreScp", "")},
    **{f"{key} {value!r}": _with(**{key: value}) for key, value in
       (("LocalAet", 5), ("LocalAet", ""), ("LocalAet", "A" * 20), ("Timeout", -1), ("Timeout", 5), ("Timeout", "5"),
        ("RetrieveMethod", "X"), ("RetrieveMethod", "C-GET"), ("AET", ""), ("NoSuchKey", 5))},
}  # fmt: skip
OVER_TLS: dict[str, tuple[str, ...]] = {
    "nothing": (),
    "no trusted": ("DicomTlsCertificate", "DicomTlsPrivateKey"),
    "no key": ("DicomTlsCertificate", "DicomTlsTrustedCertificates"),
    "no certificate": ("DicomTlsPrivateKey", "DicomTlsTrustedCertificates"),
    "all": ("DicomTlsCertificate", "DicomTlsPrivateKey", "DicomTlsTrustedCertificates"),
}


def _unusual(credentials: Credentials) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from UNUSUAL.items()
    for what, keys in OVER_TLS.items():
        files = {key: value for key, value in credentials.settings().items() if key in keys}
        for required in (True, False):
            settings = files | {"DicomTlsEnabled": True, "DicomTlsRemoteCertificateRequired": required}
            yield f"TLS with {what}, required {required}", settings


def compare_unusual(release: Release, folder: Path, credentials: Credentials, share: float) -> tuple[int, list[str]]:
    """Compare a share of the unusual settings; how many, and the differences in words."""
    random = Random("sample")
    wrong, count = [], 0
    for name, settings in _unusual(credentials):
        if random.random() > share:
            continue
        count += 1
        tls: TlsKind = "anonymous" if settings.get("DicomTlsEnabled") is True else "plain"
        for call in (replace(CT1_ECHO, tls=tls, command=command) for command in COMMANDS[:2]):
            try:
                with serving(release, folder / "o", settings) as server:
                    saw = attempt(server, call, credentials, INSTANCE)
            except StartupError:
                saw = Observed(False, "connection", "does not start")
            said = decide(settings, release.version, call)
            if differs(said, saw):
                wrong.append(f"{name}, {call.command}: said {said}, saw {saw}")
            if saw.text == "does not start":
                break
    return count, wrong


def test_unusual_settings(orthanc_release: Release, tmp_path: Path, credentials: Credentials) -> None:
    count, wrong = compare_unusual(orthanc_release, tmp_path, credentials, 0.12)
    assert not wrong, "\n".join(wrong)
    assert count >= 5


@pytest.mark.proof
def test_all_unusual_settings(
    orthanc_release: Release, tmp_path: Path, credentials: Credentials, proof_figures: ProofFigures
) -> None:
    count, wrong = compare_unusual(orthanc_release, tmp_path, credentials, 1.0)
    assert not wrong, "\n".join(wrong)
    what = f"unusual and invalid settings given to Orthanc {orthanc_release.version}, compared with `decide`"
    proof_figures(what, count, "no difference: it starts, serves and ends as computed")
