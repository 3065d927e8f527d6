"""What sheets say of a site, from its plan: for each modality its port, host and files; and the web side. Pure."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import json
from typing import Final

from orthancgen.plan.gateway import plain_modalities
from orthancgen.plan.model import Plan
from orthancgen.plan.reached import browsers_come_by_https, hosts_for
from orthancgen.sheets.connection import Connection, Issue, SiteFacts, Tls, Way, Web
from orthancgen.site.modalities import Modality
from orthancgen.site.model import Site
from orthancgen.site.types import is_loopback
from orthancgen.site.vpn import comes_by_vpn

AUTHORITY: Final = "ca.pem"
"""The authority of the DICOM side, as `orthancgen certs bundle` names it."""
WEB_AUTHORITY: Final = "https-ca.pem"
_EVERY_ADDRESS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_EVERY_SYNTAX: Final = "1.2.840.10008.1.*"
"""Orthanc's default of `AcceptedTransferSyntaxes`."""
_NEWCOMER_MAY: Final = ("echo", "store")
"""What `may` is where a modality says nothing of it (`site/modalities.py`)."""


def facts(plan: Plan, *, hosts: tuple[str, ...], release: int | None, date: str) -> SiteFacts:
    """What all sheets of a site say.

    Args:
        plan: of the environment.
        hosts: names and addresses by which other hosts reach this one, the one to type first;
            `plan.reached.named_hosts`, where the environment names any.
        release: number of the release that runs.
        date: day as of which this holds, as `2027-06-30`.

    Raises:
        ValueError: no host is given.
    """
    if not hosts:
        raise ValueError("a sheet names a host")
    site = plan.site
    connections = (*(_of_modality(site, name, hosts) for name in site.modalities), newcomer(site, hosts))
    unmarked = SiteFacts(
        site.environment,
        site.kind,
        site.orthanc.name,
        site.description,
        site.contact,
        site.network.profile,
        Issue(None, "", str(plan.version), ""),
        _web(site, hosts),
        connections,
    )
    return dataclasses.replace(unmarked, issue=Issue(release, date, str(plan.version), _fingerprint(unmarked)))


def newcomer(site: Site, hosts: tuple[str, ...]) -> Connection:
    """The view of a caller who is not registered yet, with what it may do once it is."""
    checks = site.dicom.ae_checks
    tls = site.dicom.tls.enabled
    return Connection(
        modality=None,
        description=None,
        called_aet=site.orthanc.aet,
        hosts=hosts,
        port=site.dicom.port,
        way="direct",
        tls=_tls(site, None) if tls else None,
        own_aet=None,
        own_address=None,
        own_port=None,
        called_back_by_tls=tls,
        may=checks.anyone_may if checks.calling_aet == "anyone" else _NEWCOMER_MAY,
        only_own_address=checks.calling_aet == "registered_from_own_address",
        exact_case=checks.exact_case,
        open_to_anyone=checks.calling_aet == "anyone",
        transfer_syntaxes=_accepted(site),
        transcoded_to=_transcoded_to(site),
    )


def _of_modality(site: Site, name: str, hosts: tuple[str, ...]) -> Connection:
    modality = site.modalities[name]
    by_gateway = name in plain_modalities(site)
    checks = site.dicom.ae_checks
    return Connection(
        modality=name,
        description=modality.description,
        called_aet=site.orthanc.aet,
        hosts=hosts_for(site, modality, hosts),
        port=site.dicom.plain.port if by_gateway else site.dicom.port,
        way=_way(site, modality, by_gateway=by_gateway),
        tls=_tls(site, name) if site.dicom.tls.enabled and not by_gateway else None,
        own_aet=modality.aet,
        own_address=modality.address,
        own_port=modality.port,
        called_back_by_tls=modality.tls,
        may=_may(site, modality),
        only_own_address=by_gateway or checks.calling_aet == "registered_from_own_address",
        exact_case=checks.exact_case,
        transfer_syntaxes=_accepted(site),
        transcoded_to=_transcoded_to(site),
    )


