"""A proxy that takes a request of any size."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_nginx import effective
from orthancgen.audit.looking_settings import number, serving_http
from orthancgen.audit.looking_web_proxies import passages
from orthancgen.audit.references import cve, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Orthanc, Subject


def find(subject: Subject) -> Iterator[Hit]:
    """Every passage to an Orthanc without a limit, unless nginx keeps nothing and Orthanc has a limit of its own."""
    for orthanc in serving_http(subject):
        for passage in passages(subject, orthanc):
            around = passage.through[:-1]
            limit = effective(around, "client_max_body_size")
            if limit is None or limit.arguments[:1] not in {("0",), ("0k",), ("0m",), ("0g",)}:
                continue
            buffering = effective(around, "proxy_request_buffering")
            keeps = buffering is None or buffering.arguments[:1] != ("off",)
            if keeps:
                yield Hit(
                    "nginx takes a request of any size, and writes it to its disk before it passes it on", limit.mark
                )
            elif not _has_limit(orthanc):
                yield Hit("neither nginx nor Orthanc limits the size of a request", limit.mark)


def _has_limit(orthanc: Orthanc) -> bool:
    return orthanc.knows("MaximumRequestBodySizeMB") and bool(number(orthanc, "MaximumRequestBodySizeMB"))


RULE: Final = Rule(
    id="proxy-hides-request-limit",
    severity=Severity.LOW,
    confidence="certain",
    title="A proxy takes requests of any size",
    why="One caller fills the disk of the proxy, or Orthanc's memory, and nobody gets through any more.",
    remedy="Write the largest upload that you expect: `client_max_body_size 1g;`.",
    references=(
        page(
            "nginx: client_max_body_size",
            "https://nginx.org/en/docs/http/ngx_http_core_module.html#client_max_body_size",
        ),
        cve("CVE-2026-5438"),
    ),
    find=find,
)
