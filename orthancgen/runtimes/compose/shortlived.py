"""A container that is made for one task and removed after it, whatever comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

_HARDENED: Final[Mapping[str, Any]] = {
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "network_mode": "none",
}
"""What every one of them has where nothing else is said, as Docker's HostConfig names it."""


@dataclass(frozen=True, slots=True)
class Printed:
    """How it ended.

    Attributes:
        code: its exit status.
        output, errors: what it printed.
    """

    code: int
    output: bytes
    errors: bytes


@contextmanager
def short_lived(
    api: Any,
    image: str,
    command: Sequence[str],
    *,
    user: str,
    labels: Mapping[str, str],
    host: Mapping[str, Any],
    stop_seconds: int | None = None,
    **more: Any,
) -> Iterator[str]:
    """The id of a container that was made and not started; removed with its own volumes at the end of the block.

    Args:
        api: of the engine's client.
        image: its image.
        command: program and arguments, whatever entrypoint the image has.
        user: as whom it runs, ``UID:GID``.
        labels: by which it is found where this process is killed.
        host: what its HostConfig has beside or instead of no network, no capability and no new privileges.
        stop_seconds: how long it is given to end by itself when the block ends; None: it is killed.
        more: what else it is made with.

    Raises:
        docker.errors.APIError: the engine refuses.
    """
    from docker.errors import NotFound

    made = api.create_container(
        image, list(command[1:]), entrypoint=list(command[:1]), user=user, labels=dict(labels),
        host_config=api.create_host_config(**{**_HARDENED, **host}), **more,
    )  # fmt: skip
    identity = str(made["Id"])
    try:
        yield identity
    finally:
        if stop_seconds is not None:
            with suppress(NotFound):
                api.stop(identity, timeout=stop_seconds)
        with suppress(NotFound):
            api.remove_container(identity, force=True, v=True)


def run_to_its_end(api: Any, container: str, seconds: float | None = None) -> Printed:
    """Start a container that keeps what it prints, and wait until it has ended.

    Raises:
        docker.errors.APIError: the engine refuses.
        TimeoutError: it has not ended within the seconds.
    """
    from docker.errors import APIError

    api.start(container)
    try:
        code = int(api.wait(container, timeout=seconds)["StatusCode"])
    except APIError:
        raise
    except OSError:  # of requests
        if seconds is None:
            raise
        raise TimeoutError(f"it has not ended within {seconds} seconds") from None
    output: bytes = api.logs(container, stdout=True, stderr=False)
    errors: bytes = api.logs(container, stdout=False, stderr=True)
    return Printed(code, output, errors)
