"""Each `orthancgen ...` that a page or a hint tells a reader to type exists, with those options and choices."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from orthancgen.cli import VERBS, cli

ROOT = Path(__file__).parents[2]
PAGES = sorted((*ROOT.glob("docs/*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("ansible/**/*.md")))
SOURCES = sorted((*(ROOT / "orthancgen").rglob("*.py"), *(ROOT / "templates").rglob("*.j2")))
_FENCE = re.compile(r"^```[a-z]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`(orthancgen [^`]+)`")
_TYPED = re.compile(r"(?:^|[\s;|(`\"'])orthancgen ([a-z][^`\n;|>&]*)")
_ROOT_CONTEXT = click.Context(cli, info_name="orthancgen")


def commands_of(page: str) -> Iterator[str]:
    """What stands behind `orthancgen` in the fences and code spans of a page."""
    for fence in _FENCE.findall(page):
        for line in fence.replace("\\\n", " ").splitlines():
            yield from (one for one in _TYPED.findall(line.partition("  # ")[0]) if not line.startswith(("usage", "#")))
    for span in _SPAN.findall(_FENCE.sub("", page)):
        yield from _TYPED.findall(" ".join(span.split()))


def texts_of(source: str) -> Iterator[str]:
    """The texts of a module of Python, with N for what is filled in."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "N" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def faults(typed: str) -> Iterator[str]:
    """What is wrong with words behind `orthancgen`: a verb, an option or a choice that there is not."""
    typed = re.split(r"[,:](?:\s|$)", typed)[0]  # a sentence goes on
    try:
        words = shlex.split(typed, comments=True)
    except ValueError:
        words = typed.split()
    command: click.Command | None = cli.get_command(_ROOT_CONTEXT, words[0])
    if command is None:
        yield f"no verb {words[0]}"
        return
    rest = words[1:]
    if isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
    options = {name: one for one in command.params for name in (*one.opts, *one.secondary_opts)}
    for number, word in enumerate(rest):
        name, _, value = word.rstrip(",.:").partition("=")
        if not re.fullmatch(r"--?[a-z][a-z0-9-]*", name) or name in {"--help", "-h"}:
            continue
        if name not in options:
            yield f"{command.name} has no {name}"
        elif isinstance(kind := options[name].type, click.Choice):
            given = value or (rest[number + 1] if number + 1 < len(rest) else "")
            if given.islower() and not {*given.split("/"), *given.split("|")} & {*kind.choices}:
                yield f"{command.name} {name} has no {given}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_has_typed_exists(page: Path) -> None:
    typed = [*commands_of(page.read_text(encoding="utf-8"))]
    assert [(one, fault) for one in typed for fault in faults(one)] == []


def test_what_hints_have_typed_exists() -> None:
    wrong: list[tuple[str, str, str]] = []
    seen = 0
    for source in SOURCES:
        text = source.read_text(encoding="utf-8")
        for one in texts_of(text) if source.suffix == ".py" else [text]:
            for typed in _TYPED.findall(one):
                # In a sentence, `orthancgen` may be what acts: "orthancgen writes ...".
                if typed.split()[0] in VERBS:
                    seen += 1
                    wrong += [(source.name, typed, fault) for fault in faults(typed)]
    assert seen > 100
    assert wrong == []


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ("valdate prod", "no verb valdate"),
        ("render prod --ouput x", "render has no --ouput"),
        ("certs bundel prod --pkcs", "certs has no --pkcs"),
        ("audit prod --format sarfi", "audit --format has no sarfi"),
        ("audit prod --format=sarif -o x", None),
        ("secrets rotate prod NAME", None),
    ],
)
def test_it_would_be_found(typed: str, fault: str | None) -> None:
    assert [*faults(typed)] == ([fault] if fault else [])
