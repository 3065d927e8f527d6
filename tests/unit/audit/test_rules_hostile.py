"""Whatever stands in a file, no rule breaks, and no message carries it raw."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from orthancgen.audit.rule import Hit
from orthancgen.audit.run import audit, load_rules
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import Filter, FirewallKind, SecretFile
from orthancgen.site.problems import Mark
from tests.support.hostile import CORPUS
from tests.unit.audit.set_ups import firewall, lets_in, subject

RULES = load_rules(
    sorted(
        path.stem.replace("_", "-")
        for path in Path(load_rules.__code__.co_filename).with_name("rules").glob("[a-z]*.py")
    )
)
CHECKED = {"DicomCheckModalityHost": True, "DicomModalities": {"a": ["A", "10.0.0.1", 104]}}


def judged(where: Subject) -> None:
    for rule in RULES:
        for hit in rule.find(where):
            assert hit.message.isprintable(), (rule.id, hit.message)
    audit(where, RULES)


def test_a_modality_without_the_right_to_store() -> None:
    entry = {"AET": "A", "Host": "10.0.0.1", "Port": 104, "AllowStore": False}
    judged(subject("{}", orthanc={"DicomAlwaysAllowStore": True, "DicomModalities": {"w\x141": entry, "b": entry}}))


def test_a_rule_that_quotes_a_file_as_it_is_moves_no_cursor() -> None:
    careless = replace(RULES[0], find=lambda _: [Hit("a\x1b[2Jb\u202e", hint="c\nd")])
    (finding,) = audit(subject("{}", orthanc={}), [careless]).findings
    assert (finding.message, finding.hint) == (r"a\x1b[2Jb\u202e", r"c\nd")


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_a_compose_file(text: str) -> None:
    service = {
        "image": text, "user": text, "privileged": text, "network_mode": text, "pid": text, "devices": [text],
        "cap_add": [text, "SYS_ADMIN"], "security_opt": [text], "read_only": text, "mem_limit": text, "restart": text,
        "stop_grace_period": text, "healthcheck": {"test": [text]}, "ports": [text, f"{text}:1:1"],
        "volumes": [text, f"{text}:/etc/orthanc"], "environment": {text: text, "PASSWORD": text, "MONGO_USER": text},
        "command": text, "entrypoint": [text], "labels": {text: text}, "logging": {"driver": text}, "secrets": [text],
        "depends_on": [text], "profiles": [text], "deploy": {"resources": {"limits": {text: text}}}, "env_file": text,
        "build": {"context": text, "args": {text: text}},
    }  # fmt: skip
    document = {
        "services": {
            "orthanc": {**service, "image": "orthancteam/orthanc", "networks": [text]},
            "database": {**service, "image": "mongo", "networks": [text]},
            "web": {**service, "image": "nginx", "networks": {text: {"aliases": [text]}}},
            text: {**service, "networks": [text]},
        },
        "networks": {text: {"internal": text, "ipam": {"config": [{"gateway": text}]}}},
        "configs": {text: {"content": text}},
    }
    judged(subject(json.dumps(document), orthanc=CHECKED, publisher="orthancteam"))


@pytest.mark.parametrize("kind", ["mapping", "list", "number", "text", "nothing"])
@pytest.mark.parametrize(
    "key",
    ["image", "user", "privileged", "cap_drop", "security_opt", "volumes", "ports", "environment", "networks",
     "restart", "healthcheck",
     "logging", "deploy", "labels", "build", "command", "depends_on", "secrets", "stop_grace_period",
     "mem_limit", "profiles", "devices", "tmpfs", "network_mode"],
)  # fmt: skip
def test_another_kind_of_value_than_meant(key: str, kind: str) -> None:
    odd = {"mapping": {"a": {"b": [1]}}, "list": [None, {"a": 1}, ["b"]], "number": 7, "text": "x", "nothing": None}[
        kind
    ]
    services = {name: {"image": name, key: odd} for name in ("orthanc", "mongo", "nginx", "backend")}
    judged(subject(json.dumps({"services": services}), orthanc=CHECKED))


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_a_proxy(text: str) -> None:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    nginx = f"""
        stream {{ upstream "{quoted}" {{ server "{quoted}"; }} server {{ listen 104; proxy_pass "{quoted}"; }} }}
        http {{ ssl_protocols "{quoted}" TLSv1; server {{
            listen 443 ssl; listen "{quoted}"; ssl_ciphers "{quoted}:HIGH"; client_max_body_size "{quoted}";
            location "{quoted}" {{ proxy_set_header Authorization "Basic {quoted}"; proxy_pass "http://{quoted}"; }}
            location ~ "{quoted}" {{ return "{quoted}"; }}
            location / {{ deny "{quoted}"; proxy_pass http://127.0.0.1:8042; }}
        }} }}
    """
    judged(subject(orthanc=CHECKED, nginx=nginx))


@pytest.mark.parametrize("kind", ["nftables", "windows", "aws", "azure"])
@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_a_firewall(text: str, kind: FirewallKind) -> None:
    named = Filter("input", (text, "any"), ((4242, 4242),), Mark(text, 1, 1, 2), (text,), text, (text,), True)
    alone = lets_in(text, 4242, hook="forward", description=text)
    judged(subject(orthanc=CHECKED, firewalls=[firewall(named, alone, kind=kind, file=f"{text}/rules")]))


@pytest.mark.parametrize("text", CORPUS, ids=ascii)
def test_names_of_files(text: str) -> None:
    facts = SecretFile(f"{text}/secrets/{text}", 0o777, 0o777, True, False, 1000.0)
    judged(subject(secret_files=[facts, SecretFile(f"secrets/{text}", 0o777, 0o777, False, False)]))
