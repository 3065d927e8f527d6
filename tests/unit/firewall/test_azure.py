"""Azure: the network security group lets in what the policy does and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orthancgen.firewall.azure import AZURE
from orthancgen.firewall.policy import Filter
from tests.support import readback
from tests.support.policies import Generated, generated

(MODULE,) = AZURE.files
ECHO = {("Icmp", "0.0.0.0/0")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return generated(3, tmp_path_factory.mktemp("environment"))


def test_more_rules_than_a_group_takes_cannot_be_said(site: Generated) -> None:
    filters = tuple(
        Filter(f"10.0.{number // 250}.{number % 250}/32", 104, "tcp", "forward", f"DICOM {number}", ("r",), "dicom")
        for number in range(999)
    )
    fits = replace(site.policy, filters=filters[:998])
    assert list(AZURE.unexpressed(site.plan, fits)) == []
    assert readback.azure(MODULE.build(site.plan, fits)).lets_in == readback.expected(fits.filters)
    too_many = replace(site.policy, filters=filters)
    assert [one.what for one in AZURE.unexpressed(site.plan, too_many)] == ["999 filters"]
    with pytest.raises(readback.UnreadableError, match="more rules than Azure takes"):
        readback.azure(MODULE.build(site.plan, too_many))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"access": "Deny"', '"access": "Allow"'),
        ('"priority": 4096', '"priority": 99'),
        ('"priority": 101', '"priority": 100'),
        ('"protocol": "Tcp"', '"protocol": "*"'),
        ('"source_address_prefix": "192.0.2.1/32"', '"source_address_prefix": "*"'),
        ('"source_address_prefix": "192.0.2.1/32"', '"source_address_prefix": "Internet"'),
        ('"destination_port_range": "104"', '"destination_port_range": "104-105"'),
        ('"source_port_ranges": null', '"source_port_ranges": ["1"]'),
        ('"direction": "Inbound"', '"direction": "Outbound"'),
        ('"${var.location}"', '"westeurope"'),
        ('"description": "DICOM"', '"description": "%{ if true }x%{ endif }"'),
    ],
)
def test_the_parser_would_find_a_fault(old: str, new: str, site: Generated) -> None:
    one = Filter("192.0.2.1/32", 104, "tcp", "forward", "DICOM", ("r",), "dicom")
    text = MODULE.build(site.plan, replace(site.policy, filters=(one,)))
    assert old in text
    assert readback.azure(text).lets_in == readback.expected([one])
    with pytest.raises((readback.UnreadableError, ValueError, KeyError)):
        readback.azure(text.replace(old, new, 1))
