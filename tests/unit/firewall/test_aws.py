"""AWS: the security group lets in what the policy does and nothing else; out go Orthanc's calls, and HTTPS."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orthancgen.firewall.aws import AWS
from orthancgen.firewall.policy import Filter, OutgoingCall
from orthancgen.firewall.policy import policy as policy_of
from orthancgen.plan.build import plan
from tests.support import readback
from tests.support.environments import PRODUCTION, site_of
from tests.support.policies import Generated, generated

CLOUDFORMATION, TERRAFORM = AWS.files
ECHO = {("icmp", "0.0.0.0/0"), ("icmpv6", "::/0")}
HTTPS = {("0.0.0.0/0", 443, "tcp"), ("::/0", 443, "tcp")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    return generated(3, tmp_path_factory.mktemp("environment"))


def filters(count: int, form: str = "192.0.2.{}/32") -> tuple[Filter, ...]:
    return tuple(
        Filter(form.format(number + 1), 4242, "tcp", "forward", f"DICOM {number}", ("r",), "dicom")
        for number in range(count)
    )


def test_a_port_let_in_on_both_hooks_stands_once(site: Generated) -> None:
    first = filters(1)[0]
    twice = replace(site.policy, filters=(first, replace(first, hook="input", label="other")))
    read = readback.cloudformation(CLOUDFORMATION.build(site.plan, twice))
    assert read.lets_in == {("192.0.2.1/32", 4242, "tcp")}


def test_more_rules_than_a_group_takes_cannot_be_said(site: Generated) -> None:
    fits = replace(site.policy, filters=(*filters(59), *filters(59, "2001:db8::{:x}/128")), calls=())
    assert list(AWS.unexpressed(site.plan, fits)) == []
    readback.cloudformation(CLOUDFORMATION.build(site.plan, fits))
    too_many = replace(fits, filters=(*fits.filters, *filters(1, "198.51.100.{}/32")))
    assert [one.what for one in AWS.unexpressed(site.plan, too_many)] == ["61 incoming rules of IPv4"]
    calls = tuple(OutgoingCall(f"2001:db8::{number + 1:x}", 104, f"calls to {number}") for number in range(60))
    assert [one.what for one in AWS.unexpressed(site.plan, replace(fits, calls=calls))] == ["61 outgoing rules of IPv6"]


def test_what_outgoing_rules_would_stop_is_said() -> None:
    made = plan(
        site_of(
            PRODUCTION,
            {"modalities/ct1/address": "ct1.hospital.example", "backup/repository": "rest:https://b.example:8000/x"},
        )
    )
    assert [(one.what, one.hint) for one in AWS.unexpressed(made, policy_of(made))] == [
        ("calls to ct1", "write the IP address"),
        ("backups to a store on port 8000", "let the store answer on port 443"),
    ]


@pytest.mark.parametrize(
    ("repository", "port"),
    [
        (None, None), ("/srv/backup", None), ("rest:https://b.example/x", None), ("rest:http://b.example/x", 80),
        ("s3:s3.amazonaws.com/bucket", None), ("s3:http://[2001:db8::1]:9000/bucket", 9000), ("b2:bucket:x", None),
    ],
)  # fmt: skip
def test_the_port_of_the_store_of_backups(repository: str | None, port: int | None) -> None:
    made = plan(site_of(PRODUCTION, {"backup/repository": repository}))
    said = [one.what for one in AWS.unexpressed(made, policy_of(made))]
    assert said == ([] if port is None else [f"backups to a store on port {port}"])


def test_a_description_has_the_reason_where_aws_takes_it(site: Generated) -> None:
    first = filters(1)[0]
    for reason, description in (
        ("modality ct1", "DICOM 0: modality ct1"),
        ("it's <ct1>", "DICOM 0"),
        ("x" * 250, "DICOM 0"),
        ("${var.x}", "DICOM 0: ${var.x}"),
    ):
        policy = replace(site.policy, filters=(replace(first, reasons=(reason,)),), calls=())
        template = json.loads(CLOUDFORMATION.build(site.plan, policy))
        rule = template["Resources"]["SecurityGroup"]["Properties"]["SecurityGroupIngress"][0]
        assert rule["Description"] == description
        readback.aws_terraform(TERRAFORM.build(site.plan, policy))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"IpProtocol": "tcp"', '"IpProtocol": "-1"'),
        ('"FromPort": 8', '"FromPort": -1'),
        ('"CidrIp": "192.0.2.1/32"', '"CidrIp": "192.0.2.1/24"'),
        ('"CidrIp": "192.0.2.1/32"', '"CidrIpv6": "192.0.2.1/32"'),
        ('"CidrIp": "192.0.2.1/32"', '"CidrIp": "192.0.2.2/32"'),
        ('"VpcId": {\n', '"VpcId": "vpc-1", "x": {\n'),
        ('"AWS::EC2::SecurityGroup"', '"AWS::EC2::SecurityGroupIngress"'),
        ('"Description": "The VPC', '"Default": "vpc-1",\n      "Description": "The VPC'),
    ],
)
def test_the_parser_would_find_a_fault(old: str, new: str, site: Generated) -> None:
    policy = replace(site.policy, filters=filters(2), calls=())
    text = CLOUDFORMATION.build(site.plan, policy)
    assert old in text
    assert readback.cloudformation(text).lets_in == readback.expected(policy.filters)
    with pytest.raises((readback.UnreadableError, ValueError, KeyError)):
        readback.cloudformation(text.replace(old, new, 1))
