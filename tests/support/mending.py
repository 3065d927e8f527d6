"""What the doctor's remedies say is done, by their own commands; then nothing is named."""

from __future__ import annotations

import subprocess

from orthancgen.doctor.diagnosis import Diagnosis
from tests.support.breaking import SETTINGS, go_on
from tests.support.doctor import assert_healthy, named
from tests.support.native import Native
from tests.support.servers import wait_until


def mend(native: Native, diagnosis: Diagnosis) -> None:
    """Do what the first remedy says that is a command of orthancgen and changes something."""
    mending = ("orthancgen deploy ", "orthancgen secrets ")
    command = next(one.command for one in diagnosis.remedies if one.command and one.command.startswith(mending))
    for part in command.split(" && "):
        _, *words = part.split()
        where = words.index("t")
        verb, options = words[:where], words[where + 1 :]
        if verb == ["deploy"]:
            options.append("--no-verify")
        said = native.run(*verb, options=options)
        assert said.code == 0, (command, said.all)


def mended(native: Native, found: dict[str, Diagnosis], cause: str) -> None:
    """After the remedy, nothing is named any more."""
    mend(native, found[cause])
    assert_healthy(native.file, native.state)


def mended_by_signal(native: Native, diagnosis: Diagnosis) -> None:
    """Let a halted process go on, as the remedy says."""
    command = diagnosis.remedies[0].command
    assert command is not None
    assert command.startswith("kill -CONT ")
    subprocess.run(command.split(), check=True)
    wait_until(lambda: native.unhealthy() == {}, what="health")
    assert_healthy(native.file, native.state)


def made_well(native: Native) -> Native:
    """The site as it is without faults, whatever a test before left of one."""
    native.write(SETTINGS)
    go_on(native)
    native.started()
    if named(native.file, native.state):  # a test before failed in the middle
        native.deploy("--repair")
    assert_healthy(native.file, native.state)
    return native
