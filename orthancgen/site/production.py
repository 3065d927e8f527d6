"""What an environment of kind production must not have: critical rows of the audit catalogue, as errors of the model.

High rows that the model shows are warnings. Sources: Orthanc Book "Securing Orthanc"; NVD for the CVE numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from orthancgen.orthanc.keys import Version
from orthancgen.site.checks import Violation
from orthancgen.site.model import Site
from orthancgen.site.network_checks import is_over_wide
from orthancgen.site.settings import REFUSED_IN_PRODUCTION
from orthancgen.site.types import image_digest, image_tag, is_loopback

ORTHANC_BASELINE = Version.parse("1.13.0")
"""Oldest version without a known critical fault (CVE-2026-10528, CVE-2026-87020 and older ones)."""
ORTHANCTEAM_BASELINE = (26, 8, 0)
"""First tag of orthancteam/orthanc that brings Orthanc 1.13.0."""
MONGO_FIXED = {8: (8, 0, 17), 7: (7, 0, 28), 6: (6, 0, 27), 5: (5, 0, 32), 4: (4, 4, 30)}
"""First release of each series without CVE-2025-14847, the heap leak before authentication."""
MONGO_FIXED_82 = (8, 2, 3)
_NUMBERS = re.compile(r"([0-9]{1,4})\.([0-9]{1,4})\.([0-9]{1,4})(?:-.*)?")
ANYWHERE = frozenset({"0.0.0.0/0", "::/0"})


def version_is_pinned_and_safe(site: Site) -> Iterator[Violation]:
    """Orthanc's version is named, and has no known critical fault."""
    if site.orthanc.version == "auto":
        yield Violation(
            ("orthanc", "version"),
            "a production environment names its version of Orthanc",
            f'write "{ORTHANC_BASELINE}"',
        )
    elif Version.parse(site.orthanc.version) < ORTHANC_BASELINE:
        yield Violation(
            ("orthanc", "version"),
            f"Orthanc {site.orthanc.version} has known critical faults "
            "(CVE-2026-5437 to 5445, CVE-2026-87020 and others)",
            f"use {ORTHANC_BASELINE} or newer",
        )


def images_are_pinned_and_safe(site: Site) -> Iterator[Violation]:
    """Images have a fixed tag, and none is known to be faulty."""
    for field in ("orthanc", "mongo", "postgres", "backend", "gateway", "backup", "viewer", "analysis"):
        image = getattr(site.images, field)
        if image is not None and image_digest(image) is None and (image_tag(image) or "latest") == "latest":
            yield Violation(("images", field), "an image without a fixed tag changes under you", "name a version")
    orthanc, mongo = site.images.orthanc, site.images.mongo
    if orthanc and "orthancteam/orthanc" in orthanc:
        tag = _numbers(image_tag(orthanc))
        if tag is not None and tag < ORTHANCTEAM_BASELINE:
            yield Violation(
                ("images", "orthanc"), "this tag brings an Orthanc older than 1.13.0, with known critical faults",
                f"use {'.'.join(map(str, ORTHANCTEAM_BASELINE))} or newer",
            )  # fmt: skip
    if mongo and re.search(r"(?:^|/)mongo(?::|@|$)", mongo):
        tag = _numbers(image_tag(mongo))
        fixed = None if tag is None else MONGO_FIXED_82 if tag[:2] > (8, 0) else MONGO_FIXED.get(tag[0], MONGO_FIXED[4])
        if tag is not None and fixed is not None and tag < fixed:
            yield Violation(
                ("images", "mongo"), "this version leaks memory before authentication (CVE-2025-14847)",
                f"use {'.'.join(map(str, fixed))} or newer",
            )  # fmt: skip


def _numbers(tag: str | None) -> tuple[int, ...] | None:
    matched = _NUMBERS.fullmatch(tag or "")
    return tuple(map(int, matched.groups())) if matched else None


def strangers_may_not_read(site: Site) -> Iterator[Violation]:
    """No AE title of the world may query or fetch; storing by strangers is warned of."""
    checks = site.dicom.ae_checks
    if checks.calling_aet == "anyone":
        for index, command in enumerate(checks.anyone_may):
            if command not in {"echo", "store"}:
                yield Violation(
                    ("dicom", "ae_checks", "anyone_may", index), f"in production, anyone may not {command}",
                    "register the modality and add the command to its `may:`",
                )  # fmt: skip
        yield Violation(
            ("dicom", "ae_checks", "calling_aet"), "anyone may associate with a production archive",
            "calling_aet: registered_from_own_address", "warning",
        )  # fmt: skip
    elif checks.calling_aet == "registered":
        yield Violation(
            ("dicom", "ae_checks", "calling_aet"), "an AE title is easily imitated: its address is not looked at",
            "calling_aet: registered_from_own_address", "warning",
        )  # fmt: skip
    if not checks.called_aet:
        yield Violation(
            ("dicom", "ae_checks", "called_aet"),
            "calls for another AE title are accepted",
            "called_aet: true",
            "warning",
        )


