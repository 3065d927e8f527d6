from __future__ import annotations

import json
from textwrap import dedent

import pytest

from orthancgen.foreign.firewalls import parse_firewall
from tests.support.filters import facts, only, told

AWS_TF = dedent(
    """\
    variable "allowed" {
      description = <<-EOT
        who may call:
        resource "aws_security_group" "no" {}
      EOT
      default = ["10.0.0.0/8", "192.168.1.0/24"]
    }
    variable "unsaid" {}
    locals {
      dicom_port = 104
      web = { open = "0.0.0.0/0", port = 443 }
    }
    resource "aws_security_group" "site" {
      name = "site"
      # ingress { from_port = 1 }
      ingress {
        description = "DICOM ${var.unsaid}"
        from_port   = local.dicom_port
        to_port     = local.dicom_port
        protocol    = "tcp"
        cidr_blocks = var.allowed
      }
      ingress {
        from_port        = 8000
        to_port          = 8100
        protocol         = "TCP"
        cidr_blocks      = concat(["10.9.0.0/16"], [local.web.open])
        ipv6_cidr_blocks = ["::/0"]
      }
      ingress {
        from_port       = 0
        to_port         = 0
        protocol        = "-1"
        self            = true
        security_groups = [aws_security_group.lb.id, var.unsaid]
      }
      ingress {
        from_port   = 22
        to_port     = 22
        protocol    = "tcp"
        cidr_blocks = var.open ? ["0.0.0.0/0"] : ["10.1.0.0/16"]
      }
      ingress {
        from_port = 53
        to_port   = 53
        protocol  = "udp"
        cidr_blocks = ["0.0.0.0/0"]
      }
      dynamic "ingress" {
        for_each = [11112, 2762]
        iterator = port
        content {
          from_port   = port.value
          to_port     = port.value
          protocol    = "tcp"
          cidr_blocks = ["10.2.0.0/16"]
        }
      }
      egress {
        from_port = 443
        to_port   = 443
        protocol  = "tcp"
        cidr_blocks = ["0.0.0.0/0"]
      }
    }
    resource "aws_vpc_security_group_ingress_rule" "one" {
      for_each          = toset(["10.3.0.0/16", "10.4.0.0/16"])
      security_group_id = aws_security_group.site.id
      cidr_ipv4         = each.value
      ip_protocol       = "tcp"
      from_port         = 80
      to_port           = 80
    }
    resource "aws_vpc_security_group_ingress_rule" "two" {
      for_each          = { ct = { cidr = "10.5.0.1/32", port = 5000 } }
      security_group_id = aws_security_group.site.id
      cidr_ipv4         = each.value.cidr
      description       = each.key
      ip_protocol       = "tcp"
      from_port         = each.value.port
      to_port           = each.value.port
    }
    resource "aws_security_group_rule" "three" {
      type        = "ingress"
      protocol    = "all"
      cidr_blocks = ["10.6.0.0/16"]
    }
    resource "aws_security_group_rule" "four" {
      type        = "egress"
      protocol    = "tcp"
      from_port   = 1
      to_port     = 1
      cidr_blocks = ["0.0.0.0/0"]
    }
    """
)
CLOUDFORMATION = dedent(
    """\
    AWSTemplateFormatVersion: "2010-09-09"
    Parameters:
      Open: {Type: String, Default: 0.0.0.0/0}
      Port: {Type: Number, Default: 104}
      Ip: {Type: String, Default: 10.7.0.1}
      Unsaid: {Type: String}
    Conditions:
      Wide: !Equals [!Ref Open, ""]
    Resources:
      Group:
        Type: AWS::EC2::SecurityGroup
        Properties:
          GroupDescription: site
          SecurityGroupIngress:
            - CidrIp: !Ref Open
              IpProtocol: tcp
              FromPort: !Ref Port
              ToPort: !Ref Port
              Description: DICOM
            - !If
              - Wide
              - {CidrIpv6: "::/0", IpProtocol: tcp, FromPort: 443, ToPort: 444}
              - {CidrIp: 10.0.0.0/8, IpProtocol: "6", FromPort: 443, ToPort: 443}
            - {CidrIp: !If [Wide, 10.1.0.0/16, 10.2.0.0/16], IpProtocol: -1}
            - {CidrIp: !Sub "${Ip}/32", IpProtocol: tcp, FromPort: 1, ToPort: 1}
            - {CidrIp: 10.3.0.0/16, IpProtocol: udp, FromPort: 53, ToPort: 53}
            - SourceSecurityGroupId: !GetAtt Balancer.GroupId
              IpProtocol: tcp
              FromPort: 8042
              ToPort: 8042
          SecurityGroupEgress:
            - {CidrIp: 0.0.0.0/0, IpProtocol: "-1"}
      Single:
        Type: AWS::EC2::SecurityGroupIngress
        Properties:
          GroupId: !Ref Group
          CidrIp: !Sub "${Unsaid}/32"
          IpProtocol: tcp
          FromPort: 22
          ToPort: 22
      Other:
        Type: AWS::EC2::Instance
    """
)
GOOGLE_TF = dedent(
    """\
    resource "google_compute_firewall" "dicom" {
      name          = "dicom"
      description   = "DICOM"
      network       = "default"
      source_ranges = ["10.0.0.0/8"]
      allow {
        protocol = "tcp"
        ports    = ["104", "11112-11113"]
      }
      allow { protocol = "icmp" }
    }
    resource "google_compute_firewall" "open" {
      network = "default"
      allow { protocol = "all" }
      priority = 2000
    }
    resource "google_compute_firewall" "tagged" {
      network     = "default"
      source_tags = ["bastion"]
      allow { protocol = "tcp" }
    }
    resource "google_compute_firewall" "denied" {
      network = "default"
      priority = 100
      source_ranges = ["0.0.0.0/0"]
      deny {
        protocol = "tcp"
        ports = ["8042"]
      }
    }
    resource "google_compute_firewall" "web" {
      network = "default"
      source_ranges = ["10.1.0.0/16"]
      allow {
        protocol = "tcp"
        ports = ["8042", 443]
      }
    }
    resource "google_compute_firewall" "out" {
      network = "default"
      direction = "EGRESS"
      allow { protocol = "all" }
    }
    resource "google_compute_firewall" "off" {
      network = "default"
      disabled = true
      allow { protocol = "all" }
    }
    """
)
AZURE_TF = dedent(
    """\
    resource "azurerm_network_security_group" "site" {
      name = "site"
      security_rule {
        name                       = "deny"
        description                = "not this one"
        priority                   = 100
        direction                  = "Inbound"
        access                     = "Deny"
        protocol                   = "*"
        source_port_range          = "*"
        destination_port_range     = "8043"
        source_address_prefix      = "*"
        destination_address_prefix = "*"
      }
      security_rule {
        name                       = "dicom"
        description                = "DICOM"
        priority                   = 110
        direction                  = "Inbound"
        access                     = "Allow"
        protocol                   = "Tcp"
        source_port_range          = "*"
        destination_port_ranges    = ["104", "8000-8043"]
        source_address_prefixes    = ["10.0.0.0/8", "VirtualNetwork"]
        destination_address_prefix = "*"
      }
    }
    resource "azurerm_network_security_rule" "open" {
      priority               = 200
      direction              = "Inbound"
      access                 = "Allow"
      protocol               = "*"
      destination_port_range = "8043"
      source_address_prefix  = "Internet"
    }
    resource "azurerm_network_security_rule" "web" {
      priority               = 90
      direction              = "Inbound"
      access                 = "Allow"
      protocol               = "Tcp"
      destination_port_range = "*"
      source_address_prefix  = "Internet"
    }
    resource "azurerm_network_security_rule" "out" {
      priority               = 300
      direction              = "Outbound"
      access                 = "Allow"
      protocol               = "*"
      destination_port_range = "*"
      source_address_prefix  = "*"
    }
    """
)


