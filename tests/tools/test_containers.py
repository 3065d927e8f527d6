"""Compose, haproxy and the linters of both accept what is rendered for containers; each would refuse a fault."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.certificates import Authority
from tests.support.engine import compose_plugin
from tests.support.images import CACHE
from tests.support.servers import require_program

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden"
COMPOSE = sorted(path.parent.name for path in GOLDEN.glob("*/compose.yaml"))
SCRIPTS = sorted(str(path.relative_to(GOLDEN)) for path in GOLDEN.glob("*/*/*.sh") if path.parent.name != "firewall")
GATEWAYS = sorted(path.parents[1].name for path in GOLDEN.glob("*/gateway/haproxy.cfg"))


def compose_config(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What Compose makes of a compose file; it needs no engine for that."""
    return subprocess.run(
        [compose_plugin(), "-f", "compose.yaml", "--profile", "setup", "config", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables},
        capture_output=True,
        text=True,
    )


def test_there_are_compose_files() -> None:
    assert len(COMPOSE) == 7


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_reads_its_file(name: str) -> None:
    folder = GOLDEN / name
    done = compose_config(folder, "--format", "json", ORTHANCGEN_BACKEND="/srv/run/backend/1")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    read: dict[str, Any] = json.loads(done.stdout)
    assert read["name"] == f"orthancgen-{name.partition('-')[0]}"
    optional = {"analysis"} if (folder / "analysis").is_dir() else set()
    services = {"database", "database-account", "orthanc", "backend", "viewer", "gateway"} | optional
    assert set(read["services"]) == services
    folders = {
        service: {Path(m["source"]).parent for m in body["volumes"] if m["type"] == "bind"}
        for service, body in read["services"].items()
    }
    assert folders["orthanc"] == {folder / "orthanc"}
    assert folders["backend"] == {Path("/srv/run/backend/1")}
    assert read["secrets"]["backend-operator_token"]["file"] == "/srv/run/backend/1/secrets/operator_token"
    assert read["secrets"]["gateway-http_tls_certificate"]["file"].startswith(f"{folder}/gateway/secrets/")
    for service in read["services"].values():
        assert service["user"]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["mem_limit"] == service["memswap_limit"]


def test_compose_reads_the_file_of_the_proofs_by_the_clock() -> None:
    folder = GOLDEN / "watched-1.13.0" / "verify"
    refused = compose_config(folder, "--format", "json")
    assert "ORTHANCGEN_FROM" in refused.stderr
    done = compose_config(folder, "--format", "json", ORTHANCGEN_FROM="ct1", ORTHANCGEN_HOST="pacs.example")
    assert (done.returncode, done.stderr) == (0, "")
    service = json.loads(done.stdout)["services"]["verify"]
    assert service["command"][2:6] == ["--from", "ct1", "--host", "pacs.example"]
    assert [mount["source"] for mount in service["volumes"]] == [
        str(folder.parent / "site.json"), str(folder / "pem"), "/var/lib/prometheus/node-exporter",
    ]  # fmt: skip
    assert "secrets" not in json.loads(done.stdout)


def test_compose_would_refuse_a_fault_and_reads_no_variable_of_a_value(tmp_path: Path) -> None:
    document = yaml.safe_load((GOLDEN / "prod-plain-1.13.0" / "compose.yaml").read_text())
    driver = document["volumes"]["orthanc-storage"]["driver_opts"]
    # What Compose prints is a compose file again, with each dollar doubled.
    for written, printed in (("/srv/$${HOME}/$$x", "/srv/$${HOME}/$$x"), ("/srv/${HOME}", f"/srv/{tmp_path}")):
        driver["device"] = written
        (tmp_path / "compose.yaml").write_text(yaml.safe_dump(document))
        read = json.loads(compose_config(tmp_path, "--format", "json").stdout)
        assert read["volumes"]["orthanc-storage"]["driver_opts"]["device"] == printed
    document["services"]["orthanc"]["mem_limits"] = "1g"
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump(document))
    assert "mem_limits" in compose_config(tmp_path, "-q").stderr


