r"""windows/: what sets up a native site on a Windows host, by the service that Orthanc's own installer makes there.

The installer puts Orthanc into ``C:\Program Files\Orthanc Server``, where its service reads every JSON file of the
folder ``Configuration`` (https://orthanc.uclouvain.be/book/users/quick-start-windows.html,
https://orthanc.uclouvain.be/book/users/configuration.html, which also has paths with forward slashes). The programs for
Node.js are scheduled tasks that start with the host: a service of Windows would need a program of somebody else around
them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from orthancgen.errors import RenderError
from orthancgen.plan.model import Plan, ServiceName
from orthancgen.render import backend_json, orthanc_json, viewer_json
from orthancgen.render.container_files import mounts
from orthancgen.render.engine import render_template
from orthancgen.render.layout import LAYOUTS
from orthancgen.render.quoting import json_document

INSTALLED: Final = "C:/Program Files/Orthanc Server"
"""Where the installer puts Orthanc unless it is told otherwise."""
_LIBRARIES: Final = {"libOrthancDicomWeb.so": "OrthancDicomWeb.dll"}
_PROGRAMS: Final[dict[ServiceName, Callable[[Plan], str]]] = {
    "backend": backend_json.build,
    "viewer": viewer_json.build,
}
"""The programs for Node.js, and what builds their configuration."""


def is_wanted(plan: Plan) -> bool:
    """Whether the environment is for a Windows host: native, with the firewall of Windows, and no folder of Linux."""
    site, storage = plan.site, plan.site.orthanc.storage
    elsewhere = storage.path or storage.index_path or site.analysis.enabled or site.scale.index == "postgresql"
    under_linux = site.deployment.supervisor_under == "systemd"
    return site.runtime == "native" and "windows" in site.network.firewall and not elsewhere and not under_linux


def root(plan: Plan) -> str:
    """The folder of the environment on the host."""
    return f"C:/ProgramData/orthancgen/{plan.site.environment}"


def orthanc(plan: Plan) -> str:
    """The text of windows/orthanc.json."""
    return json_document(_rewritten(json.loads(orthanc_json.build(plan)), plan, "orthanc"))


def program(name: ServiceName) -> Callable[[Plan], str]:
    """What builds the configuration of a program for Node.js."""

    def build(plan: Plan) -> str:
        return json_document(_rewritten(json.loads(_PROGRAMS[name](plan)), plan, name))

    return build


def has(name: ServiceName) -> Callable[[Plan], bool]:
    """Whether the site, on Windows, has a program."""
    return lambda plan: is_wanted(plan) and name in plan.by_name


def _rewritten(value: Any, plan: Plan, service: ServiceName) -> Any:
    """The same document, with the paths of Windows in place of those of the native runtime."""
    if isinstance(value, dict):
        return {key: _rewritten(one, plan, service) for key, one in value.items()}
    if isinstance(value, list):
        return [_rewritten(one, plan, service) for one in value]
    return _path(value, plan, service) if isinstance(value, str) else value


def _path(value: str, plan: Plan, service: ServiceName) -> str:
    native = LAYOUTS["native"]
    if value == native.storage:
        return f"{root(plan)}/data/orthanc"
    if value.startswith(f"{native.secrets}/"):
        return f"{root(plan)}/secrets/{service}/{value.removeprefix(f'{native.secrets}/')}"
    if value.startswith(f"{native.plugins}/"):
        library = value.removeprefix(f"{native.plugins}/")
        if library not in _LIBRARIES:
            raise RenderError(f"the plugin {library} is not known under Windows")
        return f"{INSTALLED}/Plugins/{_LIBRARIES[library]}"
    return value


def _read(plan: Plan, service: ServiceName) -> list[str]:
    """The files of `orthancgen secrets place` that a service reads on the host."""
    text = orthanc(plan) if service == "orthanc" else program(service)(plan)
    files = mounts(plan)[service]
    return [one.name for one in files if one.kind != "value" or f'/secrets/{service}/{one.name}"' in text]


def script(name: str) -> Callable[[Plan], str]:
    """The builder of a script, with Windows' ends of lines, and all ASCII, so that no code page matters."""

    def build(plan: Plan) -> str:
        programs = [one for one in _PROGRAMS if one in plan.by_name]
        text = render_template(
            f"windows/{name}",
            environment=plan.site.environment,
            root=root(plan).replace("/", "\\"),
            installed=INSTALLED.replace("/", "\\"),
            dicom_port=plan.site.dicom.port,
            programs=[str(one) for one in programs],
            secrets=[f"{service}/{name}" for service in ("orthanc", *programs) for name in _read(plan, service)],
        )
        if not text.isascii():
            raise RenderError(f"{name} is not all ASCII")
        return text.replace("\n", "\r\n")

    return build
