"""Where secret values are kept: one file of mode 0600 each, in a folder of mode 0700 outside the repository."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets as random_source
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError, InputError
from orthancgen.plan.model import Plan, Purpose, Secret
from orthancgen.render.write import stage
from orthancgen.secrets.value import SecretValue
from orthancgen.site.problems import format_path
from orthancgen.site.secrets import SecretSource

GENERATED_BYTES: Final = 32
REPLICA_KEY_BYTES: Final = 96
MINIMUM_LENGTH: Final = 16
KNOWN_DEFAULTS: Final = frozenset(
    {
        *("orthanc", "orthanctest", "alicePassword", "admin", "administrator", "password", "changeme", "change-me"),
        *("demo", "secret", "root", "mongo", "dicom", "pacs", "test", "letmein", "default"),
        *("1234", "12345", "123456", "12345678"),
    }
)
"""Passwords that attackers try first: of Orthanc's own warning (``main.cpp``), of its samples, and customary ones."""


class SecretStore:
    """The secrets of one environment on this machine: those in use, and new values that wait for the next deploy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # In a folder of its own, which is there before what is put in it: a unit of systemd hides it when it starts.
        self.next_folder = folder.with_name("withheld") / f"{folder.name}.next"

    @property
    def authorities(self) -> Path:
        """The folder of the site's own certificate authorities, beside the secrets."""
        return self.folder.with_name("ca")

    def path(self, name: str) -> Path:
        """The file that services read."""
        return self.folder / name

    def read(self, name: str) -> SecretValue | None:
        """The value in use, or None where there is none yet.

        Raises:
            DeployError: the file cannot be read.
        """
        return _read(name, self.path(name))

    def waiting(self, name: str) -> SecretValue | None:
        """The value that the next deploy puts in use, or None where that is the one in use already.

        Raises:
            DeployError: the file cannot be read.
        """
        return _read(name, self.next_folder / name)

    def write(self, name: str, value: SecretValue) -> None:
        """Put a value in use; the file has mode 0600 from its first byte.

        Raises:
            DeployError: the file cannot be written.
        """
        _write(name, self.path(name), value)

    def rotate(self, name: str, purpose: Purpose = "password") -> None:
        """Generate a new value; the one in use stays so until a deploy has proven the new one.

        Raises:
            DeployError: the file cannot be written.
        """
        self.offer(name, generate(purpose))

    def offer(self, name: str, value: SecretValue) -> None:
        """Have the next deploy put a value in use; the one in use stays so until then.

        Raises:
            DeployError: the file cannot be written.
        """
        _write(name, self.next_folder / name, value)

    def place(self, values: Mapping[str, SecretValue]) -> None:
        """Put values in use; files that hold them already are not touched.

        Raises:
            DeployError: a file cannot be written.
        """
        for name, value in values.items():
            if self.read(name) != value:
                self.write(name, value)

    def wait_with(self, values: Mapping[str, SecretValue]) -> None:
        """Keep values that are not in use yet, before anything is given them: none is lost, whatever ends this run.

        Raises:
            DeployError: a file cannot be written.
        """
        for name, value in values.items():
            if self.read(name) != value and self.waiting(name) != value:
                _write(name, self.next_folder / name, value)

    def adopt(self) -> None:
        """Put the values that wait in use.

        Raises:
            DeployError: a file cannot be read or written.
        """
        if self.next_folder.is_dir():
            waiting = {path.name: self.waiting(path.name) for path in self.next_folder.iterdir() if path.is_file()}
            self.place({name: value for name, value in waiting.items() if value is not None})
        self.settle()

    def settle(self) -> None:
        """Forget the values that waited: they are in use now."""
        shutil.rmtree(self.next_folder, ignore_errors=True)


def _read(name: str, path: Path) -> SecretValue | None:
    try:
        return SecretValue(path.read_bytes().decode("utf-8"))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        raise DeployError(
            f"the secret {name} is no text", hint=f"remove {path}; the next deploy makes a new one"
        ) from None
    except OSError as error:
        raise DeployError(
            f"cannot read the secret {name}: {error.strerror}", hint="run as the user who deployed the environment"
        ) from None


def _write(name: str, path: Path, value: SecretValue) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        stage(value.reveal().encode("utf-8"), path, 0o600).replace(path)
    except OSError as error:
        raise DeployError(
            f"cannot write the secret {name}: {error.strerror}",
            hint="make room, or name a folder that you may write, with --state",
        ) from None


def generate(purpose: Purpose = "password") -> SecretValue:
    """32 random bytes as base64url: 256 bits, in an alphabet that no syntax needs to quote; keys as WireGuard's."""
    if purpose == "wireguard":
        # wg(8), genkey: any 32 bytes, clamped as RFC 7748 section 5 says.
        key = bytearray(random_source.token_bytes(GENERATED_BYTES))
        key[0] &= 248
        key[31] = key[31] & 127 | 64
        return SecretValue(base64.b64encode(bytes(key)).decode("ascii"))
    if purpose == "replica_key":
        # A key file has 6 to 1024 characters of base64: https://www.mongodb.com/docs/manual/core/security-internal-authentication/
        return SecretValue(base64.b64encode(random_source.token_bytes(REPLICA_KEY_BYTES)).decode("ascii"))
    return SecretValue(random_source.token_urlsafe(GENERATED_BYTES))


