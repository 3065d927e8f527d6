"""The rendered stack of an environment on a real swarm: deployed as docs/scale.md says, and asked what it holds."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from orthancgen.dicom.peer import Peer, Timeouts
from orthancgen.runtimes.state import VARIABLE
from tests.support.images import TestImages
from tests.support.swarm import Node, Swarm

NAME: Final = "prod"
STACK: Final = f"orthancgen-{NAME}"
ROOT: Final = Path(__file__).parents[2]
DICOM_PORT: Final = 4242
_COMMANDS: Final = re.findall(r"```sh\n(orthancgen render .*?)```", (ROOT / "docs/scale.md").read_text(), re.DOTALL)[0]
_TIMEOUTS: Final = Timeouts(connect=3.0, association=5.0, command=20.0)
_RECORDS: Final = """
import json, pathlib, pymongo
secret = pathlib.Path("/run/secrets/database_root_password").read_text().strip()
client = pymongo.MongoClient("127.0.0.1", 27017, username="orthancgen_root", password=secret, directConnection=True)
found = client["orthancgen"]["instances"].find({}, {"sop_instance_uid": 1})
print(json.dumps([one["sop_instance_uid"] for one in found]))
"""


class Stack:
    """An archive on several nodes.

    Args:
        swarm: where it runs.
        folder: of its environment, its bundle and its state.
        images: what its containers run.
        postgres: the image of PostgreSQL.
    """

    def __init__(self, swarm: Swarm, folder: Path, images: TestImages, postgres: str) -> None:
        self.swarm, self.folder = swarm, folder
        self.storage = folder / "images"
        self.storage.mkdir()
        os.chown(self.storage, 999, 999)
        (folder / "environments").mkdir()
        stored = {"storage": {"path": str(self.storage)}}
        self._document: dict[str, Any] = {
            "environment": NAME,
            "kind": "production",
            "orthanc": {"aet": "ARCHIVE", "version": images.orthanc_new_version, **stored},
            "dicom": {"port": DICOM_PORT, "ae_checks": {"calling_aet": "registered_from_own_address"}},
            "modalities": {"ct1": {"aet": "CT1", "address": swarm.outside, "port": 104, "may": ["echo", "store"]}},
            "http": {"listen_on": "0.0.0.0", "tls": {"enabled": True}},
            "certificates": {"names": [node.address for node in swarm.nodes]},
            "network": {"managed_from": [f"{swarm.outside}/32"]},
            "users": {"admin": {"role": "administrator", "password": {"secret": "admin_password"}}},
            "runtime": "swarm",
            "scale": {
                "orthancs": 2,
                "backends": 3,
                "index": "postgresql",
                "storage": "shared_folder",
                # The kernel of the machine that runs the tests may have no ESP.
                "encrypt_networks": False,
            },
            "images": {
                "orthanc": images.orthanc_new,
                "mongo": images.mongo,
                "postgres": postgres,
                "backend": images.backend,
                "gateway": images.gateway,
            },
        }
        (folder / "environments" / f"{NAME}.yaml").write_text(yaml.safe_dump(self._document))

    def images(self) -> list[str]:
        """What every node must have."""
        return list(self._document["images"].values())

    def _variables(self, **more: str) -> dict[str, str]:
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        state = {VARIABLE: str(self.folder / "state")}
        return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **state, **more}

    def orthancgen(self, *arguments: str) -> str:
        """What a verb prints."""
        command = [sys.executable, "-m", "tests.support.command", *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=self.folder, env=self._variables()
        ).stdout

    def deploy(self, manager: Node, database: Node) -> None:
        """The commands of docs/scale.md as they stand, with the node of the databases named."""
        commands = re.sub(r"\bNODE\b", database.name, _COMMANDS)
        done = subprocess.run(
            ["sh", "-e"], input=commands, capture_output=True, text=True, cwd=self.folder,
            env=self._variables(DOCKER_HOST=manager.host),
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def wanted(self) -> Counter[str]:
        """Service -> how many of it there shall be; without the one that ends when its work is done."""
        services = yaml.safe_load((self.folder / "bundle/swarm/stack.yaml").read_text())["services"]
        services.pop("database-account")
        return Counter({name: one["deploy"]["replicas"] for name, one in services.items()})

    def running(self, manager: Node, *, without: str | None = None) -> Counter[str]:
        """Service -> how many of it are well, of those that are wanted; those of one node may be left out.

        While the database's account is made, the service that makes it is one of them.
        """
        return Counter(task.service for task in self.swarm.tasks(manager, STACK) if task.well and task.node != without)

    def nodes_of(self, manager: Node, service: str) -> list[Node]:
        """The nodes on which a service is well."""
        names = [task.node for task in self.swarm.tasks(manager, STACK) if task.service == service and task.well]
        return [node for node in self.swarm.nodes if node.name in names]

    def peers(self) -> list[Peer]:
        """Every node, as a device has them in its list."""
        return [
            Peer(node.address, DICOM_PORT, "ARCHIVE", "CT1", source_address=self.swarm.outside, timeouts=_TIMEOUTS)
            for node in self.swarm.nodes
        ]

    def orthanc(self, node: Node, *, seconds: float = 60) -> httpx.Client:
        """Orthanc's REST API through the gateway of a node, for callers with so much patience."""
        context = ssl.create_default_context(cadata=self.orthancgen("certs", "ca", NAME, "--authority", "https"))
        password = self.orthancgen("secrets", "show", NAME, "admin_password").strip()
        login = ("admin", password)
        url = f"https://{node.address}:8042"
        return httpx.Client(base_url=url, auth=login, verify=context, trust_env=False, timeout=seconds)

    def hold_index(self, node: Node) -> str:
        """Open a transaction from a node, as from its Orthanc, that locks the whole index; the id of its container."""
        orthanc = node.container(f"{STACK}_orthanc")
        sql = "BEGIN; LOCK TABLE resources IN ACCESS EXCLUSIVE MODE; SELECT 'held';"
        client = f'(echo "{sql}"; sleep 3600) | psql --no-psqlrc -h postgresql -U orthanc orthanc'
        variables = self.folder / "index.env"
        variables.write_text(f"PGPASSWORD={self.orthancgen('secrets', 'show', NAME, 'postgresql_password')}")
        command = ["run", "--detach", "--network", f"container:{orthanc}", "--env-file", str(variables)]
        image = self._document["images"]["postgres"]
        return node.docker(*command, image, "sh", "-c", client).stdout.strip()

    def ask_index(self, database: Node, sql: str) -> str:
        """What PostgreSQL answers."""
        asked = ["psql", "--no-psqlrc", "-A", "-t", "-U", "orthanc", "-d", "orthanc", "-c", sql]
        return database.execute(f"{STACK}_postgresql", *asked).strip()

    def records(self, database: Node) -> list[str]:
        """The SOP Instance UIDs on record, in order; one that stands twice was recorded twice."""
        return sorted(json.loads(database.execute(f"{STACK}_database", "python3", "-c", _RECORDS)))
