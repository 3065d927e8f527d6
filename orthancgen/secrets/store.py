"""Where secret values are kept: one file of mode 0600 each, in a folder of mode 0700 outside the repository."""

from __future__ import annotations

import os
import secrets as random_source
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orthancgen.errors import DeployError, InputError
from orthancgen.plan.model import Plan, Secret
from orthancgen.render.write import stage
from orthancgen.secrets.value import SecretValue
from orthancgen.site.problems import format_path
from orthancgen.site.secrets import SecretSource

GENERATED_BYTES: Final = 32
MINIMUM_LENGTH: Final = 16
KNOWN_DEFAULTS: Final = frozenset(
    "orthanc orthanctest alicePassword admin administrator password changeme change-me demo secret root mongo dicom pacs "
    "test 1234 12345 123456 12345678 letmein default".split()
)
"""Passwords that attackers try first: those of Orthanc's own warning (``main.cpp``), its samples and the customary ones."""


class SecretStore:
    """The secrets of one environment on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """The file that services read."""
        return self.folder / name

    def read(self, name: str) -> SecretValue | None:
        """The value in use, or None where there is none yet.

        Raises:
            DeployError: the file cannot be read.
        """
        try:
            return SecretValue(self.path(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DeployError(
                f"cannot read the secret {name}: {error.strerror}", hint="run as the user who deployed the environment"
            ) from None

    def write(self, name: str, value: SecretValue) -> None:
        """Keep a value; the file has mode 0600 from its first byte.

        Raises:
            DeployError: the file cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
            stage(value.reveal().encode("utf-8"), self.path(name), 0o600).replace(self.path(name))
        except OSError as error:
            raise DeployError(
                f"cannot write the secret {name}: {error.strerror}", hint="name a folder that you may write, with --state"
            ) from None


def generate() -> SecretValue:
    """32 random bytes as base64url: 256 bits, in an alphabet that no syntax needs to quote."""
    return SecretValue(random_source.token_urlsafe(GENERATED_BYTES))


def materialise(plan: Plan, store: SecretStore, environ: Mapping[str, str] = os.environ) -> dict[str, SecretValue]:
    """Place every secret of the plan in the store: read from its source, or generated at first.

    Raises:
        InputError: sources are missing, empty or unsafe; all of them are named, none of their values.
    """
    problems: list[str] = []
    values: dict[str, SecretValue] = {}
    for secret in plan.secrets:
        source = plan.site.secrets.get(secret.name)
        try:
            value = _from_source(secret, source, environ) if source else store.read(secret.name) or _new(secret)
            if source:
                _check(plan, secret, value)
        except (ValueError, OSError) as error:
            reason = (error.strerror or "cannot be read") if isinstance(error, OSError) else str(error)
            problems.append(f"{secret.name} ({format_path(secret.said_by)}): {reason}")
            continue
        values[secret.name] = value
    if problems:
        raise InputError("secrets are not as they must be:\n  " + "\n  ".join(problems), hint="see `secrets:` of the environment")
    for name, value in values.items():
        if store.read(name) != value:
            store.write(name, value)
    return values


def _new(secret: Secret) -> SecretValue:
    if secret.purpose == "pem":
        raise ValueError(f"a certificate or key is not generated: name its file, secrets: {{{secret.name}: {{file: /...}}}}")
    return generate()


def _from_source(secret: Secret, source: SecretSource, environ: Mapping[str, str]) -> SecretValue:
    if source.env is not None:
        if source.env not in environ:
            raise ValueError(f"the environment variable {source.env} is not set")
        text = environ[source.env]
    else:
        text = Path(source.file or "").read_text(encoding="utf-8")
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
        raise ValueError("the value has characters other than printable ASCII, which HTTP and DICOM tools treat differently")
    if secret.purpose == "token" and any(character in text for character in ' "\\,;'):
        raise ValueError("a token has no spaces, quotes, backslashes, commas or semicolons")
    weak = text.casefold() in {known.casefold() for known in KNOWN_DEFAULTS} or text in {str(part) for part in secret.said_by}
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
