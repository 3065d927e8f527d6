@echo off
rem Loads the firewall rules of a site of orthancgen into Windows Defender Firewall by netsh, where there is no
rem PowerShell. Use apply.ps1 where there is: it replaces rules without a gap, and can undo them by itself.
rem Every other inbound rule is taken out until undo.cmd brings all of them back from the export that is kept in
rem "%%ProgramFiles%%\orthancgen\firewall": what others change in the firewall meanwhile is lost then.
rem Outgoing connections that no rule denies are allowed.
rem Usage: apply.cmd [/replace]     /replace: also over the rules of another environment
rem Exit codes: 0 good; 2 usage; 4 failed, and the rules are as they were.
setlocal EnableExtensions DisableDelayedExpansion
set ENVIRONMENT_HERE="firewalls"
set "STATE=%ProgramFiles%\orthancgen\firewall"
set "REPLACE="
if "%~1"=="" goto start
if /i "%~1"=="/replace" set "REPLACE=yes"
if defined REPLACE if "%~2"=="" goto start
echo usage: apply.cmd [/replace] 1>&2
exit /b 2

:start
fltmc >nul 2>&1
if errorlevel 1 goto not_administrator
if exist "%STATE%\before.json" goto by_powershell
set "LOADED="
if exist "%STATE%\environment.txt" set /p LOADED=<"%STATE%\environment.txt"
if not defined LOADED goto save
if %LOADED%==%ENVIRONMENT_HERE% goto save
if defined REPLACE goto save
echo rules of another environment are loaded: undo them there, or use /replace 1>&2
exit /b 4

:save
if not exist "%STATE%" mkdir "%STATE%"
if errorlevel 1 goto nothing_done
if exist "%STATE%\last.wfw" del /f /q "%STATE%\last.wfw"
netsh advfirewall export "%STATE%\last.wfw" >nul
if errorlevel 1 goto nothing_done
if not exist "%STATE%\last.wfw" goto nothing_done
if not exist "%STATE%\before.wfw" copy /y "%STATE%\last.wfw" "%STATE%\before.wfw" >nul
if not exist "%STATE%\before.wfw" goto nothing_done
if not defined LOADED >"%STATE%\environment.txt" echo %ENVIRONMENT_HERE%

netsh advfirewall firewall delete rule name=all dir=in >nul
rem That fails where there is none, as does this, which must.
netsh advfirewall firewall show rule name=all dir=in >nul && goto failed
netsh advfirewall firewall add rule name="orthancgen" description="management 22" dir=in action=allow protocol="TCP" localport="22" remoteip="192.168.1.0/24" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="management 22 2" dir=in action=allow protocol="TCP" localport="22" remoteip="2001:db8:1::/64" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="management 3389" dir=in action=allow protocol="TCP" localport="3389" remoteip="192.168.1.0/24" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="management 3389 2" dir=in action=allow protocol="TCP" localport="3389" remoteip="2001:db8:1::/64" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="vpn" dir=in action=allow protocol="UDP" localport="51820" remoteip="0.0.0.0-255.255.255.255" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="vpn 2" dir=in action=allow protocol="UDP" localport="51820" remoteip="::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="DICOM modality ct1" dir=in action=allow protocol="TCP" localport="2762" remoteip="192.168.10.21/32" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="DICOM modality mr1" dir=in action=allow protocol="TCP" localport="2762" remoteip="192.168.10.22/32" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="DICOM modality far-1" dir=in action=allow protocol="TCP" localport="2762" remoteip="10.8.0.2/32" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="DICOM modality far-2" dir=in action=allow protocol="TCP" localport="2762" remoteip="10.8.0.3/32" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="HTTP network of the users" dir=in action=allow protocol="TCP" localport="8042" remoteip="192.168.10.0/24" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="HTTP network of the users 2" dir=in action=allow protocol="TCP" localport="8042" remoteip="2001:db8:10::/64" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="HTTP network of the administrators" dir=in action=allow protocol="TCP" localport="8042" remoteip="192.168.1.0/24" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="HTTP network of the administrators 2" dir=in action=allow protocol="TCP" localport="8042" remoteip="2001:db8:1::/64" profile=any edge=no >nul || goto failed
rem What a host needs whoever calls it: RFC 4890 for ICMPv6, and answers of DHCP, which Windows receives through the
rem firewall.
for %%T in (3 8 11 12) do netsh advfirewall firewall add rule name="orthancgen" description="echo and errors" dir=in action=allow protocol=icmpv4:%%T,any profile=any edge=no >nul || goto failed
for %%T in (1 2 3 4 128) do netsh advfirewall firewall add rule name="orthancgen" description="echo and errors of IPv6" dir=in action=allow protocol=icmpv6:%%T,any profile=any edge=no >nul || goto failed
for %%T in (130 131 132 134 135 136 143) do netsh advfirewall firewall add rule name="orthancgen" description="neighbours and multicast of IPv6" dir=in action=allow protocol=icmpv6:%%T,any profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="DHCP" dir=in action=allow protocol="UDP" localport="68" remoteport="67" profile=any edge=no >nul || goto failed
netsh advfirewall firewall add rule name="orthancgen" description="DHCP of IPv6" dir=in action=allow protocol="UDP" localport="546" remoteport="547" remoteip="fe80::/10" profile=any edge=no >nul || goto failed
netsh advfirewall set allprofiles firewallpolicy blockinbound,allowoutbound >nul || goto failed
netsh advfirewall set allprofiles state on >nul || goto failed
>"%STATE%\environment.txt" echo %ENVIRONMENT_HERE%
del /f /q "%STATE%\last.wfw"
echo loaded
exit /b 0

:failed
netsh advfirewall import "%STATE%\last.wfw" >nul
if errorlevel 1 goto not_back
if not defined LOADED del /f /q "%STATE%\before.wfw" "%STATE%\environment.txt"
del /f /q "%STATE%\last.wfw"
echo failed, and the rules are as they were: a command of netsh was refused 1>&2
exit /b 4

:not_back
echo failed, and could not be put back: run netsh advfirewall import "%STATE%\last.wfw" 1>&2
exit /b 4

:nothing_done
echo failed, and nothing was changed: "%STATE%" cannot be written, or netsh cannot export 1>&2
exit /b 4

:not_administrator
echo not an administrator: start the command prompt with "Run as administrator" 1>&2
exit /b 4

:by_powershell
echo rules are loaded by apply.ps1: undo them by undo.ps1 first 1>&2
exit /b 4
