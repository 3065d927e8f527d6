"""Remove what an environment that is stopped left on its engine: the files that its services read, and its volumes."""

from __future__ import annotations

from contextlib import suppress

from orthancgen.render.container_files import project_name
from orthancgen.runtimes.compose.endpoint import asking
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.state import State


def purge(engine: Engine, environment: str, state: State, image: str | None) -> list[str]:
    """Remove the volumes, and the folders of the services on the engine's host. The images of DICOM in them are gone.

    A volume that is a folder of the host which the environment itself named goes, and the folder stays.

    Args:
        engine: where it ran; no container of it is left.
        environment: its name.
        state: its state folder.
        image: one with a shell that is on the engine; None where none is known, and the host's files stay.

    Returns:
        The names of the volumes that were removed.

    Raises:
        EngineError: the engine does not answer, or refuses.
    """
    from docker.errors import NotFound

    if image is not None and not engine.local:
        engine.remove_placed(str(state.run), keep=(), image=image)
    removed = []
    for name in engine.volumes(project_name(environment)):
        with asking(f"remove the volume {name}"), suppress(NotFound):
            engine.client.api.remove_volume(name)
        removed.append(name)
    return removed
