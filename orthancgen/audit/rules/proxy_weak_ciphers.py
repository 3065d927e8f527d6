"""A proxy that agrees to ciphers without forward secrecy or authentication."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_nginx import effective, tls_servers
from orthancgen.audit.looking_tls import weak
from orthancgen.audit.references import page, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every server with such a cipher, said or by default, unless it speaks TLS 1.3 alone."""
    seen = set()
    for server in tls_servers(subject):
        protocols = effective(server.around, "ssl_protocols")
        if protocols is not None and protocols.arguments == ("TLSv1.3",):
            continue  # its ciphers are others, and all good
        said = effective(server.around, "ssl_ciphers")
        if said is None:
            message = (
                "ssl_ciphers is not said, and nginx then takes HIGH:!aNULL:!MD5: CBC and RSA key exchange are in it"
            )
            yield Hit(message, server.block.mark)
            continue
        found = weak(said.arguments)
        if found and said.mark not in seen:
            seen.add(said.mark)
            name, why = found[0]
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            yield Hit(f"nginx agrees to {printable(name, 60)}, which {why}{more}", said.mark)


RULE: Final = Rule(
    id="proxy-weak-ciphers",
    severity=Severity.MEDIUM,
    confidence="certain",
    title="A proxy agrees to weak ciphers",
    why="Without forward secrecy, what was recorded is read by whoever gets the key later; ciphers of CBC were broken "
    "again and again.",
    remedy="Write `ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384;`.",
    references=(
        rfc(9325, "4.2"),
        page("nginx: ssl_ciphers", "https://nginx.org/en/docs/http/ngx_http_ssl_module.html#ssl_ciphers"),
    ),
    find=find,
)
