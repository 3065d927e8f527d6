"""The support archive: what somebody elsewhere needs to help, without patient data and without secrets.

Environment files are masked as excerpts are, logs go through `scrub.py`, and of certificates only what is public is
told. Same findings, same archive: the order, owners and times of its files are fixed.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from orthancgen import __version__
from orthancgen.doctor.case import Case
from orthancgen.doctor.question import Answer
from orthancgen.doctor.scrub import scrub
from orthancgen.doctor.scrub_answers import scrub_answers
from orthancgen.errors import InputError, OrthancgenError
from orthancgen.render.catalogue import render
from orthancgen.render.write import compare, stage
from orthancgen.secrets.store import SecretStore, from_sources, redact
from orthancgen.site.load import masked_sources
from orthancgen.site.problems import HIDDEN, printable

_ROOT: Final = "orthancgen-support"
_MODE: Final = 0o600
_HIDDEN_RUN: Final = re.compile(f"{HIDDEN}+")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")

_README: Final = """\
Support archive of the environment {environment}, made by orthancgen {version} at {at}.

Please look through it before you send it: all of it is text. It holds no patient data and no secrets, as far as
orthancgen can tell: values that may be secrets are [hidden], and of each log only what is known to be harmless stays;
any other text became [N characters].

environment/   the environment's files, masked
bundle/        what orthancgen renders from them; secrets are not part of it
doctor.json    what the doctor asked and found; doctor.txt is the same to read
status.json    the services as they are now
drift.json     what a deploy would change, and what was changed by hand, where the runtime can tell
certificates.json   subjects, dates and fingerprints; no keys
firewall.json  who is let in to which port, and why
host.json      versions, disks, memory, clock
log/           the services' logs, scrubbed
manifest.json  SHA-256 of each of these files
"""


def write_bundle(case: Case, answers: Sequence[Answer], path: Path) -> list[str]:
    """Pack the archive, a gzipped tar of mode 0600; all of it or nothing.

    Args:
        case: the environment.
        answers: what the doctor found.
        path: the file to write; it must not exist.

    Returns:
        What was written, in lines for a reader.

    Raises:
        InputError: the file exists, or cannot be written.
    """
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} exists", hint="name a new file, or take the old one away")
    files = dict(sorted(_files(case, answers)))
    manifest = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    files["manifest.json"] = _json(manifest)
    try:
        stage(_packed(files, int(case.began.timestamp())), path, _MODE).replace(path)
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror}", hint="name a file in a folder that you may write"
        ) from None
    return [
        f"{path}: {len(files)} files, no patient data, no secrets",
        "look through it before you send it: README.txt",
    ]


def _packed(files: Mapping[str, bytes], moment: int) -> bytes:
    """The archive: sorted, of one owner, mode and time."""
    held = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=held, mode="wb", mtime=moment, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name, content in sorted(files.items()):
            member = tarfile.TarInfo(f"{_ROOT}/{name}")
            member.size, member.mode, member.mtime = len(content), _MODE, moment
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


def _files(case: Case, answers: Sequence[Answer]) -> Iterator[tuple[str, bytes]]:
    clean = _Cleaner(case)
    at = case.began.isoformat(timespec="seconds")
    yield "README.txt", _README.format(environment=case.site.environment, version=__version__, at=at).encode()
    for number, (name, text) in enumerate(masked_sources(case.loaded.path).items()):
        shown = _HIDDEN_RUN.sub("[hidden]", text)
        yield f"environment/{number}-{_safe(Path(name).name)}", clean(shown)
    for file in render(case.plan).files:
        yield f"bundle/{file.path}", clean(file.content.decode("utf-8", "replace"))
    for name, make in _DOCUMENTS.items():
        yield f"{name}.json", clean(_json(_said(make, case)).decode())
    yield from _doctor(case, answers, clean)
    local = case.began.replace(tzinfo=None)
    for name in sorted(set(case.runtime.log_names())):
        lines = case.log(name)
        if lines:
            yield f"log/{_safe(name)}.log", clean("".join(f"{line}\n" for line in scrub(name, lines, local)))


class _Cleaner:
    """The last look at every file: no value of a known secret is in it."""

    def __init__(self, case: Case) -> None:
        self._secrets = case.access.secrets if case.access else {}

    def __call__(self, text: str) -> bytes:
        return redact(text, self._secrets).encode("utf-8", "replace")


def _doctor(case: Case, answers: Sequence[Answer], clean: _Cleaner) -> Iterator[tuple[str, bytes]]:
    """The answers; a line of a log that is evidence is scrubbed as the log is, wherever else it is repeated."""
    from rich.console import Console

    from orthancgen.doctor.output import as_document, show

    told = scrub_answers(answers)
    yield "doctor.json", clean(_json(as_document(case, told)).decode())
    written = io.StringIO()
    show(Console(file=written, width=160, color_system=None, force_terminal=False), told, verbose=True)
    yield "doctor.txt", clean(written.getvalue())


def _said(make: Callable[[Case], Any], case: Case) -> Any:
    """A document, or why there is none: one part that fails does not cost the others."""
    try:
        return make(case)
    except OrthancgenError as error:
        return {"not available": error.message}
    except OSError as error:
        return {"not available": error.strerror or type(error).__name__}


def _status(case: Case) -> Any:
    return {"environment": str(case.site.environment), "services": [row.as_dict() for row in case.runtime.status()]}


def _drift(case: Case) -> Any:
    if case.site.runtime != "native":
        return case.runtime.survey().as_dict()
    changes = compare(render(case.plan), case.runtime.state.config)
    return {"files": [asdict(one) for one in changes if one.state != "identical"]}


def _certificates(case: Case) -> Any:
    from orthancgen.certs.generate import authorities
    from orthancgen.certs.inspect import examine

    store = SecretStore(case.runtime.state.secrets)
    stored = {one.name: store.read(one.name) for one in case.plan.secrets if one.purpose == "pem"}
    values = {name: value for name, value in {**stored, **from_sources(case.plan)}.items() if value is not None}
    return [asdict(row) for row in examine(case.plan, values, authorities(case.plan, store))]


def _firewall(case: Case) -> Any:
    from orthancgen.firewall.policy import policy

    return [
        {
            "source": one.source, "port": one.port, "protocol": one.protocol, "hook": one.hook, "label": one.label,
            "reasons": list(one.reasons),
        }
        for one in policy(case.plan).filters
    ]  # fmt: skip


def _host(case: Case) -> Any:
    import psutil

    memory = psutil.virtual_memory()
    return {
        "orthancgen": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "orthanc_planned": str(case.plan.version),
        "orthanc_running": _running_version(case),
        "runtime": case.site.runtime,
        "engine": _engine_version(case),
        "time": case.began.isoformat(timespec="seconds"),
        "processors": psutil.cpu_count(),
        "load": list(psutil.getloadavg()),
        "memory": {"total_bytes": memory.total, "available_bytes": memory.available},
        "disks": {name: _disk(folder) for name, folder in _folders(case).items()},
    }


def _folders(case: Case) -> dict[str, Path]:
    state = case.runtime.state
    return {"state": state.root, "data": state.data, "logs": state.logs}


def _disk(folder: Path) -> Any:
    import psutil

    try:
        usage = psutil.disk_usage(str(folder))
    except OSError as error:
        return {"not available": error.strerror}
    return {"total_bytes": usage.total, "free_bytes": usage.free, "used_percent": usage.percent}


def _running_version(case: Case) -> str | None:
    answer = case.orthanc("/system")
    if isinstance(answer, str) or not answer.is_success:
        return None
    try:
        version = answer.json().get("Version")
    except (ValueError, AttributeError):
        return None
    return printable(version, 40) if isinstance(version, str) else None


def _engine_version(case: Case) -> str | None:
    if case.site.runtime == "native":
        return None
    from orthancgen.runtimes.compose.engine import connect

    return connect(environment=str(case.site.environment), need_compose=False).version


def _json(document: Any) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=True, default=str) + "\n").encode()


def _safe(name: str) -> str:
    return _UNSAFE.sub("_", name)[:100] or "_"


_DOCUMENTS: Final[Mapping[str, Callable[[Case], Any]]] = {
    "status": _status,
    "drift": _drift,
    "certificates": _certificates,
    "firewall": _firewall,
    "host": _host,
}
