"""PEM files: the certificates and keys in them, damaged ones told and left out. RFC 7468."""

from __future__ import annotations

import re
import stat
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from orthancgen.foreign.model import PemFile
from orthancgen.site.problems import Mark, Problem

MAXIMUM_BYTES: Final = 4 * 2**20
MAXIMUM_BLOCKS: Final = 4096
_BOUNDARY: Final = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----")
_CERTIFICATES: Final = frozenset({"CERTIFICATE", "X509 CERTIFICATE"})
_KEYS: Final = frozenset({"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY"})
_ENCRYPTED: Final = b"Proc-Type: 4,ENCRYPTED"
"""RFC 1421, 4.6.1.1: how the older forms of a key say that a password is needed."""
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class _Block:
    """What stands between two boundaries, these included; None where the second is missing. Lines count from 1."""

    label: str
    content: bytes | None
    line: int


def read_pem(path: Path, file: str) -> PemFile | None:
    """Read a file with its mode.

    Args:
        path: the file.
        file: its name in reports.

    Returns:
        None where it cannot be read, is larger than `MAXIMUM_BYTES`, or has no boundary of PEM in it.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode) or facts.st_size > MAXIMUM_BYTES:
            return None
        content = path.read_bytes()
    except (OSError, ValueError):
        return None
    return PemFile(file, content, stat.S_IMODE(facts.st_mode)) if _BOUNDARY.search(content) else None


def certificates(pem: PemFile) -> tuple[x509.Certificate, ...]:
    """The certificates that can be read, in their order."""
    return tuple(one for block in _blocks(pem) if (one := _certificate(block)) is not None)


def private_keys(pem: PemFile) -> tuple[PrivateKeyTypes, ...]:
    """The private keys that can be read without a password, in their order."""
    return tuple(one for block in _blocks(pem) if (one := _private_key(block)) is not None)


def has_private_key(pem: PemFile) -> bool:
    """Whether there is a private key in it, whether it can be read or not."""
    return any(block.label.endswith("PRIVATE KEY") for block in _blocks(pem))


def has_encrypted_key(pem: PemFile) -> bool:
    """Whether there is a private key in it that asks for a password."""
    return any(_asks_for_password(block) for block in _blocks(pem))


def problems(pem: PemFile) -> tuple[Problem, ...]:
    """What does not end, and what cannot be read."""
    return tuple(_problems(pem))


def _problems(pem: PemFile) -> Iterator[Problem]:
    for block in _blocks(pem):
        mark = Mark(pem.file, block.line, 1, len(block.label) + 17)
        if block.content is None:
            yield Problem(f"a {block.label} does not end", mark, hint=f"it lacks -----END {block.label}-----")
        elif block.label in _CERTIFICATES and _certificate(block) is None:
            yield Problem("a certificate that cannot be read", mark, hint="copy it again, as a whole")
        elif block.label in _KEYS and not _asks_for_password(block) and _private_key(block) is None:
            yield Problem("a private key that cannot be read", mark, hint="copy it again, as a whole")


def _blocks(pem: PemFile) -> Iterator[_Block]:
    opened: re.Match[bytes] | None = None
    line, counted, number = 1, 0, 0
    for found in _BOUNDARY.finditer(pem.content):
        if opened is not None:
            label = opened[2].decode("ascii")
            closed = found[1] == b"END" and found[2] == opened[2]
            yield _Block(label, pem.content[opened.start() : found.end()] if closed else None, line)
            number += 1
            opened = None
            if number >= MAXIMUM_BLOCKS:
                return
        if found[1] == b"BEGIN":
            opened = found
            line += pem.content.count(b"\n", counted, found.start())
            counted = found.start()
    if opened is not None:
        yield _Block(opened[2].decode("ascii"), None, line)


def _certificate(block: _Block) -> x509.Certificate | None:
    if block.label not in _CERTIFICATES or block.content is None:
        return None
    return _loaded(x509.load_pem_x509_certificate, block.content)


def _private_key(block: _Block) -> PrivateKeyTypes | None:
    if block.label not in _KEYS or block.content is None or _asks_for_password(block):
        return None

    def load(content: bytes) -> PrivateKeyTypes:
        # The key is compared, never used: a hostile one must not be tested for primes.
        return serialization.load_pem_private_key(content, None, unsafe_skip_rsa_key_validation=True)

    return _loaded(load, block.content)


def _asks_for_password(block: _Block) -> bool:
    older = block.label in _KEYS and block.content is not None and _ENCRYPTED in block.content
    return older or block.label == "ENCRYPTED PRIVATE KEY"


def _loaded(load: Callable[[bytes], _Read], content: bytes) -> _Read | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is outdated in it, which rules judge
            return load(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