def test_groups_of_aws_in_terraform() -> None:
    file = only(AWS_TF, "main.tf")
    assert facts(file) == "aws 4,6 drops guards answers"
    assert told(file.filters) == [
        'any 10.0.0.0/8,192.168.1.0/24 -> 104 "DICOM ${var.unsaid}"',
        "any 10.9.0.0/16,0.0.0.0/0,::/0 -> 8000-8100",
        "any aws_security_group.lb.id,var.unsaid,self -> all",
        "any 0.0.0.0/0,10.1.0.0/16 -> 22",
        "any 10.2.0.0/16 -> 11112",
        "any 10.2.0.0/16 -> 2762",
        "any 10.3.0.0/16 -> 80",
        "any 10.4.0.0/16 -> 80",
        'any 10.5.0.1/32 -> 5000 "ct"',
        "any 10.6.0.0/16 -> all",
    ]
    first = file.filters[0]
    assert (first.mark.line, first.mark.column) == (16, 3)
    assert first.path == ("resource", 0, "aws_security_group", "site", "ingress", 0)


def test_groups_of_aws_in_the_json_of_terraform() -> None:
    document = {
        "variable": {"open": {"default": ["0.0.0.0/0"]}},
        "resource": [
            {
                "aws_security_group": {
                    "site": [
                        {
                            "ingress": [
                                {"from_port": 104, "to_port": 104, "protocol": "tcp", "cidr_blocks": "${var.open}"},
                                {"from_port": "${var.x}", "to_port": 1, "protocol": "tcp", "cidr_blocks": ["::/0"]},
                            ]
                        }
                    ]
                }
            }
        ],
    }
    text = json.dumps(document, indent=1)
    (file,) = parse_firewall(text, "main.tf.json")
    assert told(file.filters) == ["any 0.0.0.0/0 -> 104"]
    assert file.filters[0].path == ("resource", 0, "aws_security_group", "site", 0, "ingress", 0)
    assert [one.message for one in file.problems] == ["the port var.x-1 is not followed: what it lets in is not read"]


