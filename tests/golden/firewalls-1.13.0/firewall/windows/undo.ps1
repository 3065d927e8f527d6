<#
.SYNOPSIS
    Brings Windows Defender Firewall back to what it was before the first apply.ps1, and removes all that it made.

.DESCRIPTION
    The rules that were switched off are switched on again, the profiles are as they were, the rules of the group
    orthancgen are gone, and so is the record of them. Run twice, it does nothing the second time.

    Exit codes: 0 good; 1 something to see; 4 failed: run it again.
#>
#Requires -Version 5.1
[CmdletBinding(PositionalBinding = $false)]
param()
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Group = 'orthancgen'
$Task = 'orthancgen firewall revert'
$State = Join-Path $env:ProgramFiles 'orthancgen\firewall'
$BeforeFile = Join-Path $State 'before.json'

function Stop-Here([int]$Code, [string]$Text) {
    if ($Code -eq 0) { Write-Output $Text } else { [Console]::Error.WriteLine($Text) }
    exit $Code
}

$Identity = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $Identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Stop-Here 4 'not an administrator: start PowerShell with "Run as administrator"'
}
$Gone = @()
try {
    $Own = @(Get-NetFirewallRule -PolicyStore PersistentStore | Where-Object { $_.Group -eq $Group })
    if (Test-Path -LiteralPath $BeforeFile) {
        # First all that let in before, then what was denied: so nobody is locked out.
        $Before = Get-Content -LiteralPath $BeforeFile -Raw -Encoding UTF8 | ConvertFrom-Json
        $There = @{}
        Get-NetFirewallRule -PolicyStore PersistentStore | ForEach-Object { $There["$($_.Name)"] = $_ }
        foreach ($Name in @($Before.SwitchedOff)) {
            if ($There.ContainsKey($Name)) { $There[$Name] | Enable-NetFirewallRule } else { $Gone += $Name }
        }
        foreach ($One in @($Before.Profiles)) {
            Set-NetFirewallProfile -PolicyStore PersistentStore -Name $One.Name -Enabled $One.Enabled -DefaultInboundAction $One.DefaultInboundAction -AllowInboundRules $One.AllowInboundRules
        }
    }
    foreach ($Rule in $Own) { $Rule | Remove-NetFirewallRule }
    if (@(Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue).Count -gt 0) { Unregister-ScheduledTask -TaskName $Task -Confirm:$false }
    foreach ($File in 'before.json', 'before.json.new', 'undo.ps1') {
        $Path = Join-Path $State $File
        if (Test-Path -LiteralPath $Path) { Remove-Item -LiteralPath $Path -Force }
    }
    foreach ($Folder in $State, (Split-Path -Parent $State)) {
        if ((Test-Path -LiteralPath $Folder) -and @(Get-ChildItem -LiteralPath $Folder -Force).Count -eq 0) { Remove-Item -LiteralPath $Folder -Force }
    }
}
catch {
    Stop-Here 4 "failed: $($_.Exception.Message -replace '\s+', ' '); run it again"
}
if ($Gone.Count -gt 0) { Stop-Here 1 "undone; of the rules that were switched off, these are no longer there: $($Gone -join ', ')" }
Stop-Here 0 'undone'
