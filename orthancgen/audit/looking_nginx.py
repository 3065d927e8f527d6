"""What a configuration of nginx makes of its directives: servers with TLS, what holds at a place, where a path goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orthancgen.audit.looking_files import container_with
from orthancgen.audit.looking_images import image_of
from orthancgen.audit.looking_web_proxies import listens
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Directive, NginxFile


@dataclass(frozen=True, slots=True)
class TlsServer:
    """A ``server`` block that speaks TLS; ``around`` are the blocks about it and it itself, from the outside in."""

    proxy: NginxFile
    around: tuple[Directive, ...]

    @property
    def block(self) -> Directive:
        """The ``server`` block itself."""
        return self.around[-1]


def every(directives: Sequence[Directive]) -> Iterator[Directive]:
    """Every directive, those inside of blocks included."""
    for one in directives:
        yield one
        yield from every(one.block)


def tls_servers(subject: Subject) -> Iterator[TlsServer]:
    """Every server of HTTP that speaks TLS."""
    for proxy in subject.target.proxies:
        for around in _servers(proxy.directives, ()):
            if any(listen.tls for listen in listens(around[-1])):
                yield TlsServer(proxy, around)


def _servers(directives: Sequence[Directive], around: tuple[Directive, ...]) -> Iterator[tuple[Directive, ...]]:
    for one in directives:
        if one.name == "server" and one.block:
            yield (*around, one)
        elif one.name == "http":
            yield from _servers(one.block, (*around, one))


def effective(around: Sequence[Directive], name: str) -> Directive | None:
    """The directive that holds in the innermost of some blocks: an inner one replaces an outer one."""
    return next((one for block in reversed(around) for one in block.block if one.name == name), None)


def version(subject: Subject, proxy: NginxFile) -> tuple[int, int, int] | None:
    """The version of nginx that reads a file, where its container's image says it."""
    service = container_with(subject, proxy.file)
    image = image_of(service.image) if service is not None else None
    return image.version if image is not None and image.name.rpartition("/")[2].startswith("nginx") else None


def is_limited(around: Sequence[Directive]) -> bool:
    """Whether addresses are looked at: somewhere it is said that all others are denied."""
    rules = [one for block in around for one in block.block if one.name == "deny"]
    return any(one.arguments[:1] == ("all",) for one in rules)


def location_of(server: Directive, path: str) -> Directive:
    """The block that serves a path: a location, or the server itself where none fits.

    A regular expression is not run, for it may be one that never ends: it is taken to fit where it names the first or
    the last part of the path. Source: https://nginx.org/en/docs/http/ngx_http_core_module.html#location
    """
    places = [one for one in server.block if one.name == "location" and one.arguments]
    exact = [one for one in places if one.arguments == ("=", path)]
    if exact:
        return exact[0]
    prefixes = [one for one in places if _prefix(one) is not None and path.startswith(_prefix(one) or "")]
    best = max(prefixes, key=lambda one: len(_prefix(one) or ""), default=None)
    if best is None or best.arguments[0] != "^~":
        first, last = path.strip("/").split("/")[0], path.rpartition("/")[2]
        for one in places:
            is_pattern = one.arguments[0] in {"~", "~*"} and len(one.arguments) > 1
            if is_pattern and (last in one.arguments[1] or first in one.arguments[1]):
                return one
    return best or server


def _prefix(location: Directive) -> str | None:
    first, *rest = location.arguments
    if first in {"~", "~*", "="} or first.startswith("@"):
        return None
    return rest[0] if first == "^~" and rest else first


def refuses(location: Directive) -> bool:
    """Whether a location answers everybody, or everybody but some addresses, with a refusal."""
    answers = [one for one in location.block if one.name == "return" and one.arguments]
    return any(one.arguments[0].startswith("4") for one in answers) or is_limited((location,))
