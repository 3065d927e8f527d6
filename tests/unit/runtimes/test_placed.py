"""What is written for a cluster: each file that a service reads, for one user alone; and what is left to others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orthancgen.cli.secrets import secrets
from orthancgen.errors import DeployError, InputError
from orthancgen.plan.model import Plan
from orthancgen.render.container_files import mounts
from orthancgen.runtimes.placed import place_files
from orthancgen.runtimes.runtime import RENDERED_ALONE, RUNTIMES, runtime_of
from orthancgen.runtimes.state import State
from orthancgen.secrets.value import SecretValue
from orthancgen.site.model import Site
from tests.support.environments import MINIMAL, document
from tests.support.scaled import IMAGES, SMALL, WHOLE, kubernetes, swarm


def values(plan: Plan) -> dict[str, SecretValue]:
    return {one.name: SecretValue(f"value-of-{one.name}") for one in plan.secrets}


def test_each_service_has_its_files_alone(tmp_path: Path) -> None:
    plan = kubernetes(WHOLE)
    placed = place_files(plan, values(plan), tmp_path / "secrets")
    wanted = {f"{name}/{file.name}" for name, files in mounts(plan).items() for file in files}
    assert {path.relative_to(tmp_path / "secrets").as_posix() for path in placed} == wanted
    assert {path.stat().st_mode & 0o777 for path in placed} == {0o600}
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "secrets/.gitignore").read_text() == "*\n"


def test_orthanc_reads_the_login_of_its_index_beside_its_configuration(tmp_path: Path) -> None:
    plan = kubernetes(WHOLE)
    place_files(plan, values(plan), tmp_path)
    section = json.loads((tmp_path / "orthanc/orthanc.secret.json").read_text())["PostgreSQL"]
    assert section["Password"] == "value-of-postgresql_password"
    assert (section["Host"], section["Lock"], section["EnableIndex"]) == ("postgresql", False, True)
    alone = swarm(SMALL, scale={"index": "postgresql"})
    place_files(alone, values(alone), tmp_path / "alone")
    assert json.loads((tmp_path / "alone/orthanc/orthanc.secret.json").read_text())["PostgreSQL"]["Lock"] is True


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    plan = kubernetes(SMALL)
    (tmp_path / "file").touch()
    with pytest.raises(DeployError, match="cannot make"):
        place_files(plan, values(plan), tmp_path / "file/secrets")


def test_every_runtime_is_run_or_rendered_alone() -> None:
    assert {*RUNTIMES, *RENDERED_ALONE} == set(Site.model_fields["runtime"].annotation.__args__)  # type: ignore[union-attr]


@pytest.mark.parametrize("runtime", RENDERED_ALONE)
def test_what_is_rendered_alone_is_not_run(runtime: str, tmp_path: Path) -> None:
    plan = {"kubernetes": kubernetes, "swarm": swarm}[runtime](SMALL)
    with pytest.raises(InputError, match=f"runtime: {runtime}") as raised:
        runtime_of(plan, State(tmp_path), tmp_path / "dev.yaml")
    assert "docs/scale.md" in (raised.value.hint or "")


def test_the_command_makes_secrets_and_shows_none(tmp_path: Path) -> None:
    environment = tmp_path / "dev.yaml"
    environment.write_text(document(MINIMAL, {"runtime": "kubernetes", "images": dict(IMAGES)}))
    arguments = [str(environment), "--state", str(tmp_path / "state")]
    done = CliRunner().invoke(secrets, ["place", *arguments, "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    password = CliRunner().invoke(secrets, ["show", arguments[0], "admin_password", *arguments[1:]]).output.strip()
    assert len(password) > 20
    assert password in (tmp_path / "out/orthanc/orthanc.secret.json").read_text()
    assert password not in done.output
