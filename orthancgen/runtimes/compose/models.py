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

    api = engine.client.api
    mounts = [
        Mount(f"{MODELS_FOLDER}/{name}", folder_of(card), type="bind", read_only=True)
        for name, card in plan.site.analysis.models.items()
    ]
    uid, gid = users(plan)["analysis"]
    megabytes = plan.site.containers.limits.analysis.memory_megabytes
    settings: dict[str, Any] = {
        "mounts": mounts, "network_mode": "none", "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"],
        "read_only": True, "mem_limit": f"{megabytes}m", "log_config": LogConfig(type="json-file"),
    }  # fmt: skip
    with asking("look at the models"):
        try:
            made = api.create_container(
                image.id, [*models.MODULE, *cards], entrypoint=["python3"], user=f"{uid}:{gid}", labels=engine.labels,
                host_config=api.create_host_config(**settings),
            )  # fmt: skip
        except APIError as error:
            if "bind source path does not exist" in str(error.explanation):
                raise DeployError(
                    f"models cannot be used: {error.explanation}",
                    hint="analysis.models names files of the engine's host; each lies in a folder of its own",
                ) from None
            raise
        identity = str(made["Id"])
        try:
            api.start(identity)
            try:
                api.wait(identity, timeout=models.SECONDS)
            except OSError:  # of requests: its time ran out
                raise StartError(
                    f"the models were not read within {models.SECONDS} seconds", hint="are they on a slow disk?"
                ) from None
            printed: bytes = api.logs(identity, stdout=True, stderr=False)
        finally:
            api.remove_container(identity, force=True, v=True)
    return printed
