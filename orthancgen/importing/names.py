"""Names that the model takes, made of names that it refuses: as like them as can be, and each only once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Final

from orthancgen.importing.fits import why_not
from orthancgen.site.types import EnvironmentVariable, PlainText

RESERVED: Final = "orthancgen-"
"""Start of names that are orthancgen's own."""
_LONGEST_TEXT: Final = 200
_BUILT_IN: Final = frozenset(
    {
        *("webhook_token", "database_password", "database_root_password", "backend_orthanc_password"),
        *("operator_token", "dicom_tls_certificate", "dicom_tls_key", "dicom_tls_trusted", "gateway_dicom_client"),
        *("http_tls_certificate", "http_tls_authority", "verify_dicom_client", "vpn_private_key", "backup_password"),
        *("viewer_orthanc_password", "analysis_orthanc_password", "analysis_token"),
    }
)
"""Secrets that the model names itself."""


def _ascii(text: str) -> str:
    """The text without accents, and with ``-`` for every other character that is no ASCII."""
    split = unicodedata.normalize("NFKD", text)
    return "".join(c if c.isascii() else "-" for c in split if not unicodedata.combining(c))


def _first_free(wanted: str, longest: int, taken: Collection[str]) -> str:
    candidates: Iterator[str] = (wanted if n == 1 else f"{wanted[: longest - len(str(n)) - 1]}-{n}" for n in _numbers())
    return next(one for one in candidates if one not in taken)


def _numbers() -> Iterator[int]:
    number = 0
    while True:
        number += 1
        yield number


def environment_name(text: str) -> str:
    """A name of an environment, such as ``main-pacs`` of ``Main PACS``; ``imported`` where nothing is left of it."""
    slug = re.sub(r"[^a-z0-9]+", "-", _ascii(text[:200]).lower()).strip("-")
    slug = re.sub(r"^[^a-z]+", "", slug)[:32].rstrip("-")
    return slug or "imported"


def modality_name(text: str, taken: Collection[str]) -> str:
    """A name of a modality, such as ``CT-1`` of ``CT 1``."""
    slug = re.sub(r"[^A-Za-z0-9_-]+", "-", _ascii(text[:200])).strip("-")[:64]
    slug = slug.removeprefix(RESERVED) or "modality"
    return _first_free(slug, 64, taken)


def user_name(text: str, taken: Collection[str]) -> str:
    """A name of a user, such as ``Anna.Muller`` of ``Anna Müller``."""
    slug = re.sub(r"[^A-Za-z0-9._@-]+", ".", _ascii(text[:200]))
    slug = re.sub(r"\.{2,}", ".", slug.removeprefix(RESERVED))
    slug = re.sub(r"^[^A-Za-z0-9]+", "", slug)[:64]
    return _first_free(re.sub(r"[^A-Za-z0-9]+$", "", slug) or "user", 64, taken)


def secret_name(text: str, taken: Collection[str]) -> str:
    """A name of a secret, such as ``orthanc_password``; never one that the model has a use for already."""
    slug = re.sub(r"[^a-z0-9]+", "_", _ascii(text[:200]).lower()).strip("_")
    slug = slug if re.match("[a-z]", slug) else f"user_{slug}".rstrip("_")
    slug = slug[:63]
    if slug in _BUILT_IN:
        slug = f"user_{slug}"[:63]
    number, name = 1, slug
    while name in taken or name in _BUILT_IN:
        number += 1
        name = f"{slug[: 62 - len(str(number))]}_{number}"
    return name


def plain_text(text: str) -> str | None:
    """One line of text without what the model refuses in it; None where nothing is left."""
    kept = "".join(c for c in text if not unicodedata.category(c).startswith("C") and c not in "\u2028\u2029")
    kept = kept.strip()[:_LONGEST_TEXT]
    return None if not kept or why_not(PlainText, kept) else kept


def variable(text: str) -> str | None:
    """The variable of a text that is one reference and nothing else, such as ``${ORTHANC_PASSWORD}``."""
    found = re.fullmatch(r"\$\{([A-Za-z_][A-Za-z0-9_]{0,127})\}", text)
    return found[1] if found and not why_not(EnvironmentVariable, found[1]) else None


def has_variable(text: str) -> bool:
    """Whether Orthanc would put the value of an environment variable into the text (``${NAME}``, ``${NAME:-VALUE}``).

    Toolbox::SubstituteVariables of Orthanc's framework; seen with 1.10.1.
    """
    return re.search(r"\$\{[^{}]{1,256}\}", text) is not None
