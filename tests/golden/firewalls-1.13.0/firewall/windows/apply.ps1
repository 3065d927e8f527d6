<#
.SYNOPSIS
    Loads the firewall rules of a site of orthancgen into Windows Defender Firewall.

.DESCRIPTION
    Lets in what the site needs, and denies all else: every other rule that lets callers in is switched off, and inbound
    connections that no rule lets in are blocked, on every network. Rules of Group Policy stay in force, and are named.
    Outgoing connections are not touched. undo.ps1 brings back what was there before the first load, of which a record
    is kept in "%ProgramFiles%\orthancgen\firewall". What fails leaves the rules that were there.

    Exit codes: 0 good; 1 something to see; 4 failed, and the rules are as they were.

.PARAMETER RevertAfterSeconds
    Undoes everything after so many seconds, by a scheduled task, unless -Confirm comes first. 0, the default: never,
    and a task that waits is removed.

.PARAMETER Confirm
    Keeps the rules for good: removes that scheduled task.

.PARAMETER Replace
    Loads these rules although those of another environment are loaded.

.PARAMETER Status
    Says whether the rules are loaded as they are written here. Changes nothing.

.EXAMPLE
    powershell -ExecutionPolicy Bypass -File apply.ps1 -RevertAfterSeconds 300
#>
#Requires -Version 5.1
[CmdletBinding(PositionalBinding = $false, DefaultParameterSetName = 'Apply')]
param(
    [Parameter(ParameterSetName = 'Apply')][ValidateRange(0, 86400)][int]$RevertAfterSeconds = 0,
    [Parameter(ParameterSetName = 'Apply')][switch]$Replace,
    [Parameter(ParameterSetName = 'Confirm', Mandatory = $true)][switch]$Confirm,
    [Parameter(ParameterSetName = 'Status', Mandatory = $true)][switch]$Status
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Environment = 'firewalls'
$Filters = @(
    @{ DisplayName = 'management 22'; Protocol = 'TCP'; LocalPort = '22'; RemoteAddress = '192.168.1.0/24' }
    @{ DisplayName = 'management 22 2'; Protocol = 'TCP'; LocalPort = '22'; RemoteAddress = '2001:db8:1::/64' }
    @{ DisplayName = 'management 3389'; Protocol = 'TCP'; LocalPort = '3389'; RemoteAddress = '192.168.1.0/24' }
    @{ DisplayName = 'management 3389 2'; Protocol = 'TCP'; LocalPort = '3389'; RemoteAddress = '2001:db8:1::/64' }
    @{ DisplayName = 'vpn'; Protocol = 'UDP'; LocalPort = '51820'; RemoteAddress = '0.0.0.0-255.255.255.255' }
    @{ DisplayName = 'vpn 2'; Protocol = 'UDP'; LocalPort = '51820'; RemoteAddress = '::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' }
    @{ DisplayName = 'DICOM modality ct1'; Protocol = 'TCP'; LocalPort = '2762'; RemoteAddress = '192.168.10.21/32' }
    @{ DisplayName = 'DICOM modality mr1'; Protocol = 'TCP'; LocalPort = '2762'; RemoteAddress = '192.168.10.22/32' }
    @{ DisplayName = 'DICOM modality far-1'; Protocol = 'TCP'; LocalPort = '2762'; RemoteAddress = '10.8.0.2/32' }
    @{ DisplayName = 'DICOM modality far-2'; Protocol = 'TCP'; LocalPort = '2762'; RemoteAddress = '10.8.0.3/32' }
    @{ DisplayName = 'HTTP network of the users'; Protocol = 'TCP'; LocalPort = '8042'; RemoteAddress = '192.168.10.0/24' }
    @{ DisplayName = 'HTTP network of the users 2'; Protocol = 'TCP'; LocalPort = '8042'; RemoteAddress = '2001:db8:10::/64' }
    @{ DisplayName = 'HTTP network of the administrators'; Protocol = 'TCP'; LocalPort = '8042'; RemoteAddress = '192.168.1.0/24' }
    @{ DisplayName = 'HTTP network of the administrators 2'; Protocol = 'TCP'; LocalPort = '8042'; RemoteAddress = '2001:db8:1::/64' }
)
# What a host needs whoever calls it: RFC 4890 for ICMPv6, and answers of DHCP, which Windows receives through the firewall.
$Essentials = @(
    @{ DisplayName = 'echo and errors'; Protocol = 'ICMPv4'; IcmpType = @('3', '8', '11', '12') }
    @{ DisplayName = 'echo and errors of IPv6'; Protocol = 'ICMPv6'; IcmpType = @('1', '2', '3', '4', '128') }
    @{ DisplayName = 'neighbours and multicast of IPv6'; Protocol = 'ICMPv6'; IcmpType = @('130', '131', '132', '134', '135', '136', '143') }
    @{ DisplayName = 'DHCP'; Protocol = 'UDP'; LocalPort = '68'; RemotePort = '67' }
    @{ DisplayName = 'DHCP of IPv6'; Protocol = 'UDP'; LocalPort = '546'; RemotePort = '547'; RemoteAddress = 'fe80::/10' }
)
$Group = 'orthancgen'
$Task = 'orthancgen firewall revert'
# Program Files, and not ProgramData: only administrators may write there, and undo.ps1 is run from there.
$State = Join-Path $env:ProgramFiles 'orthancgen\firewall'
$BeforeFile = Join-Path $State 'before.json'
$OfNetsh = Join-Path $State 'before.wfw'

function Stop-Here([int]$Code, [string]$Text) {
    if ($Code -eq 0) { Write-Output $Text } else { [Console]::Error.WriteLine($Text) }
    exit $Code
}

function Get-OwnRule {
    @(Get-NetFirewallRule -PolicyStore PersistentStore | Where-Object { $_.Group -eq $Group })
}

function Select-LettingIn {
    process {
        if ("$($_.Direction)" -eq 'Inbound' -and "$($_.Action)" -eq 'Allow' -and "$($_.Enabled)" -eq 'True') { $_ }
    }
}

function Get-OtherRule {
    @(Get-NetFirewallRule -PolicyStore PersistentStore | Where-Object { $_.Group -ne $Group } | Select-LettingIn)
}

function Get-Before {
    if (-not (Test-Path -LiteralPath $BeforeFile)) { return $null }
    Get-Content -LiteralPath $BeforeFile -Raw -Encoding UTF8 | ConvertFrom-Json
}

function Save-Before($Before) {
    $New = "$BeforeFile.new"
    ConvertTo-Json -InputObject $Before -Depth 4 | Set-Content -LiteralPath $New -Encoding UTF8
    Move-Item -LiteralPath $New -Destination $BeforeFile -Force
}

function Get-ProfileState {
    @(Get-NetFirewallProfile -PolicyStore PersistentStore | ForEach-Object {
            @{ Name = "$($_.Name)"; Enabled = "$($_.Enabled)"; DefaultInboundAction = "$($_.DefaultInboundAction)"; AllowInboundRules = "$($_.AllowInboundRules)" }
        })
}

function Restore-ProfileState($Profiles) {
    foreach ($One in $Profiles) {
        Set-NetFirewallProfile -PolicyStore PersistentStore -Name $One.Name -Enabled $One.Enabled -DefaultInboundAction $One.DefaultInboundAction -AllowInboundRules $One.AllowInboundRules
    }
}

function Remove-RevertTask {
    $Found = @(Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue)
    if ($Found.Count -gt 0) { Unregister-ScheduledTask -TaskName $Task -Confirm:$false }
    $Found.Count -gt 0
}

function Register-RevertTask([int]$Seconds) {
    $null = Remove-RevertTask
    $Undo = Join-Path $State 'undo.ps1'
    Copy-Item -LiteralPath (Join-Path $PSScriptRoot 'undo.ps1') -Destination $Undo -Force
    $Action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument "-NoProfile -NonInteractive -ExecutionPolicy Bypass -File `"$Undo`""
    $Trigger = New-ScheduledTaskTrigger -Once -At (Get-Date).AddSeconds($Seconds)
    $Principal = New-ScheduledTaskPrincipal -UserId 'S-1-5-18' -RunLevel Highest
    $Settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries
    $null = Register-ScheduledTask -TaskName $Task -Action $Action -Trigger $Trigger -Principal $Principal -Settings $Settings
}

function ConvertTo-Text($Rule) {
    $Ports = $Rule | Get-NetFirewallPortFilter
    $Addresses = $Rule | Get-NetFirewallAddressFilter
    @(
        "$($Rule.DisplayName)", "$($Rule.Enabled)", "$($Rule.Direction)", "$($Rule.Action)", "$($Rule.Profile)", "$($Ports.Protocol)",
        (@($Ports.LocalPort) -join ','), (@($Ports.RemotePort) -join ','), (@($Ports.IcmpType) -join ','), (@($Addresses.RemoteAddress) -join ',')
    ) -join '|'
}

# The rules are compared with what was read back when they were loaded: Windows writes addresses its own way.
function Get-Loaded { @(Get-OwnRule | ForEach-Object { ConvertTo-Text $_ } | Sort-Object) }

function Get-Written {
    @($Filters + $Essentials | ForEach-Object {
            @($_['DisplayName'], $_['Protocol'], $_['LocalPort'], $_['RemotePort'], (@($_['IcmpType']) -join ','), $_['RemoteAddress']) -join '|'
        }) -join "`n"
}

$Identity = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $Identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Stop-Here 4 'not an administrator: start PowerShell with "Run as administrator"'
}

