"""Real servers on an original configuration and on its import: they say the same, and let in the same callers.

Ports, folders and the addresses of modalities are those of the test; all else is as it is written.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import pytest

from orthancgen.foreign.jsonc import parse as parse_json
from orthancgen.foreign.model import OrthancPart
from orthancgen.foreign.read import read_target
from orthancgen.importing.comments import own_lines
from orthancgen.importing.difference import Difference, differences
from orthancgen.importing.modalities import long_form
from orthancgen.importing.original import Original
from orthancgen.importing.result import Result, import_as
from orthancgen.orthanc.access import Call, Command
from orthancgen.orthanc.keys import Version
from orthancgen.plan.build import plan
from orthancgen.plan.model import Plan, Secret
from orthancgen.render.catalogue import render
from orthancgen.secrets.orthanc_file import orthanc_secret_document
from orthancgen.secrets.store import generate
from orthancgen.secrets.value import SecretValue
from orthancgen.site.load import validate
from orthancgen.site.tree import parse
from tests.corpus import Sample, edited, samples
from tests.support.admission import Credentials, ReleasedOrthanc, attempt, make_credentials, release, sample
from tests.support.native import native_root
from tests.support.proof import ProofFigures
from tests.support.servers import StartupError, free_port, port_answers

pytestmark = pytest.mark.live
VERSION: Final = Version(1, 10, 1)
READABLE: Final = [one for one in samples() if one.exit != 2]
SAMPLED: Final = Random(20261).sample([one.name for one in READABLE], 6)
COMMANDS: Final[tuple[Command, ...]] = ("echo", "store", "find")
_TLS_FOLDER: Final = "/etc/orthanc/tls"
MADE_BY_ORTHANC: Final = ("orthanc", "orthanc")
"""The user that Orthanc makes by itself where it asks for a login, and there is no user (before 1.13.0)."""
_OF_TESTS: Final = ("Name", "HttpPort", "DicomPort")
"""Keys of /system that are the tests' own."""
_ANSWER_OF: Final = {
    "DicomAet": "DicomAet",
    "AuthenticationEnabled": "IsHttpServerSecure",
    "RegisteredUsers": "IsHttpServerSecure",
}
"""Settings that are told to differ -> what of /system follows from them."""


class Started(ReleasedOrthanc):
    """An Orthanc on the files of a folder, as they are."""

    def __init__(
        self, folder: Path, ports: tuple[int, int], values: Mapping[str, Any], login: tuple[str, str],
        variables: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(release("installed"), folder, {"HttpPort": ports[0], "DicomPort": ports[1]})
        self.configuration = {**values, "HttpPort": ports[0], "DicomPort": ports[1]}
        self.login = login
        self.variables = variables or {}

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **self.variables}

    def command(self) -> list[str]:
        return [*self.release.command, str(self.folder / "configuration")]

    def _write_configuration(self) -> None:
        """It is written already."""

    def healthy(self) -> bool:
        if self.configuration.get("HttpServerEnabled", True) is False:
            return port_answers("127.0.0.1", self.dicom_port)
        return super().healthy()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, auth=self.login, timeout=60.0, trust_env=False)


@dataclass
class Pair:
    """An original and its import, not started yet."""

    sample: Sample
    part: OrthancPart
    result: Result
    original: Started
    imported: Started
    differences: tuple[Difference, ...]


# --- the original


def adapted(text: str, ports: tuple[int, int], folder: Path, credentials: Credentials) -> str:
    """A configuration with ports, folders and addresses that the test can use; nothing else is touched."""
    for key, port in zip(("HttpPort", "DicomPort"), ports, strict=True):
        text = re.sub(rf'("{key}"\s*:\s*(?:"|\$\{{\w+:-)?)\d+', rf"\g<1>{port}", text)
    for key in ("StorageDirectory", "IndexDirectory"):
        text = re.sub(rf'("{key}"\s*:\s*)"[^"]*"', rf'\g<1>"{folder / "storage"}"', text)
    text = text.replace("192.168.", "127.168.")
    for file, there in credentials_of(credentials).items():
        text = text.replace(f"{_TLS_FOLDER}/{file}", there)
    return re.sub(r'("(?:Plugins|LuaScripts)"\s*:\s*)\[([^\]]*)\]', lambda found: present(found, folder), text)


