"""The DICOM port speaks TLS alone, and lets in who shows a certificate of the right authority that holds."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from orthancgen.dicom import scu
from orthancgen.dicom.outcome import Outcome, ScuResult
from orthancgen.dicom.peer import Peer
from orthancgen.verify.callers import stranger_aet
from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict
from orthancgen.verify.tls import client_context

_CLOSED: Final = (Outcome.CLOSED, Outcome.TLS_FAILED, Outcome.ASSOCIATION_TIMEOUT)
_ANSWERED: Final = (Outcome.SUCCESS, Outcome.ASSOCIATION_REJECTED, Outcome.ASSOCIATION_ABORTED)
_NO_TLS: Final = "the model has no TLS for DICOM (dicom.tls.enabled: false)"
_NOT_ASKED: Final = "the model does not ask for certificates of callers (dicom.tls.client_certificates)"
_KEYS: Final = "DicomTlsEnabled and its keys in orthanc.json"
_TRUSTED: Final = "what is in DicomTlsTrustedCertificates? See also DicomTlsRemoteCertificateRequired in orthanc.json"


def _accepted(context: Context) -> Verdict:
    expected = "the handshake with the certificate of verify succeeds, and Orthanc answers in DICOM"
    if not context.site.dicom.tls.enabled:
        return skipped(expected, _NO_TLS)
    result = scu.echo(_caller_peer(context))
    hint = "orthancgen certs check: does it hold, and is its authority in dicom.tls.trusted?"
    return verdict(result.outcome in _ANSWERED, expected, result.text, hint)


def _plain(context: Context) -> Verdict:
    expected = "the connection ends without an answer in DICOM"
    if not context.site.dicom.tls.enabled:
        return skipped(expected, _NO_TLS)
    return _ended(context, scu.echo(replace(_caller_peer(context), tls=None)), expected, _KEYS)


def _without_certificate(context: Context) -> Verdict:
    expected = "the TLS handshake fails"
    if (reason := _not_asked(context)) is not None:
        return skipped(expected, reason)
    bare = client_context(context.site, context.access.secrets, certificate=False)
    return _ended(context, scu.echo(replace(_caller_peer(context), tls=bare)), expected, _KEYS)


def _foreign_certificate(context: Context) -> Verdict:
    expected = "the TLS handshake fails, with a certificate of an authority that has the right name and another key"
    if (reason := _not_asked(context)) is not None:
        return skipped(expected, reason)
    from orthancgen.verify.impostors import of_another_authority

    return _shown(context, of_another_authority(_trusted(context)), expected)


def _expired_certificate(context: Context) -> Verdict:
    expected = "the TLS handshake fails, with a certificate of the right authority that ended yesterday"
    if (reason := _not_asked(context)) is not None:
        return skipped(expected, reason)
    from orthancgen.verify.impostors import expired

    pem = expired(_trusted(context), context.access.authorities)
    if pem is None:
        return skipped(expected, "the key of the trusted authority is not at hand, so that none can be made")
    return _shown(context, pem, expected)


def _not_asked(context: Context) -> str | None:
    tls = context.site.dicom.tls
    if not tls.enabled:
        return _NO_TLS
    return None if tls.client_certificates == "required" else _NOT_ASKED


def _trusted(context: Context) -> str:
    return context.access.secrets[context.site.dicom.tls.trusted.secret].reveal()


def _shown(context: Context, pem: str, expected: str) -> Verdict:
    tls = client_context(context.site, context.access.secrets, shown=pem)
    return _ended(context, scu.echo(replace(_caller_peer(context), tls=tls)), expected, _TRUSTED)


def _caller_peer(context: Context) -> Peer:
    return context.peer_of(context.callers[0]) if context.callers else context.peer(stranger_aet(context.site))


def _ended(context: Context, result: ScuResult, expected: str, hint: str) -> Verdict:
    """Refused only where the same call with TLS and a certificate is answered in DICOM, with whatever answer."""
    control = scu.echo(_caller_peer(context))
    good = result.outcome in _CLOSED and control.outcome in _ANSWERED
    if result.outcome in _CLOSED and not good:
        why = "is the certificate that verify shows of an authority in dicom.tls.trusted? orthancgen certs check"
        return verdict(False, expected, f"the same call with TLS and a certificate fails too: {control.text}", why)
    return verdict(good, expected, result.text, hint)


ACCEPTED = Check("dicom-tls-accepted", "DICOM over TLS with the right certificate is answered", "positive", _accepted)
PLAIN = Check("plain-dicom-refused", "DICOM without TLS is refused", "negative", _plain)
WITHOUT_CERTIFICATE = Check(
    "dicom-certificate-required", "A DICOM caller without a certificate is refused", "negative", _without_certificate
)
FOREIGN = Check(
    "dicom-foreign-certificate-refused",
    "A DICOM caller with a certificate of another authority is refused",
    "negative",
    _foreign_certificate,
)
EXPIRED = Check(
    "dicom-expired-certificate-refused",
    "A DICOM caller with an expired certificate is refused",
    "negative",
    _expired_certificate,
)
