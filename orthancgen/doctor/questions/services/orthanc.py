"""Does Orthanc run, and if not, why does it not start?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import httpx

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding, Fix, Remedy
from orthancgen.doctor.observe import configuration, culprit, services, startup, storage
from orthancgen.doctor.observe.startup import Failure
from orthancgen.doctor.question import Question
from orthancgen.doctor.questions.services.common import OF_ORTHANC, anew, deploy, env, in_file, is_native, logs
from orthancgen.doctor.questions.services.files import evidence_of
from orthancgen.site.problems import format_path, printable

ORTHANC: Final = "orthanc"


def _starts(case: Case) -> Iterator[Finding]:
    failure = startup.cause(case)
    if failure is not None:
        yield _WHY.get(failure.cause, _refuses)(case, failure)


def _evidence(case: Case, failure: Failure) -> tuple[Evidence, ...]:
    changed = [one for one in configuration.altered(case) if one.path.startswith("orthanc/")]
    return (
        *(services.quoted(line) for line in failure.lines),
        *(evidence for one in changed for evidence in evidence_of(case, one)),
        *services.how_it_is(case, ORTHANC)[-1:],
    )


def _made(
    case: Case, failure: Failure, title: str, remedies: tuple[Remedy, ...], *, fix: Fix | None = None, more: str = ""
) -> Diagnosis:
    evidence = _evidence(case, failure)
    extra = (Evidence(more, "environment file"),) if more else ()
    return Diagnosis(failure.cause, title, ORTHANC, (*evidence, *extra), remedies, fix, OF_ORTHANC)


def _refuses(case: Case, failure: Failure) -> Diagnosis:
    """A key of the wrong type, JSON that is none, a dictionary entry: whatever Orthanc's start ends with."""
    message = failure.lines[0].text if failure.lines else ""
    by_hand = any(one.path.startswith("orthanc/") for one in configuration.altered(case))
    found = culprit.culprit(case, message)
    place = culprit.json_place(" ".join(line.text for line in failure.all))
    what = printable(message, 160).rstrip(". ") or "it does not say why"
    if found is not None:
        key = format_path(found.key)
        where = f"{found.place}: {found.model}" if found.place and not by_hand else None
        more = where or f"{found.model} does not say it: {key} was written by hand"
        title = f"Orthanc refuses its configuration because of {key}" + (f" ({where})" if where else "")
    else:
        more = ""
        at = f", at line {place[0]}, column {place[1]}" if place else ""
        title = f"Orthanc refuses its configuration{at}: {what}"
    if by_hand:
        return _made(case, failure, title, anew(case), fix=Fix("repair"), more=more)
    say = f"correct {found.model} at {found.place}" if found and found.place else "correct what it refuses"
    remedies = (in_file(say), deploy(case, "then deploy"), logs(case, ORTHANC))
    return _made(case, failure, title, remedies, more=more)


def _port(case: Case, failure: Failure) -> Diagnosis:
    from orthancgen.doctor.observe.ports import on_port

    site = case.site
    # Which of the two stands in the text that Orthanc wrote.
    http = "HTTP" in failure.lines[0].text
    port, key = (site.http.port, "http.port") if http else (site.dicom.port, "dicom.port")
    who = on_port(case, port) if is_native(case) else ()
    said = str(who[0]) if who else f"another program has port {port}"
    seen = tuple(Evidence(str(one), "listening ports of this host") for one in who)
    made = _made(
        case, failure, f"Orthanc's {'HTTP' if http else 'DICOM'} port {port} is taken: {said}",
        (
            Remedy("end that program, if it may be ended", f"ps -fp {who[0].pid}" if who and who[0].pid else None),
            in_file(f"or choose another port at {key}"), deploy(case, "then start Orthanc"),
        ),
    )  # fmt: skip
    return Diagnosis(made.cause, made.title, made.subject, (*made.evidence, *seen), made.remedies, None, OF_ORTHANC)


def _too_new(case: Case, failure: Failure) -> Diagnosis:
    return _made(
        case, failure, f"Orthanc {case.plan.version} cannot open its index: a newer Orthanc had it last",
        (
            Remedy("go back to the newer Orthanc", on="the environment file"),
            deploy(case, "then deploy"),
            Remedy("or restore a backup from before the upgrade", f"orthancgen backup list {env(case)}"),
        ),
    )  # fmt: skip