def nothing_travels_in_the_clear(site: Site) -> Iterator[Violation]:
    """What leaves the host is encrypted."""
    if not site.http.tls.enabled and not is_loopback(site.http.listen_on):
        yield Violation(
            ("http", "listen_on"), "passwords and images would cross the network unencrypted",
            "http: {tls: {enabled: true}}, or listen_on: 127.0.0.1",
        )  # fmt: skip
    behind_gateway = site.runtime != "native" and site.http.tls.enabled
    for name, section in (("backend", site.backend), ("viewer", site.viewer)):
        if section.enabled and not behind_gateway and not is_loopback(section.listen_on):
            yield Violation(
                (name, "listen_on"), f"the {name} would be reached unencrypted from other hosts", "listen_on: 127.0.0.1"
            )
    if site.dicom.tls.enabled:
        if site.dicom.tls.client_certificates != "required":
            yield Violation(
                ("dicom", "tls", "client_certificates"), "nothing proves who calls", "client_certificates: required",
                "warning",
            )  # fmt: skip
        if site.dicom.plain.enabled:
            names = ", ".join(name for name, modality in site.modalities.items() if not modality.tls)
            yield Violation(
                ("dicom", "plain", "enabled"), f"DICOM of {names} travels unencrypted",
                "give each of them TLS as soon as it can", "warning",
            )  # fmt: skip
    else:
        yield Violation(
            ("dicom", "tls", "enabled"), "DICOM travels unencrypted", "dicom: {tls: {enabled: true}}", "warning"
        )
    if site.runtime == "swarm" and not site.scale.encrypt_networks:
        yield Violation(
            ("scale", "encrypt_networks"), "what the nodes say to one another travels unencrypted",
            "encrypt_networks: true, or a tunnel between the nodes (WireGuard)", "warning",
        )  # fmt: skip
    if site.webhook.enabled and site.webhook.url is not None and site.webhook.url.startswith("http://"):
        yield Violation(("webhook", "url"), "the webhook and its credential would travel unencrypted", "use https://")


def not_open_to_the_world(site: Site) -> Iterator[Violation]:
    """No flow is allowed from everywhere, nor from a share of the Internet."""
    for field in ("allowed_sources", "managed_from"):
        for index, network in enumerate(getattr(site.network, field)):
            if network in ANYWHERE or is_over_wide(network):
                what = "is the whole Internet" if network in ANYWHERE else "is a large share of the Internet"
                yield Violation(("network", field, index), f"{network} {what}", "name the networks of the site")
    for index, network in enumerate(site.observability.scraped_from):
        if network in ANYWHERE or is_over_wide(network):
            yield Violation(
                ("observability", "scraped_from", index), f"{network} is no address of Prometheus", "name its address"
            )


def settings_are_harmless(site: Site) -> Iterator[Violation]:
    """No setting opens the server to its own users."""
    for key, (refused, why) in REFUSED_IN_PRODUCTION.items():
        if key in site.orthanc.settings and site.orthanc.settings[key] is refused:
            yield Violation(("orthanc", "settings", key), f"in production: {why}", "leave the key out")


def storage_loses_nothing(site: Site) -> Iterator[Violation]:
    """The archive does not delete by itself, and no folder of the network writes to it."""
    storage = site.orthanc.storage
    if storage.when_full == "recycle" and (storage.limit_megabytes or storage.limit_patients):
        yield Violation(
            ("orthanc", "storage", "when_full"), "at the limit, the oldest patients are deleted without asking",
            "when_full: reject", "warning",
        )  # fmt: skip
    if site.orthanc.web_dav:
        yield Violation(
            ("orthanc", "web_dav"), "WebDAV opens a second door to the archive", "web_dav: false", "warning"
        )


PRODUCTION_CHECKS: tuple[Callable[[Site], Iterator[Violation]], ...] = (
    version_is_pinned_and_safe,
    images_are_pinned_and_safe,
    strangers_may_not_read,
    nothing_travels_in_the_clear,
    not_open_to_the_world,
    settings_are_harmless,
    storage_loses_nothing,
)
