"""The doctor at the modality: one script that needs nothing but what is there, for whoever stands before the scanner.

:func:`script` is pure: the same environment gives the same script. It asks in order, from the addresses of the machine
up to a C-ECHO of its own, names a cause, and prints a block for the site's PACS team. It calls nobody but the site.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from orthancgen.doctor.remote_causes import CAUSES
from orthancgen.doctor.remote_wire import echo
from orthancgen.errors import InputError
from orthancgen.plan.gateway import plain_modalities
from orthancgen.plan.model import Plan
from orthancgen.plan.reached import hosts_for, named_hosts
from orthancgen.render.engine import render_template
from orthancgen.site.problems import printable
from orthancgen.site.types import is_ip, is_loopback

Shell = Literal["sh", "powershell"]
SHELLS: Final[dict[str, str]] = {"sh": "doctor/from.sh", "powershell": "doctor/from.ps1"}
_CLOCK_SECONDS: Final = 300
_NOBODY: Final = "the PACS team"


@dataclass(frozen=True, slots=True)
class WebPort:
    """Another port of the site, for comparison.

    Attributes:
        name: what listens there.
        port: TCP port.
        https: whether it speaks TLS.
    """

    name: str
    port: int
    https: bool


def script(plan: Plan, modality: str, shell: str, hosts: Sequence[str]) -> str:
    """A script that finds out on the host of a modality why it cannot reach the site.

    Args:
        plan: of the environment.
        modality: its name in the environment.
        shell: `sh`, for any POSIX shell, or `powershell`, for Windows PowerShell 5.1 and later.
        hosts: names and addresses by which the site is reached from there, the one to use first; without them, what
            the environment says.

    Raises:
        InputError: there is no such modality or shell, nobody said how the site is reached, or a host is none.
    """
    site = plan.site
    if shell not in SHELLS:
        raise InputError(f"no shell {printable(shell)}", hint=f"there are: {', '.join(SHELLS)}")
    found = site.modalities.get(modality)
    if found is None:
        raise InputError(
            f"no modality {printable(modality)}", hint=f"there are: {', '.join(site.modalities) or 'none yet'}"
        )
    host = _host(plan, modality, tuple(hosts))
    plain = modality in plain_modalities(site)
    tls = site.dicom.tls.enabled and not plain
    values = {
        "environment": str(site.environment),
        "modality": modality,
        "contact": _contact(plan),
        "called": site.orthanc.aet,
        "calling": found.aet,
        "registered": found.address,
        "host": host,
        "port": str(site.dicom.plain.port if plain else site.dicom.port),
    }
    pdus = echo(site.orthanc.aet, found.aet)
    text = render_template(
        SHELLS[shell],
        **values,
        tls="yes" if tls else "no",
        client_certificate="yes" if tls and site.dicom.tls.client_certificates == "required" else "no",
        registered_is_address="yes" if is_ip(found.address) else "no",
        only_own_address="yes" if plain or site.dicom.ae_checks.calling_aet == "registered_from_own_address" else "no",
        web_ports=_web_ports(plan, host),
        causes=[cause.filled(values) for cause in CAUSES],
        clock_seconds=_CLOCK_SECONDS,
        associate=_octal(pdus.associate) if shell == "sh" else _hex(pdus.associate),
        echo=_octal(pdus.echo) if shell == "sh" else _hex(pdus.echo),
        release=_octal(pdus.release) if shell == "sh" else _hex(pdus.release),
    )
    if not text.isascii():
        raise InputError("a value of the environment is not ASCII, which the script cannot carry")
    return text.replace("\n", "\r\n") if shell == "powershell" else text


def _host(plan: Plan, modality: str, hosts: tuple[str, ...]) -> str:
    site = plan.site
    found = hosts or hosts_for(site, site.modalities[modality], named_hosts(site))
    if not found:
        raise InputError(
            f"nobody says by which name or address {site.environment} is reached from {modality}",
            hint="name it with --host, or write certificates.names in the environment",
        )
    host = found[0]
    allowed = host.isascii() and not host.startswith("-") and len(host) <= 253  # longest name, RFC 1035
    if not (
        (is_ip(host) and "%" not in host) or (allowed and all(one.isalnum() or one in ".-_" for one in host) and host)
    ):
        raise InputError(f"{printable(host)[:80]} is no name and no address of a host")
    return host


def _contact(plan: Plan) -> str:
    """Whom to call, in ASCII: a script has no other characters."""
    contact = plan.site.contact
    if contact is None:
        return _NOBODY
    words = " ".join(f"{contact.name} {contact.phone or ''}".split())
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return "".join(one for one in plain if one.isprintable()) or _NOBODY


def _web_ports(plan: Plan, host: str) -> list[WebPort]:
    """The ports of the web side that this host can be reached at: where all fail, it is the host, not the port."""
    site = plan.site
    here = host == "localhost" or (is_ip(host) and is_loopback(host))
    found = []
    if here or not is_loopback(site.http.listen_on):
        found.append(WebPort("Orthanc's web server", site.http.port, site.http.tls.enabled))
    if site.backend.enabled and (here or not is_loopback(site.backend.listen_on)):
        https = site.runtime != "native" and site.http.tls.enabled
        found.append(WebPort("the backend", site.backend.port, https))
    return found


def _octal(data: bytes) -> str:
    r"""Bytes as a format of printf: each as ``\ooo``, so that none has a meaning."""
    return "".join(f"\\{byte:03o}" for byte in data)


def _hex(data: bytes) -> str:
    return data.hex()
