"""A fleet for Ansible: hosts, an environment for each, and the controller that brings it there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

import yaml

from orthancgen.resources import locate
from tests.support.ansible_hosts import LOGIN, WHEELHOUSE, Ansible, Host, controller, prepare_hosts, running_hosts
from tests.support.engine import TestEngine

SITES: Final = ("site-a", "site-b", "site-c")
PASSWORD: Final = "of the vault: 1234567890"
OWN_ADDRESS: Final = {"calling_aet": "registered_from_own_address", "anyone_may": []}
HEALTHY: Final = {"database": True, "orthanc": True, "backend": True}


class Fleet:
    """Hosts, each with an environment of its name, and the controller that brings it there."""

    def __init__(self, ansible: Ansible, hosts: Mapping[str, Host]) -> None:
        self.ansible, self.hosts = ansible, hosts
        said = {name: host.run("Orthanc", "--version") for name, host in hosts.items()}
        self.versions = {name: text.split("Orthanc ")[1].split()[0] for name, text in said.items()}
        self.controller = next(iter(hosts.values())).gateway()
        names = list(hosts)
        self.neighbours = dict(zip(names, [*names[1:], names[0]], strict=True))
        for name in hosts:
            self.write(name)
        ansible.orthancgen("inventory", *(f"{name}.yaml" for name in hosts), "-o", "hosts.yaml")
        variables = {
            "orthancgen_wheel": str(ansible.wheel),
            "orthancgen_apps": str(ansible.apps),
            "orthancgen_wheelhouse": WHEELHOUSE,
            "orthancgen_health_seconds": 180,
            "orthancgen_secrets": {"orthanc_password": PASSWORD},
            "orthancgen_verify_from": [
                {"host": "localhost", "modality": "controller"},
                {"host": "{{ neighbours[inventory_hostname] }}", "modality": "neighbour"},
            ],
            "neighbours": self.neighbours,
        }
        ansible.keep_in_vault(variables)

    def write(self, name: str, **changes: Any) -> None:
        """Write the environment of a host; `dicom` and `orthanc` are completed by what is given, others replaced."""
        beside = self.neighbours[name]
        document = {
            "extends": str(locate("environments") / "dev.yaml"),
            "environment": name,
            "orthanc": {"version": self.versions[name], **changes.get("orthanc", {})},
            "dicom": {"ae_checks": OWN_ADDRESS, **changes.get("dicom", {})},
            "viewer": {"enabled": False},  # it takes a while to build
            "modalities": {
                "controller": {"aet": "CONTROLLER", "address": self.controller, "may": ["echo"]},
                "neighbour": {"aet": "NEIGHBOUR", "address": self.hosts[beside].address, "may": ["echo", "store"]},
            },
            "secrets": {"orthanc_password": {"file": "/etc/orthancgen-secrets/orthanc_password"}},
            "deployment": {"host": self.hosts[name].address, "user": LOGIN, "supervisor_under": "systemd"},
        }
        document |= {key: value for key, value in changes.items() if key not in {"dicom", "orthanc"}}
        (self.ansible.folder / f"{name}.yaml").write_text(yaml.safe_dump(document))

    def impatient(self, name: str) -> AbstractContextManager[None]:
        """Wait for a service of this host a few seconds only, where it is known that it will not get healthy."""
        return self.ansible.host_variables(name, orthancgen_health_seconds=4)

    def services(self, name: str) -> dict[str, bool]:
        """Which services of a host are healthy."""
        return self.hosts[name].services()

    def told(self, name: str, *verb: str, check: bool = True) -> str:
        """What the orthancgen of a host prints for a verb; ENV among its words stands for the environment."""
        release = f"/etc/orthancgen/{name}/current"
        words = [f"{release}/{name}.yaml" if word == "ENV" else word for word in verb]
        return self.hosts[name].run(f"{release}/tool/bin/orthancgen", *words, check=check)

    def inside(self, name: str, command: str) -> set[str]:
        """The words that a command prints which sees what the services of a host see."""
        enter = f"nsenter --mount --target $(systemctl show --property MainPID --value orthancgen-{name}.service)"
        return set(self.hosts[name].run("sh", "-c", f"{enter} {command}").split())

    def exposure(self, name: str) -> float:
        """What `systemd-analyze security` gives to the unit of a host: 0 is best, 10 worst."""
        said = self.hosts[name].run("systemd-analyze", "security", "--no-pager", f"orthancgen-{name}.service")
        return float(said.rsplit("level for", 1)[1].split(": ")[1].split()[0])

    def systemd(self, name: str) -> str:
        """The version of systemd of a host."""
        return self.hosts[name].run("systemctl", "--version").split()[1]

    def system(self, name: str) -> str:
        """Name and version of the system of a host (os-release(5))."""
        return self.hosts[name].run("sh", "-c", '. /etc/os-release && echo "$PRETTY_NAME"').strip()

    def left(self, name: str) -> str:
        """Every path and command line on a host that a site which was taken away could have left."""
        folders = "/etc/systemd /etc/orthancgen /var/lib/orthancgen /opt/orthancgen/tools"
        return self.hosts[name].run("sh", "-c", f"find {folders}; cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'")

    def aet(self, name: str) -> str:
        """The AE title that the Orthanc of a host says it has."""
        path = f"/var/lib/orthancgen/{name}"
        said = self.hosts[name].run("/etc/orthancgen/" + name + "/current/tool/bin/python", "-c", _ASK, path)
        return str(json.loads(said)["DicomAet"])


_ASK: Final = """
import pathlib, sys, httpx
password = pathlib.Path(sys.argv[1], "secrets", "orthanc_password").read_text()
print(httpx.get("http://127.0.0.1:8042/system", auth=("orthanc", password)).raise_for_status().text)
"""


@contextmanager
def running_fleet(engine: TestEngine, suites: Mapping[str, str], *, whole: bool = False) -> Iterator[Fleet]:
    """A host for each name, with the suite of Debian that it has; removed at the end.

    With `whole`, what viewer and analysis need is brought there too.
    """
    with ThreadPoolExecutor(1) as pool:
        prepared = pool.submit(prepare_hosts, engine, set(suites.values()), analysis=whole)
        with controller(viewer=whole) as ansible:
            prepared.result()
            key = (ansible.folder / "key.pub").read_text().strip()
            with running_hosts(engine, suites, key, analysis=whole) as hosts:
                yield Fleet(ansible, hosts)
