"""A password that was written where a reference belongs is refused, and no output shows it or how long it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.errors import InputError
from orthancgen.site.problems import as_github, as_json, as_text
from tests.support.environments import MINIMAL, load_text

SECRET = "Hunter2pass"

HEAD = MINIMAL.replace("users: ", "# ")

PLACES = [
    f"users: {{admin: {{role: administrator, password: {SECRET}}}}}",
    f"users: {{admin: {{role: admin, password: {SECRET}}}}}",
    f"users:\n  admin:\n    role: administrator\n    password: {SECRET}",
    f"users:\n  admin:\n    role: administrator\n    password: '{SECRET}'   # not for long",
    f"users:\n  admin:\n    role: administrator\n    password: {{secret: {SECRET}}}",
    f"users:\n  admin:\n    role: administrator\n    password: {{value: {SECRET}}}",
    f"users:\n  admin:\n    role: administrator\n    password: [{SECRET}]",
    f"users:\n  admin:\n    role: administrator\n    password: {{secret: {{value: [1, {SECRET}]}}}}",
    f"users:\n  admin:\n    role: administrator\n    password: |\n      {SECRET}\n",
    f"users:\n  admin:\n    role: administrator\n    password: !{SECRET}",
    f"users:\n  admin:\n    role: administrator\n    password: !{SECRET} x",
    f"users:\n  admin:\n    role: administrator\n    password: &{SECRET}",
    f"users:\n  admin:\n    role: administrator\n    password: *{SECRET}",
    f"users:\n  admin:\n    role: administrator\n    password: @{SECRET}",
    f"users:\n  admin:\n    role: administrator\n    password: %{SECRET}",
    f"users:\n  admin:\n    role: administrator\n    password: a: {SECRET}",
    f'users:\n  admin:\n    role: administrator\n    password: "{SECRET}',
    f'users:\n  admin:\n    role: administrator\n    password: "\\q{SECRET}"',
    f"users:\n  admin:\n    role: administrator\n    password: |\n      {SECRET}\n     {SECRET}\n    x",
    f"users:\n  admin:\n    role: administrator\n    pasword: {SECRET}",
    f"users:\n  admin:\n    role: administrator\n    password: {{secret: a}}\n    password: {SECRET}",
    f"users:\n  admin: {{role: administrator, password: {{secret: a}}}}\nsecrets: {{a: {SECRET}}}",
    f"users:\n  admin: {{role: administrator, password: {{secret: a}}}}\nsecrets: {{a: {{value: {SECRET}}}}}",
    f"users:\n  admin: {{role: administrator, password: {{secret: a}}}}\nsecrets: {{a: {{env: {SECRET}}}}}",
    f"users:\n  admin: {{role: administrator, password: {{secret: a}}}}\nsecrets:\n  a: [x\n  b: {SECRET}",
    f"webhook: {{token: {SECRET}}}",
    f"webhook: {{url: 'http://user:{SECRET}@host.example/'}}",
    f"webhook: {{url: 'http://user:{SECRET}@host.example/}}",
    f"backend: {{database: {{password: {SECRET}}}}}",
    f"backend: {{orthanc_password: {SECRET}, operator_token: '{SECRET}'}}",
    f"dicom: {{tls: {{private_key: {SECRET}}}}}",
    f"http: {{tls: {{certificate: {SECRET}}}}}",
    f"settings: {{RegisteredUsers: {{admin: {SECRET}}}}}",
    f"x: {{OrthancPeers: {{a: {{Url: 'http://h/', Username: u, Password: {SECRET}}}}}}}",
]


def outputs(text: str, folder: Path) -> list[str]:
    loaded = load_text(text, folder)
    assert loaded.site is None
    with pytest.raises(InputError) as raised:
        loaded.require()
    problems = loaded.problems
    everything = [as_text(problems, loaded.sources).plain, as_json(problems), as_github(problems)]
    return [*everything, str(raised.value), repr(dict(raised.value.sources)), repr(loaded)]


@pytest.mark.parametrize("place", PLACES)
def test_no_output_shows_it(place: str, tmp_path: Path) -> None:
    for output in outputs(HEAD + place + "\n", tmp_path):
        assert SECRET not in output
        assert SECRET.lower() not in output.lower()


@pytest.mark.parametrize("value", ["012345", "12:34:56", "2026-01-31", "1_000_000", "NO", "-0777", "1e99"])
def test_no_message_repeats_an_ambiguous_password(value: str, tmp_path: Path) -> None:
    for output in outputs(HEAD + f"users: {{a: {{role: administrator, password: {value}}}}}\n", tmp_path)[:3]:
        assert f" {value}" not in output
        assert f'"{value}' not in output


@pytest.mark.parametrize("value", ["123456789", "1.75", "true", "12345678901234567890123"])
def test_no_message_repeats_a_password_that_is_no_text(value: str, tmp_path: Path) -> None:
    for output in outputs(HEAD + f"users: {{a: {{role: administrator, password: {value}}}}}\n", tmp_path)[:3]:
        assert value not in output


def test_a_password_of_another_key_of_orthanc(tmp_path: Path) -> None:
    settings = f"{{OrthancPeers: {{a: {{Url: 'http://h/', Username: u, Pasword: {SECRET}}}}}, StableAge: soon}}"
    text = MINIMAL.replace("version: 1.13.0", f"version: 1.13.0, settings: {settings}")
    for output in outputs(text, tmp_path)[:3]:
        assert SECRET not in output


def test_the_message_says_what_to_write(tmp_path: Path) -> None:
    text = HEAD + f"users:\n  admin: {{role: administrator, password: {SECRET}}}\n"
    loaded = load_text(text, tmp_path)
    (problem,) = loaded.problems
    assert problem.key_path == "users.admin.password"
    assert problem.message == "a reference to a secret is wanted here, never the secret itself"
    assert problem.hint is not None
    assert problem.hint.startswith("write {secret: a_name}")


def test_the_mask_does_not_tell_the_length(tmp_path: Path) -> None:
    def excerpt(password: str) -> str:
        loaded = load_text(HEAD + f"users: {{a: {{role: x, password: {password}}}}}\n", tmp_path)
        return as_text(loaded.problems, loaded.sources).plain

    assert excerpt("a1b2c3d4") == excerpt("a" * 90)


def test_names_of_secrets_paths_and_variables_are_shown(tmp_path: Path) -> None:
    text = HEAD + (
        "users:\n  a: {role: x, password: {secret: a_name}}\nsecrets:\n"
        "  a_name: {file: /run/a, env: A_VARIABLE}\n  'b b': {file: /run/b}\n"
    )
    shown = as_text((loaded := load_text(text, tmp_path)).problems, loaded.sources).plain
    assert "password: {secret: a_name}}" in shown
    assert "a_name: {file: /run/a, env: A_VARIABLE}" in shown
    assert "[hidden]" not in shown
