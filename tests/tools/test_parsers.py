"""The parsers of the real programs accept what is rendered and shipped."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orthancgen.resources import locate
from tests.support.servers import require_program

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden"
NATIVE = sorted(path.parent.name for path in GOLDEN.glob("*/supervisord.conf"))
LUA = GOLDEN / "prod-1.13.0" / "orthanc" / "orthancgen.lua"


def test_the_script_is_the_same_in_every_bundle() -> None:
    scripts = {path.read_bytes() for path in GOLDEN.glob("*/orthanc/orthancgen.lua")}
    assert scripts == {LUA.read_bytes()}


def test_luacheck_finds_nothing() -> None:
    luacheck = require_program("luacheck", "apt-get install lua-check")
    done = subprocess.run(
        [luacheck, "--config", str(ROOT / ".luacheckrc"), "--no-color", str(LUA)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", ["luac5.3", "luac5.1"])
def test_lua_compiles(name: str) -> None:
    luac = require_program(name, f"apt-get install {name.replace('luac', 'lua')}")  # Orthanc's own version is 5.3
    done = subprocess.run([luac, "-p", str(LUA)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_luacheck_would_find_a_mistake(tmp_path: Path) -> None:
    luacheck = require_program("luacheck", "apt-get install lua-check")
    wrong = tmp_path / "wrong.lua"
    wrong.write_text(LUA.read_text().replace("HttpPost(", "HtttpPost("))
    done = subprocess.run([luacheck, "--config", str(ROOT / ".luacheckrc"), str(wrong)], capture_output=True, text=True)
    assert done.returncode != 0
    assert "HtttpPost" in done.stdout


SUPERVISOR = """
import json, sys
from supervisor.options import ServerOptions
options = ServerOptions()
options.realize(args=["-c", sys.argv[1], "-n"])
groups = options.process_group_configs
print(json.dumps({
    "identifier": options.identifier,
    "programs": {p.name: [p.command, p.directory] for g in groups for p in g.process_configs},
}))
"""


@pytest.mark.parametrize("name", NATIVE)
def test_supervisor_reads_its_configuration(name: str, tmp_path: Path) -> None:
    for folder in ("etc/orthanc", "etc/backend", "etc/viewer", "etc/analysis", "log", "run", "data", "secrets"):
        (tmp_path / folder).mkdir(parents=True)
    conf = tmp_path / "etc" / "supervisord.conf"
    conf.write_bytes((GOLDEN / name / "supervisord.conf").read_bytes())
    programs = dict.fromkeys(re.findall(r"ENV_(ORTHANCGEN_\w+)", conf.read_text()), "/bin/true")
    variables = {"ORTHANCGEN_AUTOSTART": "false", "ORTHANCGEN_SOCKET": str(tmp_path / "s.sock")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SUPERVISOR, str(conf)],
        env={"PATH": os.environ["PATH"], **programs, **variables},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout.splitlines()[-1])
    assert read["identifier"] == f"orthancgen-{name.partition('-')[0]}"
    optional = {service for service in ("analysis", "viewer") if (GOLDEN / name / service).is_dir()}
    assert set(read["programs"]) == {"database", "orthanc", "backend"} | optional
    assert all("%" not in command for command, _ in read["programs"].values())


def test_the_environments_pass_yamllint() -> None:
    files = sorted(str(path) for path in locate("environments").glob("*.yaml"))
    done = subprocess.run([sys.executable, "-m", "yamllint", "-s", *files], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout
