from __future__ import annotations

from textwrap import dedent

import pytest

from orthancgen.foreign.firewalls import parse_firewall
from tests.support.filters import facts, only, told

NETSH = "netsh advfirewall firewall add rule"


def test_netsh() -> None:
    text = dedent(
        """\
        @echo off
        rem netsh advfirewall firewall add rule name=remark dir=in action=allow
        set ADMIN=10.0.0.0/8,192.168.1.5
        netsh advfirewall firewall add rule name="DICOM in" description="from CTs" dir=in action=allow ^
          protocol=TCP localport=104,11112-11113 remoteip=%ADMIN%
        NETSH.EXE advfirewall firewall add rule name="web" dir=in action=allow protocol=any profile=domain,private
        netsh advfirewall firewall add rule name=rdp dir=in action=allow protocol=6 localport=3389 edge=deferapp >nul
        netsh advfirewall firewall add rule name=range dir=in action=allow ^
          protocol=TCP localport=1 remoteip=10.0.0.4-10.0.0.7,LocalSubnet
        netsh advfirewall firewall add rule name=mask dir=in action=allow ^
          protocol=TCP localport=2 remoteip=10.0.0.0/255.0.0.0
        netsh advfirewall firewall add rule name=udp dir=in action=allow protocol=UDP localport=53
        netsh advfirewall firewall add rule name=out dir=out action=allow protocol=TCP localport=5
        netsh advfirewall firewall add rule name=off dir=in action=allow protocol=TCP localport=6 enable=no
        netsh advfirewall firewall add rule name=not dir=in action=block protocol=TCP localport=7
        netsh advfirewall firewall add rule name=but dir=in action=allow protocol=TCP localport=7,8
        for %%P in (1 2) do netsh advfirewall firewall add rule name=prog dir=in action=allow program="C:\\a b\\O.exe"
        """
    ).replace("\n", "\r\n")
    file = only(text, "setup.cmd")
    assert facts(file) == "windows 4,6 drops guards answers"
    assert told(file.filters) == [
        'input 10.0.0.0/8,192.168.1.5/32 -> 104,11112-11113 "from CTs"',
        'input any -> all "web"',
        'input any -> 3389 "rdp"',
        'input 10.0.0.4/30,LocalSubnet -> 1 "range"',
        'input 10.0.0.0/8 -> 2 "mask"',
        'input any -> 8 "but"',
        'input any -> all "prog"',
    ]
    assert [(one.profiles, one.edge) for one in file.filters[:3]] == [
        (("any",), False),
        (("domain", "private"), False),
        (("any",), True),
    ]
    assert [(one.mark.line, one.mark.column) for one in file.filters[:2]] == [(4, 1), (6, 1)]
    assert file.filters[-1].mark.column == 21


def test_cmdlets() -> None:
    text = dedent(
        """\
        <# New-NetFirewallRule -DisplayName 'remark' #>
        # New-NetFirewallRule -DisplayName 'remark'
        $Admins = '10.0.0.0/8', "192.168.1.5"
        $Ports = @(104, 11112)
        New-NetFirewallRule -DisplayName "DICOM 'in'" -Direction Inbound -Action Allow -Protocol TCP `
            -LocalPort $Ports -RemoteAddress $Admins -Profile Domain, Private
        New-NetFirewallRule -DisplayName Web -LocalPort 8042-8043,443 -Protocol TCP -EdgeTraversalPolicy Allow
        New-NetFirewallRule -Name x -DisplayName All
        New-NetFirewallRule -DisplayName Off -Enabled False -Protocol TCP -LocalPort 1
        New-NetFirewallRule -DisplayName Out -Direction Outbound -Protocol TCP -LocalPort 2
        New-NetFirewallRule -DisplayName Udp -Protocol UDP -LocalPort 3
        foreach ($Port in 5, 6) { New-NetFirewallRule -DisplayName "Port $Port" -Prot TCP -LocalPort $Port }
        $Rule = @{ DisplayName = 'Table'; Protocol = 'TCP'; LocalPort = '7', '8'; RemoteAddress = @('10.1.0.0/16') }
        New-NetFirewallRule @Rule -Action Allow
        @(
            @{ DisplayName = 'First'; LocalPort = 21 }
            @{ DisplayName = 'Second'; LocalPort = 22 }
        ) | ForEach-Object { New-NetFirewallRule -Protocol TCP -LocalPort $_.LocalPort -DisplayName $_.DisplayName }
        $More = @(@{ LocalPort = 31 }) + @(@{ LocalPort = 32 })
        foreach ($One in $More) { $Made = New-NetFirewallRule @One -Protocol TCP -RemoteAddress $Unsaid }
        New-NetFirewallRule -Action Block -Protocol TCP -LocalPort 22
        Remove-NetFirewallRule -DisplayName Web
        """
    )
    file = only(text, "setup.ps1")
    assert facts(file) == "windows 4,6 drops guards answers"
    assert told(file.filters) == [
        "input 10.0.0.0/8,192.168.1.5/32 -> 104,11112 \"DICOM 'in'\"",
        'input any -> 443,8042-8043 "Web"',
        'input any -> all "All"',
        'input any -> 5-6 "Port $Port"',
        'input 10.1.0.0/16 -> 7-8 "Table"',
        'input any -> 21 "First,Second"',
        "input $unsaid -> 31",
        "input $unsaid -> 32",
    ]
    assert [(one.profiles, one.edge) for one in file.filters[:2]] == [
        (("domain", "private"), False),
        (("any",), True),
    ]
    assert [(one.mark.line, one.mark.column) for one in file.filters[:5]] == [(5, 1), (7, 1), (8, 1), (12, 27), (13, 9)]


