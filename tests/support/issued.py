"""Certificates of an environment with TLS, generated into a store of secrets, and what openssl says of them."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from orthancgen.certs.generate import authorities
from orthancgen.certs.inspect import examine
from orthancgen.certs.issue import load_certificates
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan
from orthancgen.secrets.store import SecretStore, gather
from orthancgen.secrets.value import SecretValue
from tests.support.environments import MINIMAL, NEWEST, site_of

NOW = datetime.datetime.now(datetime.UTC)
TLS: dict[str, Any] = {
    "dicom/tls": {"enabled": True},
    "http/tls": {"enabled": True},
    "certificates": {"names": ["pacs.example", "192.0.2.9"], "key": "ecdsa_p256"},
    "modalities": {
        "ct1": {"aet": "CT1", "address": "192.0.2.10"},
        "pacs2": {"aet": "PACS2", "address": "192.0.2.11", "tls": True},
    },
}
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def plan_of(changes: dict[str, Any] | None = None) -> Plan:
    """The smallest environment with TLS of both kinds, and changes of its values."""
    return plan(site_of(MINIMAL, {**TLS, **(changes or {})}), NEWEST)


def placed(wanted_plan: Plan, store: SecretStore) -> dict[str, SecretValue]:
    """Every value, generated and in use."""
    values = gather(wanted_plan, store, {})
    store.place(values)
    store.settle()
    return values


def certificate(values: dict[str, SecretValue], name: str) -> x509.Certificate:
    """The first certificate in a value."""
    return load_certificates(values[name].reveal())[0]


def problems(wanted_plan: Plan, values: dict[str, SecretValue], store: SecretStore, **more: Any) -> dict[str, str]:
    """What `certs check` finds wrong: name of the certificate -> words."""
    rows = examine(wanted_plan, values, authorities(wanted_plan, store), **more)
    return {row.name: "; ".join(row.problems) for row in rows if row.problems}


def openssl(folder: Path, authority: str, leaf: str, purpose: str, *options: str) -> bool:
    """Whether openssl accepts a certificate of that authority for a purpose."""
    for name, text in (("ca", authority), ("leaf", leaf)):
        (folder / f"{name}.pem").write_text(text)
    command = ["openssl", "verify", "-x509_strict", "-purpose", purpose, *options, "-CAfile", "ca.pem", "leaf.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True).returncode == 0
