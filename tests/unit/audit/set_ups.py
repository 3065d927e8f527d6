"""Set-ups for the tests of single rules: read from texts that stand in the test, without a file."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from orthancgen.audit.rule import Rule
from orthancgen.audit.run import load_rules
from orthancgen.audit.subject import Subject
from orthancgen.foreign.compose import parse_compose
from orthancgen.foreign.jsonc import parse
from orthancgen.foreign.lua import parse_lua
from orthancgen.foreign.model import (
    Document,
    Filter,
    FirewallFile,
    FirewallKind,
    Hook,
    OrthancPart,
    PemFile,
    Publisher,
    SecretFile,
    Target,
)
from orthancgen.foreign.nginx import parse_nginx
from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import Mark, Problem
from orthancgen.site.tree import Node

COMPOSE = "docker-compose.yml"
NGINX = "nginx.conf"


def subject(
    compose: str = "",
    *,
    orthanc: Mapping[str, Any] | str | None = None,
    version: str = "1.13.0",
    publisher: Publisher | None = None,
    image_defaults: Mapping[str, Any] | None = None,
    problems: Sequence[Problem] = (),
    firewalls: Sequence[FirewallFile] = (),
    nginx: str = "",
    lua: str = "",
    secret_files: Sequence[SecretFile] = (),
    pems: Sequence[PemFile] = (),
    raw: Mapping[str, str] | None = None,
) -> Subject:
    """A set-up; the Orthanc runs in the service `orthanc` where the compose file has one."""
    text = textwrap.dedent(compose)
    composes = (parse_compose(text, COMPOSE, None),) if compose else ()
    parts = []
    if orthanc is not None:
        document = document_of(orthanc)
        service = "orthanc" if composes and "orthanc" in composes[0].services else ""
        part = OrthancPart(
            "orthanc.json",
            document.tree or Node({}, Mark("orthanc.json", 1, 1, 1)),
            Version.parse(version),
            publisher=publisher,
            image_defaults=image_defaults or {},
            service=service,
            documents=(document,),
            problems=(*document.problems, *problems),
        )
        parts.append(part)
    proxies = (parse_nginx(textwrap.dedent(nginx), NGINX),) if nginx else ()
    return Subject(
        Target(
            "test",
            "/",
            orthancs=tuple(parts),
            composes=composes,
            firewalls=tuple(firewalls),
            scripts=(parse_lua(textwrap.dedent(lua), "site.lua"),) if lua else (),
            proxies=proxies,
            pems=tuple(pems),
            secret_files=tuple(secret_files),
            raw={COMPOSE: text, **(raw or {})},
        )
    )


def document_of(orthanc: Mapping[str, Any] | str, file: str = "orthanc.json") -> Document:
    """A configuration as a file."""
    return parse(orthanc if isinstance(orthanc, str) else json.dumps(orthanc, indent=1), file)


def firewall(
    *filters: Filter,
    kind: FirewallKind = "nftables",
    file: str = "firewall/rules.nft",
    families: frozenset[Any] = frozenset({4, 6}),
    drops: bool = True,
    guards: bool = True,
    answers: bool = True,
) -> FirewallFile:
    """A file of rules of a firewall."""
    return FirewallFile(file, kind, families, drops, guards, answers, filters)


def lets_in(
    source: str,
    *ports: int,
    hook: Hook = "input",
    description: str = "",
    profiles: tuple[str, ...] = (),
    edge: bool = False,
) -> Filter:
    """A filter for one source."""
    return Filter(
        hook, (source,), tuple((port, port) for port in ports), Mark("firewall/rules.nft", 1, 1, 2), (), description,
        profiles, edge,
    )  # fmt: skip


def rule(name: str) -> Rule:
    """A rule by its id."""
    return load_rules([name])[0]


def found(name: str, where: Subject) -> list[tuple[str, str]]:
    """What a rule finds: severity and message of each."""
    one = rule(name)
    return [((one.severity if hit.severity is None else hit.severity).word, hit.message) for hit in one.find(where)]


def severities(name: str, where: Subject) -> list[str]:
    """How bad each thing is that a rule finds."""
    return [severity for severity, _ in found(name, where)]
