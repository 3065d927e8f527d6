"""Where things lie at run time, for each runtime: data, so that the builders know no runtime."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from orthancgen.plan.addresses import in_url, reached_here
from orthancgen.plan.model import Plan
from orthancgen.render.image_layouts import image_layout

MODELS_FOLDER: Final = "/models"
"""In the container of the analysis: below it, a folder for each model, by its name."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths as the services see them. Relative ones are relative to the folder of the file that names them.

    Attributes:
        storage: Orthanc's images and index, unless the model names a folder.
        lua: folder of the Lua script.
        secrets: folder with one file a secret.
        credentials: the same, as backend, viewer and analysis see it: systemd hands them theirs.
        plugins: folder of Orthanc's plugins.
        inner_address: address on which services listen inside, or None for the address of the model.
        work: where the service of analysis keeps what it fetched, while it looks at it.
        models: folder below which a site's models are; None for where the model of the site names them.
        orthanc_host, database_host, backend_host, analysis_host: how the services reach one another, as in a URL.
    """

    storage: str
    lua: str
    secrets: str
    credentials: str
    plugins: str
    inner_address: str | None
    work: str
    models: str | None
    orthanc_host: str
    database_host: str
    backend_host: str
    analysis_host: str


LAYOUTS: Final[dict[str, Layout]] = {
    # Debian's packages put plugins into /usr/share/orthanc/plugins (`dpkg -L orthanc-dicomweb`).
    "native": Layout(
        storage="../../data/orthanc",
        lua=".",
        secrets="../../secrets",
        credentials="../../secrets",
        plugins="/usr/share/orthanc/plugins",
        inner_address=None,
        work="../../data/analysis",
        models=None,
        orthanc_host="127.0.0.1",
        database_host="127.0.0.1",
        backend_host="127.0.0.1",
        analysis_host="127.0.0.1",
    ),
    # What the image of Orthanc decides is filled in by `layout_of`. Compose, Swarm and Kubernetes all find a service by
    # its name.
    "containers": Layout(
        storage="",
        lua="/etc/orthancgen",
        secrets="/run/secrets",
        credentials="/run/secrets",
        plugins="",
        inner_address="0.0.0.0",  # noqa: S104  inside the container; the compose file publishes it
        work="/tmp",  # noqa: S108  memory of the container, its own
        models=MODELS_FOLDER,
        orthanc_host="orthanc",
        database_host="database",
        backend_host="backend",
        analysis_host="analysis",
    ),
}


def unit_of(environment: str) -> str:
    """Name of the unit of systemd in which an environment's programs run."""
    return f"orthancgen-{environment}.service"


def credentials_folder(environment: str) -> str:
    """Where systemd hands that unit its credentials (systemd.exec(5), LoadCredential=): memory that only it reads."""
    return f"/run/credentials/{unit_of(environment)}"


def layout_of(plan: Plan) -> Layout:
    """The layout of the plan's runtime, and of its image of Orthanc where it runs in a container."""
    layout = LAYOUTS["native" if plan.site.runtime == "native" else "containers"]
    if plan.site.runtime == "native":
        site = plan.site
        handed = site.deployment.supervisor_under == "systemd"
        return replace(
            layout,
            credentials=credentials_folder(site.environment) if handed else layout.credentials,
            orthanc_host=in_url(reached_here(site.http.listen_on)),
            backend_host=in_url(reached_here(site.backend.listen_on)),
        )
    image = image_layout(plan.site.images)
    return replace(layout, storage=image.storage, plugins=image.plugins)
