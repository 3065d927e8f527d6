"""Which Orthanc is installed on this machine."""

from __future__ import annotations

from orthancgen.errors import ProgramMissingError
from orthancgen.orthanc.detect import installed_version as ask
from orthancgen.orthanc.keys import Version
from orthancgen.runtimes.native.programs import find_orthanc


def installed_version() -> Version | None:
    """The version of the installed Orthanc, or None where there is none."""
    program = find_orthanc()
    if program is None:
        return None
    try:
        return ask(str(program))
    except ProgramMissingError:
        return None
