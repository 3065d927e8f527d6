"""Tokens of vendors, by the patterns of detect-secrets (Yelp, Apache-2.0), which keeps them.

Of that package only the patterns are used. Its own scan tells no columns, takes lines of any length (some of its
patterns are quadratic in it), and its detectors of keywords and entropy reported 239 strings of this repository.
A pattern is tried only where a word stands with which its tokens begin, and the package is imported only then.
"""

from __future__ import annotations

import base64
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from orthancgen.secrets.scan.leak import VENDOR_TOKEN, Span

_BEFORE: Final = 8
"""Characters before the word that its token may begin with: the https:// of a webhook."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """Whose token it is, words with which it begins, how long it is at most, and the detector of detect-secrets."""

    name: str
    words: tuple[str, ...]
    length: int
    detector: str


VENDORS: Final = (
    Vendor("AWS", ("AKIA", "ASIA", "ABIA", "ACCA", "A3T"), 24, "aws.AWSKeyDetector"),
    Vendor("Azure Storage", ("AccountKey=",), 120, "azure_storage_key.AzureStorageKeyDetector"),
    Vendor("GitHub", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), 48, "github_token.GitHubTokenDetector"),
    Vendor(
        "GitLab",
        (
            *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941", "glcbt-", "glimt-", "glptt-", "gloas-"),
            "glagent-",
        ),
        90,
        "gitlab_token.GitLabTokenDetector",
    ),
    Vendor("PyPI", ("pypi-AgE",), 300, "pypi_token.PypiTokenDetector"),
    Vendor("SendGrid", ("SG.",), 80, "sendgrid.SendGridDetector"),
    Vendor(
        "Slack",
        ("xoxa-", "xoxb-", "xoxp-", "xoxo-", "xoxs-", "xoxr-", "hooks.slack.com/services/"),
        300,
        "slack.SlackDetector",
    ),
    Vendor("Square", ("sq0csp-",), 64, "square_oauth.SquareOAuthDetector"),
    Vendor("Stripe", ("sk_live_", "rk_live_"), 40, "stripe.StripeDetector"),
)
"""Only detectors whose patterns are linear in the length of a line."""
_GITHUB_FINE_GRAINED: Final = re.compile(r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}")
"""https://github.blog/security/application-security/introducing-fine-grained-personal-access-tokens-for-github/"""
_JWT: Final = re.compile(
    r"(?<![A-Za-z0-9_.-])eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{2,8192}\.[A-Za-z0-9_-]{16,2048}"
)
_EXAMPLE: Final = re.compile(r"EXAMPLE|(.)\1{7}")


def vendor_tokens(text: str) -> Iterator[Span]:
    """Every token of a vendor, and every signed JSON Web Token."""
    for vendor in VENDORS:
        for word in vendor.words:
            yield from _around(text, vendor, word)
    if "github_pat_" in text:
        yield from (_span(*found.span(), "GitHub") for found in _GITHUB_FINE_GRAINED.finditer(text))
    if "eyJ" in text:
        for found in _JWT.finditer(text):
            if _is_jwt(found[0]):
                yield Span(VENDOR_TOKEN, *found.span(), "a signed JSON Web Token")


def _around(text: str, vendor: Vendor, word: str) -> Iterator[Span]:
    at = text.find(word)
    while at >= 0:
        last = at + len(word)
        for pattern in _patterns(vendor.detector):
            found = pattern.search(text, max(0, at - _BEFORE), at + vendor.length)
            if found is not None:
                last = max(last, found.end())
                if not _EXAMPLE.search(found[0]):
                    yield _span(*found.span(), vendor.name)
        at = text.find(word, last)


def _span(start: int, end: int, vendor: str) -> Span:
    return Span(VENDOR_TOKEN, start, end, f"a token of {vendor}")


@cache
def _patterns(detector: str) -> tuple[re.Pattern[str], ...]:
    module, _, name = detector.partition(".")
    # Of AWS only the identifier of a key: its secret stands behind a name, which `assignments` finds.
    # The package imports `requests` to ask vendors whether a token is good; that is never done here.
    found = getattr(importlib.import_module(f"detect_secrets.plugins.{module}"), name)
    return tuple(found.denylist)[:1] if module == "aws" else tuple(found.denylist)


def _is_jwt(token: str) -> bool:
    """Whether header and claims are JSON (RFC 7519)."""
    try:
        return all(
            isinstance(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))), dict)
            for part in token.split(".")[:2]
        )
    except (ValueError, RecursionError):
        return False
