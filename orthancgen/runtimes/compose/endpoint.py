"""Which engine is meant, found as the docker command finds it, and why it does not answer.

The order: DOCKER_HOST, DOCKER_CONTEXT, the context that `docker context use` chose, the default socket.
https://docs.docker.com/engine/manage-resources/contexts/
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from orthancgen.errors import (
    EngineAbsentError,
    EngineError,
    EngineLostError,
    EngineRefusedError,
    EngineTooOldError,
)

DEFAULT_HOST: Final = "unix:///var/run/docker.sock"
OLDEST_API: Final = (1, 41)
"""API of Docker Engine 20.10. https://docs.docker.com/reference/api/engine/#api-version-matrix"""
OLDEST_ENGINE: Final = "20.10"
_TIMEOUT_SECONDS: Final = 60
_UNIX: Final = "unix://"
_SSH: Final = "ssh://"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an engine is.

    Attributes:
        host: its address, such as ``unix:///var/run/docker.sock`` or ``ssh://user@host``.
        said_by: what decided it, in words for a message.
        options: what its client needs beside the address (TLS).
    """

    host: str
    said_by: str
    options: Mapping[str, Any]

    @property
    def socket_path(self) -> Path | None:
        """The socket's file; None where the engine is not on this machine."""
        return Path(self.host.removeprefix(_UNIX)) if self.host.startswith(_UNIX) else None


def resolve(host: str | None = None, environ: Mapping[str, str] = os.environ) -> Endpoint:
    """The engine that the docker command would talk to, or the one of `host`.

    Raises:
        EngineError: the context that is chosen does not exist or cannot be read.
    """
    if host is not None:
        return Endpoint(host, "the argument", {})
    if environ.get("DOCKER_HOST"):
        _import_docker(environ["DOCKER_HOST"])
        import docker.utils
        from docker.errors import DockerException

        try:
            options = dict(docker.utils.kwargs_from_env(environment=dict(environ)))
        except DockerException as error:
            raise EngineError(
                f"the engine's TLS files cannot be used: {error}", hint="see DOCKER_TLS_VERIFY and DOCKER_CERT_PATH"
            ) from None
        options.pop("base_url", None)
        return Endpoint(environ["DOCKER_HOST"], "DOCKER_HOST", options)
    return _of_context(environ)


def _import_docker(host: str) -> None:
    """Import the SDK, without its library of SSH where no engine is reached by it: that takes longer than the rest."""
    if "docker" in sys.modules or host.startswith(_SSH):
        return
    hidden = "paramiko" not in sys.modules
    if hidden:
        # Importing it fails then, which the SDK allows for.
        sys.modules["paramiko"] = None  # type: ignore[assignment]
    try:
        import docker  # noqa: F401
    finally:
        if hidden:
            del sys.modules["paramiko"]


def _of_context(environ: Mapping[str, str]) -> Endpoint:
    from docker.context import ContextAPI
    from docker.context.config import get_current_context_name

    chosen = environ.get("DOCKER_CONTEXT")
    name = chosen or get_current_context_name() or "default"
    said_by = "DOCKER_CONTEXT" if chosen else f"the docker context {name!r}"
    if name == "default":
        return Endpoint(DEFAULT_HOST, "the default", {})
    try:
        context = ContextAPI.get_context(name)
    except Exception as error:
        raise EngineError(f"{said_by} cannot be read: {error}", hint="see: docker context ls") from None
    if context is None or not context.Host:
        raise EngineError(f"there is no docker context {name!r}", hint="see: docker context ls")
    return Endpoint(context.Host, said_by, {"tls": context.TLSConfig} if context.TLSConfig else {})


