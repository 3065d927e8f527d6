"""The site's own models, looked at by the image that will run them, on the engine's host where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from orthancgen.errors import DeployError, StartError
from orthancgen.plan.model import Plan
from orthancgen.release.model import Image
from orthancgen.render.container_files import users
from orthancgen.render.layout import MODELS_FOLDER
from orthancgen.runtimes import models
from orthancgen.runtimes.compose.endpoint import asking
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.compose.shortlived import run_to_its_end, short_lived
from orthancgen.runtimes.report import Report
from orthancgen.site.analysis_checks import folder_of

_AGAIN: Final = "images.analysis must be the image of this version of orthancgen"


def check(plan: Plan, image: Image, engine: Engine, report: Report) -> str:
    """As :func:`orthancgen.runtimes.models.check`, in a container of the image without a network or a right."""

    def ask(cards: Sequence[str]) -> bytes:
        return _run(plan, image, engine, cards)

    return models.check(plan, ask, report, again=_AGAIN)


def _run(plan: Plan, image: Image, engine: Engine, cards: Sequence[str]) -> bytes:
    from docker.errors import APIError
    from docker.types import LogConfig, Mount

    mounts = [
        Mount(f"{MODELS_FOLDER}/{name}", folder_of(card), type="bind", read_only=True)
        for name, card in plan.site.analysis.models.items()
    ]
    uid, gid = users(plan)["analysis"]
    megabytes = plan.site.containers.limits.analysis.memory_megabytes
    settings: dict[str, Any] = {
        "mounts": mounts, "read_only": True, "mem_limit": f"{megabytes}m", "log_config": LogConfig(type="json-file"),
    }  # fmt: skip
    command = ["python3", *models.MODULE, *cards]
    with asking("look at the models"):
        try:
            with short_lived(
                engine.client.api, image.id, command, user=f"{uid}:{gid}", labels=engine.labels, host=settings
            ) as container:
                return run_to_its_end(engine.client.api, container, models.SECONDS).output
        except TimeoutError:
            raise StartError(
                f"the models were not read within {models.SECONDS} seconds", hint="are they on a slow disk?"
            ) from None
        except APIError as error:
            if "bind source path does not exist" in str(error.explanation):
                raise DeployError(
                    f"models cannot be used: {error.explanation}",
                    hint="analysis.models names files of the engine's host; each lies in a folder of its own",
                ) from None
            raise
