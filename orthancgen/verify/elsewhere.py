"""``run_from(...)``: the DICOM proofs from another machine, which stands in the place of a modality.

It has no secret of the site, nor reaches anything but its DICOM port: what a caller can prove, as a caller. The images
that it stores are those of the test patient, which the next `verify` on the site's own host removes.
"""

from __future__ import annotations

import socket
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from orthancgen.dicom import scu
from orthancgen.errors import InputError, VerifyError
from orthancgen.plan.model import Plan
from orthancgen.runtimes.access import Access
from orthancgen.secrets.value import SecretValue
from orthancgen.site.model import Site
from orthancgen.verify.callers import Caller, callers, can_bind
from orthancgen.verify.check import Check
from orthancgen.verify.checks import dicom_port, dicom_tls, forbidden, permitted, unknown_caller, wrong_called_aet
from orthancgen.verify.checks.refusal import CALLING_AET_NOT_RECOGNIZED, rejected_as
from orthancgen.verify.context import Context
from orthancgen.verify.result import CheckResult, Verdict, skipped
from orthancgen.verify.run import Progress, examine_all, new_images

_STORED: Final = "stored"
"""Stands for Orthanc's own identifier of the test image, which a caller never learns."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a machine shows and trusts where the site speaks DICOM TLS: PEM; the certificate with its key."""

    authority: str
    certificate: SecretValue | None


def identity_of(ca: Path | None, certificate: Path | None, key: Path | None) -> Identity | None:
    """What the files hold; None where no authority is named.

    Raises:
        InputError: a file cannot be read, is no PEM, or one of the pair is missing.
    """
    if ca is None and certificate is None and key is None:
        return None
    if ca is None or (certificate is None) != (key is None):
        raise InputError(
            "--ca is needed, and --cert and --key belong together", hint="orthancgen certs bundle wrote them"
        )
    shown = f"{_pem(certificate).rstrip()}\n{_pem(key)}" if certificate and key else None
    identity = Identity(_pem(ca), SecretValue(shown) if shown else None)
    try:
        ssl.create_default_context(cadata=identity.authority)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key, "") if certificate else None
    except (ssl.SSLError, OSError) as error:
        raise InputError(
            f"these certificates cannot be used: {error}", hint="PEM, and a key without a password"
        ) from None
    return identity


def _pem(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path} as PEM: {type(error).__name__}") from None


@dataclass
class Elsewhere(Context):
    """A run on another machine: one caller, one port."""

    host: str

    @property
    def dicom_host(self) -> str:
        """Where the DICOM port is reached from here."""
        return self.host

    def can_call_from(self, address: str) -> bool:
        """Whether it is an address of this machine."""
        return can_bind(address)


def run_from(
    plan: Plan, modality: str, host: str, identity: Identity | None = None, *, progress: Progress | None = None
) -> tuple[CheckResult, ...]:
    """Prove, from this machine, what the site grants a modality and what it refuses it.

    Args:
        plan: of the site.
        modality: by its name in the model; this machine has its address, or takes its place.
        host: the site's address or name as it is reached from here.
        identity: for DICOM TLS.
        progress: told about each check as it begins and ends.

    Raises:
        InputError: there is no such modality, its AE title stands twice, or TLS needs an identity or a certificate.
        VerifyError: nothing answers there.
    """
    caller, secrets = require_caller(plan, modality, identity)
    context = _context(plan, caller, host, secrets)
    try:
        socket.create_connection((host, plan.site.dicom.port), timeout=5).close()
    except OSError as error:
        raise VerifyError(
            f"{host} does not answer on port {plan.site.dicom.port}: {error.strerror or type(error).__name__}",
            hint=f"why not? orthancgen doctor {plan.site.environment} --from {modality} writes a script that asks",
        ) from None
    return examine_all(context, CHECKS_FROM, progress)


def require_caller(plan: Plan, modality: str, identity: Identity | None) -> tuple[Caller, Mapping[str, SecretValue]]:
    """Who calls, and with which certificates, by the names that the model has for them.

    Raises:
        InputError: there is no such modality, its AE title stands twice, or TLS needs an identity.
    """
    return _caller(plan.site, modality), _secrets(plan.site, identity)


