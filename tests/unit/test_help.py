"""The help of every command: one word for one thing, each option explained, each example one that is accepted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from orthancgen.cli import SECTIONS, VERBS, cli
from orthancgen.cli.examples import EXAMPLES, aligned
from orthancgen.cli.groups import first_sentence
from tests.unit.test_documented_commands import faults

ROOT = click.Context(cli, info_name="orthancgen")


def commands() -> Iterator[tuple[str, click.Command]]:
    for verb in VERBS:
        command = cli.get_command(ROOT, verb)
        assert command is not None
        yield verb, command
        if isinstance(command, click.Group):
            yield from ((f"{verb} {name}", one) for name, one in command.commands.items())


COMMANDS = dict(commands())


def options(command: click.Command) -> list[click.Option]:
    return [one for one in command.params if isinstance(one, click.Option)]


def test_each_verb_stands_once_in_the_sections_and_in_their_order() -> None:
    assert [verb for verbs in SECTIONS.values() for verb in verbs] == list(VERBS)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_is_explained_and_its_value_named(name: str) -> None:
    for option in options(COMMANDS[name]):
        assert option.help, option.name
        shown = option.make_metavar(click.Context(COMMANDS[name]))
        free = {"reason", "description"}  # any text there is
        assert shown not in {"TEXT", "INTEGER", "FLOAT"} or option.name in free or option.is_flag, (option.name, shown)


@pytest.mark.parametrize("name", COMMANDS)
def test_one_thing_has_one_name(name: str) -> None:
    known = {one for option in options(COMMANDS[name]) for one in option.opts}
    # Certificates: as `verify`, `send` and the doctor's script for a device take them.
    assert not known & {"--certificate", "--trusted", "--cacert", "--output-file", "--out", "--quiet", "--yes-really"}
    assert ("-o" in known) == ("--output" in known)
    assert ("-v" in known) == ("--verbose" in known)
    if "--install-timer" in known:
        assert "--unit-folder" in known
    forms = [
        one.type.choices
        for one in options(COMMANDS[name])
        if "--format" in one.opts and isinstance(one.type, click.Choice)
    ]
    # `inventory` writes files of Ansible, of which JSON is one: no report.
    assert not any("json" in form for form in forms) or "--json" in known or name == "inventory"


@pytest.mark.parametrize("verb", EXAMPLES)
def test_examples_are_of_the_verb_and_exist(verb: str) -> None:
    for command, what in EXAMPLES[verb]:
        words = shlex.split(command)
        assert words[:2] == ["orthancgen", verb]
        assert [*faults(" ".join(words[1:]))] == []
        assert what
        assert len(command) <= 88
    assert "Examples:" in COMMANDS[verb].get_help(click.Context(COMMANDS[verb]))
    assert [line.partition("  # ")[0].rstrip() for line in aligned(verb)] == [command for command, _ in EXAMPLES[verb]]


@pytest.mark.parametrize("name", [name for name, one in COMMANDS.items() if isinstance(one, click.Group)])
def test_what_a_group_lists_is_not_cut_off(name: str) -> None:
    group = COMMANDS[name]
    assert isinstance(group, click.Group)
    shown = " ".join(group.get_help(click.Context(group, terminal_width=80)).split())
    for one in group.commands.values():
        assert first_sentence(one.help) in shown
    assert "..." not in re.sub(r"\]\.\.\.", "", shown)


def test_commands_that_need_no_example_are_few() -> None:
    assert set(VERBS) - set(EXAMPLES) == {"down", "completion"}
