"""Windows Defender Firewall: the scripts let in what the policy does and nothing else; undoing takes all of it back."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from orthancgen.errors import RenderError
from orthancgen.firewall.policy import Filter, Policy
from orthancgen.firewall.windows import SCRIPTS, WINDOWS
from orthancgen.render.quoting import cmd, powershell
from tests.support import readback
from tests.support.hostile import CORPUS
from tests.support.policies import Generated, generated

BUILD = {file.path: file.build for file in WINDOWS.files}


def script(name: str, one: Generated, policy: Policy | None = None) -> str:
    return BUILD[name](one.plan, policy or one.policy)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Generated:
    """A policy of a native site, with filters of both versions of IP, UDP, and every address."""
    one = generated(3, tmp_path_factory.mktemp("environment"))
    filters = (
        Filter("192.0.2.0/24", 3389, "tcp", "input", "management 3389", ("management",), "management"),
        Filter("0.0.0.0/0", 51820, "udp", "input", "vpn", ("vpn",), "vpn"),
        Filter("::/0", 51820, "udp", "input", "vpn 2", ("vpn",), "vpn"),
        Filter("2001:db8::5/128", 4242, "tcp", "input", "DICOM ct1", ("it's ct1",), "dicom"),
    )
    return replace(one, policy=replace(one.policy, environment="prod", filters=filters, published=()))


def test_what_is_written(native: Generated) -> None:
    lines = script("apply.ps1", native).split("\r\n")
    assert "$Environment = 'prod'" in lines
    start = lines.index("$Filters = @(")
    assert lines[start + 1 : start + 5] == [
        f"    @{{ DisplayName = '{label}'; Protocol = '{protocol}'; LocalPort = '{port}'; RemoteAddress = '{source}' }}"
        for label, protocol, port, source in (
            ("management 3389", "TCP", 3389, "192.0.2.0/24"),
            ("vpn", "UDP", 51820, "0.0.0.0-255.255.255.255"),
            ("vpn 2", "UDP", 51820, "::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("DICOM ct1", "TCP", 4242, "2001:db8::5/128"),
        )
    ]
    assert lines[start + 5] == ")"
    commands = [line for line in script("apply.cmd", native).split("\r\n") if "DICOM ct1" in line]
    assert len(commands) == 1
    assert commands[0] == (
        'netsh advfirewall firewall add rule name="orthancgen" description="DICOM ct1" dir=in action=allow '
        'protocol="TCP" localport="4242" remoteip="2001:db8::5/128" profile=any edge=no >nul || goto failed'
    )


def test_what_every_host_needs_is_let_in_by_both_scripts(native: Generated) -> None:
    by_powershell, by_netsh = script("apply.ps1", native), script("apply.cmd", native)
    types = {
        "icmpv4": {"3", "8", "11", "12"},
        "icmpv6": {"1", "2", "3", "4", "128", "130", "131", "132", "134", "135", "136", "143"},
    }
    for protocol, wanted in types.items():
        tables = re.findall(rf"Protocol = '{protocol}'; IcmpType = @\(([^)]+)\)", by_powershell, re.IGNORECASE)
        assert {one.strip("' ") for table in tables for one in table.split(",")} == wanted
        loops = re.findall(rf"for %%T in \(([0-9 ]+)\) do netsh .* protocol={protocol}:%%T,any ", by_netsh)
        assert {one for loop in loops for one in loop.split()} == wanted
    for script_text, ports in (
        (by_powershell, "LocalPort = '{}'; RemotePort = '{}'"),
        (by_netsh, 'localport="{}" remoteport="{}"'),
    ):
        assert ports.format(68, 67) in script_text
        assert ports.format(546, 547) in script_text
    assert "RemotePort = '547'; RemoteAddress = 'fe80::/10'" in by_powershell
    assert 'remoteport="547" remoteip="fe80::/10"' in by_netsh


def test_nothing_is_denied_before_all_is_let_in(native: Generated) -> None:
    text = script("apply.ps1", native)
    work = text[text.index("$Old = @(Get-OwnRule)") :]
    steps = ["Save-Before $Record", "Register-RevertTask", "New-NetFirewallRule", "Set-NetFirewallProfile",
             "foreach ($Rule in $Others)", "foreach ($Rule in $Old) { $Rule | Disable", "catch {",
             "foreach ($Rule in $Old) { $Rule | Remove"]  # fmt: skip
    places = [work.index(step) for step in steps]
    assert places == sorted(places)


def test_undoing_by_powershell_takes_back_all_that_applying_makes(native: Generated) -> None:
    apply, undo = script("apply.ps1", native), script("undo.ps1", native)
    used = set(re.findall(r"Join-Path \$State '([a-z0-9.]+)'", apply))
    assert used == {"before.json", "undo.ps1", "before.wfw"}
    assert '$New = "$BeforeFile.new"' in apply
    assert "foreach ($File in 'before.json', 'before.json.new', 'undo.ps1') {" in undo
    for named in ("$Group = 'orthancgen'", "$Task = 'orthancgen firewall revert'",
                  "$State = Join-Path $env:ProgramFiles 'orthancgen\\firewall'"):  # fmt: skip
        assert apply.count(named) == undo.count(named) == 1
    saved = re.search(r"ForEach-Object \{\r\n +@\{ (.*) \}", apply)
    assert saved
    assert re.findall(r"(\w+) = ", saved[1]) == ["Name", *re.findall(r"-(\w+) \$One\.\1", undo)[1:]]
    assert undo == script("undo.ps1", native, replace(native.policy, environment="other", filters=()))


def test_undoing_by_netsh_takes_back_all_that_applying_makes(native: Generated) -> None:
    apply, undo = script("apply.cmd", native), script("undo.cmd", native)
    made = set(re.findall(r"%STATE%\\([a-z.]+)", apply)) - {"before.json"}
    removed = set(re.findall(r'del /f /q "%STATE%\\([a-z.]+)"', undo))
    assert made == removed == {"before.wfw", "last.wfw", "environment.txt"}
    assert apply.index("advfirewall export") < apply.index("advfirewall firewall delete rule name=all dir=in")
    assert undo.index('advfirewall import "%STATE%\\before.wfw"') < undo.index("del /f")
    assert undo == script("undo.cmd", native, replace(native.policy, environment="other", filters=()))


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_ascii_with_the_ends_of_lines_of_windows(name: str, native: Generated) -> None:
    text = script(name, native)
    assert text.isascii()
    assert text.count("\n") == text.count("\r\n") > 20
    assert "\t" not in text


@pytest.mark.parametrize("value", CORPUS)
def test_a_string_of_powershell_is_exact_or_refused(value: str) -> None:
    try:
        written = str(powershell(value))
    except RenderError:
        assert not (value.isascii() and value.isprintable())
        return
    assert readback.powershell_string(written) == (value, "")


@pytest.mark.parametrize("value", CORPUS)
def test_a_value_of_netsh_is_exact_or_refused(value: str) -> None:
    try:
        written = str(cmd(value))
    except RenderError:
        assert not re.fullmatch(r"[A-Za-z0-9 ._:/-]*[A-Za-z0-9]+[A-Za-z0-9 ._:/-]*", value, re.ASCII) or value == "all"
        return
    assert readback.cmd_words(f"netsh description={written} dir=in") == ["netsh", f"description={value}", "dir=in"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("apply.ps1", "'TCP'; LocalPort = '3389'", "'TCP'; LocalPort = '1-65535'"),
        ("apply.ps1", "RemoteAddress = '192.0.2.0/24' }", "RemoteAddress = 'Any' }"),
        ("apply.ps1", "RemoteAddress = '192.0.2.0/24' }", "RemoteAddress = '0.0.0.0/0' }"),
        ("apply.ps1", "'management 3389'", "'it's'"),
        ("apply.ps1", "'management 3389'", "'' + (whoami) + ''"),
        ("apply.ps1", "-Action Allow -Profile Any", "-Action Allow -Profile Domain"),
        ("apply.ps1", "-Enabled True -DefaultInboundAction Block", "-Enabled True -DefaultInboundAction Allow"),
        ("apply.ps1", "\r\n    @{ DisplayName = 'vpn';", "\n    @{ DisplayName = 'vpn';"),
        ("apply.cmd", 'localport="3389"', 'localport="any"'),
        ("apply.cmd", 'remoteip="192.0.2.0/24"', 'remoteip="192.0.2.0/24,10.0.0.0/8"'),
        ("apply.cmd", '"management 3389"', '"management %PATH%"'),
        ("apply.cmd", '"management 3389"', '"management 3389" & calc'),
        ("apply.cmd", 'localport="3389" remoteip="192.0.2.0/24" profile=any edge=no >nul || goto failed',
         'localport="3389" remoteip="192.0.2.0/24" profile=any edge=no >nul'),
        ("apply.cmd", ' remoteip="192.0.2.0/24" profile=any', " profile=any"),
        ("apply.cmd", "firewallpolicy blockinbound", "firewallpolicy allowinbound"),
    ],
)  # fmt: skip
def test_the_parser_would_find_a_fault(name: str, old: str, new: str, native: Generated) -> None:
    read = readback.powershell if name == "apply.ps1" else readback.netsh
    frame = readback.frame_of(BUILD[name], native.plan, native.policy)
    text = script(name, native)
    assert text.count(old) == 1
    assert read(text, frame) == readback.expected(native.policy.filters)
    with pytest.raises((readback.UnreadableError, ValueError)):
        read(text.replace(old, new), frame)


@pytest.mark.parametrize("value", CORPUS)
def test_a_hostile_name_or_label_is_text_or_refused(value: str, native: Generated) -> None:
    one = native.policy.filters[0]
    for policy in (
        replace(native.policy, environment=value, filters=(one,)),
        replace(native.policy, filters=(replace(one, label=value),)),
    ):
        for name, read in (("apply.ps1", readback.powershell), ("apply.cmd", readback.netsh)):
            try:
                text = BUILD[name](native.plan, policy)
            except RenderError:
                continue
            frame = readback.frame_of(BUILD[name], native.plan, policy)
            assert read(text, frame) == readback.expected([one])
