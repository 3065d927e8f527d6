"""A fleet for Ansible whose environments run in containers: hosts, images in a file, and the controller."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import yaml

from orthancgen.plan.images import own_image
from orthancgen.resources import locate
from orthancgen.runtimes.compose.images import exact_own_image
from tests.support.ansible_hosts import LOGIN, WHEELHOUSE, Ansible, Host, controller, prepare_hosts, running_hosts
from tests.support.engine import TestEngine
from tests.support.images import TestImages

SYSTEM: Final = "trixie-engine"
PASSWORD: Final = "of the vault: 1234567890"
SERVICES: Final = ("database", "orthanc", "backend", "viewer", "gateway")
OWN: Final = ("backend", "viewer", "gateway", "backup")
HEALTHY: Final = dict.fromkeys(SERVICES, True)
_IMAGES: Final = ("image", "ls", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}")
_SECRET: Final = "/etc/orthancgen-secrets/orthanc_password"


class ContainerFleet:
    """Hosts without a container engine, each with an environment of its name, which extends production.

    Args:
        ansible: the controller.
        hosts: by their names.
        images: what the environments name, on the tests' engine; the others are orthancgen's own, as in production.
    """

    def __init__(self, ansible: Ansible, hosts: Mapping[str, Host], images: TestImages) -> None:
        self.ansible, self.hosts = ansible, hosts
        self.images = {"orthanc": images.orthanc_new, "mongo": images.mongo}
        own = [name for image in OWN for name in (own_image(image), exact_own_image(image))]
        self.names = sorted([*self.images.values(), *own])
        self.controller = next(iter(hosts.values())).gateway()
        for name in hosts:
            self.write(name)
        ansible.orthancgen("inventory", *(f"{name}.yaml" for name in hosts), "-o", "hosts.yaml")
        variables = {
            "orthancgen_wheel": str(ansible.wheel),
            "orthancgen_wheelhouse": WHEELHOUSE,
            "orthancgen_images": "images.tar",
            "orthancgen_secrets": {"orthanc_password": PASSWORD},
        }
        ansible.keep_in_vault(variables)

    def write(self, name: str, **changes: Mapping[str, Any]) -> None:
        """Write the environment of a host; its sections are completed by what is given."""
        document: dict[str, dict[str, Any] | str] = {
            "extends": str(locate("environments") / "prod.yaml"),
            "environment": name,
            "images": {**self.images, **changes.pop("images", {})},
            # Modalities beside those of production.
            "modalities": {"controller": {"aet": "CONTROLLER", "address": self.controller, "may": ["echo"]}},
            "network": {"managed_from": [f"{self.controller}/32"], "firewall": ["nftables"]},
            "secrets": {"orthanc_password": {"file": _SECRET}},
            "deployment": {"host": self.hosts[name].address, "user": LOGIN},
            **{section: dict(one) for section, one in changes.items()},
        }
        (self.ansible.folder / f"{name}.yaml").write_text(yaml.safe_dump(document))

    def save(self, name: str, engine: TestEngine) -> list[dict[str, Any]]:
        """Write the archive of what the environment of a host needs; what is in it."""
        said = self.ansible.orthancgen(
            "images", "save", f"{name}.yaml", "-o", "images.tar", "--json", environ=engine.environment
        )
        found: list[dict[str, Any]] = json.loads(said)["images"]
        return found

    def services(self, name: str) -> dict[str, bool]:
        """Which services of a host are healthy."""
        return self.hosts[name].services()

    def docker(self, name: str, *arguments: str) -> list[str]:
        """The lines that a docker command prints on a host, sorted."""
        return sorted(self.hosts[name].run("docker", *arguments).splitlines())

    def things(self, name: str) -> dict[str, list[str]]:
        """Every container, network, volume and image of a host's engine."""
        return {
            "containers": self.docker(name, "ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Image}}"),
            "networks": self.docker(name, "network", "ls", "--no-trunc", "--format", "{{.ID}} {{.Name}}"),
            "volumes": self.docker(name, "volume", "ls", "--format", "{{.Name}}"),
            "images": self.docker(name, *_IMAGES),
        }

    def bundles(self, name: str) -> str:
        """The manifest of the bundle of each release that a host keeps."""
        root = f"/var/lib/orthancgen/{name}/releases"
        return self.hosts[name].run("sh", "-c", f"find {root} -name MANIFEST.json -exec cat {{}} +")

    def listed(self, engine: TestEngine) -> list[str]:
        """Name and id of each image of the tests' engine, as a host's engine lists them."""
        done = subprocess.run(
            ["docker", *_IMAGES], env={**os.environ, **engine.environment}, capture_output=True, text=True, check=True
        )
        return sorted(done.stdout.splitlines())

    def aet(self, name: str) -> str:
        """The AE title that the Orthanc of a host says it has, through its gateway."""
        python = f"/etc/orthancgen/{name}/current/tool/bin/python"
        return str(json.loads(self.hosts[name].run(python, "-c", _ASK, _SECRET))["DicomAet"])

    def reaches(self, name: str, target: str, port: int) -> bool:
        """Whether a host gets a connection to a port of another one."""
        address = self.hosts[target].address
        return self.hosts[name].run("python3", "-c", _CONNECT, address, str(port)).strip() == "open"

    def controller_reaches(self, target: str, port: int) -> bool:
        """Whether the controller does."""
        command = [sys.executable, "-c", _CONNECT, self.hosts[target].address, str(port)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "open"


_ASK: Final = """
import pathlib, ssl, sys, httpx
login = ("orthanc", pathlib.Path(sys.argv[1]).read_text().strip())
anyone = ssl._create_unverified_context()
print(httpx.get("https://127.0.0.1:8042/system", auth=login, verify=anyone).raise_for_status().text)
"""
_CONNECT: Final = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3).close()
    print("open")
except OSError:
    print("closed")
"""


@contextmanager
def running_container_fleet(
    engine: TestEngine, names: Sequence[str], images: TestImages, viewer: str
) -> Iterator[ContainerFleet]:
    """A host for each name, without an engine; and the images on the controller, in a file. Removed at the end."""
    prepare_hosts(engine, {SYSTEM})
    built = {"backend": images.backend, "viewer": viewer, "gateway": images.gateway, "backup": images.backup}
    for image, source in built.items():
        # Of the same sources, on another base: as if `orthancgen images build` had made them.
        for name in (own_image(image), exact_own_image(image)):
            repository, _, version = name.partition(":")
            engine.connect().client.api.tag(source, repository, version)
    with controller(with_apps=False) as ansible:
        key = (ansible.folder / "key.pub").read_text().strip()
        with running_hosts(engine, dict.fromkeys(names, SYSTEM), key) as hosts:
            yield ContainerFleet(ansible, hosts, images)