def present(found: re.Match[str], folder: Path) -> str:
    """The list of those files that there are on this machine."""
    files = re.findall(r'"([^"]+)"', found[2])
    return found[1] + json.dumps([file for file in files if (folder / "configuration" / file).exists()])


def credentials_of(credentials: Credentials) -> dict[str, str]:
    """Names of files that the set-ups use -> files of the test."""
    return {
        "orthanc.crt": str(credentials.server.certificate),
        "orthanc.key": str(credentials.server.key),
        "trusted.crt": str(credentials.trusted),
    }


def write_original(one: Sample, part: OrthancPart, folder: Path, ports: tuple[int, int], tls: Credentials) -> None:
    """The configuration in a folder of its own: the files as they are written, or what an image makes of them."""
    target = folder / "configuration"
    target.mkdir(parents=True)
    (folder / "storage").mkdir()
    here = folder.parent / "set-up"
    if one.contained:
        values = {**part.image_defaults, **part.tree.plain()}
        values |= tls.settings() if values.get("DicomTlsEnabled") else {}
        files = {"orthanc.json": json.dumps(values)}
    else:
        named = [here / name for name in one.files]
        paths = [path for name in named for path in ([name] if name.is_file() else name.glob("*.json"))]
        files = {path.name: path.read_bytes().decode() for path in paths}
        for script in here.glob("*.lua"):
            (target / script.name).write_bytes(script.read_bytes())
    written = "".join(files.values())
    missing: dict[str, Any] = {"HttpPort": ports[0], "DicomPort": ports[1]}
    missing |= dict.fromkeys(("StorageDirectory", "IndexDirectory"), str(folder / "storage"))
    absent = {key: value for key, value in missing.items() if not re.search(rf'"{key}"\s*:', written)}
    for name, text in files.items():
        (target / name).write_bytes(adapted(text, ports, folder, tls).encode())
    if absent:
        (target / "zz-of-the-test.json").write_text(json.dumps(absent))


# --- the import


def native_plan(result: Result) -> Plan:
    """The plan of the environment with programs of this host instead of containers, and addresses of the test."""
    environment = {
        key: value for key, value in result.imported.environment.items() if key not in ("images", "containers")
    }
    text = json.dumps({**environment, "runtime": "native"}).replace("192.168.", "127.168.")
    tree, problems = parse(text, "imported")
    assert tree is not None
    assert problems == []
    site, _, found = validate(tree)
    assert [problem.message for problem in found if problem.severity == "error"] == []
    assert site is not None
    return plan(site, VERSION)


def write_import(
    built: Plan, folder: Path, ports: tuple[int, int], secrets: Mapping[str, SecretValue], tls: Credentials
) -> None:
    """The rendered configuration and the file of its secrets, with the test's ports and folders."""
    target = folder / "configuration"
    target.mkdir(parents=True)
    (folder / "storage").mkdir()
    bundle = render(built)
    values = json.loads(bundle.file("orthanc/orthanc.json").content)
    values |= {"HttpPort": ports[0], "DicomPort": ports[1]}
    values |= dict.fromkeys(("StorageDirectory", "IndexDirectory"), str(folder / "storage"))
    if values["DicomTlsEnabled"]:
        values |= tls.settings()
    (target / "orthanc.json").write_text(json.dumps(values))
    (target / "orthancgen.lua").write_bytes(bundle.file("orthanc/orthancgen.lua").content)
    (target / "orthanc.secret.json").write_bytes(orthanc_secret_document(built, secrets))


def known(password: str, one: Sample) -> str:
    """The password, where it is a variable by the value that the test gives it."""
    return one.environment.get(password.strip("${}"), password)


def value_of(secret: Secret, result: Result, built: Plan, one: Sample) -> SecretValue:
    """The value of a secret: what was found, of a variable, or generated as a deploy would."""
    source = built.site.secrets.get(secret.name)
    if source is not None and source.env is not None:
        return SecretValue(one.environment[source.env])
    return result.imported.secrets.get(secret.name) or generate(secret.purpose)