def test_groups_of_cloudformation() -> None:
    file = only(CLOUDFORMATION, "group.yaml")
    assert facts(file) == "aws 4,6 drops guards answers"
    assert told(file.filters) == [
        'any 0.0.0.0/0 -> 104 "DICOM"',
        "any ::/0 -> 443-444",
        "any 10.0.0.0/8 -> 443",
        "any 10.1.0.0/16,10.2.0.0/16 -> all",
        "any 10.7.0.1/32 -> 1",
        "any Balancer.GroupId -> 8042",
        "any ${Unsaid}/32 -> 22",
    ]
    first = file.filters[0]
    assert (first.mark.line, first.path) == (15, ("Resources", "Group", "Properties", "SecurityGroupIngress", 0))


def test_functions_in_the_json_of_cloudformation() -> None:
    rule = {"CidrIp": {"Ref": "Open"}, "IpProtocol": "tcp", "FromPort": {"Ref": "Port"}, "ToPort": {"Ref": "Port"}}
    document = {
        "Parameters": {"Open": {"Default": "10.0.0.0/8, 10.1.0.0/16"}, "Port": {"Default": 8042}},
        "Resources": {
            "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [rule]}},
            "More": {
                "Type": "AWS::EC2::SecurityGroupIngress",
                "Properties": {**rule, "CidrIp": {"Fn::If": ["x", {"Ref": "Open"}, "10.2.0.0/16"]}},
            },
        },
    }
    assert told(only(json.dumps(document), "group.template").filters) == [
        "any 10.0.0.0/8,10.1.0.0/16 -> 8042",
        "any 10.0.0.0/8,10.1.0.0/16,10.2.0.0/16 -> 8042",
    ]


def test_rules_of_google_cloud() -> None:
    file = only(GOOGLE_TF, "main.tf")
    assert facts(file) == "google_cloud 4,6 drops guards answers"
    assert told(file.filters) == [
        'any 10.0.0.0/8 -> 104,11112-11113 "DICOM"',
        "any any -> all",
        "any tag bastion -> all",
        "any 10.1.0.0/16 -> 443",
    ]


