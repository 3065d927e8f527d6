"""The doctor's answers without what a log's line may hold of a patient."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from orthancgen.doctor.diagnosis import Diagnosis, Evidence, Finding
from orthancgen.doctor.question import Answer
from orthancgen.doctor.scrub import counted, scrub_saying, scrub_uids

_LOG: Final = re.compile(r"(?:the )?log of ([a-z-]{1,20})")
_SHORTEST: Final = 4
"""Shorter texts are not looked for elsewhere: they would be found in every word."""


def scrub_answers(answers: Sequence[Answer]) -> tuple[Answer, ...]:
    """Each answer with the lines of logs scrubbed, and what was left out of them left out wherever it is repeated."""
    left_out: set[str] = set()
    for answer in answers:
        for finding in answer.findings:
            for one in finding.evidence:
                left_out.update(_evidence(one)[1])
    parts = sorted((one for one in left_out if len(one) >= _SHORTEST), key=len, reverse=True)

    def clean(text: str) -> str:
        for part in parts:
            if part in text:
                text = text.replace(part, counted(len(part)))
        return scrub_uids(text)

    return tuple(
        replace(
            answer,
            findings=tuple(_finding(one, clean) for one in answer.findings),
            detail=None if answer.detail is None else clean(answer.detail),
        )
        for answer in answers
    )


def _evidence(one: Evidence) -> tuple[Evidence, tuple[str, ...]]:
    log = _LOG.match(one.where)
    if log is None:
        return one, ()
    lines: list[str] = []
    left_out: list[str] = []
    for line in one.text.split("\n"):
        shown, parts = scrub_saying(log[1], line)
        lines.append(shown)
        left_out += parts
    return replace(one, text="\n".join(lines)), tuple(left_out)


def _all(evidence: Iterable[Evidence], clean: Callable[[str], str]) -> tuple[Evidence, ...]:
    found = (_evidence(one)[0] for one in evidence)
    return tuple(replace(one, text=clean(one.text), where=clean(one.where)) for one in found)


def _finding(finding: Finding, clean: Callable[[str], str]) -> Finding:
    evidence = _all(finding.evidence, clean)
    if not isinstance(finding, Diagnosis):
        return replace(finding, title=clean(finding.title), evidence=evidence)
    return replace(
        finding,
        title=clean(finding.title),
        subject=clean(finding.subject),
        evidence=evidence,
        remedies=tuple(
            replace(one, text=clean(one.text), command=None if one.command is None else clean(one.command))
            for one in finding.remedies
        ),
    )
