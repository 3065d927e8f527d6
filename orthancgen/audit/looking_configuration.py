"""What is wrong with the configuration of an Orthanc itself, sorted by what comes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orthancgen.audit.looking_containers import lacks_variables
from orthancgen.audit.subject import Orthanc, Subject
from orthancgen.orthanc.admission.configuration import UnusableError
from orthancgen.orthanc.keys import Problem as SettingProblem
from orthancgen.orthanc.keys import check_settings, keys_for, plugin_sections
from orthancgen.site.problems import KeyPath, Mark, Problem


def refusals(subject: Subject, orthanc: Orthanc) -> Iterator[Problem]:
    """What stops an Orthanc at its start, or when it first reads a value; each place once."""
    seen: set[KeyPath] = set()
    variables, lines = _variable_places(subject, orthanc), _lines(orthanc)
    for problem in orthanc.part.problems:
        of_variable = problem.mark in variables or _stands_at_dollar(lines, problem.mark)
        if problem.severity == "error" and not of_variable:
            seen.add(problem.path)
            yield problem
    for found in _wrong_values(orthanc):
        if found.path not in seen:
            seen.add(found.path)
            mark, path = orthanc.place(*found.path)
            yield Problem(found.message, mark, path, found.hint)
    try:
        orthanc.access.check_start()
    except UnusableError as error:
        if not any(path[:2] == error.path[:2] for path in seen):
            mark, path = orthanc.place(*error.path)
            yield Problem(f"{error.message}: Orthanc does not start", mark, path)


def _wrong_values(orthanc: Orthanc) -> Iterator[SettingProblem]:
    """Values that known keys cannot have.

    Keys that nobody knows are passed over by Orthanc too, and users are judged by rules of their own.
    """
    known, plugins = keys_for(orthanc.version), plugin_sections()
    wanted = {
        key: value
        for key, value in orthanc.values.items()
        if (key in known and key != "RegisteredUsers") or plugins.get(key)
    }
    for problem in check_settings(wanted, orthanc.version):
        top = known.get(str(problem.path[0])) if problem.path else None
        if isinstance(problem.path[-1], int) or len(problem.path) == 1:
            # An object of a plugin that this version does not have yet is passed over.
            if top is not None or len(problem.path) > 1 or not isinstance(wanted[str(problem.path[0])], Mapping):
                yield problem
            continue
        section = (top.members or top.each) if top is not None else plugins[str(problem.path[0])]
        # A name of a modality that Orthanc refuses stands right below its key.
        named = top is not None and bool(top.each) and len(problem.path) == 2
        if named or not section or str(problem.path[-1]) in keys_for(orthanc.version, section):
            yield problem


def variable_problems(subject: Subject, orthanc: Orthanc) -> Iterator[Problem]:
    """Dollar signs in its files that are taken for variables which nobody sets."""
    service = subject.service_of(orthanc)
    unknown = service is None or any(
        one is service and lacks_variables(compose, service) for compose, one in subject.services
    )
    lines = _lines(orthanc)
    for problem in orthanc.part.problems:
        if _stands_at_dollar(lines, problem.mark) and (problem.severity == "error" or not unknown):
            yield problem


def mistaken_variables(subject: Subject, orthanc: Orthanc) -> Iterator[Problem]:
    """What is wrong with the variables of its container."""
    places = _variable_places(subject, orthanc)
    return (problem for problem in orthanc.part.problems if problem.mark in places)


def _variable_places(subject: Subject, orthanc: Orthanc) -> set[Mark]:
    service = subject.service_of(orthanc)
    return {value.mark for value in service.environment.values()} if service is not None else set()


def _stands_at_dollar(lines: Mapping[str, Sequence[str]], mark: Mark | None) -> bool:
    """Whether a place is that of a variable, or of a text with one in it."""
    if mark is None or not 1 <= mark.line <= len(lines.get(mark.file, ())):
        return False
    shown = lines[mark.file][mark.line - 1][mark.column - 1 : max(mark.end_column - 1, mark.column)]
    return shown.startswith("$") or "${" in shown or "\\u0024{" in shown


def _lines(orthanc: Orthanc) -> dict[str, list[str]]:
    return {document.file: document.text.split("\n") for document in orthanc.part.documents}