def test_groups_of_azure() -> None:
    file = only(AZURE_TF, "main.tf")
    assert facts(file) == "azure 4,6 drops guards answers"
    assert told(file.filters) == [
        'any 10.0.0.0/8,VirtualNetwork -> 104,8000-8043 "DICOM"',
        "any any -> all",
    ]


def test_templates_of_resource_manager() -> None:
    def rule(name: str, **properties: object) -> dict[str, object]:
        plain = {"access": "Allow", "direction": "Inbound", "protocol": "Tcp", "priority": 100}
        return {"name": name, "properties": {**plain, **properties}}

    document = {
        "parameters": {"source": {"type": "string", "defaultValue": "Internet"}},
        "variables": {"ports": ["104", "8042"]},
        "resources": [
            {
                "type": "Microsoft.Network/networkSecurityGroups",
                "properties": {
                    "securityRules": [
                        rule("a", sourceAddressPrefix="[parameters('source')]",
                             destinationPortRanges="[variables('ports')]", description="all of them"),
                        rule("b", sourceAddressPrefixes=["10.0.0.0/8"], destinationPortRange="22"),
                        rule("c", sourceAddressPrefix="*", destinationPortRange="23", access="Deny", priority=1),
                        rule("d", sourceAddressPrefix="10.0.0.1", destinationPortRange="23"),
                    ]
                },
                "resources": [
                    {"type": "securityRules", **rule("e", sourceAddressPrefix="10.1.0.0/16", destinationPortRange="*")}
                ],
            },
            {
                "type": "microsoft.network/networksecuritygroups/securityRules",
                **rule("f", sourceAddressPrefix="[parameters('unsaid')]", destinationPortRange="80"),
            },
        ],
    }  # fmt: skip
    file = only("// a template\n" + json.dumps(document, indent=1), "azuredeploy.json")
    assert facts(file) == "azure 4,6 drops guards answers"
    assert told(file.filters) == [
        'any any -> 104,8042 "all of them"',
        "any 10.0.0.0/8 -> 22",
        "any 10.1.0.0/16 -> all",
        "any [parameters('unsaid')] -> 80",
    ]
    assert file.filters[1].path == ("resources", 0, "properties", "securityRules", 1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("aws ec2 authorize-security-group-ingress --group-id sg-1 --protocol tcp --port 104 --cidr 0.0.0.0/0",
         ["any 0.0.0.0/0 -> 104"]),
        ("aws ec2 authorize-security-group-ingress --protocol=all --cidr=10.0.0.0/8", ["any 10.0.0.0/8 -> all"]),
        ("aws ec2 authorize-security-group-ingress --protocol tcp --port 8000-8100 --source-group sg-2",
         ["any sg-2 -> 8000-8100"]),
        ("aws ec2 authorize-security-group-ingress --protocol udp --port 53 --cidr 0.0.0.0/0", []),
        (("aws ec2 authorize-security-group-ingress --ip-permissions "
          "'IpProtocol=tcp,FromPort=22,ToPort=23,IpRanges=[{CidrIp=10.0.0.0/8},{CidrIp=10.1.0.0/16}]'"),
         ["any 10.0.0.0/8,10.1.0.0/16 -> 22-23"]),
        (('aws ec2 authorize-security-group-ingress --ip-permissions \'[{"IpProtocol": "tcp", "FromPort": 22, '
          '"ToPort": 22, "IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": "x"}]}]\''), ["any 10.0.0.0/8 -> 22"]),
        (("gcloud compute firewall-rules create a --allow=tcp:104,tcp:8042-8043,icmp --source-ranges=10.0.0.0/8 "
          '--description="DICOM in"'), ['any 10.0.0.0/8 -> 104,8042-8043 "DICOM in"']),
        ("gcloud compute firewall-rules create a --action ALLOW --rules all", ["any any -> all"]),
        ("gcloud compute firewall-rules create a --allow tcp --source-tags web", ["any tag web -> all"]),
        ("gcloud compute firewall-rules create a --allow tcp:1 --direction EGRESS", []),
        ("gcloud compute firewall-rules create a --allow tcp:1 --disabled", []),
        (("gcloud compute firewall-rules create a --allow tcp:1\n"
          "gcloud compute firewall-rules create b --action DENY --rules tcp:1 --priority 5"), []),
        (("az network nsg rule create -g g --nsg-name n -n a --priority 100 --destination-port-ranges 104 8042 "
          "--source-address-prefixes 10.0.0.0/8 Internet --protocol Tcp"), ["any any -> 104,8042"]),
        ("az network nsg rule create -g g --nsg-name n -n a --priority 100", ["any any -> 80"]),
        ("az network nsg rule create -g g --nsg-name n -n a --priority 100 --direction Outbound", []),
        (("az network nsg rule create -n a --priority 9 --access Deny --destination-port-ranges '*'\n"
          "az network nsg rule create -n b --priority 10 --destination-port-range 80"), []),
    ],
)  # fmt: skip
def test_calls(call: str, said: list[str]) -> None:
    file = only(f"#!/bin/sh\n{call}\n", "setup")
    assert (file.drops_by_default, file.guards_forwarded) == (True, True)
    assert told(file.filters) == said


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('resource "aws_security_group" "a" {\n  name = \n}\n', "main.tf:2:10"),
        ('resource "aws_security_group" "a" {\n', "main.tf:2:1"),
        ('resource "google_compute_firewall" "a" {\n' + "a = [" * 60, "main.tf:1:1"),
        ('resource "azurerm_network_security_group" "a" {\n a = ' + "-1" * 60 + "\n}", "main.tf:1:1"),
        ('resource "aws_security_group" "a" {}\n' + "#" * 300_000, "main.tf:1:1"),
    ],
)
def test_terraform_that_cannot_be_read(text: str, place: str) -> None:
    (file,) = parse_firewall(text, "main.tf")
    assert [one.severity for one in file.problems] == ["error"]
    assert file.problems[0].place == place
    assert file.filters == ()


