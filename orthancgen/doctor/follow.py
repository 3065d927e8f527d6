"""Files were sent, and are not in the viewer: follow a study through every step, and say where it stopped, and why.

Nothing of a patient is shown but what was typed: the answers of Orthanc and of the backend hold names and dates of
birth, which are never read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Area, Diagnosis, Remedy
from orthancgen.doctor.observe import archive, backend, orthanc_log, services
from orthancgen.doctor.observe.answers import object_of
from orthancgen.doctor.observe.archive import Study
from orthancgen.doctor.questions.services.common import env
from orthancgen.errors import InputError
from orthancgen.site.problems import printable

StepState = Literal["passed", "stopped", "unknown", "waiting"]
_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_LONGEST_UID: Final = 64
_LONGEST_PATIENT_ID: Final = 64
_LATE_SECONDS: Final = 60
_MOST_REFUSALS: Final = 5
_LEVELS: Final = {"Patient": "a patient", "Study": "a study", "Series": "a series", "Instance": "an image"}
_BOTH: Final[frozenset[Area]] = frozenset({"environment", "engine", "host", "orthanc"})
_ON_THE_WAY_IN: Final[frozenset[Area]] = _BOTH | {"way_in", "admission", "storage"}
_TO_THE_RECORD: Final[frozenset[Area]] = _BOTH | {"database", "backend", "scripts", "delivery"}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a study's way.

    Attributes:
        title: the step, as a sentence that is true where it is passed.
        state: passed; stopped: it came no further; waiting: it is on its way; unknown: nobody can tell.
        seen: what was seen.
        remedies: what to do.
        causes: what the doctor finds that explains it.
    """

    title: str
    state: StepState
    seen: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    causes: tuple[Diagnosis, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """For a JSON document."""
        return {
            "title": self.title,
            "state": self.state,
            "seen": list(self.seen),
            "remedies": [asdict(one) for one in self.remedies],
            "causes": [one.as_dict() for one in self.causes],
        }


def follow(case: Case, *, study: str | None, patient: str | None) -> tuple[Step, ...]:
    """The steps of one study, or of every study of a patient, in their order; none behind the one that stopped.

    Args:
        case: the environment.
        study: StudyInstanceUID (0020,000D).
        patient: PatientID (0010,0020); one of the two.

    Raises:
        InputError: neither or both are given, or it is no such identifier.
    """
    wanted, typed = _typed(study, patient)
    answer = archive.find(case, typed)
    if isinstance(answer, str):
        step = Step("Orthanc can be asked", "unknown", (answer,))
        return (_explained(case, step, _ON_THE_WAY_IN),)
    found, others = answer
    matching = found if wanted == "study" else archive.of_patient(case, typed)
    if not matching:
        if wanted == "patient":
            others = (*(("Study", one.id) for one in found), *others)
        return tuple(_absent(case, wanted, typed, others))
    steps: list[Step] = []
    for number, one in enumerate(matching, 1):
        name = f"study {number} of {len(matching)}: " if len(matching) > 1 else ""
        steps += _way(case, one, name, typed_study=wanted == "study")
    return tuple(steps)


def _typed(study: str | None, patient: str | None) -> tuple[Literal["study", "patient"], str]:
    if (study is None) == (patient is None):
        raise InputError("name either a study or a patient", hint="--study UID, or --patient ID")
    if study is not None:
        text = study.strip()
        if not _UID.fullmatch(text) or len(text) > _LONGEST_UID:
            raise InputError(
                f"{printable(study, 80)} is no UID (PS3.5 section 9.1)", hint="StudyInstanceUID, such as 1.2.840.1"
            )
        return "study", text
    text = (patient or "").strip()
    if not text or len(text) > _LONGEST_PATIENT_ID or "\\" in text or not text.isprintable():
        raise InputError(
            f"{printable(patient or '', 80)!r} is no PatientID (PS3.5 table 6.2-1, LO)",
            hint="1 to 64 characters, without control characters and backslashes",
        )
    return "patient", text


# --- what is not there


def _absent(case: Case, wanted: str, typed: str, others: Sequence[tuple[str, str]]) -> Iterator[Step]:
    """Not in Orthanc: it never came, was refused, or was deleted."""
    if others:
        kinds = ", ".join(dict.fromkeys(_LEVELS.get(level, level) for level, _ in others))
        told = f"{typed} is not the identifier of a {wanted}: Orthanc knows it as that of {kinds}"
        step = Step(f"it is a {wanted}", "stopped", (told,))
        parents = archive.studies_of(case, others)
        if parents:
            remedy = tuple(
                Remedy("follow the study that it belongs to", f"orthancgen doctor {env(case)} --study {one}")
                for one in parents[:_MOST_REFUSALS]
            )
            step = Step(step.title, "stopped", step.seen, remedy)
        yield step
        return
    recorded = _recorded(case, wanted, typed)
    if recorded is not None:
        yield Step(
            "it is in Orthanc", "stopped",
            (f"it was: the backend still has a record of it ({recorded}), so it was deleted from Orthanc",),
            (
                Remedy("have it sent again, or restore a backup", f"orthancgen backup list {env(case)}"),
                Remedy("see whether patients are deleted for want of room", f"orthancgen doctor {env(case)}"),
            ),
        )  # fmt: skip
        return
    seen = ["it is not there: it never arrived, was refused, or was deleted since", *_refusals(case), *_removals(case)]
    step = Step(
        "it is in Orthanc", "stopped", tuple(seen),
        (
            Remedy("see at the modality whether it was sent, and what came back", on="the modality"),
            Remedy("see whom Orthanc refuses", f"orthancgen logs {env(case)} orthanc"),
        ),
    )  # fmt: skip
    yield _explained(case, step, _ON_THE_WAY_IN)


def _refusals(case: Case) -> Iterator[str]:
    """Callers whom Orthanc refused since its start."""
    refused = [one for one in orthanc_log.events(case) if one.message.area == "admission" and (one.aet or one.ip)]
    callers = dict.fromkeys(
        f"{_caller(one)} was refused at {one.at:%Y-%m-%d %H:%M:%S}: {one.message.means}" for one in reversed(refused)
    )
    yield from list(callers)[:_MOST_REFUSALS]
    full = orthanc_log.of(case, "storage-full", "storage-full-reject", "storage-full-recycle", "store-refused-full")
    if full:
        yield f"images were refused for want of room, the last one at {full[-1].at:%Y-%m-%d %H:%M:%S}"


def _caller(one: orthanc_log.Event) -> str:
    name = printable(one.aet, 40)
    who = f"a caller of {name}" if one.message.id == "called-aet-wrong" else name or "a caller"
    return f"{who} at {printable(one.ip, 60)}" if one.ip else who


def _removals(case: Case) -> Iterator[str]:
    """What the backend saw disappear from Orthanc."""
    if not case.site.backend.enabled:
        return
    removed = backend.metrics(case).get("orthancgen_backend_instances_removed_total", 0)
    if removed:
        yield f"{removed:.0f} images were deleted from Orthanc since the backend started: it may have been among them"


def _recorded(case: Case, wanted: str, typed: str) -> str | None:
    """How many images of it the backend has a record of, in words."""
    if not case.site.backend.enabled or services.life(case, "backend") != "runs":
        return None
    if wanted == "study":
        document = object_of(case.backend(f"/api/studies/{typed}"))
        count = document.get("number_of_instances") if isinstance(document, dict) else None
        return f"{count} images" if isinstance(count, int) else None
    document = object_of(case.backend(f"/api/patients/{archive.quoted(typed)}"))
    if not isinstance(document, dict):
        return None
    count = document.get("number_of_instances")
    return f"{count} images" if isinstance(count, int) else "a patient"


# --- the way of a study that is there


def _way(case: Case, one: Study, name: str, *, typed_study: bool) -> Iterator[Step]:
    uid = "" if typed_study else f"StudyInstanceUID {one.uid}: "
    inside = f"{uid}{one.series} series, {_images(one.instances)}"
    yield Step(f"{name}it is in Orthanc", "passed", (inside,))
    yield _received(name, one)
    if one.stable:
        yield Step(
            f"{name}it is complete, as far as Orthanc can tell", "passed", (f"nothing came since {one.updated}",)
        )
    else:
        yield Step(
            f"{name}it is complete, as far as Orthanc can tell", "waiting",
            (f"the last image came at {one.updated}: more may come",),
        )  # fmt: skip
    if not case.site.backend.enabled:
        return
    step = _noted(name, one)
    yield step
    if step.state == "stopped":
        return
    document = backend.status(case) if services.life(case, "backend") == "runs" else "the backend does not run"
    if isinstance(document, str):
        step = Step(f"{name}the backend has read the change", "stopped", (f"the backend cannot be asked: {document}",))
        yield _explained(case, step, _TO_THE_RECORD)
        return
    step = _passed_by_cursor(case, name, one, document)
    yield step
    if step.state == "stopped":
        return
    step = _in_records(case, name, one)
    yield step
    if step.state == "passed":
        yield from _shown(case, name)


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"


def _received(name: str, one: Study) -> Step:
    seen = []
    for sender in one.senders:
        who = (
            f"AE title {printable(sender.aet, 40)}"
            if sender.aet
            else printable(sender.origin or "nobody knows whom", 40)
        )
        at = f" at {printable(sender.address, 60)}" if sender.address else ""
        called = f", called as {printable(sender.called, 40)}" if sender.called else ""
        when = f", {sender.received}" if sender.received else ""
        seen.append(f"from {who}{at}{called}{when}")
    state: StepState = "passed" if seen else "unknown"
    return Step(f"{name}it was received", state, tuple(seen) or ("Orthanc kept nothing of who sent it",))


def _noted(name: str, one: Study) -> Step:
    if one.seq is None:
        looked = "its changes are older than those that were looked through, or were erased"
        return Step(f"{name}it is in Orthanc's log of changes", "passed", (looked,))
    return Step(f"{name}it is in Orthanc's log of changes", "passed", (f"its last change has number {one.seq}",))


def _passed_by_cursor(case: Case, name: str, one: Study, document: dict[str, Any]) -> Step:
    title = f"{name}the backend has read the change"
    delivery, worker = backend.section(document, "delivery"), backend.section(document, "worker")
    cursor = delivery.get("cursor")
    if not isinstance(cursor, int):
        step = Step(title, "stopped", ("it does not know how far it is",))
        return _explained(case, step, _TO_THE_RECORD)
    if one.seq is None or cursor >= one.seq:
        return Step(title, "passed", (f"it has read up to number {cursor}",))
    seen = [f"it has read up to number {cursor}; {delivery.get('backlog') or one.seq - cursor} changes wait"]
    error = backend.section(worker, "last_error") if worker.get("failures_in_a_row") else {}
    oldest = delivery.get("oldest_undelivered_seconds")
    late = isinstance(oldest, int | float) and oldest > _LATE_SECONDS
    if not error and not late:
        return Step(title, "waiting", tuple(seen))
    if error:
        seen.append(f"its last try failed: {printable(str(error.get('message')), 200)}")
    return _explained(case, Step(title, "stopped", tuple(seen)), _TO_THE_RECORD)


def _in_records(case: Case, name: str, one: Study) -> Step:
    title = f"{name}it is recorded in the database"
    document = object_of(case.backend(f"/api/studies/{one.id}"))
    if document == "HTTP 404":
        seen = ("the backend has read the change, and has no record of it: it compares everything from time to time",)
        return _explained(case, Step(title, "stopped", seen, _compare(case)), _TO_THE_RECORD)
    if isinstance(document, str):
        step = Step(title, "stopped", (f"the records cannot be asked: {document}",))
        return _explained(case, step, _TO_THE_RECORD)
    recorded = document.get("number_of_instances")
    if recorded == one.instances:
        return Step(title, "passed", (f"with {_images(one.instances)}",))
    if not one.stable:
        return Step(title, "waiting", (f"{recorded} of {_images(one.instances)} so far",))
    step = Step(title, "stopped", (f"{recorded} of {_images(one.instances)}",), _compare(case))
    return _explained(case, step, _TO_THE_RECORD)


def _compare(case: Case) -> tuple[Remedy, ...]:
    return (
        Remedy("wait for the next comparison", None),
        Remedy("or have everything compared now", f"orthancgen deploy {env(case)} --repair"),
    )


def _shown(case: Case, name: str) -> Iterator[Step]:
    """What comes behind the record, where the site has it."""
    if case.site.viewer.enabled:
        port = case.site.viewer.port
        yield Step(f"{name}the viewer can list it", "passed", (f"it asks the backend, which has it; port {port}",))


def _explained(case: Case, step: Step, areas: frozenset[Area]) -> Step:
    """The step with what the doctor finds in these areas, and its remedies."""
    from orthancgen.doctor.questions import QUESTIONS
    from orthancgen.doctor.run import diagnoses, run

    found = case.once("followed", lambda: diagnoses(run(case, QUESTIONS)))
    wanted = tuple(one for one in found if _area_of(one) & areas)
    remedies = tuple(remedy for one in wanted for remedy in one.remedies) or step.remedies
    return Step(step.title, step.state, step.seen, remedies, wanted)


def _area_of(one: Diagnosis) -> frozenset[Area]:
    from orthancgen.doctor.questions import QUESTIONS

    return frozenset(question.area for question in QUESTIONS if one.cause in question.causes)


def as_text(steps: Sequence[Step]) -> str:
    """The steps for people to read, a line each with what belongs to it below."""
    marks = {"passed": "ok      ", "stopped": "STOPPED ", "waiting": "waiting ", "unknown": "unknown "}
    lines = []
    for step in steps:
        lines.append(f"{marks[step.state]} {step.title}")
        lines += [f"          {text}" for text in step.seen]
        lines += [f"          because: {one.title} ({one.cause})" for one in step.causes]
        for number, remedy in enumerate(step.remedies, 1):
            where = "" if remedy.on == "this host" else f" ({remedy.on})"
            lines.append(f"          {number}. {remedy.text}{where}")
            if remedy.command:
                lines.append(f"               {remedy.command}")
    return "\n".join(lines)
