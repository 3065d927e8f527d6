"""The DICOM port speaks TLS alone, and asks callers for a certificate where the model says so."""

from __future__ import annotations

from dataclasses import replace

from orthancgen.dicom import scu
from orthancgen.dicom.outcome import Outcome, ScuResult
from orthancgen.dicom.peer import Peer
from orthancgen.verify.callers import stranger_aet
from orthancgen.verify.check import Check
from orthancgen.verify.context import Context
from orthancgen.verify.result import Verdict, skipped, verdict
from orthancgen.verify.tls import client_context

_CLOSED = (Outcome.CLOSED, Outcome.TLS_FAILED, Outcome.ASSOCIATION_TIMEOUT)
_ANSWERED = (Outcome.SUCCESS, Outcome.ASSOCIATION_REJECTED, Outcome.ASSOCIATION_ABORTED)


def _plain(context: Context) -> Verdict:
    expected = "the connection ends without an answer in DICOM"
    if not context.site.dicom.tls.enabled:
        return skipped(expected, "the model has no TLS for DICOM (dicom.tls.enabled: false)")
    return _ended(context, scu.echo(replace(_caller_peer(context), tls=None)), expected)


def _without_certificate(context: Context) -> Verdict:
    expected = "the TLS handshake fails"
    tls = context.site.dicom.tls
    if not tls.enabled or tls.client_certificates != "required":
        return skipped(expected, "the model does not ask for certificates of callers (dicom.tls.client_certificates)")
    bare = client_context(tls, context.access.secrets, certificate=False)
    return _ended(context, scu.echo(replace(_caller_peer(context), tls=bare)), expected)


def _caller_peer(context: Context) -> Peer:
    return context.peer_of(context.callers[0]) if context.callers else context.peer(stranger_aet(context.site))


def _ended(context: Context, result: ScuResult, expected: str) -> Verdict:
    """Refused only where the same call with TLS and a certificate is answered in DICOM, with whatever answer."""
    control = scu.echo(_caller_peer(context))
    good = result.outcome in _CLOSED and control.outcome in _ANSWERED
    if result.outcome in _CLOSED and not good:
        hint = "verify calls with Orthanc's own certificate: is it of an authority in dicom.tls.trusted?"
        return verdict(False, expected, f"the same call with TLS and a certificate fails too: {control.text}", hint)
    seen = str(result.outcome) if good else result.text
    return verdict(good, expected, seen, "DicomTlsEnabled and its keys in orthanc.json")


PLAIN = Check("plain-dicom-refused", "DICOM without TLS is refused", "negative", _plain)
WITHOUT_CERTIFICATE = Check(
    "dicom-certificate-required", "A DICOM caller without a certificate is refused", "negative", _without_certificate
)