def _locked(case: Case, failure: Failure) -> Diagnosis:
    return _lock(case, _evidence(case, failure))


def _lock(case: Case, evidence: tuple[Evidence, ...]) -> Diagnosis:
    holders = storage.index_holders(case)
    held = storage.locks_on_index(case)
    who = sorted(holders, key=lambda one: one.pid not in held)
    named = f"{who[0].name} (process {who[0].pid})" if who else "another program"
    seen = tuple(Evidence(f"{one.name} (process {one.pid}) has the index open", one.command or "/proc") for one in who)
    if who:
        end = (
            Remedy("see what it is, and end it if it may be ended: a backup, a second Orthanc", f"ps -fp {who[0].pid}"),
        )
    else:
        end = (Remedy("find the program that has Orthanc's index open, and end it: a backup, or a second Orthanc"),)
    return Diagnosis(
        "orthanc-index-locked",
        f"{named} holds Orthanc's index: nothing can be stored, and Orthanc may tell the sender that it was",
        ORTHANC,
        (*evidence, *seen),
        (*end, Remedy("then have the modality send again what it sent meanwhile", on="the modality")),
        None,
        OF_ORTHANC - {"way_in", "admission"},
    )


def _damaged(case: Case, failure: Failure) -> Diagnosis:
    return _made(
        case, failure, "Orthanc's index is damaged",
        (
            Remedy("keep the damaged files: stop everything first", f"orthancgen down {env(case)}"),
            Remedy("restore the last good backup", f"orthancgen backup list {env(case)}"),
        ),
    )  # fmt: skip


def _disk(case: Case, failure: Failure) -> Diagnosis:
    return _made(
        case, failure, "Orthanc cannot write: its disk is full",
        (Remedy("make room on the disk of the images and of the index"), deploy(case, "then start Orthanc")),
    )  # fmt: skip


def _script(case: Case, failure: Failure) -> Diagnosis:
    title = "Orthanc does not start: its Lua script has an error"
    if failure.cause == "lua-script-missing":
        title = "Orthanc does not start: its Lua script is not there"
    return _made(case, failure, title, anew(case), fix=Fix("repair"))


def _plugin(case: Case, failure: Failure) -> Diagnosis:
    return _made(case, failure, "Orthanc does not start: a plugin cannot be loaded", plugin_remedies(case))


def plugin_remedies(case: Case) -> tuple[Remedy, ...]:
    """Have the plugin there, or do without it."""
    if is_native(case):
        first = Remedy("install it", "apt-get install orthanc-dicomweb")
    else:
        first = in_file("name an image of Orthanc that has it, at images.orthanc")
    again = f"orthancgen deploy {env(case)} --repair"
    return (first, in_file("or take it out of orthanc.plugins"), Remedy("then start Orthanc anew", again))


_WHY: Final[dict[str, Callable[[Case, Failure], Diagnosis]]] = {
    "orthanc-port-taken": _port,
    "orthanc-index-too-new": _too_new,
    "orthanc-index-locked": _locked,
    "orthanc-index-damaged": _damaged,
    "disk-full": _disk,
    "lua-script-failing": _script,
    "lua-script-missing": _script,
    "plugin-missing": _plugin,
}


def _runs(case: Case) -> Iterator[Finding]:
    life = services.life(case, ORTHANC)
    if life == "ends":
        yield _ends(case)
    elif life == "stopped":
        yield Diagnosis(
            "orthanc-stopped",
            "Orthanc does not run: it was stopped, or ended and was not started again",
            ORTHANC,
            (*services.how_it_is(case, ORTHANC), *services.last_lines(case, ORTHANC, 1)),
            (deploy(case, "start it"), logs(case, ORTHANC)),
            Fix("deploy"),
            OF_ORTHANC,
        )


