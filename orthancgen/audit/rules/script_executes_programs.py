"""A script starts programs, or runs text as a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from orthancgen.audit.looking_scripts import each_script
from orthancgen.audit.references import nist_pacs, orthanc_book, page
from orthancgen.audit.rule import Hit, Rule, Severity
from orthancgen.audit.subject import Subject
from orthancgen.foreign.model import LuaCall

_PROGRAMS: Final = frozenset({"os.execute", "io.popen", "CallSystem"})
_TEXTS: Final = frozenset({"load", "loadstring", "loadfile", "dofile", "package.loadlib"})


def find(subject: Subject) -> Iterator[Hit]:
    """Every call by which a script runs something else."""
    for _, script in each_script(subject):
        for call in script.calls:
            judged = _judged(call)
            if judged is not None:
                yield Hit(judged[1], call.mark, severity=judged[0])


def _judged(call: LuaCall) -> tuple[Severity, str] | None:
    computed = not call.arguments or call.arguments[0] is None
    if call.function in _PROGRAMS:
        if computed:
            return Severity.CRITICAL, (
                f"{call.function} runs a command that is put together: what stands in an image may be run as a program"
            )
        return Severity.MEDIUM, f"{call.function} runs a program as Orthanc's user"
    if call.function in _TEXTS:
        what = "text that is put together" if computed else "another file or text"
        return (Severity.HIGH if computed else Severity.LOW), f"{call.function} runs {what} as a script"
    return None


RULE: Final = Rule(
    id="script-executes-programs",
    severity=Severity.HIGH,
    confidence="certain",
    title="A script runs programs or text",
    why='Lua in Orthanc is not confined. A patient\'s name such as "; rm -rf ..." in a command is run by the shell, '
    "and anybody who may store sends one.",
    remedy="Let a program outside of Orthanc do the work, told by its identifiers alone; never put tags into a "
    "command.",
    references=(
        orthanc_book("users/lua"),
        page("CWE-78", "https://cwe.mitre.org/data/definitions/78.html"),
        nist_pacs("PR.PT-3"),
    ),
    find=find,
)