def test_json_that_cannot_be_read() -> None:
    (file,) = parse_firewall('{"Resources": {"a": {"Type": "AWS::EC2::SecurityGroup"', "a.template")
    assert file.problems


def test_other_documents_are_none() -> None:
    for name, text in {
        "stack.ts": "// makes an AWS::EC2::SecurityGroup\nnew ec2.SecurityGroup(this, 'a');",
        "main.tf": 'resource "aws_instance" "a" {}',
        "a.json": '{"resource": {"aws_security_group": {}}}',
        "a.yaml": "services: {orthanc: {image: orthanc}}",
        "b.json": '{"AETitle": "ORTHANC"}',
    }.items():
        assert parse_firewall(text, name) == (), name


def test_values_that_name_each_other_end() -> None:
    rule = {"protocol": "tcp", "from_port": 1, "to_port": 1, "cidr_blocks": "${var.a}"}
    module = {
        "variable": {"a": {"default": ["${var.a}"] * 300}},
        "resource": {"aws_security_group": {"s": {"ingress": [rule]}}},
    }
    group = {"SecurityGroupIngress": [{"CidrIp": {"Ref": "A"}, "IpProtocol": "tcp"}]}
    template = {
        "Parameters": {"A": {"Default": [{"Ref": "A"}] * 300}},
        "Resources": {"G": {"Type": "AWS::EC2::SecurityGroup", "Properties": group}},
    }
    security_rule = {"protocol": "*", "sourceAddressPrefix": "[parameters('a')]", "access": "Allow"}
    azure = {
        "parameters": {"a": {"defaultValue": ["[parameters('a')]"] * 300}},
        "resources": [{"type": "Microsoft.Network/networkSecurityGroups/securityRules", "properties": security_rule}],
    }
    for name, document in (("main.tf.json", module), ("a.template", template), ("a.json", azure)):
        (file,) = parse_firewall(json.dumps(document), name)
        assert [one.message for one in file.problems] == [
            "its values are too many, or name each other: not everything is read"
        ]