def _ends(case: Case) -> Diagnosis:
    from orthancgen.runtimes.native.health import https_hint

    https = case.site.http.tls.enabled and is_native(case)
    hint = https_hint() if https else None
    lines = services.errors(case)[-2:]
    remedies = (Remedy(hint, on="the environment file"),) if hint else ()
    return Diagnosis(
        "orthanc-ends-again-and-again",
        "Orthanc ends again and again" + (": its build does not survive HTTPS" if hint else ""),
        ORTHANC,
        (
            *services.how_it_is(case, ORTHANC),
            *(tuple(map(services.quoted, lines)) or services.last_lines(case, ORTHANC, 2)),
        ),
        (
            *remedies,
            logs(case, ORTHANC),
            Remedy("see whether its program and plugins are those of the package", "dpkg --verify orthanc"),
            deploy(case, "once the reason is gone, start it"),
        ),
        None,
        OF_ORTHANC,
    )


def _answers(case: Case) -> Iterator[Finding]:
    """It runs; does it answer by HTTP, and if not, does it by DICOM?"""
    row = services.status(case, ORTHANC)
    if row is None or row.pid == 0 or row.wrong is None:
        return
    halted = services.halted(row.pid) if is_native(case) else None
    seen = [Evidence(row.wrong, "GET /system")]
    if not halted:
        # Looked at twice: a moment's load is no fault.
        for path in ("/system", "/changes?last"):
            answer = case.orthanc(path)
            if not isinstance(answer, str) or not answer.startswith(_SILENCE):
                return
            seen.append(Evidence(answer, f"GET {path}"))
    echo = None if halted else _listens_to_dicom(case)
    if halted:
        title = "Orthanc is halted: its process was stopped with a signal"
    elif echo:
        title = "Orthanc's REST API hangs, while its DICOM port answers: its Lua script waits for something"
    else:
        title = "Orthanc hangs: its process is there, and does not answer"
    if halted:
        seen.append(Evidence(halted, f"process {row.pid}"))
    restart = anew(case, "start it anew")
    if halted:
        restart = (Remedy("let it go on", f"kill -CONT {row.pid}"), *restart)
    yield Diagnosis(
        "orthanc-hangs",
        title,
        ORTHANC,
        tuple(seen),
        (*restart, logs(case, ORTHANC)),
        Fix("restart", ORTHANC),
        OF_ORTHANC,
    )


_SILENCE: Final = (httpx.ReadTimeout.__name__, httpx.ConnectTimeout.__name__, httpx.RemoteProtocolError.__name__)


def _listens_to_dicom(case: Case) -> bool:
    """Whether the DICOM port says something to a request that is none: Orthanc closes such a connection."""
    import socket

    access = case.access
    if access is None or case.site.dicom.tls.enabled:
        return False
    try:
        with socket.create_connection((access.dicom_host, case.site.dicom.port), timeout=3) as connection:
            connection.settimeout(3)
            connection.sendall(b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00")  # A-RELEASE-RQ, PS3.8 section 9.3.6
            connection.recv(16)
    except OSError:
        return False
    return True


def _index_free(case: Case) -> Iterator[Finding]:
    """Another program that holds the index: Orthanc reads, and fails with whatever it is to keep."""
    row = services.status(case, ORTHANC)
    complaints = [
        line for line in services.recent_errors(case) if startup.cause_of(line.text) == "orthanc-index-locked"
    ]
    others = storage.locks_on_index(case) - {row.pid if row else 0}
    if not others and not complaints:
        return
    holders = {one.pid for one in storage.index_holders(case)}
    if holders & others or (holders and complaints):
        yield _lock(case, tuple(services.quoted(line) for line in complaints[-2:]))


QUESTIONS: Final = (
    Question(
        "orthanc-starts", "Does Orthanc start, and if not, why?", "orthanc", _starts,
        ("orthanc-refuses-configuration", *_WHY),
    ),
    Question(
        "orthanc-runs", "Does Orthanc run?", "orthanc", _runs, ("orthanc-stopped", "orthanc-ends-again-and-again")
    ),
    Question("orthanc-answers", "Does Orthanc answer?", "orthanc", _answers, ("orthanc-hangs",)),
    Question(
        "orthanc-index-free", "Does no other program hold Orthanc's index?", "orthanc", _index_free,
        ("orthanc-index-locked",), applies=is_native,
    ),
)  # fmt: skip
