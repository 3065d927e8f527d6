"""One environment of containers on the engine of the tests: production, with the images replaced."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import yaml

from orthancgen.cli.output import load_plan
from orthancgen.dicom.synthetic import PATIENT_NAME, ct_series
from orthancgen.plan.model import Plan
from orthancgen.release.model import Release
from orthancgen.release.store import ReleaseStore
from orthancgen.render.container_files import project_name
from orthancgen.resources import locate
from orthancgen.runtimes.access import Access
from orthancgen.runtimes.compose.access import access_of
from orthancgen.runtimes.compose.container import Container
from orthancgen.runtimes.compose.engine import Engine
from orthancgen.runtimes.state import State
from tests.support.engine import TestEngine
from tests.support.environments import holder_of
from tests.support.images import TestImages
from tests.support.native import COMMAND, Said

SERVICES = ("database", "orthanc", "backend", "gateway")


def write_images(folder: Path, name: str, count: int) -> None:
    """Images of a patient of their own, which is not the one that the proofs take away again."""
    folder.mkdir(exist_ok=True)
    patient = PATIENT_NAME.encode()
    for number, instance in enumerate(ct_series(name, datetime.now().astimezone(), count, rows=64, columns=64)):
        (folder / f"{number}.dcm").write_bytes(instance.data.replace(patient, b"KEPT".ljust(len(patient))))


class Contained:
    """An environment that extends production.

    Args:
        folder: of its file and, below `state`, of all that orthancgen keeps.
        engine: where it runs.
        images: what its containers run, instead of those that nobody can pull here.
        name: of the environment.
    """

    def __init__(self, folder: Path, engine: TestEngine, images: TestImages, name: str = "prod") -> None:
        self.folder, self.test_engine, self.images, self.name = folder, engine, images, name
        folder.mkdir(exist_ok=True, parents=True)
        self.file = folder / f"{name}.yaml"
        self.state_root = folder / "state"
        self.state = State(self.state_root / name)
        self.defaults: dict[str, Any] = {}
        self.write()

    def write(self, changes: Mapping[str, Any] | None = None) -> None:
        """Write the file: production with other images, and values at key paths changed."""
        document: dict[str, Any] = {
            "extends": str(locate("environments") / "prod.yaml"),
            "environment": self.name,
            "images": {
                "orthanc": self.images.orthanc_new,
                "mongo": self.images.mongo,
                "backend": self.images.backend,
                "gateway": self.images.gateway,
                "backup": self.images.backup,
            },
            # It has tests of its own: others start sooner without.
            "viewer": {"enabled": False},
            **self.defaults,
        }
        for path, value in (changes or {}).items():
            *sections, last = path.split(".")
            holder_of(document, sections)[last] = value
        self.file.write_text(yaml.safe_dump(document))

    def command(self, *verb: str) -> list[str]:
        """The argument list of a verb; ENV goes after its name, or after that of a group and its verb."""
        groups = {"certs", "secrets", "images"}
        head = 2 if verb[0] in groups else 1
        return [*COMMAND, *verb[:head], str(self.file), *verb[head:], "--state", str(self.state_root)]

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """The variables of a command."""
        return {**os.environ, **self.test_engine.environment, **(more or {})}

    def run(self, *verb: str, environ: Mapping[str, str] | None = None, code: int | None = 0) -> Said:
        """Run a verb to its end, and demand its exit code."""
        done = subprocess.run(
            self.command(*verb), capture_output=True, text=True, env=self.environ(environ), stdin=subprocess.DEVNULL,
            timeout=300,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        said = Said(done.returncode, done.stdout, done.stderr)
        assert code is None or said.code == code, said.all
        return said

    def start(self, *verb: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """A verb that runs beside the test."""
        return subprocess.Popen(
            self.command(*verb), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=self.environ(environ), stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def deploy(self, *options: str, code: int = 0, environ: Mapping[str, str] | None = None) -> Said:
        """Deploy without the proofs, and demand the exit code."""
        return self.run("deploy", "--no-verify", *options, environ=environ, code=code)

    def json(self, *verb: str, code: int | None = 0) -> Any:
        """What a verb prints with --json."""
        return json.loads(self.run(*verb, "--json", code=code).out)

    def plan(self) -> Plan:
        """The plan of the file as it is now."""
        return load_plan(str(self.file))[1]

    @cached_property
    def engine(self) -> Engine:
        """A connection to the engine, closed at the end."""
        return self.test_engine.connect(self.name)

    def containers(self) -> dict[str, Container]:
        """The containers by service."""
        return dict(self.engine.containers(project_name(self.name)))

    def ids(self) -> dict[str, str]:
        """Id of each container, all of which run."""
        found = self.containers()
        assert {one.status for one in found.values()} <= {"running"}, found
        return {name: one.id for name, one in found.items()}

    @property
    def releases(self) -> ReleaseStore:
        """What was deployed."""
        return ReleaseStore(self.state.root)

    def current(self) -> Release:
        """The release in use."""
        found = self.releases.current()
        assert found is not None
        return found

    def access(self, plan: Plan | None = None) -> Access:
        """How the services are reached."""
        return access_of(plan or self.plan(), self.state, self.engine)

    def orthanc(self) -> httpx.Client:
        """Orthanc's REST API through the gateway, as its administrator."""
        access = self.access()
        return httpx.Client(
            base_url=access.orthanc_url, auth=access.orthanc_login, verify=access.http_verify, trust_env=False,
            timeout=60,
        )  # fmt: skip

    def instances(self) -> set[str]:
        """Orthanc's ids of everything that is stored."""
        with self.orthanc() as client:
            return set(client.get("/instances").raise_for_status().json())

    def runs_release(self, release: Release) -> None:
        """Assert that every container is what that release wants: no mixture, nothing missing, none too many."""
        found = self.containers()
        assert set(found) == set(release.draft.digests)
        for name, container in found.items():
            mounts = {mount["Source"] for mount in container.attributes["Mounts"] if mount["Type"] == "bind"}
            folder = f"{self.state.root}/run/{name}/{release.draft.digests[name]}/"
            assert mounts, name
            assert all(source.startswith(folder) for source in mounts), (name, mounts, folder)
            assert container.image_id == release.draft.images[name].id
            assert container.status == "running"

    def end(self) -> None:
        """Remove everything of it from the engine, data included."""
        engine = self.engine
        engine.remove_project(project_name(self.name), stop_seconds=5)
        api = engine.client.api
        for container in api.containers(all=True, filters={"label": f"org.orthancgen.environment={self.name}"}):
            api.remove_container(container["Id"], force=True)
        for volume in engine.volumes(project_name(self.name)):
            api.remove_volume(volume, force=True)
        self.close()

    def close(self) -> None:
        """Close the connection to the engine."""
        self.engine.client.close()
