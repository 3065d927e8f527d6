"""What pages have a reader type exists: each `orthancgen ...` with its options and choices, each key of an environment.

So it is with what hints have typed.
"""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from orthancgen.cli import VERBS, cli
from orthancgen.site.load import load
from orthancgen.site.model import Site

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


_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FRAGMENTS = [
    (page.name, number, text)
    for page in PAGES
    for number, text in enumerate(_YAML.findall(page.read_text(encoding="utf-8")))
    # The others are of programs beside: pre-commit, Ansible, compose.
    if isinstance(said := yaml.safe_load(text), dict) and {*said} & {*Site.model_fields}
]
_SECTIONS = "|".join(one for one in Site.model_fields if one != "environment")
_INLINE = re.compile(rf"(?<![\w.{{])((?:{_SECTIONS}): \{{[^`\n]*\}})")
"""A part of an environment within a sentence."""


def inline(text: str) -> Iterator[str]:
    """Parts of an environment in a text, each as far as its braces go; none with something left out or filled in."""
    for found in _INLINE.findall(text):
        depth = 0
        for end, letter in enumerate(found, 1):
            depth += {"{": 1, "}": -1}.get(letter, 0)
            if letter == "}" and depth == 0:
                if "..." not in found[:end] and not re.search(r"\b(?:N|[A-Z]{3,})\b", found[:end]):
                    yield found[:end]
                break


def inline_parts() -> list[tuple[str, str]]:
    """Those of every page and every hint."""
    pages = [(page.name, page.read_text(encoding="utf-8")) for page in PAGES]
    hints = [
        (source.name, one)
        for source in SOURCES
        if source.suffix == ".py"
        for one in texts_of(source.read_text(encoding="utf-8"))
    ]
    return [(name, part) for name, text in (*pages, *hints) for part in inline(text)]


def problems_of(fragment: str, folder: Path) -> list[str]:
    """What is wrong with a part of an environment, whatever the rest of it may be."""
    path = folder / "fragment.yaml"
    # With a base that cannot be read, nothing is missed, and nothing compared.
    path.write_text(re.sub(r"^extends:.*\n", "", fragment, flags=re.MULTILINE) + "extends: gone.yaml\n")
    return [one.message for one in load(path).errors if "gone.yaml" not in one.message]


@pytest.mark.parametrize(("page", "number", "fragment"), FRAGMENTS, ids=lambda value: str(value)[:20])
def test_environments_on_a_page_are_taken(page: str, number: int, fragment: str, tmp_path: Path) -> None:
    assert problems_of(fragment, tmp_path) == []


def test_parts_of_environments_in_sentences_and_hints_are_taken(tmp_path: Path) -> None:
    parts = inline_parts()
    assert len(parts) > 50
    assert [(name, part, wrong) for name, part in parts if (wrong := problems_of(f"{part}\n", tmp_path))] == []


def test_a_wrong_environment_on_a_page_would_be_found(tmp_path: Path) -> None:
    assert len(FRAGMENTS) > 10
    assert problems_of("dicom: {port: 4242}\n", tmp_path) == []
    assert problems_of("dicom: {prot: 4242}\n", tmp_path) == ["unknown key prot"]
    assert len(problems_of("runtime: docker\nhttp: {port: x}\n", tmp_path)) == 2


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