if ($Confirm) {
    if (Remove-RevertTask) { Stop-Here 0 'confirmed: the rules stay' }
    Stop-Here 1 'nothing waits to be confirmed'
}

$Before = Get-Before
if ($Status) {
    if ($null -eq $Before) { Stop-Here 1 'not loaded: no rules of orthancgen' }
    if ($Before.Environment -cne $Environment) { Stop-Here 1 "other rules are loaded: those of the environment $($Before.Environment)" }
    if ($Before.Written -cne (Get-Written)) { Stop-Here 1 'other rules are loaded: an earlier version of these' }
    if ((@($Before.Loaded) -join "`n") -cne ((Get-Loaded) -join "`n")) { Stop-Here 1 'rules of the group orthancgen were changed: load them again' }
    $Others = @(Get-OtherRule)
    if ($Others.Count -gt 0) { Stop-Here 1 "$($Others.Count) rules of others let callers in again: load these rules again" }
    foreach ($One in @(Get-NetFirewallProfile -PolicyStore ActiveStore)) {
        if ("$($One.Enabled)" -ne 'True' -or "$($One.DefaultInboundAction)" -ne 'Block') { Stop-Here 1 "the profile $($One.Name) lets callers in without a rule: load these rules again" }
    }
    Stop-Here 0 'loaded as written'
}

