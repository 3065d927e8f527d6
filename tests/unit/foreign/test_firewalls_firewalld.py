from __future__ import annotations

from textwrap import dedent

import pytest

from orthancgen.foreign.firewalls import parse_firewall
from tests.support.filters import facts, only, told

# As firewall-offline-cmd 1.3.3 wrote it.
PUBLIC = dedent(
    """\
    <?xml version="1.0" encoding="utf-8"?>
    <zone>
      <short>Public</short>
      <service name="ssh"/>
      <service name="dhcpv6-client"/>
      <service name="http"/>
      <port port="8042" protocol="tcp"/>
      <port port="4000-4010" protocol="udp"/>
      <forward-port port="80" protocol="tcp" to-port="8080" to-addr="10.0.0.9"/>
      <rule family="ipv4">
        <source address="10.0.0.0/8"/>
        <port port="104" protocol="tcp"/>
        <accept/>
      </rule>
      <rule family="ipv4">
        <source address="192.168.0.0/16" invert="True"/>
        <service name="https"/>
        <drop/>
      </rule>
      <rule family="ipv6" priority="-10">
        <source address="2001:db8::/32"/>
        <port port="2762" protocol="tcp"/>
        <log prefix="x"/>
        <accept/>
      </rule>
      <rule family="ipv4">
        <source address="10.0.0.5"/>
        <reject/>
      </rule>
      <rule family="ipv4">
        <source address="10.0.0.5/32"/>
        <port port="11112" protocol="tcp"/>
        <accept/>
      </rule>
      <rule family="ipv4"><service name="https"/><accept/></rule>
      <rule><icmp-type name="echo-request"/><accept/></rule>
      <forward/>
    </zone>
    """
)
SAID = [
    "input any -> 22",
    "input any -> 80",
    "input any -> 8042",
    "input 10.0.0.0/8 -> 104",
    "input 2001:db8::/32 -> 2762",
    "input 192.168.0.0/16 -> 443",
]


def zone(inner: str, attributes: str = "") -> str:
    return f"<zone {attributes}>\n{inner}\n</zone>\n"


def test_a_zone() -> None:
    file = only(PUBLIC, "/etc/firewalld/zones/public.xml")
    assert facts(file) == "firewalld 4,6 drops answers"
    assert told(file.filters) == SAID
    assert (file.filters[0].mark.line, file.filters[0].mark.column) == (4, 3)


def test_calls_make_the_same_zone() -> None:
    calls = dedent(
        """\
        firewall-cmd --permanent --zone=public --add-service=ssh --add-service=dhcpv6-client
        firewall-cmd --add-service ssh --zone public
        firewall-cmd --permanent --add-service=http --zone=public
        for port in 8042; do firewall-cmd --zone=public --add-port=$port/tcp; done
        firewall-cmd --zone=public --add-port=4000-4010/udp
        firewall-cmd --zone=public \\
          --add-rich-rule='rule family="ipv4" source address="10.0.0.0/8" port port="104" protocol="tcp" accept'
        firewall-cmd --zone=public \\
          --add-rich-rule='rule priority="-10" family="ipv6" source address="2001:db8::/32" port port="2762"
            protocol="tcp" log prefix="x y" accept'
        firewall-cmd --zone=public \\
          --add-rich-rule='rule family=ipv4 source NOT address=192.168.0.0/16 service name=https drop'
        firewall-cmd --zone=public --add-rich-rule='rule family="ipv4" service name="https" accept'
        firewall-cmd --zone=public --remove-service=ssh
        firewall-cmd --reload
        """
    )
    file = only(calls, "setup.sh")
    assert facts(file) == "firewalld 4,6 drops answers"
    assert sorted(told(file.filters)) == sorted(SAID)


