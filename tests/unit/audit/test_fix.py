"""--fix: the value is set and nothing else is changed: no comment, no blank, no other value."""

from __future__ import annotations

import json
import os
import random
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from orthancgen.audit.fix import difference, edits, fixed, said, write
from orthancgen.audit.rule import REMOVE, Finding, SetValue, Suppression
from orthancgen.audit.splices import CannotEditError, replacements, spliced, splices
from orthancgen.errors import InputError
from orthancgen.foreign.jsonc import parse
from orthancgen.site.problems import HIDDEN, KeyPath
from tests.unit.audit.reports import DAV, finding

EDITS: dict[str, tuple[str, KeyPath, object, str]] = {
    "a value": ('{"A": true, "B": 1}', ("A",), False, '{"A": false, "B": 1}'),
    "in a file with comments": (
        '// head\n{\n  "A": /* why */ true, // on\n  /* b */ "B": 1\n} // end\n',
        ("A",),
        False,
        '// head\n{\n  "A": /* why */ false, // on\n  /* b */ "B": 1\n} // end\n',
    ),
    "a text": ('{"A": "a \\" , } // x"}', ("A",), "Never", '{"A": "Never"}'),
    "a list": ('{"A": [1, {"x": "]"}, 2], "B": 0}', ("A",), [], '{"A": [], "B": 0}'),
    "an element": ('{"A": [1, 2, 3]}', ("A", 1), 7, '{"A": [1, 7, 3]}'),
    "inside of a section": ('{"S": {"T": {"A": 1}}}', ("S", "T", "A"), None, '{"S": {"T": {"A": null}}}'),
    "with the other line ends": ('{\r\n\t"A": true\r\n}\r\n', ("A",), False, '{\r\n\t"A": false\r\n}\r\n'),
    "behind a byte order mark": ('\ufeff{"A": true}', ("A",), False, '\ufeff{"A": false}'),
    "behind what is behind a comma": ('{"A": true,}', ("A",), False, '{"A": false,}'),
    "a dollar": ('{"A": ""}', ("A",), "$HOME", '{"A": "\\u0024HOME"}'),
    "the last of two": ('{"A": 1, "A": 2}', ("A",), 3, '{"A": 1, "A": 3}'),
    "a new key": ('{\n  "A": 1\n}\n', ("B",), 2, '{\n  "A": 1,\n  "B": 2\n}\n'),
    "a new key behind a comment": (
        '{\n    "A": 1 // of A\n    // of nothing\n}\n',
        ("B",),
        True,
        '{\n    "A": 1, // of A\n    // of nothing\n    "B": true\n}\n',
    ),
    "a new key behind a comma": ('{\n  "A": 1,\n}\n', ("B",), 2, '{\n  "A": 1,\n  "B": 2\n}\n'),
    "a new key on one line": ('{"A": 1 }', ("B",), 2, '{"A": 1, "B": 2 }'),
    "a new key on a line of carriage returns": (
        '{\r\n "A": 1\r\n}',
        ("B",),
        2,
        '{\r\n "A": 1,\r\n "B": 2\r\n}',
    ),
    "the first key": ("{}", ("A",), 1, '{\n  "A": 1\n}'),
    "the first key beside a comment": ("{ // none\n}\n", ("A",), 1, '{ // none\n  "A": 1\n}\n'),
    "the first key of a section": (
        '{\n\t"S": {},\n\t"T": 1\n}',
        ("S", "A"),
        1,
        '{\n\t"S": {\n\t\t"A": 1\n\t},\n\t"T": 1\n}',
    ),
    "a new section": ('{\n  "A": 1\n}', ("S", "T"), 2, '{\n  "A": 1,\n  "S": {"T": 2}\n}'),
    "a removal": ('{\n  "A": 1,\n  "B": 2,\n  "C": 3\n}', ("B",), REMOVE, '{\n  "A": 1,\n  "C": 3\n}'),
    "a removal of the first": ('{\n  "A": 1,\n  "B": 2\n}', ("A",), REMOVE, '{\n  "B": 2\n}'),
    "a removal of the last": ('{\n  "A": 1,\n  "B": 2\n}', ("B",), REMOVE, '{\n  "A": 1\n}'),
    "a removal of the only one": ('{\n  "A": 1\n}', ("A",), REMOVE, "{\n}"),
    "a removal on one line": ('{"A": 1, "B": 2}', ("A",), REMOVE, '{"B": 2}'),
    "a removal of the last on one line": ('{"A": 1, "B": 2}', ("B",), REMOVE, '{"A": 1 }'),
    "a removal keeps the comments": (
        '{\n  "A": 1, // of A\n  // of B\n  "B": {"x": 1} /* b */ // more\n}',
        ("B",),
        REMOVE,
        '{\n  "A": 1 // of A\n  // of B\n  /* b */ // more\n}',
    ),
    "a removal of an element": ('{"A": [1, 2, 3]}', ("A", 2), REMOVE, '{"A": [1, 2 ]}'),
    "what is so already": ('{"A": false}', ("A",), False, '{"A": false}'),
    "a removal of what is not there": ('{"A": 1}', ("B",), REMOVE, '{"A": 1}'),
}


