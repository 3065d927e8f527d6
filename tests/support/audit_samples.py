"""Samples of the audit's rules: a copy of the safe set-up with one thing changed, as `tests/audit/README.md` says."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from orthancgen.audit.run import Report, audit, load_rules
from orthancgen.audit.subject import Subject
from orthancgen.foreign.jsonc import parse as parse_json
from orthancgen.foreign.read import read_target
from orthancgen.orthanc.keys import Version

SAMPLES: Final = Path(__file__).parents[1] / "audit"
BASE: Final = SAMPLES / "base"
TODAY: Final = datetime.date(2026, 6, 1)
HOST: Final = "archive.example"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Final = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_OTHERS: Final = frozenset({"certificates", "options", "also"})
_SECRETS: Final[Mapping[str, str]] = {
    "secrets/orthanc_users.json": json.dumps(
        {"RegisteredUsers": {"administrator": "k3Wz7vQy1nT5bXr9sJd2", "reader": "p8Lm4cHf6gRa0tYe3uVb"}}
    ),
    "secrets/database_password": "Zx7Qw3Er5Ty9Ui1Op2As",
    "secrets/database_root_password": "Mn4Bv6Cx8Za0Sd2Fg5Hj",
}
_LEAVES: Final = ("dicom", "web")


@dataclass(frozen=True)
class Sample:
    """A change of the safe set-up, and the rules that it raises beside its own."""

    rule: str
    path: Path
    change: Mapping[str, Any]

    @property
    def also(self) -> frozenset[str]:
        return frozenset(self.change.get("also") or ())


def samples(kind: str) -> Iterator[Sample]:
    """Every sample whose file begins with `fail` or `pass`."""
    for path in sorted(SAMPLES.glob(f"*/{kind}*.yaml")):
        yield Sample(path.parent.name, path, yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) or {})


def audited(change: Mapping[str, Any], folder: Path) -> Report:
    """The report on the set-up with that change, built in an empty folder."""
    build(change, folder)
    options = change.get("options") or {}
    version = Version.parse(options["version"]) if "version" in options else None
    today = datetime.date.fromisoformat(options["today"]) if "today" in options else TODAY
    paths = [folder / path for path in options.get("paths") or ["."]]
    target = read_target(paths, version=version, publisher=options.get("publisher"), today=today)
    return audit(Subject(target, today=today), load_rules())


def build(change: Mapping[str, Any], folder: Path) -> None:
    """Write the set-up with that change."""
    shutil.copytree(BASE, folder, dirs_exist_ok=True)
    secrets = folder / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    secrets.chmod(0o700)
    for name, text in _SECRETS.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name in _LEAVES:
        options = (change.get("certificates") or {}).get(f"{name}_certificate", {})
        certificate, key, trusted = certificates(**options)
        (secrets / f"{name}_certificate.pem").write_bytes(certificate)
        (secrets / f"{name}_key.pem").write_bytes(key)
        if name == "dicom":
            (secrets / "dicom_trusted.pem").write_bytes(trusted)
    for path in secrets.iterdir():
        path.chmod(0o600)
    tracked, untracked = [], []
    for name, what in change.items():
        if name not in _OTHERS:
            _change(folder / name, what)
            tracked += [name] if what.get("tracked") else []
            untracked += [name] if what.get("tracked") is False else []
    _git(folder, "init", "--quiet")
    _git(folder, "add", "--all")
    for name in tracked:
        _git(folder, "add", "--force", name)
    for name in untracked:
        _git(folder, "rm", "--cached", "--quiet", name)


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True)


def _change(path: Path, what: Mapping[str, Any]) -> None:
    known = {"set", "remove", "replace", "append", "content", "mode", "delete", "tracked"}
    assert set(what) <= known, f"{path.name}: {set(what) - known}"
    if "content" in what:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(what["content"], encoding="utf-8")
    assert path.exists(), f"the safe set-up has no {path.name}: give its `content`"
    if what.get("delete"):
        path.unlink()
        return
    if "set" in what or "remove" in what:
        _edit(path, what.get("set") or {}, what.get("remove") or ())
    for old, new in (what.get("replace") or {}).items():
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{path.name} has no {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")
    if "append" in what:
        path.write_text(path.read_text(encoding="utf-8") + what["append"], encoding="utf-8")
    if "mode" in what:
        path.chmod(int(what["mode"], 8))


def _edit(path: Path, wanted: Mapping[str, Any], unwanted: tuple[str, ...]) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        tree = parse_json(text, path.name).tree
        assert tree is not None
        document = tree.plain()
    else:
        document = yaml.load(text, Loader=_LOADER)
    for key_path, value in wanted.items():
        holder, last = _holder(document, key_path, make=True)
        holder[last] = value
    for key_path in unwanted:
        holder, last = _holder(document, key_path, make=False)
        del holder[last]
    written = (
        json.dumps(document, indent=2)
        if path.suffix == ".json"
        else yaml.dump(document, Dumper=_DUMPER, sort_keys=False)
    )
    path.write_text(written, encoding="utf-8")


def _holder(document: Any, key_path: str, *, make: bool) -> tuple[Any, Any]:
    *sections, last = key_path.split("/")
    holder = document
    for section in sections:
        if isinstance(holder, list):
            holder = holder[int(section)]
        else:
            holder = holder.setdefault(section, {}) if make else holder[section]
    return holder, int(last) if isinstance(holder, list) else last


@cache
def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the samples")])
    built = _builder(name, name, key.public_key(), 3650).add_extension(x509.BasicConstraints(True, None), True)
    return built.sign(key, hashes.SHA256()), key


@cache
def certificates(
    days: int = 300, host: str = HOST, key: str = "ec", foreign: bool = False, other_key: bool = False, past: int = 10
) -> tuple[bytes, bytes, bytes]:
    """Certificate, key and authority in PEM.

    Args:
        days: valid from `TODAY` on; a negative number is one that has expired.
        host: whose certificate it is.
        key: ec, rsa2048 or rsa1024.
        foreign: signed by an authority that is not the one handed out.
        other_key: the key is not that of the certificate.
        past: days before `TODAY` on which it begins.
    """
    made: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if key == "ec"
        else rsa.generate_private_key(65537, int(key.removeprefix("rsa")))
    )
    authority, signer = _authority()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    builder = _builder(subject, authority.subject, made.public_key(), days, past).add_extension(
        x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
    )
    signed_with = ec.generate_private_key(ec.SECP256R1()) if foreign else signer
    certificate = builder.sign(signed_with, hashes.SHA256())
    shown = ec.generate_private_key(ec.SECP256R1()) if other_key else made
    return (
        certificate.public_bytes(serialization.Encoding.PEM),
        shown.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        authority.public_bytes(serialization.Encoding.PEM),
    )


def _builder(subject: x509.Name, issuer: x509.Name, key: Any, days: int, past: int = 10) -> x509.CertificateBuilder:
    noon = datetime.datetime.combine(TODAY, datetime.time(12), datetime.UTC)
    end = noon + datetime.timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(min(noon, end) - datetime.timedelta(days=past))
        .not_valid_after(end)
    )
