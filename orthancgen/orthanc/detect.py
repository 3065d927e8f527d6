"""Which Orthanc is installed on this machine."""

from __future__ import annotations

import re
import subprocess
from typing import Final

from orthancgen.errors import ProgramMissingError
from orthancgen.orthanc.keys import Version

INSTALL: Final = "install it: apt-get install orthanc"
TIMEOUT_SECONDS: Final = 20.0


def installed_version(program: str = "Orthanc") -> Version:
    """Ask the installed server for its version.

    A build of the development branch says ``mainline`` and counts as newer than every release.

    Args:
        program: name on the PATH, or a path.

    Raises:
        ProgramMissingError: there is no such program, it does not answer, or it is no Orthanc.
    """
    try:
        answer = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise ProgramMissingError(f"the program {program} is not installed", hint=INSTALL) from None
    except subprocess.TimeoutExpired:
        message = f"{program} --version did not answer within {TIMEOUT_SECONDS:g} seconds"
        raise ProgramMissingError(message, hint="run it by hand to see why") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ProgramMissingError(f"the program {program} cannot be run: {reason}", hint=INSTALL) from None
    return parse_answer(answer.stdout.decode("utf-8", "replace"), program)


def parse_answer(text: str, program: str = "Orthanc") -> Version:
    """Read what ``Orthanc --version`` prints: on the first line its own name as it was called, then the version.

    Raises:
        ProgramMissingError: it is something else.
    """
    first, _, rest = text.partition("\n")
    match = re.search(r" (mainline|\d{1,4}\.\d{1,4}(?:\.\d{1,4})?)\S*\s*$", first, re.ASCII)
    # A link may give the program another name; its author stands in the lines below all the same.
    if match is None or not ("Orthanc" in first or "Jodogne" in rest):
        raise ProgramMissingError(f"{program} --version does not answer as Orthanc does", hint=INSTALL)
    return Version.parse(match.group(1))
