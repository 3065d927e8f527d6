"""Certificates that Orthanc must refuse, made for one run and kept in memory alone."""

from __future__ import annotations

import datetime
from pathlib import Path

from orthancgen.certs.issue import (
    Authority,
    certificate_pem,
    issue,
    key_pem,
    load_certificates,
    new_authority,
    new_key,
    signed_by,
)
from orthancgen.certs.kinds import DICOM_CLIENT, Leaf
from orthancgen.certs.store import AuthorityStore

_LEAF = Leaf("site.verify", DICOM_CLIENT, "orthancgen verify", ("site-verify",))


def of_another_authority(trusted: str) -> str:
    """PEM of a client certificate with its key, by an authority that differs from a trusted one in its key alone.

    Args:
        trusted: PEM of the authorities that are trusted.
    """
    now = datetime.datetime.now(datetime.UTC)
    forged = new_authority("dicom", "", None, "ecdsa_p256", now, subject=load_certificates(trusted)[0].subject)
    return _client(forged, now)


def expired(trusted: str, authorities: Path | None) -> str | None:
    """PEM of a client certificate with its key, by the trusted authority itself, that ended yesterday.

    It is entered nowhere: nobody but this run ever has it, and it holds for nobody.

    Returns:
        None where the key of no trusted authority is at hand.
    """
    own = AuthorityStore(authorities).read("dicom") if authorities else None
    if own is None or not any(signed_by(one, own.certificate) for one in load_certificates(trusted)):
        return None
    return _client(own, datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3))


def _client(authority: Authority, moment: datetime.datetime) -> str:
    key = new_key("ecdsa_p256")
    return certificate_pem(issue(authority, key.public_key(), _LEAF, None, 2, moment)) + key_pem(key)