def pair(one: Sample, folder: Path, credentials: Credentials) -> Pair:
    """Both configurations on disk."""
    paths = one.copied(folder / "set-up")
    target = read_target(paths, version=VERSION)
    part = target.orthancs[0]
    compose = next(iter(target.composes), None)
    result = import_as(part, name="x", compose=compose, folder=str(folder / "set-up"))
    built = native_plan(result)
    values = {**part.image_defaults, **part.tree.plain()}
    ports = [(free_port(), free_port()), (free_port(), free_port())]
    if values.get("HttpPort") == values.get("DicomPort", 4242):
        ports[0] = (ports[0][0], ports[0][0])
    write_original(one, part, folder / "original", ports[0], credentials)
    users = Original(part).values.get("RegisteredUsers")
    first = next(iter(users.items()), MADE_BY_ORTHANC) if isinstance(users, dict) else MADE_BY_ORTHANC
    original = Started(folder / "original", ports[0], values, (first[0], known(first[1], one)), one.environment)
    secrets = {s.name: value_of(s, result, built, one) for s in built.secrets}
    write_import(built, folder / "import", ports[1], secrets, credentials)
    account = next(account for account in built.accounts if account.role == "administrator")
    rendered = json.loads((folder / "import" / "configuration" / "orthanc.json").read_text())
    imported = Started(folder / "import", ports[1], rendered, (account.user, secrets[account.secret].reveal()))
    return Pair(one, part, result, original, imported, differences(part, built))


# --- what they say


def same_answers(two: Pair) -> int:
    """Compare what both servers say of themselves; how many answers were compared."""
    if two.original.configuration.get("HttpServerEnabled", True) is False:
        return 0
    system = [server.get("/system") for server in (two.original, two.imported)]
    told = {_ANSWER_OF[str(one.path[0])] for one in two.differences if one.path[0] in _ANSWER_OF}
    for answer in system:
        for key in (*_OF_TESTS, *told):
            answer.pop(key)
    assert system[0] == system[1]
    for path, key in (("/modalities?expand", "DicomModalities"), ("/peers?expand", "OrthancPeers")):
        before, after = (server.get(path) for server in (two.original, two.imported))
        before, after = without(before, key, two.differences), without(after, key, two.differences)
        assert before == after
    return 3


def without(answer: dict[str, Any], section: str, found: Sequence[Difference]) -> dict[str, Any]:
    """The answer without what is told to differ."""
    kept = {name: dict(entry) for name, entry in answer.items()}
    for one in found:
        if one.path[0] == section and len(one.path) > 1:
            name = str(one.path[1])
            if len(one.path) == 2:
                kept.pop(name, None)
                kept.pop(str(one.ours), None)
            elif name in kept:
                for key in (str(one.path[2]), f"{one.path[2]}Keys"):
                    kept[name].pop(key, None)
    return kept


def calls(two: Pair) -> Iterator[Call]:
    """Calls of registered callers from their own and from another address, and of an unknown one."""
    values = two.part.tree.plain()
    own = str(values.get("DicomAet", "ORTHANC"))[:16]
    tls = bool(values.get("DicomTlsEnabled"))
    entries = values.get("DicomModalities")
    known = [long for entry in (entries if isinstance(entries, dict) else {}).values() if (long := long_form(entry))]
    for entry in known[:4]:
        aet, host = str(entry.get("AET"))[:16].strip(), str(entry.get("Host")).replace("192.168.", "127.168.")
        at_home = host if re.fullmatch(r"127\.168\.\d+\.\d+", host) else "127.0.0.3"
        for command in COMMANDS:
            for address in (at_home, "127.0.0.9"):
                yield Call(aet, own, address, command, "trusted" if tls else "plain")
    for command in COMMANDS:
        yield Call("NOBODY", own, "127.0.0.9", command, "trusted" if tls else "plain")
    yield Call("NOBODY", "OTHER", "127.0.0.9", "echo", "trusted" if tls else "plain")


