"""What is told where a firewall's file is not read as a whole."""

from __future__ import annotations

from orthancgen.site.problems import Mark, Problem, printable


def unknown_service(name: str, mark: Mark) -> Problem:
    """A port by a name that is in no table."""
    return Problem(
        f"the service {printable(name, 40)} is not known: what is let in by it is not read",
        mark,
        hint="write the number of the port",
        severity="warning",
    )


def not_followed(what: str, mark: Mark) -> Problem:
    """Something that only the host, or another program, could evaluate."""
    return Problem(f"{printable(what, 80)} is not followed: what it lets in is not read", mark, severity="warning")


def too_long(maximum: int, file: str) -> Problem:
    """A file that would take too long to read. ``maximum`` is in characters."""
    return Problem(f"the file is longer than {maximum // 2**20} Mi characters: it is not read", Mark(file, 1, 1, 2))
