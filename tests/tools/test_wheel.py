"""Wheel and sources hold everything: installed into an empty environment, they render the golden bundles far from here.

The wheel is installed with its pinned dependencies, as a user would; nothing of the checkout is on its path.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion

from orthancgen import __version__
from orthancgen.runtimes.native import apps
from scripts import bills, dist

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
NAMES = sorted(path.stem for path in GOLDEN.glob("*.yaml"))
TIME = "1700000000"


@dataclass(frozen=True)
class Built:
    """A wheel with its sources, and the Python of the environment into which it was installed."""

    wheel: Path
    sources: Path
    python: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("built")
    wheel, sources = dist.build(folder / "dist", time=TIME)
    return Built(wheel, sources, dist.install(wheel, folder / "venv"))


def names_in_wheel(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def names_in_sources(path: Path) -> list[str]:
    with tarfile.open(path) as archive:
        return [name.partition("/")[2] for name in archive.getnames()]


def test_they_hold_the_data_and_nothing_of_the_tests(built: Built) -> None:
    names = names_in_wheel(built.wheel)
    for needed in (
        "orthancgen/templates/supervisord.conf.j2",
        "orthancgen/templates/orthanc/orthancgen.lua.j2",
        "orthancgen/environments/dev.yaml",
        "orthancgen/orthanc/keys/core.json",
        "orthancgen/stack/images/backend/Dockerfile",
        "orthancgen/stack/backend/.npmrc",
        "orthancgen/stack/viewer/.npmrc",
        "orthancgen/py.typed",
    ):
        assert needed in names
    (version,) = {name.split(".data/")[0] for name in names if ".data/" in name}
    pages = {f"{version}.data/data/share/man/man1/{path.name}" for path in (ROOT / "man").glob("*.1")}
    assert pages <= set(names)
    assert f"{version}.data/data/share/orthancgen/ansible/galaxy.yml" in names
    sources = names_in_sources(built.sources)
    assert {"constraints.txt", "man/orthancgen.1", "environments/prod.yaml", "stack/backend/package.json"} <= {*sources}
    for name in (*names, *sources):
        assert not name.startswith("tests")
        assert "node_modules" not in name
        assert ".venv" not in name
        assert not name.endswith((".pyc", ".tsbuildinfo"))


def test_every_tracked_file_of_the_package_is_in_the_wheel(built: Built) -> None:
    command = ["git", "ls-files", "orthancgen", "templates", "environments"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    expected = {name if name.startswith("orthancgen/") else f"orthancgen/{name}" for name in tracked if name}
    assert expected - set(names_in_wheel(built.wheel)) == set()


def test_the_same_time_gives_the_same_bytes_also_from_the_sources(built: Built, tmp_path: Path) -> None:
    subprocess.run(["tar", "-xf", str(built.sources), "-C", str(tmp_path)], check=True)
    (unpacked,) = tmp_path.iterdir()
    wheel, sources = dist.build(tmp_path / "again", root=unpacked, time=TIME)
    assert wheel.read_bytes() == built.wheel.read_bytes()
    assert sources.read_bytes() == built.sources.read_bytes()


def run(built: Built, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": f"{built.python.parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


RENDER = """
import pathlib, sys
import orthancgen
for name in sys.argv[1:]:
    bundle = orthancgen.render(orthancgen.plan(orthancgen.load(f"golden/{name}.yaml")))
    for file in bundle.files:
        path = pathlib.Path("out", name, file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)
print(orthancgen.__file__)
"""


def test_it_renders_every_golden_bundle(built: Built, tmp_path: Path) -> None:
    assert run(built, tmp_path, "orthancgen", "init").returncode == 0
    (tmp_path / "golden").mkdir()
    for name in NAMES:
        text = (GOLDEN / f"{name}.yaml").read_text()
        # The environments that they extend are those that `init` wrote.
        (tmp_path / "golden" / f"{name}.yaml").write_text(text.replace("../../environments/", "../environments/"))
    done = run(built, tmp_path, str(built.python), "-P", "-c", RENDER, *NAMES)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(built.python.parents[1])
    for name in NAMES:
        assert files_below(tmp_path / "out" / name) == files_below(GOLDEN / name), name


STACK = """
from orthancgen.runtimes.compose.sources import OWN_IMAGES, build_files, fingerprint
for image in OWN_IMAGES.values():
    print(image.name, fingerprint(build_files(image)))
