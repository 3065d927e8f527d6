"""What the doctor found, for people and for programs. Control characters of whoever called never reach a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console

from orthancgen.doctor.case import Case
from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Note, Remedy
from orthancgen.doctor.question import Answer, Asked
from orthancgen.doctor.run import diagnoses, notes
from orthancgen.site.problems import printable

_LIMIT: Final = 4096
_STYLES: Final = {Asked.FOUND: "bold red", Asked.BROKEN: "bold yellow", Asked.WELL: "green"}


def as_document(case: Case, answers: Sequence[Answer]) -> dict[str, Any]:
    """The answers as a JSON document: causes, notes, and what became of each question."""
    found = diagnoses(answers)
    return {
        "environment": str(case.site.environment),
        "at": case.began.isoformat(timespec="seconds"),
        "since_seconds": int(case.since.total_seconds()),
        "modality": case.modality,
        "healthy": not found and not broken(answers),
        "diagnoses": [one.as_dict() for one in found],
        "notes": [one.as_dict() for one in notes(answers)],
        "questions": [
            {
                "id": answer.question.id,
                "text": answer.question.text,
                "area": answer.question.area,
                "asked": answer.asked.name.lower(),
                "detail": answer.detail,
                "seconds": round(answer.seconds, 3),
            }
            for answer in answers
        ],
    }


def broken(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """The questions that could not be asked."""
    return tuple(answer for answer in answers if answer.asked is Asked.BROKEN)


def show(out: Console, answers: Sequence[Answer], *, verbose: bool = False) -> None:
    """A block a cause, then what is worth knowing, then one line. Coloured on a terminal only."""
    if verbose:
        _show_questions(out, answers)
    found = diagnoses(answers)
    for number, diagnosis in enumerate(found, 1):
        _show_diagnosis(out, number, diagnosis)
    for note in notes(answers):
        _show_note(out, note)
    for answer in broken(answers):
        out.print()
        out.print(f"could not be asked: {answer.question.text}", style="bold yellow", soft_wrap=True)
        out.print(f"   {_line(answer.detail or '')}", soft_wrap=True)
    out.print()
    out.print(summary(answers), style="bold red" if found or broken(answers) else "bold green", soft_wrap=True)


def summary(answers: Sequence[Answer]) -> str:
    """The last line: how many causes, how many questions, and which were left out because of what."""
    found = diagnoses(answers)
    count = Counter(answer.asked for answer in answers)
    asked = count[Asked.WELL] + count[Asked.FOUND]
    text = f"{_plural(len(found), 'cause')} found" if found else f"{_plural(asked, 'question')} asked"
    if not found and not count[Asked.BROKEN]:
        text += ", all is well"
    if count[Asked.EXPLAINED]:
        by = ", ".join(dict.fromkeys(answer.detail or "" for answer in answers if answer.asked is Asked.EXPLAINED))
        text += f"; {_plural(count[Asked.EXPLAINED], 'question')} not asked: explained by {by}"
    if count[Asked.BROKEN]:
        text += f"; {_plural(count[Asked.BROKEN], 'question')} could not be asked"
    return text


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _line(text: str) -> str:
    return printable(text, _LIMIT)


def _show_diagnosis(out: Console, number: int, one: Diagnosis) -> None:
    out.print()
    out.print(f"{number}. {_line(one.title)}", style="bold red", soft_wrap=True)
    out.print(f"   {_line(one.cause)}, about {_line(one.subject)}", style="dim", soft_wrap=True)
    for evidence in one.evidence:
        _show_evidence(out, evidence)
    for step, remedy in enumerate(one.remedies, 1):
        _show_remedy(out, step, remedy)
    if one.fix:
        of_service = f" of {one.fix.service}" if one.fix.service else ""
        out.print(f"   --fix mends it: {one.fix.name.replace('_', ' ')}{of_service}", style="green", soft_wrap=True)


def _show_evidence(out: Console, evidence: Evidence) -> None:
    place = f"{evidence.at}  {evidence.where}" if evidence.at else evidence.where
    out.print(f"   seen: {_line(place)}", style="bold", soft_wrap=True)
    for line in evidence.text.split("\n"):
        out.print(f"         {_line(line)}", soft_wrap=True)


def _show_remedy(out: Console, step: int, remedy: Remedy) -> None:
    place = "" if remedy.on == "this host" else f"at {remedy.on}: " if "modality" in remedy.on else f"in {remedy.on}: "
    out.print(f"   {'to do: ' if step == 1 else '       '}{step}. {_line(place + remedy.text)}", soft_wrap=True)
    for line in (remedy.command or "").split("\n") if remedy.command else ():
        out.print(f"             {_line(line)}", style="cyan", soft_wrap=True)


def _show_note(out: Console, note: Note) -> None:
    out.print()
    out.print(f"note: {_line(note.title)}", style="bold yellow", soft_wrap=True)
    for evidence in note.evidence:
        _show_evidence(out, evidence)


def _show_questions(out: Console, answers: Sequence[Answer]) -> None:
    out.print()
    for answer in answers:
        because = f" ({_line(answer.detail)})" if answer.detail else ""
        out.print(f"{answer.asked.name.lower().replace('_', ' '):<15}", style=_STYLES.get(answer.asked, "dim"), end="")
        out.print(f" {answer.question.area:<12} {answer.question.text}{because}", soft_wrap=True)
