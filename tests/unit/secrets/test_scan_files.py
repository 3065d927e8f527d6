"""Files that are never tracked, comments that allow, and files of every sort and size."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orthancgen.secrets.scan.content import MAXIMUM_BYTES, Content, named
from orthancgen.secrets.scan.known import KnownValues
from orthancgen.secrets.scan.private_files import private_file
from orthancgen.secrets.scan.run import apart, scan
from orthancgen.secrets.scan.text import decode, kind_of
from tests.unit.secrets.scans import SECRET


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("keys/client.p12", None), ("a.PFX", None), ("store.jks", None), ("x.ppk", ""), ("vault.kdbx", None)),
        *(("server.key", None), ("server.key", "-----BEGIN EC PRIVATE KEY-----"), (".ssh/id_ed25519", "x")),
        *((".env", "A=1\n"), ("deploy/.env", "# x\nexport A='1'\n"), (".env.production", "A=1"), ("prod.env", "A=1")),
        *((".netrc", "x"), (".pgpass", "x"), ("www/.htpasswd", "x")),
        *((".secrets/token", "x"), ("run/orthanc.secret.json", "{}"), ("state/prod/withheld/secrets.next/token", "x")),
    ],
)
def test_a_private_file_is_told(name: str, text: str | None) -> None:
    assert private_file(name, text, frozenset({name}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("id_rsa.pub", "ssh-rsa AAAA"), ("licence.key", "a key for a licence"), ("public.pem", "x"), ("p12", "x")),
        *((".env", ""), (".env", "# nothing\nA=\nB=''\n"), (".env.example", "A=1"), ("example.env", "A=1")),
        *(("env.py", "A=1"), ("environment", "A=1"), ("secrets/README.md", "x"), ("src/secrets/store.py", "x")),
        *((".env.local.sample", "A=1"), ("a.env.j2", "A=1"), ("orthanc.json", "{}")),
    ],
)
def test_other_files_are_not(name: str, text: str) -> None:
    assert private_file(name, text, frozenset({name})) is None


def test_a_state_folder_is_known_by_what_lies_in_it() -> None:
    tracked = frozenset({"state/prod/secrets/token", "state/prod/key", "state/prod/config/orthanc.json"})
    assert private_file("state/prod/secrets/token", "x", tracked) == "a file of the state folder of an environment"
    assert private_file("state/prod/ca/dicom.pem", "x", tracked)
    assert private_file("state/prod/config/orthanc.json", "x", tracked) is None
    assert private_file("state/prod/secrets/token", "x", tracked - {"state/prod/key"}) is None


def found(text: str | bytes, name: str = "x.yaml", *, tracked: bool = False) -> tuple[list[str], int]:
    """Place and rule of each leak, and how many are allowed."""
    content = text.encode() if isinstance(text, str) else text
    result = scan([Content(name, name, content, tracked=tracked)], KnownValues())
    return [f"{leak.line}:{leak.column}-{leak.end_column} {leak.rule.id}" for leak in result.leaks], result.allowed


def test_only_tracked_files_are_told_by_their_name() -> None:
    assert found("A=1", ".env") == ([], 0)
    assert found("A=1", ".env", tracked=True) == (["1:1-1 private-file"], 0)
    assert found("# orthancgen: allow-secret nothing secret is in it\nA=1", ".env", tracked=True) == ([], 1)
    assert found(b"\0", "a.p12", tracked=True) == (["1:1-1 private-file"], 0)


def test_a_comment_with_a_reason_allows_a_line() -> None:
    line = f"password: {SECRET}"
    assert found(line) == (["1:11-27 literal-secret"], 0)
    assert found(f"{line}  # orthancgen: allow-secret of a sample") == ([], 1)
    assert found(f"# orthancgen: allow-secret of a sample\n{line}") == ([], 1)
    assert found(f"// orthancgen:allow-secret: of a sample\n\n{line}") == (["3:11-27 literal-secret"], 0)
    for without_reason in (
        "# orthancgen: allow-secret",
        "# orthancgen: allow-secret -->",
        "# orthancgen: allow-secrets x",
    ):
        assert found(f"{line}  {without_reason}") == (["1:11-27 literal-secret"], 0)
    # Of two on a line none is hidden by the other.
    assert found(f"{{a: {{password: {SECRET}}}, b: {{password: {SECRET}}}}}") == (
        ["1:16-32 literal-secret", "1:49-65 literal-secret"],
        0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (f"a: ü\r\npassword: {SECRET}\r\n".encode(), "2:11-27"),
        (b"\xef\xbb\xbf" + f"password: {SECRET}".encode(), "1:11-27"),
        (f"a: \xfc\npassword: {SECRET}".encode("latin-1"), "2:11-27"),
        (f"password: {SECRET}".encode("utf-16"), "1:11-27"),
        (b"\xfe\xff" + f"x\n\npassword: {SECRET}".encode("utf-16-be"), "3:11-27"),
        (f"\x1b[2J\x07\npassword: {SECRET}".encode(), "2:11-27"),
    ],
)
def test_encodings(content: bytes, place: str) -> None:
    assert found(content) == ([f"{place} literal-secret"], 0)


def test_binary_files_hold_no_text() -> None:
    assert decode(b"ab\0cd") is None
    assert found(b"\0" + f"password: {SECRET}".encode()) == ([], 0)


def test_files_are_read_as_what_they_are() -> None:
    assert [kind_of(name) for name in ("a.yaml", "Dockerfile", ".env", "a.PY", "x/a.md")] == [
        *("configuration", "configuration", "configuration", "code", "prose"),
    ]


def test_folders_are_walked_without_links_and_devices(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.yaml").write_text("x")
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "a/link.yaml").symlink_to("x.yaml")
    (tmp_path / "a/.git").mkdir()
    (tmp_path / "a/.git/config").write_text("x")
    os.mkfifo(tmp_path / "a/pipe")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAXIMUM_BYTES + 1)
    contents = list(named([tmp_path], None))
    assert [(Path(one.name).name, one.content) for one in contents] == [("large", None), ("x.yaml", b"x")]
    result = scan(contents, KnownValues())
    assert (result.files, result.unread) == (2, (str(tmp_path / "large"),))
    assert [one.content for one in named([tmp_path / "a/link.yaml"], None)] == [b"x"]


def test_no_more_than_a_thousand_of_a_sort_are_told_of_one_file() -> None:
    assert len(found(f"password: {SECRET}\n" * 3000)[0]) == 1000


@pytest.mark.parametrize(
    "part",
    ["password=", "eyJ", "://a:", "-----BEGIN PRIVATE KEY-----", '"RegisteredUsers":{"a":"b",', "AKIA", "ghp_", "["],
)
def test_a_megabyte_on_one_line_ends(part: str) -> None:
    apart(part * (1_000_000 // len(part)), "x.yaml", KnownValues())


_FRAGMENTS = st.sampled_from(
    ["password", "token", ":", "=", " ", '"', "'", "{", "}", "\n", "RegisteredUsers", "://u:", "@h", "\\",
     "-----BEGIN ", "PRIVATE KEY-----", "AKIA", "ghp_", "eyJ", ".", "$", "//", "/*", "curl -u a:",
     "\ud800", "\x00", "é", SECRET]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(_FRAGMENTS, st.text(max_size=8)), max_size=40).map("".join),
    st.sampled_from(["a.yaml", "b.py", "c.md"]),
)
def test_any_text_gives_spans_in_order_and_inside_of_it(text: str, name: str) -> None:
    spans = apart(text, name, KnownValues())
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert all(first.end <= second.start for first, second in itertools.pairwise(spans))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_file(content: bytes) -> None:
    scan([Content("x", "x", content, tracked=True)], KnownValues())
