"""A proxy that speaks versions of TLS that are broken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_nginx import TlsServer, effective, tls_servers, version
from orthancgen.audit.references import hipaa, page, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable

_OLD: Final = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"})
_NEW_BY_DEFAULT_SINCE: Final = (1, 27, 3)
"""nginx's CHANGES: "now TLSv1 and TLSv1.1 protocols are disabled by default"."""


def find(subject: Subject) -> Iterator[Hit]:
    """Every server with such a version, said or by default."""
    seen = set()
    for server in tls_servers(subject):
        said = effective(server.around, "ssl_protocols")
        if said is None:
            yield from _by_default(subject, server)
            continue
        old = [name for name in said.arguments if name in _OLD]
        if old and said.mark not in seen:
            seen.add(said.mark)
            yield Hit(f"nginx speaks {', '.join(printable(name) for name in old)}", said.mark)


def _by_default(subject: Subject, server: TlsServer) -> Iterator[Hit]:
    known = version(subject, server.proxy)
    if known is not None and known >= _NEW_BY_DEFAULT_SINCE:
        return
    if known is not None:
        number = ".".join(str(part) for part in known)
        yield Hit(f"ssl_protocols is not said, and nginx {number} then speaks TLSv1 and TLSv1.1 too", server.block.mark)
    else:
        message = "ssl_protocols is not said, and nginx before 1.27.3 then speaks TLSv1 and TLSv1.1 too"
        yield Hit(message, server.block.mark, severity=Severity.LOW)


RULE: Final = Rule(
    id="proxy-old-tls",
    severity=Severity.HIGH,
    confidence="likely",
    title="A proxy speaks TLS 1.0 or 1.1",
    why="These versions are built on MD5 and SHA-1 and are forbidden since 2021: whoever is on the way can make both "
    "sides use them.",
    remedy="Write `ssl_protocols TLSv1.2 TLSv1.3;`.",
    references=(
        rfc(8996),
        rfc(9325, "3.1"),
        page("nginx: ssl_protocols", "https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_protocols"),
        hipaa("(e)(2)(ii)"),
    ),
    find=find,
)
