"""The unit of systemd: what it says, what it cannot carry, and the variables beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from orthancgen.cli.output import load_plan
from orthancgen.errors import DeployError, RenderError, StartError
from orthancgen.plan.model import Plan
from orthancgen.render.catalogue import render
from orthancgen.resources import locate
from orthancgen.runtimes.native import systemd
from orthancgen.runtimes.native.snapshot import Snapshot
from orthancgen.runtimes.native.state import prepare
from orthancgen.runtimes.state import State
from orthancgen.secrets.store import SecretStore
from orthancgen.secrets.value import SecretValue
from orthancgen.site.deployment import Deployment


@pytest.fixture(scope="module")
def plan() -> Plan:
    built = load_plan(str(locate("environments") / "staging.yaml"))[1]
    return replace(built, site=built.site.model_copy(update={"deployment": deployment("systemd")}))


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder below which a socket of a state folder has a place, however deep the tests' own lies."""
    with TemporaryDirectory(prefix="s-") as folder:
        yield Path(folder)


def deployment(under: str) -> Deployment:
    return Deployment.model_validate({"supervisor_under": under})


def test_the_unit_closes_what_is_not_listed(plan: Plan) -> None:
    storage = plan.site.orthanc.model_copy(
        update={"storage": plan.site.orthanc.storage.model_copy(update={"path": "/srv/images"})}
    )
    elsewhere = replace(plan, site=plan.site.model_copy(update={"orthanc": storage}))
    text = systemd.unit_text(elsewhere, State(Path("/var/lib/orthancgen/staging")))
    said = re.findall(r"^([A-Za-z]+)=(.*)$", text, re.MULTILINE)
    assert ("ProtectSystem", "strict") in said
    assert ("NoNewPrivileges", "yes") in said
    root = "/var/lib/orthancgen/staging"
    writable = [value for key, value in said if key == "ReadWritePaths"]
    assert writable == [f"{root}/data", f"{root}/log", f"{root}/run", "/srv/images"]
    assert ("EnvironmentFile", f"{root}/run/supervisor.env") in said
    assert ("TemporaryFileSystem", f"{root}/secrets:ro") in said


def test_nothing_is_seen_of_what_a_deploy_keeps_to_go_back_to(plan: Plan, short: Path) -> None:
    state = State(short / "staging")
    prepare(state)
    (said,) = re.findall("^InaccessiblePaths=(.*)$", systemd.unit_text(plan, state), re.MULTILINE)
    hidden = {Path(word) for word in said.split()}
    store = SecretStore(state.secrets)
    assert {state.withheld, store.authorities} < hidden
    # systemd hides what is there when the unit starts: what is put into it later has no place of its own.
    assert state.withheld.is_dir()
    assert store.authorities.is_dir()
    assert store.next_folder.parent == Snapshot.take(state).folder.parent == state.withheld


@pytest.mark.parametrize("environment", ["staging-tls", "dev-analysis", "dev"])
def test_what_services_read_is_what_the_unit_is_handed(environment: str) -> None:
    file = locate("environments").parent / "tests" / "golden" / f"{environment}-1.13.0.yaml"
    built = load_plan(str(file))[1]
    site = built.site.model_copy(update={"deployment": deployment("systemd")})
    wanted = replace(built, site=site)
    text = systemd.unit_text(wanted, State(Path("/var/lib/x")))
    handed = set(re.findall(r"^LoadCredential=(\S+):/var/lib/x/secrets/\1$", text, re.MULTILINE))
    files = {file.path: file.content.decode() for file in render(wanted).files}
    folder = f"/run/credentials/orthancgen-{site.environment}.service/"
    read = {name for path in files if path.endswith(".json") for name in re.findall(f"{folder}([a-z_]+)", files[path])}
    assert handed == read
    shown = set(re.findall(r"^BindReadOnlyPaths=/var/lib/x/secrets/(\S+)$", text, re.MULTILINE))
    services = ("backend/backend.json", "viewer/viewer.json", "analysis/analysis.json", "orthanc/orthanc.json")
    assert shown - {"http_tls_authority"} == {
        name for path in services for name in re.findall(r"\.\./\.\./secrets/([a-z_]+)", files.get(path, ""))
    }


def test_a_secret_that_the_unit_keeps_starts_it_anew(plan: Plan) -> None:
    values = {one.name: SecretValue("a") for one in plan.secrets}
    before = systemd.unit_digest(plan, "text", values)
    assert systemd.unit_digest(plan, "text", values | {"operator_token": SecretValue("b")}) != before
    # Orthanc alone reads this one, from its configuration.
    assert systemd.unit_digest(plan, "text", values | {"orthanc_password": SecretValue("b")}) == before
    assert systemd.unit_digest(plan, "other", values) != before


@pytest.mark.parametrize("root", ["/var/lib/a b", "/var/lib/a$b", "/var/lib/a'b"])
def test_a_folder_that_a_unit_cannot_name_is_refused(plan: Plan, root: str) -> None:
    with pytest.raises(RenderError, match="a unit of systemd cannot carry"):
        systemd.unit_text(plan, State(Path(root)))


def test_values_of_variables_are_quoted_and_control_characters_refused() -> None:
    assert systemd._environment({"B": 'a "b" \\c', "A": ""}) == 'A=""\nB="a \\"b\\" \\\\c"\n'
    with pytest.raises(StartError, match="the variable A"):
        systemd._environment({"A": "a\nB=c"})


def test_a_host_without_systemd_is_told_so(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "_RUNNING", tmp_path / "none")
    with pytest.raises(DeployError, match="has no systemd"):
        systemd.require(plan)
    systemd.require(replace(plan, site=plan.site.model_copy(update={"deployment": deployment("nothing")})))


def test_the_unit_of_another_state_folder_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "UNIT_FOLDER", tmp_path)
    monkeypatch.setattr(systemd, "_RUNNING", tmp_path / "none")
    unit = tmp_path / "orthancgen-staging.service"
    unit.write_text("EnvironmentFile=/var/lib/orthancgen/staging/run/supervisor.env\n")
    systemd.forget(State(Path("/srv/states/staging")))
    assert unit.exists()
    systemd.forget(State(Path("/var/lib/orthancgen/staging")))
    assert not unit.exists()
