"""Typical mistakes and the complete text that people read about them."""

# ruff: noqa: E501  lines of the output are as long as they are
from __future__ import annotations

from pathlib import Path

import pytest

from orthancgen.site.load import load
from orthancgen.site.problems import as_text

START = """\
environment: dev
kind: development
orthanc: {aet: ORTHANC, version: 1.13.0}
dicom: {ae_checks: {calling_aet: anyone}}
users: {admin: {role: administrator, password: {secret: admin_password}}}
"""

CASES: dict[str, tuple[str, str]] = {
    "misspelt key": (
        "htpp:\n  port: 80\n",
        """\
dev.yaml:6:1: htpp: error: unknown key htpp
  6 | htpp:
    | ^^^^
  hint: did you mean http?
""",
    ),
    "misspelt word": (
        "modalities:\n  ct1:\n    aet: CT1\n    address: 192.0.2.10\n    may: [echo, stroe]\n",
        """\
dev.yaml:10:17: modalities.ct1.may[1]: error: "stroe" is none of: echo, store, find, find_worklist, get, move, storage_commitment
  10 |     may: [echo, stroe]
     |                 ^^^^^
  hint: did you mean store?
""",
    ),
    "quoted number": (
        'http: {port: "8042"}\n',
        """\
dev.yaml:6:14: http.port: error: a whole number is wanted here, not the text "8042"
  6 | http: {port: "8042"}
    |              ^^^^^^
  hint: without quotes
""",
    ),
    "port out of range": (
        "http: {port: 80420}\n",
        """\
dev.yaml:6:14: http.port: error: 80420 is out of range: the largest value is 65535
  6 | http: {port: 80420}
    |              ^^^^^
""",
    ),
    "port taken": (
        "http: {port: 4242}\n",
        """\
dev.yaml:6:14: http.port: error: port 4242 is dicom.port already
  6 | http: {port: 4242}
    |              ^^^^
""",
    ),
    "NO is no text": (
        "description: NO\n",
        """\
dev.yaml:6:14: description: error: NO is ambiguous: some readers take it for true or false
  6 | description: NO
    |              ^^
  hint: write "NO" for the text, or true or false
""",
    ),
    "key twice": (
        "http: {port: 1}\nhttp: {port: 2}\n",
        """\
dev.yaml:7:1: http: error: the key http stands twice, first on line 6
  7 | http: {port: 2}
    | ^^^^
""",
    ),
    "AE title too long": (
        "modalities:\n  ct1: {aet: COMPUTERTOMOGRAPH, address: 192.0.2.10}\n",
        """\
dev.yaml:7:14: modalities.ct1.aet: error: an AE title has at most 16 characters, this one has 17
  7 |   ct1: {aet: COMPUTERTOMOGRAPH, address: 192.0.2.10}
    |              ^^^^^^^^^^^^^^^^^
""",
    ),
    "network with host bits": (
        "network: {managed_from: [10.0.0.5/8]}\n",
        """\
dev.yaml:6:26: network.managed_from[0]: error: bits are set behind the prefix: write 10.0.0.0/8, or 10.0.0.5/32 for one host
  6 | network: {managed_from: [10.0.0.5/8]}
    |                          ^^^^^^^^^^
""",
    ),
    "missing value": (
        "modalities:\n  ct1: {aet: CT1}\n",
        """\
dev.yaml:7:3: modalities.ct1.address: error: address is missing
  7 |   ct1: {aet: CT1}
    |   ^^^
""",
    ),
    "literal password": (
        "backend:\n  operator_token: Hunter2pass  # for now\n",
        """\
dev.yaml:7:19: backend.operator_token: error: a reference to a secret is wanted here, never the secret itself
  7 |   operator_token: [hidden]  # for now
    |                   ^^^^^^^^
  hint: write {secret: a_name}; `secrets:` says where its value comes from, or it is generated
""",
    ),
    "one secret for two": (
        "webhook: {token: {secret: admin_password}}\n",
        """\
dev.yaml:6:27: webhook.token.secret: error: the secret admin_password is users.admin.password already
  6 | webhook: {token: {secret: admin_password}}
    |                           ^^^^^^^^^^^^^^
  hint: give each its own secret: one that is known then opens one door only
""",
    ),
    "indented with a tab": (
        "http:\n\tport: 80\n",
        """\
dev.yaml:7:1: error: not YAML: found character that cannot start any token
  7 |  port: 80
    | ^
  hint: indent with spaces, not tabs
""",
    ),
    "invisible character": (
        'contact: {name: "PACS\\u202eteam"}\n',
        """\
dev.yaml:6:17: contact.name: error: the text has an invisible or control character, U+202E
  6 | contact: {name: "PACS\\u202eteam"}
    |                 ^^^^^^^^^^^^^^^^
""",
    ),
    "no base": (
        "extends: bsae.yaml\n",
        """\
dev.yaml:6:10: error: cannot read bsae.yaml: No such file or directory
  6 | extends: bsae.yaml
    |          ^^^^^^^^^
""",
    ),
    "a warning": (
        "secrets: {old_token: {env: OLD}}\n",
        """\
dev.yaml:6:11: secrets.old_token: warning: nothing uses the secret old_token
  6 | secrets: {old_token: {env: OLD}}
    |           ^^^^^^^^^
""",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_complete_text(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    end, expected = CASES[case]
    Path("dev.yaml").write_text(START + end)
    loaded = load(Path("dev.yaml"))
    assert as_text(loaded.problems, loaded.sources).plain == expected


def test_a_long_line_is_cut_around_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = ", ".join(f"10.{i}.0.0/16" for i in range(100))
    Path("dev.yaml").write_text(START + f"network: {{managed_from: [{names}, 10.0.0.1/8]}}\n")
    loaded = load(Path("dev.yaml"))
    _, excerpt, carets, *_ = as_text(loaded.problems, loaded.sources).plain.splitlines()
    assert len(excerpt) < 120
    start = carets.index("^")
    assert excerpt[start : start + carets.count("^")] == "10.0.0.1/8"