def _accepted(site: Site) -> tuple[str, ...]:
    """`AcceptedTransferSyntaxes`, a list or one of them (`orthanc/keys/core.json`), where it is narrowed."""
    accepted = site.orthanc.settings.get("AcceptedTransferSyntaxes", _EVERY_SYNTAX)
    wanted = tuple(one for one in (accepted if isinstance(accepted, list) else [accepted]) if isinstance(one, str))
    return () if _EVERY_SYNTAX in wanted else wanted


def _transcoded_to(site: Site) -> str | None:
    """`IngestTranscoding`, where it is set."""
    syntax = site.orthanc.settings.get("IngestTranscoding")
    return syntax if isinstance(syntax, str) and syntax else None


def _may(site: Site, modality: Modality) -> tuple[str, ...]:
    """What a modality may do: its own permissions, and what anybody may."""
    anyone = site.dicom.ae_checks.anyone_may if site.dicom.ae_checks.calling_aet == "anyone" else ()
    return tuple(dict.fromkeys((*modality.may, *anyone)))


def _way(site: Site, modality: Modality, *, by_gateway: bool) -> Way:
    if by_gateway:
        return "plain_listener"
    return "vpn" if comes_by_vpn(site, modality) else "direct"


def _tls(site: Site, name: str | None) -> Tls:
    """TLS for a modality, or for one that has no name yet; the files are those of `orthancgen certs bundle`."""
    tls, shows = site.dicom.tls, site.dicom.tls.client_certificates == "required"
    theirs = {tls.trusted.secret, tls.certificate.secret} & set(site.secrets)
    get_them = f"orthancgen certs bundle {site.environment} {name or 'MODALITY'} -o {name or 'MODALITY'}-files"
    if not shows:
        get_them = f"orthancgen certs ca {site.environment} > {AUTHORITY}"
    return Tls(
        client_certificate=shows,
        authority=AUTHORITY,
        certificate=f"{name}.crt.pem" if shows and name else None,
        key=f"{name}.key.pem" if shows and name else None,
        get_them="" if theirs else get_them,
    )


def _web(site: Site, hosts: tuple[str, ...]) -> Web:
    http = site.http
    scheme = "https" if http.tls.enabled else "http"
    local = _EVERY_ADDRESS.get(http.listen_on, http.listen_on)
    theirs = http.tls.authority.secret in site.secrets
    viewer = site.viewer
    return Web(
        orthanc_url=None if is_loopback(http.listen_on) else _url(scheme, _web_host(site, hosts), http.port),
        local_url=_url(scheme, local, http.port),
        users=tuple((name, user.role) for name, user in site.users.items()),
        get_password=f"orthancgen secrets show {site.environment} NAME",
        https=http.tls.enabled,
        dicomweb="dicomweb" in site.orthanc.plugins,
        page=site.orthanc.web_page,
        secrets=tuple((name, user.password.secret) for name, user in site.users.items()),
        authority=WEB_AUTHORITY if http.tls.enabled else None,
        get_authority=(
            f"orthancgen certs ca {site.environment} --authority https > {WEB_AUTHORITY}"
            if http.tls.enabled and not theirs else ""
        ),
        viewer=_page(site, hosts) if viewer.enabled else None,
        viewer_elsewhere=viewer.enabled and not is_loopback(viewer.listen_on),
    )  # fmt: skip


def _page(site: Site, hosts: tuple[str, ...]) -> str:
    """URL of the viewer, as its readers type it."""
    listens, scheme = site.viewer.listen_on, "https" if browsers_come_by_https(site) else "http"
    if is_loopback(listens):
        return f"{_url(scheme, listens, site.viewer.port)}/"
    known = listens in _EVERY_ADDRESS or site.certificates.names
    return f"{_url(scheme, hosts[0] if known else listens, site.viewer.port)}/"


def _web_host(site: Site, hosts: tuple[str, ...]) -> str:
    """A name of the site's, which its certificate bears; else the address on which it listens."""
    return hosts[0] if site.http.listen_on in _EVERY_ADDRESS or site.certificates.names else site.http.listen_on


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{f'[{host}]' if _is_ipv6(host) else host}:{port}"


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def _fingerprint(site: SiteFacts) -> str:
    values = dataclasses.asdict(site) | {"contact": site.contact.model_dump() if site.contact else None}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode("ascii")).hexdigest()[:12]
