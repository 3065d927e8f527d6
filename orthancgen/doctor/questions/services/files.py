"""Are the files as the last deploy left them, and does each secret lie where only its reader can read it?"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import backend, configuration, startup, webhook
from orthancgen.doctor.observe.configuration import Altered
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import ALL, anew, deploy, env, is_native
from orthancgen.errors import OrthancgenError
from orthancgen.plan.build import BACKEND_ACCOUNT
from orthancgen.runtimes.native.account import SECRET_FILE
from orthancgen.secrets.store import SecretStore


def _as_deployed(case: Case) -> Iterator[Finding]:
    changed = [one for one in configuration.altered(case) if not _told_elsewhere(case, one)]
    if not changed:
        return
    names = ", ".join(one.path for one in changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    yield Diagnosis(
        "file-changed-by-hand",
        f"not as the last deploy left it: {names}",
        "configuration",
        tuple(evidence for one in changed[:5] for evidence in evidence_of(case, one)),
        (
            *anew(case, "put back what was deployed, and start the services with it"),
            Remedy("what is to stay belongs into the environment's file", on="the environment file"),
        ),
        Fix("repair"),
    )  # fmt: skip


def evidence_of(case: Case, one: Altered) -> tuple[Evidence, ...]:
    """What is known of a change by hand."""
    path = case.runtime.state.config / one.path
    where = str(path) if is_native(case) else one.path
    if one.how == "missing":
        return (Evidence("the file is gone", where),)
    return tuple(Evidence(f"changed: {text}", where) for text in one.differences or ("other bytes than deployed",))


def _told_elsewhere(case: Case, one: Altered) -> bool:
    """Whether what the change does is a cause of its own, which shows the change as evidence."""
    if one.path.startswith("orthanc/") and startup.cause(case) is not None:
        return True
    if one.path == configuration.LUA_FILE and startup.script_failures(case):
        return True
    if one.path == configuration.BACKEND_FILE and startup.backend_refuses(case) is not None:
        return True
    if one.path == configuration.ORTHANC_FILE and _only(one, "Plugins"):
        return True
    error = backend.last_error(case) if case.site.backend.enabled else None
    refused = bool(error and error.get("kind") == "unauthorized")
    if refused and one.path == SECRET_FILE and _only(one, f"RegisteredUsers.{BACKEND_ACCOUNT}"):
        return True
    return webhook.claims(case, one)


def _only(one: Altered, key: str) -> bool:
    """Whether a key is all that was changed."""
    return bool(one.differences) and all(text.startswith(key) for text in one.differences)


def _readable(case: Case) -> Iterator[Finding]:
    """Whoever deployed can read every secret, and nobody else."""
    store = SecretStore(case.runtime.state.secrets)
    unreadable, open_files = [], []
    for secret in case.plan.secrets:
        path = store.path(secret.name)
        try:
            if store.read(secret.name) is None and not configuration.not_deployed(case):
                unreadable.append((path, "is gone" if not path.exists() else "cannot be read"))
        except OrthancgenError as error:
            unreadable.append((path, error.message))
            continue
        if mode := _mode(path):
            open_files.append((path, f"has the mode {mode:04o}: others of this host can read it"))
    if is_native(case):
        secret_file = case.runtime.state.config / SECRET_FILE
        if mode := _mode(secret_file):
            open_files.append((secret_file, f"has the mode {mode:04o}: others of this host can read it"))
    if unreadable:
        yield Diagnosis(
            "secret-file-unreadable",
            f"a secret cannot be read, so nobody can log in with it: {', '.join(path.name for path, _ in unreadable)}",
            "secrets",
            tuple(Evidence(f"{path.name} {what}", str(path)) for path, what in unreadable),
            (
                Remedy("ask as the user who deployed the environment"),
                deploy(case, "a secret that is gone is made anew by the next deploy"),
            ),
            Fix("deploy"),
            ALL - {"environment", "engine", "host"},
        )
    if open_files:
        yield Diagnosis(
            "secret-file-open-to-others",
            f"{', '.join(path.name for path, _ in open_files)}: not the owner alone can read it",
            "secrets",
            tuple(Evidence(f"{path.name} {what}", str(path)) for path, what in open_files),
            (
                *(Remedy("close it", f"chmod 600 {shlex.quote(str(path))}") for path, _ in open_files),
                Remedy(
                    "others may have read it: give it a new value, where it is generated, and deploy",
                    f"orthancgen secrets rotate {env(case)} NAME && orthancgen deploy {env(case)}",
                ),
            ),
        )


def _mode(path: Path) -> int:
    """The mode of a file that others than its owner may read; 0 where none may."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:
        return 0
    return mode if mode & 0o077 else 0


QUESTIONS: Final = (
    Question(
        "secrets-readable", "Can every secret be read, by its owner alone?", "environment", _readable,
        ("secret-file-unreadable", "secret-file-open-to-others"),
    ),
    Question(
        "files-as-deployed", "Are the files as the last deploy left them?", "environment", _as_deployed,
        ("file-changed-by-hand",),
    ),
)  # fmt: skip