@pytest.mark.parametrize(
    ("text", "drops"),
    [
        ("netsh advfirewall set allprofiles state off", False),
        ("netsh advfirewall set allprofiles state on", True),
        ("netsh advfirewall set allprofiles firewallpolicy allowinbound,allowoutbound", False),
        ("netsh advfirewall set allprofiles firewallpolicy blockinbound,allowoutbound", True),
    ],
)
def test_what_is_blocked_otherwise(text: str, drops: bool) -> None:
    file = only(f"{NETSH} name=a dir=in action=allow protocol=TCP localport=1\r\n{text}\r\n", "a.bat")
    assert file.drops_by_default == drops
    assert only(f"New-NetFirewallRule -LocalPort 1 -Protocol TCP\n{text}\n", "a.ps1").drops_by_default == drops


@pytest.mark.parametrize(
    ("text", "drops"),
    [
        ("Set-NetFirewallProfile -All -Enabled False", False),
        ("Set-NetFirewallProfile -Profile Domain,Public -Enabled $true -DefaultInboundAction Block", True),
        ("Set-NetFirewallProfile -DefaultInboundAction Allow", False),
        ("Set-NetFirewallProfile -DefaultInboundAction $Unsaid", True),
    ],
)
def test_profiles(text: str, drops: bool) -> None:
    assert only(f"New-NetFirewallRule -DisplayName a\n{text}\n", "a.ps1").drops_by_default == drops


@pytest.mark.parametrize(
    ("blocked", "said"),
    [
        ("localport=104", []),
        ("localport=1-200", []),
        ("localport=104 remoteip=10.0.0.0/8", ["input any -> 104"]),
        ("localport=104 profile=public", ["input any -> 104"]),
        ("localport=104 program=C:\\a.exe", ["input any -> 104"]),
        ("localport=104 enable=no", ["input any -> 104"]),
    ],
)
def test_what_blocks_wins(blocked: str, said: list[str]) -> None:
    text = f"{NETSH} dir=in action=allow protocol=TCP localport=104\r\n"
    text += f"{NETSH} dir=in action=block protocol=TCP {blocked}\r\n"
    assert told(only(text, "a.cmd").filters) == said


def test_ports_that_are_no_numbers_are_told() -> None:
    (file,) = parse_firewall(f"{NETSH} name=a dir=in action=allow protocol=TCP localport=RPC\r\n", "a.cmd")
    assert [f"{one.place} {one.message}" for one in file.problems] == [
        "a.cmd:1:1 the port RPC is not followed: what it lets in is not read"
    ]
    assert file.filters == ()


def test_scripts_that_make_no_rules() -> None:
    for text in ("netsh advfirewall export a.wfw\r\n", "Get-NetFirewallRule -Name a\n", "netsh int ip show config\n"):
        assert parse_firewall(text, "a.cmd") == ()
        assert parse_firewall(text, "a.ps1") == ()
