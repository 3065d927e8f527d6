"""What stands between an Orthanc and its DICOM callers, and puts its own address in the place of theirs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from orthancgen.audit.looking_containers import place, said
from orthancgen.audit.looking_files import container_with
from orthancgen.audit.looking_hosts import is_this_host, names_of
from orthancgen.audit.looking_nginx import every
from orthancgen.audit.looking_settings import number
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import ComposeService, Directive, NginxFile
from orthancgen.site.problems import KeyPath, Mark, printable

DICOM_PORTS: Final = frozenset({104, 2762, 4242, 11112})
_TRAEFIK: Final = re.compile(r"traefik\.tcp\.services\.[^.]{1,200}\.loadbalancer\.server\.port", flags=re.IGNORECASE)
_HOST_AND_PORT: Final = re.compile(r"(?P<host>\[[^\]]*\]|[^:\s]+):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class Between:
    """A proxy in front of DICOM: what it is, in words, and where that is said."""

    words: str
    mark: Mark
    path: KeyPath = ()


def proxies_of(subject: Subject, orthanc: Orthanc) -> Iterator[Between]:
    """Every proxy that hands on connections to an Orthanc's DICOM port."""
    port, service = number(orthanc, "DicomPort") or 4242, subject.service_of(orthanc)
    found = False
    for proxy in subject.target.proxies:
        for one in _streams(subject, orthanc, proxy, port):
            found = True
            yield one
    if service is None:
        return
    for key, value in _labels(service):
        if _TRAEFIK.fullmatch(key) and value == str(port):
            yield Between("traefik", *place(service, "labels"))
            return
    if not found:
        yield from _by_ports(subject, service, port)


def _streams(subject: Subject, orthanc: Orthanc, proxy: NginxFile, port: int) -> Iterator[Between]:
    beside = container_with(subject, proxy.file)
    for stream in proxy.directives:
        if stream.name != "stream":
            continue
        upstreams = {
            one.arguments[0]: [each.arguments[0] for each in one.block if each.name == "server" and each.arguments]
            for one in stream.block
            if one.name == "upstream" and one.arguments
        }
        for server in stream.block:
            if server.name != "server" or _is_transparent((*stream.block, *server.block)):
                continue
            for one in server.block:
                if one.name == "proxy_pass" and one.arguments:
                    targets = upstreams.get(one.arguments[0], [one.arguments[0]])
                    if any(_leads_to(subject, orthanc, beside, target, port) for target in targets):
                        yield Between(f"nginx ({printable(proxy.file)})", one.mark)


def _is_transparent(directives: tuple[Directive, ...]) -> bool:
    """Whether nginx calls with the address of its caller.

    Source: https://nginx.org/en/docs/stream/ngx_stream_proxy_module.html#proxy_bind
    """
    return any(one.name == "proxy_bind" and "transparent" in one.arguments for one in every(directives))


def _leads_to(subject: Subject, orthanc: Orthanc, proxy: ComposeService | None, target: str, port: int) -> bool:
    found = _HOST_AND_PORT.fullmatch(target)
    if found is None:
        return False
    service, called = subject.service_of(orthanc), int(found["port"])
    if service is not None and found["host"].lower() in names_of(service):
        return called == port
    if not is_this_host(found["host"]) or proxy is not None:
        return False
    if service is None:
        return called == port
    return any(one.container_port == port and one.host_port == called for one in service.ports)


def _labels(service: ComposeService) -> list[tuple[str, str]]:
    labels = said(service, "labels")
    if isinstance(labels, dict):
        return [(str(key), str(value)) for key, value in labels.items()]
    if not isinstance(labels, list):
        return []
    split = (str(text).partition("=") for text in labels)
    return [(key, value) for key, _, value in split]


def _by_ports(subject: Subject, service: ComposeService, port: int) -> Iterator[Between]:
    """A proxy whose configuration is not read, and that publishes a DICOM port where Orthanc publishes none."""
    if any(one.container_port == port for one in service.ports) or said(service, "network_mode") == "host":
        return
    for _, other in subject.services:
        if other.role != "proxy" or not set(other.networks) & set(service.networks):
            continue
        for one in other.ports:
            if {one.host_port, one.container_port} & {port, *DICOM_PORTS}:
                yield Between(f"the proxy {printable(other.name)} on port {one.host_port}", one.mark, one.path)
