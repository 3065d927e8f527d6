"""What a vendor's engineer gets to put DICOM TLS in use on one modality: files with their modes, and a README."""

from __future__ import annotations

import secrets as random_source
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from orthancgen.certs.issue import certificate_pem, fingerprint, load_certificates, load_key
from orthancgen.certs.store import AuthorityStore
from orthancgen.errors import InputError
from orthancgen.plan.model import Plan
from orthancgen.plan.reached import hosts_for, named_hosts
from orthancgen.secrets.value import SecretValue

PASSWORD_BYTES: Final = 18


@dataclass(frozen=True, slots=True)
class Bundle:
    """Files by name, each with content and mode; and the password of the PKCS #12 file, which is in none of them."""

    files: dict[str, tuple[bytes, int]] = field(repr=False)
    password: SecretValue | None = None


def bundle(plan: Plan, own: AuthorityStore, name: str, text: str, *, with_pkcs12: bool) -> Bundle:
    """The files for one modality.

    Args:
        plan: the plan.
        own: the authorities.
        name: of the modality.
        text: PEM of its certificate, with its key where that was made here.
        with_pkcs12: one encrypted PKCS #12 file (RFC 7292) instead of certificate and key in PEM.

    Raises:
        InputError: a PKCS #12 file is wanted, and the key is with the vendor.
        DeployError: the authorities are damaged.
    """
    certificate = load_certificates(text)[0]
    key = load_key(text) if "PRIVATE KEY" in text else None
    trusted = own.trusted("dicom")
    files: dict[str, tuple[bytes, int]] = {"ca.pem": ("".join(map(certificate_pem, trusted)).encode(), 0o644)}
    for number, authority in enumerate(trusted):
        suffix = f"-{number + 1}" if number else ""
        files[f"ca{suffix}.der"] = (authority.public_bytes(serialization.Encoding.DER), 0o644)
    password = None
    if with_pkcs12:
        if key is None:
            raise InputError(
                f"the key of {name} is with the vendor: there is nothing to put into a PKCS #12 file",
                hint="leave --pkcs12 out, and have the vendor join the certificate with the key",
            )
        password = SecretValue(random_source.token_urlsafe(PASSWORD_BYTES))
        protection = serialization.BestAvailableEncryption(password.reveal().encode())
        data = pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, list(trusted), protection)
        files[f"{name}.p12"] = (data, 0o600)
    else:
        files[f"{name}.crt.pem"] = (certificate_pem(certificate).encode(), 0o644)
        if key is not None:
            block = text[text.index("-----BEGIN PRIVATE KEY") :]
            files[f"{name}.key.pem"] = (block.encode(), 0o600)
    files["README.txt"] = (_readme(plan, own, name, text, with_pkcs12=with_pkcs12).encode(), 0o644)
    return Bundle(files, password)


def host_of(plan: Plan, name: str) -> str:
    """By which name or address a modality calls: the first that the model names."""
    hosts = hosts_for(plan.site, plan.site.modalities[name], named_hosts(plan.site))
    return hosts[0] if hosts else "<address of this host>"


def _readme(plan: Plan, own: AuthorityStore, name: str, text: str, *, with_pkcs12: bool) -> str:
    site, modality = plan.site, plan.site.modalities[name]
    certificate, has_key = load_certificates(text)[0], "PRIVATE KEY" in text
    key = f"{name}.key.pem" if has_key else "<your key>"
    test_with = f"{key} {name}.crt.pem"
    steps = ""
    if with_pkcs12:
        steps = (
            f"  openssl pkcs12 -in {name}.p12 -nokeys -clcerts -out {name}.crt.pem\n"
            f"  openssl pkcs12 -in {name}.p12 -nocerts -nodes -out {name}.key.pem\n"
        )
    authorities = "\n".join(f"  {fingerprint(one)}" for one in own.trusted("dicom"))
    called = (
        f"\nOrthanc calls this device by TLS too, at {modality.address}:{modality.port}; the device shows the same "
        f"certificate.\n" if modality.tls else ""
    )  # fmt: skip
    private = f"{name}.p12" if with_pkcs12 else f"{name}.key.pem"
    what_is_private = (
        f"{private} holds the private key: hand it over by a way of its own, and delete it once it is installed."
        if has_key else "The private key is where the request was made; it is not here."
    )  # fmt: skip
    return f"""DICOM over TLS to {site.orthanc.aet} ({site.environment})

Connection
  host              {host_of(plan, name)}
  port              {site.dicom.port}
  called AE title   {site.orthanc.aet}
  calling AE title  {modality.aet}
  calls come from   {modality.address}
  may               {", ".join(modality.may)}
  TLS               1.2 or 1.3; the device shows its certificate and trusts ca.pem
{called}
Certificate of this device
  subject           {certificate.subject.rfc4514_string()}
  valid until       {certificate.not_valid_after_utc:%Y-%m-%d} UTC
  SHA-256           {fingerprint(certificate)}

Authority to trust (ca.pem; the same in DER: ca.der)
{authorities}
Compare these fingerprints with the sender by telephone before you trust the file.

{what_is_private}

Test with DCMTK, from the device's own address:
{steps}  echoscu -v +tls {test_with} +cf ca.pem \\
    -aet {modality.aet} -aec {site.orthanc.aet} {host_of(plan, name)} {site.dicom.port}
"""
