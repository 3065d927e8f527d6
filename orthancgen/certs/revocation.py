"""Certificate revocation lists (RFC 5280 section 5) of the site's authorities."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from orthancgen.certs.kinds import AuthorityName
from orthancgen.certs.store import AuthorityStore
from orthancgen.errors import InputError


def revocation_list(
    own: AuthorityStore, name: AuthorityName, days: int, now: datetime.datetime | None = None
) -> x509.CertificateRevocationList:
    """What an authority has revoked and would still hold, until `days` from now (`nextUpdate`).

    Raises:
        InputError: there is no such authority.
        DeployError: the authorities are damaged.
    """
    now = now or datetime.datetime.now(datetime.UTC)
    authority = own.read(name)
    if authority is None:
        raise InputError(f"there is no {name} authority of this environment", hint="orthancgen deploy makes it")
    ski = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now)
        .next_update(now + datetime.timedelta(days=days))
        # Section 5.2.3 wants numbers that grow; the seconds since 1970 do, and need no memory.
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ski), critical=False)
    )
    for row in own.index():
        if row.authority == name and row.revoked and datetime.datetime.fromisoformat(row.expires) > now:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(int(row.serial, 16))
                .revocation_date(datetime.datetime.fromisoformat(row.revoked))
                .build()
            )
    return builder.sign(authority.key, hashes.SHA256())