if (Test-Path -LiteralPath $OfNetsh) { Stop-Here 4 'rules are loaded by apply.cmd: undo them by undo.cmd first' }
if ($null -ne $Before -and $Before.Environment -cne $Environment -and -not $Replace) {
    Stop-Here 4 "rules of the environment $($Before.Environment) are loaded: undo them there, or use -Replace"
}
foreach ($One in @(Get-NetFirewallProfile -PolicyStore ActiveStore)) {
    if ("$($One.AllowLocalFirewallRules)" -eq 'False') {
        Stop-Here 4 "Group Policy has the profile $($One.Name) pass over the rules of this computer, and all would be locked out: set these rules by Group Policy"
    }
}

$Old = @(Get-OwnRule)
$Made = @()
$SwitchedOff = @()
$Profiles = @(Get-ProfileState)
$First = $null -eq $Before
try {
    $null = New-Item -ItemType Directory -Path $State -Force
    $Others = @(Get-OtherRule)
    $Names = @($Others | ForEach-Object { "$($_.Name)" })
    if ($First) {
        $Record = @{ Environment = $Environment; Profiles = $Profiles; SwitchedOff = $Names; Written = ''; Loaded = @() }
    }
    else {
        $Record = @{ Environment = $Before.Environment; Profiles = @($Before.Profiles); SwitchedOff = @(@($Before.SwitchedOff) + $Names | Select-Object -Unique); Written = $Before.Written; Loaded = @($Before.Loaded) }
    }
    Save-Before $Record
    if ($RevertAfterSeconds -gt 0) { Register-RevertTask $RevertAfterSeconds }

    # First all that lets in, management before the rest; only then what denies. So nobody is locked out.
    foreach ($Rule in $Filters + $Essentials) {
        $Made += New-NetFirewallRule @Rule -Group $Group -Direction Inbound -Action Allow -Profile Any -EdgeTraversalPolicy Block -PolicyStore PersistentStore
    }
    Set-NetFirewallProfile -PolicyStore PersistentStore -All -Enabled True -DefaultInboundAction Block -AllowInboundRules True
    $SwitchedOff = @($Others) + @($Old | Select-LettingIn)
    foreach ($Rule in $Others) { $Rule | Disable-NetFirewallRule }
    if (@(Get-OtherRule).Count -gt 0) { throw 'rules of others could not be switched off' }
    foreach ($One in @(Get-NetFirewallProfile -PolicyStore ActiveStore)) {
        if ("$($One.Enabled)" -ne 'True' -or "$($One.DefaultInboundAction)" -ne 'Block') { throw "Group Policy has the profile $($One.Name) let callers in without a rule" }
    }
    foreach ($Rule in $Old) { $Rule | Disable-NetFirewallRule }
}
catch {
    $Why = "$($_.Exception.Message)" -replace '\s+', ' '
    $Left = @()
    foreach ($Rule in $SwitchedOff) { try { $Rule | Enable-NetFirewallRule } catch { $Left += "$($Rule.Name)" } }
    try { Restore-ProfileState $Profiles } catch { $Left += 'profiles' }
    foreach ($Rule in $Made) { try { $Rule | Remove-NetFirewallRule } catch { $Left += "$($Rule.Name)" } }
    if ($Left.Count -gt 0) { Stop-Here 4 "failed: $Why; could not be put back: $($Left -join ', '); run undo.ps1" }
    try {
        if ($RevertAfterSeconds -gt 0) { $null = Remove-RevertTask }
        if ($First) { Remove-Item -LiteralPath $State -Recurse -Force }
    }
    catch { $Why = "$Why; $State could not be removed" }
    Stop-Here 4 "failed, and the rules are as they were: $Why"
}

try {
    foreach ($Rule in $Old) { $Rule | Remove-NetFirewallRule }
    if ($RevertAfterSeconds -eq 0) { $null = Remove-RevertTask }
    $Record.Environment = $Environment
    $Record.Written = Get-Written
    $Record.Loaded = @(Get-Loaded)
    Save-Before $Record
}
catch {
    Stop-Here 1 "loaded, but not recorded: $($_.Exception.Message -replace '\s+', ' '); load the rules again"
}
$OfPolicy = @(Get-NetFirewallRule -PolicyStore ActiveStore | Where-Object { "$($_.PolicyStoreSourceType)" -eq 'GroupPolicy' } | Select-LettingIn)
if ($OfPolicy.Count -gt 0) {
    Stop-Here 1 "loaded; $($OfPolicy.Count) rules of Group Policy let callers in besides, such as $($OfPolicy[0].DisplayName)"
}
if ($RevertAfterSeconds -gt 0) { Stop-Here 0 "loaded; undone in $RevertAfterSeconds seconds, unless: apply.ps1 -Confirm" }
Stop-Here 0 'loaded'