def same_callers(two: Pair, credentials: Credentials) -> int:
    """Call both servers; how many calls were compared."""
    count, different = 0, 0
    instance = sample()
    for call in calls(two):
        before = attempt(two.original, call, credentials, instance)
        aet = two.imported.configuration["DicomAet"]
        renamed = call if call.called_aet == "OTHER" else replace(call, called_aet=aet)
        after = attempt(two.imported, renamed, credentials, instance)
        count += 1
        if two.sample.admits == "same":
            assert before.allowed == after.allowed, (call, before, after)
            assert before.step == after.step or before.step == "connection", (call, before, after)
        elif before.allowed != after.allowed:
            different += 1
            assert after.allowed is (two.sample.admits == "more"), (call, before, after)
    assert (different > 0) is (two.sample.admits != "same")
    return count


@contextmanager
def both(two: Pair) -> Iterator[None]:
    with two.original, two.imported:
        yield


@pytest.fixture(scope="module")
def credentials(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    return make_credentials(tmp_path_factory.mktemp("credentials"))


def compare(one: Sample, folder: Path, credentials: Credentials) -> tuple[int, int]:
    """Start both and compare them, on other ports where somebody took one meanwhile; how many answers and calls."""
    for number in range(3):
        try:
            return compared(one, folder / str(number), credentials)
        except StartupError as error:
            if number == 2 or "already in use" not in str(error):
                raise
    raise AssertionError("not reached")


def compared(one: Sample, folder: Path, credentials: Credentials) -> tuple[int, int]:
    two = pair(one, folder, credentials)
    if not one.starts:
        with pytest.raises(StartupError):
            two.original.start()
        if not two.imported.configuration.get("SslEnabled"):  # Debian's Orthanc cannot serve HTTPS
            two.imported.start().stop()
        return 0, 0
    with both(two):
        return same_answers(two), same_callers(two, credentials)


@pytest.mark.parametrize("name", SAMPLED)
def test_a_sample_of_the_set_ups(name: str, tmp_path: Path, credentials: Credentials) -> None:
    compare(next(one for one in READABLE if one.name == name), tmp_path, credentials)


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_every_set_up(tmp_path: Path, credentials: Credentials, proof_figures: ProofFigures) -> None:
    answers = calls_made = started = 0
    for one in READABLE:
        found = compare(one, tmp_path / one.name, credentials)
        answers, calls_made, started = answers + found[0], calls_made + found[1], started + one.starts
    refused = len(READABLE) - started
    proof_figures(
        "set-ups started on the original and on the import, on Orthanc 1.10.1", started,
        f"{answers} answers of REST and {calls_made} DICOM calls: no difference that is not told; "
        f"{refused} more on which Orthanc does not start, and starts on the import",
    )  # fmt: skip


def test_an_import_is_deployed_and_its_users_log_in_as_before(tmp_path: Path) -> None:
    password, ports = "as long as it was before", (free_port(), free_port())
    original = {
        "DicomAet": "MOVED", "HttpPort": ports[0], "DicomPort": ports[1], "RegisteredUsers": {"anna": password},
        "DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False,
        "DicomModalities": {"me": ["ME", "127.0.0.1", 11112]},
    }  # fmt: skip
    (tmp_path / "orthanc.json").write_text(json.dumps(original))
    with native_root() as root:
        environment = dict(os.environ) | {"ORTHANCGEN_STATE": str(root / "state")}

        def run(*arguments: str) -> None:
            done = subprocess.run(
                [sys.executable, "-m", "orthancgen", *arguments], cwd=tmp_path, env=environment,
                capture_output=True, text=True, timeout=300,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            assert password not in done.stdout + done.stderr

        run("import", "orthanc.json", "--name", "moved")
        try:
            run("deploy", "moved")
            with httpx.Client(
                base_url=f"http://127.0.0.1:{ports[0]}", auth=("anna", password), trust_env=False
            ) as client:
                assert client.get("/system").raise_for_status().json()["DicomAet"] == "MOVED"
                assert list(client.get("/modalities").raise_for_status().json()) == ["me"]
        finally:
            run("down", "moved")


def test_comments_of_the_installed_orthanc_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "edits.yaml").write_text("[]")
    document = parse_json(edited(tmp_path / "edits.yaml"), "orthanc.json")
    assert len(document.comments) > 100
    assert [line for comment in document.comments for line in own_lines(comment)] == []
