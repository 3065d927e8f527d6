"""Orthancs of every supported version, generated configurations, and callers that play what `Call` says.

The native Orthanc is the one that is installed. Those of Debian 13 and sid come from the same archives as the images
of the tests; they are started by their own dynamic linker and their own libraries, without a container engine.
"""

from __future__ import annotations

import re
import select
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_context

from orthancgen.dicom import scu
from orthancgen.dicom.association import associate
from orthancgen.dicom.outcome import Failure, Outcome, ScuResult, status_outcome
from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.dicom.synthetic import SyntheticInstance, ct_instance, uid
from orthancgen.orthanc.access import Call, Command, Step, TlsKind
from orthancgen.orthanc.keys import Version
from tests.support.certificates import Authority, KeyPair
from tests.support.images import CACHE, debian
from tests.support.servers import OrthancServer, require_program

COMMANDS: Final[tuple[Command, ...]] = (
    "echo", "store", "find", "find_worklist", "get", "move", "storage_commitment",
)  # fmt: skip
OWN_AET: Final = "ORTHANC"
ADDRESSES: Final = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1")
STORAGE_COMMITMENT: Final = UID("1.2.840.10008.1.20.1")
_COMMITMENT_INSTANCE: Final = UID("1.2.840.10008.1.20.1.1")
_TIMEOUTS: Final = Timeouts(connect=30.0, association=60.0, command=60.0)
_NEEDED: Final = ("./usr/lib*", "./usr/sbin/Orthanc", "./usr/share/orthanc", "./usr/share/dcmtk*", "./lib*")


# --- programs


@dataclass(frozen=True)
class Release:
    """An Orthanc that can be started: its version, command, the environment that it needs, and its plugins."""

    version: Version
    command: tuple[str, ...]
    environment: Mapping[str, str]
    plugins: Path

    @property
    def worklists(self) -> str:
        """The plugin that serves worklists."""
        return str(self.plugins / "libModalityWorklists.so")


RELEASES: Final = ("installed", "trixie", "sid")
"""What `release` takes: the installed Orthanc, and those of Debian 13 and sid."""


def release(name: str, *more: str) -> Release:
    """An Orthanc by its place in `RELEASES`, with `more` packages; those of other Debians are made and kept."""
    if name == "installed":
        return _described((require_program("Orthanc"),), {}, Path("/usr/share/orthanc/plugins"))
    options = ['--aptopt=Acquire::Check-Valid-Until "false"'] if name == "sid" else []
    CACHE.mkdir(parents=True, exist_ok=True)
    root = _unpacked(debian(name, *options, include=("orthanc", *more)))
    linker = next(iter(sorted(root.glob("usr/lib*/ld-linux*.so.*")) or sorted(root.glob("usr/lib/*/ld-linux*.so.*"))))
    libraries = sorted(root.glob("usr/lib/*-linux-gnu*"))[0]
    command = (
        str(linker),
        "--inhibit-cache",
        "--library-path",
        f"{libraries}:{root}/usr/lib",
        str(root / "usr/sbin/Orthanc"),
    )
    dictionaries = root / "usr/share/dcmtk"
    environment = {
        "DCMDICTPATH": f"{dictionaries}/dicom.dic:{dictionaries}/private.dic",
        "OPENSSL_CONF": "/dev/null",
        "OPENSSL_MODULES": str(libraries / "ossl-modules"),
    }
    return _described(command, environment, root / "usr/share/orthanc/plugins")


def _described(command: tuple[str, ...], environment: Mapping[str, str], plugins: Path) -> Release:
    printed = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True, timeout=240).stdout
    found = re.search(r"Orthanc (\d+\.\d+\.\d+|mainline)", printed)
    assert found, printed[:200]
    return Release(Version.parse(found.group(1)), command, environment, plugins)


def _unpacked(archive: Path) -> Path:
    """What Orthanc needs of an archive, unpacked beside it; once for each archive."""
    target = archive.with_suffix(f".{archive.stat().st_mtime_ns}")
    if target.is_dir():
        return target
    for old in archive.parent.glob(f"{archive.stem}.[0-9]*"):
        shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
        made = Path(scratch) / "root"
        made.mkdir()
        command = ["tar", "-xf", str(archive), "-C", str(made), "--no-same-owner", "--wildcards", *_NEEDED]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr[-2000:]
        with suppress(OSError):  # another test run may have been quicker
            made.rename(target)
    return target


