"""What must hold of an environment with ``runtime: compose``, and of what only containers can do."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator

from orthancgen.site.checks import Violation
from orthancgen.site.model import Site
from orthancgen.site.problems import KeyPath
from orthancgen.site.types import is_ip


def containers_have_images(site: Site) -> Iterator[Violation]:
    """Images that orthancgen does not build itself are named."""
    if site.runtime == "native":
        return
    for field, wanted, example in (
        ("orthanc", True, "orthancteam/orthanc:26.8.1"),
        ("mongo", site.backend.enabled and not site.scale.mongodb.hosts, "mongo:8.0.24"),
    ):
        if wanted and getattr(site.images, field) is None:
            yield Violation(("images", field), f"no image of {field} is named", f"images: {{{field}: {example}}}")


def container_network_is_free(site: Site) -> Iterator[Violation]:
    """The containers' network has no address that something else of the site has: it would not be reached any more."""
    if site.runtime != "compose":
        return
    own = ipaddress.ip_network(site.containers.subnet)
    for path, text in _networks(site):
        other = ipaddress.ip_network(text)
        if own.version == other.version and own.overlaps(other):
            yield Violation(
                ("containers", "subnet"),
                f"{site.containers.subnet} has addresses of {'.'.join(map(str, path))}, {text}",
                "name another private network that ends in .0/24 and is used nowhere",
            )


def _networks(site: Site) -> Iterator[tuple[KeyPath, str]]:
    for name, modality in site.modalities.items():
        if is_ip(modality.address):
            yield ("modalities", name, "address"), modality.address
    for field in ("allowed_sources", "managed_from"):
        # The whole Internet has every network in it, and is refused elsewhere where it may not be.
        networks = [network for network in getattr(site.network, field) if not network.endswith("/0")]
        yield from ((("network", field), network) for network in networks)
    if site.network.vpn is not None:
        yield ("network", "vpn", "network"), site.network.vpn.network
    for path, address in (
        (("http", "listen_on"), site.http.listen_on),
        (("backend", "listen_on"), site.backend.listen_on),
        (("dicom", "published_on"), site.dicom.published_on),
    ):
        if address is not None:
            yield path, address


def callers_of_containers_are_seen(site: Site) -> Iterator[Violation]:
    """The containers' network is IPv4: whoever calls by IPv6 arrives with the address of the engine's own proxy."""
    if site.runtime != "compose":
        return
    if site.dicom.published_on is not None and ":" in site.dicom.published_on:
        yield Violation(
            ("dicom", "published_on"),
            "behind an IPv6 address, Orthanc would see every caller with one and the same address",
            "write an IPv4 address of this host",
        )
    if site.dicom.ae_checks.calling_aet == "registered_from_own_address" or site.dicom.plain.enabled:
        for name, modality in site.modalities.items():
            if is_ip(modality.address) and ":" in modality.address:
                yield Violation(
                    ("modalities", name, "address"),
                    "the containers' network is IPv4: this modality would never be seen with its own address",
                    "write its IPv4 address",
                )


def plain_listener_serves_somebody(site: Site) -> Iterator[Violation]:
    """The unencrypted listener stands beside an encrypted one, and is for modalities that need it."""
    if not site.dicom.plain.enabled:
        return
    path: KeyPath = ("dicom", "plain", "enabled")
    if site.runtime == "native":
        yield Violation(path, "only the gateway has a second DICOM listener", "runtime: compose, or enabled: false")
        return
    own_address = site.dicom.ae_checks.calling_aet == "registered_from_own_address"
    if site.runtime != "compose" and own_address and not all(one.tls for one in site.modalities.values()):
        yield Violation(
            path, f"Orthanc sees the gateway in their stead, whose address is not known with runtime: {site.runtime}",
            "dicom: {ae_checks: {calling_aet: registered}}: the gateway itself tells them by address and AE title",
        )  # fmt: skip
    if not site.dicom.tls.enabled:
        yield Violation(
            path, "the DICOM port itself is unencrypted: a second one is of no use", "dicom: {tls: {enabled: true}}"
        )
        return
    without = {name: modality for name, modality in site.modalities.items() if not modality.tls}
    if not without:
        yield Violation(path, "no modality needs it: each has tls: true", "enabled: false")
    for name, modality in without.items():
        if not is_ip(modality.address):
            yield Violation(
                ("modalities", name, "address"),
                f"{modality.address} is a name, and the gateway lets in by address",
                "write the IP address",
            )


def modalities_can_call(site: Site) -> Iterator[Violation]:
    """Orthanc's one DICOM port speaks TLS or does not: who has no TLS needs the unencrypted listener."""
    if not site.dicom.tls.enabled or site.dicom.plain.enabled:
        return
    hint = "tls: true, if it speaks TLS"
    if site.runtime != "native":
        hint += "; else dicom: {plain: {enabled: true}}"
    for name, modality in site.modalities.items():
        if not modality.tls:
            message = f"the DICOM port speaks TLS, and {name} is said to have none: it cannot call"
            yield Violation(("modalities", name, "tls"), message, hint, "warning")


def modalities_are_called_with_a_certificate(site: Site) -> Iterator[Violation]:
    """Orthanc calls by TLS with the certificate of its own port: without one it cannot (seen with 1.10.1)."""
    if site.dicom.tls.enabled:
        return
    for name, modality in site.modalities.items():
        if modality.tls:
            yield Violation(
                ("modalities", name, "tls"),
                f"Orthanc cannot call {name} by TLS: that takes the certificate of dicom.tls, which is not enabled",
                "dicom: {tls: {enabled: true}}, or tls: false",
            )


CONTAINER_CHECKS: tuple[Callable[[Site], Iterator[Violation]], ...] = (
    containers_have_images,
    container_network_is_free,
    callers_of_containers_are_seen,
    plain_listener_serves_somebody,
    modalities_can_call,
    modalities_are_called_with_a_certificate,
)