def open_client(endpoint: Endpoint, timeout_seconds: float = _TIMEOUT_SECONDS) -> Any:
    """A client (`docker.DockerClient`) that has spoken to the engine once.

    Raises:
        EngineAbsentError: nothing answers there.
        EngineRefusedError: this user may not.
        EngineTooOldError: it is older than what is needed.
        EngineError: the address or its TLS files cannot be used.
    """
    _import_docker(endpoint.host)
    import docker
    from docker.errors import APIError, DockerException

    if endpoint.socket_path is not None:
        _try_socket(endpoint.socket_path, endpoint)
    options = {**endpoint.options, "base_url": endpoint.host, "timeout": timeout_seconds}
    if endpoint.host.startswith(_SSH):
        options["use_ssh_client"] = True  # the user's own ssh, with its configuration and agent
    try:
        # Not version="auto": where that fails, nobody could close the connection.
        with closing(docker.APIClient(version=_text(OLDEST_API), **options)) as probe:
            about = probe.version(api_version=False)
    except APIError as error:
        raise EngineError(
            f"the engine refuses to say its version: {error.explanation or error}", hint=_where(endpoint)
        ) from None
    except (DockerException, OSError, ValueError) as error:
        raise _why(endpoint, error) from None
    spoken = about.get("ApiVersion") if isinstance(about, dict) else None
    if not isinstance(spoken, str):
        raise EngineError(f"what answers at {endpoint.host} is no container engine", hint=_where(endpoint))
    if _numbers(spoken) < OLDEST_API:
        raise _too_old(f"Docker Engine {about.get('Version', '?')} (API {spoken})")
    return docker.DockerClient(version=spoken, **options)


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _too_old(what: str) -> EngineTooOldError:
    return EngineTooOldError(f"{what} is too old", hint=f"install Docker Engine {OLDEST_ENGINE} or newer")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _where(endpoint: Endpoint) -> str:
    return f"{endpoint.host} was chosen by {endpoint.said_by}; see: docker version"


def _why(endpoint: Endpoint, error: Exception) -> EngineError:
    if endpoint.socket_path is not None:
        return EngineError(
            f"what listens at {endpoint.socket_path} does not answer as a container engine does", hint=_where(endpoint)
        )
    text = str(error)
    if "paramiko" in text:
        return EngineError("an engine behind SSH needs a library", hint="pip install 'docker[ssh]'")
    if "permission denied" in text.lower():
        return EngineRefusedError(f"the engine at {endpoint.host} lets this user not in", hint=_where(endpoint))
    return EngineAbsentError(
        f"no container engine answers at {endpoint.host} ({_innermost(error)})",
        hint=f"is it running, and reached from here? {_where(endpoint)}",
    )


def _innermost(error: BaseException) -> str:
    """The name of the first cause: what the libraries in between add says nothing to a reader."""
    cause = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    return getattr(cause, "strerror", None) or type(cause).__name__


def _try_socket(path: Path, endpoint: Endpoint) -> None:
    try:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            probe.connect(str(path))
    except PermissionError:
        raise EngineRefusedError(
            f"this user may not use the container engine: {path} refuses",
            hint="run orthancgen as root, or let an administrator add this user to the group of that socket "
            "(usermod -aG docker USER, then log in again): who is in it can become root",
        ) from None
    except OSError as error:
        raise EngineAbsentError(
            f"no container engine is running: {path} ({error.strerror or type(error).__name__})",
            hint=f"start it (systemctl start docker) or install Docker Engine {OLDEST_ENGINE} or newer; "
            f"the address was chosen by {endpoint.said_by}",
        ) from None


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn what the client of an engine raises into errors of ours, while `what` is being done.

    Raises:
        EngineLostError: the engine stopped answering.
        EngineError: it refused; with what it said.
    """
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        said = error.explanation or str(error)
        raise EngineError(f"cannot {what}: the engine says: {said.strip()}", hint="see the engine's log") from None
    except (RequestException, HTTPError, DockerException, OSError) as error:
        raise EngineLostError(
            f"cannot {what}: the engine stopped answering ({_innermost(error)})",
            hint="look after it (systemctl status docker), then run the same command again",
        ) from None
