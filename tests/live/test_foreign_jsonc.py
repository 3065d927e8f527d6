"""What Orthanc itself makes of a configuration, against what we read of it."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from orthancgen.foreign.configuration import Circumstances, read_part
from orthancgen.foreign.model import EnvironmentValue
from orthancgen.orthanc.keys import Version
from orthancgen.site.problems import Mark
from tests.support.servers import require_program

pytestmark = pytest.mark.live

SEED: Final = 20261127
COUNT: Final = 120
PRINTS: Final = 'print("@@" .. DumpJson(GetOrthancConfiguration(), true) .. "@@"); io.stdout:flush(); os.exit(0)'
"""A script that Orthanc runs when it has read its configuration, before it opens a port."""


def orthanc_reads(files: Mapping[str, bytes], folder: Path, environment: Mapping[str, str] | None = None) -> Any:
    """The configuration as Orthanc read it, numbers as texts; None where it refuses it."""
    configuration = folder / "configuration"
    configuration.mkdir(parents=True)
    script = folder / "print.lua"
    script.write_text(PRINTS)
    own = {"LuaScripts": [str(script)], "StorageDirectory": str(folder), "IndexDirectory": str(folder), "Plugins": []}
    (configuration / "own.json").write_text(json.dumps(own))
    for name, content in files.items():
        (configuration / name).parent.mkdir(exist_ok=True)
        (configuration / name).write_bytes(content)
    done = subprocess.run(
        [require_program("Orthanc"), str(configuration)],
        capture_output=True, timeout=240, stdin=subprocess.DEVNULL, env=dict(os.environ) | dict(environment or {}),
        check=False,
    )  # fmt: skip
    printed = (done.stdout + done.stderr).decode("utf-8", "replace").split("@@")  # it goes into the log
    if len(printed) < 3:
        assert b"JSON" in done.stderr or b"Uncaught exception" in done.stderr, done.stderr[-500:]
        return None
    return {key: value for key, value in json.loads(printed[1]).items() if key not in own}


def we_read(files: Mapping[str, bytes], folder: Path, environment: Mapping[str, str] | None = None) -> Any:
    """The same, as we read it."""
    configuration = folder / "configuration"
    mark = Mark("", 1, 1, 1)
    values = {name: EnvironmentValue(name, value, mark, ()) for name, value in (environment or {}).items()}
    part = read_part(
        [configuration], version=Version(1, 10, 1), publisher=None, name="o",
        circumstances=Circumstances(values, environment_complete=True),
    )  # fmt: skip
    if any(problem.severity == "error" for problem in part.problems):
        return None
    own = {"LuaScripts", "StorageDirectory", "IndexDirectory", "Plugins"}
    return {key: value for key, value in part.tree.plain().items() if key not in own}


def comparable(value: Any) -> Any:
    """Lua prints numbers as texts, drops null, and tells empty lists and objects not apart."""
    if isinstance(value, dict):
        members = {key: comparable(inner) for key, inner in value.items() if inner is not None}
        return members or []
    if isinstance(value, list):
        return [comparable(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    try:
        return float(value)
    except ValueError:
        return value


def agree(content: str | bytes, folder: Path, environment: Mapping[str, str] | None = None) -> Any:
    """Both read the same; what that is."""
    files = {"a.json": content.encode() if isinstance(content, str) else content}
    theirs = orthanc_reads(files, folder, environment)
    ours = we_read(files, folder, environment)
    assert comparable(ours) == comparable(theirs), (content, ours, theirs)
    return theirs


ACCEPTED: Final = (
    '{"A": 1}', '{"A": 1,}', '{"A": [1,]}', '{"A": 01}', '{"A": +1}', '{"A": 5.}', '{"A": -}', '{"A": -.5}',
    '{"A": "x\ty"}', '{"A": "x\ny"}', '{"A": "\\u00e9\\ud83d\\ude00"}', '{"A": 1} x', '{"A": 1}}', '{"A": 1} {"B": 2}',
    '{"A": 1, "A": 2}', '{"A": {"x": 1}, "A": {"y": 2}}', '{"A": 1} // c', '/* a */ {"A": 1}', '{"A": /* c */ 1}',
    '{/* c */ "A": 1}', '{"A": 1 /* c */, "B": 2}', '{"A": [1 /* c */]}', '{"A": 1, /* c */}', '{"A": 1,\n// c\n}',
    '\ufeff{"A": 1}', '{"A": 1}\0x', '{"": 1}', '{"A": "\\/"}', '{"A": 99999999999999999999}', '{"A": 1//}\n}',
    '{"A": "x" /* c */ ] "B": 2}', '{"A": "x" /* c */ "y" "B": 2}', '{"A": 1} # c',
)  # fmt: skip

REFUSED: Final = (
    "", "[1]", '"x"', '{"A": [1,,2]}', '{"A": [,1]}', '{"A":, "B": 2}', '{, "A": 1}', '{"A": 1 "B": 2}', "{'A': 1}",
    "{\"A\": 'x'}", "{A: 1}", '{"A": .5}', '{"A": 1e}', '{"A": 1.2.3}', '{"A": 0x10}', '{"A": NaN}', '{"A": Infinity}',
    '{"A": True}', '{"A": "x\\qy"}', '{"A": "\\ud800"}', '{"A": "\\u12g4"}', '{"A": "x}', '{"A": 1 // c',
    '{"A": 1 /* c',
    '{"A" /* c */ : 1}', '{"A": [/* c */]}', '{"A": [1, /* c */]}', '{"A": 1 # c\n}', '{"A": 1e999}',
    '{"A": 1; "B": 2}',
    '{"A" = 1}', '{1: 2}', '{"A": 1, "B"}', '{"A": {"B": 1}', "\f{}", '{"A": 1,, "B": 2}', '{"A": 1 // c\n "B": 2}',
)  # fmt: skip


@pytest.mark.parametrize("content", ACCEPTED)
def test_what_orthanc_accepts_we_accept(content: str, tmp_path: Path) -> None:
    assert agree(content, tmp_path) is not None


@pytest.mark.parametrize("content", REFUSED)
def test_what_orthanc_refuses_we_refuse(content: str, tmp_path: Path) -> None:
    assert agree(content, tmp_path) is None


def test_utf_16_is_refused_and_other_bytes_are_not(tmp_path: Path) -> None:
    assert agree('{"A": 1}'.encode("utf-16"), tmp_path / "1") is None
    assert agree(b'{"A": "\xe9"}', tmp_path / "2") is not None


VARIABLES: Final = {"Q": "q", "N": "5", "E": "", "A.B": "dot"}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ('"${Q}"', "q"), ("${N}", "5.0"), ('"${NO}"', ""), ('"${NO:-d}"', "d"), ('"${Q:-d}"', "q"), ('"${E:-d}"', ""),
        ('"${NO:-\'a}b\'}"', "a}b"), ('"${NO:d}"', "${NO:d}"), ('"${NO-d}"', ""), ('"$Q"', "$Q"), ('"$${Q}"', "$q"),
        ('"${NO:-${Q}}"', "${Q}"), ('"${A.B}"', "dot"), ('"\\u0024{Q}"', "${Q}"), ("${NO:-true}", True),
        ('"${NO:-a\'b}"', "${NO:-a'b}"), ("${NO}", None), ('"${}"', None), ('"${Q"', None),
    ],
)  # fmt: skip
def test_variables(value: str, read: object, tmp_path: Path) -> None:
    found = agree(f'{{"A": {value}}}', tmp_path, VARIABLES)
    assert (None if found is None else found["A"]) == read


@pytest.mark.parametrize(
    "files",
    [
        {"b.JSON": b'{"B": 1}', ".c.json": b'{"C": 1}', "d.jsonc": b'{"D": 1}', "e.json.bak": b'{"E": 1}'},
        {"b.json/c.json": b'{"C": 1}', "d.json": b"{}"},
        {"b.json": b'{"A": 1}', "c.json": b'{"A": 2}'},
        {"b.json": b'{"A": 1}', "c.json": b'{"A": null}'},
        {"b.json": b'{"A": {"a": 1}}', "c.json": b'{"A": {"b": 1}}'},
        {"b.json": b"", "c.json": b'{"A": 1}'},
    ],
)
def test_folders(files: Mapping[str, bytes], tmp_path: Path) -> None:
    theirs = orthanc_reads(files, tmp_path)
    assert comparable(we_read(files, tmp_path)) == comparable(theirs)


PIECES: Final = (
    "{", "}", "[", "]", ",", ":", '"A"', '"B"', '"C":', "1", "true", "null", '"x"', "//c\n", "/*c*/", " ", "\n",
    "-", "+1",
    "01", "1.", "1e5", "-.5", '"\\u0041"', '"a\tb"', "'q'", "#", "x", '"D": {"E": [1, 2]}', '"F": "v"', "${Q}",
)  # fmt: skip
ORIGINALS: Final = (
    '{"A": 1, "B": [1, 2, {"C": "x"}], "D": {"E": "y"}}', '{"A": "x" /*c*/, // y\n "B": [ /*z*/ 1 ]}',
)  # fmt: skip


def test_mutations_of_chance(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    accepted = 0
    for number in range(COUNT):
        text = chance.choice(ORIGINALS)
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + chance.choice((*PIECES, "", "")) + text[at + chance.choice((0, 0, 1, 3)) :]
        accepted += agree(text, tmp_path / str(number), {"Q": "1"}) is not None
    assert COUNT // 10 < accepted < COUNT
