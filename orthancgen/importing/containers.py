"""``runtime:``, ``images:`` and ``containers:`` of what runs by a compose file; and its other services."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Any

from orthancgen.importing.draft import Draft
from orthancgen.importing.fits import default, why_not
from orthancgen.importing.notes import Outcome
from orthancgen.importing.original import OURS
from orthancgen.importing.surroundings import Surroundings
from orthancgen.site.types import ImageReference, is_ip

_ROLES = {
    "mongo": "orthancgen brings a database with its own backend alone",
    "postgres": "orthancgen keeps the index in Orthanc's own files",
    "proxy": "orthancgen puts a gateway of its own in front where TLS asks for it",
    "backend": "orthancgen runs a backend of its own alone: backend: {enabled: true}",
    "orthanc": "it is another Orthanc: import it by itself",
    "other": "orthancgen runs what belongs to Orthanc alone",
}


def import_runtime(draft: Draft, around: Surroundings) -> None:
    """Write how it runs. Without a compose file it runs natively, whatever its image would be."""
    service = around.service
    if service is None:
        draft.put(("runtime",), "native")
        if draft.original.part.publisher in ("orthancteam", "jodogne"):
            message = "it ran in a container, whose image is not named here"
            hint = "runtime: compose, with images: {orthanc: NAME:TAG}"
            draft.note((), Outcome.CHANGED, message, to=("runtime",), hint=hint)
        return
    _image(draft, around)
    _subnet(draft)
    if OURS in draft.original:
        _database(draft, around)
    else:
        _others(draft, around)


def _image(draft: Draft, around: Surroundings) -> None:
    service = around.service
    image = service.image if service is not None else ""
    refused = why_not(ImageReference, image) if image else _built(around)
    if refused is not None or around.runtime == "native":
        draft.put(("runtime",), "native")
        hint = "runtime: compose, with images: {orthanc: NAME:TAG}"
        draft.note((), Outcome.LOST, f"the image of Orthanc cannot be named: {refused}", to=("images",), hint=hint)
        return
    draft.put(("runtime",), "compose")
    draft.put(("images", "orthanc"), image)
    publisher = draft.original.part.publisher
    if publisher == "orthancteam" and "orthancteam/orthanc" not in image:
        draft.put(("images", "layout"), "orthancteam")
    if publisher == "jodogne" and "jodogne/" not in image:
        draft.put(("images", "layout"), "jodogne")
    draft.note((), Outcome.EXPRESSED, "the image of Orthanc", to=("images", "orthanc"))


def _built(around: Surroundings) -> str:
    base = around.service.built_from if around.service is not None else ""
    return f"it is built{f' on {base}' if base else ''}, and has no name"


def _database(draft: Draft, around: Surroundings) -> None:
    """`images.mongo` of a bundle that orthancgen rendered; without it, its backend cannot run."""
    if around.runtime == "native" or draft.environment.get("backend", {}).get("enabled") is False:
        return
    services = around.compose.services.values() if around.compose is not None else ()
    image = next((service.image for service in services if service.role == "mongo"), "")
    if image and why_not(ImageReference, image) is None:
        draft.put(("images", "mongo"), image)
        return
    draft.put(("backend", "enabled"), False)
    draft.put(("webhook", "enabled"), False)
    draft.note(OURS, Outcome.LOST, "the image of the backend's database is not named", to=("backend",))


def _subnet(draft: Draft) -> None:
    """`containers.subnet:` one in which no modality lies."""
    usual = default(("containers", "subnet"))
    taken = [ipaddress.ip_address(address) for address in _addresses(draft.environment)]
    for subnet in (usual, *(f"10.{n}.242.0/24" for n in range(250, 0, -10)), "192.168.242.0/24"):
        network = ipaddress.ip_network(subnet)
        if not any(one in network for one in taken):
            if subnet != usual:
                draft.put(("containers", "subnet"), subnet)
            return


def _addresses(environment: Mapping[str, Any]) -> Iterator[str]:
    for modality in environment.get("modalities", {}).values():
        if is_ip(modality["address"]):
            yield modality["address"]
    for section, key in (("http", "listen_on"), ("dicom", "published_on")):
        address = environment.get(section, {}).get(key)
        if isinstance(address, str):
            yield address


def _others(draft: Draft, around: Surroundings) -> None:
    if around.compose is None or around.service is None:
        return
    for name, other in around.compose.services.items():
        if name != around.service.name:
            draft.note((), Outcome.LOST, f"the service {name} of the compose file: {_ROLES[other.role]}")
