<#
.SYNOPSIS
    Sets up a site of orthancgen on this Windows host: Orthanc, by the service of its own installer, and what belongs to it.

.DESCRIPTION
    Needs Orthanc, installed by its installer for Windows, and Node.js; a MongoDB that the environment names must run.
    First it looks whether everything is there; only then anything is changed. Configuration that is there already is kept
    in a folder "before" and comes back by uninstall.ps1. When something fails, what was there comes back by itself. The service gets an account of its own,
    which may read its configuration and secrets, and write images and logs, and nothing else of the site.
    Secrets are files that this account, SYSTEM and administrators alone may read. Run again, it brings what changed.

    Exit codes: 0 good; 4 failed, and what was there before is there again.

.PARAMETER Secrets
    Folder that "orthancgen secrets place" made. Remove it afterwards.

.PARAMETER Apps
    Folder with the unpacked archive of "orthancgen apps"; for the programs for Node.js.

.PARAMETER Node
    Node.js, 20.19 or newer.

.EXAMPLE
    powershell -ExecutionPolicy Bypass -File windows\install.ps1 -Secrets D:\secrets -Apps D:\apps
#>
#Requires -Version 5.1
[CmdletBinding(PositionalBinding = $false)]
param(
    [Parameter(Mandatory = $true)][string]$Secrets,
    [string]$Apps = '',
    [string]$Node = (Join-Path $env:ProgramFiles 'nodejs\node.exe')
)
Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$Environment = 'firewalls'
$Root = 'C:\ProgramData\orthancgen\firewalls'
$Installed = 'C:\Program Files\Orthanc Server'
$DicomPort = 2762
$Programs = @('backend')
$Placed = @(
    'orthanc/orthanc.secret.json'
    'orthanc/dicom_tls_certificate'
    'orthanc/dicom_tls_key'
    'orthanc/dicom_tls_trusted'
    'orthanc/http_tls_certificate'
    'backend/webhook_token'
    'backend/database_password'
    'backend/backend_orthanc_password'
    'backend/operator_token'
    'backend/http_tls_authority'
)
$Bundle = Split-Path -Parent $PSScriptRoot
$Configuration = Join-Path $Installed 'Configuration'
$Before = Join-Path $Root 'before'
$Last = Join-Path $Root 'last'
$Service = 'Orthanc'
$Account = "NT SERVICE\$Service"
$LocalService = 'S-1-5-19'

function Stop-Here([int]$Code, [string]$Text) {
    if ($Code -eq 0) { Write-Output $Text } else { [Console]::Error.WriteLine($Text) }
    exit $Code
}

# SYSTEM and administrators may do everything; of all others, those that are named.
function Set-Access([string]$Path, $Rights) {
    $null = New-Item -ItemType Directory -Path $Path -Force
    $Acl = New-Object Security.AccessControl.DirectorySecurity
    $Acl.SetAccessRuleProtection($true, $false)
    $All = @(@('S-1-5-18', 'FullControl'), @('S-1-5-32-544', 'FullControl')) + @($Rights)
    foreach ($One in $All) {
        $Who = if ($One[0] -like 'S-1-*') { New-Object Security.Principal.SecurityIdentifier $One[0] } else { New-Object Security.Principal.NTAccount $One[0] }
        $Acl.AddAccessRule((New-Object Security.AccessControl.FileSystemAccessRule $Who, $One[1], 'ContainerInherit, ObjectInherit', 'None', 'Allow'))
    }
    Set-Acl -LiteralPath $Path -AclObject $Acl
}

function Copy-New([string]$From, [string]$To) {
    Copy-Item -LiteralPath $From -Destination "$To.new" -Force
    Move-Item -LiteralPath "$To.new" -Destination $To -Force
}

function Invoke-Sc {
    $null = & sc.exe @args
    if ($LASTEXITCODE -ne 0) { throw "sc.exe $($args[0]) failed with $LASTEXITCODE" }
}

function Wait-Port([int]$Port, [int]$Seconds) {
    $End = (Get-Date).AddSeconds($Seconds)
    while ($true) {
        $Client = New-Object Net.Sockets.TcpClient
        try { $Client.Connect('127.0.0.1', $Port); return }
        catch { if ((Get-Date) -gt $End) { throw "nothing answers on port $Port" } }
        finally { $Client.Close() }
        Start-Sleep -Milliseconds 500
    }
}

function Get-TaskName([string]$Program) { "orthancgen $Environment $Program" }

