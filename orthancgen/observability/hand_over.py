"""Write what Prometheus, Grafana and rsyslog read, with the credentials of Prometheus, into one folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orthancgen.errors import InputError
from orthancgen.observability import rsyslog
from orthancgen.plan.model import Plan
from orthancgen.render.catalogue import render
from orthancgen.render.prometheus_yml import SECRETS_FOLDER, secret_files
from orthancgen.render.write import cannot_write, place
from orthancgen.runtimes.state import State
from orthancgen.secrets.value import SecretValue

SECRET_MODE: Final = 0o600
_FOLDERS: Final = ("prometheus/", "grafana/")


def hand_over(
    plan: Plan, state: State, secrets: Mapping[str, SecretValue], folder: Path, owner: str | None = None
) -> list[Path]:
    """Write `prometheus/`, with `secrets/` of mode 0700 in it, `grafana/` and `logs/`, as far as they are wanted.

    Args:
        plan: of an environment that is watched.
        state: its folders.
        secrets: the values in use.
        folder: is made where it is not there.
        owner: the account of this machine to whom the secrets belong then; None for the caller.

    Returns:
        The files, those with secrets last.

    Raises:
        InputError: nothing of it is switched on, a secret has no value yet, or there is no such account.
        RenderError: the folder cannot be written; what was there still is.
    """
    files = [(one.path, one.content, one.mode) for one in render(plan).files if one.path.startswith(_FOLDERS)]
    if rsyslog.wanted(plan):
        logs = rsyslog.files(plan, state)
        files += [(f"logs/{name}", text.encode("utf-8"), 0o644) for name, text in logs.items()]
    if not files:
        raise InputError(
            f"nothing watches {plan.site.environment}", hint="observability: {prometheus: true, grafana: true}"
        )
    names = secret_files(plan)
    missing = [name for name in names if name not in secrets]
    if missing:
        raise InputError(f"secrets have no value yet: {', '.join(missing)}", hint="deploy makes them")
    closed = folder / "prometheus" / SECRETS_FOLDER
    place([(folder / path, content, mode) for path, content, mode in files], folder)
    try:
        if names:
            closed.mkdir(mode=0o700, exist_ok=True)
        # Compared by what reads it as a whole: no line end behind the value.
        place([(closed / name, secrets[name].reveal().encode("utf-8"), SECRET_MODE) for name in names], closed)
        for path in (closed, *(closed / name for name in names)) if names else ():
            if owner:
                shutil.chown(path, owner)
    except LookupError:
        raise InputError(f"there is no account {owner!r} on this machine", hint="--owner prometheus") from None
    except OSError as error:
        raise cannot_write(folder, error) from None
    return [*(folder / path for path, _, _ in files), *(closed / name for name in names)]