def gather(
    plan: Plan, store: SecretStore, environ: Mapping[str, str] = os.environ, *, looking: bool = False
) -> dict[str, SecretValue]:
    """The value of every secret of the plan: from its source, rotated, in use, or generated at first.

    Writes no secret; the site's own authorities are made, where certificates are to be generated and there are none.
    With `looking`, nothing is written at all: such certificates are of authorities that are forgotten again.

    Raises:
        InputError: sources are missing, empty or unsafe; all of them are named, none of their values.
        DeployError: the store cannot be read.
    """
    problems: list[str] = []
    values: dict[str, SecretValue] = {}
    certificates, misfits = _certificates(plan, store, looking=looking)
    for secret in plan.secrets:
        source = plan.site.secrets.get(secret.name)
        place = f"{secret.name} ({format_path(secret.said_by)})"
        if secret.name in misfits:
            problems.append(f"{place}: {misfits[secret.name]}")
            continue
        try:
            if source:
                value = _from_source(secret, source, environ)
                _check(plan, secret, value)
            else:
                value = (
                    certificates.get(secret.name)
                    or store.waiting(secret.name)
                    or store.read(secret.name)
                    or _new(secret)
                )
        except ValueError as error:
            problems.append(f"{place}: {error}")
            continue
        values[secret.name] = value
    if problems:
        raise InputError(
            "secrets are not as they must be:\n  " + "\n  ".join(problems), hint="see `secrets:` of the environment"
        )
    return values


def from_sources(plan: Plan, environ: Mapping[str, str] = os.environ) -> dict[str, SecretValue]:
    """The certificates and keys that the site brings, as far as they can be read."""
    values: dict[str, SecretValue] = {}
    for secret in plan.secrets:
        source = plan.site.secrets.get(secret.name)
        if source and secret.purpose == "pem":
            with contextlib.suppress(ValueError):
                values[secret.name] = _from_source(secret, source, environ)
    return values


def _certificates(
    plan: Plan, store: SecretStore, *, looking: bool
) -> tuple[Mapping[str, SecretValue], Mapping[str, str]]:
    if all(secret.purpose != "pem" for secret in plan.secrets):
        return {}, {}
    from orthancgen.certs.generate import generated

    return generated(plan, store, looking=looking)


def _new(secret: Secret) -> SecretValue:
    if secret.purpose == "pem":
        raise ValueError(
            f"a certificate or key is not generated: name its file, secrets: {{{secret.name}: {{file: /...}}}}"
        )
    if secret.purpose == "credential":
        raise ValueError(
            f"it is decided elsewhere and not generated: name its place, secrets: {{{secret.name}: {{file: /...}}}}"
        )
    return generate(secret.purpose)


def _from_source(secret: Secret, source: SecretSource, environ: Mapping[str, str]) -> SecretValue:
    if source.env is not None:
        if source.env not in environ:
            raise ValueError(f"the environment variable {source.env} is not set")
        text = environ[source.env]
    else:
        try:
            text = Path(source.file or "").read_bytes().decode("utf-8")
        except UnicodeDecodeError:  # a ValueError whose text holds the bytes
            raise ValueError(f"{source.file} is not text in UTF-8") from None
        except OSError as error:
            raise ValueError(f"cannot read {source.file}: {error.strerror}") from None
    if secret.purpose == "pem":
        return SecretValue(text)
    return SecretValue(text.removesuffix("\n").removesuffix("\r"))


def _check(plan: Plan, secret: Secret, value: SecretValue) -> None:
    text = value.reveal()
    if not text:
        raise ValueError("the value is empty")
    if secret.purpose == "pem":
        if "-----BEGIN " not in text:
            raise ValueError("the file is no PEM")
        return
    if not text.isascii() or not text.isprintable():
        raise ValueError("the value has characters other than printable ASCII, which HTTP clients treat differently")
    if secret.purpose == "wireguard" and not re.fullmatch(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", text):
        raise ValueError("a WireGuard key is 32 bytes in base64, as `wg genkey` prints it")
    if secret.purpose == "replica_key" and not re.fullmatch(r"[A-Za-z0-9+/=]{6,1024}", text):
        raise ValueError("the key of a replica set is 6 to 1024 characters of base64 on one line")
    if secret.purpose in {"credential", "wireguard"}:
        return
    if secret.purpose == "token" and any(character in text for character in ' "\\,;'):
        raise ValueError("a token has no spaces, quotes, backslashes, commas or semicolons")
    weak = text.casefold() in {known.casefold() for known in KNOWN_DEFAULTS} or text in {
        str(part) for part in secret.said_by
    }
    if weak and plan.site.kind != "development":
        raise ValueError("the value is a default that everybody knows")
    if plan.site.kind == "production" and len(text) < MINIMUM_LENGTH:
        raise ValueError(f"the value has fewer than {MINIMUM_LENGTH} characters")


def redact(text: str, values: Mapping[str, SecretValue]) -> str:
    """The text with every known secret value replaced by its name."""
    for name, value in values.items():
        if len(value.reveal()) >= 4:
            text = text.replace(value.reveal(), f"[{name}]")
    return text
