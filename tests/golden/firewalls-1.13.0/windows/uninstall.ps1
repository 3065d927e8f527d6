<#
.SYNOPSIS
    Takes a site of orthancgen from this Windows host: Orthanc's service is as it was before install.ps1.

.DESCRIPTION
    The programs end, the configuration that was there before is back, and so are the account and the start of the service.
    Images stay where they are, unless -Purge. Run twice, it does nothing the second time.

    Exit codes: 0 good; 4 failed: run it again.

.PARAMETER Purge
    Removes images, records of who may log in, and secrets too. They are gone.
#>
#Requires -Version 5.1
[CmdletBinding(PositionalBinding = $false)]
param([switch]$Purge)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Environment = 'firewalls'
$Root = 'C:\ProgramData\orthancgen\firewalls'
$Configuration = Join-Path 'C:\Program Files\Orthanc Server' 'Configuration'
$Programs = @('backend')
$Before = Join-Path $Root 'before'
$Service = 'Orthanc'

function Stop-Here([int]$Code, [string]$Text) {
    if ($Code -eq 0) { Write-Output $Text } else { [Console]::Error.WriteLine($Text) }
    exit $Code
}

$Identity = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $Identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Stop-Here 4 'not an administrator: start PowerShell with "Run as administrator"'
}
try {
    foreach ($Program in $Programs) {
        $Name = "orthancgen $Environment $Program"
        if (@(Get-ScheduledTask -TaskName $Name -ErrorAction SilentlyContinue).Count -gt 0) {
            Stop-ScheduledTask -TaskName $Name
            Unregister-ScheduledTask -TaskName $Name -Confirm:$false
        }
    }
    $File = Join-Path $Before 'service.json'
    if (Test-Path -LiteralPath $File) {
        $Record = Get-Content -LiteralPath $File -Raw -Encoding UTF8 | ConvertFrom-Json
        Stop-Service -Name $Service -Force
        foreach ($One in @(Get-ChildItem -LiteralPath $Configuration -File)) { Remove-Item -LiteralPath $One.FullName -Force }
        foreach ($One in @(Get-ChildItem -LiteralPath (Join-Path $Before 'Configuration') -File)) { Copy-Item -LiteralPath $One.FullName -Destination $Configuration }
        # Rights as the installer left them: those of the folder above.
        foreach ($Folder in $Configuration, (Join-Path (Split-Path -Parent $Configuration) 'Logs')) { $null = & icacls.exe $Folder /reset /t /c /q }
        $null = & sc.exe config $Service obj= $Record.StartName start= $(if ($Record.StartMode -eq 'Auto') { 'auto' } else { 'demand' })
        if ($LASTEXITCODE -ne 0) { throw "sc.exe config failed with $LASTEXITCODE" }
        if ($Record.State -eq 'Running') { Start-Service -Name $Service }
        Remove-Item -LiteralPath $Before -Recurse -Force
    }
    if ($Purge -and (Test-Path -LiteralPath $Root)) { Remove-Item -LiteralPath $Root -Recurse -Force }
}
catch {
    Stop-Here 4 "failed: $($_.Exception.Message -replace '\s+', ' '); run it again"
}
Stop-Here 0 'uninstalled; firewall\windows\undo.ps1 takes the rules of the firewall away'