"""


def test_what_it_builds_for_a_site_is_that_of_the_checkout(built: Built, tmp_path: Path) -> None:
    done = run(built, tmp_path, str(built.python), "-P", "-c", STACK)
    assert done.returncode == 0, done.stderr
    here = subprocess.run([sys.executable, "-c", STACK], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == here.stdout
    assert len(done.stdout.splitlines()) > 4


def test_the_command_renders_checks_and_audits(built: Built, tmp_path: Path) -> None:
    assert run(built, tmp_path, "orthancgen", "init").returncode == 0
    (tmp_path / "prod.yaml").write_text("extends: environments/prod.yaml\northanc: {version: 1.13.0}\n")
    done = run(built, tmp_path, "orthancgen", "render", "prod.yaml", "-o", "out")
    assert done.returncode == 0, done.stderr
    assert files_below(tmp_path / "out") == files_below(GOLDEN / "prod-1.13.0")
    done = run(built, tmp_path, "orthancgen", "audit", "prod.yaml", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"]["low"] == 3


def test_uv_installs_it_as_a_tool_of_its_own(built: Built, tmp_path: Path) -> None:
    folders = {"UV_TOOL_DIR": str(tmp_path / "tools"), "UV_TOOL_BIN_DIR": str(tmp_path / "bin")}
    command = [sys.executable, "-m", "uv", "--quiet", "tool", "install", "--python", sys.executable]
    command += ["--constraints", str(dist.CONSTRAINTS), str(built.wheel)]
    done = subprocess.run(command, env=os.environ | folders, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    done = run(built, tmp_path, str(tmp_path / "bin" / "orthancgen"), "--version")
    assert done.stdout == f"orthancgen, version {__version__}\n"


def test_a_type_checker_of_a_program_sees_the_types(built: Built, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        "import orthancgen\n"
        "from orthancgen.errors import InputError\n"
        "try:\n"
        "    orthancgen.load('prod')\n"
        "except InputError as error:\n"
        "    for one in error.problems:\n"
        "        print(one.message, one.hint, one.severity, one.key_path, one.mark and one.mark.line)\n"
        "reveal_type(orthancgen.render(orthancgen.plan(orthancgen.load('prod'))))\n"
        "orthancgen.load(1)\n"
    )
    command = ["mypy", "--strict", f"--python-executable={built.python}", "--cache-dir=/dev/null", "program.py"]
    done = run(built, tmp_path, str(Path(sys.executable).parent / command[0]), *command[1:])
    assert 'Revealed type is "orthancgen.render.artifact.Bundle"' in done.stdout
    assert done.stdout.count("error:") == 1
    assert 'Argument 1 to "load" has incompatible type "int"' in done.stdout


def test_the_bill_names_what_is_installed(built: Built) -> None:
    text = bills.python_bill(built.python, ROOT)
    document = json.loads(text)
    pinned = {line.lower().replace("_", "-") for line in dist.CONSTRAINTS.read_text().splitlines()}
    named = {f"{one['name']}=={one['version']}".lower().replace("_", "-") for one in document["components"]}
    assert len(named) > 30
    assert named <= pinned
    assert not [one["name"] for one in document["components"] if not one.get("licenses")]
    assert str(ROOT) not in text


@pytest.mark.parametrize("name", bills.NPM)
def test_the_bill_names_what_a_program_of_npm_ships(name: str) -> None:
    document = json.loads(bills.npm_bill(name))
    wanted = json.loads((ROOT / "stack" / name / "package.json").read_text())
    named = {one["name"] for one in document["components"]}
    assert set(wanted["dependencies"]) <= named
    assert not set(wanted["devDependencies"]) & named - {"typescript"}
    assert ("@ohif/app" in named) == (name == "viewer")


def test_the_bill_of_the_analysis_names_what_its_constraints_say() -> None:
    sources = ROOT / "stack" / "analysis"
    document = json.loads(bills.python_bill(sources / ".venv" / "bin" / "python", sources))
    assert (document["metadata"]["component"]["name"], document["metadata"]["component"]["version"]) == (
        "orthancgen-analysis", __version__,
    )  # fmt: skip
    pinned = {line.lower().replace("_", "-") for line in (sources / "constraints.txt").read_text().splitlines()}
    named = {f"{one['name']}=={one['version']}".lower().replace("_", "-") for one in document["components"]}
    # A release is installed without these two, and without what only its tests need.
    assert {one for one in named - pinned if not one.startswith(("pip==", "setuptools=="))} == set()
    assert {"highdicom", "onnxruntime", "pydicom"} <= {one["name"] for one in document["components"]}


def test_a_bill_that_its_schema_refuses_is_not_written() -> None:
    with pytest.raises(ValueError, match="not CycloneDX 1"):
        bills.checked({"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 7}, SchemaVersion.V1_6)


def test_the_sums_are_those_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / dist.SUMS).write_text(dist.sums(tmp_path))
    assert dist.sums(tmp_path) == f"{hashlib.sha256(b'one').hexdigest()}  a\n"
    done = subprocess.run(["sha256sum", "--check", dist.SUMS], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0


def test_its_programs_are_those_of_the_checkout(built: Built, tmp_path: Path) -> None:
    """What `orthancgen apps` builds in a checkout is found by a host that has the wheel."""
    zipfile.ZipFile(built.wheel).extractall(tmp_path)
    for name in apps.APPS:
        checkout, installed = ROOT / "stack" / name, tmp_path / "orthancgen" / "stack" / name
        assert apps.fingerprint(name, installed) == apps.fingerprint(name, checkout)
