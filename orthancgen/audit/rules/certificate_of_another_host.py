"""A certificate that is made for other names than those by which the server is called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_certificates import chain, hosts_of, is_for, uses
from orthancgen.audit.references import page, rfc
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.site.problems import printable


def find(subject: Subject) -> Iterator[Hit]:
    """Every server whose certificate does not name it, or names nobody."""
    for use in uses(subject):
        certificates = chain(use.certificate)
        if not certificates:
            continue
        names = hosts_of(certificates[0])
        wanted = [name for name in use.names if name and name[0] not in "~*._" and "$" not in name]
        if not names and use.path[:1] != ("DicomTlsCertificate",):
            message = "names no host in its subjectAltName, and browsers look at nothing else"
            yield Hit(f"{use.certificate.file}, which {use.words} uses, {message}", use.mark, use.path)
            continue
        for host in wanted:
            if not is_for(host, names):
                yield Hit(
                    f"{use.certificate.file} is made for {printable(', '.join(names[:5]))}, and {use.words} serves "
                    f"{printable(host)} with it",
                    use.mark,
                    use.path,
                )


RULE: Final = Rule(
    id="certificate-of-another-host",
    severity=Severity.HIGH,
    confidence="certain",
    title="A certificate is made for another host",
    why="Every program that looks at it refuses to connect, or is told not to look any more, and then a forged one "
    "does as well.",
    remedy="Have a certificate issued with every name and address by which the server is called.",
    references=(rfc(9525, "section 6"), page("nginx: server_name", "https://nginx.org/en/docs/http/server_names.html")),
    find=find,
)
