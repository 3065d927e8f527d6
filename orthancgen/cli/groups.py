"""Groups of commands whose help says of each command the whole sentence: click cuts it off at the line's end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click


class Subcommands(click.Group):
    """A verb with commands below it."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each command with its first sentence."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_sentence(one.help)) for name, one in sorted(self.commands.items())])


def first_sentence(text: str | None) -> str:
    """The first sentence of a help."""
    paragraph = " ".join((text or "").partition("\n\n")[0].split())
    return f"{paragraph.partition('. ')[0].rstrip('.')}." if paragraph else ""


def write_sections(
    formatter: click.HelpFormatter, sections: Mapping[str, Sequence[str]], lines: Mapping[str, str]
) -> None:
    """Commands under headings, all in the same columns.

    Args:
        formatter: writes the help.
        sections: heading -> names of commands.
        lines: name of a command -> what it does.
    """
    width = max(map(len, lines))
    for heading, names in sections.items():
        with formatter.section(heading):
            formatter.write_dl([(name.ljust(width), lines[name]) for name in names])
