"""nginx in front of an Orthanc: from which port, with TLS or not, with a login of its own or not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orthancgen.audit.looking_files import container_with
from orthancgen.audit.looking_hosts import is_every_address, is_this_host, names_of, split_url
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.foreign.model import ComposeService, Directive, NginxFile

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_LISTEN = re.compile(r"(?:(?P<address>\[[^\]]*\]|[^:\s]*):)?(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Listen:
    """A socket on which a server of nginx listens; ``address`` is "" for every one."""

    address: str
    port: int
    tls: bool
    directive: Directive


@dataclass(frozen=True, slots=True)
class Passage:
    """A place of a configuration that passes requests on to an Orthanc.

    Attributes:
        service: the container in which this nginx runs, None on the host.
        asks_login: it lets in nobody without a login, an answer of another service, or a certificate.
        through: the directives around it, from the outside in; the last one is its ``proxy_pass``.
    """

    proxy: NginxFile
    service: ComposeService | None
    listens: tuple[Listen, ...]
    asks_login: bool
    through: tuple[Directive, ...]

    @property
    def server(self) -> Directive:
        """Its ``server`` block."""
        return next(one for one in reversed(self.through) if one.name == "server")


def passages(subject: Subject, orthanc: Orthanc) -> Iterator[Passage]:
    """Every place at which a configuration of nginx passes requests on to an Orthanc's REST API."""
    for proxy in subject.target.proxies:
        service = container_with(subject, proxy.file)
        upstreams = {
            one.arguments[0]: [each.arguments[0] for each in one.block if each.name == "server" and each.arguments]
            for one in _every(proxy.directives)
            if one.name == "upstream" and one.arguments
        }
        for through in _passes(proxy.directives, ()):
            targets = _targets(through, upstreams)
            servers = [one for one in through if one.name == "server"]
            if servers and any(_is_orthanc(subject, orthanc, service, target) for target in targets):
                yield Passage(proxy, service, tuple(listens(servers[-1])), _asks_login(through), through)


def listens(server: Directive) -> Iterator[Listen]:
    """The sockets of a ``server`` block; port 80 where it names none."""
    found = [one for one in server.block if one.name == "listen" and one.arguments]
    tls_on = any(one.name == "ssl" and one.arguments == ("on",) for one in server.block)
    for one in found:
        matched = _LISTEN.fullmatch(one.arguments[0])
        if matched is not None:
            address = matched["address"] or ""
            tls = tls_on or "ssl" in one.arguments or "quic" in one.arguments
            yield Listen("" if is_every_address(address) else address.strip("[]"), int(matched["port"]), tls, one)
        elif not one.arguments[0].startswith("unix:"):
            yield Listen(one.arguments[0].strip("[]"), 80, tls_on or "ssl" in one.arguments, one)
    if not found:
        yield Listen("", 80, tls_on, server)


def _every(directives: Sequence[Directive]) -> Iterator[Directive]:
    for one in directives:
        yield one
        yield from _every(one.block)


def _passes(directives: Sequence[Directive], around: tuple[Directive, ...]) -> Iterator[tuple[Directive, ...]]:
    for one in directives:
        if one.name in {"proxy_pass", "grpc_pass"}:
            yield (*around, one)
        yield from _passes(one.block, (*around, one))


def _targets(through: tuple[Directive, ...], upstreams: dict[str, list[str]]) -> list[tuple[str, int]]:
    """Host and port of each server that a ``proxy_pass`` means, its variables by what is set around it."""
    variables = {
        each.arguments[0].lstrip("$"): each.arguments[1]
        for one in through
        for each in one.block
        if each.name == "set" and len(each.arguments) == 2
    }
    written = through[-1].arguments[0] if through[-1].arguments else ""
    url = split_url(_VARIABLE.sub(lambda found: variables.get(found[1] or found[2], found[0]), written))
    if url is None or not url.hostname:
        return []
    port = 443 if url.scheme == "https" else 80
    named = upstreams.get(url.hostname)
    if named is None:
        return [(url.hostname, url.port or port)]
    servers = [split_url(f"http://{one}") for one in named]
    return [(one.hostname, one.port or port) for one in servers if one is not None and one.hostname]


def _is_orthanc(subject: Subject, orthanc: Orthanc, proxy: ComposeService | None, target: tuple[str, int]) -> bool:
    host, port = target
    service = subject.service_of(orthanc)
    own = orthanc.get("HttpPort")
    if service is not None and host.lower() in names_of(service):
        return bool(port == own)
    if not is_this_host(host):
        return False
    if service is None:
        return bool(port == own)
    return proxy is None and any(one.container_port == own and one.host_port == port for one in service.ports)


def _asks_login(through: tuple[Directive, ...]) -> bool:
    asked: dict[str, bool] = {}
    for around in through[:-1]:
        for one in around.block:
            if one.name in {"auth_basic", "auth_request", "auth_jwt", "ssl_verify_client"}:
                asked[one.name] = one.arguments[:1] not in {("off",), ("optional",), ("optional_no_ca",)}
    return any(asked.values())
