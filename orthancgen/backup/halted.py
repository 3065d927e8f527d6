"""What a backup that was killed may have left: jobs, their volume, and an Orthanc that is halted."""

from __future__ import annotations

from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, Final

from orthancgen.backup.job import JOB_LABEL, Job, Jobs
from orthancgen.plan.model import Plan
from orthancgen.render.container_files import project_name
from orthancgen.render.image_layouts import image_layout
from orthancgen.runtimes.compose.container import Container
from orthancgen.runtimes.compose.endpoint import asking
from orthancgen.runtimes.compose.engine import Engine

_STOP_SECONDS: Final = 15
_HALTED: Final = "T"


def orthanc_program(plan: Plan) -> str:
    """Name of Orthanc's program in its container."""
    return PurePosixPath(image_layout(plan.site.images).program).name


def is_halted(engine: Engine, container: Container, program: str) -> bool:
    """Whether the program was stopped by a signal (state T of ps), or the whole container is frozen.

    Raises:
        EngineError: the engine does not answer.
    """
    if container.status == "paused":
        return True
    if container.status != "running":
        return False
    with asking("look at the processes of a container"):
        listed: dict[str, Any] = engine.client.api.top(container.id, ps_args="-eo pid,stat,args")
    processes = [row[1:3] for row in listed["Processes"] or ()]
    return any(
        state.startswith(_HALTED) and PurePosixPath(arguments.split(" ")[0]).name == program
        for state, arguments in processes
    )


def let_go_on(plan: Plan, jobs: Jobs) -> bool:
    """Let Orthanc go on where it is halted; whether it was.

    A copy of the index lets it go on by itself, also where the command that asked for it was killed, unless its own
    container was killed with it.

    Raises:
        BackupError: it cannot be let go on.
        EngineError: the engine does not answer.
    """
    engine = jobs.engine
    container = engine.containers(project_name(plan.site.environment)).get("orthanc")
    program = orthanc_program(plan)
    if container is None or not is_halted(engine, container, program):
        return False
    if container.status == "paused":
        engine.unpause(container.id)
    else:
        jobs.must(
            Job(
                "let Orthanc go on", "go_on.sh", [program], capabilities=("KILL",), processes_of=container.id
            )
        )  # fmt: skip
    return True


def clean(jobs: Jobs) -> int:
    """End and remove what earlier runs left on the engine: jobs and their staging volumes. Returns how many jobs.

    No other run of this environment may be at work.

    Raises:
        EngineError: the engine does not answer.
    """
    from docker.errors import APIError, NotFound

    api = jobs.engine.client.api
    labels = [JOB_LABEL, *(f"{name}={value}" for name, value in jobs.engine.labels.items())]
    with asking("remove what an earlier backup left"):
        found = api.containers(all=True, filters={"label": labels})
        for one in found:
            with suppress(NotFound):
                api.stop(one["Id"], timeout=_STOP_SECONDS)
            with suppress(NotFound):
                api.remove_container(one["Id"], force=True, v=True)
        for volume in api.volumes(filters={"label": labels})["Volumes"] or ():
            with suppress(APIError):
                api.remove_volume(volume["Name"], force=True)
    return len(found)
