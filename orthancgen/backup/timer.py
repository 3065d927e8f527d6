"""The backup as something that is done by the clock."""

from __future__ import annotations

from pathlib import Path

from orthancgen.runtimes.timer import Job


def job(environment: str, env: str, state_root: Path, program: str) -> Job:
    """The backup of an environment, and the check of its repository after it.

    Args:
        environment: its name.
        env: the environment file, an absolute path.
        state_root: folder of all state folders.
        program: path of orthancgen.
    """
    call = (program, "backup", env, "--state", str(state_root))
    return Job(
        f"orthancgen-backup-{environment}",
        f"orthancgen backup {environment} --install-timer",
        f"Backup of the environment {environment} of Orthanc",
        f"When the environment {environment} of Orthanc is backed up",
        (call, (*call, "--check")),
        "backup: {schedule: ...}",
        manual="restic(1)",
    )
