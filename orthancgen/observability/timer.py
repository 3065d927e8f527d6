"""The proofs as something that is done by the clock, with their metrics for the node exporter."""

from __future__ import annotations

from pathlib import Path

from orthancgen.runtimes.timer import Job


def metrics_file(environment: str, folder: str) -> Path:
    """The file in the folder of the node exporter's textfile collector."""
    return Path(folder) / f"orthancgen-{environment}.prom"


def job(environment: str, env: str, state_root: Path, program: str, textfile_folder: str) -> Job:
    """The proofs of an environment.

    Args:
        environment: its name.
        env: the environment file, an absolute path.
        state_root: folder of all state folders.
        program: path of orthancgen.
        textfile_folder: of the node exporter's textfile collector.
    """
    metrics = metrics_file(environment, textfile_folder)
    return Job(
        f"orthancgen-verify-{environment}",
        f"orthancgen verify {environment} --install-timer",
        f"Proofs of the environment {environment} of Orthanc",
        f"When the environment {environment} of Orthanc is proven",
        ((program, "verify", env, "--state", str(state_root), "--metrics", str(metrics)),),
        "observability: {verify_schedule: ...}",
        writes=(metrics.parent,),
        makes=(metrics.parent,),  # the node exporter may come later
        # The last one: which processes are the environment's own stands in their variables.
        capabilities=("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"),
    )
