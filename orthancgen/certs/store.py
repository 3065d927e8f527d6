"""The folder `ca/` of an environment: its authorities with their keys, the index of what they issued, clients' keys.

It has mode 0700 and its files 0600; it lies with the operator and never enters a container.
"""

from __future__ import annotations

import datetime
import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from orthancgen.certs.issue import (
    Authority,
    certificate_pem,
    fingerprint,
    issue,
    key_pem,
    load_certificates,
    load_key,
    new_authority,
    same_key,
    serial,
)
from orthancgen.certs.issue import PrivateKey as PrivateKey
from orthancgen.certs.kinds import AuthorityName, KeyKind, Leaf
from orthancgen.errors import DeployError
from orthancgen.render.write import stage

_INDEX: Final = "index.json"


@dataclass(frozen=True, slots=True)
class Entry:
    """One issued certificate: a row of the index. Rows are added and marked as revoked, never taken out."""

    serial: str
    name: str
    authority: str
    purpose: str
    subject: str
    issued: str
    expires: str
    fingerprint: str
    revoked: str | None = None
    reason: str | None = None


class AuthorityStore:
    """The authorities of one environment.

    Args:
        folder: `ca/` of its state folder.
        title: what the authorities are called in their certificates.
        organisation: of their names, or None.
        kind: of keys that are made.
    """

    def __init__(
        self, folder: Path, title: str = "orthancgen", organisation: str | None = None, kind: KeyKind = "rsa_3072"
    ) -> None:
        self.folder = folder
        self._title, self._organisation, self._kind = title, organisation, kind

    @property
    def exists(self) -> bool:
        """Whether there is any authority."""
        return any(self._path(name).exists() for name in ("dicom", "https"))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder, which is made where it is missing: another process waits. Not to be nested.

        Raises:
            DeployError: it cannot be used.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = (self.folder / ".lock").open("a")
        except OSError as error:
            raise self._unusable(error) from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def ensure(self, name: AuthorityName, now: datetime.datetime) -> Authority:
        """The authority, made at the first time. To be called with the folder held.

        Raises:
            DeployError: what is there is damaged, or the folder cannot be used.
        """
        found = self.read(name)
        if found is None:
            kind = "DICOM" if name == "dicom" else "HTTPS"
            found = new_authority(name, f"{self._title} {kind} CA"[:50], self._organisation, self._kind, now)
            self._write(self._path(name), found.whole_pem)
        return found

    def begin_rotation(self, name: AuthorityName, now: datetime.datetime) -> Authority:
        """Make the authority that will follow this one; from now on both are trusted. Twice is once.

        Raises:
            DeployError: what is there is damaged, or the folder cannot be used.
        """
        found = self.read(name, following=True)
        if found is None:
            kind = "DICOM" if name == "dicom" else "HTTPS"
            found = new_authority(name, f"{self._title} {kind} CA"[:50], self._organisation, self._kind, now)
            self._write(self._path(f"{name}.next"), found.whole_pem)
        return found

    def finish_rotation(self, name: AuthorityName) -> None:
        """The following authority takes the place of this one, whose key is gone with that.

        Raises:
            DeployError: there is no following one, or the folder cannot be used.
        """
        try:
            self._path(f"{name}.next").replace(self._path(name))
        except OSError as error:
            raise self._unusable(error) from None

    def read(self, name: AuthorityName, *, following: bool = False) -> Authority | None:
        """An authority, or None where there is none yet.

        Raises:
            DeployError: its file is damaged or cannot be read.
        """
        path = self._path(f"{name}.next" if following else name)
        try:
            text = self._read(path)
            certificate, key = load_certificates(text)[0], load_key(text, ours=True)
            whole = same_key(certificate, key)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(error) from None
        except ValueError:
            whole = False
        if not whole:
            raise _damaged(path)
        return Authority(name, certificate, key)

    def issuing(self, name: AuthorityName, *, for_clients: bool, now: datetime.datetime) -> Authority:
        """The authority that signs now: for clients the following one during a rotation."""
        return (self.read(name, following=True) if for_clients else None) or self.ensure(name, now)

    def trusted(self, name: AuthorityName) -> tuple[x509.Certificate, ...]:
        """The authorities that are trusted: one, or two during a rotation.

        Raises:
            DeployError: a file is damaged or cannot be read.
        """
        found = []
        for path in (self._path(name), self._path(f"{name}.next")):
            try:
                found.append(load_certificates(self._read(path))[0])
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._unusable(error) from None
            except ValueError:
                raise _damaged(path) from None
        return tuple(found)

    def sign(
        self, authority: Authority, public_key: Any, leaf: Leaf, days: int, now: datetime.datetime
    ) -> x509.Certificate:
        """Issue a certificate and enter it into the index. To be called with the folder held.

        Raises:
            DeployError: the index is damaged, or the folder cannot be used.
        """
        certificate = issue(authority, public_key, leaf, self._organisation, days, now)
        entry = Entry(
            serial(certificate),
            leaf.name,
            authority.name,
            leaf.purpose.id,
            certificate.subject.rfc4514_string(),
            certificate.not_valid_before_utc.isoformat(),
            certificate.not_valid_after_utc.isoformat(),
            fingerprint(certificate),
        )
        self._write_index((*self.index(), entry))
        return certificate

    def index(self) -> tuple[Entry, ...]:
        """What was issued, oldest first.

        Raises:
            DeployError: the index is damaged or cannot be read.
        """
        path = self.folder / _INDEX
        try:
            return tuple(Entry(**row) for row in json.loads(self._read(path))["issued"])
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unusable(error) from None
        except (ValueError, KeyError, TypeError):
            raise DeployError(
                f"the index of issued certificates is damaged: {path}",
                hint="restore it from a backup of the state folder; without it nothing can be revoked",
            ) from None

    def revoke(self, name: str, reason: str, now: datetime.datetime) -> tuple[Entry, ...]:
        """Mark every certificate of that name that still holds as revoked; returns those. With the folder held.

        Raises:
            DeployError: the index is damaged, or the folder cannot be used.
        """
        text = now.isoformat(timespec="seconds")
        rows = self.index()
        marked = [row for row in rows if row.name == name and row.revoked is None and row.expires > text]
        new = [replace(row, revoked=text, reason=reason) if row in marked else row for row in rows]
        if marked:
            self._write_index(tuple(new))
        return tuple(marked)

    def revoked_serials(self) -> frozenset[str]:
        """Serial numbers of what was revoked."""
        return frozenset(row.serial for row in self.index() if row.revoked)

    def client(self, name: str) -> str | None:
        """PEM of a modality's certificate, with its key where it was made here; None where none was issued.

        Raises:
            DeployError: the file cannot be read.
        """
        try:
            return self._read(self.folder / "clients" / f"{name}.pem")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._unusable(error) from None

    def clients(self) -> Mapping[str, str]:
        """PEM by modality."""
        found = sorted(path.stem for path in (self.folder / "clients").glob("*.pem"))
        return {name: text for name in found if (text := self.client(name)) is not None}

    def keep_client(self, name: str, certificate: x509.Certificate, key: PrivateKey | None) -> None:
        """Keep a modality's certificate, to hand it over.

        Raises:
            DeployError: the file cannot be written.
        """
        text = certificate_pem(certificate) + (key_pem(key) if key else "")
        self._write(self.folder / "clients" / f"{name}.pem", text)

    def _write_index(self, rows: tuple[Entry, ...]) -> None:
        self._write(self.folder / _INDEX, json.dumps({"issued": [asdict(row) for row in rows]}, indent=1) + "\n")

    def _read(self, path: Path) -> str:
        return path.read_text(encoding="ascii")

    def _write(self, path: Path, text: str) -> None:
        try:
            path.parent.mkdir(exist_ok=True, mode=0o700)
            stage(text.encode("ascii"), path, 0o600).replace(path)
        except OSError as error:
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> DeployError:
        why = getattr(error, "strerror", None) or "a file is no text"
        place = getattr(error, "filename", None) or self.folder
        return DeployError(
            f"cannot use the folder of the authorities: {why} ({place})",
            hint="run as the user who deployed the environment, and make room; or name another folder with --state",
        )


class SupposedAuthorities(AuthorityStore):
    """The same for whoever only looks: what would be made and issued is held in memory, and nothing is written."""

    def __init__(
        self, folder: Path, title: str = "orthancgen", organisation: str | None = None, kind: KeyKind = "rsa_3072"
    ) -> None:
        super().__init__(folder, title, organisation, kind)
        self._supposed: dict[Path, str] = {}

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds nothing: each file is there whole at any moment."""
        yield

    def _read(self, path: Path) -> str:
        return self._supposed[path] if path in self._supposed else super()._read(path)

    def _write(self, path: Path, text: str) -> None:
        self._supposed[path] = text


def _damaged(path: Path) -> DeployError:
    return DeployError(
        f"the authority in {path} is damaged: it does not hold a certificate with its key",
        hint="restore the file from a backup of the state folder; or remove it and the secrets that it signed, deploy, "
        "and give every modality a new certificate (orthancgen certs bundle)",
    )