class ReleasedOrthanc(OrthancServer):
    """An Orthanc of a release, with worklists; otherwise as `OrthancServer`."""

    def __init__(self, release: Release, folder: Path, configuration: Mapping[str, Any]) -> None:
        worklists = folder / "worklists"
        worklists.mkdir(parents=True, exist_ok=True)
        own = {"Plugins": [release.worklists], "Worklists": {"Enable": True, "Database": str(worklists)}}
        super().__init__(folder, {**own, **configuration})
        self.release = release

    def command(self) -> list[str]:
        return [*self.release.command, str(self.folder / "orthanc.json")]

    def environment(self) -> dict[str, str]:
        return super().environment() | dict(self.release.environment)

    def mapped(self) -> set[str]:
        """The shared libraries that the process has in memory."""
        lines = Path(f"/proc/{self.pid}/maps").read_text().splitlines()
        return {line.split()[-1] for line in lines if ".so" in line}


# --- certificates


@dataclass(frozen=True)
class Credentials:
    """What a server over TLS needs, and what each kind of caller shows."""

    server: KeyPair
    trusted: Path
    contexts: Mapping[TlsKind, tuple[ssl.SSLContext, ...]]

    def settings(self) -> dict[str, Any]:
        """The keys of orthanc.json that name the files."""
        return {
            "DicomTlsCertificate": str(self.server.certificate),
            "DicomTlsPrivateKey": str(self.server.key),
            "DicomTlsTrustedCertificates": str(self.trusted),
        }


def make_credentials(folder: Path) -> Credentials:
    """Two authorities, the certificates of a server and of callers, one of them expired."""
    ours, theirs = Authority(folder / "ours"), Authority(folder / "theirs", "another authority")
    expiring = _expired(folder / "expired")
    trusted = folder / "trusted.pem"
    trusted.write_bytes(ours.certificate.read_bytes() + expiring[1].read_bytes())
    contexts: dict[TlsKind, tuple[ssl.SSLContext, ...]] = {
        "anonymous": (ours.client_context(),),
        "trusted": (ours.client_context(ours.issue("caller")),),
        "foreign": (ours.client_context(theirs.issue("stranger")), ours.client_context(expiring[0])),
    }
    return Credentials(ours.issue("server"), trusted, contexts)


