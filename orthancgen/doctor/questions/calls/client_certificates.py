"""Certificates of callers that Orthanc does not accept, and callers that do not accept Orthanc's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from cryptography import x509

from orthancgen.certs.issue import load_certificates, serial
from orthancgen.certs.store import AuthorityStore
from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Remedy
from orthancgen.doctor.observe.orthanc_log import Event, evidence, of
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.calls import common, server_certificates
from orthancgen.errors import OrthancgenError

_REFUSED_OURS: Final = (
    "tls-alert-unknown-ca", "tls-alert-expired", "tls-alert-bad-certificate", "tls-alert-certificate-unknown",
)  # fmt: skip
_NOT_LOGGED: Final = "Orthanc does not log which caller it was"


def _missing(case: Case) -> Iterator[Finding]:
    seen = of(case, "tls-no-client-certificate")
    if seen:
        yield Diagnosis(
            "client-certificate-missing",
            f"a caller shows no certificate on port {case.site.dicom.port}, and one is required",
            f"port {case.site.dicom.port}",
            evidence(seen),
            (
                Remedy(
                    f"install its certificate with its key, and have it shown; {_NOT_LOGGED}",
                    f"orthancgen certs bundle {common.quote(case.env)} {_which(case)} -o FOLDER",
                    on="the modality",
                ),
                Remedy(
                    "if it cannot show one: `not_asked` at "
                    f"{common.line_of(case, ('dicom', 'tls', 'client_certificates'))} lets in whoever speaks TLS",
                    on="the environment file",
                ),
            ),
        )


def _refused(case: Case) -> Iterator[Finding]:
    seen = of(case, "tls-client-not-verified")
    if not seen:
        return
    issued = _issued(case)
    when = seen[-1].at.astimezone(UTC)
    expired = {name: one for name, one in issued.items() if one.not_valid_after_utc <= when}
    early = {name: one for name, one in issued.items() if one.not_valid_before_utc > when}
    if expired:
        yield _of_time(case, seen, expired, "client-certificate-expired", "has expired")
    elif early:
        yield _of_time(case, seen, early, "client-certificate-not-yet-valid", "is not valid yet")
    else:
        yield _of_authority(case, seen, issued)


def _issued(case: Case) -> dict[str, x509.Certificate]:
    """The certificates that were issued for modalities, and not revoked; empty where the authority is the site's."""
    folder = case.access.authorities if case.access else None
    if folder is None:
        return {}
    try:
        store = AuthorityStore(folder)
        found = {name: load_certificates(text)[0] for name, text in store.clients().items()}
        revoked = store.revoked_serials()
    except (OrthancgenError, OSError, ValueError, IndexError):
        return {}
    return {name: one for name, one in found.items() if serial(one) not in revoked}


def _of_time(
    case: Case, seen: tuple[Event, ...], certificates: dict[str, x509.Certificate], cause: str, how: str
) -> Diagnosis:
    names = ", ".join(certificates)
    lives = "\n".join(
        f"{name}: {one.not_valid_before_utc:%Y-%m-%d %H:%M} to {one.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
        for name, one in certificates.items()
    )
    env = common.quote(case.env)
    first = next(iter(certificates))
    clock = Remedy(
        f"this host's clock says {datetime.now(UTC):%Y-%m-%d %H:%M} UTC: set it where that is wrong", "timedatectl"
    )
    renew = (
        Remedy("issue it anew", f"orthancgen certs renew {env} {common.quote(first)}"),
        Remedy(
            "hand it over, and have it installed",
            f"orthancgen certs bundle {env} {common.quote(first)} -o FOLDER",
            on="the modality",
        ),
    )
    return Diagnosis(
        cause,
        f"a caller's certificate is refused, and that of {names} {how}",
        f"modality {first}" if len(certificates) == 1 else "callers",
        (*evidence(seen), Evidence(lives, "certificates that were issued for modalities")),
        (clock, *renew) if cause == "client-certificate-not-yet-valid" else (*renew, clock),
    )


def _of_authority(case: Case, seen: tuple[Event, ...], issued: dict[str, x509.Certificate]) -> Diagnosis:
    tls = case.site.dicom.tls
    told = ", ".join(issued) or "none"
    own = tls.trusted.secret in case.site.secrets
    remedy = (
        Remedy(
            f"have its certificate signed by an authority of {tls.trusted.secret}, or add its authority there",
            on="the environment file",
        )
        if own
        else Remedy(
            "give the modality a certificate of this site's authority, and have it shown in place of its own",
            f"orthancgen certs bundle {common.quote(case.env)} {_which(case)} -o FOLDER",
            on="the modality",
        )
    )
    return Diagnosis(
        "client-certificate-unknown-authority",
        f"a caller shows a certificate of an authority that Orthanc does not trust; {_NOT_LOGGED}",
        f"port {case.site.dicom.port}",
        (
            *evidence(seen),
            Evidence(
                f"certificates that were issued for modalities, all of which hold now: {told}", "orthancgen certs list"
            ),
        ),
        (remedy,),
    )


def _refuses_ours(case: Case) -> Iterator[Finding]:
    seen = of(case, *_REFUSED_OURS)
    if not seen or server_certificates.found(case):
        return
    env = common.quote(case.env)
    yield Diagnosis(
        "server-certificate-refused-by-caller",
        "a caller does not accept Orthanc's certificate: it does not know the authority, or expects another name or "
        f"time; {_NOT_LOGGED}",
        f"port {case.site.dicom.port}",
        evidence(seen),
        (
            Remedy(
                "install the authority of this site at the modality as a trusted one",
                f"orthancgen certs ca {env}",
                on="the modality",
            ),
            Remedy("see whether its clock is right, and by which name it calls this site", on="the modality"),
        ),
    )


def _which(case: Case) -> str:
    return common.quote(case.modality) if case.modality else "MODALITY"


def _asked_for(case: Case) -> bool:
    return case.site.dicom.tls.enabled and case.site.dicom.tls.client_certificates == "required"


QUESTIONS: Final = (
    Question(
        "client-certificates-shown", "Do callers show certificates?", "way_in", _missing,
        ("client-certificate-missing",), applies=_asked_for,
    ),
    Question(
        "client-certificates-accepted", "Are the certificates of callers accepted?", "way_in", _refused,
        ("client-certificate-expired", "client-certificate-not-yet-valid", "client-certificate-unknown-authority"),
        applies=_asked_for,
    ),
    Question(
        "server-certificate-accepted", "Do callers accept Orthanc's certificate?", "way_in", _refuses_ours,
        ("server-certificate-refused-by-caller",),
        applies=lambda case: case.site.dicom.tls.enabled,
    ),
)  # fmt: skip