@pytest.fixture(scope="module")
def dclint() -> Path:
    """The linter of compose files, installed once for each lock file."""
    npm = require_program("npm", "pip install 'orthancgen[native]'")
    lock = (HERE / "dclint" / "package-lock.json").read_bytes()
    folder = CACHE / f"dclint-{hashlib.sha256(lock).hexdigest()[:16]}"
    program = folder / "node_modules" / ".bin" / "dclint"
    if not program.exists():
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(HERE / "dclint", folder)
        done = subprocess.run([npm, "ci", "--no-progress"], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return program


def lint(dclint: Path, *files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([dclint, "--max-warnings", "0", *files], capture_output=True, text=True)


def test_dclint_finds_nothing(dclint: Path) -> None:
    done = lint(dclint, *(GOLDEN / name / "compose.yaml" for name in COMPOSE))
    assert done.returncode == 0, done.stdout


def test_dclint_would_find_a_fault(dclint: Path, tmp_path: Path) -> None:
    text = (GOLDEN / "prod-1.13.0" / "compose.yaml").read_text()
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(re.sub(r"image: mongo:\S+", "image: mongo", text))
    done = lint(dclint, wrong)
    assert done.returncode != 0
    assert "service-image-require-explicit-tag" in done.stdout


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A certificate with its key in one file, which is its own authority's as well."""
    authority = Authority(tmp_path / "authority")
    pair = authority.issue("gateway")
    path = tmp_path / "all.pem"
    path.write_bytes(pair.certificate.read_bytes() + pair.key.read_bytes() + authority.certificate.read_bytes())
    return path


def haproxy_check(configuration: str, pem: Path) -> subprocess.CompletedProcess[str]:
    """What haproxy says of a configuration, with one file for all certificates."""
    haproxy = require_program("haproxy", "apt-get install haproxy")
    path = pem.with_name("haproxy.cfg")
    path.write_text(re.sub(r"'/run/secrets/[a-z_]+'", f"'{pem}'", configuration))
    return subprocess.run([haproxy, "-c", "-f", path], capture_output=True, text=True)


@pytest.mark.parametrize("name", GATEWAYS)
def test_haproxy_reads_its_configuration(name: str, pem: Path) -> None:
    text = (GOLDEN / name / "gateway" / "haproxy.cfg").read_text()
    if name.startswith("kubernetes"):  # where a name has to be known from the start
        text = re.sub(r"(?m)^(  server \w+) (?:orthanc|backend|viewer):", r"\1 127.0.0.1:", text)
    done = haproxy_check(text, pem)
    assert done.returncode == 0, done.stderr
    # The name of a container is known to the engine alone.
    said = [line for line in done.stderr.splitlines() if "WARNING" in line]
    assert all(re.search("could not resolve address '(orthanc|backend|viewer)'", line) for line in said), said


def test_haproxy_would_refuse_a_fault(pem: Path) -> None:
    text = (GOLDEN / "prod-plain-1.13.0" / "gateway" / "haproxy.cfg").read_text()
    done = haproxy_check(text.replace("req.payload(26,16)", "req.payloads(26,16)"), pem)
    assert done.returncode != 0
    assert "req.payloads" in done.stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_finds_nothing(script: str) -> None:
    shellcheck = require_program("shellcheck", "apt-get install shellcheck")
    done = subprocess.run([shellcheck, GOLDEN / script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_shellcheck_would_find_a_fault(tmp_path: Path) -> None:
    shellcheck = require_program("shellcheck", "apt-get install shellcheck")
    wrong = tmp_path / "health.sh"
    wrong.write_text((GOLDEN / SCRIPTS[0]).read_text().replace("$length", "$lenght"))
    assert subprocess.run([shellcheck, wrong], capture_output=True).returncode != 0
