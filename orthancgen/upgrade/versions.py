"""Versions as people name them: which ones are known, and where the knowledge ends."""

from __future__ import annotations

from typing import Final

from orthancgen.errors import InputError
from orthancgen.orthanc.keys import SUPPORTED, Version
from orthancgen.site.explain import did_you_mean
from orthancgen.site.problems import printable
from orthancgen.upgrade.change import releases

OLDEST: Final = SUPPORTED[0]
NEWEST: Final = SUPPORTED[-1]


def read_version(text: str, option: str) -> Version:
    """Read a version of Orthanc that something is known of.

    Raises:
        InputError: it is no version, no release, or one before or behind what is known.
    """
    names = [str(one) for one in releases()]
    try:
        version = Version.parse(text)
    except ValueError:
        message = f"{option}: {printable(text, 40)} is no version of Orthanc"
        raise InputError(message, hint=did_you_mean(text, names) or f"such as {NEWEST}") from None
    return require_known(version, option)


def require_known(version: Version, option: str) -> Version:
    """The version, if something is known of it.

    Raises:
        InputError: it is no release, or one before or behind what is known.
    """
    if version > NEWEST:
        message = f"{option}: Orthanc {version} is newer than {NEWEST}, where the knowledge of this orthancgen ends"
        raise InputError(message, hint="look for a newer orthancgen, and read the release notes of Orthanc")
    if version < OLDEST:
        message = f"{option}: Orthanc {version} is older than {OLDEST}, where the knowledge of orthancgen begins"
        raise InputError(message, hint=f"go to {OLDEST} first")
    if version not in releases():
        names = [str(one) for one in releases()]
        near = did_you_mean(str(version), names)
        message = f"{option}: there is no release {version} of Orthanc"
        raise InputError(message, hint=f"{near + ' ' if near else ''}known are {', '.join(names)}")
    return version
