"""haproxy.cfg: what the gateway ends (HTTPS), whom it lets in without TLS, and how it goes on from there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from orthancgen.plan.addresses import addresses
from orthancgen.plan.gateway import call_ports, health_port, plain_modalities
from orthancgen.plan.model import Plan
from orthancgen.render.container_files import SECRETS_FOLDER
from orthancgen.render.engine import render_template
from orthancgen.render.layout import layout_of
from orthancgen.render.tls import TLS_1_2_CIPHERS, TLS_1_3_CIPHERS
from orthancgen.site.types import SecretRef

_CALLING_TITLE: Final = 'req.payload(26,16),ltrim(" "),rtrim(" ")'
"""The calling AE title of an A-ASSOCIATE-RQ (PS3.8 section 9.3.2) without the spaces around it."""


@dataclass(frozen=True, slots=True)
class _Web:
    """A service behind HTTPS: by its fixed address, or by its name where it has none; then there may be several."""

    name: str
    host: str
    port: int
    fixed: bool
    count: int = 1


@dataclass(frozen=True, slots=True)
class _Peer:
    """A modality without TLS."""

    name: str
    aet: str
    address: str
    port: int
    call_port: int


def build(plan: Plan) -> str:
    """The text of haproxy.cfg.

    Raises:
        RenderError: haproxy's configuration cannot carry a value.
    """
    site, fixed = plan.site, addresses(plan.site)
    ports = call_ports(site)
    web = _web(plan)
    peers = [_Peer(name, m.aet, m.address, m.port, ports[name]) for name, m in plain_modalities(site).items()]
    return render_template(
        "gateway/haproxy.cfg",
        threads=max(1, math.floor(site.containers.limits.gateway.cpus)),
        tls_minimum=f"TLSv{site.http.tls.minimum_version}",
        tls_1_2_ciphers=":".join(TLS_1_2_CIPHERS),
        tls_1_3_ciphers=":".join(TLS_1_3_CIPHERS),
        health_port=health_port(site),
        services=web,
        # On one engine Orthanc's address is fixed, and in Kubernetes that of its name is.
        orthanc_fixed=site.runtime != "swarm",
        names_move=any(not one.fixed for one in web) or (site.runtime == "swarm" and bool(peers)),
        certificate=_file(site.http.tls.certificate),
        modalities=peers,
        addresses=sorted({peer.address for peer in peers}),
        title=_CALLING_TITLE,
        printable_title=f"{_CALLING_TITLE},regsub([^ -~],?,g)",
        any_case=not site.dicom.ae_checks.exact_case,
        plain_port=site.dicom.plain.port,
        dicom_port=site.dicom.port,
        gateway=fixed.gateway if site.runtime == "compose" else "0.0.0.0",  # noqa: S104
        calls_from=_calls_from(plan),
        orthanc=fixed.orthanc if site.runtime == "compose" else layout_of(plan).orthanc_host,
        trusted=_file(site.dicom.tls.trusted),
        client_certificate=_file(site.dicom.plain.client_certificate),
    )


def _calls_from(plan: Plan) -> tuple[str, ...]:
    """From where Orthanc's own calls come; nothing in Kubernetes, where the NetworkPolicies say who may call."""
    fixed = addresses(plan.site)
    ours = {"compose": (fixed.orthanc,), "swarm": (fixed.edge.subnet, fixed.backend.subnet)}
    return ours.get(plan.site.runtime, ())


def _file(reference: SecretRef) -> str:
    return f"{SECRETS_FOLDER}/{reference.secret}"


def _web(plan: Plan) -> list[_Web]:
    site = plan.site
    if not site.http.tls.enabled:
        return []
    # Only on one engine is Orthanc's address fixed. In Kubernetes that of a service's name is, for each of them.
    cluster = site.runtime == "kubernetes"
    orthanc = addresses(site).orthanc if site.runtime == "compose" else layout_of(plan).orthanc_host
    swarm, scale = site.runtime == "swarm", site.scale
    found = [_Web("orthanc", orthanc, site.http.port, fixed=not swarm, count=scale.orthancs)]
    if site.backend.enabled:
        backend = layout_of(plan).backend_host
        found.append(_Web("backend", backend, site.backend.port, fixed=cluster, count=scale.backends))
    if site.viewer.enabled:
        found.append(_Web("viewer", "viewer", site.viewer.port, fixed=cluster))
    return found
