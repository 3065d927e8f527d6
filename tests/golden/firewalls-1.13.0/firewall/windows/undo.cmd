@echo off
rem Brings Windows Defender Firewall back to what it was before the first apply.cmd: everything of it, from the export.
rem Run twice, it does nothing the second time.
rem Exit codes: 0 good; 4 failed: run it again.
setlocal EnableExtensions DisableDelayedExpansion
set "STATE=%ProgramFiles%\orthancgen\firewall"
fltmc >nul 2>&1
if errorlevel 1 goto not_administrator
if not exist "%STATE%\before.wfw" goto nothing
netsh advfirewall import "%STATE%\before.wfw" >nul
if errorlevel 1 goto failed
del /f /q "%STATE%\before.wfw"
if exist "%STATE%\before.wfw" goto failed
if exist "%STATE%\last.wfw" del /f /q "%STATE%\last.wfw"
if exist "%STATE%\environment.txt" del /f /q "%STATE%\environment.txt"
rem Folders that others use are not empty, and stay.
rmdir "%STATE%" 2>nul
rmdir "%ProgramFiles%\orthancgen" 2>nul
echo undone
exit /b 0

:nothing
echo nothing to undo
exit /b 0

:failed
echo failed: run it again, or run netsh advfirewall import "%STATE%\before.wfw" 1>&2
exit /b 4

:not_administrator
echo not an administrator: start the command prompt with "Run as administrator" 1>&2
exit /b 4