@pytest.mark.parametrize("case", EDITS)
def test_the_text_afterwards(case: str) -> None:
    text, path, value, expected = EDITS[case]
    assert spliced(text, splices(text, SetValue("a.json", path, value))) == expected


REFUSED: dict[str, tuple[str, KeyPath, object, str]] = {
    "no JSON": ("{", ("A",), 1, "the file has errors of its own"),
    "nothing": ("", ("A",), 1, "the file has errors of its own"),
    "a list": ("[]", ("A",), 1, "the file has errors of its own"),
    "a key in a value": ('{"A": 1}', ("A", "B"), 2, "there is nothing that could hold A.B"),
    "a key in a list": ('{"A": []}', ("A", "B"), 2, "there is nothing that could hold A.B"),
    "an element that is not there": ('{"A": []}', ("A", 0), 2, "there is nothing that could hold A[0]"),
    "a removal of what stands twice": ('{"A": 1, "A": 2}', ("A",), REMOVE, "the key stands twice"),
    "a comment would go": ('{"A": [ // x\n 1]}', ("A",), [], "an edit here would change more than that"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case: str) -> None:
    text, path, value, said = REFUSED[case]
    with pytest.raises(CannotEditError) as error:
        splices(text, SetValue("a.json", path, value))
    assert str(error.value) == said


def written(value: Any, chance: random.Random) -> str:
    """A value as JSON with blanks, comments and line ends of chance."""

    def gap() -> str:
        return chance.choice(["", "", " ", "\n  ", "\r\n\t", ' // a } , "\n ', " /* ] { */ ", "\t"])

    if isinstance(value, dict):
        members = [
            f"{gap()}{json.dumps(key)}:{chance.choice(['', ' '])}{written(one, chance)}" for key, one in value.items()
        ]
        comma = chance.choice(["", "", ","]) if members else ""
        return "{" + ",".join(f"{member}{gap()}" for member in members) + comma + gap() + "}"
    if isinstance(value, list):
        items = [f"{gap()}{written(one, chance)}" for one in value]
        return "[" + ",".join(items) + chance.choice(["", " "]) + "]"
    return json.dumps(value)


def value_of_chance(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(6 if depth < 3 else 4)
    if kind == 0:
        return "".join(chance.choices(string.ascii_letters + '"\\/{}[],:é$ ', k=chance.randrange(6)))
    if kind == 1:
        return chance.randrange(-5, 5)
    if kind in {2, 3}:
        return chance.choice([True, False, None])
    count = chance.randrange(4)
    if kind == 4:
        return [value_of_chance(chance, depth + 1) for _ in range(count)]
    return {chance.choice("ABCDEF"): value_of_chance(chance, depth + 1) for _ in range(count)}


def test_any_edit_of_any_file_does_what_it_says_or_is_refused() -> None:
    chance = random.Random(7)
    done = 0
    for _ in range(1500):
        before = {key: value_of_chance(chance) for key in chance.sample("ABCDEF", chance.randrange(6))}
        text = written(before, chance)
        path: KeyPath = tuple(chance.choice("ABCDEF") for _ in range(chance.choice([1, 1, 1, 2, 3])))
        value = chance.choice([REMOVE, True, "x", 5, {"A": [1]}, []])
        document = parse(text, "a.json")
        if any(problem.severity == "error" for problem in document.problems):
            continue
        assert document.tree is not None
        try:
            steps = splices(text, SetValue("a.json", path, value))
        except CannotEditError:
            continue
        done += 1
        after = parse(spliced(text, steps), "a.json")
        assert after.tree is not None
        found: Any = after.tree.plain()
        wanted: Any = document.tree.plain()
        for part in path[:-1]:
            if value is not REMOVE:
                wanted.setdefault(part, {})
                found, wanted = found[part], wanted[part]
        if value is not REMOVE:
            assert found.pop(path[-1]) == value
            wanted.pop(path[-1], None)
            assert json.dumps(found) == json.dumps(wanted)
        else:
            _, depth = after.tree.find(path)
            assert depth < len(path), text
        assert [one.text for one in after.comments] == [one.text for one in document.comments]
        assert all(one.start <= one.end for one in steps)
    assert done > 700


def test_places_of_an_edit() -> None:
    text = '{\n  "A": true,\n  "B": 1\n}\n'
    (one,) = replacements(text, splices(text, SetValue("a", ("A",), False)))
    assert (one.start, one.end, one.text) == ((2, 8), (2, 12), "false")
    (one,) = replacements(text, splices(text, SetValue("a", ("C",), 2)))
    assert (one.start, one.end, one.text) == ((3, 9), (3, 9), ',\n  "C": 2')
    text = '{\n  "A": true // of A\n}\n'
    first, second = replacements(text, splices(text, SetValue("a", ("C",), 2)))
    assert (first.start, first.end, first.text) == ((2, 12), (2, 12), ",")
    assert (second.start, second.end, second.text) == ((2, 20), (2, 20), '\n  "C": 2')


def to_set(file: str, key: str, value: object = False, suppression: Suppression | None = None) -> Finding:
    return finding(DAV, file=file, path=(key,), fix=SetValue(file, (key,), value), suppression=suppression)


CONFIGURATION = (
    '{\n  // "Password": "hidden too"\n  "RegisteredUsers": {"o": "hunter2hunter2"},\n  "WebDavEnabled": true\n}\n'
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "orthanc.json"
    made.write_text(CONFIGURATION)
    made.chmod(0o640)
    return made


def test_several_edits_of_a_file_at_once(file: Path) -> None:
    findings = [to_set("orthanc.json", "WebDavEnabled"), to_set("orthanc.json", "ExecuteLuaEnabled"), finding()]
    files, left = fixed(findings)
    assert [(one.file, len(one.done)) for one in files] == [("orthanc.json", 2)]
    assert [(one.finding.rule.id, one.why) for one in left] == [("door-open", "a person has to decide")]
    assert file.read_text() == CONFIGURATION
    write(files)
    assert file.read_text() == CONFIGURATION.replace(
        '"WebDavEnabled": true', '"WebDavEnabled": false,\n  "ExecuteLuaEnabled": false'
    )
    assert file.stat().st_mode & 0o7777 == 0o640
    assert list(file.parent.iterdir()) == [file]


def test_what_is_accepted_or_contradicts_is_left_alone(file: Path) -> None:
    accepted = to_set("orthanc.json", "WebDavEnabled", suppression=Suppression("waiver", "known"))
    assert fixed([accepted]) == ((), ())
    (one,), (left,) = fixed([to_set("orthanc.json", "A", 1), to_set("orthanc.json", "A", 2)])
    assert '"A": 1' in one.after
    assert left.why == "what mends another finding is set there"
    (same,), none = fixed([to_set("orthanc.json", "A", 1), to_set("orthanc.json", "A", 1)])
    assert (len(same.done), none) == (2, ())


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("gone.json", None, "No such file or directory"),
        ("broken.json", b'{"WebDavEnabled": }', "the file has errors of its own"),
        ("latin.json", b'{"A": "\xe9"}', "the file is no UTF-8"),
        ("prod.yaml", b'{"WebDavEnabled": true}', "no YAML file is changed"),
        ("x\0.json", None, "the file cannot be read"),
    ],
)
def test_a_file_that_cannot_be_edited_is_left_for_people(
    name: str, content: bytes | None, why: str, file: Path
) -> None:
    if content is not None:
        (file.parent / name).write_bytes(content)
    files, left = fixed([to_set(name, "WebDavEnabled")])
    assert files == ()
    assert [one.why for one in left] == [why]
    assert edits([to_set(name, "WebDavEnabled")]) == {}


def test_a_file_that_changed_meanwhile_is_not_written(file: Path) -> None:
    files, _ = fixed([to_set("orthanc.json", "WebDavEnabled")])
    file.write_text("{}")
    with pytest.raises(InputError, match="was changed meanwhile"):
        write(files)
    assert file.read_text() == "{}"
    assert list(file.parent.iterdir()) == [file]


def test_a_link_stays_one(file: Path) -> None:
    (file.parent / "link.json").symlink_to("orthanc.json")
    write(fixed([to_set("link.json", "WebDavEnabled")])[0])
    assert (file.parent / "link.json").is_symlink()
    assert '"WebDavEnabled": false' in file.read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_owner_stays(file: Path) -> None:
    os.chown(file, 12345, 54321)
    file.chmod(0o600)
    write(fixed([to_set("orthanc.json", "WebDavEnabled")])[0])
    there = file.stat()
    assert (there.st_uid, there.st_gid, there.st_mode & 0o7777) == (12345, 54321, 0o600)


def diff(masked: str | None, findings: Sequence[Finding]) -> list[str]:
    (one,) = fixed(findings)[0]
    return list(difference(one, masked))


def test_the_difference_hides_secrets(file: Path) -> None:
    masked = CONFIGURATION.replace("hunter2hunter2", HIDDEN * 14).replace("hidden too", HIDDEN * 10)
    wanted = [
        "--- orthanc.json",
        "+++ orthanc.json",
        "@@ -2,5 +2,5 @@",
        '   // "Password": "[hidden]"',
        '   "RegisteredUsers": {"o": "[hidden]"},',
        '-  "WebDavEnabled": true',
        '+  "WebDavEnabled": false',
        " }",
        " ",
    ]
    assert diff(masked, [to_set("orthanc.json", "WebDavEnabled")]) == wanted
    for unusable in (None, "short"):
        shown = "\n".join(diff(unusable, [to_set("orthanc.json", "WebDavEnabled")]))
        assert "hunter2" not in shown
        assert '+  "WebDavEnabled": false' in shown


def test_the_difference_moves_no_cursor(file: Path) -> None:
    file.write_text('{\n  "A": true, // \x1b[31m\u202e\n\t"B": 1\n}\n')
    shown = diff(None, [to_set("orthanc.json", "A")])
    assert all(line.replace("\t", "").isprintable() for line in shown)
    assert ' \t"B": 1' in shown


def test_what_is_said_of_an_edit() -> None:
    assert said(to_set("a", "WebDavEnabled")) == "WebDavEnabled: false"
    assert said(to_set("a", "WebDavEnabled", REMOVE)) == "WebDavEnabled: removed"
    assert said(to_set("a", "A", "x\n")) == 'A: "x\\n"'


def test_edits_of_each_finding_alone(file: Path) -> None:
    findings = [to_set("orthanc.json", "WebDavEnabled"), to_set("orthanc.json", "New"), finding()]
    found = edits(findings)
    assert set(found) == {findings[0].fingerprint, findings[1].fingerprint}
    assert [one.text for one in found[findings[1].fingerprint]] == [',\n  "New": false']


def test_a_large_file_takes_linear_work(file: Path) -> None:
    lines = [f'  "K{number}": [{{"a": "}}"}}, 1], // {number}\n' for number in range(8_000)]
    file.write_text("{\n" + "".join(lines) + '  "End": 0\n}\n')
    (one,), left = fixed([to_set("orthanc.json", "K7999"), to_set("orthanc.json", "Last")])
    assert left == ()
    assert one.after.endswith('"K7999": false, // 7999\n  "End": 0,\n  "Last": false\n}\n')
    assert len(list(difference(one, None))) < 15