def _expired(folder: Path) -> tuple[KeyPair, Path]:
    """A certificate that ended yesterday, and the certificate of its authority, which is valid."""
    folder.mkdir(parents=True)
    key, own_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names = [
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("expiring authority", "expired")
    ]
    now = datetime.now(UTC)

    def made(subject: int, public: ec.EllipticCurvePublicKey, end: datetime) -> bytes:
        builder = x509.CertificateBuilder().subject_name(names[subject]).issuer_name(names[0]).public_key(public)
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=9)).not_valid_after(end)
        builder = builder.add_extension(x509.BasicConstraints(ca=subject == 0, path_length=None), critical=True)
        return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    pair, authority = KeyPair(folder / "expired.crt", folder / "expired.key"), folder / "authority.crt"
    authority.write_bytes(made(0, key.public_key(), now + timedelta(days=1)))
    pair.certificate.write_bytes(made(1, own_key.public_key(), now - timedelta(days=1)))
    pair.key.touch(mode=0o600)
    pair.key.write_bytes(
        own_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pair, authority


# --- configurations and calls


_ALWAYS: Final = ("Echo", "Store", "Find", "FindWorklist", "Get", "Move")
_ALLOW: Final = (
    *(f"Allow{command}" for command in _ALWAYS), "AllowNAction", "AllowEventReport", "AllowStorageCommitment",
)  # fmt: skip
_AETS: Final = ("CT1", "ct1", "Ct1", "CT1", "MR1", "WS 1", "CT1 ", " CT1", "A-VERY-LONG-AET1", "A-VERY-LONG-AET12")
_HOSTS: Final = (*ADDRESSES[:3] * 4, "localhost", "127.0.0.0/8", "127.0.0.02", " 127.0.0.2", "::1", "")
_NAMES: Final = ("a", "B", "_c", "-d", "ct1", "CT1", "9", "zz", "Z", "ct-1", "ct_1")


def configuration(random: Random, credentials: Credentials) -> dict[str, Any]:
    """A configuration that Orthanc starts on, with settings of admission in any combination."""
    made: dict[str, Any] = {}
    doors = random.choices(("closed", "default", "any"), (5, 1, 3))[0]
    for command in _ALWAYS:
        if doors == "closed" or (doors == "any" and random.random() < 0.7):
            made[f"DicomAlwaysAllow{command}"] = doors == "any" and random.random() < 0.35
    _sometimes(random, made, "DicomCheckModalityHost", 0.5)
    _sometimes(random, made, "DicomCheckCalledAet", 0.3)
    _sometimes(random, made, "StrictAetComparison", 0.4)
    _sometimes(random, made, "DicomModalitiesInDatabase", 0.06)
    if random.random() < 0.03:
        made["DicomServerEnabled"] = False
    if random.random() < 0.3:
        made["DicomAet"] = random.choice(("Orthanc", "MAIN PACS", "ORTHANC ", " ORTHANC"))
    if random.random() < 0.2:
        made[random.choice(("DicomCheckCallingAet", "DicomAlwaysAllowNAction", "dicomCheckModalityHost"))] = True
    if random.random() < 0.3:
        made |= credentials.settings()
        made["DicomTlsEnabled"] = random.random() < 0.85
        _sometimes(random, made, "DicomTlsRemoteCertificateRequired", 0.5)
    made["DicomModalities"] = {
        name: _entry(random) for name in random.sample(_NAMES, random.choices((0, 1, 2, 3, 4), (1, 3, 5, 4, 3))[0])
    }
    keys = list(made)
    random.shuffle(keys)
    return {key: made[key] for key in keys}


def _sometimes(random: Random, made: dict[str, Any], key: str, share: float) -> None:
    """True in that share of configurations; elsewhere false, or not there."""
    if random.random() < share:
        made[key] = True
    elif random.random() < 0.5:
        made[key] = False


def _entry(random: Random) -> dict[str, Any] | list[Any]:
    # Port 1: a storage commitment is reported to it in vain, at once.
    aet, host, port = random.choice(_AETS), random.choice(_HOSTS), random.choice((1, "1"))
    if random.random() < 0.2:
        return [aet, host, port, *random.choice(([], ["Generic"]))]
    entry: dict[str, Any] = {"AET": aet, "Host": host, "Port": port}
    for key in _ALLOW:
        share = 0.4 if key == "AllowStorageCommitment" else 0.5
        if random.random() < share:
            entry[key] = random.random() < 0.5
    if random.random() < 0.1:
        entry[random.choice(("AllowWorklist", "allowEcho", "AllowCEcho"))] = False
    return entry


def calls(random: Random, configured: Mapping[str, Any], count: int) -> list[Call]:
    """Calls that are about a configuration: its AE titles and near ones, its hosts and others, every command."""
    entries = [e if isinstance(e, list) else [e["AET"], e["Host"]] for e in configured["DicomModalities"].values()]
    own = configured.get("DicomAet", OWN_AET)
    tls = bool(configured.get("DicomTlsEnabled"))
    kinds: tuple[TlsKind, ...] = ("plain", "anonymous", "trusted", "foreign")
    weights = (1, 2, 6, 2) if tls else (40, 1, 1, 1)
    made = []
    for number in range(count):
        aet, host = random.choice(entries)[:2] if entries and random.random() < 0.85 else ("NOBODY", "127.0.0.2")
        if host not in ADDRESSES or random.random() < 0.4:
            host = random.choice(ADDRESSES)
        made.append(
            Call(
                calling_aet=_near(random, aet)[:16],
                called_aet=own if random.random() < 0.8 else random.choice((own.swapcase(), f" {own}"[:16], "OTHER")),
                address=host,
                command=COMMANDS[number % len(COMMANDS)],
                tls=random.choices(kinds, weights)[0],
            )
        )
    return made


def _near(random: Random, aet: str) -> str:
    if random.random() < 0.6:
        return aet
    return random.choice((aet.swapcase(), aet.lower(), f" {aet}", f"{aet} ", aet.strip(), f"{aet}X", "NOBODY"))


# --- what comes of a call


@dataclass(frozen=True)
class Observed:
    """What an Orthanc did with a call: whether it carried the command out, where it refused, and how it said so."""

    allowed: bool
    step: Step
    text: str
    reason: int | None = None


def sample() -> SyntheticInstance:
    """The instance that the callers send and ask for."""
    return ct_instance("admission", datetime(2026, 1, 1, tzinfo=UTC), rows=8, columns=8)


def attempt(
    server: ReleasedOrthanc, call: Call, credentials: Credentials, instance: SyntheticInstance, *, turn: int = 0
) -> Observed:
    """Play a call against a server and tell what came of it.

    Args:
        server: the server, on 127.0.0.1.
        call: who asks for what; its address must be one of this host.
        credentials: the certificates of the callers.
        instance: what is sent and asked for.
        turn: chooses among the certificates of one kind.
    """
    contexts = credentials.contexts.get(call.tls, ())
    peer = Peer(
        host="127.0.0.1", port=server.dicom_port, called_aet=call.called_aet, calling_aet=call.calling_aet,
        tls=contexts[turn % len(contexts)] if contexts else None, source_address=call.address, timeouts=_TIMEOUTS,
    )  # fmt: skip
    over_tls = call.tls != "plain" or bool(server.configuration.get("DicomTlsEnabled"))
    return _classified(_play(peer, call.command, instance), over_tls)


def _play(peer: Peer, command: Command, instance: SyntheticInstance) -> ScuResult:
    query = Dataset()
    query.QueryRetrieveLevel = "STUDY"
    query.StudyInstanceUID = instance.study_instance_uid
    if command == "echo":
        return scu.echo(peer)
    if command == "store":
        return scu.store(peer, instance.data)
    if command == "find":
        return scu.find(peer, query)
    if command == "get":
        return scu.get(peer, query)
    if command == "move":
        return scu.move(peer, query, "NOWHERE")
    if command == "find_worklist":
        del query.QueryRetrieveLevel
        return scu.find(peer, query, model=scu.WORKLIST)
    return _commit(peer, instance)


def _commit(peer: Peer, instance: SyntheticInstance) -> ScuResult:
    """N-ACTION of storage commitment (PS3.4 annex J.3.2)."""
    reference = Dataset()
    reference.ReferencedSOPClassUID = instance.sop_class_uid
    reference.ReferencedSOPInstanceUID = instance.sop_instance_uid
    request = Dataset()
    request.TransactionUID = uid("admission", "transaction")
    request.ReferencedSOPSequence = [reference]
    with associate(peer, [build_context(STORAGE_COMMITMENT)]) as link:
        if isinstance(link, Failure):
            return ScuResult(link.outcome, link.text, rejection=link.rejection)
        answer, _ = link.association.send_n_action(request, 1, STORAGE_COMMITMENT, _COMMITMENT_INSTANCE)
        if "Status" not in answer:
            failure = link.lost(float("inf"))
            return ScuResult(failure.outcome, failure.text)
        status = int(answer.Status)
        return ScuResult(status_outcome(status), f"answered N-ACTION with status 0x{status:04X}", status=status)


_NO_LINK: Final = (Outcome.CONNECTION_REFUSED, Outcome.CONNECTION_TIMEOUT, Outcome.UNREACHABLE, Outcome.NAME_UNKNOWN)


def _classified(result: ScuResult, over_tls: bool) -> Observed:
    text = f"{result.outcome}: {result.text}"
    if result.status is not None:
        return Observed(True, "command", text)
    if result.outcome is Outcome.ASSOCIATION_REJECTED:
        assert result.rejection is not None
        return Observed(False, "association", text, result.rejection.reason)
    if "instead of answering" in result.text or "in the middle of a command" in result.text:
        return Observed(False, "command", text)
    if result.outcome in _NO_LINK:
        return Observed(False, "connection", text)
    if result.outcome in (Outcome.TLS_FAILED, Outcome.CLOSED, Outcome.ASSOCIATION_ABORTED):
        return Observed(False, "tls" if over_tls else "association", text)
    raise AssertionError(f"neither admitted nor refused: {text}")


def raw_echo(
    port: int, calling: bytes, called: bytes, *, address: str = "127.0.0.1", patience: float = 0.3
) -> Observed:
    """A C-ECHO with AE titles of any 16 bytes, which no well-behaved caller sends; without TLS.

    PS3.8 section 9.3 and PS3.7 section 9.3.5.

    Args:
        port: the DICOM port on 127.0.0.1.
        calling: the calling AE title; it is filled up with spaces.
        called: the called AE title, likewise.
        address: the address to call from.
        patience: seconds without an answer until we half-close the connection, and again until we give up.
    """
    with socket.create_connection(("127.0.0.1", port), source_address=(address, 0)) as sock:
        sock.sendall(_associate_rq(calling.ljust(16)[:16], called.ljust(16)[:16]))
        if not select.select([sock], [], [], patience)[0]:
            # Orthanc waits for a caller whom it dropped to hang up, and serves nobody else until then.
            sock.shutdown(socket.SHUT_WR)
            if not select.select([sock], [], [], patience)[0]:
                return Observed(False, "association", "gave no answer and left the connection open")
        sock.settimeout(60)
        kind, body = _pdu(sock)
        if kind != _ASSOCIATE_AC:
            text = f"answered the association request with {_PDU_NAMES.get(kind, kind)} {body.hex()}"
            return Observed(False, "association", text, body[3] if kind == _ASSOCIATE_RJ else None)
        sock.sendall(_c_echo_rq())
        kind, _ = _pdu(sock)
        allowed = kind == _P_DATA
        if allowed:
            sock.sendall(struct.pack(">BxI4x", _RELEASE_RQ, 4))
            _pdu(sock)
        return Observed(allowed, "command", f"answered the C-ECHO with {_PDU_NAMES.get(kind, kind)}")


@contextmanager
def refused_and_still_there(port: int) -> Iterator[None]:
    """A caller whose association was rejected, and that keeps its connection open for the length of the block."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
        sock.sendall(_associate_rq(b"NOBODY".ljust(16), b"ORTHANC".ljust(16)))
        assert _pdu(sock)[0] == _ASSOCIATE_RJ
        yield


_ASSOCIATE_RQ, _ASSOCIATE_AC, _ASSOCIATE_RJ, _P_DATA, _RELEASE_RQ = 0x01, 0x02, 0x03, 0x04, 0x05
_PDU_NAMES: Final = {0: "nothing", 2: "A-ASSOCIATE-AC", 3: "A-ASSOCIATE-RJ", 4: "P-DATA-TF", 7: "A-ABORT"}


def _item(kind: int, content: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(content)) + content


def _associate_rq(calling: bytes, called: bytes) -> bytes:
    syntaxes = _item(0x30, b"1.2.840.10008.1.1") + _item(0x40, b"1.2.840.10008.1.2")
    user = _item(0x51, struct.pack(">I", 16384)) + _item(0x52, b"1.2.826.0.1.3680043.9.3811")
    items = _item(0x10, b"1.2.840.10008.3.1.1.1") + _item(0x20, b"\1\0\0\0" + syntaxes) + _item(0x50, user)
    body = struct.pack(">H2x", 1) + called + calling + bytes(32) + items
    return struct.pack(">BxI", _ASSOCIATE_RQ, len(body)) + body


def _c_echo_rq() -> bytes:
    verification = b"1.2.840.10008.1.1\0"
    elements = struct.pack("<HHI", 0, 0x0002, len(verification)) + verification
    for element, value in ((0x0100, 0x0030), (0x0110, 1), (0x0800, 0x0101)):
        elements += struct.pack("<HHIH", 0, element, 2, value)
    command = struct.pack("<HHII", 0, 0, 4, len(elements)) + elements
    fragment = struct.pack(">IBB", len(command) + 2, 1, 0x03) + command
    return struct.pack(">BxI", _P_DATA, len(fragment)) + fragment


def _pdu(sock: socket.socket) -> tuple[int, bytes]:
    """The next PDU: its type and content; (0, b"") where the peer closed the connection."""
    with suppress(ConnectionError):
        head = _exactly(sock, 6)
        if len(head) == 6:
            kind, length = struct.unpack(">BxI", head)
            return int(kind), _exactly(sock, length)
    return 0, b""


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := sock.recv(count - len(data))):
        data += more
    return data
