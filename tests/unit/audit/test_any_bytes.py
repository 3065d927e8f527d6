"""Any bytes as input: a finding or a clear error, never a traceback or a hang; large and deep files within bounds."""

from __future__ import annotations

import datetime
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orthancgen.audit.run import Report, audit, load_rules
from orthancgen.audit.subject import Subject
from orthancgen.errors import OrthancgenError
from orthancgen.foreign.read import read_target
from tests.support.audit_samples import BASE
from tests.support.proof import ProofFigures

SEED = 20261127
TODAY = datetime.date(2026, 6, 1)
CORPUS = Path(__file__).parents[2] / "corpus"
SUFFIXES = (
    ".json",
    ".yml",
    ".yaml",
    ".lua",
    ".nft",
    ".conf",
    ".rules",
    ".xml",
    ".cmd",
    ".ps1",
    ".tf",
    ".pem",
    ".env",
    "",
)
PIECES = (
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x1b[2J", "\u202e".encode(), "\u2028".encode()),
    *(
        b"\n",
        b"\r\n",
        b"\t",
        b'"',
        b"'",
        b"\\",
        b"/*",
        b"*/",
        b"//",
        b"--[[",
        b"]]",
        b"|\n",
        b">\n",
        b"%",
        b"- ",
        b"? ",
    ),
    *(b"{", b"}", b"[", b"]", b"{{", b"}}", b"${", b"${X:-", b"$$", b":", b",", b"&a ", b"*a", b"<<: *a"),
    *(b"!!python/object:os.system ", b"1e999", b"-0", b"0x", b"01", b"NaN", b"null", b"true", b"9" * 24),
    *(b"services:", b"image:", b"RegisteredUsers", b"DicomModalities", b"ORTHANC__", b"OnStoredInstance"),
    *(b"<!DOCTYPE x [", b"<a>", b"-A INPUT", b"table inet", b"-----BEGIN CERTIFICATE-----\n", b"\nserver {"),
    *(b"0.0.0.0/0", b"::/0"),
)
"""What breaks readers, in the middle of what they know."""


def originals() -> list[tuple[str, bytes]]:
    """Every file of the safe set-up and of the corpus: where mutations begin."""
    files = [path for folder in (BASE, CORPUS) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [(path.suffix, path.read_bytes()) for path in files if path.stat().st_size < 40_000]


def generated(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Suffix and content: mutations of real files, files under another suffix, and bytes of chance."""
    chance = random.Random(seed)
    known = originals()
    for number in range(count):
        suffix, content = chance.choice(known)
        if number % 10 == 0:
            content = chance.randbytes(chance.randrange(200))
        elif number % 10 == 1:
            content = b"".join(chance.choice(PIECES) for _ in range(chance.randrange(40)))
        else:
            content = mutated(content, chance)
        yield chance.choice(SUFFIXES) if chance.random() < 0.2 else suffix, content


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Some cuts, doublings, flips and hostile pieces."""
    for _ in range(chance.choice((1, 1, 2, 4, 12))):
        at = chance.randrange(len(content) + 1)
        end = min(len(content), at + chance.choice((0, 1, 3, 20, 200)))
        middle = chance.choice(
            (b"", content[at:end] * 2, chance.choice(PIECES), bytes([chance.randrange(256)]) + content[at + 1 : end])
        )
        content = content[:at] + middle + (content[end:] if chance.random() < 0.9 else b"")
    return content


def judged(path: Path) -> Report | None:
    """The report on one file; None where it is refused in words."""
    try:
        report = audit(Subject(read_target([path], today=TODAY), today=TODAY), RULES)
    except OrthancgenError:
        return None
    for finding in report.findings:
        assert finding.message
        assert finding.message.isprintable(), repr(finding.message)
    for problem in report.problems:
        assert problem.message
    return report


RULES = load_rules()


def run(count: int, seed: int, folder: Path) -> tuple[int, int, int]:
    """Files with findings, files with problems alone, files refused."""
    found = problems = refused = 0
    for suffix, content in generated(count, seed):
        path = folder / f"input{suffix}"
        path.write_bytes(content)
        report = judged(path)
        path.unlink()
        refused += report is None
        found += report is not None and bool(report.findings)
        problems += report is not None and not report.findings and bool(report.problems)
    return found, problems, refused


def test_some_files(tmp_path: Path) -> None:
    found, problems, refused = run(600, SEED, tmp_path)
    assert found > 100, "most of what is left of a set-up is judged"
    assert problems + refused > 10


@pytest.mark.proof
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_files(tmp_path: Path, proof_figures: ProofFigures) -> None:
    count = 100_000
    found, problems, refused = run(count, SEED + 1, tmp_path)
    proof_figures(
        "files of any bytes, and mutations of real set-ups, given to `audit`",
        count,
        f"no traceback, no hang: {found} with findings, {problems} with problems of the file alone, {refused} refused",
    )


def bomb() -> bytes:
    """Aliases of aliases: three times as much with each line."""
    lines = [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    return "\n".join(["a0: &a0 [x]", *lines, "services: {o: {image: orthancteam/orthanc, x: *a39}}"]).encode()


NFT = b"table inet x { chain input { type filter hook input priority 0; policy drop; "
LARGE: dict[str, Callable[[], bytes]] = {
    "deep.json": lambda: b"[" * 5_000_000 + b"]" * 5_000_000,
    "deep-objects.json": lambda: b'{"a":' * 2_000_000 + b"1",
    "one-string.json": lambda: b'{"Name": "' + b"x" * 10_000_000 + b'"}',
    "many-keys.json": lambda: b'{"Name": "x",' + b",".join(b'"k%d": 1' % n for n in range(300_000)) + b"}",
    "comments.json": lambda: b'{"Name": "x"}' + b"// a remark\n" * 800_000,
    "deep.yml": lambda: b"services: " + b"[" * 5_000_000,
    "aliases.yml": bomb,
    "many-services.yml": lambda: b"services:\n" + b"".join(b"  s%d: {image: 'a:1'}\n" % n for n in range(300_000)),
    "long.lua": lambda: b"function OnStoredInstance() " + b"HttpPost('http://x', 'y') " * 380_000 + b"end",
    "deep.lua": lambda: b"return " + b"(" * 10_000_000,
    "long.nft": lambda: NFT + b"tcp dport 22 accept\n" * 400_000 + b"} }",
    "deep.conf": lambda: b"http { " + b"server { " * 1_000_000,
    "long.pem": lambda: b"-----BEGIN CERTIFICATE-----\n" + b"QUJD" * 2_500_000 + b"\n-----END CERTIFICATE-----\n",
}
LIMIT_BYTES = 2 << 30
LIMIT_SECONDS = 120

_CHILD = """
import sys
from tests.unit.audit.test_any_bytes import judged
from pathlib import Path
report = judged(Path(sys.argv[1]))
print("refused" if report is None else f"{len(report.findings)} findings, {len(report.problems)} problems")
"""


@pytest.mark.parametrize("name", LARGE)
def test_large_and_deep_files_are_judged_or_refused_within_bounds(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(LARGE[name]())

    def bounded() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_SECONDS, LIMIT_SECONDS))

    done = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)], capture_output=True, text=True, preexec_fn=bounded,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert done.returncode == 0, (done.returncode, done.stderr[-1000:])
    assert done.stdout.strip()