def _caller(site: Site, modality: str) -> Caller:
    said = site.modalities.get(modality)
    if said is None:
        raise InputError(f"there is no modality {modality}", hint=f"there are: {', '.join(site.modalities) or 'none'}")
    found = next((one for one in callers(site) if one.aet == said.aet), None)
    if found is None:
        raise InputError(
            f"the AE title {said.aet} belongs to more than one modality", hint="what Orthanc grants it is not certain"
        )
    # Behind address translation this machine has another address; whether the site takes it is what is proven.
    return found if can_bind(said.address) else replace(found, source_address=None)


def _secrets(site: Site, identity: Identity | None) -> Mapping[str, SecretValue]:
    if not site.dicom.tls.enabled:
        return {}
    if identity is None:
        raise InputError(
            "the site speaks DICOM TLS", hint="name the files of orthancgen certs bundle: --ca, --cert, --key"
        )
    trusted = {site.dicom.tls.trusted.secret: SecretValue(identity.authority)}
    if identity.certificate is None:
        if site.dicom.tls.client_certificates == "required":
            raise InputError("the site asks its callers for a certificate", hint="name it and its key: --cert, --key")
        return trusted
    return trusted | {site.certificates.verify_client.secret: identity.certificate}


def _context(plan: Plan, caller: Caller, host: str, secrets: Mapping[str, SecretValue]) -> Elsewhere:
    no = httpx.Client(trust_env=False)
    no.close()  # whatever a check asked by HTTP would fail as such
    context = Elsewhere(plan, Access(plan, secrets), new_images(), no, no, no, no, no, no, host)
    context.callers = (caller,)
    return context


def _as_another(context: Context) -> Verdict:
    """C-ECHO by the AE title of each other modality, from this machine, which has none of their addresses."""
    site, (own,) = context.site, context.callers
    expected = "the association is rejected"
    if site.dicom.ae_checks.calling_aet != "registered_from_own_address":
        return skipped(expected, f"the model does not ask for it (calling_aet: {site.dicom.ae_checks.calling_aet})")
    count = Counter(modality.aet.casefold() for modality in site.modalities.values())
    others = [
        modality.aet
        for modality in site.modalities.values()
        if modality.aet != own.aet
        and count[modality.aet.casefold()] == 1
        and not context.can_call_from(modality.address)
    ]
    if not others:
        return skipped(expected, "every other modality is on this machine, or there is none")
    results = [scu.echo(context.peer(aet)) for aet in others]
    return rejected_as(CALLING_AET_NOT_RECOGNIZED, results, "DicomCheckModalityHost in orthanc.json")


def _store(examine: Callable[[Context], Verdict], context: Context) -> Verdict:
    found = examine(context)
    context.sample.orthanc_id = _STORED if context.sample.sent_by else None
    return found


def _of_stored(examine: Callable[[Context], Verdict], context: Context) -> Verdict:
    if "store" not in context.callers[0].may:
        return skipped("the test image is asked for", "this modality may store none, and the site has no other to show")
    return examine(context)


def _ours(check: Check) -> Check:
    """A check of what the caller may: where the model grants it to others alone, it does not apply."""
    return replace(check, examine=partial(_if_granted, check))


def _if_granted(check: Check, context: Context) -> Verdict:
    command = check.id.removeprefix("dicom-")
    if command not in context.callers[0].may:
        return skipped(f"{command} is granted", f"the model does not let this modality {command}")
    return check.examine(context)


_STORE: Final = permitted.check("store")
CHECKS_FROM: Final[tuple[Check, ...]] = (
    dicom_port.CHECK,
    _ours(permitted.check("echo")),
    _ours(replace(_STORE, examine=partial(_store, _STORE.examine))),
    *(
        _ours(replace(one, examine=partial(_of_stored, one.examine)))
        for one in (permitted.check("find"), permitted.check("get"), permitted.check("move"))
    ),
    wrong_called_aet.CHECK,
    unknown_caller.CHECK,
    Check("other-modality-refused", "The AE title of another modality is refused from here", "negative", _as_another),
    *(forbidden.check(command) for command in ("echo", "store", "find", "find_worklist", "get", "move")),
    dicom_tls.PLAIN,
    dicom_tls.WITHOUT_CERTIFICATE,
    dicom_tls.FOREIGN,
)
"""In their order: those that need the test image come after the one that stores it."""