@pytest.mark.parametrize(
    ("text", "said", "filters"),
    [
        (zone("<source address='192.168.5.0/24'/><port port='1' protocol='tcp'/>", "target='DROP'"),
         "firewalld 4,6 drops answers", ["input 192.168.5.0/24 -> 1"]),
        (zone("<source address='192.168.5.0/24'/><interface name='eth1'/><port port='1' protocol='tcp'/>"),
         "firewalld 4,6 drops answers", ["input any -> 1"]),
        (zone("<source ipset='ct'/><source mac='00:11:22:33:44:55'/><protocol value='tcp'/>"),
         "firewalld 4,6 drops answers", ["input ipset:ct,mac 00:11:22:33:44:55 -> all"]),
        (zone("<source address='172.16.0.0/16'/>", "target='ACCEPT'"), "firewalld 4,6 drops answers",
         ["input 172.16.0.0/16 -> all"]),
        (zone("", "target='ACCEPT'"), "firewalld 4,6 answers", ["input any -> all"]),
        (zone("<rule priority='10'><port port='1' protocol='tcp'/><drop/></rule><port port='1' protocol='tcp'/>"),
         "firewalld 4,6 drops answers", ["input any -> 1"]),
        (zone("<rule><port port='1' protocol='tcp'/><drop/></rule><port port='1' protocol='tcp'/>"),
         "firewalld 4,6 drops answers", []),
        (zone("<rule><destination address='10.0.0.1'/><port port='1' protocol='tcp'/><drop/></rule>"
              "<port port='1' protocol='tcp'/>"), "firewalld 4,6 drops answers", ["input any -> 1"]),
        (zone("<forward-port port='8042' protocol='tcp' to-port='80'/>"), "firewalld 4,6 drops answers",
         ["input any -> 8042"]),
        (("<policy target='DROP'><ingress-zone name='ANY'/><egress-zone name='docker'/><rule family='ipv4'>"
          "<source address='10.0.0.1'/><port port='1' protocol='tcp'/><accept/></rule></policy>"),
         "firewalld 4,6 drops guards answers", ["forward 10.0.0.1/32 -> 1"]),
        ("<policy><ingress-zone name='ANY'/><egress-zone name='HOST'/></policy>", "firewalld 4,6 drops answers", []),
        ("<policy target='ACCEPT'><ingress-zone name='ANY'/><egress-zone name='HOST'/></policy>",
         "firewalld 4,6 answers", ["input any -> all"]),
        (("<direct><rule ipv='ipv4' table='filter' chain='INPUT' priority='1'>-p tcp --dport 1 -j DROP</rule>"
         "<rule ipv='ipv4' table='filter' chain='INPUT' priority='0'>-p tcp --dport 1 -s 10.0.0.1 -j ACCEPT</rule>"
         "<passthrough ipv='ipv6'>-I DOCKER-USER -j DROP</passthrough></direct>"),
         "firewalld 4,6 drops guards answers", ["input 10.0.0.1/32 -> 1"]),
    ],
)  # fmt: skip
def test_zones_policies_and_direct_rules(text: str, said: str, filters: list[str]) -> None:
    file = only(text, "a.xml")
    assert facts(file) == said
    assert told(file.filters) == filters


@pytest.mark.parametrize(
    ("calls", "said", "filters"),
    [
        ("firewall-cmd --set-target=ACCEPT --zone=public", "firewalld 4,6 answers", ["input any -> all"]),
        ("firewall-cmd --zone=internal --add-source=10.0.0.0/8\nfirewall-cmd --zone=internal --add-port=1/tcp",
         "firewalld 4,6 drops answers", ["input 10.0.0.0/8 -> 1"]),
        ("firewall-cmd --add-source=ipset:ct --add-protocol=tcp", "firewalld 4,6 drops answers",
         ["input ipset:ct -> all"]),
        ("firewall-cmd --direct --add-rule ipv4 filter INPUT 0 -p tcp --dport 1 -j ACCEPT",
         "firewalld 4 drops answers", ["input any -> 1"]),
        ("firewall-cmd --permanent --direct --passthrough ipv4 -I DOCKER-USER -j DROP",
         "firewalld 4 drops guards answers", []),
        ("firewall-cmd --policy=p --add-egress-zone=docker\nfirewall-cmd --policy=p --set-target=DROP",
         "firewalld 4,6 drops guards answers", []),
        ("firewall-cmd --add-forward-port=port=80:proto=tcp:toport=8042", "firewalld 4,6 drops answers",
         ["input any -> 80"]),
    ],
)  # fmt: skip
def test_one_call(calls: str, said: str, filters: list[str]) -> None:
    file = only(calls, "a.sh")
    assert facts(file) == said
    assert told(file.filters) == filters


def test_calls_that_make_no_rules() -> None:
    for text in ("firewall-cmd --reload\n", "firewall-cmd --list-all --zone=public\n", "firewall-cmd --state\n"):
        assert parse_firewall(text, "a.sh") == ()


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("<zone><port port='1' protocol='tcp'/>\n<port", ["a.xml:2:1 not XML: unclosed token"]),
        ("<zone>\n<service name='orthanc'/></zone>",
         ["a.xml:2:1 the service orthanc is not known: what is let in by it is not read"]),
        ("<!DOCTYPE z [<!ENTITY a 'b'>]>\n<zone><port port='&a;' protocol='tcp'/></zone>",
         ["a.xml:1:25 it declares an entity of its own: not read further"]),
        ("<zone>" + "<rule>" * 40, ["a.xml:1:103 too many elements, or nested too deep: not read further"]),
    ],
)  # fmt: skip
def test_problems_have_places(text: str, problems: list[str]) -> None:
    (file,) = parse_firewall(text, "a.xml")
    assert [f"{one.place} {one.message}" for one in file.problems] == problems


def test_other_xml_is_none() -> None:
    assert parse_firewall("<service><port port='1' protocol='tcp'/></service>", "a.xml") == ()
    assert parse_firewall("<html><zone></html>", "a.html") == ()
    assert parse_firewall("<domain><ip/></domain>", "vm.xml") == ()
