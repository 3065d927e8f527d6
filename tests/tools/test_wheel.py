"""The wheel holds everything: installed into an empty environment, it renders a golden bundle far from the checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from orthancgen.runtimes.native import apps

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_it_holds_the_data_and_nothing_of_the_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "orthancgen/templates/supervisord.conf.j2",
        "orthancgen/templates/orthanc/orthancgen.lua.j2",
        "orthancgen/environments/dev.yaml",
        "orthancgen/orthanc/keys/core.json",
        "orthancgen/stack/images/backend/Dockerfile",
        "orthancgen/stack/backend/.npmrc",
        "orthancgen/py.typed",
    ):
        assert needed in names
    assert not [name for name in names if name.startswith("tests") or "node_modules" in name or name.endswith(".pyc")]


def test_it_renders_a_golden_bundle(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    site_packages = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(site_packages)
    # The dependencies are those of this environment. Its own .pth files, and so the checkout, stay out.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    work = tmp_path / "work"
    work.mkdir()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(python), "-P", "-m", "orthancgen", *arguments]
        return subprocess.run(command, cwd=work, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True)

    where = subprocess.run(
        [str(python), "-P", "-c", "import orthancgen; print(orthancgen.__file__)"],
        cwd=work,
        capture_output=True,
        text=True,
    )
    assert where.stdout.strip() == str(site_packages / "orthancgen" / "__init__.py")
    done = run("init")
    assert done.returncode == 0, done.stderr
    (work / "prod.yaml").write_text("extends: environments/prod.yaml\northanc: {version: 1.13.0}\n")
    done = run("render", "prod.yaml", "-o", "out")
    assert done.returncode == 0, done.stderr
    golden = GOLDEN / "prod-1.13.0"
    expected = {str(path.relative_to(golden)): path.read_bytes() for path in golden.rglob("*") if path.is_file()}
    rendered = {
        str(path.relative_to(work / "out")): path.read_bytes() for path in (work / "out").rglob("*") if path.is_file()
    }
    assert rendered == expected


def test_its_programs_are_those_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    """What `orthancgen apps` builds in a checkout is found by a host that has the wheel."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    for name in apps.APPS:
        checkout, installed = ROOT / "stack" / name, tmp_path / "orthancgen" / "stack" / name
        assert apps.fingerprint(installed) == apps.fingerprint(checkout)