function Stop-Program {
    foreach ($Program in $Programs) {
        $Name = Get-TaskName $Program
        if (@(Get-ScheduledTask -TaskName $Name -ErrorAction SilentlyContinue).Count -gt 0) { Stop-ScheduledTask -TaskName $Name }
    }
}

# Configuration, secrets and programs as they are, and how the service starts.
function Save-State([string]$To) {
    if (Test-Path -LiteralPath $To) { Remove-Item -LiteralPath $To -Recurse -Force }
    Set-Access $To @()
    $null = New-Item -ItemType Directory -Path (Join-Path $To 'Configuration') -Force
    foreach ($File in @(Get-ChildItem -LiteralPath $Configuration -File)) { Copy-Item -LiteralPath $File.FullName -Destination (Join-Path $To 'Configuration') }
    foreach ($Folder in @('secrets') + $Programs) {
        $From = Join-Path $Root $Folder
        if (Test-Path -LiteralPath $From) { Copy-Item -LiteralPath $From -Destination (Join-Path $To $Folder) -Recurse }
    }
    $Now = Get-CimInstance -ClassName Win32_Service -Filter "Name='$Service'"
    $Record = @{ StartName = "$($Now.StartName)"; StartMode = "$($Now.StartMode)"; State = "$($Now.State)" }
    ConvertTo-Json -InputObject $Record | Set-Content -LiteralPath (Join-Path $To 'service.json') -Encoding UTF8
}

function Restore-State([string]$From) {
    Stop-Program
    Stop-Service -Name $Service -Force
    foreach ($File in @(Get-ChildItem -LiteralPath $Configuration -File)) { Remove-Item -LiteralPath $File.FullName -Force }
    foreach ($File in @(Get-ChildItem -LiteralPath (Join-Path $From 'Configuration') -File)) { Copy-Item -LiteralPath $File.FullName -Destination $Configuration }
    $Record = Get-Content -LiteralPath (Join-Path $From 'service.json') -Raw -Encoding UTF8 | ConvertFrom-Json
    if ($Record.StartName -ne $Account) {
        # Rights as the installer left them: those of the folder above.
        foreach ($Folder in $Configuration, (Join-Path $Installed 'Logs')) { $null = & icacls.exe $Folder /reset /t /c /q }
    }
    foreach ($Folder in @('secrets') + $Programs) {
        $Kept = Join-Path $From $Folder
        # Into the folders that are there, which have their rights.
        if (Test-Path -LiteralPath $Kept) { Copy-Item -Path (Join-Path $Kept '*') -Destination (Join-Path $Root $Folder) -Recurse -Force }
    }
    Invoke-Sc config $Service obj= $Record.StartName start= $(if ($Record.StartMode -eq 'Auto') { 'auto' } else { 'demand' })
    if ($Record.State -eq 'Running') { Start-Service -Name $Service }
    foreach ($Program in $Programs) {
        if (Test-Path -LiteralPath (Join-Path $From $Program)) { Start-ScheduledTask -TaskName (Get-TaskName $Program) }
    }
}

$Identity = New-Object Security.Principal.WindowsPrincipal ([Security.Principal.WindowsIdentity]::GetCurrent())
if (-not $Identity.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) {
    Stop-Here 4 'not an administrator: start PowerShell with "Run as administrator"'
}

$Missing = @()
$Found = Get-CimInstance -ClassName Win32_Service -Filter "Name='$Service'"
if ($null -eq $Found -or -not (Test-Path -LiteralPath (Join-Path $Installed 'Orthanc.exe'))) {
    $Missing += "the service $Service in $Installed (install Orthanc by its installer for Windows)"
}
foreach ($File in 'windows\orthanc.json', 'orthanc\orthancgen.lua') {
    if (-not (Test-Path -LiteralPath (Join-Path $Bundle $File))) { $Missing += "$File of the bundle" }
}
foreach ($File in $Placed) {
    if (-not (Test-Path -LiteralPath (Join-Path $Secrets $File))) { $Missing += "the secret $File (orthancgen secrets place)" }
}
$Sources = @{}
foreach ($Program in $Programs) {
    $There = @(if ($Apps) { Get-ChildItem -Path (Join-Path $Apps "$Program-*") -Directory | Where-Object { Test-Path -LiteralPath (Join-Path $_.FullName 'server.mjs') } })
    if ($There.Count -ne 1) { $Missing += "one program $Program in the folder of -Apps (orthancgen apps)" } else { $Sources[$Program] = $There[0].FullName }
}
if ($Programs.Count -gt 0 -and -not (Test-Path -LiteralPath $Node)) { $Missing += "Node.js at $Node" }
if ($Missing.Count -gt 0) { Stop-Here 4 "nothing was changed; missing: $($Missing -join '; ')" }

