"""Any text: an answer, never an exception; every place lies in the file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.foreign.firewalls import MAXIMUM_CHARACTERS, parse_firewall
from orthancgen.foreign.model import FirewallFile
from tests.support.filters import facts, only, told
from tests.support.hostile import CORPUS

GOLDEN = Path(__file__).parents[2] / "golden"
FILES = sorted(
    path for site in ("firewalls-1.13.0", "published-1.13.0") for path in (GOLDEN / site / "firewall").rglob("*")
    if path.is_file()
)  # fmt: skip
TEMPLATES = {
    "rules.nft": "table inet f {{ chain i {{ type filter hook input priority 0; policy drop;\n"
    " ip saddr {0} tcp dport {0}"
    ' accept comment "{0}"\n }} }}\n',
    "rules.v4": '*filter\n:INPUT DROP [0:0]\n-A INPUT -s {0} -p tcp --dport {0} -m comment --comment "{0}" -j ACCEPT\n',
    "user.rules": "*filter\n### tuple ### allow tcp {0} 0.0.0.0/0 any {0} in comment={0}\n-A ufw-user-input -s {0}\n",
    "status.txt": "Status: active\n\nTo Action From\n{0}  ALLOW IN  {0}  # {0}\n",
    "setup.sh": 'X={0}\niptables -A INPUT -s "{0}" --dport {0} -j ACCEPT\nufw allow from {0} to any port {0}\n'
    "firewall-cmd --add-rich-rule='rule source address={0} accept' --add-port={0}/tcp\nnft add rule inet f i {0}\n"
    "aws ec2 authorize-security-group-ingress --protocol tcp --port {0} --cidr {0} --ip-permissions {0}\n"
    "gcloud compute firewall-rules create {0} --allow {0} --source-ranges {0}\n"
    "az network nsg rule create --priority {0} --source-address-prefixes {0}\n",
    "zone.xml": "<zone target='{0}'><source address='{0}'/><port port='{0}' protocol='tcp'/>"
    "<service name='{0}'/></zone>",
    "a.cmd": "set X={0}\r\nnetsh advfirewall firewall add rule name={0} dir=in action=allow localport={0} "
    "remoteip={0}\r\n",
    "a.ps1": "$x = '{0}'\nNew-NetFirewallRule -DisplayName {0} -LocalPort {0} -RemoteAddress '{0}' @x -Profile {0}\n",
    "main.tf": 'resource "aws_security_group" "{0}" {{\n  ingress {{\n    from_port = {0}\n    protocol = "{0}"\n'
    '    cidr_blocks = ["{0}"]\n  }}\n}}\n',
    "main.tf.json": '{{"resource": {{"google_compute_firewall": {{"{0}": {{"source_ranges": ["{0}"], "priority": "{0}",'
    ' "allow": [{{"protocol": "tcp", "ports": ["{0}"]}}]}}}}}}}}',
    "group.yaml": "Resources:\n  a:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupIngress:\n"
    "      - {{CidrIp: {0}, IpProtocol: tcp, FromPort: {0}, ToPort: !Ref {0}}}\n",
    "azure.json": '{{"resources": [{{"type": "Microsoft.Network/networkSecurityGroups/securityRules", "properties":'
    ' {{"protocol": "*", "sourceAddressPrefix": "{0}", "destinationPortRange": "{0}"}}}}]}}',
}
NAMES = st.sampled_from([*TEMPLATES, "rules", "a.template", "a.bat", "direct.xml"])


def checked(found: tuple[FirewallFile, ...], text: str) -> None:
    lines = len(re.split("\r\n|[\n\r\x85\u2028\u2029]", text)) + 1  # libyaml's end may be one line behind
    for file in found:
        assert file.text == text
        assert file.families <= {4, 6}
        assert len(file.problems) <= 300
        for mark in (*(one.mark for one in file.filters), *(one.mark for one in file.problems)):
            assert mark is not None
            assert 1 <= mark.line <= lines
            assert 1 <= mark.column < mark.end_column
        for one in file.filters:
            assert one.sources
            assert all(len(source) <= 300 for source in one.sources)
            assert all(0 <= low <= high <= 65535 for low, high in one.ports)


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_template_itself_is_a_firewall(name: str) -> None:
    assert parse_firewall(TEMPLATES[name].format("104"), name)


@pytest.mark.parametrize("name", TEMPLATES)
def test_hostile_values(name: str) -> None:
    for value in (*CORPUS, "\ud800", "9" * 5000, "[" * 500, "{" * 500):
        text = TEMPLATES[name].format(value)
        checked(parse_firewall(text, name), text)


@pytest.mark.parametrize(
    "source",
    ["ct1.example.org", "010.0.0.1", "fe80::1%eth0", "10.1", "0x0a.0.0.1", "167772161", "256.1.1.1", "1.2.3.4/33"],
)
def test_a_source_that_is_no_network_is_kept_as_it_is_written(source: str) -> None:
    for name, text in {
        "rules.v4": f"*filter\n:INPUT DROP [0:0]\n-A INPUT -s {source} -p tcp --dport 104 -j ACCEPT\nCOMMIT\n",
        "a.sh": f"ufw allow from {source} to any port 104 proto tcp\n",
        "rules.nft": "table ip f { chain i { type filter hook input priority 0; policy drop;\n"
        f"ip saddr {source} tcp dport 104 accept\n}} }}\n",
        "zone.xml": f"<zone><rule><source address='{source}'/><port port='104' protocol='tcp'/><accept/></rule></zone>",
        "a.cmd": f"netsh advfirewall firewall add rule name=a dir=in action=allow localport=104 remoteip={source}\r\n",
        "main.tf": 'resource "aws_security_group" "a" {\n ingress {\n from_port = 104\n to_port = 104\n'
        f' protocol = "tcp"\n cidr_blocks = ["{source}"]\n }}\n}}\n',
    }.items():
        (file,) = parse_firewall(text, name)
        assert [one.partition(" ")[2].partition(' "')[0] for one in told(file.filters)] == [f"{source} -> 104"], name


@pytest.mark.parametrize("name", ["rules.nft", "rules.v4", "a.cmd", "zone.xml", "setup.sh", "main.tf"])
def test_too_long_a_file_is_not_read(name: str) -> None:
    text = TEMPLATES[name].format("104") + " " * MAXIMUM_CHARACTERS
    (file,) = parse_firewall(text, name)
    assert file.filters == ()
    assert not file.drops_by_default
    assert "longer than" in file.problems[0].message


def test_secrets_of_a_script_are_not_shown() -> None:
    text = "ufw allow 22\ncurl -u admin:hunter2 http://x\nufw allow hunter2\n"
    (file,) = parse_firewall(text, "a.sh")
    assert "hunter2" not in repr(file.filters)
    assert "curl" not in repr(file)


def test_nothing_is_a_firewall_by_its_name_alone() -> None:
    for name in (*TEMPLATES, "rules.v6", "after.rules"):
        assert parse_firewall("", name) == ()
        assert parse_firewall("nothing of interest\n", name) == ()


def test_crlf_and_a_byte_order_mark() -> None:
    text = TEMPLATES["rules.nft"].format("104").replace("saddr 104", "saddr 10.0.0.1").replace("\n", "\r\n")
    assert facts(only(text, "rules.nft")) == "nftables 4,6 drops"
    assert told(only(text, "rules.nft").filters) == ['input 10.0.0.1/32 -> 104 "104"']


@settings(max_examples=300, deadline=None)
@given(NAMES, st.one_of(st.text(), st.text(alphabet="{}[]()\"'\\\n #;,=$@<>-ab1.:/%^`&|!*")))
def test_any_value_in_a_template(name: str, value: str) -> None:
    text = TEMPLATES[name].format(value) if name in TEMPLATES else value
    checked(parse_firewall(text, name), text)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FILES), st.floats(0, 1), st.integers(0, 200), st.text(max_size=12))
def test_our_files_with_a_piece_changed(path: Path, where: float, length: int, put: str) -> None:
    text = path.read_bytes().decode("utf-8")
    at = int(where * len(text))
    changed = text[:at] + put + text[at + length :]
    checked(parse_firewall(changed, path.name), changed)
