"""docs/doctor.md: how the doctor is asked, every question with the causes that it can name, and Orthanc's log lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from orthancgen.doctor.diagnosis import AREAS, Area
from orthancgen.doctor.question import Question
from orthancgen.orthanc.messages import Message

TITLES: Final[Mapping[Area, str]] = {
    "environment": "The environment's file, and whether it is what was deployed",
    "engine": "The container engine, or the supervisor",
    "host": "Disk, clock and memory of the host",
    "orthanc": "Orthanc's process",
    "database": "The database",
    "backend": "The backend",
    "gateway": "The gateway",
    "way_in": "Names, routes, ports, firewalls and TLS",
    "admission": "AE titles, addresses, commands, presentation contexts",
    "storage": "Room for images",
    "scripts": "The Lua script and its webhook",
    "web": "Logins of the REST API",
    "delivery": "From Orthanc to the record",
    "viewer": "The viewer",
    "analysis": "The analysis",
    "modalities": "Orthanc's own calls to its peers",
}
_INTRO: Final = """\
# What is wrong: `orthancgen doctor`

```
orthancgen doctor prod                      # what is wrong, why, and what mends it
orthancgen doctor prod --modality ct1       # about one device too: is it reached, does it let Orthanc in?
orthancgen doctor prod --since 2h -v        # what happened lately; every question with its answer
orthancgen doctor prod --fix                # mend what can be mended, and ask again
orthancgen doctor prod --study UID          # sent, and not in the viewer: where it stopped
orthancgen doctor prod --from ct1 -o look.sh   # a script for the device's own host
orthancgen doctor prod --bundle support.tar.gz # for whoever helps: without patient data and secrets
```

Exit code 0 where nothing is wrong, 1 where a cause is found, 5 where a question could not be asked; `--json` gives the
same as a document.

The questions are asked in the order below. A cause that is found explains what follows from it: of a stopped Orthanc
nobody asks whether its callers are known. What is no fault but worth knowing is a note, such as a device that is
switched off; asked about by `--modality`, it is a cause.

Refused calls are found in Orthanc's log. Those count that came after Orthanc's last start and within `--since`, and
that orthancgen did not make itself: its proofs call in ways that must be refused. Of some refusals the log says nothing
(presentation contexts, logins) or not by whom (a wrong called AE title, TLS): the first are asked for by calls of the
doctor's own, and of the others the time is told. When it asked stands afterwards in `proofs.json` of the state folder,
where there is one that can be written; nothing else is written there without `--fix`.

## Questions and causes
"""
_LINES: Final = """\
## Orthanc's log lines

What stands in the log, with fields in braces; which versions write it; and whether it was seen when it was `run`, or
where it was read.

| line | what it means | versions | source |
|---|---|---|---|
"""


def page(questions: Iterable[Question], messages: Iterable[Message]) -> str:
    """The whole page, in Markdown."""
    every = tuple(questions)
    tables = "".join(_table(area, [one for one in every if one.area == area]) for area in AREAS)
    return f"{_INTRO}{tables}\n{_LINES}{''.join(_line(one) for one in messages)}"


def _table(area: Area, questions: list[Question]) -> str:
    return "".join(_rows(area, questions)) if questions else ""


def _rows(area: Area, questions: list[Question]) -> Iterator[str]:
    yield f"\n### {TITLES[area]}\n\n| question | causes |\n|---|---|\n"
    for one in questions:
        yield f"| {_cell(one.text)} | {', '.join(f'`{cause}`' for cause in one.causes) or 'notes alone'} |\n"


def _line(message: Message) -> str:
    versions = ", ".join(message.versions)
    return f"| `{_cell(message.pattern)}` | {_cell(message.means)} | {versions} | {_cell(message.source)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
