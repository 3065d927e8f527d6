"""Google Cloud: the rules let in what the policy does and nothing else; what is shared by Terraform's modules."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import replace

import pytest

from orthancgen.errors import RenderError
from orthancgen.firewall.google_cloud import GOOGLE_CLOUD
from orthancgen.firewall.policy import Filter
from orthancgen.firewall.terraform import key_of
from orthancgen.render.quoting import hcl
from tests.support import readback
from tests.support.hostile import CORPUS
from tests.support.policies import Generated, generated

(MODULE,) = GOOGLE_CLOUD.files
ECHO = {("icmp", "0.0.0.0/0"), ("58", "::/0")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return generated(3, tmp_path_factory.mktemp("environment"))


def test_many_sources_of_a_port_stand_in_several_rules(site: Generated) -> None:
    filters = tuple(
        Filter(f"10.0.{number // 250}.{number % 250}/32", 65535, "udp", "input", f"vpn {number}", ("r",), "vpn")
        for number in range(600)
    )
    policy = replace(site.policy, environment="e" * 32, filters=filters)
    text = MODULE.build(site.plan, policy)
    assert readback.google_cloud(text).lets_in == readback.expected(filters)
    rules = json.loads(text)["resource"]["google_compute_firewall"]
    counts = [len(rule["source_ranges"]) for name, rule in rules.items() if "-udp-" in name]
    assert counts == [256, 256, 88]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"priority": 1000', '"priority": 900'),
        ('"deny": [', '"allow": ['),
        ('"direction": "INGRESS"', '"direction": "EGRESS"'),
        ('"ports": [\n              "4242"\n', '"ports": [\n              "4242", "22"\n'),
        ('"ports": [\n              "4242"\n', '"ports": [\n              "1-65535"\n'),
        ('"${var.network}"', '"default"'),
        ('"nullable": false', '"default": "x"'),
        ('"description": "DICOM"', '"description": "${file(var.network)}"'),
        ('"description": "DICOM"', '"disabled": true, "description": "DICOM"'),
    ],
)
def test_the_parser_would_find_a_fault(old: str, new: str, site: Generated) -> None:
    one = Filter("192.0.2.1/32", 4242, "tcp", "forward", "DICOM", ("r",), "dicom")
    policy = replace(site.policy, filters=(one,))
    text = MODULE.build(site.plan, policy)
    assert old in text
    assert readback.google_cloud(text).lets_in == readback.expected([one])
    with pytest.raises((readback.UnreadableError, ValueError, KeyError)):
        readback.google_cloud(text.replace(old, new, 1))


def test_a_source_that_was_added_is_seen(site: Generated) -> None:
    one = Filter("192.0.2.1/32", 4242, "tcp", "forward", "DICOM", ("r",), "dicom")
    text = MODULE.build(site.plan, replace(site.policy, filters=(one,)))
    changed = text.replace('"192.0.2.1/32"', '"192.0.2.1/32", "198.51.100.0/24"')
    assert readback.google_cloud(changed).lets_in == {("192.0.2.1/32", 4242, "tcp"), ("198.51.100.0/24", 4242, "tcp")}


@pytest.mark.parametrize("value", [*CORPUS, "$${x}", "$$${x}", "%%%{x}", "${%{", "%${x}", "$%{x}", "$", "%", "a$${"])
def test_a_string_of_terraform_is_exact_or_refused(value: str) -> None:
    try:
        written = hcl(value)
    except RenderError:
        assert not value.isprintable() or unicodedata.normalize("NFC", value) != value
        return
    assert readback.template(json.loads(json.dumps(written))) == value


@pytest.mark.parametrize("text", ["${x}", "a ${1 + 1}", "%{ if true }", "$$${${x}}", "${file('/etc/passwd')}"])
def test_the_parser_finds_what_terraform_would_evaluate(text: str) -> None:
    with pytest.raises(readback.UnreadableError):
        readback.template(text)


def test_names_of_rules_are_as_different_as_networks() -> None:
    networks = ["1.2.3.4/32", "1:2:3:4:32::/80", "1::2/128", "1:2::/128", "::1/128", "::/0", "0.0.0.0/0", "1::2:128/0"]
    assert len({key_of("tcp", 22, one) for one in networks}) == len(networks)