$Saved = $false
try {
    Set-Access $Root @(@($Account, 'ReadAndExecute'), @($LocalService, 'ReadAndExecute'))
    if (-not (Test-Path -LiteralPath (Join-Path $Before 'service.json'))) { Save-State $Before }
    Save-State $Last
    $Saved = $true
    Stop-Program
    Stop-Service -Name $Service -Force

    Set-Access (Join-Path $Root 'secrets') @()
    Set-Access (Join-Path $Root 'secrets\orthanc') @(, @($Account, 'ReadAndExecute'))
    Set-Access (Join-Path $Root 'data\orthanc') @(, @($Account, 'Modify'))
    foreach ($Program in $Programs) {
        Set-Access (Join-Path $Root "secrets\$Program") @(, @($LocalService, 'ReadAndExecute'))
        Set-Access (Join-Path $Root $Program) @(, @($LocalService, 'ReadAndExecute'))
    }
    Set-Access $Configuration @(, @($Account, 'ReadAndExecute'))
    Set-Access (Join-Path $Installed 'Logs') @(, @($Account, 'Modify'))

    foreach ($File in $Placed) { Copy-New (Join-Path $Secrets $File) (Join-Path $Root "secrets\$File") }
    # The service reads every JSON file of its folder: those of the installer would be read with ours.
    foreach ($File in @(Get-ChildItem -LiteralPath $Configuration -Filter '*.json' -File)) { Remove-Item -LiteralPath $File.FullName -Force }
    Copy-New (Join-Path $Bundle 'windows\orthanc.json') (Join-Path $Configuration 'orthanc.json')
    Copy-New (Join-Path $Bundle 'orthanc\orthancgen.lua') (Join-Path $Configuration 'orthancgen.lua')
    Move-Item -LiteralPath (Join-Path $Root 'secrets\orthanc\orthanc.secret.json') -Destination (Join-Path $Configuration 'orthanc.secret.json') -Force

    Invoke-Sc config $Service obj= $Account start= auto
    Invoke-Sc failure $Service reset= 86400 actions= restart/5000/restart/60000/restart/60000
    Start-Service -Name $Service
    Wait-Port $DicomPort 60

    foreach ($Program in $Programs) {
        $Folder = Join-Path $Root $Program
        $Server = Join-Path $Folder 'program'
        if (Test-Path -LiteralPath $Server) { Remove-Item -LiteralPath $Server -Recurse -Force }
        Copy-Item -LiteralPath $Sources[$Program] -Destination $Server -Recurse
        Copy-New (Join-Path $Bundle "windows\$Program.json") (Join-Path $Folder "$Program.json")
        $People = Join-Path $Root "secrets\$Program\people.json"
        if (Test-Path -LiteralPath $People) { Move-Item -LiteralPath $People -Destination (Join-Path $Folder 'people.json') -Force }
        $Action = New-ScheduledTaskAction -Execute $Node -Argument "`"$(Join-Path $Server 'server.mjs')`" --config `"$(Join-Path $Folder "$Program.json")`"" -WorkingDirectory $Folder
        $Trigger = New-ScheduledTaskTrigger -AtStartup
        $Principal = New-ScheduledTaskPrincipal -UserId $LocalService -LogonType ServiceAccount -RunLevel Limited
        $Settings = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) -ExecutionTimeLimit (New-TimeSpan) -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable
        $null = Register-ScheduledTask -TaskName (Get-TaskName $Program) -Action $Action -Trigger $Trigger -Principal $Principal -Settings $Settings -Force
        Start-ScheduledTask -TaskName (Get-TaskName $Program)
    }
}
catch {
    $Why = "$($_.Exception.Message)" -replace '\s+', ' '
    if (-not $Saved) { Stop-Here 4 "failed, and nothing was changed but folders in ${Root}: $Why" }
    try { Restore-State $Last } catch { Stop-Here 4 "failed: $Why; could not be put back: $($_.Exception.Message -replace '\s+', ' '); it is kept in $Last" }
    Stop-Here 4 "failed, and what was there before is there again: $Why"
}
try { Remove-Item -LiteralPath $Last -Recurse -Force } catch { Write-Warning "$Last could not be removed: it holds secrets" }
Stop-Here 0 "installed; now load the firewall's rules by firewall\windows\apply.ps1, and remove $Secrets"
